"""What a peer is asked and what it answers: bounds on M(nu) = max over |u| <= 1 of |nu . (Z u)_+|, one sign at a time.

    max over |u| <= 1 of  sum_{+} weight_i (z_i . u)_+  -  sum_{-} weight_j (z_j . u)_+

for nu, then for -nu, as the engine does; what the first sign attains, the second need not beat.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from certify.gain.question import GainProblem


class PeerMissing(Exception):
    """The peer is not installed."""


class PeerRefused(Exception):
    """The peer does not take a model of this size; the message says why."""


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """One sign: rows (p, D) whose hinges are added, rows (q, D) whose are taken off, weights positive."""

    plus: np.ndarray
    plus_weights: np.ndarray
    minus: np.ndarray
    minus_weights: np.ndarray

    def value(self, u: np.ndarray) -> float:
        """The function at u / |u|; 0 at u = 0, which is feasible."""
        size = float(np.linalg.norm(u))
        gained = self.plus_weights @ np.maximum(self.plus @ u, 0) - self.minus_weights @ np.maximum(self.minus @ u, 0)
        return float(gained) / size if size > 0 else 0.0

    @property
    def crude_bound(self) -> float:
        """sum weight |z| over the added hinges: what is known before any search."""
        return float(self.plus_weights @ np.linalg.norm(self.plus, axis=1))


@dataclass(frozen=True, slots=True)
class PeerResult:
    """lower <= M(nu) <= upper as the peer says, in its tolerances; processor and wall seconds; cut by the limit?"""

    lower: float
    upper: float
    seconds: float
    wall: float
    cut: bool


SolveSide = Callable[[Side, float, float, float], tuple[float, float]]  # side, cutoff, tolerance, seconds -> bounds


def side_of(problem: GainProblem, sign: int) -> Side:
    """The problem of one sign, rows of weight zero left out."""
    weights = sign * problem.nu * np.any(problem.rows != 0, axis=1)
    plus, minus = weights > 0, weights < 0
    return Side(problem.rows[plus], weights[plus], problem.rows[minus], -weights[minus])


def both_signs(solve: SolveSide, problem: GainProblem, threshold: float, tolerance: float, limit: float) -> PeerResult:
    """Both maxima by `solve`, which may drop all below its cutoff and says what it has after `limit` seconds.

    The two share the limit: where the first takes all of it there is no bound, as the second has none.
    """
    started, began = time.process_time(), time.perf_counter()
    lower, upper, cut = 0.0, 0.0, False
    for sign in (1, -1):
        side = side_of(problem, sign)
        left = limit - (time.process_time() - started)
        cutoff = max(threshold, lower * (1 + tolerance))
        low, high = solve(side, cutoff, tolerance, left) if left > 0 else (0.0, np.inf)
        lower, upper = max(lower, low), max(upper, high)
        cut = cut or not high <= max(cutoff, lower * (1 + 2 * tolerance))
    return PeerResult(lower, upper, time.process_time() - started, time.perf_counter() - began, cut)
