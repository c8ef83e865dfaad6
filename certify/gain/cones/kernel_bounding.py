"""Compiled: a cone bounded (docs/theory.md, section 9.3; `kernel.py` has it in numpy), in loops over work arrays."""

from __future__ import annotations

import numpy as np

from certify.gain.cones.kernel_jit import any_order, cone_depth, mixture, proved_bound
from certify.gain.cones.kernel_least import nonnegative_least_squares
from certify.gain.cones.kernel_lists import combine, gated_sums


@any_order
def workspace(r, most, longest):
    """Work arrays of `bound_cone`."""
    size = r + most
    return (
        np.empty((size, r + 1)),  # columns of the least-squares problem
        np.empty((size, r + 1)),  # the chosen ones
        np.empty((size, size)),  # their Cholesky factor
        np.empty((5, size + 1)),
        np.empty(size, np.int64),
        np.empty(size),  # weights of walls and atoms
        np.empty((most, r)),  # the atoms' slopes
        np.empty((most, r)),  # p - q of the atoms
        np.empty(longest),
        np.empty(r),
        np.empty(r),
        np.empty(r),
    )


@any_order
def prepare(walls, dual_scale, matrix, x, wall_scale):
    """Columns of the walls, of length 1 but for the dual scale; no weights yet."""
    r = walls.shape[0]
    for k in range(r):
        square = 0.0
        for i in range(r):
            square += walls[k, i] * walls[k, i]
        wall_scale[k] = 1.0 / np.sqrt(square)
        for i in range(r):
            matrix[k, i] = walls[k, i] * dual_scale[i] * wall_scale[k]
        matrix[k, r] = 0.0
    for k in range(x.size):
        x[k] = 0.0


@any_order
def add_atom(j, gains, slopes, walls, dual_scale, scale, majorants, matrix):
    """Majorant j, p - q for one more q, and its column; `scale` (0 at first) brings the first one to length 1."""
    r = gains.size
    for i in range(r):
        majorants[j, i] = 0.0
    for k in range(r):
        level = gains[k] - slopes[k]
        for i in range(r):
            majorants[j, i] += level * walls[k, i]
    if scale == 0.0:
        square = 0.0
        for i in range(r):
            square += majorants[j, i] * majorants[j, i]
        scale = 1.0 / np.sqrt(square) if square > 0.0 else 1.0
    for i in range(r):
        matrix[r + j, i] = majorants[j, i] * dual_scale[i] * scale
    matrix[r + j, r] = 1.0
    return scale


@any_order
def shortest(x, count, majorants, walls, wall_scale, scale, z):
    """z <- the majorant of those weights of walls and atoms."""
    r = z.size
    total = 0.0
    for j in range(count):
        total += x[r + j]
    for i in range(r):
        z[i] = 0.0
    if not total > 0.0:
        total = np.nan
    for j in range(count):
        for i in range(r):
            z[i] += x[r + j] / total * majorants[j, i]
    for k in range(r):
        if x[k] > 0.0:
            weight = x[k] * wall_scale[k] / (scale * total)
            for i in range(r):
                z[i] += weight * walls[k, i]


@any_order
def maximiser(z, v, walls, dual_scale, alpha):
    """alpha <- the generators' weights of the unit vector along z's dual, none below 0; False where there is none."""
    r = z.size
    for k in range(r):
        alpha[k] = 0.0
        for i in range(r):
            alpha[k] += walls[k, i] * z[i] * dual_scale[i] * dual_scale[i]
        alpha[k] = max(alpha[k], 0.0)
    square = 0.0
    for i in range(r):
        entry = 0.0
        for k in range(r):
            entry += alpha[k] * v[k, i]
        square += (entry / dual_scale[i]) * (entry / dual_scale[i])
    for k in range(r):
        alpha[k] = alpha[k] / np.sqrt(square) if square > 0.0 else 1.0
    return square > 0.0


@any_order
def dot(x, y):
    """x.y"""
    total = 0.0
    for i in range(x.size):
        total += x[i] * y[i]
    return total


@any_order
def bound_cone(
    v, walls, numbers, columns, plus, plus_start, plus_end, minus, minus_start, minus_end, dual_scale, radius, mass, prune_at,
    work, alpha, slopes,
):  # fmt: skip
    """Bound f on one cone, stopping as soon as the bound is below prune_at or the relaxation is seen to exceed it.

    alpha (r,), slopes (r,): written; the relaxation's maximiser in the generators, and the q of the bound. Returns the bound, and f
    at the maximiser, or 0 where it was of no interest.
    """
    matrix, chosen, factor, scratch, indices, x, atoms, majorants, sums, wall_scale, z, mixed = work
    r, most = v.shape[0], atoms.shape[0]
    lengths, gains = numbers[0], numbers[1]
    heavy = r - 1 if dual_scale[r - 1] > 1.0 else -1
    depth = cone_depth(v, walls, lengths)
    prepare(walls, dual_scale, matrix, x, wall_scale)
    alpha[:] = 1.0
    atoms[0] = numbers[4]
    slopes[:] = numbers[4]
    scale = add_atom(0, gains, atoms[0], walls, dual_scale, 0.0, majorants, matrix)
    combine(minus, columns, alpha, minus_start, minus_end, sums)
    gated_sums(minus, columns, numbers[3], minus_start, minus_end, sums, atoms[1])
    bound, count, size = np.inf, 1, 0
    while True:
        add_atom(count, gains, atoms[count], walls, dual_scale, scale, majorants, matrix)
        count += 1
        size = nonnegative_least_squares(matrix, r + count, x, heavy, chosen, factor, scratch, indices, size)
        shortest(x, count, majorants, walls, wall_scale, scale, z)
        mixture(x[r:], atoms, count, mixed)
        here = proved_bound(z, v, lengths, gains, mixed, numbers[5], mass, depth, dual_scale, radius)
        if here < bound:
            bound = here
            slopes[:] = mixed
        if bound <= prune_at or not maximiser(z, v, walls, dual_scale, alpha):
            return bound, 0.0
        combine(minus, columns, alpha, minus_start, minus_end, sums)
        gated_sums(minus, columns, numbers[3], minus_start, minus_end, sums, atoms[count])
        lost = dot(alpha, atoms[count])
        relaxed = dot(alpha, gains) - lost
        if relaxed > prune_at or relaxed >= here * (1.0 - 1e-13) or count == most - 1:
            combine(plus, columns, alpha, plus_start, plus_end, sums)
            value = dot(alpha, numbers[2]) - lost
            for i in range(plus_end - plus_start):
                value += max(sums[i], 0.0)
            return bound, value
