"""Engine C's inner loop: depth-first search below a cone, its parts bounded or split (docs/theory.md, section 9.3)."""

import cython
import numpy as np
from cython.cimports.certify._core.cones_bound import ConeBound
from cython.cimports.certify._core.cones_edge import choose_edge
from cython.cimports.certify._core.lists import Lists, positive_sum
from cython.cimports.certify._core.trusted import sifting_error, sign_margin, split_error, split_factor
from cython.cimports.libc.math import sqrt
from cython.cimports.libc.string import memcpy


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def split(
    r: cython.Py_ssize_t,
    a: cython.Py_ssize_t,
    b: cython.Py_ssize_t,
    factor: cython.double,
    v: cython.p_double,
    walls: cython.p_double,
    numbers: cython.p_double,
) -> cython.double:
    """Both children of the cone at the arrays' start, in its place and behind it, with v_a and v_b replaced by s (v_a + v_b).

    h+ there is left to do: returns its settled part. The child behind is visited first.
    """
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    square: cython.double = 0.0
    length: cython.double
    error: cython.double
    middle: cython.double
    wall_a: cython.double
    wall_b: cython.double
    settled: cython.double = 0.0
    other_v: cython.p_double = v + r * r
    other_walls: cython.p_double = walls + r * r
    other: cython.p_double = numbers + 6 * r
    memcpy(other_v, v, r * r * cython.sizeof(cython.double))
    memcpy(other_walls, walls, r * r * cython.sizeof(cython.double))
    memcpy(other, numbers, 6 * r * cython.sizeof(cython.double))
    for i in range(r):
        middle = factor * (v[a * r + i] + v[b * r + i])
        square += middle * middle
        v[a * r + i], other_v[b * r + i] = middle, middle
        wall_a, wall_b = walls[a * r + i], walls[b * r + i]
        walls[a * r + i], walls[b * r + i] = wall_a / factor, wall_b - wall_a
        other_walls[b * r + i], other_walls[a * r + i] = wall_b / factor, wall_a - wall_b
    length = sqrt(square)
    error = split_error(factor, other[5 * r + a], other[a], other[5 * r + b], other[b], length)
    for j in range(2, 5):
        middle = factor * (other[j * r + a] + other[j * r + b])
        if j == 2:
            settled = middle
        numbers[j * r + a], other[j * r + b] = middle, middle
    numbers[a], other[b] = length, length
    numbers[5 * r + a], other[5 * r + b] = error, error
    return settled


@cython.cfunc
def open_lists(
    lists: Lists,
    height: cython.Py_ssize_t,
    levels: cython.Py_ssize_t[::1],
    replaced: cython.Py_ssize_t[::1],
    numbers: cython.double[:, :, ::1],
    base: cython.Py_ssize_t,
):
    """The lists of the cones on the stack, from the top down: places where each begins, and all of them in one.

    What is sifted out of them goes to row `base` of the cones' numbers.
    """
    cone: cython.Py_ssize_t
    i: cython.Py_ssize_t
    count: cython.Py_ssize_t
    level: cython.Py_ssize_t
    r: cython.Py_ssize_t = numbers.shape[2]
    moved: cython.Py_ssize_t = 0
    total: cython.Py_ssize_t = 0
    margin: cython.double
    indices: cython.p_int
    cuts = np.zeros(height + 1, dtype=np.int64)
    for cone in range(height):
        total += lists.sizes[levels[cone]]
    listed = np.empty(total, dtype=np.int32)
    places: cython.int[::1] = listed
    total = 0
    for cone in range(height - 1, -1, -1):
        level = levels[cone]
        margin = (
            sign_margin(r, cython.address(numbers[cone, 5, 0]), cython.address(numbers[cone, 0, 0]))
            if base == 2
            else 0.0
        )
        count = lists.sift(level, replaced[cone], margin, cython.address(numbers[cone, base, 0]), cython.address(moved))
        for i in range(r):
            numbers[cone, 5, i] += sifting_error(moved)
        indices = lists.indices + lists.index_starts[level]
        for i in range(count):
            places[total + i] = indices[lists.kept[i]]
        total += count
        cuts[height - cone] = total
    return cuts, listed[:total].copy()


def explore(
    root, root_walls, root_numbers, root_bound: float, plus_listed: cython.int[::1], minus_listed: cython.int[::1],
    plus_rows: cython.double[:, ::1], minus_rows: cython.double[:, ::1], plus_lengths: cython.double[::1],
    minus_lengths: cython.double[::1], dual_scale: cython.double[::1], radius: float, mass: float, mixing: cython.double,
    threshold: cython.double, best: cython.double, budget: int,
):  # fmt: skip
    """Depth-first search below one cone, at most `budget` nodes. What is bounded by threshold, or by `best`, is settled.

    root, root_walls (r, r), root_numbers (6, r): the cone. plus_listed, minus_listed: indices of the rows that may change sign on
    it; lengths: of all rows, rounded up. mass: their sum. mixing: what one mixture of slopes adds to the errors. Returns the open
    cones, next to visit first: V, walls, numbers, bounds, their lists of rows (places where each begins, and all in one); the
    splits (1 + a r + b, or 0 for a leaf); the largest bound of what is closed; the best value found and where.
    """
    r: cython.Py_ssize_t = dual_scale.shape[0]
    most: cython.Py_ssize_t = budget
    deepest: cython.Py_ssize_t = min(most, 64 * r) + 2
    cones, walls, numbers = np.empty((deepest, r, r)), np.empty((deepest, r, r)), np.empty((deepest, 6, r))
    bounds, codes, where = np.empty(deepest), np.zeros(most, dtype=np.uint16), np.zeros(r)
    cones[0], walls[0], numbers[0], bounds[0] = root, root_walls, root_numbers, root_bound
    cones_at: cython.double[:, :, ::1] = cones
    walls_at: cython.double[:, :, ::1] = walls
    numbers_at: cython.double[:, :, ::1] = numbers
    bounds_at: cython.double[::1] = bounds
    code: cython.ushort[::1] = codes
    where_at: cython.double[::1] = where
    levels: cython.Py_ssize_t[::1] = np.zeros(deepest, dtype=np.intp)
    replaced: cython.Py_ssize_t[::1] = np.full(deepest, -1, dtype=np.intp)
    plus: Lists = Lists(r, deepest)
    minus: Lists = Lists(r, deepest)
    work: ConeBound = ConeBound(dual_scale, radius, mass)
    plus.begin(plus_listed, plus_rows, plus_lengths, cython.address(cones_at[0, 0, 0]))
    minus.begin(minus_listed, minus_rows, minus_lengths, cython.address(cones_at[0, 0, 0]))
    height: cython.Py_ssize_t = 1
    nodes: cython.Py_ssize_t = 0
    closed: cython.double = 0.0
    room: cython.int = True
    a: cython.Py_ssize_t
    b: cython.Py_ssize_t
    k: cython.Py_ssize_t
    i: cython.Py_ssize_t
    level: cython.Py_ssize_t
    moved: cython.Py_ssize_t
    v: cython.p_double
    own: cython.p_double
    bound: cython.double
    factor: cython.double
    gain: cython.double
    with cython.nogil:
        while room and 0 < height < deepest - 1 and levels[height - 1] < deepest - 2 and nodes < most:
            height -= 1
            level = levels[height]
            v, own = cython.address(cones_at[height, 0, 0]), cython.address(numbers_at[height, 0, 0])
            bound = work.bound(
                v,
                cython.address(walls_at[height, 0, 0]),
                own,
                plus,
                level,
                minus,
                level,
                replaced[height],
                max(threshold, best),
                max(threshold, best),
            )
            bound = min(bound, bounds_at[height])
            nodes += 1
            if work.value > best:
                best = work.value
                for i in range(r):
                    where_at[i] = 0.0
                for k in range(r):
                    for i in range(r):
                        where_at[i] += work.alpha[k] * v[k * r + i]
            if bound <= max(threshold, best) or not (plus.finite and minus.finite):
                closed = max(closed, bound)
                continue
            room = plus.reserve(level) & minus.reserve(level)
            if not room:
                break
            moved = plus.descend(level, replaced[height], sign_margin(r, own + 5 * r, own), own + 2 * r)
            moved += minus.descend(level, replaced[height], 0.0, own + 3 * r)
            level += 1
            k = choose_edge(r, v, work.alpha, plus, level)
            a, b = k // r, k % r
            factor = split_factor(r, v + a * r, v + b * r) if a != b else 0.0
            if factor == 0.0:
                closed = max(closed, bound)
                continue
            code[nodes - 1] = 1 + k
            plus.add_middle(level, a, b, factor)
            minus.add_middle(level, a, b, factor)
            for k in range(r):
                own[4 * r + k] = work.slopes[k]
                own[5 * r + k] += mixing + sifting_error(moved + 2)
            gain = split(r, a, b, factor, v, cython.address(walls_at[height, 0, 0]), own)
            gain += positive_sum(plus.strides[level], plus.column(level, r))
            own[r + a], own[7 * r + b] = gain, gain
            bounds_at[height], bounds_at[height + 1] = bound, bound
            levels[height], levels[height + 1] = level, level
            replaced[height], replaced[height + 1] = a, b
            height += 2
    if not room:
        raise MemoryError("lists of rows that may change sign")
    plus_lists = open_lists(plus, height, levels, replaced, numbers_at, 2)
    minus_lists = open_lists(minus, height, levels, replaced, numbers_at, 3)
    return (
        cones[:height][::-1].copy(), walls[:height][::-1].copy(), numbers[:height][::-1].copy(),
        bounds[:height][::-1].copy(), plus_lists, minus_lists, codes[:nodes], closed, best, where,
    )  # fmt: skip
