from certify._core.proof_generators cimport ProofGenerators
from certify._core.proof_points cimport ProofPoints

cdef class ConeLeaves:
    cdef Py_ssize_t r, Q, kept, most, last_size
    cdef double level, reach, mass
    cdef ProofGenerators generators
    cdef ProofPoints points
    cdef double[:, ::1] minus
    cdef double[::1] scale, linear
    cdef object own, other
    cdef double *space, *V, *walls, *h, *slack, *room, *p, *z, *q, *alpha, *u, *atoms, *weights, *shares, *units, *least
    cdef Py_ssize_t *indices, *which, *last
    cdef _enter(self, tuple cone)
    cdef list attempt(self, tuple cone)
    cdef Py_ssize_t _middle(self)
    cdef bint _among(self, Py_ssize_t point, Py_ssize_t count) noexcept nogil
    cdef bint _direction(self)
    cdef void _keep(self, Py_ssize_t count, double* counts) noexcept nogil
    cdef bint _hopeless(self, double interpolated)
    cdef list _by_one_point(self, Py_ssize_t count)
    cdef double _size(self, double* z) noexcept nogil
    cdef list _rounded(self, Py_ssize_t count)
    cdef list _written(self, Py_ssize_t count, double* counts)
