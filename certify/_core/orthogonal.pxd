cdef double inner(Py_ssize_t n, double* x, double* y) noexcept nogil
cdef void subtract(Py_ssize_t n, double factor, double* x, double* y) noexcept nogil
cdef bint append(Py_ssize_t d, Py_ssize_t most, Py_ssize_t size, double* vector, double* basis, double* triangle,
                 double least) noexcept nogil
