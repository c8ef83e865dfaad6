cdef double least_multipliers(Py_ssize_t n, Py_ssize_t heads, double* q, double* best, double* work) noexcept nogil
