from certify._core.pairs cimport PairBounds

cdef Py_ssize_t choose(PairBounds work, double* pair, double excess) noexcept nogil
cdef bint split(PairBounds work, double* pair, Py_ssize_t code, double* other) noexcept nogil
