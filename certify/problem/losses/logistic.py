"""The logistic loss of two classes: cross-entropy of a sigmoid."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from certify._core.elementary import exp, log, log1p
from certify.arrays import Floats
from certify.problem.losses.classes import signs_of
from certify.problem.losses.function import LossFunction
from certify.rounding import LIBM_ULPS, SLOP, TINY, UNIT

if TYPE_CHECKING:
    import cvxpy as cp


class Logistic(LossFunction):
    """log(1 + exp(-y f)) with y in {-1, +1}; its dual variable p = nu y / w lies in [0, 1], the dual term is w times the
    entropy of p."""

    formula = "log(1 + exp(-y_i f(x_i)))"
    words = "the logistic loss, y = -1 or +1"
    enclosure = "logistic"

    def terms(self, f: Floats, f_error: Floats, y: Floats, w: Floats) -> tuple[Floats, Floats]:
        value = w * _softplus(-y * f)
        return value, (w * f_error + LIBM_ULPS * UNIT * value + TINY * (1 + w)) * SLOP

    def slope(self, f: Floats, y: Floats, w: Floats) -> Floats:
        return -y * w * _sigmoid(-y * f)

    def curvature(self, f: Floats, y: Floats, w: Floats) -> Floats:
        p = _sigmoid(y * f)
        return w * p * (1 - p)

    def dual_terms(self, nu: Floats, y: Floats, w: Floats) -> tuple[Floats, Floats]:
        p = np.divide(nu * y, w, out=np.where(nu == 0, 0.0, np.nan), where=w > 0)
        inside = (p >= 0) & (p * (1 + 8 * UNIT) <= 1)
        safe = np.where(inside, p, 0.5)
        # log1p: of a small p, log(1 - p) would keep no more than an absolute accuracy
        low, high = _times_log(safe), (1 - safe) * log1p(-safe)
        value = np.where(inside, -w * (low + high), -np.inf)
        # p is known up to a factor 1 +- 4u; the entropy moves by |log(p / (1-p))| per unit, and both logs are rounded.
        slope = np.abs(log(np.maximum(safe, TINY))) + np.abs(log(np.maximum(1 - safe, UNIT))) + 2.0
        error = w * (LIBM_ULPS * UNIT * (np.abs(low) + np.abs(high)) + 16 * UNIT * safe * slope)
        return value, error * SLOP + TINY

    def largest_scale(self, nu: Floats, y: Floats, w: Floats) -> float:
        used, signed = nu != 0, nu * y
        w = np.broadcast_to(w, nu.shape)
        if not np.all((signed[used] > 0) & (w[used] > 0)):
            return 0.0
        if not np.any(used):
            return math.inf
        return float(np.min(w[used] / signed[used])) * (1 - 32 * UNIT)

    def into_domain(self, nu: Floats, y: Floats, w: Floats) -> Floats:
        return y * np.clip(nu * y, 0.0, w * (1 - 32 * UNIT))

    def expression(self, f: cp.Expression, y: Floats) -> cp.Expression:
        from cvxpy.atoms.affine.binary_operators import multiply
        from cvxpy.atoms.elementwise.logistic import logistic

        expression: cp.Expression = logistic(-multiply(y, f))
        return expression

    def room(self, nu: Floats, w: Floats) -> Floats:
        return np.minimum(np.abs(nu), w - np.abs(nu))

    def canonical_targets(self, y: Floats) -> Floats:
        """Classes {0, 1} or {-1, +1} as -1.0 and +1.0."""
        return signs_of(y, "logistic")


def _softplus(t: Floats) -> Floats:
    """log(1 + exp t)."""
    return np.maximum(t, 0.0) + log1p(exp(-np.abs(t)))


def _sigmoid(t: Floats) -> Floats:
    e = exp(-np.abs(t))
    return np.where(t >= 0, 1.0, e) / (1.0 + e)


def _times_log(p: Floats) -> Floats:
    return np.where(p > 0, p * log(np.maximum(p, TINY)), 0.0)


LOSS = Logistic()
