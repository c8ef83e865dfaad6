"""The losses: value, slope, curvature, and the conjugate that the dual bound needs (docs/theory.md, sections 1 and 3).

L(f) = sum_i w_i loss(f_i, y_i). With nu = -grad L(f), the dual function is D(nu) = -L*(-nu) = sum_i of dual terms.
Each loss gives its terms with error bounds, so that a sum of them is an enclosure.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from certify.problem.objective import Loss
from certify.rounding import LIBM_ULPS, SLOP, TINY, UNIT


class LossFunction(ABC):
    """One loss, applied to arrays of shape (n,): predictions f, targets y, weights w >= 0."""

    quadratic: bool

    @abstractmethod
    def terms(self, f: np.ndarray, f_error: np.ndarray, y: np.ndarray, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """w loss(f, y) and a bound on the error, when f is known up to f_error and w up to a factor 1 +- u."""

    @abstractmethod
    def slope(self, f: np.ndarray, y: np.ndarray, w: np.ndarray) -> np.ndarray:
        """d/df of w loss(f, y), rounded to nearest."""

    @abstractmethod
    def curvature(self, f: np.ndarray, y: np.ndarray, w: np.ndarray) -> np.ndarray:
        """d2/df2 of w loss(f, y), rounded to nearest."""

    @abstractmethod
    def dual_terms(self, nu: np.ndarray, y: np.ndarray, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """-(w loss)*(-nu) and a bound on the error, when nu and w are each known up to a factor 1 +- u.

        -inf outside the domain of the conjugate.
        """

    @abstractmethod
    def largest_scale(self, nu: np.ndarray, y: np.ndarray, w: np.ndarray) -> float:
        """The largest s for which s nu stays in the domain of the conjugate."""

    @abstractmethod
    def into_domain(self, nu: np.ndarray, y: np.ndarray, w: np.ndarray) -> np.ndarray:
        """nu moved into the domain of the conjugate, where it has left it by rounding."""


class SquaredLoss(LossFunction):
    """factor/2 (f - y)^2: factor 1 is the half-squared loss, factor 2 the squared one."""

    quadratic = True

    def __init__(self, factor: float) -> None:
        self.factor = factor

    def terms(self, f, f_error, y, w):
        residual = f - y
        residual_error = f_error + UNIT * np.abs(residual)
        half = 0.5 * self.factor * w
        value = half * residual**2
        error = half * (2 * np.abs(residual) * residual_error + residual_error**2) + 8 * UNIT * value
        # an exact zero stays one: a network that fits data without a loss has to be recognised
        underflow = np.where((residual == 0) & (residual_error == 0), 0.0, TINY * (1 + half))
        return value, error * SLOP + underflow

    def slope(self, f, y, w):
        return self.factor * w * (f - y)

    def curvature(self, f, y, w):
        return self.factor * w * np.ones_like(f)

    def dual_terms(self, nu, y, w):
        linear = nu * y
        # the division first: nu^2 may underflow where w is tiny
        aim = np.divide(nu, 2 * self.factor * w, out=np.where(nu == 0, 0.0, np.inf), where=w > 0)
        square = np.abs(aim) * np.abs(nu)
        return linear - square, (8 * UNIT * (np.abs(linear) + square) + TINY * (1 + np.abs(y))) * SLOP

    def largest_scale(self, nu, y, w):
        return np.inf if np.all((w > 0) | (nu == 0)) else 0.0

    def into_domain(self, nu, y, w):
        return np.where(w > 0, nu, 0.0)


class LogisticLoss(LossFunction):
    """log(1 + exp(-y f)) with y in {-1, +1}; its dual variable p = nu y / w lies in [0, 1], the dual term is w times the
    entropy of p."""

    quadratic = False

    def terms(self, f, f_error, y, w):
        value = w * np.logaddexp(0.0, -y * f)
        return value, (w * f_error + LIBM_ULPS * UNIT * value + TINY * (1 + w)) * SLOP

    def slope(self, f, y, w):
        return -y * w * _sigmoid(-y * f)

    def curvature(self, f, y, w):
        p = _sigmoid(y * f)
        return w * p * (1 - p)

    def dual_terms(self, nu, y, w):
        p = np.divide(nu * y, w, out=np.where(nu == 0, 0.0, np.nan), where=w > 0)
        inside = (p >= 0) & (p * (1 + 8 * UNIT) <= 1)
        safe = np.where(inside, p, 0.5)
        # log1p: of a small p, log(1 - p) would keep no more than an absolute accuracy
        low, high = _times_log(safe), (1 - safe) * np.log1p(-safe)
        value = np.where(inside, -w * (low + high), -np.inf)
        # p is known up to a factor 1 +- 4u; the entropy moves by |log(p / (1-p))| per unit, and both logs are rounded.
        slope = np.abs(np.log(np.maximum(safe, TINY))) + np.abs(np.log(np.maximum(1 - safe, UNIT))) + 2.0
        error = w * (LIBM_ULPS * UNIT * (np.abs(low) + np.abs(high)) + 16 * UNIT * safe * slope)
        return value, error * SLOP + TINY

    def largest_scale(self, nu, y, w):
        used = nu != 0
        if not np.all((nu[used] * y[used] > 0) & (w[used] > 0)):
            return 0.0
        if not np.any(used):
            return np.inf
        return float(np.min(w[used] / (nu[used] * y[used]))) * (1 - 32 * UNIT)

    def into_domain(self, nu, y, w):
        return y * np.clip(nu * y, 0.0, w * (1 - 32 * UNIT))


def _sigmoid(t: np.ndarray) -> np.ndarray:
    e = np.exp(-np.abs(t))
    return np.where(t >= 0, 1.0, e) / (1.0 + e)


def _times_log(p: np.ndarray) -> np.ndarray:
    return np.where(p > 0, p * np.log(np.maximum(p, TINY)), 0.0)


LOSSES: dict[Loss, LossFunction] = {
    Loss.HALF_SQUARED: SquaredLoss(1.0),
    Loss.SQUARED: SquaredLoss(2.0),
    Loss.LOGISTIC: LogisticLoss(),
}
