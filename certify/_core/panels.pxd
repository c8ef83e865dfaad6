cdef void add_products(Py_ssize_t k, Py_ssize_t panels, double* a, double* b, bint both, double* c, Py_ssize_t row) noexcept nogil
cdef bint factor(Py_ssize_t n, double* c, Py_ssize_t row, double* panel) noexcept nogil
