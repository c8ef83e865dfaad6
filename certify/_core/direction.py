"""Newton directions of a majorant's relaxation, and how far they stay inside the cones (docs/theory.md, section 9.4).

The cones' equation of a direction is W^-1 ds + W dz = c, and dY + dX = `scaled` for Z and S in the basis T; predictor and corrector
differ in these right-hand sides alone.
"""

import cython
from cython.cimports.certify._core.dense import gemm
from cython.cimports.certify._core.elimination import eliminate, times_second
from cython.cimports.certify._core.newton import solve_system
from cython.cimports.certify._core.relaxation import (
    adjoint_on_Z,
    cone_points,
    iterate_length,
    lay_out,
    multiply,
    pairing,
    quadratic_values,
    vectors_of,
)
from cython.cimports.certify._core.round_cones import divide, lowest_rate
from cython.cimports.certify._core.spectra import eigh
from cython.cimports.certify._core.structures import Iterate, Program, Scaling, Step, System
from cython.cimports.libc.math import fabs, sqrt


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def step_space(program: cython.pointer(Program), padded: cython.Py_ssize_t) -> cython.Py_ssize_t:
    """How many numbers `lay_out_step` lays out."""
    n: cython.Py_ssize_t = program.size
    cones: cython.Py_ssize_t = 3 * program.raised + program.points * (program.cone + program.walled)
    vectors: cython.Py_ssize_t = program.points * n
    work: cython.Py_ssize_t = program.raised * (n + 1) + 3 * (n + 4) * (n + 4) + 4 * n * n
    return iterate_length(program) + 4 * n * n + 3 * cones + vectors + program.raised + 2 * vectors + padded + work


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def lay_out_step(
    program: cython.pointer(Program),
    padded: cython.Py_ssize_t,
    numbers: cython.p_double,
    step: cython.pointer(Step),
) -> cython.void:
    """Room for a direction and for what it is made from."""
    n: cython.Py_ssize_t = program.size
    raised: cython.Py_ssize_t = 3 * program.raised
    cones: cython.Py_ssize_t = program.points * program.cone
    walls: cython.Py_ssize_t = program.points * program.walled
    vectors: cython.Py_ssize_t = program.points * n
    lay_out(program, numbers, cython.address(step.move))
    step.dY = numbers + step.move.length
    step.dX = step.dY + n * n
    step.scaled = step.dX + n * n
    step.on_Z = step.scaled + n * n
    step.cr = step.on_Z + n * n
    step.cz = step.cr + raised
    step.cl = step.cz + cones
    step.near_r = step.cl + walls
    step.near_z = step.near_r + raised
    step.near_l = step.near_z + cones
    step.far_r = step.near_l + walls
    step.far_z = step.far_r + raised
    step.far_l = step.far_z + cones
    step.D = step.far_l + walls
    step.on_roots = step.D + vectors
    step.on_x = step.on_roots + program.raised
    step.back = step.on_x + vectors
    step.rhs = step.back + vectors
    step.work = step.rhs + padded


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def residuals_of(
    program: cython.pointer(Program),
    at: cython.pointer(Iterate),
    out: cython.pointer(Iterate),
    D: cython.p_double,
    work: cython.p_double,
) -> cython.double:
    """What the optimality conditions miss: on Z, roots and x of the duals, in out.Z, .roots and .x; of the cones' points, in out.sr to .sb.

    Returns the largest of the latter. D (points, size) and work (raised, size + 1) are room.
    """
    n: cython.Py_ssize_t = program.size
    count: cython.Py_ssize_t = program.lowered * n
    i: cython.Py_ssize_t
    worst: cython.double = 0.0
    vectors_of(program, at.Z, at.x, D)
    cone_points(program, at.Z, at.roots, D, 1.0, out.sr, out.sz, out.sl, work)
    out.sb[0] = 1.0 - at.Z[n + 1] if program.heads == 2 else at.sb[0]
    for i in range(at.zr - at.sr):
        out.sr[i] -= at.sr[i]
        worst = max(worst, fabs(out.sr[i]))
    pairing(program, at.zz, at.zl, D)
    adjoint_on_Z(program, at.zr, D, at.zb[0], out.Z, work)
    for i in range(n * n):
        out.Z[i] = -program.linear[i] - out.Z[i] - at.S[i]
    out.Z[0] += at.lam[0]
    for i in range(program.heads, n):
        out.Z[i * n + i] += at.lam[1]
    for i in range(program.raised):
        out.roots[i] = -program.raising_weight[i] - 2.0 * at.zr[3 * i + 2]
    for i in range(count):
        out.x[i] = -D[i] - D[count + i]
    for i in range(program.lowered):
        out.x[i * n] += 2.0 * program.lowering_weight[i]
    return worst


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def direction(
    program: cython.pointer(Program),
    at: cython.pointer(Iterate),
    scaling: cython.pointer(Scaling),
    system: cython.pointer(System),
    residuals: cython.pointer(Iterate),
    step: cython.pointer(Step),
) -> cython.void:
    """The Newton direction for cr, cz, cl, cb and scaled: `move`, and dX, dY; near = W^-1 ds, far = W dz; the rates of leaving the cones."""
    n: cython.Py_ssize_t = program.size
    count: cython.Py_ssize_t = program.lowered * n
    walls: cython.Py_ssize_t = program.points * program.walled
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    e: cython.Py_ssize_t
    pull_b: cython.double = 0.0
    # what the cones ask for on their duals: W^-1 (c - W^-1 gap); far is room
    divide(program.raised, 3, scaling.wr, scaling.er, residuals.sr, step.far_r)
    divide(program.points, program.cone, scaling.wz, scaling.ez, residuals.sz, step.far_z)
    for i in range(walls):
        step.far_l[i] = scaling.wl[i] * residuals.sl[i]
    for i in range(step.D - step.far_r):
        step.far_r[i] = step.cr[i] - step.far_r[i]
    divide(program.raised, 3, scaling.wr, scaling.er, step.far_r, step.far_r)
    divide(program.points, program.cone, scaling.wz, scaling.ez, step.far_z, step.far_z)
    for i in range(walls):
        step.far_l[i] *= scaling.wl[i]
    if program.heads == 2:
        pull_b = scaling.wb * (step.cb - scaling.wb * residuals.sb[0])
    pairing(program, step.far_z, step.far_l, step.D)
    adjoint_on_Z(program, step.far_r, step.D, pull_b, step.on_Z, step.work)
    for i in range(program.raised):
        step.on_roots[i] = 2.0 * step.far_r[3 * i + 2] - residuals.roots[i]
    for i in range(count):
        step.back[i] = step.D[i] + step.D[count + i] - residuals.x[i]
    # on_x in the basis T, and what x, once eliminated, leaves of it on Z b
    multiply(program.lowered, n, n, step.back, n, 1, system.T, n, 1, step.on_x)
    for i in range(count):
        step.back[i] = step.on_x[i]
    eliminate(program, system, step.back)
    times_second(program, system, step.back, step.back)
    # the reduced right-hand side on Z, then in the basis T
    reduced: cython.p_double = step.work
    for i in range(n * n):
        step.on_Z[i] -= residuals.Z[i]
    weighted: cython.p_double = step.work + n * n
    for i in range(program.raised):
        factor: cython.double = system.cross[i] * step.on_roots[i] / system.corner[i]
        for j in range(n):
            weighted[i * n + j] = factor * program.raising[i * n + j]
    multiply(n, n, program.raised, weighted, 1, n, program.raising, n, 1, reduced)
    for i in range(n * n):
        step.on_Z[i] -= reduced[i]
    multiply(n, n, n, system.T, 1, n, step.on_Z, n, 1, reduced)
    multiply(n, n, n, reduced, n, 1, system.T, n, 1, step.on_Z)
    gemm(n, n, program.lowered, step.back, 1, n, system.lowering, n, 1, step.on_Z, n)
    for e in range(system.padded):
        i = system.row[e]
        j = system.column[e]
        mean: cython.double = 0.5 * (step.on_Z[i * n + j] + step.on_Z[j * n + i])
        step.rhs[e] = system.weight[e] * (mean + step.scaled[i * n + j])
    solve_system(system, step.rhs, step.move.lam)
    for e in range(system.entries):
        mean = step.rhs[e] / system.weight[e]
        step.dY[system.row[e] * n + system.column[e]] = mean
        step.dY[system.column[e] * n + system.row[e]] = mean
    back_substitute(program, system, residuals, step)
    for i in range(step.near_r - step.cr):
        step.near_r[i] = step.move.sr[i]
    divide(program.raised, 3, scaling.wr, scaling.er, step.near_r, step.near_r)
    divide(program.points, program.cone, scaling.wz, scaling.ez, step.near_z, step.near_z)
    for i in range(walls):
        step.near_l[i] *= scaling.wl[i]
    for i in range(step.near_r - step.cr):
        step.far_r[i] = step.cr[i] - step.near_r[i]
    divide(program.raised, 3, scaling.wr, scaling.er, step.far_r, step.move.zr)
    divide(program.points, program.cone, scaling.wz, scaling.ez, step.far_z, step.move.zz)
    for i in range(walls):
        step.move.zl[i] = scaling.wl[i] * step.far_l[i]
    step.move.zb[0] = 0.0
    if program.heads == 2:
        step.near_b = scaling.wb * step.move.sb[0]
        step.far_b = step.cb - step.near_b
        step.move.zb[0] = scaling.wb * step.far_b
    step.primal = min(least_eigenvalue(n, step.dY, system.spectrum, step.work), primal_rate(program, at, step))
    step.dual = min(least_eigenvalue(n, step.dX, system.spectrum, step.work), dual_rate(program, at, step))


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def back_substitute(
    program: cython.pointer(Program),
    system: cython.pointer(System),
    residuals: cython.pointer(Iterate),
    step: cython.pointer(Step),
) -> cython.void:
    """From dY: dX, dZ, and the roots, the x and the cones' points that were eliminated."""
    n: cython.Py_ssize_t = program.size
    count: cython.Py_ssize_t = program.lowered * n
    turned: cython.p_double = step.work
    values: cython.p_double = step.work + program.raised * n
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    for i in range(n * n):
        step.dX[i] = step.scaled[i] - step.dY[i]
    multiply(n, n, n, system.T, n, 1, step.dY, n, 1, turned)
    multiply(n, n, n, turned, n, 1, system.T, 1, n, step.on_Z)
    for i in range(n):
        for j in range(n):
            step.move.Z[i * n + j] = 0.5 * (step.on_Z[i * n + j] + step.on_Z[j * n + i])
    quadratic_values(program, step.move.Z, values, step.work)
    for i in range(program.raised):
        step.move.roots[i] = (step.on_roots[i] - system.cross[i] * values[i]) / system.corner[i]
    multiply(program.lowered, n, n, system.lowering, n, 1, step.dY, n, 1, step.back)
    times_second(program, system, step.back, step.back)
    for i in range(count):
        step.back[i] += step.on_x[i]
    eliminate(program, system, step.back)
    multiply(program.lowered, n, n, step.back, n, 1, system.T, 1, n, step.move.x)
    vectors_of(program, step.move.Z, step.move.x, step.D)
    cone_points(program, step.move.Z, step.move.roots, step.D, 0.0, step.move.sr, step.move.sz, step.move.sl, step.work)
    for i in range(step.move.sb - step.move.sr):
        step.move.sr[i] += residuals.sr[i]
    step.move.sb[0] = residuals.sb[0] - step.move.Z[n + 1] if program.heads == 2 else 0.0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def least_eigenvalue(
    n: cython.Py_ssize_t, D: cython.p_double, spectrum: cython.p_double, work: cython.p_double
) -> cython.double:
    """Of diag(spectrum)^-1/2 D diag(spectrum)^-1/2; NaN where an entry is not finite. work has room for n^2 + 4 n numbers."""
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    nothing: cython.double = 0.0
    values: cython.p_double = work + n * n
    for i in range(n):
        values[i] = 1.0 / sqrt(spectrum[i])
    for i in range(n):
        for j in range(n):
            work[i * n + j] = 0.5 * (D[i * n + j] + D[j * n + i]) * (values[i] * values[j])
    if not eigh(n, work, values, cython.NULL, values + n):
        return nothing / nothing
    return values[0]


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def primal_rate(
    program: cython.pointer(Program), at: cython.pointer(Iterate), step: cython.pointer(Step)
) -> cython.double:
    """The least rate at which a primal cone is left."""
    lowest: cython.double = lowest_rate(program.raised, 3, at.sr, step.move.sr)
    i: cython.Py_ssize_t
    lowest = min(lowest, lowest_rate(program.points, program.cone, at.sz, step.move.sz))
    for i in range(program.points * program.walled):
        lowest = min(lowest, step.move.sl[i] / at.sl[i])
    return min(lowest, step.move.sb[0] / at.sb[0]) if program.heads == 2 else lowest


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def dual_rate(
    program: cython.pointer(Program), at: cython.pointer(Iterate), step: cython.pointer(Step)
) -> cython.double:
    """The least rate at which a dual cone is left."""
    lowest: cython.double = lowest_rate(program.raised, 3, at.zr, step.move.zr)
    i: cython.Py_ssize_t
    lowest = min(lowest, lowest_rate(program.points, program.cone, at.zz, step.move.zz))
    for i in range(program.points * program.walled):
        lowest = min(lowest, step.move.zl[i] / at.zl[i])
    return min(lowest, step.move.zb[0] / at.zb[0]) if program.heads == 2 else lowest
