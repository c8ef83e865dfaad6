"""Compiled: engine C's inner loop, a cone bounded and split (docs/theory.md, section 9.3).

The same algorithm as in `kernel.py`, in loops over work arrays that are made once a call. numbers (6, r) of a cone, by generator:
length, h+, the sums of the rows that are settled as positive for h+ and for h-, the slope q inherited, the error of all these.
"""

from __future__ import annotations

import numpy as np

from certify.gain.cones.kernel_bounding import bound_cone, workspace
from certify.gain.cones.kernel_jit import (
    any_order,
    exact_sum,
    middle_error,
    sifting_error,
    sign_margin,
)
from certify.gain.cones.kernel_lists import (
    add_middle,
    compress,
    edge_losses,
    evaluate,
    positive_sum,
    take,
)


@any_order
def choose_edge(v, alpha, plus, start, end):
    """The edge whose interpolation of h+ loses most at the maximiser; the widest one where none loses anything."""
    r = alpha.size
    heaviest = 0.0
    for k in range(r):
        heaviest = max(heaviest, alpha[k])
    best, first, second = 0.0, -1, -1
    for a in range(r):
        for b in range(a):
            if alpha[a] > 1e-9 * heaviest and alpha[b] > 1e-9 * heaviest:
                score = edge_losses(plus, start, end, a, b) * alpha[a] * alpha[b] / (alpha[a] + alpha[b])
                if score > best:
                    best, first, second = score, a, b
    if first < 0:
        first, second = widest_edge(v)
    return first, second


@any_order
def widest_edge(v):
    """The pair of generators at the largest angle; (0, 0) where there is only one."""
    r = v.shape[0]
    least, first, second = 2.0, 0, 0
    for a in range(r):
        for b in range(a):
            product, square_a, square_b = 0.0, 0.0, 0.0
            for i in range(r):
                product += v[a, i] * v[b, i]
                square_a += v[a, i] * v[a, i]
                square_b += v[b, i] * v[b, i]
            cosine = product / np.sqrt(square_a * square_b)
            if cosine < least:
                least, first, second = cosine, a, b
    return first, second


@any_order
def new_level(level, starts, ends, values, indices, columns, margin, base, low, high, kept):
    """Sift the list of a level for one cone, to the level above. Returns how many rows went to the base."""
    count, moved = compress(values, columns, starts[level], ends[level], margin, base, low, high, kept)
    starts[level + 1] = ends[level]
    ends[level + 1] = ends[level] + count
    take(values, indices, columns, kept, count, ends[level])
    return moved


@any_order
def with_room(values, indices, end, needed):
    """The arrays of the levels, made larger where `needed` more places do not fit behind `end`."""
    if end + needed <= indices.size:
        return values, indices
    size = 2 * (end + needed)
    larger, longer = np.empty((values.shape[0], size)), np.empty(size, np.int32)
    larger[:, :end] = values[:, :end]
    longer[:end] = indices[:end]
    return larger, longer


@any_order
def first_level(rows, lengths, listed, v):
    """The arrays of the levels, with the root's rows as level 0."""
    size = 3 * listed.size + 64
    values, indices = np.empty((v.shape[0] + 2, size)), np.empty(size, np.int32)
    indices[: listed.size] = listed
    evaluate(rows, lengths, listed, v, values)
    return values, indices


@any_order
def open_lists(height, levels, replaced, numbers, base, values, indices, starts, ends, low, high, kept):
    """The lists of the cones on the stack, from the top down: places where each begins, and all of them in one."""
    r = numbers.shape[2]
    cuts, listed, total = np.zeros(height + 1, np.int64), np.empty(64, np.int32), 0
    for cone in range(height - 1, -1, -1):
        columns = np.arange(r)
        if replaced[cone] >= 0:
            columns[replaced[cone]] = r
        level = levels[cone]
        margin = sign_margin(numbers[cone, 5], numbers[cone, 0]) if base == 2 else 0.0
        count, moved = compress(
            values, columns, starts[level], ends[level], margin, numbers[cone, base], low, high, kept
        )
        numbers[cone, 5] += sifting_error(moved)
        if total + count > listed.size:
            longer = np.empty(2 * (total + count), np.int32)
            longer[:total] = listed[:total]
            listed = longer
        for i in range(count):
            listed[total + i] = indices[kept[i]]
        total += count
        cuts[height - cone] = total
    return cuts, listed[:total].copy()


@any_order
def split(top, a, b, scale, cones, walls, numbers):
    """Both children of the cone at `top`, in its place and above it, with v_a and v_b replaced by scale (v_a + v_b).

    h+ there is left to do: returns its settled part. The upper child is visited first.
    """
    r, upper = cones.shape[1], top + 1
    cones[upper], walls[upper], numbers[upper] = cones[top], walls[top], numbers[top]
    square, own = 0.0, numbers[upper].copy()
    for i in range(r):
        middle = scale * (cones[top, a, i] + cones[top, b, i])
        square += middle * middle
        wall_a, wall_b = walls[top, a, i], walls[top, b, i]
        cones[top, a, i], cones[upper, b, i] = middle, middle
        walls[top, a, i], walls[top, b, i] = wall_a / scale, wall_b - wall_a
        walls[upper, b, i], walls[upper, a, i] = wall_b / scale, wall_a - wall_b
    length = np.sqrt(square)
    error = middle_error(scale, own[5, a], own[0, a], own[5, b], own[0, b], length)
    for j in range(2, 5):
        middle = scale * (own[j, a] + own[j, b])
        numbers[top, j, a], numbers[upper, j, b] = middle, middle
    numbers[top, 0, a], numbers[upper, 0, b] = length, length
    numbers[top, 5, a], numbers[upper, 5, b] = error, error
    return numbers[top, 2, a]


@any_order
def explore(
    root, root_walls, root_numbers, root_bound, plus_listed, minus_listed, plus_rows, minus_rows, plus_lengths, minus_lengths,
    dual_scale, radius, mass, mixing, threshold, best, tolerance, budget,
):  # fmt: skip
    """Depth-first search below one cone, at most `budget` nodes.

    mixing: what one mixture of slopes adds to the errors. Returns the open cones, next to visit first: V, walls, numbers, bounds,
    their lists of rows (concatenated, with the places where each begins); the splits; the largest bound of what is closed; the best
    value found and where.
    """
    r = root.shape[0]
    deepest = min(budget, 64 * r) + 2
    cones, walls = np.empty((deepest, r, r)), np.empty((deepest, r, r))
    numbers, bounds = np.empty((deepest, 6, r)), np.empty(deepest)
    levels, replaced = np.empty(deepest, np.int64), np.empty(deepest, np.int64)
    cones[0], walls[0], numbers[0], bounds[0] = root, root_walls, root_numbers, root_bound
    levels[0], replaced[0] = 0, -1
    plus, plus_indices = first_level(plus_rows, plus_lengths, plus_listed, root)
    minus, minus_indices = first_level(minus_rows, minus_lengths, minus_listed, root)
    plus_starts, plus_ends = np.zeros(deepest, np.int64), np.zeros(deepest, np.int64)
    minus_starts, minus_ends = np.zeros(deepest, np.int64), np.zeros(deepest, np.int64)
    plus_ends[0], minus_ends[0] = plus_listed.size, minus_listed.size
    longest = max(plus_listed.size, minus_listed.size) + 1
    low, high, kept = np.empty(longest), np.empty(longest), np.empty(longest, np.int64)
    work = workspace(r, 2 * r + 8, longest)
    alpha, slopes, columns, identity = np.empty(r), np.empty(r), np.arange(r), np.arange(r)
    code = np.zeros(budget, np.uint16)
    height, nodes, closed = 1, 0, 0.0
    where = np.zeros(r)
    while 0 < height < deepest - 1 and levels[height - 1] < deepest - 2 and nodes < budget:
        height -= 1
        top, level = height, levels[height]
        v, own = cones[top], numbers[top]
        columns[:] = identity
        if replaced[top] >= 0:
            columns[replaced[top]] = r
        prune_at = max(threshold, best * (1.0 + tolerance))
        bound, value = bound_cone(
            v, walls[top], own, columns, plus, plus_starts[level], plus_ends[level], minus, minus_starts[level], minus_ends[level],
            dual_scale, radius, mass, prune_at, work, alpha, slopes,
        )  # fmt: skip
        bound = min(bound, bounds[top])
        nodes += 1
        if value > best:
            best = value
            where[:] = 0.0
            for k in range(r):
                where += alpha[k] * v[k]
        if bound <= max(threshold, best * (1.0 + tolerance)):
            closed = max(closed, bound)
            continue
        plus, plus_indices = with_room(plus, plus_indices, plus_ends[level], plus_ends[level] - plus_starts[level])
        minus, minus_indices = with_room(
            minus, minus_indices, minus_ends[level], minus_ends[level] - minus_starts[level]
        )
        margin = sign_margin(own[5], own[0])
        moved = new_level(level, plus_starts, plus_ends, plus, plus_indices, columns, margin, own[2], low, high, kept)
        moved += new_level(level, minus_starts, minus_ends, minus, minus_indices, columns, 0.0, own[3], low, high, kept)
        level += 1
        a, b = choose_edge(v, alpha, plus, plus_starts[level], plus_ends[level])
        scale = exact_sum(v[a], v[b])
        if a == b or scale == 0.0:
            closed = max(closed, bound)
            continue
        code[nodes - 1] = 1 + a * r + b
        add_middle(plus, a, b, scale, plus_starts[level], plus_ends[level])
        add_middle(minus, a, b, scale, minus_starts[level], minus_ends[level])
        for k in range(r):
            own[4, k] = slopes[k]
            own[5, k] += mixing + sifting_error(moved + 2.0)
        gain = split(top, a, b, scale, cones, walls, numbers)
        gain += positive_sum(plus, r, plus_starts[level], plus_ends[level])
        numbers[top, 1, a], numbers[top + 1, 1, b] = gain, gain
        bounds[top : top + 2], levels[top : top + 2] = bound, level
        replaced[top], replaced[top + 1] = a, b
        height += 2
    plus_lists = open_lists(
        height, levels, replaced, numbers, 2, plus, plus_indices, plus_starts, plus_ends, low, high, kept
    )
    minus_lists = open_lists(
        height, levels, replaced, numbers, 3, minus, minus_indices, minus_starts, minus_ends, low, high, kept
    )
    return (
        cones[:height][::-1].copy(), walls[:height][::-1].copy(), numbers[:height][::-1].copy(),
        bounds[:height][::-1].copy(), plus_lists, minus_lists, code[:nodes], closed, best, where,
    )  # fmt: skip
