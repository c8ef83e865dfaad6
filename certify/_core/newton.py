"""The Newton system of a majorant's relaxation: every cone eliminated into the N(N+1)/2 entries of Z (docs/theory.md, section 9.4).

In the basis T of the Nesterov-Todd scaling, dZ = T dY T', the semidefinite cone is the identity and a root a row of rank one. The
vectors x are eliminated (`elimination.py`); what they leave of their cones, and the forms of the sides, are quadratic forms F in
vectors Z v. With v in the basis T the form (Y v)'F (Y v) has, between the entries (a, k) and (b, l) of Y, the means over their
orders of F_ab v_k v_l: one symmetric product of two tall matrices gives them all.
"""

import cython
from cython.cimports.certify._core.dense import dot
from cython.cimports.certify._core.elimination import add_vectors, elimination_space, lay_out_elimination
from cython.cimports.certify._core.factors import cholesky, solve_transposed
from cython.cimports.certify._core.panels import add_products, factor
from cython.cimports.certify._core.relaxation import multiply
from cython.cimports.certify._core.round_cones import scale
from cython.cimports.certify._core.spectra import eigh
from cython.cimports.certify._core.structures import Iterate, Program, Scaling, System
from cython.cimports.libc.math import sqrt

TALL = cython.declare(
    cython.Py_ssize_t, 64
)  # rows of a portion of the tall matrices; loops have it as a number, as C needs


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def system_space(program: cython.pointer(Program)) -> cython.Py_ssize_t:
    """How many numbers `lay_out_system` lays out; two times padded indices come besides."""
    n: cython.Py_ssize_t = program.size
    padded: cython.Py_ssize_t = (n * (n + 1) // 2 + 3) // 4 * 4
    own: cython.Py_ssize_t = (
        2 * padded * padded + (3 + 2 * TALL) * padded + 2 * program.raised + 2 * n + 8 * n * n + 4 * n
    )
    return own + program.raised * n + elimination_space(program)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def lay_out_system(
    program: cython.pointer(Program),
    numbers: cython.p_double,
    places: cython.pointer(cython.Py_ssize_t),
    system: cython.pointer(System),
) -> cython.void:
    """Room for a system, and the places of the entries of Y: the lower triangle, row by row."""
    n: cython.Py_ssize_t = program.size
    square: cython.Py_ssize_t = n * n
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    e: cython.Py_ssize_t = 0
    system.entries = n * (n + 1) // 2
    system.padded = (system.entries + 3) // 4 * 4
    system.row = places
    system.column = places + system.padded
    system.weight = numbers
    system.normals = system.weight + system.padded
    system.H = system.normals + 2 * system.padded
    system.M = system.H + system.padded * system.padded
    system.panels = system.M + system.padded * system.padded
    system.cross = system.panels + 2 * TALL * system.padded
    system.corner = system.cross + program.raised
    system.spectrum = system.corner + program.raised
    system.T = system.spectrum + n
    system.work = system.T + square
    system.raising = system.work + 6 * square + 5 * n
    lay_out_elimination(program, system.raising + program.raised * n, system)
    for i in range(n):
        for j in range(i + 1):
            system.row[e] = i
            system.column[e] = j
            system.weight[e] = 1.0 if i == j else sqrt(2.0)
            e += 1
    for e in range(system.entries, system.padded):
        system.row[e] = 0
        system.column[e] = 0
        system.weight[e] = 0.0  # what pads the system takes no part


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def scale_at(
    program: cython.pointer(Program), at: cython.pointer(Iterate), scaling: cython.pointer(Scaling)
) -> cython.void:
    """The scalings of all cones at an iterate; of a half-line W = wl = sqrt(z / s) is inverted, so that it multiplies like W^-1."""
    i: cython.Py_ssize_t
    scale(program.raised, 3, at.sr, at.zr, scaling.wr, scaling.er, scaling.lr)
    scale(program.points, program.cone, at.sz, at.zz, scaling.wz, scaling.ez, scaling.lz)
    for i in range(program.points * program.walled):
        scaling.wl[i] = sqrt(at.zl[i] / at.sl[i])
        scaling.ll[i] = sqrt(at.zl[i] * at.sl[i])
    if program.heads == 2:
        scaling.wb = sqrt(at.zb[0] / at.sb[0])
        scaling.lb = sqrt(at.zb[0] * at.sb[0])


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def scaling_basis(
    program: cython.pointer(Program), at: cython.pointer(Iterate), system: cython.pointer(System)
) -> cython.bint:
    """T and the spectrum with T^-1 Z T^-T = T'S T = diag(spectrum); False where Z or S is not positive definite."""
    n: cython.Py_ssize_t = program.size
    square: cython.Py_ssize_t = n * n
    lower: cython.p_double = system.work
    upper: cython.p_double = lower + square
    product: cython.p_double = upper + square
    vectors: cython.p_double = product + square
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    for i in range(square):
        lower[i] = at.Z[i]
        upper[i] = at.S[i]
    if not (cholesky(n, lower, n) and cholesky(n, upper, n)):
        return False
    for i in range(n):
        for j in range(i):
            lower[i * n + j] = 0.0
            upper[i * n + j] = 0.0
    # Z = R'R by rows of R, S = U'U: the squared spectrum is that of (U R')'(U R')
    multiply(n, n, n, upper, n, 1, lower, 1, n, product)
    multiply(n, n, n, product, 1, n, product, n, 1, upper)
    if not eigh(n, upper, system.spectrum, vectors, vectors + square):
        return False
    if not system.spectrum[0] > 0.0:
        return False
    for j in range(n):
        system.spectrum[j] = sqrt(system.spectrum[j])
        scaled: cython.double = 1.0 / sqrt(system.spectrum[j])
        for i in range(n):
            vectors[j * n + i] *= scaled
    multiply(n, n, n, lower, 1, n, vectors, 1, n, system.T)
    return True


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def factorize(
    program: cython.pointer(Program),
    at: cython.pointer(Iterate),
    scaling: cython.pointer(Scaling),
    system: cython.pointer(System),
) -> cython.bint:
    """The factorised system at an iterate, R of H and R^-T of the equalities' normals; False where it is not positive definite."""
    padded: cython.Py_ssize_t = system.padded
    n: cython.Py_ssize_t = program.size
    e: cython.Py_ssize_t
    i: cython.Py_ssize_t
    c: cython.Py_ssize_t
    k: cython.Py_ssize_t
    if not scaling_basis(program, at, system):
        return False
    if not add_vectors(program, scaling, system):
        return False
    reorder(system)
    add_roots(program, scaling, system)
    for e in range(padded):
        system.H[e * padded + e] += 1.0
    if not factor(padded, system.H, padded, system.panels):
        return False
    for e in range(padded):
        i = system.row[e]
        c = system.column[e]
        system.normals[e] = system.weight[e] * (system.T[i] * system.T[c])
        total: cython.double = 0.0
        for k in range(program.heads, n):
            total += system.T[k * n + i] * system.T[k * n + c]
        system.normals[padded + e] = system.weight[e] * total
    solve_transposed(padded, system.H, padded, 1, system.normals, 1)
    solve_transposed(padded, system.H, padded, 1, system.normals + padded, 1)
    # near a Z of rank one both equalities say nearly the same: their normals are made orthogonal
    one: cython.p_double = system.normals
    system.shared = dot(padded, one, one + padded) / dot(padded, one, one)
    for e in range(padded):
        one[padded + e] -= system.shared * one[e]
    return True


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def reorder(system: cython.pointer(System)) -> cython.void:
    """H on and above its diagonal from M: between (a, k) and (b, l), the mean of M[(a, b), (k, l)] and M[(k, b), (a, l)]."""
    padded: cython.Py_ssize_t = system.padded
    e: cython.Py_ssize_t
    f: cython.Py_ssize_t
    for e in range(padded * padded):
        system.H[e] = 0.0
    for e in range(system.entries):
        a: cython.Py_ssize_t = system.row[e]
        k: cython.Py_ssize_t = system.column[e]
        scaled: cython.double = 0.25 * system.weight[e]
        out: cython.p_double = system.H + e * padded
        for f in range(e, system.entries):
            b: cython.Py_ssize_t = system.row[f]
            l: cython.Py_ssize_t = system.column[f]
            total: cython.double = of_upper(system.M, padded, place(a, b), place(k, l))
            total += of_upper(system.M, padded, place(k, b), place(a, l))
            out[f] = total * (scaled * system.weight[f])


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def place(a: cython.Py_ssize_t, b: cython.Py_ssize_t) -> cython.Py_ssize_t:
    """Of entry (a, b) in the lower triangle."""
    high: cython.Py_ssize_t = max(a, b)
    return high * (high + 1) // 2 + min(a, b)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def of_upper(M: cython.p_double, row: cython.Py_ssize_t, i: cython.Py_ssize_t, j: cython.Py_ssize_t) -> cython.double:
    """Entry (i, j) of a symmetric matrix that is kept on and above its diagonal."""
    return M[min(i, j) * row + max(i, j)]


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def add_roots(
    program: cython.pointer(Program), scaling: cython.pointer(Scaling), system: cython.pointer(System)
) -> cython.void:
    """H: the forms in da'Za of the roots' cones, the roots eliminated, and of a bounded head's half-line.

    A cone (a'Za + 1, a'Za - 1, 2 root) has the form qq (da'Za)^2 + 2 qp da'Za droot + pp droot^2 up to a half; cross = qp, corner = pp.
    """
    n: cython.Py_ssize_t = program.size
    padded: cython.Py_ssize_t = system.padded
    count: cython.Py_ssize_t = program.raised + program.heads - 1
    start: cython.Py_ssize_t
    t: cython.Py_ssize_t
    p: cython.Py_ssize_t
    j: cython.Py_ssize_t
    multiply(program.raised, n, n, program.raising, n, 1, system.T, n, 1, system.raising)
    for start in range(0, count, 64):
        k: cython.Py_ssize_t = min(TALL, count - start)
        for t in range(k):
            i: cython.Py_ssize_t = start + t
            strength: cython.double = scaling.wb * scaling.wb
            row: cython.p_double = system.T + n
            if i < program.raised:
                w: cython.p_double = scaling.wr + 3 * i
                inverse: cython.double = 1.0 / (scaling.er[i] * scaling.er[i])
                difference: cython.double = w[0] - w[1]
                qp: cython.double = -4.0 * difference * w[2] * inverse
                pp: cython.double = (8.0 * w[2] * w[2] + 4.0) * inverse
                system.cross[i] = qp
                system.corner[i] = pp
                # qq - qp^2 / pp, without its cancellation
                strength = 2.0 * difference * difference * inverse / (1.0 + 2.0 * w[2] * w[2])
                row = system.raising + i * n
            one: cython.p_double = system.panels + 4 * t
            other: cython.p_double = system.panels + TALL * padded + 4 * t
            for p in range(padded // 4):
                for j in range(4):
                    e: cython.Py_ssize_t = 4 * p + j
                    entry: cython.double = row[system.row[e]] * row[system.column[e]] * system.weight[e]
                    one[j] = strength * entry
                    other[j] = entry
                one += 4 * k
                other += 4 * k
        add_products(k, padded // 4, system.panels, system.panels + TALL * padded, False, system.H, padded)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def solve_upper_once(
    n: cython.Py_ssize_t, r: cython.p_double, row: cython.Py_ssize_t, b: cython.p_double
) -> cython.void:
    """b becomes x with R x = b."""
    i: cython.Py_ssize_t
    for i in range(n - 1, -1, -1):
        b[i] = (b[i] - dot(n - i - 1, r + i * row + i + 1, b + i + 1)) / r[i * row + i]


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def solve_system(system: cython.pointer(System), rhs: cython.p_double, dlam: cython.p_double) -> cython.void:
    """rhs (padded) becomes the v with H v + normals' dlam = rhs that leaves both equalities as they are."""
    n: cython.Py_ssize_t = system.padded
    one: cython.p_double = system.normals
    two: cython.p_double = system.normals + n
    i: cython.Py_ssize_t
    solve_transposed(n, system.H, n, 1, rhs, 1)
    first: cython.double = dot(n, one, rhs) / dot(n, one, one)
    for i in range(n):
        rhs[i] -= first * one[i]
    second: cython.double = dot(n, two, rhs) / dot(n, two, two)
    for i in range(n):
        rhs[i] -= second * two[i]
    dlam[0] = first - system.shared * second
    dlam[1] = second
    solve_upper_once(n, system.H, n, rhs)
