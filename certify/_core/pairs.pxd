from certify._core.cones_bound cimport ConeBound
from certify._core.lists cimport Lists

cdef class PairBounds:
    cdef Py_ssize_t r, k, n, size
    cdef double mass, mixing, value
    cdef double[:, ::1] rows
    cdef double[:, ::1] nu
    cdef double[::1] scale
    cdef Lists plus
    cdef Lists minus
    cdef ConeBound work
    cdef double* memory
    cdef double* at_v
    cdef double* weights
    cdef double* matrix
    cdef double* walls
    cdef double* u
    cdef double* where
    cdef double* gains
    cdef double* joint
    cdef Py_ssize_t* indices
    cdef bint inverse(self, Py_ssize_t size, double* v) noexcept nogil
    cdef void evaluate(self, double* v) noexcept nogil
    cdef void weigh(self, double* e) noexcept nogil
    cdef void sort_rows(self, double* gains) noexcept nogil
    cdef void gain_at(self, double* alpha, double* v) noexcept nogil
    cdef double bound(self, double* pair) noexcept nogil
    cdef double joint_bound(self, double* e, double* bounds) noexcept nogil
    cdef void first_slope(self, double* pair, Py_ssize_t l) noexcept nogil
