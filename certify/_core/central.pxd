from certify._core.structures cimport Iterate, Program

cdef void central_start(Program* program, double mu, Iterate* at, double* D, double* work) noexcept nogil
