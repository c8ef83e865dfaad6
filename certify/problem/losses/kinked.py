"""What the losses share that are linear on either side of one kink, at f = y: their conjugates, and where they are not smooth."""

from __future__ import annotations

import math
from abc import abstractmethod

import numpy as np

from certify.arrays import Floats
from certify.problem.losses.function import LossFunction
from certify.rounding import SLOP, TINY, UNIT

_INSIDE = 32 * UNIT  # share by which dual entries are kept off the ends of their intervals, where these are not 0


class Kinked(LossFunction):
    """w loss(f, y) = max(low (f - y), high (f - y)), low <= 0 <= high the slopes below and above f = y.

    At the kink every slope in [low, high] is a subgradient, so -nu is one of many there, and no function of the predictions:
    whoever solves the convex program has to say which (docs/theory.md, section 3). The dual term is nu y for -nu in [low, high].
    """

    smooth = False

    @abstractmethod
    def sides(self, y: Floats, w: Floats) -> tuple[Floats, Floats]:
        """low and high, of the shape of y; each 0, or w times a power of two, so that they are as exact as w."""

    def terms(self, f: Floats, f_error: Floats, y: Floats, w: Floats) -> tuple[Floats, Floats]:
        low, high = self.sides(y, w)
        residual = f - y
        error = f_error + UNIT * np.abs(residual)
        value = np.maximum(low * residual, high * residual)
        # where the slope is 0 for all that f may be, the loss is 0 exactly: data fitted without a loss have to be recognised
        flat = np.where(residual > 0, high, low) == 0
        nothing = flat & (np.abs(residual) >= error * SLOP + TINY)
        nothing |= (residual == 0) & (error == 0)
        spread = np.maximum(-low, high) * error + 4 * UNIT * value + TINY * (1 + w)
        return value, np.where(nothing, 0.0, spread * SLOP)

    def slope(self, f: Floats, y: Floats, w: Floats) -> Floats:
        """The slope, and at the kink the middle of the two."""
        low, high = self.sides(y, w)
        return np.where(f > y, high, np.where(f < y, low, 0.5 * (low + high)))

    def curvature(self, f: Floats, y: Floats, w: Floats) -> Floats:
        return np.zeros_like(f) * w

    def subgradients(self, f: Floats, y: Floats, w: Floats, near: Floats) -> tuple[Floats, Floats]:
        """The least and the largest slope at predictions that are known up to `near`, all of one shape."""
        low, high = self.sides(y, w)
        return np.where(f - y > near, high, low), np.where(f - y < -near, low, high)

    def dual_terms(self, nu: Floats, y: Floats, w: Floats) -> tuple[Floats, Floats]:
        low, high = self.sides(y, w)
        more = 1 + 8 * UNIT
        inside = (-nu * np.where(nu < 0, more, 1.0) <= high) & (nu * np.where(nu > 0, more, 1.0) <= -low)
        product = nu * y
        value = np.where(inside, product, np.where(np.isnan(product), np.nan, -np.inf))
        return value, (4 * UNIT * np.abs(product) + TINY * (1 + np.abs(y))) * SLOP

    def largest_scale(self, nu: Floats, y: Floats, w: Floats) -> float:
        low, high = self.sides(y, w)
        used = nu != 0
        if not np.any(used):
            return math.inf
        most = np.where(nu > 0, -low, high)[used]
        return float(np.min(most / np.abs(nu[used]))) * (1 - _INSIDE)

    def into_domain(self, nu: Floats, y: Floats, w: Floats) -> Floats:
        low, high = self.sides(y, w)
        return np.clip(nu, -high * (1 - _INSIDE), -low * (1 - _INSIDE)) + 0.0

    def room(self, nu: Floats, w: Floats) -> Floats:
        return np.minimum(np.abs(nu), np.abs(w - np.abs(nu)))
