"""The semidefinite relaxation of a majorant's node: its linear maps, and what its duals come to (docs/theory.md, section 9.4).

    min -<Q0, Z> - g.roots + h.(2 x - Z b)_1,  Z psd, Z_11 = 1, trace Z_zz = 1, and in their cones
    sr (raised, 3)            (a'Za + 1, a'Za - 1, 2 root) of every raising hinge a
    sz (points, cone)         (V_1, V_z) of the vectors V: first the x, then the x - Z b of the lowering hinges b, then the Z l of the sides
    sl (points, walled)       r.V >= 0 for every wall r: the sides l, and with a bounded head t also (1, -1) and (1, 1)
    sb                        1 - Z_tt, with a bounded head

with duals zr, zz, zl, zb, S of Z and lam (2) of the two equalities. Matrices are stored by rows; sizes: Z of order `size`, of which
`heads` are heads; `raised`, `lowered`, `cut` hinges a, b and sides l; points = 2 lowered + cut. `linear` is Q0 + (h b)_1, what
is linear in Z altogether. Nothing here is trusted: a bound is proved from the multipliers afresh.
"""

import cython
from cython.cimports.certify._core.dense import dot, gemm
from cython.cimports.certify._core.secular import least_multipliers
from cython.cimports.certify._core.structures import Iterate, Multipliers, Program
from cython.cimports.libc.math import fabs, sqrt

INSIDE = cython.declare(cython.double, 1.0 - 1e-11)  # keeps |y.v| <= 1 whatever its rounding


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def iterate_length(program: cython.pointer(Program)) -> cython.Py_ssize_t:
    """How many numbers an iterate has."""
    n: cython.Py_ssize_t = program.size
    cones: cython.Py_ssize_t = 3 * program.raised + program.points * (program.cone + program.walled) + 1
    return 2 * n * n + program.raised + program.lowered * n + 2 + 2 * cones


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def lay_out(program: cython.pointer(Program), numbers: cython.p_double, at: cython.pointer(Iterate)) -> cython.void:
    """The parts of an iterate lie behind one another in the order Z, S, roots, x, lam, sr, sz, sl, sb, zr, zz, zl, zb."""
    n: cython.Py_ssize_t = program.size
    cones: cython.Py_ssize_t = program.points * program.cone
    walls: cython.Py_ssize_t = program.points * program.walled
    at.length = iterate_length(program)
    at.Z = numbers
    at.S = at.Z + n * n
    at.roots = at.S + n * n
    at.x = at.roots + program.raised
    at.lam = at.x + program.lowered * n
    at.sr = at.lam + 2
    at.sz = at.sr + 3 * program.raised
    at.sl = at.sz + cones
    at.sb = at.sl + walls
    at.zr = at.sb + 1
    at.zz = at.zr + 3 * program.raised
    at.zl = at.zz + cones
    at.zb = at.zl + walls


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def multiply(
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
) -> cython.void:
    """c[m, n] = a[m, k] b[k, n], c's rows without a gap."""
    i: cython.Py_ssize_t
    for i in range(m * n):
        c[i] = 0.0
    gemm(m, n, k, a, a_row, a_col, b, b_row, b_col, c, n)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def quadratic_values(
    program: cython.pointer(Program), Z: cython.p_double, out: cython.p_double, work: cython.p_double
) -> cython.void:
    """a'Za of every raising hinge, in out (raised); work (raised, size)."""
    n: cython.Py_ssize_t = program.size
    i: cython.Py_ssize_t
    multiply(program.raised, n, n, program.raising, n, 1, Z, n, 1, work)
    for i in range(program.raised):
        out[i] = dot(n, work + i * n, program.raising + i * n)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def vectors_of(
    program: cython.pointer(Program), Z: cython.p_double, x: cython.p_double, out: cython.p_double
) -> cython.void:
    """The vectors V (points, size): x, x - Z b and Z l."""
    n: cython.Py_ssize_t = program.size
    count: cython.Py_ssize_t = program.lowered * n
    second: cython.p_double = out + count
    i: cython.Py_ssize_t
    multiply(program.lowered, n, n, program.lowering, n, 1, Z, n, 1, second)
    for i in range(count):
        out[i] = x[i]
        second[i] = x[i] - second[i]
    multiply(program.cut, n, n, program.sides, n, 1, Z, n, 1, second + count)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def cone_points(
    program: cython.pointer(Program),
    Z: cython.p_double,
    roots: cython.p_double,
    vectors: cython.p_double,
    constant: cython.double,
    sr: cython.p_double,
    sz: cython.p_double,
    sl: cython.p_double,
    work: cython.p_double,
) -> cython.void:
    """What Z, roots and the vectors say of the cones' points; constant: 1, or 0 for steps. work (raised, size + 1)."""
    n: cython.Py_ssize_t = program.size
    values: cython.p_double = work + program.raised * n
    i: cython.Py_ssize_t
    c: cython.Py_ssize_t
    quadratic_values(program, Z, values, work)
    for i in range(program.raised):
        sr[3 * i] = values[i] + constant
        sr[3 * i + 1] = values[i] - constant
        sr[3 * i + 2] = 2.0 * roots[i]
    for i in range(program.points):
        sz[0] = vectors[i * n]
        for c in range(1, program.cone):
            sz[c] = vectors[i * n + program.heads + c - 1]
        sz += program.cone
    if program.walled:
        multiply(program.points, program.walled, n, vectors, n, 1, program.walls, 1, n, sl)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def pairing(
    program: cython.pointer(Program), zz: cython.p_double, zl: cython.p_double, out: cython.p_double
) -> cython.void:
    """D (points, size) such that the duals of the vectors pair with them to sum <D_i, V_i>."""
    n: cython.Py_ssize_t = program.size
    i: cython.Py_ssize_t
    c: cython.Py_ssize_t
    multiply(program.points, n, program.walled, zl, program.walled, 1, program.walls, n, 1, out)
    for i in range(program.points):
        out[0] += zz[0]
        for c in range(1, program.cone):
            out[program.heads + c - 1] += zz[c]
        out += n
        zz += program.cone


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def adjoint_on_Z(
    program: cython.pointer(Program),
    zr: cython.p_double,
    D: cython.p_double,
    zb: cython.double,
    out: cython.p_double,
    work: cython.p_double,
) -> cython.void:
    """The adjoint of the maps on Z, in out (size, size); work (raised, size)."""
    n: cython.Py_ssize_t = program.size
    q: cython.Py_ssize_t = program.lowered
    i: cython.Py_ssize_t
    c: cython.Py_ssize_t
    multiply(n, n, q, D + q * n, 1, n, program.lowering, n, 1, out)
    for i in range(n * n):
        out[i] = -out[i]
    for i in range(program.raised):
        for c in range(n):
            work[i * n + c] = (zr[3 * i] + zr[3 * i + 1]) * program.raising[i * n + c]
    gemm(n, n, program.raised, work, 1, n, program.raising, n, 1, out, n)
    gemm(n, n, program.cut, D + 2 * q * n, 1, n, program.sides, n, 1, out, n)
    symmetrize(n, out)
    if program.heads == 2:
        out[n + 1] -= zb


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def symmetrize(n: cython.Py_ssize_t, a: cython.p_double) -> cython.void:
    """a becomes (a + a') / 2."""
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    for i in range(n):
        for j in range(i):
            mean: cython.double = (a[i * n + j] + a[j * n + i]) / 2.0
            a[i * n + j] = mean
            a[j * n + i] = mean


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def primal_value(
    program: cython.pointer(Program), Z: cython.p_double, x: cython.p_double, work: cython.p_double
) -> cython.double:
    """The relaxation's objective, to be maximised, at Z and x, the roots as large as they may be; work (raised, size + 1)."""
    n: cython.Py_ssize_t = program.size
    values: cython.p_double = work + program.raised * n
    total: cython.double = dot(n * n, program.linear, Z)
    i: cython.Py_ssize_t
    quadratic_values(program, Z, values, work)
    for i in range(program.raised):
        total += program.raising_weight[i] * sqrt(max(values[i], 0.0))
    for i in range(program.lowered):
        total -= 2.0 * program.lowering_weight[i] * x[i * n]
    return total


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def tail_size(program: cython.pointer(Program), x: cython.p_double) -> cython.double:
    """The norm dual to the directions' of x without its first head: the sum of the blocks' norms."""
    size: cython.double = sqrt(dot(program.size - program.heads, x + program.heads, x + program.heads))
    return size + fabs(x[1]) if program.heads == 2 else size


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def majorant_of(
    program: cython.pointer(Program),
    zr: cython.p_double,
    zz: cython.p_double,
    zl: cython.p_double,
    found: cython.pointer(Multipliers),
    quadratic: cython.p_double,
    D: cython.p_double,
    work: cython.p_double,
) -> cython.double:
    """The majorant that these duals are, drawn in until it is one: its multipliers, its quadratic, and what it bounds the gain by.

    growth (raised)             1 / (2 w) in units of g: the hinge is below g^2 / (4 growth) + growth (a.v)^2
    slopes (lowered, size)      y with |y.v| <= 1, for the reasons above and below (lowered, cut) >= 0 of section 9.4
    normals (cut, size)         n.v >= 0 for all directions
    pairs (cut, cut)            rho >= 0 of (l.v)(l'.v), the diagonal left out
    quadratic, D, work: (size, size), (points, size), and the larger of (raised, size) and 2 (size + 4)^2.
    """
    n: cython.Py_ssize_t = program.size
    q: cython.Py_ssize_t = program.lowered
    m: cython.Py_ssize_t = program.cut
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    c: cython.Py_ssize_t
    y: cython.p_double
    lam = cython.declare(cython.double[3])
    constant: cython.double = 0.0
    for i in range(program.raised):
        found.growth[i] = max(zr[3 * i] + zr[3 * i + 1], 2.0**-200)
        constant += program.raising_weight[i] * program.raising_weight[i] / (4.0 * found.growth[i])
        for c in range(n):
            work[i * n + c] = found.growth[i] * program.raising[i * n + c]
    multiply(n, n, program.raised, work, 1, n, program.raising, n, 1, quadratic)
    pairing(program, zz, zl, D)
    for j in range(q):
        for i in range(m):
            found.above[j * m + i] = max(zl[j * program.walled + i], 0.0)
            found.below[j * m + i] = max(zl[(q + j) * program.walled + i], 0.0)
    # D's first rows, those of x, are not needed any more
    multiply(q, n, m, found.above, m, 1, program.sides, n, 1, D)
    multiply(q, n, m, found.below, m, 1, program.sides, n, 1, found.slopes)
    for j in range(q):
        h: cython.double = program.lowering_weight[j]
        y = found.slopes + j * n
        for c in range(n):
            D[j * n + c] += D[(q + j) * n + c]
            y[c] = D[(q + j) * n + c] - y[c]
        head: cython.double = D[(q + j) * n]
        excess: cython.double = max(tail_size(program, D + j * n) + head - 2.0 * h, 0.0)
        excess = max(excess, tail_size(program, y) - head)
        factor: cython.double = INSIDE / (1.0 + excess / h) / h
        for c in range(n):
            y[c] = factor * D[(q + j) * n + c]
        y[0] = factor * (head - h)
        for i in range(m):
            found.above[j * m + i] *= factor
            found.below[j * m + i] *= factor
        for c in range(n):
            D[(q + j) * n + c] = -h * y[c]
        D[(q + j) * n] -= h
    gemm(n, n, q, D + q * n, 1, n, program.lowering, n, 1, quadratic, n)
    for i in range(m):
        y = found.normals + i * n
        for j in range(m):
            found.pairs[i * m + j] = max(zl[(2 * q + i) * program.walled + j], 0.0)
        for c in range(n):
            y[c] = 0.0
        gemm(1, n, m, found.pairs + i * m, m, 1, program.sides, n, 1, y, n)
        found.pairs[i * m + i] = 0.0
        for c in range(n):
            y[c] = D[(2 * q + i) * n + c] - y[c]
        head = max(y[0], 0.0)
        shrink: cython.double = INSIDE * min(1.0, head / max(tail_size(program, y), 2.0**-400))
        for c in range(n):
            y[c] *= shrink
        y[0] = head
        for c in range(n):
            D[(2 * q + i) * n + c] = y[c]
        gemm(1, n, m, found.pairs + i * m, m, 1, program.sides, n, 1, D + (2 * q + i) * n, n)
    gemm(n, n, m, D + 2 * q * n, 1, n, program.sides, n, 1, quadratic, n)
    symmetrize(n, quadratic)
    for i in range(n * n):
        quadratic[i] += program.linear[i]
    quadratic[0] += constant
    return least_multipliers(n, program.heads, quadratic, cython.address(lam[0]), work)
