from certify._core.structures cimport Iterate, Program, Scaling, System

cdef Py_ssize_t system_space(Program* program) noexcept nogil
cdef void lay_out_system(Program* program, double* numbers, Py_ssize_t* places, System* system) noexcept nogil
cdef void scale_at(Program* program, Iterate* at, Scaling* scaling) noexcept nogil
cdef bint factorize(Program* program, Iterate* at, Scaling* scaling, System* system) noexcept nogil
cdef void solve_system(System* system, double* rhs, double* dlam) noexcept nogil
