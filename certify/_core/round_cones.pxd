cdef double margin(Py_ssize_t k, double* x) noexcept nogil
cdef void scale(Py_ssize_t m, Py_ssize_t k, double* s, double* z, double* w, double* eta, double* lam) noexcept nogil
cdef void divide(Py_ssize_t m, Py_ssize_t k, double* w, double* eta, double* x, double* out) noexcept nogil
cdef void correct(Py_ssize_t m, Py_ssize_t k, double* lam, double* a, double* b, double centre, double* out) noexcept nogil
cdef double lowest_rate(Py_ssize_t m, Py_ssize_t k, double* x, double* dx) noexcept nogil
