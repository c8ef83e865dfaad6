from certify._core.structures cimport Iterate, Multipliers, Program

cdef Py_ssize_t iterate_length(Program* program) noexcept nogil
cdef void lay_out(Program* program, double* numbers, Iterate* at) noexcept nogil
cdef void multiply(
    Py_ssize_t m, Py_ssize_t n, Py_ssize_t k, double* a, Py_ssize_t a_row, Py_ssize_t a_col, double* b, Py_ssize_t b_row,
    Py_ssize_t b_col, double* c
) noexcept nogil
cdef void quadratic_values(Program* program, double* Z, double* out, double* work) noexcept nogil
cdef void vectors_of(Program* program, double* Z, double* x, double* out) noexcept nogil
cdef void cone_points(
    Program* program, double* Z, double* roots, double* vectors, double constant, double* sr, double* sz, double* sl, double* work
) noexcept nogil
cdef void pairing(Program* program, double* zz, double* zl, double* out) noexcept nogil
cdef void adjoint_on_Z(Program* program, double* zr, double* D, double zb, double* out, double* work) noexcept nogil
cdef double primal_value(Program* program, double* Z, double* x, double* work) noexcept nogil
cdef double majorant_of(
    Program* program, double* zr, double* zz, double* zl, Multipliers* found, double* quadratic, double* D, double* work
) noexcept nogil
