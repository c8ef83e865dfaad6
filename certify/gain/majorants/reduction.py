"""The reduced problem in homogenised coordinates, where the quadratic majorants live (docs/theory.md, section 9.4).

A direction u of the reduced problem becomes v = (1, u), or (1, t, w) with a free bias, |w| <= 1 and |t| <= 1: t is the bias in
units of the largest row, beyond which the gain does not depend on it (section 9.2).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from certify.arrays import Floats
from certify.gain.question import GainProblem
from certify.gain.reduction import ReducedGain, reduce_gain
from certify.linear import norm
from certify.rounding import UNIT, sums_to_zero


def rounded_up(value: float, roundings: int = 8) -> float:
    """value, raised by more than so many relative roundings."""
    return math.inf if math.isnan(value) else value + abs(value) * 2 * roundings * UNIT


@dataclass(frozen=True, slots=True, eq=False)
class Hinges:
    """sum_i nu_i (p_i . v)_+ in homogenised coordinates, exact numbers.

    points (N, heads + r)  rows p_i = (0, [R,] z_i); heads = 1, or 2 with a free bias
    nu (N,)                nonzero
    slack                  what was left out, in the units of the reduced problem
    """

    points: Floats
    nu: Floats
    heads: int
    radius: float
    slack: float
    reduced: ReducedGain

    @property
    def rank(self) -> int:
        """Number r of coordinates whose norm is bounded."""
        return int(self.points.shape[1]) - self.heads

    def original_bound(self, bound: float) -> float:
        """The bound on the original gain that a bound on this one proves."""
        return self.reduced.original_bound(rounded_up(bound + self.slack))

    def reduced_threshold(self, threshold: float) -> float:
        """The largest bound (approximately) that proves the threshold for the original gain."""
        return self.reduced.reduced_threshold(threshold) * (1 - 8 * UNIT) - self.slack

    def original_direction(self, v: Floats) -> Floats:
        """A direction of the data's own coordinates (bias last) from homogenised v, of any length."""
        tail = v[self.heads :]
        if self.heads == 1:
            return self.reduced.lift(tail)
        return self.reduced.lift(np.append(tail, v[1] * self._ratio))

    def reduced_direction(self, direction: Floats) -> Floats:
        """The homogenised unit direction of one in the data's own coordinates; the bias is clipped to its range."""
        u = self.reduced.lower(direction)
        tail = u if self.heads == 1 else u[:-1]
        size = norm(tail)
        if not size > 0:
            return np.append(np.ones(self.heads), tail)
        if self.heads == 1:
            return np.append(1.0, tail / size)
        return np.concatenate([[1.0, np.clip(u[-1] / (size * self._ratio), -1.0, 1.0)], tail / size])

    @property
    def _ratio(self) -> float:
        """The bias of the reduced problem where t = 1."""
        return self.radius / float(self.reduced.rows[0, -1])


def homogenised(problem: GainProblem, reduced: ReducedGain | None = None) -> Hinges | None:
    """The hinges of a finite problem; None where the gain is zero in every direction.

    Raises ValueError for values that are not finite, and for a free bias whose nu does not sum to exactly zero.
    """
    check_problem(problem)
    reduced = reduce_gain(problem) if reduced is None else reduced
    if reduced.nu.size == 0:
        return None
    heads, radius, rows = 1, 0.0, reduced.rows
    if problem.free_bias:
        heads, rows = 2, rows[:, :-1]
        radius = (
            reduced.reach
        )  # of all samples, also of those that were left out: the argument of section 9.2 needs them
    points = np.column_stack([np.zeros(len(rows)), *[np.full(len(rows), radius)] * (heads - 1), rows])
    sizes = np.abs(reduced.nu) * np.abs(points).sum(axis=1)
    keep = sizes > 2.0**-60 / len(rows) * sizes.max(initial=0.0)
    slack = float(np.sum(sizes[~keep])) * (1 + 1e-9)
    return Hinges(points[keep], reduced.nu[keep], heads, radius, slack, reduced)


def check_problem(problem: GainProblem) -> None:
    """Refuse what has no finite gain; raises ValueError with what was found."""
    if not (np.all(np.isfinite(problem.rows)) and np.all(np.isfinite(problem.nu))):
        raise ValueError("the rows and the dual vector of a gain problem must be finite")
    if problem.free_bias and not sums_to_zero(problem.nu):
        raise ValueError(f"with a free bias nu must sum to exactly 0, not {math.fsum(problem.nu):.3g}")
