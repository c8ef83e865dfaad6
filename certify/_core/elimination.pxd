from certify._core.structures cimport Program, Scaling, System

cdef Py_ssize_t elimination_space(Program* program) noexcept nogil
cdef void lay_out_elimination(Program* program, double* numbers, System* system) noexcept nogil
cdef bint add_vectors(Program* program, Scaling* scaling, System* system) noexcept nogil
cdef void eliminate(Program* program, System* system, double* rows) noexcept nogil
cdef void times_second(Program* program, System* system, double* rows, double* out) noexcept nogil
