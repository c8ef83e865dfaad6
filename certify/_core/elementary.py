"""exp, log and log(1 + x) whose results are the same, to the bit, on every processor (those of numpy and the C library are not: they
pick their code by the instructions that the processor has).

Argument reduction and polynomials are those of Sun's fdlibm (e_exp.c, e_log.c, s_log1p.c of 1993; K. C. Ng, "Argument Reduction
for Huge Arguments", and the error analysis in the heads of these files), with IEEE operations in the order written here. Each is
within one unit in the last place, of subnormal results within one of their own: far inside LIBM_ULPS of `certify/rounding.py`.
"""

import cython
from cython.cimports.libc.math import fabs, frexp, ldexp

if not cython.compiled:
    raise ImportError("certify's core is not compiled here: install the package, `pip install .`")

import numpy as np

# log 2 in two parts; the first has 21 zero bits at its end, so that its products with exponents are exact
LOG2_HIGH = cython.declare(cython.double, 6.93147180369123816490e-01)
LOG2_LOW = cython.declare(cython.double, 1.90821492927058770002e-10)
INFINITY = cython.declare(cython.double, float("inf"))


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def exp_of(x: cython.double) -> cython.double:
    """exp x = 2^k exp r with |r| <= log(2)/2, and exp r = 1 + 2 r / (R - r) for an even R, of which five terms are taken."""
    if x != x:
        return x
    if x > 709.782712893383973096:
        return INFINITY
    if x < -745.13321910194110842:
        return 0.0
    k: cython.int = 0
    high: cython.double = x
    low: cython.double = 0.0
    if fabs(x) > 0.34657359027997264:
        k = cython.cast(cython.int, 1.44269504088896338700 * x + (0.5 if x > 0 else -0.5))
        high = x - k * LOG2_HIGH
        low = k * LOG2_LOW
    r: cython.double = high - low
    t: cython.double = r * r
    c: cython.double = (
        t * (6.61375632143793436117e-05 + t * (-1.65339022054652515390e-06 + t * 4.13813679705723846039e-08))
        + -2.77777777770155933842e-03
    )
    c = r - t * (1.66666666666666019037e-01 + t * c)
    value: cython.double = 1.0 - ((low - (r * c) / (2.0 - c)) - high)
    return ldexp(value, k) if k else value


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def log_reduced(f: cython.double, k: cython.int, c: cython.double) -> cython.double:
    """log(1 + f) + k log 2 + c for sqrt(1/2) <= 1 + f <= sqrt(2) and a c that is tiny beside the sum.

    log(1 + f) = f - s (f - R) with s = f / (2 + f), R = a polynomial in s^2 of seven terms.
    """
    s: cython.double = f / (2.0 + f)
    z: cython.double = s * s
    w: cython.double = z * z
    even: cython.double = w * (3.999999999940941908e-01 + w * (2.222219843214978396e-01 + w * 1.531383769920937332e-01))
    odd: cython.double = z * (
        6.666666666666735130e-01
        + w * (2.857142874366239149e-01 + w * (1.818357216161805012e-01 + w * 1.479819860511658591e-01))
    )
    half: cython.double = 0.5 * f * f
    return k * LOG2_HIGH - ((half - (s * (half + (odd + even)) + (k * LOG2_LOW + c))) - f)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def log_of(x: cython.double) -> cython.double:
    """log x = log(1 + f) + k log 2, where x = 2^k (1 + f)."""
    if x != x or x == INFINITY:
        return x
    if x <= 0.0:
        return -INFINITY if x == 0.0 else INFINITY - INFINITY
    k: cython.int = 0
    m: cython.double = frexp(x, cython.address(k))
    if m < 0.70710678118654752440:
        m *= 2.0
        k -= 1
    return log_reduced(m - 1.0, k, 0.0)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def log1p_of(x: cython.double) -> cython.double:
    """log(1 + x) = log u + c/u, where u is 1 + x rounded and c what the rounding lost."""
    if x != x or x == INFINITY:
        return x
    if x <= -1.0:
        return -INFINITY if x == -1.0 else INFINITY - INFINITY
    if fabs(x) < 1.1102230246251565e-16:
        return x
    if -0.29289321881345254 < x < 0.41421356237309515:
        return log_reduced(x, 0, 0.0)
    u: cython.double = 1.0 + x
    c: cython.double = (1.0 - (u - x) if x >= 1.0 else x - (u - 1.0)) / u
    k: cython.int = 0
    m: cython.double = frexp(u, cython.address(k))
    if m < 0.70710678118654752440:
        m *= 2.0
        k -= 1
    return log_reduced(m - 1.0, k, c)


def exp(x):
    """exp of every entry."""
    values = np.array(x, dtype=np.float64, order="C")
    entries: cython.double[::1] = values.reshape(-1)
    i: cython.Py_ssize_t
    with cython.nogil:
        for i in range(entries.shape[0]):
            entries[i] = exp_of(entries[i])
    return values


def log(x):
    """The natural logarithm of every entry: -inf of zero, NaN of what is negative."""
    values = np.array(x, dtype=np.float64, order="C")
    entries: cython.double[::1] = values.reshape(-1)
    i: cython.Py_ssize_t
    with cython.nogil:
        for i in range(entries.shape[0]):
            entries[i] = log_of(entries[i])
    return values


def log1p(x):
    """log(1 + x) of every entry, accurate for small x too: -inf of -1, NaN of what is smaller."""
    values = np.array(x, dtype=np.float64, order="C")
    entries: cython.double[::1] = values.reshape(-1)
    i: cython.Py_ssize_t
    with cython.nogil:
        for i in range(entries.shape[0]):
            entries[i] = log1p_of(entries[i])
    return values
