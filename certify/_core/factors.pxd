cdef void swap(Py_ssize_t n, double* x, double* y) noexcept nogil
cdef bint cholesky(Py_ssize_t n, double* a, Py_ssize_t row) noexcept nogil
cdef void solve_transposed(Py_ssize_t n, double* r, Py_ssize_t row, Py_ssize_t m, double* b, Py_ssize_t b_row) noexcept nogil
cdef void solve_upper(Py_ssize_t n, double* r, Py_ssize_t row, Py_ssize_t m, double* b, Py_ssize_t b_row) noexcept nogil
cdef bint eliminate(Py_ssize_t n, double* a, Py_ssize_t row, Py_ssize_t m, double* b, Py_ssize_t b_row) noexcept nogil
cdef double reflector(Py_ssize_t n, double* x) noexcept nogil
cdef void reflect(Py_ssize_t n, double* v, double tau, double* x) noexcept nogil
cdef void householder(Py_ssize_t m, Py_ssize_t n, double* columns, double* taus) noexcept nogil
cdef void form_columns(Py_ssize_t m, Py_ssize_t n, double* columns, double* taus, double* q) noexcept nogil
