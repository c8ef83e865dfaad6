cdef class ProofGenerators:
    cdef Py_ssize_t r, P, count, room
    cdef double[:, ::1] plus
    cdef double[::1] linear
    cdef double* vectors
    cdef double* origins
    cdef double* heights
    cdef long long* odd
    cdef Py_ssize_t* power
    cdef Py_ssize_t* bits
    cdef Py_ssize_t* roundings
    cdef Py_ssize_t _place(self)
    cdef double height(self, double* v) noexcept nogil
    cdef tuple middle(self, Py_ssize_t x, Py_ssize_t y)
