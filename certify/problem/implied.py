"""The decay that weights imply: what a gradient tells of the objective that was minimised (docs/theory.md, section 12).

Where a network is stationary, grad L + B theta = 0 over the penalised parameters and grad L = 0 over the free ones. So the
gradient of the loss alone, one pass over the data, gives for every loss and every treatment of the biases the decay that fits
best, and how well it fits. Nothing here is rigorous, and no verdict rests on it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np

from certify._core.bounded import bounded_least_squares
from certify.arrays import Floats
from certify.linear import matmul, norm
from certify.problem.dataset import Dataset
from certify.problem.losses.squares import Squares
from certify.problem.network import Network
from certify.problem.objective import Bias, Loss, Reduction

_BLOCK = 1 << 22  # entries of a block of activations held at a time
_KINK = 1e-4  # |z.u| below this times |z||u|: training may have come to rest on the kink
SMOOTH = (Loss.HALF_SQUARED, Loss.LOGISTIC)  # of the losses that differ by a factor, one


@dataclass(frozen=True, slots=True)
class Treatment:
    """Which of the biases that a network has are penalised; Bias.NONE for one that it does not have."""

    hidden: Bias
    output: Bias


@dataclass(frozen=True, slots=True, eq=False)
class Kinks:
    """What the gradient by one neuron's u can change by: gates_k (1 where open now) times jumps_k (D,)."""

    neuron: int
    gates: Floats
    jumps: Floats


@dataclass(frozen=True, slots=True, eq=False)
class LossGradient:
    """The gradient of L, the sum over the samples, by u (m, D) (a hidden bias is its last entry), a (m, k) and c (k,).

    parameters: u, a, c themselves; c is empty without an output bias. kinks: of neurons that have samples on their boundary.
    """

    u: Floats
    a: Floats
    c: Floats
    parameters: tuple[Floats, Floats, Floats]
    kinks: tuple[Kinks, ...]


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


def loss_gradient(network: Network, dataset: Dataset, loss: Loss) -> LossGradient:
    """The gradient of sum_i w_i loss(f(x_i), y_i), w the sample weights. ValueError where the targets are not the loss's."""
    rows = dataset.X if network.hidden_bias is None else np.column_stack([dataset.X, np.ones(dataset.samples)])
    u = network.hidden_weights
    u = u if network.hidden_bias is None else np.column_stack([u, network.hidden_bias])
    a, c = network.output_weights, np.zeros(0) if network.output_bias is None else network.output_bias
    blocks = list(_blocks(network.width, dataset.samples))
    f = np.zeros((dataset.samples, network.outputs)) + (c if c.size else 0.0)
    for block in blocks:
        f = f + matmul(np.maximum(matmul(rows, u[block].T), 0.0), a[block])
    targets = loss.function.canonical_targets(dataset.y)
    weights = np.ones(dataset.samples) if dataset.sample_weight is None else dataset.sample_weight
    slope = loss.function.slope(f, targets, weights[:, None])
    by_u, by_a, kinks = np.empty_like(u), np.empty_like(a), []
    lengths = norm(rows, axis=1)
    for block in blocks:
        values = matmul(rows, u[block].T)
        arriving = matmul(slope, a[block].T)
        by_u[block] = matmul((arriving * (values > 0)).T, rows)
        by_a[block] = matmul(np.maximum(values, 0.0).T, slope)
        reach = _KINK * lengths[:, None] * norm(u[block], axis=1)
        for j in np.flatnonzero(np.any(np.abs(values) <= reach, axis=0)):
            kinks.append(_kinks(block.start + int(j), rows, values[:, j], reach[:, j], arriving[:, j]))
    by_c = np.sum(slope, axis=0) if c.size else np.zeros(0)
    return LossGradient(by_u, by_a, by_c, (u, a, c), tuple(kinks))


def _blocks(width: int, samples: int) -> Iterator[slice]:
    step = max(1, _BLOCK // max(1, samples))
    return (slice(start, min(start + step, width)) for start in range(0, width, step))


def _kinks(neuron: int, rows: Floats, values: Floats, reach: Floats, arriving: Floats) -> Kinks:
    """The samples nearest to a neuron's boundary, a few more than can lie on it by chance."""
    near = np.flatnonzero((np.abs(values) <= reach) & (arriving != 0))
    most = 2 * rows.shape[1]
    if near.size > most:
        nearness = np.abs(values[near]) / reach[near]
        near = near[np.argsort(nearness, kind="stable")[:most]]
    return Kinks(neuron, (values[near] > 0).astype(float), rows[near] * arriving[near, None])


def implied(gradient: LossGradient, loss: Loss, treatment: Treatment, samples: int, by_layer: bool = False) -> Implied:
    """The decay B = -<grad L, theta> / <theta, theta> over the penalised parameters theta, which makes the residual least.

    by_layer: one for each layer instead. NaN where there is no weight.
    """
    penalised = _penalised(gradient, treatment)
    if by_layer:
        hidden, output = (_fit([part]) for part in penalised[:2])
    else:
        hidden = output = _fit(penalised)
    return Implied(loss, treatment, hidden, output, residual(gradient, treatment, hidden, output), samples)


def _penalised(gradient: LossGradient, treatment: Treatment) -> list[tuple[Floats, Floats]]:
    """Gradient and value of the parameters that are penalised: of the hidden layer, of the output layer, of c."""
    (u, a, c), last = gradient.parameters, -1 if treatment.hidden is Bias.FREE else None
    parts = [(gradient.u[:, :last], u[:, :last]), (gradient.a, a)]
    return parts + ([(gradient.c, c)] if treatment.output is Bias.PENALIZED else [])


def _fit(parts: list[tuple[Floats, Floats]]) -> float:
    along = sum(float(np.sum(slope * values)) for slope, values in parts)
    square = sum(float(np.sum(values * values)) for _, values in parts)
    return -along / square if square > 0 else math.nan


def residual(gradient: LossGradient, treatment: Treatment, hidden: float, output: float) -> float:
    """|grad L + B theta| over the longer of grad L and B theta, with the best gates of samples at a kink.

    hidden, output: the layers' B, for the sum over the samples. NaN where that is not a number.
    """
    u, a, c = gradient.parameters
    decayed = hidden * u
    if treatment.hidden is Bias.FREE:
        decayed[:, -1] = 0.0
    by_u, by_a = gradient.u + decayed, gradient.a + output * a
    shift = output * c if treatment.output is Bias.PENALIZED else np.zeros_like(c)
    for kinks in gradient.kinks:  # sum_k (t_k - gates_k) jumps_k for the best t in [0, 1]
        rest = by_u[kinks.neuron] - matmul(kinks.gates, kinks.jumps)
        opened = bounded_least_squares(kinks.jumps, -rest, np.ones(len(kinks.jumps)))
        by_u[kinks.neuron] = rest + matmul(opened, kinks.jumps)
    whole = _length(gradient.u, gradient.a, gradient.c)
    unit = max(whole, _length(decayed, output * a, shift))
    return _length(by_u, by_a, gradient.c + shift) / unit if unit > 0 else math.nan


def _length(*arrays: Floats) -> float:
    return float(norm(np.concatenate([np.ravel(array) for array in arrays])))
