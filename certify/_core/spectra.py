"""Spectra of dense matrices, with results that do not depend on the processor.

Symmetric eigenvalue problems by Householder tridiagonalization and implicit QL (Golub and Van Loan, Matrix
Computations, 4th edition, sections 8.3.1 and 8.3.5; Wilkinson and Reinsch, Handbook for Automatic Computation, II/4);
singular values by one-sided Jacobi rotations (section 8.6.3; Demmel and Veselic, Jacobi's method is more accurate than
QR, 1992). Callers scale their matrices to entries of about 1, so that squares neither overflow nor vanish.
"""

import cython
from cython.cimports.certify._core.dense import dot
from cython.cimports.certify._core.factors import reflect, reflector, swap
from cython.cimports.libc.math import fabs, sqrt


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def rotate(
    n: cython.Py_ssize_t, c: cython.double, s: cython.double, x: cython.p_double, y: cython.p_double
) -> cython.void:
    """(x, y) becomes (c x - s y, s x + c y)."""
    i: cython.Py_ssize_t
    for i in range(n):
        kept: cython.double = x[i]
        x[i] = c * kept - s * y[i]
        y[i] = s * kept + c * y[i]


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def hypotenuse(a: cython.double, b: cython.double) -> cython.double:
    """sqrt(a^2 + b^2) to a few roundings, however small or large."""
    large: cython.double = max(fabs(a), fabs(b))
    small: cython.double = min(fabs(a), fabs(b))
    if large == 0.0:
        return 0.0
    ratio: cython.double = small / large
    return large * sqrt(1.0 + ratio * ratio)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def tridiagonalize(
    n: cython.Py_ssize_t,
    a: cython.p_double,
    diagonal: cython.p_double,
    beside: cython.p_double,
    taus: cython.p_double,
    w: cython.p_double,
) -> cython.void:
    """T = Q'AQ by its diagonal and the entries beside it, from all of a, which keeps reflectors above its diagonal."""
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    k: cython.Py_ssize_t
    for k in range(n - 1):
        rest: cython.Py_ssize_t = n - k - 1
        v: cython.p_double = a + k * n + k + 1
        block: cython.p_double = a + (k + 1) * n + k + 1
        tau: cython.double = reflector(rest, v)
        taus[k] = tau
        diagonal[k] = a[k * n + k]
        beside[k] = v[0]
        if tau == 0.0:
            continue
        v[0] = 1.0
        for j in range(rest):
            w[j] = 0.0
        for i in range(rest):
            for j in range(rest):
                w[j] += (tau * v[i]) * block[i * n + j]
        half: cython.double = 0.5 * tau * dot(rest, v, w)
        for j in range(rest):
            w[j] -= half * v[j]
        for i in range(rest):
            for j in range(rest):
                block[i * n + j] -= v[i] * w[j] + w[i] * v[j]
    diagonal[n - 1] = a[n * n - 1]


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def form_rows(n: cython.Py_ssize_t, a: cython.p_double, taus: cython.p_double, z: cython.p_double) -> cython.void:
    """z = Q' of what `tridiagonalize` left in a."""
    i: cython.Py_ssize_t
    k: cython.Py_ssize_t
    for i in range(n * n):
        z[i] = 0.0
    for i in range(n):
        z[i * n + i] = 1.0
    for k in range(n - 2, -1, -1):
        for i in range(k + 1, n):
            reflect(n - k - 1, a + k * n + k + 1, taus[k], z + i * n + k + 1)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def diagonalize(n: cython.Py_ssize_t, d: cython.p_double, e: cython.p_double, z: cython.p_double) -> cython.bint:
    """The matrix of diagonal d, with e beside it, becomes diagonal; every rotation turns z's rows along, unless NULL.

    Implicit QL with Wilkinson's shift; entries beside the diagonal vanish where they are below the rounding of the
    whole matrix (EISPACK's tql2). False where an entry is not finite, or 60 steps bring no eigenvalue (never seen).
    """
    size: cython.double = 0.0
    first: cython.Py_ssize_t
    last: cython.Py_ssize_t
    i: cython.Py_ssize_t
    step: cython.Py_ssize_t
    for i in range(n):
        here: cython.double = fabs(d[i]) + fabs(e[i])
        if here - here != 0.0:
            return False
        size = max(size, here)
    for first in range(n):
        for step in range(61):
            last = first  # of the block that holds together
            while last < n - 1 and not fabs(e[last]) <= 1.1102230246251565e-16 * size:
                last += 1
            if last == first:
                break
            if step == 60:
                return False
            g: cython.double = (d[first + 1] - d[first]) / (2.0 * e[first])
            r: cython.double = hypotenuse(g, 1.0)
            g = d[last] - d[first] + e[first] / (g + r if g >= 0.0 else g - r)
            s: cython.double = 1.0
            c: cython.double = 1.0
            p: cython.double = 0.0
            i = last - 1
            while i >= first:
                f: cython.double = s * e[i]
                b: cython.double = c * e[i]
                r = hypotenuse(f, g)
                e[i + 1] = r
                if r == 0.0:  # the matrix fell apart
                    d[i + 1] -= p
                    e[last] = 0.0
                    break
                s = f / r
                c = g / r
                g = d[i + 1] - p
                r = (d[i] - g) * s + 2.0 * c * b
                p = s * r
                d[i + 1] = g + p
                g = c * r - b
                if z != cython.NULL:
                    rotate(n, c, s, z + i * n, z + (i + 1) * n)
                i -= 1
            if i < first:
                d[first] -= p
                e[first] = g
                e[last] = 0.0
    return True


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def eigh(
    n: cython.Py_ssize_t, a: cython.p_double, values: cython.p_double, vectors: cython.p_double, work: cython.p_double
) -> cython.bint:
    """Ascending eigenvalues of the symmetric a, which is destroyed; unit eigenvectors in ROWS of vectors, unless NULL.

    work has room for 3 n numbers. False as of `diagonalize`.
    """
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    if n == 0:
        return True
    tridiagonalize(n, a, values, work, work + n, work + 2 * n)
    work[n - 1] = 0.0
    if vectors != cython.NULL:
        form_rows(n, a, work + n, vectors)
    if not diagonalize(n, values, work, vectors):
        return False
    for i in range(n - 1):
        least: cython.Py_ssize_t = i
        for j in range(i + 1, n):
            if values[j] < values[least]:
                least = j
        if least != i:
            swap(1, values + i, values + least)
            if vectors != cython.NULL:
                swap(n, vectors + i * n, vectors + least * n)
    return True


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def orthogonalize_rows(
    n: cython.Py_ssize_t, m: cython.Py_ssize_t, w: cython.p_double, turned: cython.p_double
) -> cython.void:
    """The n rows of w, of m entries, become orthogonal to one another by rotations, which turn `turned` along.

    At most 60 sweeps (six to ten are usual); each pair then has a cosine of at most m^(1/2) 2^-52. Rows below 2^-480
    are left.
    """
    tolerance: cython.double = sqrt(cython.cast(cython.double, m)) * 2.220446049250313e-16
    sweep: cython.Py_ssize_t
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    p: cython.Py_ssize_t
    for sweep in range(60):
        turns: cython.Py_ssize_t = 0
        for i in range(n - 1):
            for j in range(i + 1, n):
                x: cython.p_double = w + i * m
                y: cython.p_double = w + j * m
                xx: cython.double = 0.0
                yy: cython.double = 0.0
                xy: cython.double = 0.0
                for p in range(m):
                    xx += x[p] * x[p]
                    yy += y[p] * y[p]
                    xy += x[p] * y[p]
                if xx < 1e-289 or yy < 1e-289 or not fabs(xy) > tolerance * sqrt(xx) * sqrt(yy):
                    continue
                turns += 1
                zeta: cython.double = (yy - xx) / (2.0 * xy)
                t: cython.double = 1.0 / (fabs(zeta) + sqrt(1.0 + zeta * zeta))
                if zeta < 0.0:
                    t = -t
                c: cython.double = 1.0 / sqrt(1.0 + t * t)
                rotate(m, c, c * t, x, y)
                rotate(n, c, c * t, turned + i * n, turned + j * n)
        if turns == 0:
            return


def eigen_system(a: cython.double[:, ::1], values: cython.double[::1], vectors: cython.double[:, ::1] = None) -> bool:
    """As `eigh`: values, and vectors in rows if asked for; a is destroyed; False where an entry is not finite."""
    n: cython.Py_ssize_t = a.shape[0]
    if a.shape[1] != n or values.shape[0] != n:
        raise ValueError(f"no eigenvalues of {n} x {a.shape[1]} in {values.shape[0]} entries")
    if n == 0:
        return True
    rows: cython.p_double = cython.NULL
    if vectors is not None:
        if vectors.shape[0] != n or vectors.shape[1] != n:
            raise ValueError(f"no {n} eigenvectors in {vectors.shape[0]} x {vectors.shape[1]}")
        rows = cython.address(vectors[0, 0])
    work: cython.double[:, ::1] = cython.view.array(shape=(3, n), itemsize=8, format="d")
    return eigh(n, cython.address(a[0, 0]), cython.address(values[0]), rows, cython.address(work[0, 0]))


def jacobi(w: cython.double[:, ::1], turned: cython.double[:, ::1]) -> cython.void:
    """As `orthogonalize_rows`."""
    n: cython.Py_ssize_t = w.shape[0]
    if turned.shape[0] != n or turned.shape[1] != n:
        raise ValueError(f"{n} rows, but {turned.shape[0]} x {turned.shape[1]} to turn along")
    if n and w.shape[1]:
        with cython.nogil:
            orthogonalize_rows(n, w.shape[1], cython.address(w[0, 0]), cython.address(turned[0, 0]))
