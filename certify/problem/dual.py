"""From a dual vector and a proved gain to a lower bound on P* (docs/theory.md, section 3).

Weak duality: M(nu) <= beta (and sum(nu) = 0 where constants are free) gives P* >= D(nu). Any nu may be scaled into
feasibility: with U >= M(nu), s nu is feasible for 0 <= s <= beta/U, and P* >= D(s nu) for the best such s. A dual vector has
the shape (n, k) of the predictions; its sums are those of its columns, one an output, and M is the largest |nu' (Z u)_+|.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from certify.arrays import Floats
from certify.gain.question import GainBound, GainProblem
from certify.linear import norm
from certify.problem.objective import Bias
from certify.problem.training import TrainingProblem
from certify.rounding import SLOP, TINY, UNIT, Enclosure, enclose_sum, gamma, round_to_zero_sum, sums_to_zero

_LEVEL = 1e-9  # relative sum of dual entries that one of them can take up
_HALVINGS = 100
_GOLDEN = (math.sqrt(5) - 1) / 2
_LARGEST_SCALE = 1e9  # of a dual vector, in a proposal
_HALVINGS = 50


@dataclass(frozen=True, slots=True, eq=False)
class LowerBound:
    """P* >= value, because nu (n, k) may be scaled as far as its proved gain allows: all that a certificate is made from.

    nu and gain are None as long as nothing but P* >= 0 is known. Without weight decay there is no gain, but nu exactly: as
    rationals, orthogonal to all that networks predict.
    """

    value: float = 0.0
    nu: Floats | None = None
    gain: GainBound | None = None
    exact: tuple[Fraction, ...] | None = None


def gain_problem(problem: TrainingProblem, nu: Floats) -> GainProblem:
    """The gain of a dual vector nu (n, k) of a training problem."""
    return GainProblem(problem.rows, nu[:, 0] if problem.outputs == 1 else nu, problem.free_hidden_bias)


def dual_vector(problem: TrainingProblem, predictions: Floats) -> Floats:
    """nu = -grad L (n, k) at the predictions f (n, k), moved into the domain of the dual function.

    Where constants are free, f is first shifted by the constants that minimise L, and nu is rounded to exact zero sums.
    For a loss that is not smooth it is one of many, and hardly the best: `feasible_dual` takes what a solver knows better.
    """
    if not problem.loss.smooth:
        return feasible_dual(problem, -problem.slope(predictions))
    if problem.needs_zero_sum:
        predictions = predictions + best_constant(problem, predictions)
    nu = problem.loss.into_domain(-problem.slope(predictions), problem.targets, problem.weights[:, None])
    if problem.needs_zero_sum:
        keepers = np.argmax(problem.curvature(predictions), axis=0)
        nu = np.column_stack([round_to_zero_sum(nu[:, l], int(keeper)) for l, keeper in enumerate(keepers)])
    return nu


def feasible_dual(problem: TrainingProblem, nu: Floats) -> Floats:
    """nu (n, k), moved into the domain of the dual function and, where constants are free, to exact zero sums."""
    targets, weights = problem.targets, problem.weights[:, None]
    inside = problem.loss.into_domain(nu, targets, weights)
    if not problem.needs_zero_sum:
        return inside
    if np.any(np.abs(_sums(inside)) > _LEVEL * np.sum(np.abs(inside))):
        inside = _levelled(problem, inside)
    room = problem.loss.room(inside, weights)
    keepers = np.where(
        np.max(room, axis=0) > _LEVEL * np.max(np.abs(inside)),
        np.argmax(room, axis=0),
        np.argmax(np.abs(inside), axis=0),
    )
    # inward: the weights may be of any sizes, and an entry at the end of a short interval would leave it
    return np.column_stack([round_to_zero_sum(inside[:, l], int(keeper), True) for l, keeper in enumerate(keepers)])


def _levelled(problem: TrainingProblem, nu: Floats) -> Floats:
    """nu + t (n, k), kept inside the domain, with the t (k,) that makes the sums 0 to rounding: they rise with t."""

    def at(t: Floats) -> Floats:
        return problem.loss.into_domain(nu + t, problem.targets, problem.weights[:, None])

    high = np.full(nu.shape[1], 2 * (float(np.max(np.abs(nu))) + float(np.max(problem.weights))))
    low = -high
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        above = _sums(at(middle)) > 0
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return at(low)


def best_constant(problem: TrainingProblem, predictions: Floats) -> Floats:
    """The c (k,) that minimises L(f + c), f (n, k): Newton's method for each output, kept inside a bracket of its slope's sign."""

    def slope(c: Floats) -> Floats:
        return _sums(problem.slope(predictions + c))

    reach = 1.0 + 2 * (np.max(np.abs(predictions), axis=0) + np.max(np.abs(problem.targets), axis=0))
    low, high = -reach, reach
    while np.any(wrong := (slope(low) > 0) & (low > -1e9 * reach)):
        low = np.where(wrong, 4 * low, low)
    while np.any(wrong := (slope(high) < 0) & (high < 1e9 * reach)):
        high = np.where(wrong, 4 * high, high)
    c: Floats = np.zeros_like(reach)
    for _ in range(200):
        here = slope(c)
        low, high = np.where(here < 0, c, low), np.where(here < 0, high, c)
        curvature = _sums(problem.curvature(predictions + c))
        newton = c - np.divide(here, curvature, out=np.full_like(c, np.inf), where=curvature > 0)
        proposal = np.where((low < newton) & (newton < high), newton, (low + high) / 2)
        done = (here == 0) | (proposal == c)
        if np.all(done):
            break
        c = np.where(done, c, proposal)
    return c


def _sums(values: Floats) -> Floats:
    """The sum of each column of (n, k)."""
    sums: Floats = np.sum(np.ascontiguousarray(values.T), axis=1)
    return sums


def zero_sums(nu: Floats) -> bool:
    """True iff every column of nu (n, k) sums to exactly zero."""
    return all(sums_to_zero(column) for column in nu.T)


def transferred_gain(problem: TrainingProblem, nu: Floats, known: LowerBound) -> float:
    """A float at least M(nu) (nu (n, k)), from a dual vector nearby whose gain is known: M is a seminorm, and
    M(delta) <= sum |delta_i| |x_i| (docs/theory.md, section 3). Infinite where nothing is known."""
    if (
        known.gain is None
        or known.nu is None
        or (problem.needs_zero_sum and not (zero_sums(nu) and zero_sums(known.nu)))
    ):
        return math.inf
    n, d = problem.rows.shape
    rows = problem.rows[:, :-1] if problem.free_hidden_bias else problem.rows
    lengths = norm(nu - known.nu, axis=1) * norm(rows, axis=1)
    step = float(np.sum(lengths)) * (1 + gamma(n + d + problem.outputs + 16)) * SLOP
    upper = (known.gain.upper + step + n * TINY) * (1 + 4 * UNIT)
    return upper if math.isfinite(upper) else math.inf


def scaled_dual_bound(problem: TrainingProblem, nu: Floats, gain_upper: float) -> float:
    """A float at most P*, from any dual vector nu (n, k) and any proved gain_upper >= M(nu); never below 0.

    0 is always valid: every loss is nonnegative.
    """
    if not np.all(np.isfinite(nu)) or (problem.needs_zero_sum and not zero_sums(nu)):
        return 0.0
    return max(0.0, *(_dual_value(problem, nu, s).lower for s in _worthy_scales(problem, nu, gain_upper)))


def sufficient_gain(problem: TrainingProblem, nu: Floats, wanted: float) -> float:
    """About the largest U for which a proof of M(nu) <= U makes `scaled_dual_bound` at least `wanted`; 0 where none does.

    A proposal: what a bound on the gain gives is for `scaled_dual_bound` to say.
    """
    if not np.all(np.isfinite(nu)) or (problem.needs_zero_sum and not zero_sums(nu)):
        return 0.0
    largest = problem.loss.largest_scale(nu, problem.targets, problem.weights[:, None])
    if not largest > 0:
        return 0.0
    low, high = 0.0, _best_scale(problem, nu, min(largest, _LARGEST_SCALE))
    if not (high > 0 and _dual_value(problem, nu, high).lower >= wanted):
        return 0.0
    for _ in range(_HALVINGS):  # D(s nu) is concave and 0 at 0: up to its best scale it rises
        middle = (low + high) / 2
        if _dual_value(problem, nu, middle).lower >= wanted:
            high = middle
        else:
            low = middle
    return problem.beta_lower / high


def best_scale(problem: TrainingProblem, nu: Floats, gain_upper: float) -> float:
    """The s in [0, beta/gain_upper] with which `scaled_dual_bound` gets its bound, and 0 where that is 0."""
    scales = [0.0, *_worthy_scales(problem, nu, gain_upper)]
    return max(scales, key=lambda s: _dual_value(problem, nu, s).lower if s else 0.0)


def feasible_scaling(problem: TrainingProblem, lower: LowerBound, inside: float = 0.0) -> Floats:
    """The dual vector (n, 1) of one output scaled as far as its gain allows and as is best, less a share `inside`; an exact zero sum stays."""
    if lower.nu is None or lower.gain is None:
        return np.zeros((problem.samples, 1))
    nu = best_scale(problem, lower.nu, lower.gain.upper) * (1 - inside) * lower.nu[:, 0]
    if problem.needs_zero_sum:
        keeper = int(np.argmax(problem.loss.room(nu, problem.weights)))
        nu = round_to_zero_sum(nu, keeper, inward=not problem.loss.smooth)
    return nu[:, None]


def dual_value(problem: TrainingProblem, nu: Floats) -> Enclosure:
    """D(nu), enclosed; it bounds P* from below where M(nu) <= beta, and its sums are 0 if constants are free."""
    return _dual_value(problem, nu, 1.0)


def _worthy_scales(problem: TrainingProblem, nu: Floats, gain_upper: float) -> tuple[float, ...]:
    """Feasible scales, the best among them up to rounding; 0 where there is none."""
    largest = min(
        _feasible_scale(problem.beta_lower, gain_upper),
        problem.loss.largest_scale(nu, problem.targets, problem.weights[:, None]),
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


def _best_scale(problem: TrainingProblem, nu: Floats, largest: float) -> float:
    """Maximise the concave s -> D(s nu) over (0, largest] by golden section in plain floats; only a proposal."""
    penalised = problem.objective.output_bias is Bias.PENALIZED
    constant = float(np.sum(_sums(nu) ** 2)) / (2 * problem.beta) if penalised else 0.0

    def value(s: float) -> float:
        terms, _ = problem.loss.dual_terms(s * nu, problem.targets, problem.weights[:, None])
        return float(np.sum(terms)) - s * s * constant

    high = min(largest, 1.0)
    while 2 * high <= largest and value(2 * high) > value(high):
        high *= 2
    low, high = 0.0, min(largest, 2 * high)
    for _ in range(70):
        left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
        low, high = (left, high) if value(left) < value(right) else (low, right)
    top = min(largest, high * (1 + 1e-9))
    return top if value(top) >= value(low) else low


def _dual_value(problem: TrainingProblem, nu: Floats, scale: float) -> Enclosure:
    """D(scale * nu), enclosed; a penalised output bias costs |sum(nu)|^2 / (2 beta)."""
    terms, errors = problem.loss.dual_terms(scale * nu, problem.targets, problem.weights[:, None])
    total = enclose_sum(terms, errors + 2 * UNIT * np.abs(terms))
    if problem.objective.output_bias is Bias.PENALIZED:
        for column in nu.T:
            constant = scale * math.fsum(column)
            loss = constant / (2 * problem.beta) * constant
            total = total + Enclosure(-loss, (8 * UNIT * loss + TINY) * SLOP)
    return total
