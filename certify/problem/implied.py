"""The decay that weights imply: what a gradient tells of the objective that was minimised (docs/theory.md, section 14).

Where a network is stationary, grad L + B theta = 0 over the penalised parameters and grad L = 0 over the free ones. So the
gradient of the loss alone, one pass over the data, gives for every loss and every treatment of the biases the decay that fits
best, and how well it fits. Nothing here is rigorous, and no verdict rests on it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from certify._core.bounded import bounded_least_squares
from certify.arrays import Floats
from certify.linear import matmul, norm
from certify.problem.loss_gradient import LossGradient
from certify.problem.losses.squares import Squares
from certify.problem.network import Network
from certify.problem.objective import Bias, Loss, Reduction

SMOOTH = (Loss.HALF_SQUARED, Loss.LOGISTIC)  # of the losses that differ by a factor, one


@dataclass(frozen=True, slots=True)
class Treatment:
    """Which of the biases that a network has are penalised; Bias.NONE for one that it does not have."""

    hidden: Bias
    output: Bias


@dataclass(frozen=True, slots=True)
class Implied:
    """The decays that fit the weights best, for one loss and one treatment of the biases.

    hidden_decay, output_decay  B in F = sum_i w_i loss_i + B/2 |...|^2; one and the same unless fitted layer by layer
    residual  the length of grad L + B theta over that of grad L, in [0, 1]: 0 at a stationary point, 1 where nothing fits
    samples   n, for the mean instead of the sum
    """

    loss: Loss
    treatment: Treatment
    hidden_decay: float
    output_decay: float
    residual: float
    samples: int

    @property
    def by_layer(self) -> bool:
        """Whether the layers' decays differ."""
        return self.hidden_decay != self.output_decay

    def decays(self, loss: Loss, reduction: Reduction) -> tuple[float, float]:
        """Of the hidden and the output layer, for a loss that differs from this one by a factor, and either reduction."""
        factor = _factor(loss) / _factor(self.loss) / (self.samples if reduction is Reduction.MEAN else 1)
        return self.hidden_decay * factor, self.output_decay * factor


def same_up_to_a_factor(one: Loss, other: Loss) -> bool:
    """Whether two losses are multiples of each other: their stationary points are the same, at other decays."""
    return one is other or (isinstance(one.function, Squares) and isinstance(other.function, Squares))


def _factor(loss: Loss) -> float:
    return loss.function.factor if isinstance(loss.function, Squares) else 1.0


def treatments(network: Network) -> tuple[Treatment, ...]:
    """Every treatment of the biases that the network has."""
    ways = (Bias.PENALIZED, Bias.FREE)
    hidden = (Bias.NONE,) if network.hidden_bias is None else ways
    output = (Bias.NONE,) if network.output_bias is None else ways
    return tuple(Treatment(h, o) for h, o in product(hidden, output))


def implied(gradient: LossGradient, treatment: Treatment, by_layer: bool = False) -> Implied:
    """The decay B that makes the residual least: -<grad L, theta> / <theta, theta> over the penalised parameters theta.

    by_layer: one for each layer instead. NaN where there is no weight. At kinks grad L is first the nearest to -B theta for
    the B of the products <u, grad_u L>, on which no gate of a sample with z.u = 0 has any part.
    """
    u = gradient.parameters[0]
    weights = float(np.sum(u[:, : _last(treatment)] ** 2))
    first = -float(np.sum(gradient.u * u)) / weights if weights > 0 else math.nan
    gradient = at_kinks(gradient, treatment, first)
    penalised = _penalised(gradient, treatment)
    if by_layer:
        hidden, output = (_fit([part]) for part in penalised[:2])
    else:
        hidden = output = _fit(penalised)
    rest = residual(gradient, treatment, hidden, output)
    return Implied(gradient.loss, treatment, hidden, output, rest, gradient.samples)


def _last(treatment: Treatment) -> int | None:
    """Where the penalised part of u ends."""
    return -1 if treatment.hidden is Bias.FREE else None


def _penalised(gradient: LossGradient, treatment: Treatment) -> list[tuple[Floats, Floats]]:
    """Gradient and value of the parameters that are penalised: of the hidden layer, of the output layer, of c."""
    (u, a, c), last = gradient.parameters, _last(treatment)
    parts = [(gradient.u[:, :last], u[:, :last]), (gradient.a, a)]
    return parts + ([(gradient.c, c)] if treatment.output is Bias.PENALIZED else [])


def _fit(parts: list[tuple[Floats, Floats]]) -> float:
    along = sum(float(np.sum(slope * values)) for slope, values in parts)
    square = sum(float(np.sum(values * values)) for _, values in parts)
    return -along / square if square > 0 else math.nan


def at_kinks(gradient: LossGradient, treatment: Treatment, hidden: float) -> LossGradient:
    """The gradient with the gates of samples at a kink, each in [0, 1], chosen so that it comes nearest to -hidden u."""
    u, by_u = gradient.parameters[0], gradient.u.copy()
    if not gradient.kinks or not math.isfinite(hidden):
        return gradient
    for kinks in gradient.kinks:  # sum_k (t_k - gates_k) jumps_k for the best t
        closed = by_u[kinks.neuron] - matmul(kinks.gates, kinks.jumps)
        aim = -closed
        aim[: _last(treatment)] -= hidden * u[kinks.neuron, : _last(treatment)]
        opened = bounded_least_squares(kinks.jumps, aim, np.ones(len(kinks.jumps)))
        by_u[kinks.neuron] = closed + matmul(opened, kinks.jumps)
    return replace(gradient, u=by_u)


def residual(gradient: LossGradient, treatment: Treatment, hidden: float, output: float) -> float:
    """|grad L + B theta| over the longer of grad L and B theta, with the best gates of samples at a kink.

    hidden, output: the layers' B, for the sum over the samples. NaN where that is not a number.
    """
    u, a, c = gradient.parameters
    gradient = at_kinks(gradient, treatment, hidden)
    decayed = hidden * u
    if treatment.hidden is Bias.FREE:
        decayed[:, -1] = 0.0
    shift = output * c if treatment.output is Bias.PENALIZED else np.zeros_like(c)
    unit = max(_length(gradient.u, gradient.a, gradient.c), _length(decayed, output * a, shift))
    rest = _length(gradient.u + decayed, gradient.a + output * a, gradient.c + shift)
    return rest / unit if unit > 0 else math.nan


def _length(*arrays: Floats) -> float:
    return float(norm(np.concatenate([np.ravel(array) for array in arrays])))
