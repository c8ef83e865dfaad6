from certify._core.structures cimport Iterate, Program, Scaling, Step, System

cdef Py_ssize_t step_space(Program* program, Py_ssize_t padded) noexcept nogil
cdef void lay_out_step(Program* program, Py_ssize_t padded, double* numbers, Step* step) noexcept nogil
cdef double residuals_of(Program* program, Iterate* at, Iterate* out, double* D, double* work) noexcept nogil
cdef void direction(
    Program* program, Iterate* at, Scaling* scaling, System* system, Iterate* residuals, Step* step
) noexcept nogil
