"""Compiled: monotone ascent of f from a direction (`kernel.py` has it in numpy; docs/theory.md, section 9.6)."""

from __future__ import annotations

import numpy as np

from certify.gain.cones.kernel_jit import any_order
from certify.gain.cones.kernel_least import nonnegative_least_squares
from certify.gain.cones.kernel_lists import combine, gated_sums

_ACCURACY = 1e-7
_ENOUGH = 0.3  # of the rise that the linearisation promises: then it is worth a new one


@any_order
def slope_at(u, columns, everywhere, nothing, sums, slope):
    """slope <- sum of the rows (columns of the array) with row.u > 0; returns slope.u = sum (row.u)_+."""
    size = columns.shape[1]
    combine(columns, everywhere, u, 0, size, sums)
    gated_sums(columns, everywhere, nothing, 0, size, sums, slope)
    total = 0.0
    for j in range(u.size):
        total += slope[j] * u[j]
    return total


@any_order
def shortest_difference(z, atoms, count, dual_scale, matrix, x, chosen, factor, work, indices, size, g):
    """g <- the shortest z - q over the hull of the atoms, the last of which is new. Returns the passive set's size and |g|."""
    r, heavy = z.size, z.size - 1 if dual_scale[z.size - 1] > 1.0 else -1
    scale = 0.0
    for j in range(r):
        scale = max(scale, np.abs(z[j] - atoms[0, j]))
    scale = 1.0 / scale if scale > 0.0 else 1.0
    for j in range(r):
        matrix[count - 1, j] = (z[j] - atoms[count - 1, j]) * dual_scale[j] * scale
    matrix[count - 1, r] = 1.0
    size = nonnegative_least_squares(matrix, count, x, heavy, chosen, factor, work, indices, size)
    mass, square = np.sum(x[:count]), 0.0
    for j in range(r):
        g[j] = z[j]
        for i in range(count):
            g[j] -= x[i] / mass * atoms[i, j]
        square += (g[j] * dual_scale[j]) * (g[j] * dual_scale[j])
    return size, np.sqrt(square)


@any_order
def ascend(start, plus_rows, minus_rows, dual_scale, steps):
    """A unit vector and f there, at least f at the start: at most `steps` linearisations of h+."""
    r, most = start.size, 3 * start.size + 8
    plus, minus = np.ascontiguousarray(plus_rows.T), np.ascontiguousarray(minus_rows.T)
    everywhere, nothing = np.arange(r), np.zeros(r)
    sums = np.empty(max(plus.shape[1], minus.shape[1]))
    atoms, matrix, chosen = np.empty((most, r)), np.empty((most, r + 1)), np.empty((most, r + 1))
    factor, work, indices = np.empty((most, most)), np.empty((5, most + 1)), np.empty(most, np.int64)
    x, g, z, z_here, q_best = np.empty(most), np.empty(r), np.empty(r), np.empty(r), np.empty(r)
    length = np.sqrt(np.sum((start / dual_scale) ** 2))
    if not length > 0.0:
        return start.copy(), -np.inf
    u = start / length
    where = u.copy()
    best = slope_at(u, plus, everywhere, nothing, sums, z_here) - slope_at(u, minus, everywhere, nothing, sums, q_best)
    for _ in range(steps):
        z[:], atoms[0], x[:] = z_here, q_best, 0.0
        count, size, before = 1, 0, best
        while count < most:
            size, length = shortest_difference(
                z, atoms, count, dual_scale, matrix, x, chosen, factor, work, indices, size, g
            )  # fmt: skip
            if not length > 0.0:
                break
            for j in range(r):
                u[j] = g[j] * dual_scale[j] * dual_scale[j] / length
            lost = slope_at(u, minus, everywhere, nothing, sums, atoms[count])
            reached = -lost
            for j in range(r):
                reached += z[j] * u[j]
            # h+ lies above its linearisation, so it is worth its price only where that comes close
            if reached > before - 0.5 * (length - before):
                value = slope_at(u, plus, everywhere, nothing, sums, g) - lost
                if value > best + 1e-13 * np.abs(value):
                    best = value
                    where[:], z_here[:], q_best[:] = u, g, atoms[count]
            if reached >= length * (1.0 - _ACCURACY) or best - before > _ENOUGH * (length - before):
                break
            count += 1
        if not best > before:
            break
    return where, best
