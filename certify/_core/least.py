"""The shortest vector of a hull plus a cone, by nonnegative least squares (docs/theory.md, sections 9.3 and 9.6).

    min |sum_k x_k columns_k - (0, ..., 0, 1)|   over x >= 0

by Lawson and Hanson's active set (Solving Least Squares Problems, 1974, chapter 23). Nothing that is proved rests on the answer:
a bound is computed from whatever weights come out, and is infinite for weights that are not finite or below 0.

Vectors are rows of contiguous arrays. `space` is memory that a caller makes once: least_space(most, width) numbers for problems of
at most `most` columns of that width, and places for `most` indices.
"""

import cython
import numpy as np
from cython.cimports.libc.math import fabs, sqrt

_RIDGE = cython.declare(cython.double, 1e-13)
_LEAST_DESCENT = cython.declare(cython.double, 1e-14)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def least_space(count: cython.Py_ssize_t, width: cython.Py_ssize_t) -> cython.Py_ssize_t:
    """How many numbers a problem of so many columns works in: the chosen columns, their Cholesky factor, five vectors."""
    return count * width + count * count + 5 * (count + width)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def eliminate_heavy(
    width: cython.Py_ssize_t,
    chosen: cython.p_double,
    size: cython.Py_ssize_t,
    heavy: cython.Py_ssize_t,
    ratios: cython.p_double,
) -> cython.Py_ssize_t:
    """Clear the heavy coordinate from all columns but the one where it is largest; that one, or -1.

    What is left has no large numbers, so that normal equations, refined from the residual, lose nothing.
    """
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    pivot: cython.Py_ssize_t = 0
    for i in range(1, size):
        if fabs(chosen[i * width + heavy]) > fabs(chosen[pivot * width + heavy]):
            pivot = i
    if chosen[pivot * width + heavy] == 0.0:
        return -1
    for i in range(size):
        ratios[i] = 0.0
        if i != pivot:
            ratios[i] = chosen[i * width + heavy] / chosen[pivot * width + heavy]
            for j in range(width):
                chosen[i * width + j] -= ratios[i] * chosen[pivot * width + j]
            chosen[i * width + heavy] = 0.0
    return pivot


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def factorise(
    width: cython.Py_ssize_t,
    chosen: cython.p_double,
    first: cython.Py_ssize_t,
    size: cython.Py_ssize_t,
    most: cython.Py_ssize_t,
    factor: cython.p_double,
    scales: cython.p_double,
) -> cython.void:
    """Rows first..size-1 of the Cholesky factor of the chosen columns' Gram matrix, all of them of length 1, with a tiny ridge.

    The diagonal is stored inverted.
    """
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    k: cython.Py_ssize_t
    square: cython.double
    entry: cython.double
    diagonal: cython.double
    own: cython.p_double
    other: cython.p_double
    for i in range(first, size):
        own = chosen + i * width
        square = 0.0
        for j in range(width):
            square += own[j] * own[j]
        scales[i] = 1.0 / (sqrt(square) + 1e-300)
        for j in range(width):
            own[j] *= scales[i]
        diagonal = 1.0 + _RIDGE
        for k in range(i):
            other = chosen + k * width
            entry = 0.0
            for j in range(width):
                entry += own[j] * other[j]
            for j in range(k):
                entry -= factor[i * most + j] * factor[k * most + j]
            entry *= factor[k * most + k]
            factor[i * most + k] = entry
            diagonal -= entry * entry
        factor[i * most + i] = 1.0 / sqrt(diagonal if diagonal > _RIDGE else _RIDGE)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def solve(
    factor: cython.p_double, most: cython.Py_ssize_t, size: cython.Py_ssize_t, right: cython.p_double
) -> cython.void:
    """right <- (L L')^-1 right; the diagonal of L is stored inverted."""
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    entry: cython.double
    for i in range(size):
        entry = right[i]
        for j in range(i):
            entry -= factor[i * most + j] * right[j]
        right[i] = entry * factor[i * most + i]
    for i in range(size - 1, -1, -1):
        entry = right[i]
        for j in range(i + 1, size):
            entry -= factor[j * most + i] * right[j]
        right[i] = entry * factor[i * most + i]


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def passive_solution(
    width: cython.Py_ssize_t,
    chosen: cython.p_double,
    size: cython.Py_ssize_t,
    pivot: cython.Py_ssize_t,
    most: cython.Py_ssize_t,
    factor: cython.p_double,
    scales: cython.p_double,
    ratios: cython.p_double,
    step: cython.p_double,
    residual: cython.p_double,
    x: cython.p_double,
) -> cython.void:
    """x <- the least-squares weights that bring the chosen columns to the last unit vector, refined once from the residual."""
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    entry: cython.double
    own: cython.p_double
    for i in range(size):
        x[i] = chosen[i * width + width - 1]
    solve(factor, most, size, x)
    for j in range(width):
        residual[j] = 0.0
    residual[width - 1] = 1.0
    for i in range(size):
        own = chosen + i * width
        for j in range(width):
            residual[j] -= x[i] * own[j]
    for i in range(size):
        own = chosen + i * width
        entry = 0.0
        for j in range(width):
            entry += own[j] * residual[j]
        step[i] = entry
    solve(factor, most, size, step)
    for i in range(size):
        x[i] = (x[i] + step[i]) * scales[i]
    if pivot >= 0:
        for i in range(size):
            if i != pivot:
                x[pivot] -= ratios[i] * x[i]


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def steepest(
    width: cython.Py_ssize_t,
    columns: cython.p_double,
    count: cython.Py_ssize_t,
    x: cython.p_double,
    indices: cython.p_Py_ssize_t,
    size: cython.Py_ssize_t,
    residual: cython.p_double,
) -> cython.Py_ssize_t:
    """The column along which the residual falls most; -1 where it falls along none."""
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    entering: cython.Py_ssize_t = -1
    best: cython.double = _LEAST_DESCENT
    slack: cython.double
    own: cython.p_double
    for j in range(width):
        residual[j] = 0.0
    residual[width - 1] = 1.0
    for i in range(size):
        own = columns + indices[i] * width
        slack = x[indices[i]]
        for j in range(width):
            residual[j] -= slack * own[j]
    for i in range(count):
        if not x[i] > 0.0:
            own = columns + i * width
            slack = 0.0
            for j in range(width):
                slack += own[j] * residual[j]
            if slack > best:
                best, entering = slack, i
    return entering


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def settle(
    width: cython.Py_ssize_t,
    columns: cython.p_double,
    x: cython.p_double,
    heavy: cython.Py_ssize_t,
    indices: cython.p_Py_ssize_t,
    first: cython.Py_ssize_t,
    size: cython.Py_ssize_t,
    entering: cython.Py_ssize_t,
    most: cython.Py_ssize_t,
    space: cython.p_double,
) -> cython.Py_ssize_t:
    """Bring the weights of the listed columns to their least squares, leaving out those whose weights would fall below 0.

    The columns before place `first` are factorised already. entering: the column that is listed anew, or -1; where it is the one
    to leave, rounding decides from there on, and its weight stays 0. Returns how many columns stay.
    """
    chosen: cython.p_double = space
    factor: cython.p_double = chosen + most * width
    scales: cython.p_double = factor + most * most
    ratios: cython.p_double = scales + most + width
    step: cython.p_double = ratios + most + width
    residual: cython.p_double = step + most + width
    candidate: cython.p_double = residual + most + width
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    pivot: cython.Py_ssize_t
    leaving: cython.Py_ssize_t
    gone: cython.Py_ssize_t = -1
    here: cython.double
    ratio: cython.double
    share: cython.double
    while size > 0:
        if heavy >= 0:
            first = 0
        for i in range(first, size):
            for j in range(width):
                chosen[i * width + j] = columns[indices[i] * width + j]
        pivot = eliminate_heavy(width, chosen, size, heavy, ratios) if heavy >= 0 else -1
        factorise(width, chosen, first, size, most, factor, scales)
        if gone >= 0 and gone == entering:
            break
        passive_solution(width, chosen, size, pivot, most, factor, scales, ratios, step, residual, candidate)
        share, leaving = 1.0, -1
        for i in range(size):
            if not candidate[i] > 0.0:
                here = x[indices[i]]
                ratio = here / (here - candidate[i]) if here > 0.0 else 0.0
                if leaving < 0 or ratio < share:
                    share, leaving = ratio, i
        if leaving < 0:
            for i in range(size):
                x[indices[i]] = candidate[i]
            break
        for i in range(size):
            here = x[indices[i]]
            here += share * (candidate[i] - here)
            x[indices[i]] = here if here > 0.0 else 0.0
        gone, first, size = indices[leaving], leaving, size - 1
        x[gone] = 0.0
        for i in range(leaving, size):
            indices[i] = indices[i + 1]
    return size


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def nonnegative_least_squares(
    width: cython.Py_ssize_t,
    columns: cython.p_double,
    count: cython.Py_ssize_t,
    x: cython.p_double,
    heavy: cython.Py_ssize_t,
    indices: cython.p_Py_ssize_t,
    size: cython.Py_ssize_t,
    most: cython.Py_ssize_t,
    space: cython.p_double,
) -> cython.Py_ssize_t:
    """x <- the least squares over x >= 0 of the first `count` <= most columns (., width), from the x >= 0 given.

    heavy: a coordinate that weighs much more than the others (a free bias), or -1. indices: the `size` columns of positive weight,
    factorised in `space` by the call before (none at first) and at their least squares. Returns their new number.
    """
    residual: cython.p_double = space + most * width + most * most + 3 * (most + width)
    entering: cython.Py_ssize_t
    tried: cython.Py_ssize_t
    for tried in range(3 * count + 10):
        entering = steepest(width, columns, count, x, indices, size, residual)
        if entering < 0 or size >= count:
            break
        indices[size] = entering
        size = settle(width, columns, x, heavy, indices, size, size + 1, entering, most, space)
        if not x[entering] > 0.0:
            break
    return size


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def majorant_space(r: cython.Py_ssize_t, most: cython.Py_ssize_t) -> cython.Py_ssize_t:
    """How many numbers `shortest_majorant` works in, for at most so many walls and atoms together."""
    return most * (r + 1) + most + least_space(most, r + 1)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def shortest_majorant(
    r: cython.Py_ssize_t,
    p: cython.p_double,
    atoms: cython.p_double,
    count: cython.Py_ssize_t,
    walls: cython.p_double,
    wall_count: cython.Py_ssize_t,
    dual_scale: cython.p_double,
    weights: cython.p_double,
    z: cython.p_double,
    q: cython.p_double,
    indices: cython.p_Py_ssize_t,
    space: cython.p_double,
) -> cython.void:
    """z <- the shortest p - q + sum mu_k walls_k, its entries times dual_scale, with q in the hull of the atoms and mu >= 0.

    weights (wall_count + count,): of walls, then atoms, in the last solution of a similar problem; updated. The sum-to-one of the
    hull's weights is solved exactly by one more row: min |M x|^2 + (sum lambda - 1)^2, then x is divided by sum lambda.
    """
    width: cython.Py_ssize_t = r + 1
    total: cython.Py_ssize_t = wall_count + count
    columns: cython.p_double = space
    shrinking: cython.p_double = columns + total * width
    inner: cython.p_double = shrinking + total
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    size: cython.Py_ssize_t
    square: cython.double
    entry: cython.double
    mass: cython.double
    scale: cython.double = 0.0
    heavy: cython.Py_ssize_t = r - 1 if dual_scale[r - 1] > 1.0 else -1
    for i in range(wall_count):
        square = 0.0
        for j in range(r):
            square += walls[i * r + j] * walls[i * r + j]
        shrinking[i] = sqrt(square)
        for j in range(r):
            columns[i * width + j] = walls[i * r + j] * dual_scale[j] / shrinking[i]
        columns[i * width + r] = 0.0
    for i in range(count):
        square = 0.0
        for j in range(r):
            entry = p[j] - atoms[i * r + j]
            columns[(wall_count + i) * width + j] = entry * dual_scale[j]
            square += entry * entry
        entry = sqrt(square)
        scale = entry if entry > scale else scale
    if not scale > 0.0:
        weights[wall_count] = 1.0
        for j in range(r):
            q[j] = atoms[j]
            z[j] = p[j] - q[j]
        return
    for i in range(wall_count, total):
        for j in range(r):
            columns[i * width + j] /= scale
        columns[i * width + r] = 1.0
    size = 0
    for i in range(total):
        if weights[i] > 0.0:
            indices[size] = i
            size += 1
        else:
            weights[i] = 0.0
    size = settle(width, columns, weights, heavy, indices, 0, size, -1, total, inner)
    nonnegative_least_squares(width, columns, total, weights, heavy, indices, size, total, inner)
    mass = 0.0
    for i in range(count):
        mass += weights[wall_count + i]
    if not mass > 0.0:
        for i in range(total):
            weights[i] = 0.0
        weights[total - 1], mass = 1.0, 1.0
    for j in range(r):
        q[j] = 0.0
    for i in range(count):
        entry = weights[wall_count + i] / mass
        for j in range(r):
            q[j] += entry * atoms[i * r + j]
    for j in range(r):
        z[j] = p[j] - q[j]
    for i in range(wall_count):
        if weights[i] > 0.0:
            entry = weights[i] / shrinking[i] * (scale / mass)
            for j in range(r):
                z[j] += entry * walls[i * r + j]


def least_majorant(p, atoms, count, walls, dual_scale, weights):
    """The shortest z = p - q + sum mu_k walls_k with q in the hull of the first `count` atoms (., r) and mu >= 0.

    Shortest is meant of dual_scale * z, of which the last entry alone may be above 1. p (r,), walls (., r), dual_scale (r,).
    weights: of walls, then atoms, in the last solution of a similar problem; updated. Returns z, q.
    """
    point: cython.double[::1] = np.ascontiguousarray(p, dtype=np.float64)
    vertices: cython.double[:, ::1] = np.ascontiguousarray(atoms, dtype=np.float64)
    planes: cython.double[:, ::1] = np.ascontiguousarray(walls, dtype=np.float64)
    scale: cython.double[::1] = np.ascontiguousarray(dual_scale, dtype=np.float64)
    own: cython.double[::1] = weights
    r: cython.Py_ssize_t = point.shape[0]
    many: cython.Py_ssize_t = count
    first: cython.Py_ssize_t = planes.shape[0]
    if r == 0 or many < 1 or vertices.shape[0] < many or own.shape[0] < first + many:
        raise ValueError(f"{many} atoms of {vertices.shape[0]} and {first} walls with {own.shape[0]} weights in R^{r}")
    if vertices.shape[1] != r or planes.shape[1] != r or scale.shape[0] != r:
        raise ValueError(f"atoms, walls and scale are not in R^{r}")
    z, q = np.empty(r), np.empty(r)
    z_out: cython.double[::1] = z
    q_out: cython.double[::1] = q
    indices: cython.Py_ssize_t[::1] = np.empty(first + many, dtype=np.intp)
    space: cython.double[::1] = np.empty(majorant_space(r, first + many))
    with cython.nogil:
        shortest_majorant(
            r, cython.address(point[0]), cython.address(vertices[0, 0]), many,
            cython.address(planes[0, 0]) if first > 0 else cython.NULL, first,
            cython.address(scale[0]), cython.address(own[0]), cython.address(z_out[0]), cython.address(q_out[0]),
            cython.address(indices[0]), cython.address(space[0]),
        )  # fmt: skip
    return z, q
