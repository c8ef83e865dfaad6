cdef double dot(Py_ssize_t n, double* x, double* y) noexcept nogil
