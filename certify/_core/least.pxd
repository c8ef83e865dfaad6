cdef Py_ssize_t least_space(Py_ssize_t count, Py_ssize_t width) noexcept nogil
cdef Py_ssize_t nonnegative_least_squares(
    Py_ssize_t width, double* columns, Py_ssize_t count, double* x, Py_ssize_t heavy,
    Py_ssize_t* indices, Py_ssize_t size, Py_ssize_t most, double* space
) noexcept nogil
cdef Py_ssize_t settle(
    Py_ssize_t width, double* columns, double* x, Py_ssize_t heavy, Py_ssize_t* indices,
    Py_ssize_t first, Py_ssize_t size, Py_ssize_t entering, Py_ssize_t most, double* space
) noexcept nogil
cdef Py_ssize_t majorant_space(Py_ssize_t r, Py_ssize_t most) noexcept nogil
cdef void shortest_majorant(
    Py_ssize_t r, double* p, double* atoms, Py_ssize_t count, double* walls, Py_ssize_t wall_count, double* dual_scale,
    double* weights, double* z, double* q, Py_ssize_t* indices, double* space
) noexcept nogil
