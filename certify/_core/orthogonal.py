"""Orthonormal bases that grow by one vector after another, and what is orthogonal to them all."""

import cython
import numpy as np
from cython.cimports.libc.math import sqrt


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def inner(n: cython.Py_ssize_t, x: cython.p_double, y: cython.p_double) -> cython.double:
    """x.y, in four sums."""
    a: cython.double = 0.0
    b: cython.double = 0.0
    c: cython.double = 0.0
    d: cython.double = 0.0
    i: cython.Py_ssize_t = 0
    while i + 4 <= n:
        a += x[i] * y[i]
        b += x[i + 1] * y[i + 1]
        c += x[i + 2] * y[i + 2]
        d += x[i + 3] * y[i + 3]
        i += 4
    while i < n:
        a += x[i] * y[i]
        i += 1
    return (a + b) + (c + d)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def subtract(n: cython.Py_ssize_t, factor: cython.double, x: cython.p_double, y: cython.p_double) -> cython.void:
    """y <- y - factor x."""
    i: cython.Py_ssize_t
    for i in range(n):
        y[i] -= factor * x[i]


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def append(
    d: cython.Py_ssize_t,
    most: cython.Py_ssize_t,
    size: cython.Py_ssize_t,
    vector: cython.p_double,
    basis: cython.p_double,
    triangle: cython.p_double,
    least: cython.double,
) -> cython.bint:
    """Add a vector to the `size` factorised ones; false where no more than the share `least` of it is off their span.

    basis (most, d): an orthonormal row for each; triangle (most, most): column `size` holds the vector's coordinates in them.
    Orthogonalised twice, which is enough (Giraud, Langou, Rozloznik, Numerische Mathematik 101, 2005).
    """
    i: cython.Py_ssize_t
    turn: cython.int
    share: cython.double
    if size >= most:
        return False
    row: cython.p_double = basis + size * d
    for i in range(d):
        row[i] = vector[i]
    length: cython.double = sqrt(inner(d, vector, vector))
    for i in range(size):
        triangle[i * most + size] = 0.0
    for turn in range(2):
        for i in range(size):
            share = inner(d, basis + i * d, row)
            triangle[i * most + size] += share
            subtract(d, share, basis + i * d, row)
    rest: cython.double = sqrt(inner(d, row, row))
    if not rest > least * length:
        return False
    triangle[size * most + size] = rest
    for i in range(d):
        row[i] /= rest
    return True


def complement(rows, least: cython.double):
    """An orthonormal basis, as rows (q, d), of the vectors orthogonal to all rows (b, d).

    A row of which no more than the share `least` is off the span of those before it counts as one of them. ArithmeticError where the
    rows are too large to be normed.
    """
    vectors: cython.double[:, ::1] = np.require(rows, np.float64, "CW")
    b: cython.Py_ssize_t = vectors.shape[0]
    d: cython.Py_ssize_t = vectors.shape[1]
    size: cython.Py_ssize_t = 0
    rank: cython.Py_ssize_t
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    basis = np.zeros((d, d))
    if d == 0:
        return basis
    found: cython.double[:, ::1] = basis
    work: cython.double[::1] = np.zeros(d * d + d)
    triangle: cython.p_double = cython.address(work[0])
    unit: cython.p_double = triangle + d * d
    with cython.nogil:
        for i in range(b):
            if append(d, d, size, cython.address(vectors[i, 0]), cython.address(found[0, 0]), triangle, least):
                size += 1
        rank = size
        for i in range(d * (d - rank)):
            if size == d:
                break
            for j in range(d):
                unit[j] = 1.0 if j == i % d else 0.0
            # some unit vector has at least the mean share of its square off the span
            if append(d, d, size, unit, cython.address(found[0, 0]), triangle, 0.5 * sqrt((d - size) / (1.0 * d))):
                size += 1
    if size < d:
        raise ArithmeticError("the rows are too large to be normed")
    return basis[rank:]
