cdef class Lists:
    cdef Py_ssize_t r, most_levels
    cdef bint finite
    cdef Py_ssize_t* sizes
    cdef Py_ssize_t* strides
    cdef Py_ssize_t* value_starts
    cdef Py_ssize_t* index_starts
    cdef Py_ssize_t value_room, index_room, scratch_room
    cdef double* values
    cdef int* indices
    cdef double* low
    cdef double* high
    cdef int* kept
    cdef double* column(self, Py_ssize_t level, Py_ssize_t k) noexcept nogil
    cdef fill(self, double[:, ::1] rows, double[:, ::1] v)
    cdef begin(self, int[::1] listed, double[:, ::1] rows, double[::1] lengths, double* v)
    cdef int start(self, double* rows, double* lengths, int* listed, Py_ssize_t count, double* v) noexcept nogil
    cdef void shrink(self, Py_ssize_t count) noexcept nogil
    cdef int reserve(self, Py_ssize_t level) noexcept nogil
    cdef Py_ssize_t sift(
        self, Py_ssize_t level, Py_ssize_t replaced, double margin, double* base, Py_ssize_t* moved
    ) noexcept nogil
    cdef Py_ssize_t descend(self, Py_ssize_t level, Py_ssize_t replaced, double margin, double* base) noexcept nogil
    cdef Py_ssize_t combine(self, Py_ssize_t level, Py_ssize_t replaced, double* alpha) noexcept nogil
    cdef void gated_sums(self, Py_ssize_t level, Py_ssize_t replaced, double* alpha, double* base, double* slopes) noexcept nogil
    cdef double raised_sum(self, Py_ssize_t level, Py_ssize_t replaced, double* alpha) noexcept nogil
    cdef void add_middle(self, Py_ssize_t level, Py_ssize_t a, Py_ssize_t b, double factor) noexcept nogil
    cdef double edge_loss(self, Py_ssize_t level, Py_ssize_t a, Py_ssize_t b) noexcept nogil

cdef double positive_sum(Py_ssize_t stride, double* values) noexcept nogil
cdef double masked_sum(Py_ssize_t stride, double* mask, double* values) noexcept nogil
