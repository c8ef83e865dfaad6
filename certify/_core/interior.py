"""A primal-dual interior-point method for a majorant's relaxation: Nesterov-Todd scaling, Mehrotra's predictor and corrector.

(Nesterov and Todd, Primal-dual interior-point methods for self-scaled cones, 1998; Mehrotra, 1992.) Nothing here is trusted. At every
step the duals are a majorant already, and the method stops as soon as it does not matter what comes next.
"""

import cython
import numpy as np
from cython.cimports.certify._core.central import central_start
from cython.cimports.certify._core.dense import dot
from cython.cimports.certify._core.direction import direction, lay_out_step, residuals_of, step_space
from cython.cimports.certify._core.newton import (
    factorize,
    lay_out_system,
    scale_at,
    system_space,
)
from cython.cimports.certify._core.relaxation import (
    iterate_length,
    lay_out,
    majorant_of,
    multiply,
    primal_value,
)
from cython.cimports.certify._core.round_cones import correct
from cython.cimports.certify._core.structures import Iterate, Method, Program, Scaling, Step, System
from cython.cimports.libc.math import fabs
from cython.cimports.libc.string import memcpy

DAMPING = cython.declare(cython.double, 0.98)
HONEST = cython.declare(cython.double, 1e-4)  # how far off a primal point may be for its value to be believed
SHORTEST = cython.declare(cython.double, 1e-6)  # a step below it is none: float64 has no more to give


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def step_from(method: cython.pointer(Method)) -> cython.double:
    """Moves the iterate by predictor and corrector; the shorter of the two steps, 0 where there is none."""
    program: cython.pointer(Program) = cython.address(method.program)
    at: cython.pointer(Iterate) = cython.address(method.at)
    residuals: cython.pointer(Iterate) = cython.address(method.residuals)
    scaling: cython.pointer(Scaling) = cython.address(method.scaling)
    system: cython.pointer(System) = cython.address(method.system)
    step: cython.pointer(Step) = cython.address(method.step)
    n: cython.Py_ssize_t = program.size
    raised: cython.Py_ssize_t = 3 * program.raised
    round_ones: cython.Py_ssize_t = program.points * program.cone
    walls: cython.Py_ssize_t = program.points * program.walled
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    scale_at(program, at, scaling)
    if not factorize(program, at, scaling, system):
        return 0.0
    for i in range(raised):
        step.cr[i] = -scaling.lr[i]
    for i in range(round_ones):
        step.cz[i] = -scaling.lz[i]
    for i in range(walls):
        step.cl[i] = -scaling.ll[i]
    step.cb = -scaling.lb
    for i in range(n * n):
        step.scaled[i] = 0.0
    for i in range(n):
        step.scaled[i * n + i] = -system.spectrum[i]
    direction(program, at, scaling, system, residuals, step)
    short: cython.double = max(1.0 - 1.0 / max(-min(step.primal, step.dual), 1.0), 0.0)
    centre: cython.double = max(short * short * short, 1e-8) * method.mu
    correct(program.raised, 3, scaling.lr, step.near_r, step.far_r, centre, step.cr)
    correct(program.points, program.cone, scaling.lz, step.near_z, step.far_z, centre, step.cz)
    for i in range(walls):
        step.cl[i] = (centre - scaling.ll[i] * scaling.ll[i] - step.near_l[i] * step.far_l[i]) / scaling.ll[i]
    if program.heads == 2:
        step.cb = (centre - scaling.lb * scaling.lb - step.near_b * step.far_b) / scaling.lb
    multiply(n, n, n, step.dY, n, 1, step.dX, n, 1, system.work)
    for i in range(n):
        for j in range(n):
            target: cython.double = -0.5 * (system.work[i * n + j] + system.work[j * n + i])
            if i == j:
                target += centre - system.spectrum[i] * system.spectrum[i]
            step.scaled[i * n + j] = 2.0 * target / (system.spectrum[i] + system.spectrum[j])
    direction(program, at, scaling, system, residuals, step)
    primal: cython.double = min(1.0, DAMPING / max(-step.primal, 1e-300))
    dual: cython.double = min(1.0, DAMPING / max(-step.dual, 1e-300))
    if not min(primal, dual) > SHORTEST:
        return 0.0
    advance(program, at, system, step, primal, dual)
    return min(primal, dual)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def advance(
    program: cython.pointer(Program),
    at: cython.pointer(Iterate),
    system: cython.pointer(System),
    step: cython.pointer(Step),
    primal: cython.double,
    dual: cython.double,
) -> cython.void:
    """at += the step, its primal and its dual part by these lengths."""
    n: cython.Py_ssize_t = program.size
    turned: cython.p_double = system.work
    product: cython.p_double = turned + n * n
    dS: cython.p_double = step.move.S
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    # T^-1 = diag(1 / spectrum) T'S, so that dS = T^-T dX T^-1 needs no inverse
    multiply(n, n, n, at.S, n, 1, system.T, n, 1, turned)
    for i in range(n):
        for j in range(n):
            turned[i * n + j] /= system.spectrum[j]
    multiply(n, n, n, turned, n, 1, step.dX, n, 1, product)
    multiply(n, n, n, product, n, 1, turned, 1, n, dS)
    for i in range(n):
        for j in range(n):
            at.S[i * n + j] += dual * (0.5 * (dS[i * n + j] + dS[j * n + i]))
    for i in range(n * n):
        at.Z[i] += primal * step.move.Z[i]
    # roots and x, then sr to sb, lie behind one another; lam lies between, zr to zb last
    for i in range(at.lam - at.roots):
        at.roots[i] += primal * step.move.roots[i]
    for i in range(2):
        at.lam[i] += dual * step.move.lam[i]
    for i in range(at.zr - at.sr):
        at.sr[i] += primal * step.move.sr[i]
    for i in range(at.zb + 1 - at.zr):
        at.zr[i] += dual * step.move.zr[i]


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def complementarity(program: cython.pointer(Program), at: cython.pointer(Iterate)) -> cython.double:
    """mu, the mean of the pairs' products."""
    n: cython.Py_ssize_t = program.size
    cones: cython.Py_ssize_t = program.raised + program.points * (1 + program.walled) + program.heads - 1
    total: cython.double = dot(n * n, at.Z, at.S) + dot(at.sb - at.sr, at.sr, at.zr)
    if program.heads == 2:
        total += at.sb[0] * at.zb[0]
    return total / (n + cones)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def space(program: cython.pointer(Program)) -> cython.Py_ssize_t:
    """How many numbers `lay_out_method` lays out."""
    n: cython.Py_ssize_t = program.size
    padded: cython.Py_ssize_t = (n * (n + 1) // 2 + 3) // 4 * 4
    cones: cython.Py_ssize_t = 3 * program.raised + program.points * (program.cone + program.walled)
    scales: cython.Py_ssize_t = 2 * cones + program.raised + program.points
    own: cython.Py_ssize_t = iterate_length(program) + cones
    return own + system_space(program) + step_space(program, padded) + scales


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def lay_out_method(
    method: cython.pointer(Method), numbers: cython.p_double, places: cython.pointer(cython.Py_ssize_t)
) -> cython.void:
    """Room for all that steps need; places: n (n + 1) + 8 indices."""
    program: cython.pointer(Program) = cython.address(method.program)
    n: cython.Py_ssize_t = program.size
    padded: cython.Py_ssize_t = (n * (n + 1) // 2 + 3) // 4 * 4
    round_ones: cython.Py_ssize_t = program.points * program.cone
    walls: cython.Py_ssize_t = program.points * program.walled
    scaling: cython.pointer(Scaling) = cython.address(method.scaling)
    lay_out(program, numbers, cython.address(method.residuals))
    method.duals = numbers + method.residuals.length
    numbers = method.duals + 3 * program.raised + round_ones + walls
    lay_out_system(program, numbers, places, cython.address(method.system))
    numbers += system_space(program)
    lay_out_step(program, padded, numbers, cython.address(method.step))
    scaling.wr = numbers + step_space(program, padded)
    scaling.lr = scaling.wr + 3 * program.raised
    scaling.er = scaling.lr + 3 * program.raised
    scaling.wz = scaling.er + program.raised
    scaling.lz = scaling.wz + round_ones
    scaling.ez = scaling.lz + round_ones
    scaling.wl = scaling.ez + program.points
    scaling.ll = scaling.wl + walls
    scaling.wb = 0.0
    scaling.lb = 0.0
    method.step.near_b = 0.0
    method.step.far_b = 0.0
    method.resolved = False


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def settled(method: cython.pointer(Method), rules: cython.p_double, first: cython.bint) -> cython.bint:
    """Whether the iterate is the last: its majorant, kept where it is the best yet, its value and the rules say so."""
    program: cython.pointer(Program) = cython.address(method.program)
    at: cython.pointer(Iterate) = cython.address(method.at)
    step: cython.pointer(Step) = cython.address(method.step)
    level: cython.double = rules[0]
    worst: cython.double = residuals_of(program, at, cython.address(method.residuals), step.D, step.work)
    bound: cython.double = majorant_of(
        program, at.zr, at.zz, at.zl, cython.address(method.best), step.on_Z, step.D, step.work
    )
    if first or bound < method.bound:
        method.bound = bound
        memcpy(method.duals, at.zr, (at.zb - at.zr) * cython.sizeof(cython.double))
    method.mu = complementarity(program, at)
    value: cython.double = primal_value(program, at.Z, at.x, step.work)
    gap: cython.double = method.bound - value
    honest: cython.bint = worst < HONEST
    method.resolved = honest and gap <= rules[3] * max(fabs(method.bound), fabs(level))
    # once the level is out of reach, what is left to gain is a bound for the queue and a point to branch at
    hopeless: cython.bint = honest and value > level
    hopeless = hopeless and gap <= min(rules[1] * (value - level), rules[2] * fabs(method.bound))
    finite: cython.bint = method.mu > 0.0 and method.mu - method.mu == 0.0
    return method.resolved or hopeless or method.bound <= level or not finite


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def best_majorant(method: cython.pointer(Method)) -> cython.void:
    """The multipliers of the best duals seen."""
    program: cython.pointer(Program) = cython.address(method.program)
    step: cython.pointer(Step) = cython.address(method.step)
    zz: cython.p_double = method.duals + 3 * program.raised
    zl: cython.p_double = zz + program.points * program.cone
    majorant_of(program, method.duals, zz, zl, cython.address(method.best), step.on_Z, step.D, step.work)


def _floats(array, *shape):
    """The array as C-ordered float64 of that shape; ValueError for another."""
    array = np.ascontiguousarray(array, dtype=np.float64)
    if array.shape != shape:
        raise ValueError(f"an array of shape {array.shape}, where {shape} was expected")
    return array


@cython.cfunc
def address_of(array) -> cython.p_double:
    """Of the first number of a C-ordered array of float64; NULL where it has none."""
    flat: cython.double[::1] = array.reshape(-1)
    return cython.address(flat[0]) if flat.shape[0] else cython.cast(cython.p_double, cython.NULL)


def improve(heads: cython.Py_ssize_t, parts, start, mu: cython.double, rules, most: cython.Py_ssize_t, stop):
    """(bound, multipliers, last iterate, whether the relaxation has no more to give, steps) of a node's relaxation.

    parts        linear Q0 (N, N), raising a (p, N) and weights g, lowering b (q, N) and weights h, sides l (m, N)
    start, mu    Z (N, N), positive definite with Z_11 = 1 and trace Z_zz = 1, where the central path is joined
    rules        level, near, rough, resolved: at a bound <= level it ends, and where the optimum is above the level and known to
                 within `near` of the excess and `rough` relatively, or to within `resolved`
    most, stop   steps, and what is asked between them; the rest runs without the interpreter's lock
    multipliers  growth (p,), slopes (q, N), above and below (q, m), normals (m, N), pairs (m, m), as in `majorant_of`
    The iterate (its numbers in a row, as `lay_out` says) begins with Z. A bound that could not be had is infinite.
    Raises ValueError where shapes do not fit.
    """
    method = cython.declare(Method)
    program: cython.pointer(Program) = cython.address(method.program)
    linear, raising, g, lowering, h, sides = parts
    n: cython.Py_ssize_t = linear.shape[0]
    if not 1 <= heads <= 2 or n <= heads:
        raise ValueError(f"no relaxation of order {n} has {heads} heads")
    p: cython.Py_ssize_t = len(g)
    q: cython.Py_ssize_t = len(h)
    m: cython.Py_ssize_t = len(sides)
    raising, g = _floats(raising, p, n), _floats(g, p)
    lowering, h = _floats(lowering, q, n), _floats(h, q)
    linear = _floats(linear, n, n).copy()
    shift = np.sum(h[:, None] * lowering, axis=0) / 2  # of -h (2 x - Z b)_1: what is linear in Z
    linear[0] += shift
    linear[:, 0] += shift
    walls = np.zeros((m + 2 * (heads - 1), n))
    walls[:m] = _floats(sides, m, n)
    if heads == 2:
        walls[m:, 0] = 1.0
        walls[m:, 1] = -1.0, 1.0
    rules = _floats(rules, 4)
    program.heads, program.size, program.raised, program.lowered, program.cut = heads, n, p, q, m
    program.walled, program.points, program.cone = m + 2 * (heads - 1), 2 * q + m, n - heads + 1
    program.linear = address_of(linear)
    program.raising, program.raising_weight = address_of(raising), address_of(g)
    program.lowering, program.lowering_weight = address_of(lowering), address_of(h)
    program.walls = address_of(walls)
    program.sides = program.walls
    found = [np.zeros(p), np.zeros((q, n)), np.zeros((q, m)), np.zeros((q, m)), np.zeros((m, n)), np.zeros((m, m))]
    method.best.growth, method.best.slopes = address_of(found[0]), address_of(found[1])
    method.best.above, method.best.below = address_of(found[2]), address_of(found[3])
    method.best.normals, method.best.pairs = address_of(found[4]), address_of(found[5])
    last = np.zeros(iterate_length(program))
    lay_out(program, address_of(last), cython.address(method.at))
    last[: n * n] = _floats(start, n, n).reshape(-1)
    rule: cython.p_double = address_of(rules)
    numbers = np.empty(space(program))
    places: cython.Py_ssize_t[::1] = np.empty(n * (n + 1) + 8, dtype=np.intp)
    room: cython.p_double = address_of(numbers)
    steps: cython.Py_ssize_t = 0
    going: cython.bint = True
    with cython.nogil:
        lay_out_method(cython.address(method), room, cython.address(places[0]))
        central_start(program, mu, cython.address(method.at), method.step.D, method.step.work)
    while going and steps < most:
        with cython.nogil:
            going = not settled(cython.address(method), rule, steps == 0)
            going = going and step_from(cython.address(method)) > 0.0
        steps += 1
        going = going and not stop()
    with cython.nogil:
        best_majorant(cython.address(method))
    bound = method.bound if method.bound - method.bound == 0.0 else np.inf
    return bound, tuple(found), last, method.resolved, steps
