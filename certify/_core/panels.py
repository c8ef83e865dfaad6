"""Sums of outer products, and Cholesky factors, of symmetric matrices: the heavy part of a Newton system.

Rows x of a tall matrix come in panels: panel p of k rows holds their entries 4p..4p+3, row by row, so that entry (t, j) lies at
[(j / 4) 4 k + 4 t + j mod 4]; entries that pad the last panel are zero. Of a symmetric matrix the tiles of four by four on and
above the diagonal are kept, in rows of `row` numbers, a multiple of four.
"""

import cython
from cython.cimports.certify._core.factors import cholesky, solve_transposed


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def tile(k: cython.Py_ssize_t, a: cython.p_double, b: cython.p_double, out: cython.p_double) -> cython.void:
    """out[4, 4] = a'b of two panels of k rows; the inner loops become two-lane arithmetic."""
    s = cython.declare(cython.double[16])
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    t: cython.Py_ssize_t
    for i in range(16):
        s[i] = 0.0
    for t in range(k):
        for i in range(4):
            for j in range(4):
                s[4 * i + j] += a[i] * b[j]
        a += 4
        b += 4
    for i in range(16):
        out[i] = s[i]


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def add_products(
    k: cython.Py_ssize_t,
    panels: cython.Py_ssize_t,
    a: cython.p_double,
    b: cython.p_double,
    both: cython.bint,
    c: cython.p_double,
    row: cython.Py_ssize_t,
) -> cython.void:
    """c += a'b, where that is symmetric, or c += a'b + b'a (`both`), on and above the diagonal, of panels of k rows."""
    one = cython.declare(cython.double[16])
    other = cython.declare(cython.double[16])
    first: cython.Py_ssize_t
    p: cython.Py_ssize_t
    q: cython.Py_ssize_t
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    for first in range(0, panels, 8):  # eight panels stay in the first cache while others stream past
        last: cython.Py_ssize_t = min(first + 8, panels)
        for p in range(last):
            for q in range(max(first, p), last):
                tile(k, a + 4 * k * p, b + 4 * k * q, cython.address(one[0]))
                if both:
                    tile(k, b + 4 * k * p, a + 4 * k * q, cython.address(other[0]))
                    for i in range(16):
                        one[i] += other[i]
                at: cython.p_double = c + 4 * p * row + 4 * q
                for i in range(4):
                    for j in range(4):
                        at[i * row + j] += one[4 * i + j]


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def factor(n: cython.Py_ssize_t, c: cython.p_double, row: cython.Py_ssize_t, panel: cython.p_double) -> cython.bint:
    """R with R'R = C over c's upper triangle, n a multiple of four; False unless C is positive definite to rounding.

    panel has room for 96 n numbers.
    """
    start: cython.Py_ssize_t
    t: cython.Py_ssize_t
    j: cython.Py_ssize_t
    for start in range(0, n, 48):  # as many rows are made before the rest is updated
        k: cython.Py_ssize_t = min(48, n - start)
        rest: cython.Py_ssize_t = n - start - k
        corner: cython.p_double = c + start * row + start
        if not cholesky(k, corner, row):
            return False
        if rest == 0:
            break
        beside: cython.p_double = corner + k
        solve_transposed(k, corner, row, rest, beside, row)
        less: cython.p_double = panel + k * rest
        for t in range(k):
            for j in range(rest):
                place: cython.Py_ssize_t = (j // 4) * 4 * k + 4 * t + j % 4
                panel[place] = beside[t * row + j]
                less[place] = -beside[t * row + j]
        add_products(k, rest // 4, less, panel, False, beside + k * row, row)
    return True


def symmetric_products(
    a: cython.double[:, ::1], b: cython.double[:, ::1], both: cython.bint, c: cython.double[:, ::1]
) -> cython.void:
    """As `add_products` for rows a and b (k, n), n a multiple of four; c (n, n) is complete on and above its diagonal."""
    k: cython.Py_ssize_t = a.shape[0]
    n: cython.Py_ssize_t = a.shape[1]
    if n % 4 or b.shape[0] != k or b.shape[1] != n or c.shape[0] != n or c.shape[1] != n:
        raise ValueError("two matrices of one shape and a square one are needed, of a multiple of four columns")
    if k == 0 or n == 0:
        return
    left: cython.double[:, ::1] = cython.view.array(shape=(n, k), itemsize=8, format="d")
    right: cython.double[:, ::1] = cython.view.array(shape=(n, k), itemsize=8, format="d")
    one: cython.p_double = cython.address(left[0, 0])
    other: cython.p_double = cython.address(right[0, 0])
    t: cython.Py_ssize_t
    j: cython.Py_ssize_t
    for t in range(k):
        for j in range(n):
            one[(j // 4) * 4 * k + 4 * t + j % 4] = a[t, j]
            other[(j // 4) * 4 * k + 4 * t + j % 4] = b[t, j]
    with cython.nogil:
        add_products(k, n // 4, one, other, both, cython.address(c[0, 0]), n)


def factor_symmetric(c: cython.double[:, ::1]) -> bool:
    """As `factor`, for the upper triangle of c (n, n), n a multiple of four."""
    n: cython.Py_ssize_t = c.shape[0]
    if n % 4 or n == 0 or c.shape[1] != n:
        raise ValueError(f"a square matrix of a multiple of four rows is needed, not {n} x {c.shape[1]}")
    panel: cython.double[:, ::1] = cython.view.array(shape=(n, 96), itemsize=8, format="d")
    return factor(n, cython.address(c[0, 0]), n, cython.address(panel[0, 0]))
