"""Products of dense matrices with results that do not depend on the processor (numpy's depend on its BLAS's kernel).

Every entry of a product is one sum in one order, whatever the sizes, strides and neighbours: its terms are added in
order within blocks of 64, and the blocks' sums in order. Row i of A B is thus row i of A times B, to the bit; and an
entry errs by at most gamma(64 + k / 64) |a|.|b| (Higham, Accuracy and Stability of Numerical Algorithms, section 4.2),
far within gamma(k).
"""

import cython

if not cython.compiled:
    raise ImportError("certify's core is not compiled here: install the package, `pip install .`")


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def dot(n: cython.Py_ssize_t, x: cython.p_double, y: cython.p_double) -> cython.double:
    """x.y: eight blocks at a time, each in order."""
    total: cython.double = 0.0
    p: cython.Py_ssize_t = 0
    i: cython.Py_ssize_t
    while n - p >= 512:
        total = eight_blocks(total, x + p, y + p)
        p += 512
    while p < n:
        end: cython.Py_ssize_t = min(p + 64, n)
        part: cython.double = 0.0
        for i in range(p, end):
            part += x[i] * y[i]
        total += part
        p = end
    return total


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def eight_blocks(total: cython.double, x: cython.p_double, y: cython.p_double) -> cython.double:
    """The total so far with eight blocks more: eight independent sums keep the processor busy."""
    s0: cython.double = 0.0
    s1: cython.double = 0.0
    s2: cython.double = 0.0
    s3: cython.double = 0.0
    s4: cython.double = 0.0
    s5: cython.double = 0.0
    s6: cython.double = 0.0
    s7: cython.double = 0.0
    i: cython.Py_ssize_t
    for i in range(64):
        s0 += x[i] * y[i]
        s1 += x[i + 64] * y[i + 64]
        s2 += x[i + 128] * y[i + 128]
        s3 += x[i + 192] * y[i + 192]
        s4 += x[i + 256] * y[i + 256]
        s5 += x[i + 320] * y[i + 320]
        s6 += x[i + 384] * y[i + 384]
        s7 += x[i + 448] * y[i + 448]
    return (((((((total + s0) + s1) + s2) + s3) + s4) + s5) + s6) + s7


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def four_by_four(
    terms: cython.Py_ssize_t,
    a: cython.p_double,
    a_row: cython.Py_ssize_t,
    a_col: cython.Py_ssize_t,
    panel: cython.p_double,
    out: cython.p_double,
) -> cython.void:
    """out[4, 4] = a[4, terms] panel[terms, 4], each entry a sum in order; the inner loops become two-lane code."""
    s = cython.declare(cython.double[16])
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    p: cython.Py_ssize_t
    for i in range(16):
        s[i] = 0.0
    for p in range(terms):
        for i in range(4):
            for j in range(4):
                s[4 * i + j] += a[i * a_row] * panel[j]
        a += a_col
        panel += 4
    for i in range(16):
        out[i] = s[i]


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def one_by_four(
    terms: cython.Py_ssize_t, a: cython.p_double, a_col: cython.Py_ssize_t, panel: cython.p_double, out: cython.p_double
) -> cython.void:
    """out[4] = a[terms] panel[terms, 4]."""
    s = cython.declare(cython.double[4])
    j: cython.Py_ssize_t
    p: cython.Py_ssize_t
    for j in range(4):
        s[j] = 0.0
    for p in range(terms):
        for j in range(4):
            s[j] += a[p * a_col] * panel[4 * p + j]
    for j in range(4):
        out[j] = s[j]


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def four_by_one(
    terms: cython.Py_ssize_t,
    a: cython.p_double,
    a_row: cython.Py_ssize_t,
    a_col: cython.Py_ssize_t,
    column: cython.p_double,
    step: cython.Py_ssize_t,
    c: cython.p_double,
    c_row: cython.Py_ssize_t,
) -> cython.void:
    """c[4, 1] += a[4, terms] column[terms]."""
    s0: cython.double = 0.0
    s1: cython.double = 0.0
    s2: cython.double = 0.0
    s3: cython.double = 0.0
    p: cython.Py_ssize_t
    for p in range(terms):
        entry: cython.double = column[p * step]
        s0 += a[0] * entry
        s1 += a[a_row] * entry
        s2 += a[2 * a_row] * entry
        s3 += a[3 * a_row] * entry
        a += a_col
    c[0] += s0
    c[c_row] += s1
    c[2 * c_row] += s2
    c[3 * c_row] += s3


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def gemm(
    m: cython.Py_ssize_t,
    n: cython.Py_ssize_t,
    k: cython.Py_ssize_t,
    a: cython.p_double,
    a_row: cython.Py_ssize_t,
    a_col: cython.Py_ssize_t,
    b: cython.p_double,
    b_row: cython.Py_ssize_t,
    b_col: cython.Py_ssize_t,
    c: cython.p_double,
    c_row: cython.Py_ssize_t,
) -> cython.void:
    """c[m, n] += a[m, k] b[k, n]: a[i, p] lies at a[i * a_row + p * a_col], b likewise, c[i, j] at c[i * c_row + j].

    Four columns of 64 rows of b at a time are packed together; every four rows of a then meet them (Goto and van de
    Geijn, Anatomy of high-performance matrix multiplication, 2008, without its outer levels of caches).
    """
    panel = cython.declare(cython.double[256])
    tile = cython.declare(cython.double[16])
    start: cython.Py_ssize_t
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    p: cython.Py_ssize_t
    q: cython.Py_ssize_t
    for start in range(0, k, 64):
        terms: cython.Py_ssize_t = min(64, k - start)
        left: cython.p_double = a + start * a_col
        right: cython.p_double = b + start * b_row
        for j in range(0, n, 4):
            columns: cython.Py_ssize_t = min(4, n - j)
            whole: cython.Py_ssize_t = 0  # rows that four-row kernels have done
            if columns == 1:
                while whole + 4 <= m:
                    four_by_one(
                        terms,
                        left + whole * a_row,
                        a_row,
                        a_col,
                        right + j * b_col,
                        b_row,
                        c + whole * c_row + j,
                        c_row,
                    )
                    whole += 4
                if whole == m:
                    continue
            for p in range(terms):
                for q in range(4):
                    panel[4 * p + q] = right[p * b_row + (j + q) * b_col] if q < columns else 0.0
            while whole + 4 <= m:
                four_by_four(
                    terms, left + whole * a_row, a_row, a_col, cython.address(panel[0]), cython.address(tile[0])
                )
                for i in range(4):
                    for q in range(columns):
                        c[(whole + i) * c_row + j + q] += tile[4 * i + q]
                whole += 4
            for i in range(whole, m):
                one_by_four(terms, left + i * a_row, a_col, cython.address(panel[0]), cython.address(tile[0]))
                for q in range(columns):
                    c[i * c_row + j + q] += tile[q]


def multiply_add(
    a: cython.const[cython.double][:, :], b: cython.const[cython.double][:, :], c: cython.double[:, ::1]
) -> cython.void:
    """c += a b, where c shares no memory with a and b."""
    m: cython.Py_ssize_t = a.shape[0]
    k: cython.Py_ssize_t = a.shape[1]
    n: cython.Py_ssize_t = b.shape[1]
    if b.shape[0] != k or c.shape[0] != m or c.shape[1] != n:
        raise ValueError(f"no product of {m} x {k} and {b.shape[0]} x {n} into {c.shape[0]} x {c.shape[1]}")
    if m and k and n:
        left: cython.p_double = cython.cast(cython.p_double, cython.address(a[0, 0]))
        right: cython.p_double = cython.cast(cython.p_double, cython.address(b[0, 0]))
        with cython.nogil:
            gemm(
                m, n, k, left, a.strides[0] // 8, a.strides[1] // 8, right, b.strides[0] // 8, b.strides[1] // 8,
                cython.address(c[0, 0]), n,
            )  # fmt: skip


def inner(x: cython.const[cython.double][::1], y: cython.const[cython.double][::1]) -> float:
    """x.y for vectors of one length."""
    if x.shape[0] != y.shape[0]:
        raise ValueError(f"vectors of {x.shape[0]} and {y.shape[0]} entries have no product")
    if x.shape[0] == 0:
        return 0.0
    return dot(
        x.shape[0],
        cython.cast(cython.p_double, cython.address(x[0])),
        cython.cast(cython.p_double, cython.address(y[0])),
    )
