cdef bint eigh(Py_ssize_t n, double* a, double* values, double* vectors, double* work) noexcept nogil
cdef void orthogonalize_rows(Py_ssize_t n, Py_ssize_t m, double* w, double* turned) noexcept nogil
