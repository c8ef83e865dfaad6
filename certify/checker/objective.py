"""The objective of a network and the dual bound, in exact rationals (docs/certificate.md, sections 3 and 6).

    F = sum_i w_i loss(f(x_i), y_i) + h/2 |W1|^2 + o/2 |W2|^2          w_i = s_i / n with the mean, s_i with the sum

Logistic values are enclosed; everything else is exact but for what is rounded to the safe side, as said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import cast

from certify.checker.certificate import Data, Network, Objective
from certify.checker.logarithms import BITS, entropy_below, softplus_bounds
from certify.checker.numbers import dot, on_grid, root_below, rows_on_grid
from certify.checker.rejection import require

_BITS_KEPT = 128
_OF_SIGNS = ("logistic", "hinge")  # the losses of two classes


@dataclass(frozen=True, slots=True)
class Problem:
    """What is minimised: rows with their column of ones (n, D), targets (n,), weights s (n,), and the divisor of the sum."""

    objective: Objective
    rows: list[list[float]]
    targets: list[float]
    weights: list[float]
    divisor: int

    @property
    def free_hidden_bias(self) -> bool:
        """Whether the last column's weight is outside the penalty."""
        return self.objective.hidden_bias == "free"

    @property
    def kappa(self) -> int:
        """The curvature of a squared loss: kappa/2 (f - y)^2."""
        return 2 if self.objective.loss == "squared" else 1


def training_problem(objective: Objective, data: Data) -> Problem:
    """The problem that objective and data state. Raises Rejected where they contradict one another."""
    weights = data.sample_weight if data.sample_weight is not None else [1.0] * len(data.y)
    require(all(w >= 0 for w in weights), "data.sample_weight: a negative weight")
    ones = [] if objective.hidden_bias == "none" else [1.0]
    divisor = len(data.y) if objective.reduction == "mean" else 1
    targets = _signs(data.y, objective.loss) if objective.loss in _OF_SIGNS else data.y
    return Problem(objective, [row + ones for row in data.X], targets, weights, divisor)


def network_value(problem: Problem, network: Network) -> tuple[Fraction, Fraction]:
    """Bounds on F: equal for the squared losses and the hinge loss."""
    f, f_shift = _predictions(problem, network)
    s, s_shift = on_grid(problem.weights)
    if problem.objective.loss == "logistic":
        margins = [x if y > 0 else -x for x, y in zip(f, problem.targets)]
        sums = [dot(s, side) for side in zip(*(softplus_bounds(m, f_shift) for m in margins), strict=True)]
        scale = problem.divisor << (s_shift + BITS)
    elif problem.objective.loss == "hinge":
        one = 1 << f_shift
        shortfalls = [max(one - x if y > 0 else one + x, 0) for x, y in zip(f, problem.targets)]
        sums = [dot(s, shortfalls)] * 2
        scale = problem.divisor << (s_shift + f_shift)
    else:
        y, y_shift = on_grid(problem.targets)
        shift = max(f_shift, y_shift)
        squares = [((a << shift - f_shift) - (b << shift - y_shift)) ** 2 for a, b in zip(f, y)]
        sums = [problem.kappa * dot(s, squares)] * 2
        scale = 2 * problem.divisor << (s_shift + 2 * shift)
    penalty = _penalty(problem.objective, network)
    return Fraction(sums[0], scale) + penalty, Fraction(sums[1], scale) + penalty


def dual_value_below(problem: Problem, nu: list[float]) -> Fraction:
    """A lower bound on D(nu); each quotient is rounded upwards to 128 bits. Raises Rejected outside the dual's domain."""
    objective = problem.objective
    total, shift = on_grid(nu)
    mass = Fraction(sum(total), 1 << shift)
    if problem.free_hidden_bias or objective.output_bias == "free":
        require(mass == 0, "dual.nu: constants are free, so the dual vector must sum to exactly zero")
    value = conjugate_below(problem, nu)
    if objective.output_bias == "penalized":
        value -= mass**2 / (2 * Fraction(objective.output_decay))
    return value


def conjugate_below(problem: Problem, nu: Sequence[float | Fraction]) -> Fraction:
    """A lower bound on -L*(-nu), as far as D(nu) is about the loss alone. Raises Rejected outside the dual's domain."""
    return {"logistic": _entropies, "hinge": _products}.get(problem.objective.loss, _conjugates)(problem, nu)


def beta_below(objective: Objective) -> Fraction:
    """sqrt(hidden_decay output_decay): exact where the decays are equal, else within 2^-128 below."""
    return root_below(Fraction(objective.hidden_decay) * Fraction(objective.output_decay))


def _signs(y: list[float], loss: str) -> list[float]:
    negative = -1.0 if -1.0 in y else 0.0
    require(all(x in (negative, 1.0) for x in y), f"data.y: the {loss} loss needs targets 0 and 1, or -1 and +1")
    return [1.0 if x == 1.0 else -1.0 for x in y]


def _predictions(problem: Problem, network: Network) -> tuple[list[int], int]:
    b = network.hidden_bias
    neurons = [u if b is None else [*u, b[j]] for j, u in enumerate(network.hidden_weights)]
    rows, row_shift = rows_on_grid(problem.rows)
    steps, neuron_shift = rows_on_grid(neurons)
    a, a_shift = on_grid(network.output_weights)
    (c,), c_shift = on_grid([network.output_bias or 0.0])
    inner = row_shift + neuron_shift + a_shift
    shift = max(inner, c_shift)
    constant = c << (shift - c_shift)
    sums: dict[tuple[int, ...], int] = {}  # equal rows once
    for row in map(tuple, rows):
        if row not in sums:
            sums[row] = sum(o * t for o, u in zip(a, steps) if (t := dot(u, row)) > 0)
    return [(sums[tuple(row)] << (shift - inner)) + constant for row in rows], shift


def _penalty(objective: Objective, network: Network) -> Fraction:
    hidden = [x for u in network.hidden_weights for x in u]
    if objective.hidden_bias == "penalized":
        hidden = hidden + cast(list[float], network.hidden_bias)
    output = network.output_weights
    if objective.output_bias == "penalized":
        output = [*output, cast(float, network.output_bias)]
    return (
        Fraction(objective.hidden_decay) * _squares(hidden) + Fraction(objective.output_decay) * _squares(output)
    ) / 2


def _squares(values: list[float]) -> Fraction:
    integers, shift = on_grid(values)
    return Fraction(dot(integers, integers), 1 << (2 * shift))


def _conjugates(problem: Problem, nu: Sequence[float | Fraction]) -> Fraction:
    """Sum of nu y - nu^2 / (2 kappa w); the product of two floats fits and is not rounded."""
    total = Fraction(0)
    for v, y, s in zip(nu, problem.targets, problem.weights, strict=True):
        if v == 0:
            continue
        require(s > 0, "dual.nu: an entry belongs to a sample of weight zero")
        square = Fraction(v) ** 2 * problem.divisor / (2 * problem.kappa * Fraction(s))
        total -= _rounded_up(-Fraction(v) * Fraction(y)) + _rounded_up(square)
    return total


def _entropies(problem: Problem, nu: Sequence[float | Fraction]) -> Fraction:
    """Sum of w H(nu y / w)."""
    total = Fraction(0)
    for v, y, s in zip(nu, problem.targets, problem.weights, strict=True):
        if v == 0:
            continue
        p = _share(problem, v, y, s)
        total -= _rounded_up(-Fraction(s) * entropy_below(p) / problem.divisor)
    return total


def _products(problem: Problem, nu: Sequence[float | Fraction]) -> Fraction:
    """Sum of nu y = w p, for 0 <= p <= 1."""
    total = Fraction(0)
    for v, y, s in zip(nu, problem.targets, problem.weights, strict=True):
        if v != 0:
            _share(problem, v, y, s)
            total -= _rounded_up(-Fraction(v) * Fraction(y))
    return total


def _share(problem: Problem, v: float | Fraction, y: float, s: float) -> Fraction:
    """p = nu y / w in [0, 1] of an entry v of nu that is not 0, for a target y = +-1 and a sample weight s."""
    p = Fraction(v) * Fraction(y) * problem.divisor / Fraction(s) if s > 0 else Fraction(-1)
    require(0 <= p <= 1, f"dual.nu: an entry is outside the domain of the {problem.objective.loss} loss")
    return p


def _rounded_up(x: Fraction) -> Fraction:
    """A dyadic of about 128 bits that is at least x, so that sums keep a small denominator; x itself where it fits."""
    shift = max(_BITS_KEPT + x.denominator.bit_length() - x.numerator.bit_length(), 0)
    return Fraction(-((-x.numerator << shift) // x.denominator), 1 << shift)
