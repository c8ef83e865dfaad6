"""The shortest vector of a hull plus a cone, by nonnegative least squares in numpy (`kernel_least.py` has it in loops)."""

from __future__ import annotations

import numpy as np


def passive_solution(columns, indices, heavy):
    """Least-squares weights that bring the chosen columns to the last unit vector.

    heavy: a coordinate that weighs 2^15 times the others (a free bias), or -1. Its row is eliminated first, by the column where
    it is largest; what is left has no large numbers, so that normal equations, refined from the residual, lose nothing.
    """
    chosen = columns[indices]
    last, count = columns.shape[1] - 1, indices.size
    pivot, ratios = -1, np.zeros(count)
    if heavy >= 0:
        pivot = np.argmax(np.abs(chosen[:, heavy]))
        if chosen[pivot, heavy] != 0.0:
            ratios = chosen[:, heavy] / chosen[pivot, heavy]
            ratios[pivot] = 0.0
            for i in range(count):
                if i != pivot:
                    chosen[i] -= ratios[i] * chosen[pivot]
                    chosen[i, heavy] = 0.0
    lengths = np.sqrt(np.sum(chosen**2, axis=1)) + 1e-300
    for i in range(count):
        chosen[i] /= lengths[i]
    gram = np.dot(chosen, chosen.T)
    for i in range(count):
        gram[i, i] += 1e-13
    inverse = np.linalg.inv(gram)
    x = np.dot(inverse, np.ascontiguousarray(chosen[:, last]))
    for _ in range(2):
        residual = -np.dot(x, chosen)
        residual[last] += 1.0
        x = x + np.dot(inverse, np.dot(chosen, residual))
    x = x / lengths
    if pivot >= 0:
        x[pivot] -= np.dot(ratios, x)
    return x


def nonnegative_least_squares(columns, x, heavy):
    """min |sum x_k columns_k - (0, ..., 0, 1)| over x >= 0 by Lawson and Hanson's active set, from and into x >= 0."""
    size = columns.shape[0]
    last = columns.shape[1] - 1
    passive = x > 0.0
    entering = -1
    for _ in range(3 * size + 10):
        indices = np.flatnonzero(passive)
        while indices.size > 0:
            candidate = passive_solution(columns, indices, heavy)
            if np.min(candidate) > 0.0:
                x[:] = 0.0
                x[indices] = candidate
                break
            step, leaving = 1.0, -1
            for i in range(indices.size):
                if not candidate[i] > 0.0:
                    here = x[indices[i]]
                    ratio = here / (here - candidate[i]) if here > 0.0 else 0.0
                    if leaving < 0 or ratio < step:
                        step, leaving = ratio, i
            for i in range(indices.size):
                x[indices[i]] += step * (candidate[i] - x[indices[i]])
            x[indices[leaving]] = 0.0
            passive[indices[leaving]] = False
            if indices[leaving] == entering:
                return  # what should enter cannot: rounding decides from here on
            indices = np.flatnonzero(passive)
        residual = -np.dot(x, columns)
        residual[last] += 1.0
        slack = np.dot(columns, residual)
        best, entering = 1e-14, -1
        for k in range(size):
            if not passive[k] and slack[k] > best:
                best, entering = slack[k], k
        if entering < 0:
            return
        passive[entering] = True


def least_majorant(p, atoms, count, walls, dual_scale, weights):
    """The shortest z = p - q + sum mu_k walls_k with q in the hull of the first `count` atoms and mu >= 0.

    weights: of walls, then atoms, in the last solution of a similar problem; updated.

    The sum-to-one of the hull's weights is solved exactly by one more row: min |M x|^2 + (sum lambda - 1)^2, then x is divided
    by sum lambda. Returns z, q.
    """
    r, first = p.size, walls.shape[0]
    columns = np.zeros((first + count, r + 1))
    columns[:first, :r] = walls * dual_scale
    columns[first:, :r] = (p - atoms[:count]) * dual_scale
    lengths = np.sqrt(np.sum((columns[:, :r] / dual_scale) ** 2, axis=1))
    scale = np.max(lengths[first:])
    if not scale > 0.0:
        weights[first] = 1.0
        return p - atoms[0], atoms[0].copy()
    lengths[first:] = scale
    heavy = r - 1 if dual_scale[r - 1] > 1.0 else -1
    for k in range(first + count):
        columns[k] /= lengths[k]
    columns[first:, r] = 1.0
    x = weights[: first + count]
    nonnegative_least_squares(columns, x, heavy)
    mass = np.sum(x[first:])
    if not mass > 0.0:
        x[:], x[-1] = 0.0, 1.0
        return p - atoms[count - 1], atoms[count - 1].copy()
    q = np.dot(x[first:], atoms[:count]) / mass
    z = p - q
    if first > 0:
        z = z + np.dot(x[:first] / lengths[:first] * (scale / mass), walls)
    return z, q
