cdef double dot(Py_ssize_t n, double* x, double* y) noexcept nogil
cdef void gemm(Py_ssize_t m, Py_ssize_t n, Py_ssize_t k, double* a, Py_ssize_t a_row, Py_ssize_t a_col,
               double* b, Py_ssize_t b_row, Py_ssize_t b_col, double* c, Py_ssize_t c_row) noexcept nogil
cdef void four_by_four(Py_ssize_t terms, double* a, Py_ssize_t a_row, Py_ssize_t a_col, double* panel, double* out) noexcept nogil
