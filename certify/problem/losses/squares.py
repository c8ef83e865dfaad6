"""What the squared losses share: multiples of (f - y)^2 / 2, and their conjugates."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from certify.arrays import Floats
from certify.problem.losses.function import LossFunction
from certify.rounding import SLOP, TINY, UNIT

if TYPE_CHECKING:
    import cvxpy as cp


class Squares(LossFunction):
    """factor/2 (f - y)^2, its dual term nu y - nu^2 / (2 factor w), for any float factor > 0."""

    factor: float
    quadratic = True
    homogeneous = True

    def terms(self, f: Floats, f_error: Floats, y: Floats, w: Floats) -> tuple[Floats, Floats]:
        residual = f - y
        residual_error = f_error + UNIT * np.abs(residual)
        half = 0.5 * self.factor * w
        value = half * residual**2
        error = half * (2 * np.abs(residual) * residual_error + residual_error**2) + 8 * UNIT * value
        # an exact zero stays one: a network that fits data without a loss has to be recognised
        underflow = np.where((residual == 0) & (residual_error == 0), 0.0, TINY * (1 + half))
        return value, error * SLOP + underflow

    def slope(self, f: Floats, y: Floats, w: Floats) -> Floats:
        return self.factor * w * (f - y)

    def curvature(self, f: Floats, y: Floats, w: Floats) -> Floats:
        return self.factor * w * np.ones_like(f)

    def dual_terms(self, nu: Floats, y: Floats, w: Floats) -> tuple[Floats, Floats]:
        linear = nu * y
        # the division first: nu^2 may underflow where w is tiny
        aim = np.divide(nu, 2 * self.factor * w, out=np.where(nu == 0, 0.0, np.inf), where=w > 0)
        square = np.abs(aim) * np.abs(nu)
        return linear - square, (8 * UNIT * (np.abs(linear) + square) + TINY * (1 + np.abs(y))) * SLOP

    def largest_scale(self, nu: Floats, y: Floats, w: Floats) -> float:
        return math.inf if np.all((w > 0) | (nu == 0)) else 0.0

    def into_domain(self, nu: Floats, y: Floats, w: Floats) -> Floats:
        return np.where(w > 0, nu, 0.0)

    def expression(self, f: cp.Expression, y: Floats) -> cp.Expression:
        expression: cp.Expression = self.factor / 2 * (f - y) ** 2
        return expression
