"""From a dual vector and a proved gain to a lower bound on P* (docs/theory.md, section 3).

Weak duality: M(nu) <= beta (and sum(nu) = 0 where constants are free) gives P* >= D(nu). Any nu may be scaled into
feasibility: with U >= M(nu), s nu is feasible for 0 <= s <= beta/U, and P* >= D(s nu) for the best such s.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from certify.problem.objective import Bias
from certify.problem.training import TrainingProblem
from certify.rounding import SLOP, TINY, UNIT, Enclosure, enclose_sum, gamma, round_to_zero_sum, sums_to_zero

if TYPE_CHECKING:
    from certify.gain.question import GainBound

_GOLDEN = (math.sqrt(5) - 1) / 2


@dataclass(frozen=True, slots=True, eq=False)
class LowerBound:
    """P* >= value, because nu (n,) may be scaled as far as its proved gain allows: all that a certificate is made from.

    nu and gain are None as long as nothing but P* >= 0 is known.
    """

    value: float = 0.0
    nu: np.ndarray | None = None
    gain: GainBound | None = None


def dual_vector(problem: TrainingProblem, predictions: np.ndarray) -> np.ndarray:
    """nu = -grad L at the predictions f (n,), moved into the domain of the dual function.

    Where constants are free, f is first shifted by the constant that minimises L, and nu is rounded to an exact zero sum.
    """
    targets, weights, loss = problem.targets, problem.weights, problem.loss
    if problem.needs_zero_sum:
        predictions = predictions + best_constant(problem, predictions)
    nu = loss.into_domain(-loss.slope(predictions, targets, weights), targets, weights)
    if problem.needs_zero_sum:
        nu = round_to_zero_sum(nu, keeper=int(np.argmax(loss.curvature(predictions, targets, weights))))
    return nu


def best_constant(problem: TrainingProblem, predictions: np.ndarray) -> float:
    """The c that minimises L(f + c), by Newton's method kept inside a bracket of the slope's sign."""

    def slope(c: float) -> float:
        return float(np.sum(problem.loss.slope(predictions + c, problem.targets, problem.weights)))

    reach = 1.0 + 2 * float(np.max(np.abs(predictions)) + np.max(np.abs(problem.targets)))
    low, high = -reach, reach
    while slope(low) > 0 and low > -1e9 * reach:
        low *= 4
    while slope(high) < 0 and high < 1e9 * reach:
        high *= 4
    c = 0.0
    for _ in range(200):
        here = slope(c)
        low, high = (c, high) if here < 0 else (low, c)
        curvature = float(np.sum(problem.loss.curvature(predictions + c, problem.targets, problem.weights)))
        newton = c - here / curvature if curvature > 0 else math.nan
        proposal = newton if low < newton < high else (low + high) / 2
        if here == 0 or proposal == c:
            break
        c = proposal
    return c


def transferred_gain(problem: TrainingProblem, nu: np.ndarray, known: LowerBound) -> float:
    """A float at least M(nu) (nu (n,)), from a dual vector nearby whose gain is known: M is a seminorm, and
    M(delta) <= sum |delta_i| |x_i| (docs/theory.md, section 3). Infinite where nothing is known."""
    if known.gain is None or (problem.needs_zero_sum and not (sums_to_zero(nu) and sums_to_zero(known.nu))):
        return math.inf
    n, d = problem.rows.shape
    rows = problem.rows[:, :-1] if problem.free_hidden_bias else problem.rows
    step = float(np.abs(nu - known.nu) @ np.linalg.norm(rows, axis=1)) * (1 + gamma(n + d + 8)) * SLOP
    upper = (known.gain.upper + step + n * TINY) * (1 + 4 * UNIT)
    return upper if math.isfinite(upper) else math.inf


def scaled_dual_bound(problem: TrainingProblem, nu: np.ndarray, gain_upper: float) -> float:
    """A float at most P*, from any dual vector nu (n,) and any proved gain_upper >= M(nu); never below 0.

    0 is always valid: every loss is nonnegative.
    """
    if problem.needs_zero_sum and not sums_to_zero(nu):
        return 0.0
    return max(0.0, *(_dual_value(problem, nu, s).lower for s in _worthy_scales(problem, nu, gain_upper)))


def best_scale(problem: TrainingProblem, nu: np.ndarray, gain_upper: float) -> float:
    """The s in [0, beta/gain_upper] with which `scaled_dual_bound` gets its bound, and 0 where that is 0."""
    scales = [0.0, *_worthy_scales(problem, nu, gain_upper)]
    return max(scales, key=lambda s: _dual_value(problem, nu, s).lower if s else 0.0)


def dual_value(problem: TrainingProblem, nu: np.ndarray) -> Enclosure:
    """D(nu), enclosed; it bounds P* from below where M(nu) <= beta, and sum(nu) = 0 if constants are free."""
    return _dual_value(problem, nu, 1.0)


def _worthy_scales(problem: TrainingProblem, nu: np.ndarray, gain_upper: float) -> tuple[float, ...]:
    """Feasible scales, the best among them up to rounding; 0 where there is none."""
    largest = min(
        _feasible_scale(problem.beta_lower, gain_upper),
        problem.loss.largest_scale(nu, problem.targets, problem.weights),
    )
    if not largest > 0:
        return (0.0,)
    scale = _best_scale(problem, nu, largest)
    return scale, min(largest, 1.0), min(largest, 2 * scale)


def _feasible_scale(beta: float, gain_upper: float) -> float:
    """The largest float s found with s * gain_upper <= beta exactly; infinite for a zero gain."""
    if gain_upper == 0:
        return math.inf
    if not 0 < gain_upper < math.inf:
        return 0.0
    scale = min(beta / gain_upper, sys.float_info.max)
    while scale > 0 and Fraction(scale) * Fraction(gain_upper) > Fraction(beta):
        scale = math.nextafter(scale, 0.0)
    return scale


def _best_scale(problem: TrainingProblem, nu: np.ndarray, largest: float) -> float:
    """Maximise the concave s -> D(s nu) over (0, largest] by golden section in plain floats; only a proposal."""
    penalised = problem.objective.output_bias is Bias.PENALIZED
    constant = float(np.sum(nu)) ** 2 / (2 * problem.beta) if penalised else 0.0

    def value(s: float) -> float:
        return float(np.sum(problem.loss.dual_terms(s * nu, problem.targets, problem.weights)[0])) - s * s * constant

    high = min(largest, 1.0)
    while 2 * high <= largest and value(2 * high) > value(high):
        high *= 2
    low, high = 0.0, min(largest, 2 * high)
    for _ in range(70):
        left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
        low, high = (left, high) if value(left) < value(right) else (low, right)
    top = min(largest, high * (1 + 1e-9))
    return top if value(top) >= value(low) else low


def _dual_value(problem: TrainingProblem, nu: np.ndarray, scale: float) -> Enclosure:
    """D(scale * nu), enclosed; a penalised output bias costs sum(nu)^2 / (2 beta)."""
    terms, errors = problem.loss.dual_terms(scale * nu, problem.targets, problem.weights)
    total = enclose_sum(terms, errors + 2 * UNIT * np.abs(terms))
    if problem.objective.output_bias is Bias.PENALIZED:
        constant = scale * math.fsum(nu)
        loss = constant / (2 * problem.beta) * constant
        total = total + Enclosure(-loss, (8 * UNIT * loss + TINY) * SLOP)
    return total
