cpdef double first_error(Py_ssize_t rows, Py_ssize_t r, double mixing) noexcept nogil
cpdef double mixing_error(Py_ssize_t count) noexcept nogil
cdef double sifting_error(Py_ssize_t moved) noexcept nogil
cdef double split_factor(Py_ssize_t r, double* x, double* y) noexcept nogil
cdef double exact_factor(Py_ssize_t r, double* x, double* y) noexcept nogil
cpdef double split_error(
    double factor, double error_a, double length_a, double error_b, double length_b, double length
) noexcept nogil
cdef double sign_margin(Py_ssize_t r, double* errors, double* lengths) noexcept nogil
cdef void mix(Py_ssize_t r, double* weights, double* slopes, Py_ssize_t count, double* mixed) noexcept nogil
cdef double depth_of_cone(Py_ssize_t r, double* v, double* walls, double* lengths, double* c) noexcept nogil
cdef double bound_by(
    Py_ssize_t r, double* z, double* v, double* lengths, double* gains, double* slopes, double* errors,
    double mass, double depth, double* dual_scale, double radius
) noexcept nogil
