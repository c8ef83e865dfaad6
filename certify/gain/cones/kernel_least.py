"""Compiled: the shortest vector of a hull plus a cone, by nonnegative least squares in loops (`kernel.py` has it in numpy)."""

from __future__ import annotations

import numpy as np

from certify.gain.cones.kernel_jit import any_order

_RIDGE = 1e-13
_REFINEMENTS = 1


@any_order
def eliminate_heavy(chosen, size, heavy, ratios):
    """Clear the heavy coordinate from all columns but the one where it is largest; that one, or -1."""
    pivot = 0
    for i in range(1, size):
        if np.abs(chosen[i, heavy]) > np.abs(chosen[pivot, heavy]):
            pivot = i
    if chosen[pivot, heavy] == 0.0:
        return -1
    for i in range(size):
        ratios[i] = 0.0
        if i != pivot:
            ratios[i] = chosen[i, heavy] / chosen[pivot, heavy]
            for j in range(chosen.shape[1]):
                chosen[i, j] -= ratios[i] * chosen[pivot, j]
            chosen[i, heavy] = 0.0
    return pivot


@any_order
def factorise(chosen, first, size, factor, scales):
    """Rows first..size-1 of the Cholesky factor of the chosen columns' Gram matrix, all of them of length 1, with a tiny ridge.

    The diagonal is stored inverted.
    """
    width = chosen.shape[1]
    for i in range(first, size):
        square = 0.0
        for j in range(width):
            square += chosen[i, j] * chosen[i, j]
        scales[i] = 1.0 / (np.sqrt(square) + 1e-300)
        for j in range(width):
            chosen[i, j] *= scales[i]
        diagonal = 1.0 + _RIDGE
        for k in range(i):
            entry = 0.0
            for j in range(width):
                entry += chosen[i, j] * chosen[k, j]
            for j in range(k):
                entry -= factor[i, j] * factor[k, j]
            entry *= factor[k, k]
            factor[i, k] = entry
            diagonal -= entry * entry
        factor[i, i] = 1.0 / np.sqrt(max(diagonal, _RIDGE))


@any_order
def solve(factor, size, right):
    """right <- (L L')^-1 right; the diagonal of L is stored inverted."""
    for i in range(size):
        for j in range(i):
            right[i] -= factor[i, j] * right[j]
        right[i] *= factor[i, i]
    for i in range(size - 1, -1, -1):
        for j in range(i + 1, size):
            right[i] -= factor[j, i] * right[j]
        right[i] *= factor[i, i]


@any_order
def choose(columns, indices, first, size, heavy, chosen, factor, work):
    """Factorise the columns listed from place `first` on, those before being done; the pivot of the heavy coordinate, or -1."""
    if heavy >= 0:
        first = 0
    for i in range(first, size):
        for j in range(columns.shape[1]):
            chosen[i, j] = columns[indices[i], j]
    pivot = eliminate_heavy(chosen, size, heavy, work[1]) if heavy >= 0 else -1
    factorise(chosen, first, size, factor, work[0])
    return pivot


@any_order
def passive_solution(chosen, factor, size, width, pivot, work):
    """work[4] <- the least-squares weights that bring the chosen columns to the last unit vector; `kernel.py` says how."""
    scales, ratios, step, residual, x = work[0], work[1], work[2], work[3], work[4]
    for i in range(size):
        x[i] = chosen[i, width - 1]
    solve(factor, size, x)
    for _ in range(_REFINEMENTS):
        for j in range(width):
            residual[j] = 0.0
        residual[width - 1] = 1.0
        for i in range(size):
            for j in range(width):
                residual[j] -= x[i] * chosen[i, j]
        for i in range(size):
            step[i] = 0.0
            for j in range(width):
                step[i] += chosen[i, j] * residual[j]
        solve(factor, size, step)
        for i in range(size):
            x[i] += step[i]
    for i in range(size):
        x[i] *= scales[i]
    if pivot >= 0:
        for i in range(size):
            if i != pivot:
                x[pivot] -= ratios[i] * x[i]


@any_order
def leaving_place(x, candidate, indices, size):
    """How far x can go towards the candidate before a weight vanishes, and whose; 1 and -1 where none does."""
    share, leaving = 1.0, -1
    for i in range(size):
        if not candidate[i] > 0.0:
            here = x[indices[i]]
            ratio = here / (here - candidate[i]) if here > 0.0 else 0.0
            if leaving < 0 or ratio < share:
                share, leaving = ratio, i
    return share, leaving


@any_order
def steepest(columns, count, x, indices, size, residual):
    """The column along which the residual falls most; -1 where it falls along none."""
    width = columns.shape[1]
    for j in range(width):
        residual[j] = 0.0
    residual[width - 1] = 1.0
    for i in range(size):
        for j in range(width):
            residual[j] -= x[indices[i]] * columns[indices[i], j]
    best, entering = 1e-14, -1
    for k in range(count):
        if not x[k] > 0.0:
            slack = 0.0
            for j in range(width):
                slack += columns[k, j] * residual[j]
            if slack > best:
                best, entering = slack, k
    return entering


@any_order
def nonnegative_least_squares(columns, count, x, heavy, chosen, factor, work, indices, size):
    """min |sum x_k columns_k - (0, ..., 0, 1)| over x >= 0 by Lawson and Hanson's active set, from and into x >= 0.

    indices: the `size` columns of positive weight, factorised. Returns their new number.
    """
    width, candidate = columns.shape[1], work[4]
    for _ in range(3 * count + 10):
        entering = steepest(columns, count, x, indices, size, work[3])
        if entering < 0:
            break
        indices[size] = entering
        first, size = size, size + 1
        while size > 0:
            pivot = choose(columns, indices, first, size, heavy, chosen, factor, work)
            passive_solution(chosen, factor, size, width, pivot, work)
            share, leaving = leaving_place(x, candidate, indices, size)
            for i in range(size):
                x[indices[i]] += share * (candidate[i] - x[indices[i]])
            if leaving < 0:
                break
            gone, first, size = indices[leaving], leaving, size - 1
            x[gone] = 0.0
            for i in range(leaving, size):
                indices[i] = indices[i + 1]
            if gone == entering:  # what should enter cannot: rounding decides from here on
                choose(columns, indices, first, size, heavy, chosen, factor, work)
                return size
    return size
