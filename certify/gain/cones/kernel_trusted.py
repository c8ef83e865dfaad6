"""What every bound by cones rests on, written once (docs/theory.md, sections 9.3 and 10).

Both lives of the kernel use these functions: as they are in `kernel.py`, compiled in `kernel_loops.py`. So they are plain
loops, call nothing of ours, and keep to what numba understands. All else in the kernels may be wrong without harm.

On the cone of generators v_1..v_r everything is known by its values there. Each such value carries an error, relative to
|v_k| and to the length of what was summed: `errors` (r,), in which every rounding since the start cone is counted.
"""

from __future__ import annotations

import math

import numpy as np

_UNIT = 2.0**-53
_SLOP = 1.0 + 1e-9


def exact_sum(x: np.ndarray, y: np.ndarray) -> float:
    """The power of two s that brings s (x + y) to length [1, 2), or 0 where an entry was rounded (Knuth's two-sum).

    Generators of about one length make x + y the middle of their edge in angle, too, in every system of coordinates.
    """
    square = 0.0
    for i in range(x.size):
        total = x[i] + y[i]
        shift = total - x[i]
        rest = (x[i] - (total - shift)) + (y[i] - shift)
        if rest != 0.0:
            return 0.0
        square += total * total
    if not 0.0 < square < np.inf:
        return 0.0
    return math.ldexp(1.0, -((math.frexp(square)[1] - 1) // 2))


def middle_error(scale, error_a, length_a, error_b, length_b, length):
    """Error of s (g_a + g_b) at v = s (v_a + v_b), |v| = length, for what is linear in v: theirs, and one rounding.

    2u (|v_a| + |v_b|) also covers that g_a and g_b are larger than what they stand for by their own errors.
    """
    inherited = (error_a + 2.0 * _UNIT) * length_a + (error_b + 2.0 * _UNIT) * length_b
    return scale * inherited / length * _SLOP


def first_error(rows, r, mixing):
    """Error at a start cone: products of length r, sums of up to all rows, nu_i z_i rounded, and a first mixture of slopes."""
    return (rows + r + 12.0) * _UNIT * _SLOP + mixing


def mixing_error(count):
    """What a mixture of at most so many slopes adds to their error."""
    return (2.0 * count + 4.0) * _UNIT * _SLOP


def sifting_error(moved):
    """What adding so many rows to the settled sums adds to the error."""
    return (moved + 2.0) * _UNIT * _SLOP


def sign_margin(errors, lengths):
    """A row with value above this times its length at every generator is positive on the cone, below minus this negative."""
    margin = 0.0
    for k in range(errors.size):
        here = 2.0 * errors[k] * lengths[k]
        if not here < np.inf:
            return np.inf
        margin = max(margin, here)
    return margin


def surely_positive(low, margin, length):
    """Whether a row (or which rows) of that length, at least `low` at every generator, is nonnegative on the whole cone."""
    return low >= margin * length


def surely_negative(high, margin, length):
    """Whether a row (or which rows) of that length, at most `high` at every generator, is nonpositive on the whole cone."""
    return high <= -margin * length


def mixture(weights, slopes, count, mixed):
    """The convex combination `mixed` (r,) of the first `count` of the slopes (., r), NaN where the weights are not one."""
    mass = 0.0
    for j in range(count):
        if not weights[j] >= 0.0:
            mass = np.nan
        mass += weights[j]
    for k in range(mixed.size):
        total = 0.0
        for j in range(count):
            total += weights[j] * slopes[j, k]
        mixed[k] = total / mass if mass > 0.0 else np.nan


def cone_depth(v, walls, lengths):
    """A float t such that some unit vector c has c.v_k >= t |v_k| for every k; at most 0, or NaN, where none was found.

    Two vectors are tried: the sum of the unit generators, and the one at equal angles to them, by the walls.
    """
    r = lengths.size
    deepest = -1.0
    for by_walls in range(2):
        c = np.zeros(r)
        for k in range(r):
            for i in range(r):
                c[i] += walls[k, i] * lengths[k] if by_walls else v[k, i] / lengths[k]
        square, least = 0.0, 2.0
        for i in range(r):
            square += c[i] * c[i]
        for k in range(r):
            product = 0.0
            for i in range(r):
                product += c[i] * v[k, i]
            cosine = product / lengths[k]
            if not cosine >= -np.inf:
                return -1.0
            least = min(least, cosine)
        least = least / np.sqrt(square) - 1e-14 * r
        deepest = max(deepest, least)
    return deepest


def proved_bound(z, v, lengths, gains, slopes, errors, mass, depth, dual_scale, radius):
    """A float above max f over the cone's vectors that matter, or inf.

    z (r,) anything; gains h+(v_k), slopes q.v_k (r,) with their errors, per unit of mass = sum |a_i| + sum |b_j|. f <= |z|, plus
    what z.v_k >= h+(v_k) - q.v_k misses: by miss |v_k| costs at most miss sum alpha_k |v_k| <= miss radius / depth.
    """
    r = z.size
    square, dual_square = 0.0, 0.0
    for i in range(r):
        square += z[i] * z[i]
        dual_square += (z[i] * dual_scale[i]) * (z[i] * dual_scale[i])
    size = np.sqrt(square)
    miss = 0.0
    for k in range(r):
        product = 0.0
        for i in range(r):
            product += z[i] * v[k, i]
        short = (gains[k] - slopes[k] - product) / lengths[k] + errors[k] * mass
        short += 4e-16 * (r + 4) * size + 4e-16 * (np.abs(gains[k]) + np.abs(slopes[k])) / lengths[k]
        if not short < np.inf:
            return np.inf
        miss = max(miss, short)
    bound = np.sqrt(dual_square) * (1.0 + 4e-16 * (r + 8))
    if miss > 0.0:
        if not depth > 1e-12:
            return np.inf
        bound += miss * radius / depth * _SLOP
    return bound if bound >= 0.0 else np.inf
