"""Compiled: the rows that change sign on a cone, by their values at its generators, level below level.

A level is a segment [start, end) of arrays that all levels share. values (r + 2, .): the rows' values at the generators of the
level's cone, at the middle of the edge that was split, and their lengths. A child's values are its parent's with the middle's in
place of one generator's: `columns` (r,) names them, so that nothing is copied for a child that is not split itself.
"""

from __future__ import annotations

from certify.gain.cones.kernel_jit import any_order, surely_negative, surely_positive


@any_order
def evaluate(rows, lengths, indices, v, values):
    """Values of the listed rows at the generators v, from the start of `values`."""
    r = v.shape[0]
    for i in range(indices.size):
        row = indices[i]
        for k in range(r):
            total = 0.0
            for j in range(r):
                total += rows[row, j] * v[k, j]
            values[k, i] = total
        values[r + 1, i] = lengths[row]


@any_order
def combine(values, columns, alpha, start, end, sums):
    """sums <- the rows' values at sum alpha_k v_k, from the start of `sums`."""
    size = end - start
    for i in range(size):
        sums[i] = 0.0
    for k in range(alpha.size):
        if alpha[k] != 0.0:
            weight, column = alpha[k], values[columns[k], start:end]
            for i in range(size):
                sums[i] += weight * column[i]


@any_order
def gated_sums(values, columns, base, start, end, sums, slopes):
    """slopes <- base + the values of the rows whose sum is positive: the subgradient there, at each generator."""
    for k in range(base.size):
        column, total = values[columns[k], start:end], 0.0
        for i in range(end - start):
            total += column[i] if sums[i] > 0.0 else 0.0
        slopes[k] = base[k] + total


@any_order
def positive_sum(values, column, start, end):
    """Sum of the positive values in a column."""
    total, taken = 0.0, values[column, start:end]
    for i in range(end - start):
        total += max(taken[i], 0.0)
    return total


@any_order
def edge_losses(values, start, end, a, b):
    """sum of min(|s|, |t|) over the rows whose values s, t at v_a and v_b differ in sign: h+ less its interpolation, on the edge."""
    total, at_a, at_b = 0.0, values[a, start:end], values[b, start:end]
    for i in range(end - start):
        total += max(min(at_a[i], -at_b[i]), 0.0) + max(min(-at_a[i], at_b[i]), 0.0)
    return total


@any_order
def compress(values, columns, start, end, margin, base, low, high, kept):
    """Sift a level for the cone whose generators the columns are.

    kept <- places of the rows that may change sign there; base += those that are positive for sure. Returns how many are kept,
    and how many went to the base.
    """
    r, size = columns.size, end - start
    lengths, first = values[values.shape[0] - 1, start:end], values[columns[0], start:end]
    for i in range(size):
        low[i] = first[i]
        high[i] = first[i]
    for k in range(1, r):
        column = values[columns[k], start:end]
        for i in range(size):
            low[i] = min(low[i], column[i])
            high[i] = max(high[i], column[i])
    count, moved = 0, 0
    for i in range(size):
        positive = surely_positive(low[i], margin, lengths[i])
        kept[count] = start + i
        count += 0 if positive or surely_negative(high[i], margin, lengths[i]) else 1
        moved += 1 if positive else 0
        low[i] = 1.0 if positive else 0.0
    if moved:
        for k in range(r):
            column, total = values[columns[k], start:end], 0.0
            for i in range(size):
                total += low[i] * column[i]
            base[k] += total
    return count, moved


@any_order
def take(values, indices, columns, kept, count, end):
    """Copy the kept rows to a new level behind `end`."""
    length = values.shape[0] - 1
    for k in range(columns.size + 1):
        source = values[columns[k]] if k < columns.size else values[length]
        target = values[k if k < columns.size else length, end : end + count]
        for i in range(count):
            target[i] = source[kept[i]]
    for i in range(count):
        indices[end + i] = indices[kept[i]]


@any_order
def add_middle(values, a, b, scale, start, end):
    """The values at the middle scale (v_a + v_b) of an edge."""
    middle = values[values.shape[0] - 2, start:end]
    at_a, at_b = values[a, start:end], values[b, start:end]
    for i in range(end - start):
        middle[i] = scale * (at_a[i] + at_b[i])
