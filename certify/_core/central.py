"""Where the interior-point method joins the central path of a majorant's relaxation (docs/theory.md, section 9.4)."""

import cython
from cython.cimports.certify._core.dense import dot
from cython.cimports.certify._core.relaxation import (
    adjoint_on_Z,
    cone_points,
    multiply,
    pairing,
    quadratic_values,
    vectors_of,
)
from cython.cimports.certify._core.round_cones import margin
from cython.cimports.certify._core.secular import least_multipliers
from cython.cimports.certify._core.structures import Iterate, Program
from cython.cimports.libc.math import sqrt

PUSH = cython.declare(cython.double, 0.05)  # how far inside the cones of the vectors a start begins


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def central_start(
    program: cython.pointer(Program),
    mu: cython.double,
    at: cython.pointer(Iterate),
    D: cython.p_double,
    work: cython.p_double,
) -> cython.void:
    """An interior iterate near the central path of parameter mu at the Z that is given: positive definite, equalities met.

    The cones of the vectors may be off Z: their points are pushed inside, and the method removes the difference. D (points, size);
    work (raised, size + 1) and 3 (size + 4)^2 more.
    """
    n: cython.Py_ssize_t = program.size
    q: cython.Py_ssize_t = program.lowered
    walled: cython.Py_ssize_t = program.walled
    i: cython.Py_ssize_t
    c: cython.Py_ssize_t
    shift: cython.double
    quadratic_values(program, at.Z, at.roots, work)
    for i in range(program.raised):
        shift = mu / (2.0 * program.raising_weight[i])
        at.roots[i] = at.roots[i] / (shift + sqrt(shift * shift + max(at.roots[i], 0.0)))
    multiply(q, n, n, program.lowering, n, 1, at.Z, n, 1, at.x)
    for i in range(q):
        x: cython.p_double = at.x + i * n
        for c in range(n):
            x[c] *= 0.5
        shift = (program.heads + 1) * mu / (2.0 * program.lowering_weight[i])
        shift += sqrt(shift * shift + dot(n, x, x))
        for c in range(n):
            x[c] += shift * at.Z[c]
    vectors_of(program, at.Z, at.x, D)
    cone_points(program, at.Z, at.roots, D, 1.0, at.sr, at.sz, at.sl, work)
    at.sb[0] = 1.0 - at.Z[n + 1] if program.heads == 2 else 1.0
    for i in range(program.points):
        s: cython.p_double = at.sz + i * program.cone
        s[0] = max(s[0], 1.1 * sqrt(dot(program.cone - 1, s + 1, s + 1)) + PUSH)
    for i in range(program.points * walled):
        at.sl[i] = max(at.sl[i], PUSH)
        at.zl[i] = mu / at.sl[i]
    reflected(program.raised, 3, mu, at.sr, at.zr)
    reflected(program.points, program.cone, mu, at.sz, at.zz)
    at.zb[0] = mu / at.sb[0] if program.heads == 2 else 0.0
    pairing(program, at.zz, at.zl, D)
    for i in range(2 * q):  # so that the first entries of the equation on x hold
        balance: cython.double = 2.0 * program.lowering_weight[i % q] / (D[(i % q) * n] + D[(q + i % q) * n])
        for c in range(program.cone):
            at.zz[i * program.cone + c] *= balance
        for c in range(walled):
            at.zl[i * walled + c] *= balance
    pairing(program, at.zz, at.zl, D)
    dual_slack(program, mu, at, D, work)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def reflected(
    m: cython.Py_ssize_t, k: cython.Py_ssize_t, mu: cython.double, s: cython.p_double, z: cython.p_double
) -> cython.void:
    """z = mu s^-1 of the Jordan algebra, row by row."""
    i: cython.Py_ssize_t
    c: cython.Py_ssize_t
    for i in range(m):
        factor: cython.double = mu / margin(k, s)
        z[0] = factor * s[0]
        for c in range(1, k):
            z[c] = -factor * s[c]
        s += k
        z += k


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def dual_slack(
    program: cython.pointer(Program),
    mu: cython.double,
    at: cython.pointer(Iterate),
    D: cython.p_double,
    work: cython.p_double,
) -> cython.void:
    """S positive definite and lam that satisfy the dual equation on Z; raises the bounded head's dual for that."""
    n: cython.Py_ssize_t = program.size
    lam = cython.declare(cython.double[3])
    i: cython.Py_ssize_t
    adjoint_on_Z(program, at.zr, D, at.zb[0], at.S, work)
    for i in range(n * n):
        at.S[i] += program.linear[i]
    lam[0] = 0.0
    lam[1] = 0.0
    lam[2] = 0.0
    least_multipliers(n, program.heads, at.S, cython.address(lam[0]), work)
    for i in range(n * n):
        at.S[i] = -at.S[i]
    at.lam[0] = lam[0] + 3.0 * mu
    at.lam[1] = lam[program.heads] + 3.0 * mu * (n - program.heads)
    at.S[0] += at.lam[0]
    for i in range(program.heads, n):
        at.S[i * n + i] += at.lam[1]
    if program.heads == 2:
        raised: cython.double = lam[1] + 3.0 * mu
        at.zb[0] += raised
        at.S[n + 1] += raised
