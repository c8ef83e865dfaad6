"""Engine C for k outputs: how a pair of cones is split (docs/theory.md, section 9.7); what a pair is `pairs.py` says.

1 + a r + b is the edge (a, b) of u, 1 + r^2 + c k + d one of v.
"""

import cython
from cython.cimports.certify._core.cones_edge import widest_edge
from cython.cimports.certify._core.dense import dot
from cython.cimports.certify._core.pairs import PairBounds
from cython.cimports.certify._core.trusted import exact_factor, split_error, split_factor
from cython.cimports.libc.math import INFINITY, sqrt
from cython.cimports.libc.string import memcpy

_ACCOUNTABLE = cython.declare(cython.double, 0.5)  # of the excess
# a cone so much narrower than the other is not split: both have to shrink
_LAGGING = cython.declare(cython.double, 1e-2)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def choose(work: PairBounds, pair: cython.p_double, excess: cython.double) -> cython.Py_ssize_t:
    """The edge of u on which some single output loses most, where that accounts for the excess, else the widest edge of v; 0: none."""
    r: cython.Py_ssize_t = work.r
    k: cython.Py_ssize_t = work.k
    l: cython.Py_ssize_t
    worst: cython.Py_ssize_t = 0
    e: cython.p_double = pair + r * r
    losses: cython.p_double = e + k * k + 6 * r * k + k
    of_u: cython.Py_ssize_t
    widest: cython.Py_ssize_t
    of_v: cython.Py_ssize_t
    narrow: cython.bint
    for l in range(1, k):
        if losses[l] > losses[worst]:
            worst = l
    of_u = cython.cast(cython.Py_ssize_t, losses[k + worst])
    widest, of_v = widest_edge(r, pair), widest_edge(k, e)
    narrow = angle(r, pair, widest) < _LAGGING * angle(k, e, of_v)
    if k == 1 or (losses[worst] >= _ACCOUNTABLE * excess and not narrow):
        return 0 if of_u // r == of_u % r else 1 + of_u
    return 1 + r * r + of_v


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def angle(r: cython.Py_ssize_t, v: cython.p_double, edge: cython.Py_ssize_t) -> cython.double:
    """1 - cosine between the ends of an edge."""
    a: cython.p_double = v + edge // r * r
    b: cython.p_double = v + edge % r * r
    return 1.0 - dot(r, a, b) / sqrt(dot(r, a, a) * dot(r, b, b))


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def split(work: PairBounds, pair: cython.p_double, code: cython.Py_ssize_t, other: cython.p_double) -> cython.bint:
    """Both halves, the one that has lost the second end in `other`, visited first; False, and no change, where there is no middle."""
    r: cython.Py_ssize_t = work.r
    k: cython.Py_ssize_t = work.k
    of_u: cython.bint = code <= r * r
    width: cython.Py_ssize_t = r if of_u else k
    a: cython.Py_ssize_t = (code - 1 if of_u else code - 1 - r * r) // width
    b: cython.Py_ssize_t = (code - 1 if of_u else code - 1 - r * r) % width
    first: cython.p_double = pair if of_u else pair + r * r
    factor: cython.double
    if of_u:
        factor = split_factor(r, first + a * r, first + b * r)
    else:
        factor = exact_factor(k, first + a * k, first + b * k)
    if a == b or factor == 0.0:
        return False
    memcpy(other, pair, work.size * cython.sizeof(cython.double))
    if of_u:
        replace_u(work, other, b, a, factor)
        replace_u(work, pair, a, b, factor)
    else:
        replace_v(work, other, b, a, factor)
        replace_v(work, pair, a, b, factor)
    return True


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def replace_u(
    work: PairBounds, pair: cython.p_double, gone: cython.Py_ssize_t, stays: cython.Py_ssize_t, factor: cython.double
) -> cython.void:
    """v_gone replaced by the middle of an edge: slopes are linear, all else is to be found anew."""
    r: cython.Py_ssize_t = work.r
    j: cython.Py_ssize_t
    l: cython.Py_ssize_t
    own: cython.p_double = pair + r * r + work.k * work.k
    bounds: cython.p_double = own + 6 * r * work.k
    length: cython.double
    for j in range(r):
        pair[gone * r + j] = factor * (pair[gone * r + j] + pair[stays * r + j])
    length = sqrt(dot(r, pair + gone * r, pair + gone * r))
    for l in range(work.k):
        own[4 * r + gone] = factor * (own[4 * r + gone] + own[4 * r + stays])
        own[5 * r + gone] = split_error(factor, own[5 * r + gone], own[gone], own[5 * r + stays], own[stays], length)
        own[gone] = length
        bounds[l] = INFINITY
        own += 6 * r


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def replace_v(
    work: PairBounds, pair: cython.p_double, gone: cython.Py_ssize_t, stays: cython.Py_ssize_t, factor: cython.double
) -> cython.void:
    """e_gone replaced by the middle of an edge; the other bounds still hold."""
    k: cython.Py_ssize_t = work.k
    j: cython.Py_ssize_t
    e: cython.p_double = pair + work.r * work.r
    for j in range(k):
        e[gone * k + j] = factor * (e[gone * k + j] + e[stays * k + j])
    work.first_slope(pair, gone)
    e[k * k + 6 * work.r * k + gone] = INFINITY
