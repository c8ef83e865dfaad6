from certify._core.lists cimport Lists

cdef class ConeBound:
    cdef Py_ssize_t r, most
    cdef Py_ssize_t heavy
    cdef double mass, radius
    cdef double* dual_scale
    cdef double* memory
    cdef Py_ssize_t* indices
    cdef double* columns
    cdef double* space
    cdef double* x
    cdef double* atoms
    cdef double* majorants
    cdef double* wall_scale
    cdef double* z
    cdef double* mixed
    cdef double* alpha
    cdef double* slopes
    cdef double value
    cdef double bound(
        self, double* v, double* walls, double* numbers, Lists plus, Py_ssize_t plus_level, Lists minus,
        Py_ssize_t minus_level, Py_ssize_t replaced, double enough, double hopeless
    ) noexcept nogil
    cdef void prepare(self, double* walls) noexcept nogil
    cdef double add_atom(self, Py_ssize_t j, double* gains, double* walls, double scale) noexcept nogil
    cdef void shortest(self, Py_ssize_t count, double* walls, double scale) noexcept nogil
    cdef bint find_maximiser(self, double* v, double* walls) noexcept nogil
