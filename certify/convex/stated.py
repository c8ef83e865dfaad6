"""The restricted program as the paper would write it, in cvxpy: slower to state, easy to read, and a second opinion on
certify/convex/restricted.py (docs/theory.md, section 2)."""

from __future__ import annotations

import cvxpy as cp
import numpy as np

from certify.convex.blocks import Blocks
from certify.convex.design import Design
from certify.convex.restricted import Start, solve_restricted
from certify.convex.solution import RestrictedSolution, evaluated
from certify.failures import unless_it_fails
from certify.gain.question import Limits
from certify.patterns.program import (
    block_scale,
    loss_expression,
    scaled_decays,
    scaled_rows,
    size_expression,
    solved_by_clarabel,
    units_of,
)
from certify.problem.training import TrainingProblem


def solve_in_cvxpy(
    problem: TrainingProblem, blocks: Blocks, limits: Limits, start: Start | None = None
) -> RestrictedSolution:
    """Minimise over the given blocks; by the direct solver where there is no block, or where cvxpy's breaks down.

    start: what only the direct solver can begin from.
    """
    if not blocks.count:
        return solve_restricted(problem, blocks, limits, start)
    stated = unless_it_fails(lambda: _stated(problem, blocks), None)
    if stated is None or not solved_by_clarabel(stated[0], limits):
        return solve_restricted(problem, blocks, limits, start)
    _, w, c, fit = stated
    units = units_of(problem)
    constant = 0.0 if c is None else float(c.value) * units.targets
    multipliers = None if fit is None else fit.dual_value * (units.value / units.targets)
    return evaluated(Design(problem, blocks), w.value.T * block_scale(problem, units), constant, multipliers)


def _stated(
    problem: TrainingProblem, blocks: Blocks
) -> tuple[cp.Problem, cp.Variable, cp.Variable | None, cp.Constraint | None]:
    """The program, w, c, and for a loss with kinks the equation f = .., whose multiplier is the dual vector:

    min L(f) + beta sum_k |w_k|_P (+ beta/2 c^2), f = sum_k s_k D_k Z w_k + c, w_k in K_k; in units of order 1."""
    units = units_of(problem)
    Z = scaled_rows(problem, units)
    w = cp.Variable((Z.shape[1], blocks.count), name="w")
    c = cp.Variable(name="c") if problem.has_constant else None
    gates = (blocks.signs[:, None] * blocks.patterns).T
    f = cp.sum(cp.multiply(gates, Z @ w), axis=1) + (0.0 if c is None else c)
    beta, _ = scaled_decays(problem.beta, units)
    _, constant_beta = scaled_decays(problem.constant_decay, units)
    fit = None
    if not problem.loss.smooth:
        predictions = cp.Variable(problem.samples, name="f")
        fit = predictions == f
        f = predictions
    objective = loss_expression(problem, f, units) + beta * size_expression(problem, w)
    if problem.has_constant:
        objective += constant_beta / 2 * cp.square(c)
    in_cones = cp.multiply(np.where(blocks.patterns, 1.0, -1.0).T, Z @ w) >= 0
    return cp.Problem(cp.Minimize(objective), [in_cones, *([] if fit is None else [fit])]), w, c, fit
