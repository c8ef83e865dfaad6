cdef double exp_of(double x) noexcept nogil
cdef double log_of(double x) noexcept nogil
cdef double log1p_of(double x) noexcept nogil
