cdef class ProofPoints:
    cdef Py_ssize_t r, Q, room
    cdef double[:, ::1] minus, lowering
    cdef object own, other
    cdef dict known
    cdef list points
    cdef double* slopes
    cdef double* point
    cdef Py_ssize_t number(self, double* u)
    cdef _add_slope(self, tuple point, Py_ssize_t number)
    cdef double _exactly(self, Py_ssize_t j, tuple point)

cdef list shifted(object steps, object own, object other)
