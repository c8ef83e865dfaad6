"""Cholesky, LU and QR factors of dense matrices, and the systems they solve, the same on every processor.

Matrices are stored by rows: entry (i, j) of a is a[i * row + j]. The algorithms are those of Golub and Van Loan, Matrix
Computations (4th edition), each in the order of loops whose innermost one runs along a row.
"""

import cython
from cython.cimports.certify._core.dense import dot
from cython.cimports.libc.math import fabs, sqrt


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def subtract(n: cython.Py_ssize_t, factor: cython.double, x: cython.p_double, y: cython.p_double) -> cython.void:
    """y -= factor x."""
    i: cython.Py_ssize_t
    for i in range(n):
        y[i] -= factor * x[i]


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def cholesky(n: cython.Py_ssize_t, a: cython.p_double, row: cython.Py_ssize_t) -> cython.bint:
    """R with R'R = A over the upper triangle of a, all that is read and written; False unless A is positive definite.

    Outer products (section 4.2.5). A factor with an entry that is not finite is none: False then too.
    """
    k: cython.Py_ssize_t
    i: cython.Py_ssize_t
    for k in range(n):
        top: cython.p_double = a + k * row
        if not (top[k] > 0.0 and top[k] - top[k] == 0.0):
            return False
        pivot: cython.double = sqrt(top[k])
        top[k] = pivot
        for i in range(k + 1, n):
            top[i] /= pivot
        for i in range(k + 1, n):
            subtract(n - i, top[i], top + i, a + i * row + i)
    return True  # an entry that is not finite would have spoilt the pivot of its column


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def solve_transposed(
    n: cython.Py_ssize_t,
    r: cython.p_double,
    row: cython.Py_ssize_t,
    m: cython.Py_ssize_t,
    b: cython.p_double,
    b_row: cython.Py_ssize_t,
) -> cython.void:
    """b[n, m] becomes X with R'X = b, R the upper triangle of r."""
    i: cython.Py_ssize_t
    k: cython.Py_ssize_t
    j: cython.Py_ssize_t
    for k in range(n):
        for j in range(m):
            b[k * b_row + j] /= r[k * row + k]
        if m == 1 and b_row == 1:
            subtract(n - k - 1, b[k], r + k * row + k + 1, b + k + 1)
        else:
            for i in range(k + 1, n):
                subtract(m, r[k * row + i], b + k * b_row, b + i * b_row)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def solve_upper(
    n: cython.Py_ssize_t,
    r: cython.p_double,
    row: cython.Py_ssize_t,
    m: cython.Py_ssize_t,
    b: cython.p_double,
    b_row: cython.Py_ssize_t,
) -> cython.void:
    """b[n, m] becomes X with R X = b, R the upper triangle of r."""
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    k: cython.Py_ssize_t
    for i in range(n - 1, -1, -1):
        for k in range(i + 1, n):
            subtract(m, r[i * row + k], b + k * b_row, b + i * b_row)
        for j in range(m):
            b[i * b_row + j] /= r[i * row + i]


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def swap(n: cython.Py_ssize_t, x: cython.p_double, y: cython.p_double) -> cython.void:
    """Exchange x and y."""
    i: cython.Py_ssize_t
    for i in range(n):
        kept: cython.double = x[i]
        x[i] = y[i]
        y[i] = kept


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def eliminate(
    n: cython.Py_ssize_t,
    a: cython.p_double,
    row: cython.Py_ssize_t,
    m: cython.Py_ssize_t,
    b: cython.p_double,
    b_row: cython.Py_ssize_t,
) -> cython.bint:
    """b[n, m] becomes X with A X = b by Gaussian elimination with partial pivoting (section 3.4), which destroys a.

    False where a pivot is zero or not a number.
    """
    i: cython.Py_ssize_t
    k: cython.Py_ssize_t
    for k in range(n):
        best: cython.Py_ssize_t = k
        for i in range(k + 1, n):
            if not fabs(a[i * row + k]) <= fabs(a[best * row + k]):
                best = i
        if not (fabs(a[best * row + k]) > 0.0):
            return False
        if best != k:
            swap(n - k, a + k * row + k, a + best * row + k)
            swap(m, b + k * b_row, b + best * b_row)
        for i in range(k + 1, n):
            factor: cython.double = a[i * row + k] / a[k * row + k]
            subtract(n - k - 1, factor, a + k * row + k + 1, a + i * row + k + 1)
            subtract(m, factor, b + k * b_row, b + i * b_row)
    solve_upper(n, a, row, m, b, b_row)
    return True


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def reflector(n: cython.Py_ssize_t, x: cython.p_double) -> cython.double:
    """tau of I - tau v v', v = (1, x[1:]), which takes x to a multiple of e_1; x holds the multiple, then v's tail.

    Section 5.1.3. tau = 0, the identity, where x[1:] is zero.
    """
    i: cython.Py_ssize_t
    rest: cython.double = dot(n - 1, x + 1, x + 1)
    if rest == 0.0:
        return 0.0
    head: cython.double = x[0]
    length: cython.double = sqrt(head * head + rest)
    pivot: cython.double = head + length if head > 0.0 else head - length  # both terms of one sign: nothing cancels
    for i in range(1, n):
        x[i] /= pivot
    x[0] = -length if head > 0.0 else length
    return pivot / length if head > 0.0 else -pivot / length


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def reflect(n: cython.Py_ssize_t, v: cython.p_double, tau: cython.double, x: cython.p_double) -> cython.void:
    """x becomes (I - tau v v') x, where v[0] stands for 1."""
    if tau == 0.0:
        return
    along: cython.double = tau * (x[0] + dot(n - 1, v + 1, x + 1))
    x[0] -= along
    subtract(n - 1, along, v + 1, x + 1)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def householder(
    m: cython.Py_ssize_t, n: cython.Py_ssize_t, columns: cython.p_double, taus: cython.p_double
) -> cython.void:
    """The QR factors of an m x n matrix, m >= n, whose COLUMNS are stored one after the other (section 5.2.2).

    Column j becomes the j + 1 entries of R's column and the tail of the j-th reflector's vector.
    """
    j: cython.Py_ssize_t
    k: cython.Py_ssize_t
    for j in range(n):
        taus[j] = reflector(m - j, columns + j * m + j)
        for k in range(j + 1, n):
            reflect(m - j, columns + j * m + j, taus[j], columns + k * m + j)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def form_columns(
    m: cython.Py_ssize_t, n: cython.Py_ssize_t, columns: cython.p_double, taus: cython.p_double, q: cython.p_double
) -> cython.void:
    """The n columns of Q, one after the other, of what `householder` left (section 5.1.6)."""
    j: cython.Py_ssize_t
    k: cython.Py_ssize_t
    i: cython.Py_ssize_t
    for j in range(n - 1, -1, -1):
        for i in range(m):
            q[j * m + i] = 0.0
        q[j * m + j] = 1.0
        for k in range(j, n):
            reflect(m - j, columns + j * m + j, taus[j], q + k * m + j)


def factor_positive(a: cython.double[:, ::1]) -> bool:
    """R with R'R = A over the upper triangle of a (its lower one is left); False where A is not positive definite."""
    if a.shape[0] != a.shape[1]:
        raise ValueError(f"a square matrix is needed, not one of {a.shape[0]} x {a.shape[1]}")
    return a.shape[0] == 0 or cholesky(a.shape[0], cython.address(a[0, 0]), a.shape[0])


def solve_factored(r: cython.double[:, ::1], b: cython.double[:, ::1]) -> cython.void:
    """b becomes X with R'R X = b, R the upper triangle of r."""
    n: cython.Py_ssize_t = r.shape[0]
    if r.shape[1] != n or b.shape[0] != n:
        raise ValueError(f"no system of {n} x {r.shape[1]} with {b.shape[0]} rows on its right")
    if n and b.shape[1]:
        with cython.nogil:
            solve_transposed(n, cython.address(r[0, 0]), n, b.shape[1], cython.address(b[0, 0]), b.shape[1])
            solve_upper(n, cython.address(r[0, 0]), n, b.shape[1], cython.address(b[0, 0]), b.shape[1])


def solve_general(a: cython.double[:, ::1], b: cython.double[:, ::1]) -> bool:
    """b becomes X with A X = b, and a is destroyed; False where A is singular."""
    n: cython.Py_ssize_t = a.shape[0]
    if a.shape[1] != n or b.shape[0] != n:
        raise ValueError(f"no system of {n} x {a.shape[1]} with {b.shape[0]} rows on its right")
    if n == 0:
        return True
    none: cython.double = 0.0  # a right-hand side without columns has no address
    right: cython.p_double = cython.address(b[0, 0]) if b.shape[1] else cython.address(none)
    return eliminate(n, cython.address(a[0, 0]), n, b.shape[1], right, b.shape[1])


def orthogonalize(columns: cython.double[:, ::1], taus: cython.double[::1], q: cython.double[:, ::1]) -> cython.void:
    """As `householder`, for the matrix whose columns are the rows of `columns`; Q's columns in the rows of q."""
    n: cython.Py_ssize_t = columns.shape[0]
    m: cython.Py_ssize_t = columns.shape[1]
    if m < n or taus.shape[0] != n or q.shape[0] != n or q.shape[1] != m:
        raise ValueError(f"no thin factors of {m} x {n}, {taus.shape[0]} reflectors and {q.shape[1]} x {q.shape[0]}")
    if n:
        with cython.nogil:
            householder(m, n, cython.address(columns[0, 0]), cython.address(taus[0]))
            form_columns(m, n, cython.address(columns[0, 0]), cython.address(taus[0]), cython.address(q[0, 0]))
