"""Second-order cones |tail| <= top in the primal-dual method with Nesterov-Todd scaling: many of one dimension, a row each.

W = eta [[w0, w1'], [w1, I + w1 w1' / (1 + w0)]] with W z = W^-1 s = lam; o is the Jordan product (x.y, x0 y1 + y0 x1). Exact
mathematics in floats (Vandenberghe, The CVXOPT linear and quadratic cone program solvers, 2010); nothing here is trusted by a bound.
"""

import cython
from cython.cimports.libc.math import sqrt


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def margin(k: cython.Py_ssize_t, x: cython.p_double) -> cython.double:
    """top^2 - |tail|^2, without cancellation of the squares."""
    tail: cython.double = 0.0
    c: cython.Py_ssize_t
    for c in range(1, k):
        tail += x[c] * x[c]
    tail = sqrt(tail)
    return (x[0] - tail) * (x[0] + tail)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def bend(
    k: cython.Py_ssize_t,
    w: cython.p_double,
    sign: cython.double,
    factor: cython.double,
    x: cython.p_double,
    out: cython.p_double,
) -> cython.void:
    """out = factor [[w0, sign w1'], [sign w1, I + w1 w1' / (1 + w0)]] x; out may be x."""
    along: cython.double = 0.0
    c: cython.Py_ssize_t
    for c in range(1, k):
        along += w[c] * x[c]
    along *= sign
    shift: cython.double = sign * (x[0] + along / (1.0 + w[0]))
    out[0] = factor * (w[0] * x[0] + along)
    for c in range(1, k):
        out[c] = factor * (x[c] + w[c] * shift)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def scale(
    m: cython.Py_ssize_t,
    k: cython.Py_ssize_t,
    s: cython.p_double,
    z: cython.p_double,
    w: cython.p_double,
    eta: cython.p_double,
    lam: cython.p_double,
) -> cython.void:
    """The scaling of every row of s and z (m, k), both inside their cones: w (m, k), eta (m), and lam (m, k)."""
    i: cython.Py_ssize_t
    c: cython.Py_ssize_t
    for i in range(m):
        size_s: cython.double = sqrt(margin(k, s))
        size_z: cython.double = sqrt(margin(k, z))
        along: cython.double = 0.0
        for c in range(k):
            along += s[c] / size_s * (z[c] / size_z)
        half: cython.double = 2.0 * sqrt((1.0 + along) / 2.0)
        square: cython.double = 1.0
        for c in range(1, k):
            w[c] = (s[c] / size_s - z[c] / size_z) / half
            square += w[c] * w[c]
        w[0] = sqrt(square)
        eta[i] = sqrt(size_s / size_z)
        bend(k, w, 1.0, eta[i], z, lam)
        s += k
        z += k
        w += k
        lam += k


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def divide(
    m: cython.Py_ssize_t,
    k: cython.Py_ssize_t,
    w: cython.p_double,
    eta: cython.p_double,
    x: cython.p_double,
    out: cython.p_double,
) -> cython.void:
    """out = W^-1 x, row by row; out may be x."""
    i: cython.Py_ssize_t
    for i in range(m):
        bend(k, w + i * k, -1.0, 1.0 / eta[i], x + i * k, out + i * k)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def correct(
    m: cython.Py_ssize_t,
    k: cython.Py_ssize_t,
    lam: cython.p_double,
    a: cython.p_double,
    b: cython.p_double,
    centre: cython.double,
    out: cython.p_double,
) -> cython.void:
    """The x with lam o x = centre e - lam o lam - a o b, row by row."""
    i: cython.Py_ssize_t
    c: cython.Py_ssize_t
    for i in range(m):
        first: cython.double = centre - lam[0] * lam[0] - a[0] * b[0]
        along: cython.double = 0.0
        for c in range(1, k):
            first -= lam[c] * lam[c] + a[c] * b[c]
            out[c] = -2.0 * lam[0] * lam[c] - a[0] * b[c] - b[0] * a[c]
            along += lam[c] * out[c]
        out[0] = (lam[0] * first - along) / margin(k, lam)
        for c in range(1, k):
            out[c] = (out[c] - out[0] * lam[c]) / lam[0]
        lam += k
        a += k
        b += k
        out += k


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def lowest_rate(m: cython.Py_ssize_t, k: cython.Py_ssize_t, x: cython.p_double, dx: cython.p_double) -> cython.double:
    """The least rate, 0 at most, at which a row of x + t dx leaves its cone: all stay inside while t > -1 / rate.

    In the frame where x is the unit (1, 0) it is the least eigenvalue of dx.
    """
    lowest: cython.double = 0.0
    i: cython.Py_ssize_t
    c: cython.Py_ssize_t
    for i in range(m):
        size: cython.double = sqrt(margin(k, x))
        along: cython.double = x[0] * dx[0]
        for c in range(1, k):
            along -= x[c] * dx[c]
        along /= size
        shift: cython.double = (along + dx[0]) / (1.0 + x[0] / size) / size
        tail: cython.double = 0.0
        for c in range(1, k):
            part: cython.double = dx[c] - x[c] * shift
            tail += part * part
        lowest = min(lowest, (along - sqrt(tail)) / size)
        x += k
        dx += k
    return lowest


def scaled(
    s: cython.double[:, ::1],
    z: cython.double[:, ::1],
    w: cython.double[:, ::1],
    eta: cython.double[::1],
    lam: cython.double[:, ::1],
) -> cython.void:
    """As `scale`."""
    m: cython.Py_ssize_t = s.shape[0]
    k: cython.Py_ssize_t = s.shape[1]
    if z.shape[0] != m or w.shape[0] != m or lam.shape[0] != m or z.shape[1] != k:
        raise ValueError("points, duals and scalings differ in number")
    if w.shape[1] != k or lam.shape[1] != k:
        raise ValueError("points, duals and scalings differ in dimension")
    if eta.shape[0] != m or m == 0 or k == 0:
        raise ValueError(f"no scaling of {m} cones of dimension {k} in {eta.shape[0]} factors")
    at: cython.p_double = cython.address(s[0, 0])
    scale(m, k, at, cython.address(z[0, 0]), cython.address(w[0, 0]), cython.address(eta[0]), cython.address(lam[0, 0]))


def unscaled(
    w: cython.double[:, ::1], eta: cython.double[::1], x: cython.double[:, ::1], out: cython.double[:, ::1]
) -> cython.void:
    """As `divide`."""
    m: cython.Py_ssize_t = w.shape[0]
    k: cython.Py_ssize_t = w.shape[1]
    if x.shape[0] != m or x.shape[1] != k or out.shape[0] != m or out.shape[1] != k or eta.shape[0] != m or m * k == 0:
        raise ValueError("points and scalings differ in shape")
    divide(m, k, cython.address(w[0, 0]), cython.address(eta[0]), cython.address(x[0, 0]), cython.address(out[0, 0]))


def corrected(
    lam: cython.double[:, ::1],
    a: cython.double[:, ::1],
    b: cython.double[:, ::1],
    centre: cython.double,
    out: cython.double[:, ::1],
) -> cython.void:
    """As `correct`."""
    m: cython.Py_ssize_t = lam.shape[0]
    k: cython.Py_ssize_t = lam.shape[1]
    if a.shape[0] != m or b.shape[0] != m or out.shape[0] != m or m * k == 0:
        raise ValueError("points differ in number")
    if a.shape[1] != k or b.shape[1] != k or out.shape[1] != k:
        raise ValueError("points differ in dimension")
    at: cython.p_double = cython.address(lam[0, 0])
    correct(m, k, at, cython.address(a[0, 0]), cython.address(b[0, 0]), centre, cython.address(out[0, 0]))


def rate_of_leaving(x: cython.double[:, ::1], dx: cython.double[:, ::1]) -> float:
    """As `lowest_rate`."""
    if dx.shape[0] != x.shape[0] or dx.shape[1] != x.shape[1] or x.shape[0] * x.shape[1] == 0:
        raise ValueError("points and steps differ in shape")
    return lowest_rate(x.shape[0], x.shape[1], cython.address(x[0, 0]), cython.address(dx[0, 0]))
