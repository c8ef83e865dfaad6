"""The convex program of a two-layer ReLU network, in the words of the paper (docs/theory.md, section 2).

    min over v_D, w_D in K_D     L( sum_D D Z (v_D - w_D) + c ) + beta sum_D (|v_D|_P + |w_D|_P)  (+ beta/2 c^2)

Its least value is P*, the least objective over networks of every width; the multiplier of the predictions is the dual
vector nu = -grad L. The constant c is there where the network has an output bias, with the square where it is
penalised.
"""

from __future__ import annotations

import math
import time
import warnings
from dataclasses import dataclass

import cvxpy as cp
import numpy as np

from certify.arrays import Floats
from certify.failures import panicked
from certify.gain.question import Limits
from certify.linear import matmul, norm
from certify.patterns.enumerate import Cones, enumerate_cones
from certify.problem.network import Network
from certify.problem.objective import Bias
from certify.problem.training import Neurons, TrainingProblem
from certify.rounding import TINY

_TOLERANCE = 1e-12
_DUST = (1e-4, 1e-5, 1e-6, 1e-7, 1e-9)  # shares of the output below which a block may be what the solver left behind
_CARRIES = 1e-6  # share of the output from which a cone is kept for the second solve
_LEAST_SIZE = 1e-12  # of a free bias in units of the rows


@dataclass(frozen=True, slots=True, eq=False)
class FullProgramSolution:
    """An optimal solution, and the network that it is.

    value        F of the network, rounded to nearest: P* up to the solver's accuracy
    predictions  (n,) of the network
    nu           (n,) dual vector, as the solver gives it
    v, w         (p, D) blocks of the patterns in `cones`, signs + and -; the patterns left out have zero blocks
    """

    value: float
    predictions: Floats
    nu: Floats
    v: Floats
    w: Floats
    neurons: Neurons
    network: Network
    cones: Cones


@dataclass(frozen=True, slots=True)
class Units:
    """Powers of two in which rows, targets and weights have entries of order 1; the program is stated in them."""

    rows: float
    targets: float
    weights: float

    @property
    def value(self) -> float:
        """Unit of the objective."""
        return self.weights * self.targets**2


@dataclass(frozen=True, slots=True, eq=False)
class ConvexProgram:
    """The program as cvxpy holds it: v, w are (D, p), c is a scalar or absent; `fit` ties predictions to blocks."""

    problem: cp.Problem
    v: cp.Variable
    w: cp.Variable
    c: cp.Variable | None
    fit: cp.Constraint
    units: Units


def solve_full_program(
    problem: TrainingProblem, limits: Limits | None = None, cones: Cones | None = None
) -> FullProgramSolution | None:
    """Solve the program over all patterns of the rows, or over the given cones only (the subsampled program).

    Two solves: over all cones, then over those that carry the predictions, which thousands of idle ones had blurred.
    None when a limit is reached or the solver breaks down. Raises UsageError for too many patterns, EnumerationStopped.
    """
    limits = limits or Limits()
    cones = cones or enumerate_cones(problem.rows, limits)
    solution = _solve_over(problem, cones, limits)
    if solution is None:
        return None
    carriers = _carriers(problem, solution)
    fewer = 0 < len(carriers.patterns) < len(cones.patterns)
    again = _solve_over(problem, carriers, limits) if fewer else None
    return min((s for s in (again, solution) if s is not None), key=lambda s: s.value)


def state_program(problem: TrainingProblem, cones: Cones) -> ConvexProgram:
    """The program in cvxpy, in units of order 1. ArithmeticError where the weight decay does not fit float64 in these."""
    units = units_of(problem)
    Z = scaled_rows(problem, units)
    D = cones.patterns.T.astype(float)
    v, w = (cp.Variable((Z.shape[1], D.shape[1]), name=name) for name in "vw")
    c = None if problem.objective.output_bias is Bias.NONE else cp.Variable(name="c")
    f = cp.Variable(problem.samples, name="f")
    fit = f == cp.sum(cp.multiply(D, Z @ (v - w)), axis=1) + (0.0 if c is None else c)
    beta, constant_beta = scaled_decays(problem.beta, units)
    objective = loss_expression(problem, f, units) + beta * (size_expression(problem, v) + size_expression(problem, w))
    if problem.objective.output_bias is Bias.PENALIZED:
        objective += constant_beta / 2 * cp.square(c)
    in_cones = [_in_cones(v, Z, cones), _in_cones(w, Z, cones)]
    return ConvexProgram(cp.Problem(cp.Minimize(objective), [fit, *in_cones]), v, w, c, fit, units)


def _solve_over(problem: TrainingProblem, cones: Cones, limits: Limits) -> FullProgramSolution | None:
    program = state_program(problem, cones)
    if limits.reached() or not solved_by_clarabel(program.problem, limits):
        return None
    return _solution(problem, cones, program)


def psi(problem: TrainingProblem, blocks: Floats, signs: Floats, c: float = 0.0) -> Neurons:
    """Program to network: a nonzero block v (blocks: (b, D)) of sign s becomes the neuron (v / sqrt|v|_P, s sqrt|v|_P).

    A block that is all free bias has no size: it gets 1e-12 of the size of inputs that would have its effect.
    Without blocks, one zero neuron.
    """
    if not len(blocks):
        return Neurons(np.zeros((1, problem.rows.shape[1])), np.zeros((1, 1)), np.array([c]))
    sizes = problem.size(blocks)
    if problem.free_hidden_bias:
        sizes = np.maximum(sizes, _LEAST_SIZE * np.abs(blocks[:, -1]) / units_of(problem).rows)
    root = np.sqrt(sizes)
    return Neurons(blocks / root[:, None], (signs * root)[:, None], np.array([c]))


def units_of(problem: TrainingProblem) -> Units:
    """Powers of two near the largest entries."""
    columns = problem.rows[:, :-1] if problem.free_hidden_bias else problem.rows
    return Units(
        _power_of_two(columns),
        _power_of_two(problem.targets) if problem.loss.homogeneous else 1.0,
        _power_of_two(problem.weights),
    )


def _power_of_two(array: Floats) -> float:
    largest = float(np.abs(array).max(initial=0.0))
    return 2.0 ** math.frexp(largest)[1] if largest > 0 else 1.0


def scaled_decays(decay: float, units: Units) -> tuple[float, float]:
    """What a weight decay is on blocks, and on constants. ArithmeticError where it is not finite."""
    on_blocks, on_constants = decay / units.weights / units.targets / units.rows, decay / units.weights
    if not (math.isfinite(on_blocks) and math.isfinite(on_constants)):
        raise OverflowError("the weight decay overflows in units of the data")
    return on_blocks, on_constants


def scaled_rows(problem: TrainingProblem, units: Units) -> Floats:
    """The rows (n, D) in their unit; a column of ones of a free bias stays as it is."""
    scale = np.full(problem.rows.shape[1], units.rows)
    if problem.free_hidden_bias:
        scale[-1] = 1.0
    rows: Floats = problem.rows / scale
    return rows


def loss_expression(problem: TrainingProblem, f: cp.Variable, units: Units) -> cp.Expression:
    """L(f) in units of the value."""
    y, weights = problem.targets[:, 0] / units.targets, problem.weights / units.weights
    return cp.sum(cp.multiply(weights, problem.loss.expression(f, y)))


def size_expression(problem: TrainingProblem, blocks: cp.Variable) -> cp.Expression:
    """sum_D |v_D|_P."""
    return cp.sum(cp.norm(blocks[:-1] if problem.free_hidden_bias else blocks, 2, axis=0))


def _in_cones(blocks: cp.Variable, Z: Floats, cones: Cones) -> cp.Constraint:
    """v_D in K_D for every D: (2D - I) Z v_D >= 0 on the walls of K_D."""
    which, samples = np.nonzero(cones.walls)
    signs = 2.0 * cones.patterns[which, samples] - 1.0
    return cp.sum(cp.multiply((signs[:, None] * Z[samples]).T, blocks[:, which]), axis=0) >= 0


def solved_by_clarabel(program: cp.Problem, limits: Limits) -> bool:
    """Solve as accurately as Clarabel can; False where it breaks down."""
    options = {"tol_gap_abs": _TOLERANCE, "tol_gap_rel": _TOLERANCE, "tol_feas": _TOLERANCE, "max_iter": 200}
    if limits.deadline is not None:
        options["time_limit"] = max(limits.deadline - time.monotonic(), 1e-3)
    with warnings.catch_warnings():
        # at this tolerance "inaccurate" is the usual end; the answer is judged by its own value and dual bound
        warnings.filterwarnings("ignore", message="Solution may be inaccurate")
        try:
            program.solve(solver=cp.CLARABEL, **options)
        except (cp.error.SolverError, ArithmeticError):
            return False
        except BaseException as error:
            if not panicked(error):
                raise
            return False
    return program.status in (cp.OPTIMAL, cp.OPTIMAL_INACCURATE)


def _solution(problem: TrainingProblem, cones: Cones, program: ConvexProgram) -> FullProgramSolution:
    units = program.units
    scale = block_scale(problem, units)
    v, w = program.v.value.T * scale, program.w.value.T * scale
    c = 0.0 if program.c is None else float(program.c.value) * units.targets
    neurons = _without_dust(problem, cones, v, w, c)
    nu = program.fit.dual_value * (units.value / units.targets)
    predictions = problem.predictions(neurons)[:, 0]
    return FullProgramSolution(
        problem.value(neurons), predictions, nu, v, w, neurons, problem.lower(neurons), cones
    )  # fmt: skip


def block_scale(problem: TrainingProblem, units: Units) -> Floats:
    """What one unit of a block's entries (D,) is."""
    scale = np.full(problem.rows.shape[1], units.targets / units.rows)
    if problem.free_hidden_bias:
        scale[-1] = units.targets
    return scale


def _carriers(problem: TrainingProblem, solution: FullProgramSolution) -> Cones:
    """The cones whose blocks move the predictions; with them alone the solver is more accurate."""
    shares = [_shares(problem, solution.cones, blocks) for blocks in (solution.v, solution.w)]
    kept = np.maximum(*shares) > _CARRIES
    return Cones(solution.cones.patterns[kept], solution.cones.walls[kept])


def _without_dust(problem: TrainingProblem, cones: Cones, v: Floats, w: Floats, c: float) -> Neurons:
    """psi of the blocks above the cut that leaves the least objective."""
    blocks, signs = np.vstack([v, w]), np.repeat([1.0, -1.0], len(v))
    shares = np.concatenate([_shares(problem, cones, v), _shares(problem, cones, w)])
    candidates = (psi(problem, blocks[shares > cut], signs[shares > cut], c) for cut in _DUST)
    return min(candidates, key=problem.value)


def _shares(problem: TrainingProblem, cones: Cones, blocks: Floats) -> Floats:
    """|D Z v_D| of each block, in units of the targets (p,)."""
    outputs = norm(cones.patterns * matmul(blocks, problem.rows.T), axis=1)
    return outputs / max(float(norm(problem.targets)), TINY)
