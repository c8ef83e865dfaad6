"""Least squares with bounds on the unknowns: what a kink test, a Clarke set and a projection onto a cone come down to.

    min | target - sum_k x_k vectors_k |     over 0 <= x_k <= upper_k        (upper_k may be infinite)

The active-set method of Stark and Parker (Computational Statistics 10, 1995), which is Lawson and Hanson's for both bounds. The
vectors of the free unknowns are kept as an orthogonal and a triangular factor, not as a Gram matrix, which would square their condition.
"""

import cython
import numpy as np
from cython.cimports.certify._core.orthogonal import append, inner, subtract
from cython.cimports.libc.math import sqrt

DEPENDENT = cython.declare(
    cython.double, 1e-12
)  # share of a vector off the span of the others below which it adds nothing
BOUND = cython.declare(cython.char, 0)  # at 0 or at its upper bound
FREE = cython.declare(cython.char, 1)
STUCK = cython.declare(cython.char, 2)  # at a bound that it could not leave, until something else moves
SETTLED = cython.declare(cython.double, 1e-14)  # cosine between residual and vector that is rounding


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def residual_of(
    d: cython.Py_ssize_t,
    count: cython.Py_ssize_t,
    vectors: cython.p_double,
    target: cython.p_double,
    x: cython.p_double,
    residual: cython.p_double,
) -> cython.void:
    """residual <- target - sum x_k vectors_k."""
    i: cython.Py_ssize_t
    k: cython.Py_ssize_t
    for i in range(d):
        residual[i] = target[i]
    for k in range(count):
        if x[k] != 0.0:
            subtract(d, x[k], vectors + k * d, residual)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def entering(
    d: cython.Py_ssize_t,
    count: cython.Py_ssize_t,
    vectors: cython.p_double,
    lengths: cython.p_double,
    x: cython.p_double,
    place: cython.p_char,
    residual: cython.p_double,
) -> cython.Py_ssize_t:
    """The unknown at a bound along which the residual falls fastest when it leaves the bound; -1 where none does."""
    k: cython.Py_ssize_t
    best: cython.Py_ssize_t = -1
    slope: cython.double
    most: cython.double = SETTLED * sqrt(inner(d, residual, residual))
    for k in range(count):
        if place[k] == BOUND and lengths[k] > 0.0:
            slope = inner(d, vectors + k * d, residual) / lengths[k]
            if x[k] > 0.0:
                slope = -slope
            if slope > most:
                most = slope
                best = k
    return best


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def refactorised(
    d: cython.Py_ssize_t,
    most: cython.Py_ssize_t,
    first: cython.Py_ssize_t,
    before: cython.Py_ssize_t,
    free: cython.pointer(cython.Py_ssize_t),
    vectors: cython.p_double,
    basis: cython.p_double,
    triangle: cython.p_double,
    place: cython.p_char,
) -> cython.Py_ssize_t:
    """Factorise the free vectors from place `first` on, of `before` less the one that left; how many are free now: what rounding makes dependent is stuck."""
    i: cython.Py_ssize_t
    kept: cython.Py_ssize_t = first
    for i in range(first, before - 1):
        if append(d, most, kept, vectors + free[i] * d, basis, triangle, 0.0):
            free[kept] = free[i]
            kept += 1
        else:
            place[free[i]] = STUCK
    return kept


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def step_to_free(
    d: cython.Py_ssize_t,
    most: cython.Py_ssize_t,
    size: cython.Py_ssize_t,
    basis: cython.p_double,
    triangle: cython.p_double,
    residual: cython.p_double,
    step: cython.p_double,
) -> cython.void:
    """step (size,): what the free unknowns change by on the way to the least squares of the residual over them."""
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    for i in range(size):
        step[i] = inner(d, basis + i * d, residual)
    for i in range(size - 1, -1, -1):
        for j in range(i + 1, size):
            step[i] -= triangle[i * most + j] * step[j]
        step[i] /= triangle[i * most + i]


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def advance(
    size: cython.Py_ssize_t,
    free: cython.pointer(cython.Py_ssize_t),
    x: cython.p_double,
    upper: cython.p_double,
    step: cython.p_double,
    place: cython.p_char,
) -> cython.Py_ssize_t:
    """Move the free unknowns by the step, or as far as the first bound in its way; the place in `free` that it emptied, or -1."""
    i: cython.Py_ssize_t
    k: cython.Py_ssize_t
    leaving: cython.Py_ssize_t = -1
    room: cython.double
    share: cython.double = 1.0
    for i in range(size):
        k = free[i]
        if x[k] + step[i] < 0.0:
            room = x[k] / -step[i]
        elif x[k] + step[i] > upper[k]:
            room = (upper[k] - x[k]) / step[i]
        else:
            continue
        if leaving < 0 or room < share:
            share = room
            leaving = i
    for i in range(size):
        x[free[i]] += share * step[i]
    if leaving < 0:
        return -1
    k = free[leaving]
    x[k] = 0.0 if step[leaving] < 0.0 else upper[k]
    place[k] = BOUND if share > 0.0 else STUCK
    for i in range(leaving, size):
        free[i] = free[i + 1]
    return leaving


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def active_set(
    d: cython.Py_ssize_t,
    count: cython.Py_ssize_t,
    vectors: cython.p_double,
    target: cython.p_double,
    upper: cython.p_double,
    x: cython.p_double,
    work: cython.p_double,
    free: cython.pointer(cython.Py_ssize_t),
    place: cython.p_char,
) -> cython.Py_ssize_t:
    """x (count,) <- a solution, from x = 0; the number of exchanges, or -1 where they were too many.

    work: most (d + most + 1) + d + count numbers, most = min(d, count).
    """
    most: cython.Py_ssize_t = min(count, d)
    basis: cython.p_double = work
    triangle: cython.p_double = basis + most * d
    step: cython.p_double = triangle + most * most
    residual: cython.p_double = step + most
    lengths: cython.p_double = residual + d
    size: cython.Py_ssize_t = 0
    turn: cython.Py_ssize_t
    k: cython.Py_ssize_t
    enters: cython.Py_ssize_t
    for k in range(count):
        x[k] = 0.0
        place[k] = BOUND
        lengths[k] = sqrt(inner(d, vectors + k * d, vectors + k * d))
    residual_of(d, count, vectors, target, x, residual)
    for turn in range(10 * (count + d) + 20):
        enters = entering(d, count, vectors, lengths, x, place, residual)
        if enters < 0:
            return turn
        if not append(d, most, size, vectors + enters * d, basis, triangle, DEPENDENT):
            place[enters] = STUCK
            continue
        free[size] = enters
        place[enters] = FREE
        size += 1
        while size > 0:
            step_to_free(d, most, size, basis, triangle, residual, step)
            k = advance(size, free, x, upper, step, place)
            residual_of(d, count, vectors, target, x, residual)
            if k < 0:
                break
            size = refactorised(d, most, k, size, free, vectors, basis, triangle, place)
        if place[enters] == FREE:
            for k in range(count):  # the point has moved: what was stuck may leave its bound now
                if place[k] == STUCK:
                    place[k] = BOUND
    return -1


def bounded_least_squares(vectors, target, upper):
    """x (k,) with 0 <= x <= upper (k,) that minimises |target - x.vectors|, for vectors (k, d) and target (d,).

    Where rounding keeps the method from an end, x is the last point, which obeys the bounds.
    """
    columns: cython.double[:, ::1] = np.require(vectors, np.float64, "CW")
    aim: cython.double[::1] = np.require(target, np.float64, "CW")
    most_of: cython.double[::1] = np.require(upper, np.float64, "CW")
    count: cython.Py_ssize_t = columns.shape[0]
    d: cython.Py_ssize_t = columns.shape[1]
    if aim.shape[0] != d or most_of.shape[0] != count:
        raise ValueError(f"{count} vectors of {d} entries, {aim.shape[0]} to reach, {most_of.shape[0]} bounds")
    x = np.zeros(count)
    if count == 0 or d == 0:
        return x
    most: cython.Py_ssize_t = min(d, count)
    work: cython.double[::1] = np.empty(most * (d + most + 1) + d + count)
    free: cython.Py_ssize_t[::1] = np.empty(most + 1, dtype=np.intp)
    place: cython.char[::1] = np.zeros(count, dtype=np.int8)
    found: cython.double[::1] = x
    with cython.nogil:
        active_set(
            d,
            count,
            cython.address(columns[0, 0]),
            cython.address(aim[0]),
            cython.address(most_of[0]),
            cython.address(found[0]),
            cython.address(work[0]),
            cython.address(free[0]),
            cython.address(place[0]),
        )
    return x
