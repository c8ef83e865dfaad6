"""The point of a zonotope that is nearest to a given one: the inner problem of difference-of-convex ascents (docs/theory.md, section 9.6).

Unproved: who uses a direction evaluates it.
"""

import cython
import numpy as np
from cython.cimports.certify._core.dense import dot
from cython.cimports.libc.math import sqrt


def nearest_in_zonotope(
    rows: cython.double[:, ::1],
    target: cython.double[::1],
    t: cython.double[::1],
    rate: cython.double,
    steps: cython.Py_ssize_t,
):
    """t (q,) in the unit box that nearly minimises |target - rows't|, from the t given: Nesterov's accelerated projected gradients.

    rows (q, N); rate: 1 / the largest eigenvalue of rows'rows. Raises ValueError where the shapes do not match.
    """
    q: cython.Py_ssize_t = rows.shape[0]
    n: cython.Py_ssize_t = rows.shape[1]
    if target.shape[0] != n or t.shape[0] != q:
        raise ValueError(f"{q} x {n} rows, but {t.shape[0]} coefficients and a point of {target.shape[0]}")
    best = np.array(t)
    if q == 0 or n == 0:
        return best
    now: cython.double[::1] = best
    ahead: cython.double[::1] = np.array(t)
    residual: cython.double[::1] = np.empty(n)
    momentum: cython.double = 1.0
    step: cython.Py_ssize_t
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    with cython.nogil:
        for step in range(steps):
            for i in range(n):
                residual[i] = -target[i]
            for j in range(q):
                for i in range(n):
                    residual[i] += ahead[j] * rows[j, i]
            at: cython.p_double = cython.address(residual[0])
            raised: cython.double = (1.0 + sqrt(1.0 + 4.0 * momentum * momentum)) / 2.0
            carried: cython.double = (momentum - 1.0) / raised
            for i in range(q):
                moved: cython.double = ahead[i] - rate * dot(n, cython.address(rows[i, 0]), at)
                moved = min(max(moved, 0.0), 1.0)
                ahead[i] = moved + carried * (moved - now[i])
                now[i] = moved
            momentum = raised
    return best
