"""Exact arithmetic, to hold float results against: floats are dyadic rationals, so sums and products are Fractions.

Logarithms are Decimals of 80 digits, far beyond any error bound under test. Nothing here uses an engine of certify.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal, localcontext
from fractions import Fraction

import numpy as np

from certify.problem.dataset import Dataset
from certify.problem.network import Network
from certify.problem.objective import Bias, Loss, Objective, Reduction
from certify.rounding import Enclosure

_DIGITS = 80


def fractions(values: Iterable[float]) -> list[Fraction]:
    """The floats as the rationals that they are."""
    return [Fraction(float(value)) for value in values]


def encloses(enclosure: Enclosure, value: Fraction) -> bool:
    """Whether the enclosure's two floats are finite and lie on either side of the value."""
    return Fraction(enclosure.lower) <= value <= Fraction(enclosure.upper)


def relu_sum(weights: Sequence[Fraction], rows: np.ndarray, u: Sequence[Fraction]) -> Fraction:
    """sum_i weights_i (row_i . u)_+."""
    return sum(
        (w * max(dot(fractions(row), u), Fraction(0)) for w, row in zip(weights, rows, strict=True)), Fraction(0)
    )


def dot(x: Sequence[Fraction], y: Sequence[Fraction]) -> Fraction:
    """x . y."""
    return sum((a * b for a, b in zip(x, y, strict=True)), Fraction(0))


def natural_log(x: Fraction) -> Fraction:
    """log x to 80 digits."""
    with localcontext() as context:
        context.prec = _DIGITS
        return Fraction((Decimal(x.numerator) / Decimal(x.denominator)).ln())


def softplus(t: Fraction) -> Fraction:
    """log(1 + exp t) = max(t, 0) + log(1 + exp(-|t|)) to some 60 digits, relative; exp(-10^4) counts as nothing."""
    if abs(t) > 10_000:
        return max(t, Fraction(0))
    with localcontext() as context:
        context.prec = _DIGITS
        power = (-abs(Decimal(t.numerator) / Decimal(t.denominator))).exp()
        # of a tiny power the sum 1 + power would keep nothing: log(1 + p) = p - p^2/2 + ...
        small = power < Decimal(10) ** -30
        return max(t, Fraction(0)) + Fraction(power - power * power / 2 if small else (1 + power).ln())


def exact_predictions(net: Network, X: np.ndarray) -> list[Fraction]:
    """f(x_i) of a one-output network."""
    biases = np.zeros(net.width) if net.hidden_bias is None else net.hidden_bias
    constant = Fraction(0) if net.output_bias is None else Fraction(float(net.output_bias[0]))
    rows = np.column_stack([X, np.ones(X.shape[0])])
    neurons = [fractions([*u, b]) for u, b in zip(net.hidden_weights, biases, strict=True)]
    outer = fractions(net.output_weights[:, 0])
    samples = [fractions(row) for row in rows]
    zero = Fraction(0)
    return [
        constant + sum((a * max(dot(x, u), zero) for u, a in zip(neurons, outer, strict=True)), zero) for x in samples
    ]


OF_SIGNS = (Loss.LOGISTIC, Loss.HINGE)  # the losses of two classes


def sample_loss(loss: Loss, f: Fraction, y: Fraction) -> Fraction:
    """loss(f, y)."""
    if loss is Loss.LOGISTIC:
        return softplus(-y * f)
    if loss is Loss.HINGE:
        return max(Fraction(0), 1 - y * f)
    return (f - y) ** 2 / (2 if loss is Loss.HALF_SQUARED else 1)


def exact_objective(net: Network, data: Dataset, goal: Objective) -> Fraction:
    """F of the network as its file states it, exact (for the logistic loss to 80 digits)."""
    weights = fractions(np.ones(data.samples) if data.sample_weight is None else data.sample_weight)
    f, y = exact_predictions(net, data.X), fractions(data.y[:, 0])
    losses = [sample_loss(goal.loss, *pair) for pair in zip(f, y, strict=True)]
    total = dot(weights, losses) / (data.samples if goal.reduction is Reduction.MEAN else 1)
    penalised = [(goal.hidden_decay, net.hidden_weights), (goal.output_decay, net.output_weights)]
    if goal.hidden_bias is Bias.PENALIZED:
        penalised.append((goal.hidden_decay, net.hidden_bias))
    if goal.output_bias is Bias.PENALIZED:
        penalised.append((goal.output_decay, net.output_bias))
    squares = (Fraction(decay) / 2 * sum(v**2 for v in fractions(np.ravel(array))) for decay, array in penalised)
    return total + sum(squares, Fraction(0))


def random_network(rng: np.random.Generator, width: int, inputs: int, goal: Objective, scale: float = 1.0) -> Network:
    """A random network with the biases that the objective speaks of."""
    bias = None if goal.hidden_bias is Bias.NONE else rng.standard_normal(width) * scale
    constant = None if goal.output_bias is Bias.NONE else rng.standard_normal(1) * scale
    hidden, output = rng.standard_normal((width, inputs)), rng.standard_normal((width, 1))
    return Network(hidden * scale, output * scale, bias, constant)
