"""The convex program restricted to chosen blocks, solved by Clarabel (docs/theory.md, sections 2 and 6).

    min  L(sum_k s_k D_k Z w_k + c) + beta sum_k |w_k|_P (+ beta/2 c^2)     over w_k in the cone of pattern k

Losses that are not quadratic are solved by proximal Newton steps, each a quadratic program of the same form; those with a kink
are stated as they are (convex/kinked.py). Most cone inequalities are slack, so only those near the hints are given to the solver, and violated ones are added until none is
left. Nothing here is trusted: the result is a network to be re-evaluated and a dual vector to be scaled into feasibility.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np

from certify.arrays import Floats
from certify.convex.blocks import Blocks
from certify.convex.design import Design
from certify.convex.inequalities import Inequalities
from certify.convex.interior import minimise
from certify.convex.kinked import solve_kinked
from certify.convex.solution import RestrictedSolution, evaluated
from certify.convex.sparse import Columns, from_entries, upper_triangle
from certify.gain.question import Limits
from certify.problem.losses.kinked import Kinked
from certify.problem.training import TrainingProblem

_FLATTEST = 1e-7
_CONVERGED, _REFINED = 1e-14, 1e-7  # relative falls of the value that end the steps; polishing does the rest
_NEARLY_FITTED = (
    0.1  # share of the loss of the zero network below which a quadratic program is solved once more around its solution
)
_SAME = 1e-9  # relative difference of values that is rounding
_HALF_FITTED = 0.7  # share below which it is solved around a solution nearby, where there is one
_NEWTON_STEPS = 30
_FLOPS_PER_SECOND = 2e9  # of dense linear algebra, on the low side
_ITERATIONS = 25  # of the interior-point method

Start: TypeAlias = tuple[Floats, float]  # w (K, D), c


def affordable_blocks(problem: TrainingProblem, count: int, limits: Limits) -> int:
    """How many of `count` blocks a solve can take in the time left: a factorisation, once begun, sees no limit."""
    if limits.deadline is None:
        return count
    flops = max(limits.deadline - time.monotonic(), 0.0) * _FLOPS_PER_SECOND
    n, d = problem.rows.shape
    while count and (count * d) ** 2 * (n + _ITERATIONS * (count * d / 3 + d)) > flops:
        count = count * 3 // 4
    return count


def solve_restricted(
    problem: TrainingProblem, blocks: Blocks, limits: Limits, start: Start | None = None
) -> RestrictedSolution:
    """Minimise over the given blocks, as far as the limits allow.

    start: values of the blocks and the constant to begin from.
    """
    if isinstance(problem.loss, Kinked):
        return solve_kinked(problem, problem.loss, blocks, limits)
    return newton(_QuadraticMaster(Design(problem, blocks), limits), limits, start)


class Master(Protocol):
    """Something that minimises quadratic models of the restricted program."""

    design: Design

    def solve(self, f: Floats, near: RestrictedSolution | None) -> tuple[Floats, float]:
        """Minimise the model around predictions f (n,), knowing a solution nearby; returns w (K, D) and c."""


def newton(master: Master, limits: Limits, start: Start | None = None) -> RestrictedSolution:
    """Proximal Newton: one model after another until the value stays.

    For a quadratic loss one model is exact; where the data are nearly fitted it is solved again around its solution, since
    the solver's accuracy is relative to the loss that has been got rid of. The value never rises above the start's.
    """
    design = master.design
    near = None if start is None else evaluated(design, *start)
    f = np.zeros(design.problem.samples) if near is None else near.f
    best = evaluated(design, *master.solve(f, near))
    if near is not None and not best.value <= near.value * (1 + _SAME):
        best = min(near, _line_search(design, near, best), key=lambda s: s.value)
    if near is not None and design.problem.loss.quadratic and not best.value < near.value * (1 - _SAME):
        # no way down from there was found: one from nothing may say more of the face to polish on
        anew = evaluated(design, *master.solve(f, None))
        best = anew if anew.value <= best.value * (1 + _SAME) else best
    least = _REFINED if design.problem.loss.quadratic else _CONVERGED
    for _ in range(_NEWTON_STEPS - 1):
        exact = design.problem.loss.quadratic and not _nearly_fitted(design.problem, best)
        if exact or limits.reached():
            break
        candidate = _line_search(design, best, evaluated(design, *master.solve(best.f, best)))
        converged = not candidate.value < best.value * (1 - least)
        best = candidate if candidate.value <= best.value else best
        if converged:
            break
    return best


def _nearly_fitted(problem: TrainingProblem, solution: RestrictedSolution, share: float = _NEARLY_FITTED) -> bool:
    nothing = problem.data_loss(np.zeros_like(problem.targets))
    return solution.value < share * nothing


def _line_search(design: Design, old: RestrictedSolution, new: RestrictedSolution) -> RestrictedSolution:
    """Halve the step from old to new until the program's value does not rise."""
    step, candidate = 1.0, new
    while candidate.value > old.value and step > 1e-6:
        step /= 2
        candidate = evaluated(design, old.w + step * (new.w - old.w), old.c + step * (new.c - old.c))
    return candidate


@dataclass(frozen=True, slots=True, eq=False)
class QuadraticModel:
    """Around predictions f0: linear.(f - f0) + sum_i curvature_i (f_i - f0_i)^2 / 2, as a function of (w, c).

    gram (KD + 1, KD + 1) and slope (KD + 1,) are those of the model in (w, c), the constant last. reach: the size of
    the predictions that it aims at; weight: the largest curvature.
    """

    gram: Floats
    slope: Floats
    reach: float
    weight: float


def quadratic_model(design: Design, f: Floats) -> QuadraticModel:
    """The loss's own model around f (n,); flat samples get a little curvature where the loss is not quadratic."""
    problem = design.problem
    slope, curvature = problem.slope(f[:, None])[:, 0], problem.curvature(f[:, None])[:, 0]
    if not problem.loss.quadratic:
        curvature = np.maximum(curvature, _FLATTEST * float(np.max(curvature)) or 1.0)
    rest = slope - curvature * f
    weight = float(np.max(curvature)) or 1.0
    reach = float(np.sqrt(np.mean((rest / weight) ** 2))) or 1.0
    linear = np.append(design.transposed(rest).ravel(), np.sum(rest))
    return QuadraticModel(design.gram(curvature), linear, reach, weight)


class _QuadraticMaster:
    """The models in Clarabel's form; the stated inequalities are remembered between calls."""

    def __init__(self, design: Design, limits: Limits) -> None:
        self.problem, self.blocks, self.design, self.limits = design.problem, design.blocks, design, limits
        self.dimension = self.problem.rows.shape[1]
        self.row_scale = float(np.sqrt(np.mean(np.sum(self.problem.rows**2, axis=1)))) or 1.0
        self.inequalities = Inequalities(self.problem, self.blocks)

    def solve(self, f: Floats, near: RestrictedSolution | None) -> tuple[Floats, float]:
        """Minimise the model around f; returns w (K, D) and c."""
        close = near if near is not None and _nearly_fitted(self.problem, near, _HALF_FITTED) else None
        model = quadratic_model(self.design, f)
        if close is None:
            return self.inequalities.solved(lambda: self._solve_stated(model), self.limits)
        return self.inequalities.solved(lambda: self._solve_around(model, close), self.limits)

    def _solve_stated(self, model: QuadraticModel) -> tuple[Floats, float]:
        problem, count, d = self.problem, self.blocks.count, self.dimension
        unit = model.reach / self.row_scale  # of w, as reach is of c and of the predictions: Clarabel sees order one
        scale = np.append(np.full(count * d, unit), model.reach if problem.has_constant else 0.0)
        value = model.weight * model.reach**2
        quadratic, linear = model.gram * np.outer(scale, scale) / value, model.slope * scale / value
        quadratic[-1, -1] += problem.constant_decay / model.weight if problem.has_constant else 1.0
        costs = np.concatenate([linear, np.full(count, problem.beta * unit / value)])
        a, cones = self._cones()
        x = minimise(upper_triangle(quadratic, costs.size), costs, a, np.zeros(a.shape[0]), cones, self.limits).x
        return unit * x[: count * d].reshape(count, d), float(scale[-1] * x[count * d])

    def _solve_around(self, model: QuadraticModel, near: RestrictedSolution) -> tuple[Floats, float]:
        """The same program in the steps from a solution nearby, in units in which the penalty, not the loss, is of order 1."""
        problem, design, (count, d) = self.problem, self.design, near.w.shape
        slope = problem.slope(near.f[:, None])[:, 0]
        linear = np.append(design.transposed(slope).ravel(), np.sum(slope) + problem.constant_decay * near.c)
        unit = float(np.max(np.abs(near.w), initial=0.0)) or 1.0
        scale = np.append(np.full(count * d, unit), unit * self.row_scale if problem.has_constant else 0.0)
        value = problem.beta * unit
        quadratic = model.gram * np.outer(scale, scale) / value
        quadratic[-1, -1] += problem.constant_decay * scale[-1] ** 2 / value if problem.has_constant else 1.0
        costs = np.concatenate([linear * scale / value, np.ones(count)])
        a, cones = self._cones()
        start = np.zeros(a.shape[1])
        start[: count * d] = near.w.ravel() / unit
        x = minimise(upper_triangle(quadratic, costs.size), costs, a, -a.times(start), cones, self.limits).x
        return near.w + unit * x[: count * d].reshape(count, d), near.c + float(scale[-1] * x[count * d])

    def _cones(self) -> tuple[Columns, list[Any]]:
        """A of A x + s = 0, and the cones of s."""
        entries, rows, cones = self.inequalities.rows()
        return from_entries(*entries, (rows, self.blocks.count * (self.dimension + 1) + 1)), cones
