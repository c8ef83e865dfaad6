"""The least multipliers above a quadratic on the directions of a majorant (docs/theory.md, section 9.4): proposals, proved elsewhere.

For Q in coordinates (1, z) or (1, t, z): the least lam_1 (+ lam_t) + lam with Diag(lam_1 (, lam_t), lam, ..., lam) - Q positive
semidefinite and lam_t >= 0. For fixed lam the heads are a Schur complement of one or two rows, whose best multipliers are explicit; what is
left is a convex function of lam above the largest eigenvalue (a secular equation is where its slope vanishes), minimised on a
geometric grid that is refined around its best point.
"""

import cython
import numpy as np
from cython.cimports.certify._core.dense import dot
from cython.cimports.certify._core.spectra import eigh
from cython.cimports.libc.math import fabs, ldexp, sqrt

LEAST = cython.declare(cython.double, 2.0**-900)
LOW = cython.declare(cython.int, -43)  # the grid begins at 2^LOW and ends at 2^HIGH of what couples the heads to z
HIGH = cython.declare(cython.int, 3)
HALVINGS = cython.declare(
    cython.int, 26
)  # of the logarithm of the grid's ratio: with two heads the least sum may lie at a kink


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def multipliers_at(
    n: cython.Py_ssize_t,
    heads: cython.Py_ssize_t,
    q: cython.p_double,
    values: cython.p_double,
    coupling: cython.p_double,
    lam: cython.double,
    out: cython.p_double,
) -> cython.double:
    """The best multipliers for this lam, in out (heads + 1), and their sum."""
    size: cython.Py_ssize_t = n - heads
    first: cython.double = q[0]
    cross: cython.double = 0.0
    second: cython.double = 0.0
    i: cython.Py_ssize_t
    out[heads] = lam
    for i in range(size):
        first += coupling[i] * coupling[i] / max(lam - values[i], LEAST)
    if heads == 1:
        out[0] = first
        return first + lam
    cross = q[n]
    second = q[n + 1]
    for i in range(size):
        weight: cython.double = 1.0 / max(lam - values[i], LEAST)
        cross += coupling[i] * coupling[size + i] * weight
        second += coupling[size + i] * coupling[size + i] * weight
    cross = fabs(cross)
    out[1] = max(second + cross, 0.0)
    room: cython.double = max(out[1] - second, LEAST)
    out[0] = first + (cross * (cross / room) if cross > 0.0 else 0.0)
    return out[0] + out[1] + lam


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def least_multipliers(
    n: cython.Py_ssize_t,
    heads: cython.Py_ssize_t,
    q: cython.p_double,
    best: cython.p_double,
    work: cython.p_double,
) -> cython.double:
    """The multipliers (heads + 1) above the symmetric q, whose lower triangle is read, and their sum; NaN where an entry is not finite.

    work has room for 2 (n + 4)^2 numbers.
    """
    size: cython.Py_ssize_t = n - heads
    tail: cython.p_double = work
    vectors: cython.p_double = tail + size * size
    values: cython.p_double = vectors + size * size
    coupling: cython.p_double = values + size
    spare: cython.p_double = coupling + 2 * size
    tried = cython.declare(cython.double[3])
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    nothing: cython.double = 0.0
    for i in range(size):
        for j in range(i + 1):
            tail[i * size + j] = q[(heads + i) * n + heads + j]
            tail[j * size + i] = tail[i * size + j]
    if not eigh(size, tail, values, vectors, spare):
        return nothing / nothing
    squares: cython.double = 0.0
    corner: cython.double = 0.0
    for i in range(heads):
        for j in range(size):
            spare[j] = q[(heads + j) * n + i]
        for j in range(size):
            coupling[i * size + j] = dot(size, vectors + j * size, spare)
            squares += coupling[i * size + j] * coupling[i * size + j]
        for j in range(i + 1):
            corner = max(corner, fabs(q[i * n + j]))
    largest: cython.double = values[size - 1]
    corner = max(corner, max(fabs(values[0]), fabs(largest)))
    reach: cython.double = sqrt(squares) + 1e-12 * corner + LEAST
    least: cython.double = 0.0
    above: cython.double = 0.0
    total: cython.double
    step: cython.int
    for step in range(LOW, HIGH + 1):
        total = multipliers_at(n, heads, q, values, coupling, largest + ldexp(reach, step), cython.address(tried[0]))
        if step == LOW or total < least:
            least = total
            above = ldexp(reach, step)
    ratio: cython.double = 2.0
    for step in range(HALVINGS):
        ratio = sqrt(ratio)
        up: cython.double = above * ratio
        down: cython.double = above / ratio
        total = multipliers_at(n, heads, q, values, coupling, largest + up, cython.address(tried[0]))
        if total < least:
            least = total
            above = up
        else:
            total = multipliers_at(n, heads, q, values, coupling, largest + down, cython.address(tried[0]))
            if total < least:
                least = total
                above = down
    return multipliers_at(n, heads, q, values, coupling, largest + above, best)


def best_multipliers(q: cython.double[:, ::1], heads: cython.Py_ssize_t):
    """The multipliers (lam_1 (, lam_t), lam) above a quadratic (n, n), of which the lower triangle is read; NaN where there are none."""
    n: cython.Py_ssize_t = q.shape[0]
    if q.shape[1] != n or not 1 <= heads <= 2 or n <= heads:
        raise ValueError(f"no quadratic of {heads} heads has the shape {n} x {q.shape[1]}")
    best = np.full(heads + 1, np.nan)
    out: cython.double[::1] = best
    work: cython.double[::1] = np.empty(2 * (n + 4) * (n + 4))
    least_multipliers(n, heads, cython.address(q[0, 0]), cython.address(out[0]), cython.address(work[0]))
    return best
