"""The convex program restricted to chosen blocks, solved by Clarabel (docs/theory.md, sections 2 and 6).

    min  L(sum_k s_k D_k Z w_k + c) + beta sum_k |w_k|_P (+ beta/2 c^2)     over w_k in the cone of pattern k

Losses that are not quadratic are solved by proximal Newton steps, each a quadratic program of the same form. Most cone
inequalities are slack, so only those near the hints are given to the solver, and violated ones are added until none is
left. Nothing here is trusted: the result is a network to be re-evaluated and a dual vector to be scaled into feasibility.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import clarabel
import numpy as np
from scipy import sparse

from certify.bounds.interface import Limits
from certify.convex.blocks import Blocks
from certify.problem import TrainingProblem

_ALL_INEQUALITIES = 6_000  # below this many, every inequality is stated at once
_NEWTON_STEPS = 30
_CONSTRAINT_ROUNDS = 12
_FLOPS_PER_SECOND = 2e9  # of dense linear algebra, on the low side
_ITERATIONS = 25  # of the interior-point method


@dataclass(frozen=True, slots=True, eq=False)
class RestrictedSolution:
    """Blocks' values w (K, D), constant c, predictions f (n,), and the program's value."""

    blocks: Blocks
    w: np.ndarray
    c: float
    f: np.ndarray
    value: float


def affordable_blocks(problem: TrainingProblem, count: int, limits: Limits) -> int:
    """How many of `count` blocks a solve can take in the time left: a factorisation, once begun, sees no limit."""
    if limits.deadline is None:
        return count
    flops = max(limits.deadline - time.monotonic(), 0.0) * _FLOPS_PER_SECOND
    n, d = problem.rows.shape
    while count and (count * d) ** 2 * (n + _ITERATIONS * (count * d / 3 + d)) > flops:
        count = count * 3 // 4
    return count


def design_matrix(problem: TrainingProblem, blocks: Blocks) -> np.ndarray:
    """(n, K D): the derivative of the predictions by the blocks, s_k D_k Z."""
    gates = blocks.signs[:, None] * blocks.patterns
    return np.einsum("kn,nd->nkd", gates, problem.rows).reshape(problem.samples, -1)


def program_value(problem: TrainingProblem, w: np.ndarray, c: float, f: np.ndarray) -> float:
    """The restricted program's objective, rounded to nearest."""
    penalty = problem.beta * float(np.sum(problem.size(w)))
    return problem.data_loss(f) + penalty + 0.5 * problem.constant_decay * c * c


def solve_restricted(
    problem: TrainingProblem, blocks: Blocks, limits: Limits, start: np.ndarray | None = None
) -> RestrictedSolution:
    """Minimise over the given blocks, as far as the limits allow.

    start: predictions (n,) to expand a non-quadratic loss around first.
    """
    design = design_matrix(problem, blocks)
    solver = _QuadraticMaster(problem, blocks, design, limits)
    f = np.zeros(problem.samples) if start is None else start
    best: RestrictedSolution | None = None
    for _ in range(1 if problem.loss.quadratic else _NEWTON_STEPS):
        w, c = solver.solve(f)
        candidate = _evaluate(problem, blocks, design, w, c)
        if best is not None:
            candidate = _line_search(problem, blocks, design, best, candidate)
        converged = best is not None and not candidate.value < best.value - 1e-14 * abs(best.value)
        if best is None or candidate.value <= best.value:
            best = candidate
        if converged or limits.reached():
            break
        f = best.f
    return best


def _evaluate(
    problem: TrainingProblem, blocks: Blocks, design: np.ndarray, w: np.ndarray, c: float
) -> RestrictedSolution:
    f = design @ w.ravel() + c
    return RestrictedSolution(blocks, w, c, f, program_value(problem, w, c, f))


def _line_search(
    problem: TrainingProblem, blocks: Blocks, design: np.ndarray, old: RestrictedSolution, new: RestrictedSolution
) -> RestrictedSolution:
    """Halve the step from old to new until the program's value does not rise."""
    step, candidate = 1.0, new
    while candidate.value > old.value and step > 1e-6:
        step /= 2
        w, c = old.w + step * (new.w - old.w), old.c + step * (new.c - old.c)
        candidate = _evaluate(problem, blocks, design, w, c)
    return candidate


class _QuadraticMaster:
    """One quadratic model of the program in Clarabel's form; the stated inequalities are remembered between calls."""

    def __init__(self, problem: TrainingProblem, blocks: Blocks, design: np.ndarray, limits: Limits) -> None:
        self.problem, self.blocks, self.design, self.limits = problem, blocks, design, limits
        self.dimension = problem.rows.shape[1]
        lengths = np.linalg.norm(problem.rows, axis=1)
        self.row_scale = float(np.sqrt(np.mean(lengths**2))) or 1.0
        self.unit_rows = problem.rows / np.where(lengths > 0, lengths, 1.0)[:, None]
        self.walls = np.where(blocks.patterns, 1.0, -1.0)  # (2D - I)
        self.stated = self._near(blocks.hints)

    def _near(self, w: np.ndarray) -> np.ndarray:
        """Mask (K, n) of the inequalities stated first: those that the hints come near, or all where they are few."""
        if self.blocks.patterns.size <= _ALL_INEQUALITIES:
            return np.ones_like(self.blocks.patterns)
        margins = np.abs(w @ self.unit_rows.T) / np.maximum(np.linalg.norm(w, axis=1), 1e-300)[:, None]
        cut = np.partition(margins, min(margins.shape[1] - 1, 4 * self.dimension), axis=1)[:, 4 * self.dimension - 1 :]
        return margins <= np.maximum(cut.min(axis=1), 0.02)[:, None]

    def solve(self, f: np.ndarray) -> tuple[np.ndarray, float]:
        """Minimise the model around f; returns w (K, D) and c."""
        for _ in range(_CONSTRAINT_ROUNDS):
            w, c = self._solve_stated(f)
            sizes = np.linalg.norm(w, axis=1)
            margins = self.walls * (w @ self.unit_rows.T)
            violated = (margins < -1e-9 * max(float(sizes.max(initial=0.0)), 1e-300)) & ~self.stated
            if not violated.any() or self.limits.reached():
                break
            self.stated |= violated
        return w, c

    def _solve_stated(self, f: np.ndarray) -> tuple[np.ndarray, float]:
        problem, count, d = self.problem, self.blocks.count, self.dimension
        slope = problem.loss.slope(f, problem.targets, problem.weights)
        curvature = problem.loss.curvature(f, problem.targets, problem.weights)
        curvature = np.maximum(curvature, 1e-7 * float(np.max(curvature)) or 1.0)
        aim = f - slope / curvature
        weight = float(np.max(curvature))
        reach = float(np.sqrt(np.mean(aim**2))) or 1.0
        unit = reach / self.row_scale  # w = unit w', f = reach f', so that Clarabel sees numbers of order one
        m = np.column_stack([self.design / self.row_scale, np.ones(problem.samples)])
        if not problem.has_constant:
            m[:, -1] = 0.0
        h = (curvature / weight)[:, None]
        quadratic, linear = m.T @ (h * m), -(m.T @ (h[:, 0] * aim / reach))
        quadratic[-1, -1] += problem.constant_decay / weight if problem.has_constant else 1.0
        penalty = problem.beta * unit / (weight * reach**2)
        costs = np.concatenate([linear, np.full(count, penalty)])
        x = _clarabel(quadratic, costs, *self._cones(count, d), self.limits)
        return unit * x[: count * d].reshape(count, d), reach * float(x[count * d]) if problem.has_constant else 0.0

    def _cones(self, count: int, d: int) -> tuple[sparse.csc_matrix, list]:
        """Rows of A x + s = 0, s in the cones: the stated inequalities, then (t_k, w_k) in a second-order cone each."""
        block, row = np.nonzero(self.stated)
        values = -(self.walls[block, row][:, None] * self.unit_rows[row])
        columns = block[:, None] * d + np.arange(d)
        rows = np.repeat(np.arange(block.size), d)
        normed = d - 1 if self.problem.free_hidden_bias else d
        k, j = np.repeat(np.arange(count), normed), np.tile(np.arange(normed), count)
        first = block.size
        size_rows = first + k * (normed + 1) + 1 + j
        t_rows = first + np.arange(count) * (normed + 1)
        a = sparse.csc_matrix(
            (
                np.concatenate([values.ravel(), np.full(k.size, -1.0), np.full(count, -1.0)]),
                (
                    np.concatenate([rows, size_rows, t_rows]),
                    np.concatenate([columns.ravel(), k * d + j, count * d + 1 + np.arange(count)]),
                ),
            ),
            shape=(first + count * (normed + 1), count * (d + 1) + 1),
        )
        return a, [clarabel.NonnegativeConeT(first)] + [clarabel.SecondOrderConeT(normed + 1)] * count


def _clarabel(
    quadratic: np.ndarray, linear: np.ndarray, a: sparse.csc_matrix, cones: list, limits: Limits
) -> np.ndarray:
    """min x.Qx/2 + linear.x over A x + s = 0, s in the cones; Q covers the first variables. The status is not consulted."""
    extra = linear.size - quadratic.shape[0]
    p = sparse.triu(sparse.block_diag([sparse.csc_matrix(quadratic), sparse.csc_matrix((extra, extra))]), format="csc")
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = 1e-11
    settings.max_iter = 200
    if limits.deadline is not None:
        settings.time_limit = max(limits.deadline - time.monotonic(), 0.01)
    solution = clarabel.DefaultSolver(p, linear, a, np.zeros(a.shape[0]), cones, settings).solve()
    x = np.asarray(solution.x)
    return np.where(np.isfinite(x), x, 0.0)
