from certify._core.lists cimport Lists

cdef Py_ssize_t choose_edge(Py_ssize_t r, double* v, double* alpha, Lists plus, Py_ssize_t level) noexcept nogil
cdef Py_ssize_t widest_edge(Py_ssize_t r, double* v) noexcept nogil
