"""A proved bound on the gain at the price of one eigenvalue problem, for data of any size."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from certify import linear
from certify.arrays import Floats
from certify.gain.majorants.quadratic import proved_maximum
from certify.gain.majorants.reduction import Hinges, check_problem, homogenised, rounded_up
from certify.gain.majorants.relaxation import symmetric
from certify.gain.question import GainProblem
from certify.gain.reduction import ReducedGain, reduce_gain, row_norms
from certify.rounding import TINY, gamma


def quick_gain_bound(problem: GainProblem, reduced: ReducedGain | None = None) -> float:
    """An upper bound on M(nu) in O(n r^2): one quadratic majorant a sign (docs/theory.md, section 9).

    Finite whenever the input is finite and the gain itself fits a float; with a free bias nu must sum to exactly 0.
    Infinite (fails closed) for values that are not finite and for a free bias with another sum. For k outputs the gain is a
    norm, at most the norm of the outputs' bounds.
    """
    if problem.nu.ndim == 2:
        each = [quick_gain_bound(replace(problem, nu=np.ascontiguousarray(nu))) for nu in problem.nu.T]
        return rounded_up(math.hypot(*each), problem.outputs + 8)
    try:
        check_problem(problem)
        reduced = reduce_gain(problem) if reduced is None else reduced
        hinges = homogenised(problem, reduced)
        if hinges is None:
            return reduced.original_bound(0.0)
        return hinges.original_bound(max(_one_sign(hinges, hinges.nu), _one_sign(hinges, -hinges.nu), 0.0))
    except (ValueError, ArithmeticError):
        return math.inf


def _one_sign(hinges: Hinges, nu: Floats) -> float:
    """Bound on max sum nu_i (p_i.v)_+ : the best of the sum of norms and of one majorant for each head."""
    points, heads = hinges.points, hinges.heads
    sizes, shifts = row_norms(points[:, heads:]), points[:, 1:heads].sum(axis=1)
    total = linear.inner(np.maximum(nu, 0.0), sizes + shifts)
    bounds = [rounded_up(total * (1 + gamma(4 * len(nu) + 8 * points.shape[1])))]
    if hinges.rank and np.any(nu > 0):
        bounds += [_majorant_bound(hinges, nu, sizes, along) for along in range(heads)]
    return min(bounds)


def _majorant_bound(hinges: Hinges, nu: Floats, sizes: Floats, along: int) -> float:
    """|p.v| <= w/2 + (p.v)^2/(2w) where nu > 0 and |p.v| >= (y.v)(p.v) where nu < 0, summed and maximised.

    along = 0 takes y = p / |p| in the normed coordinates, along = 1 the bounded coordinate itself.
    """
    points, heads, half, up = hinges.points, hinges.heads, nu / 2, nu > 0
    # the rows are balanced: their largest entry is about 1, so that no width vanishes
    widths = np.sqrt(np.sum(points[up, 1:heads] ** 2, axis=1) + sizes[up] ** 2 / hinges.rank)
    weights = half[up] / (2 * widths)
    Q = linear.matmul(points[up].T * weights, points[up]) + _below(points[~up], half[~up], sizes[~up], heads, along)
    slope = linear.matmul(half, points) / 2
    Q[0] += slope
    Q[:, 0] += slope
    Q[0, 0] += linear.inner(half[up], widths) / 2
    lengths = sizes + points[:, 1:heads].sum(axis=1)
    mass = (
        linear.inner(np.abs(half), lengths) + linear.inner(weights, lengths[up] ** 2) + linear.inner(half[up], widths)
    )
    return proved_maximum(Q, heads, gamma(2 * len(nu) + 40) * 3 * mass + TINY)


def _below(points: Floats, half: Floats, sizes: Floats, heads: int, along: int) -> Floats:
    """Sum of half_j sym(y_j p_j'), half_j < 0."""
    y = np.zeros_like(points)
    if along == 0:
        # a hair inside |y| <= 1, so that rounding cannot carry it out
        inside = (1 - 1e-14 * (8 + points.shape[1])) / np.where(sizes > 0, sizes, 1.0)
        y[:, heads:] = points[:, heads:] * inside[:, None]
    else:
        y[:, 1] = 1.0
    return symmetric(y * half[:, None], points)
