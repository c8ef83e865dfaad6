"""What every bound by cones rests on (docs/theory.md, sections 9.3 and 10). All else in the search may be wrong without harm.

On the cone of generators v_1..v_r everything is known by its values there. Each value, the floats of v_k included, carries an
error, relative to the length l_k of the floats and to the length of what was summed: `errors` (r,), in which every rounding since
the start cone is counted. Vectors of the cone are rows of contiguous arrays (r, r).
"""

import cython
import numpy as np
from cython.cimports.libc.math import INFINITY, NAN, fabs, floor, frexp, ldexp, sqrt

_UNIT = cython.declare(cython.double, 2.0**-53)
_SLOP = cython.declare(cython.double, 1.0 + 1e-9)
# a split's factor is so many short: the integers of a certificate, which follow from the factors, stay short, too
_STEPS = cython.declare(cython.double, 16.0)
# an edge is not split where its length is less than this, squared and relative: after forty halvings
_LEAST_EDGE = cython.declare(cython.double, 2.0**-80)
# beyond this error products of two errors would matter
_LARGEST_ERROR = cython.declare(cython.double, 1e-3)
# sizes below or above are not of order one, and squares of them might vanish or overflow
_LEAST_SIZE = cython.declare(cython.double, 1e-100)
_LARGEST_SIZE = cython.declare(cython.double, 1e100)
# pays for products that underflow
_TINY = cython.declare(cython.double, 2.0**-500)


@cython.ccall
@cython.nogil
@cython.exceptval(check=False)
def first_error(rows: cython.Py_ssize_t, r: cython.Py_ssize_t, mixing: cython.double) -> cython.double:
    """Error at a start cone: products of length r, sums of up to all rows, nu_i z_i rounded, and a first mixture of slopes."""
    return (rows + r + 12.0) * _UNIT * _SLOP + mixing


@cython.ccall
@cython.nogil
@cython.exceptval(check=False)
def mixing_error(count: cython.Py_ssize_t) -> cython.double:
    """What a mixture of at most so many slopes adds to their error."""
    return (2.0 * count + 4.0) * _UNIT * _SLOP


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def sifting_error(moved: cython.Py_ssize_t) -> cython.double:
    """What adding so many rows to the settled sums adds to the error."""
    return (moved + 2.0) * _UNIT * _SLOP


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def split_factor(r: cython.Py_ssize_t, x: cython.p_double, y: cython.p_double) -> cython.double:
    """The short factor s that brings s (x + y) to about length 1, or 0 where an edge is too short or opposite to be split.

    Generators of about one length make x + y the middle of their edge in angle, too. Any s > 0 would do: the cones of the middle
    and either end cover the cone of both.
    """
    i: cython.Py_ssize_t
    square: cython.double = 0.0
    apart: cython.double = 0.0
    exponent: cython.int = 0
    share: cython.double
    for i in range(r):
        square += (x[i] + y[i]) * (x[i] + y[i])
        apart += (x[i] - y[i]) * (x[i] - y[i])
    if not (1e-200 < square < 1e200 and apart > _LEAST_EDGE * square):
        return 0.0
    share = frexp(1.0 / sqrt(square), cython.address(exponent))
    return ldexp(floor(share * _STEPS + 0.5) / _STEPS, exponent)


@cython.ccall
@cython.nogil
@cython.exceptval(check=False)
def split_error(
    factor: cython.double,
    error_a: cython.double,
    length_a: cython.double,
    error_b: cython.double,
    length_b: cython.double,
    length: cython.double,
) -> cython.double:
    """Error of s (g_a + g_b) at v = s (v_a + v_b), of length l, for what is linear in v, and for v itself.

    The ends' errors and two roundings of values that are at most (1 + 2 e) times what they stand for.
    """
    inherited: cython.double = (error_a + 3.0 * _UNIT * (1.0 + 2.0 * error_a)) * length_a
    inherited += (error_b + 3.0 * _UNIT * (1.0 + 2.0 * error_b)) * length_b
    return factor * inherited / length * _SLOP


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def sign_margin(r: cython.Py_ssize_t, errors: cython.p_double, lengths: cython.p_double) -> cython.double:
    """A row with value above this times its length at every generator is positive on the cone, below minus this negative."""
    k: cython.Py_ssize_t
    margin: cython.double = 0.0
    here: cython.double
    for k in range(r):
        here = 2.0 * errors[k] * lengths[k]
        if not here < INFINITY:
            return INFINITY
        margin = max(margin, here)
    return margin


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def mix(
    r: cython.Py_ssize_t,
    weights: cython.p_double,
    slopes: cython.p_double,
    count: cython.Py_ssize_t,
    mixed: cython.p_double,
) -> cython.void:
    """mixed (r,) <- the convex combination of the first `count` of the slopes (., r), NaN where the weights are not one."""
    j: cython.Py_ssize_t
    k: cython.Py_ssize_t
    mass: cython.double = 0.0
    for j in range(count):
        if not weights[j] >= 0.0:
            mass = NAN
        mass += weights[j]
    for k in range(r):
        mixed[k] = 0.0
    for j in range(count):
        for k in range(r):
            mixed[k] += weights[j] * slopes[j * r + k]
    for k in range(r):
        mixed[k] = mixed[k] / mass if _LEAST_SIZE < mass < _LARGEST_SIZE else NAN


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def depth_of_cone(
    r: cython.Py_ssize_t, v: cython.p_double, walls: cython.p_double, lengths: cython.p_double, c: cython.p_double
) -> cython.double:
    """A float t such that some unit vector has a product of at least t l_k with the floats of every v_k; at most 0 where none is found.

    Two vectors are tried: the sum of the unit generators, and the one at equal angles to them, by the walls. c (r,): overwritten.
    """
    by_walls: cython.int
    i: cython.Py_ssize_t
    k: cython.Py_ssize_t
    deepest: cython.double = -1.0
    square: cython.double
    least: cython.double
    product: cython.double
    for by_walls in range(2):
        for i in range(r):
            c[i] = 0.0
        for k in range(r):
            for i in range(r):
                c[i] += walls[k * r + i] * lengths[k] if by_walls else v[k * r + i] / lengths[k]
        square, least = 0.0, 2.0
        for i in range(r):
            square += c[i] * c[i]
        square = sqrt(square)
        if not _LEAST_SIZE < square < _LARGEST_SIZE:
            continue
        for k in range(r):
            product = 0.0
            for i in range(r):
                product += c[i] * v[k * r + i]
            product /= lengths[k]
            if not (product >= -INFINITY and _LEAST_SIZE < lengths[k] < _LARGEST_SIZE):
                return -1.0
            least = min(least, product)
        least = least / square - 1e-14 * r
        deepest = max(deepest, least)
    return deepest


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def bound_by(
    r: cython.Py_ssize_t,
    z: cython.p_double,
    v: cython.p_double,
    lengths: cython.p_double,
    gains: cython.p_double,
    slopes: cython.p_double,
    errors: cython.p_double,
    mass: cython.double,
    depth: cython.double,
    dual_scale: cython.p_double,
    radius: cython.double,
) -> cython.double:
    """A float above max f over the cone's vectors that matter, or infinity.

    z (r,) anything; gains h+(v_k), slopes q.v_k (r,) with their errors, per unit of mass = sum |a_i| + sum |b_j|. f <= |z|, plus
    what z.v_k >= h+(v_k) - q.v_k misses: by miss l_k costs at most miss sum alpha_k l_k <= miss radius / depth.
    """
    i: cython.Py_ssize_t
    k: cython.Py_ssize_t
    square: cython.double = 0.0
    dual_square: cython.double = 0.0
    miss: cython.double = 0.0
    worst: cython.double = 0.0
    size: cython.double
    product: cython.double
    short: cython.double
    bound: cython.double
    for i in range(r):
        square += z[i] * z[i]
        dual_square += (z[i] * dual_scale[i]) * (z[i] * dual_scale[i])
    size = sqrt(square)
    for k in range(r):
        if not (0.0 <= errors[k] <= _LARGEST_ERROR and _LEAST_SIZE < lengths[k] < _LARGEST_SIZE):
            return INFINITY
        worst = max(worst, errors[k])
        product = 0.0
        for i in range(r):
            product += z[i] * v[k * r + i]
        short = (gains[k] - slopes[k] - product) / lengths[k] + errors[k] * (mass + size * _SLOP)
        short += 4e-16 * (r + 4) * size + 4e-16 * (fabs(gains[k]) + fabs(slopes[k])) / lengths[k]
        if not short < INFINITY:
            return INFINITY
        miss = max(miss, short)
    bound = sqrt(dual_square) * (1.0 + 4e-16 * (r + 8)) + _TINY
    if miss > 0.0:
        depth -= 2.0 * worst
        if not 1e-12 < depth < 2.0:
            return INFINITY
        bound += miss * radius / depth * _SLOP
    return bound if bound >= 0.0 else INFINITY


def middle_factor(x: cython.double[::1], y: cython.double[::1]) -> float:
    """`split_factor` of two generators (r,) of a cone: their edge is split at s (x + y), and cannot be where s is 0."""
    if x.shape[0] != y.shape[0] or x.shape[0] == 0:
        raise ValueError("generators of one cone have the same number of entries, and at least one")
    return split_factor(x.shape[0], cython.address(x[0]), cython.address(y[0]))


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def exact_factor(r: cython.Py_ssize_t, x: cython.p_double, y: cython.p_double) -> cython.double:
    """The power of two s that brings s (x + y) to length [1, 2), or 0 where an entry was rounded (Knuth's two-sum)."""
    i: cython.Py_ssize_t
    square: cython.double = 0.0
    total: cython.double
    shift: cython.double
    exponent: cython.int = 0
    for i in range(r):
        total = x[i] + y[i]
        shift = total - x[i]
        if (x[i] - (total - shift)) + (y[i] - shift) != 0.0:
            return 0.0
        square += total * total
    if not 0.0 < square < INFINITY:
        return 0.0
    frexp(square, cython.address(exponent))
    return ldexp(1.0, -((exponent - 1) >> 1))


def exact_sum(x: cython.double[::1], y: cython.double[::1]) -> float:
    """`exact_factor` of two generators (r,) of a cone."""
    if x.shape[0] != y.shape[0] or x.shape[0] == 0:
        raise ValueError("generators of one cone have the same number of entries, and at least one")
    return exact_factor(x.shape[0], cython.address(x[0]), cython.address(y[0]))


def mixture(weights: cython.double[::1], slopes: cython.double[:, ::1]) -> object:
    """The convex combination (r,) of the slopes (s, r); NaN where the weights (s,) are not those of one."""
    mixed = np.empty(slopes.shape[1])
    out: cython.double[::1] = mixed
    if weights.shape[0] != slopes.shape[0] or slopes.shape[0] == 0 or slopes.shape[1] == 0:
        raise ValueError("one weight for each slope")
    mix(
        slopes.shape[1],
        cython.address(weights[0]),
        cython.address(slopes[0, 0]),
        slopes.shape[0],
        cython.address(out[0]),
    )
    return mixed


def cone_depth(v: cython.double[:, ::1], walls: cython.double[:, ::1], lengths: cython.double[::1]) -> float:
    """`depth_of_cone` for generators and walls (r, r)."""
    r: cython.Py_ssize_t = lengths.shape[0]
    _require_square(r, v, walls)
    c: cython.double[::1] = np.empty(r)
    return depth_of_cone(
        r, cython.address(v[0, 0]), cython.address(walls[0, 0]), cython.address(lengths[0]), cython.address(c[0])
    )


def proved_bound(
    z: cython.double[::1],
    v: cython.double[:, ::1],
    walls: cython.double[:, ::1],
    lengths: cython.double[::1],
    gains: cython.double[::1],
    slopes: cython.double[::1],
    errors: cython.double[::1],
    mass: float,
    dual_scale: cython.double[::1],
    radius: float,
) -> float:
    """`bound_by` for a cone of generators and walls (r, r)."""
    r: cython.Py_ssize_t = lengths.shape[0]
    _require_square(r, v, walls)
    if min(z.shape[0], gains.shape[0], slopes.shape[0], errors.shape[0], dual_scale.shape[0]) < r:
        raise ValueError(f"a vector of less than {r} entries")
    return bound_by(
        r, cython.address(z[0]), cython.address(v[0, 0]), cython.address(lengths[0]), cython.address(gains[0]),
        cython.address(slopes[0]), cython.address(errors[0]), mass, cone_depth(v, walls, lengths),
        cython.address(dual_scale[0]), radius,
    )  # fmt: skip


@cython.cfunc
def _require_square(r: cython.Py_ssize_t, v: cython.double[:, ::1], walls: cython.double[:, ::1]):
    if r == 0 or v.shape[0] != r or v.shape[1] != r or walls.shape[0] != r or walls.shape[1] != r:
        raise ValueError(f"a cone in R^{r} has as many generators and walls")
