"""The gradient of the loss alone by the parameters of a network, and what of it is open at the kinks of the ReLU.

One pass over the data; what it is for: certify/problem/implied.py (docs/theory.md, section 14).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from certify._core.elementary import log
from certify.arrays import Floats
from certify.linear import matmul, norm
from certify.problem.dataset import Dataset
from certify.problem.network import Network
from certify.problem.objective import Loss
from certify.problem.other_activations import RELU, Curve

_BLOCK = 1 << 22  # entries of a block of activations held at a time
_KINK = 1e-4  # |z.u| below this times |z||u|: training may have come to rest on the kink


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
    value, constant: L at the predictions, and at the best constant.
    """

    loss: Loss
    u: Floats
    a: Floats
    c: Floats
    parameters: tuple[Floats, Floats, Floats]
    kinks: tuple[Kinks, ...]
    value: float
    constant: float
    samples: int

    @property
    def learned(self) -> float:
        """The share of the best constant's loss that the network does without; 0 where that has none."""
        return 1.0 - self.value / self.constant if self.constant > 0 else 0.0


def loss_gradient(network: Network, dataset: Dataset, loss: Loss, curve: Curve = RELU) -> LossGradient:
    """The gradient of sum_i w_i loss(f(x_i), y_i), w the sample weights; curve: the hidden layer's activation.

    Raises ValueError where the targets are not the loss's.
    """
    rows = dataset.X if network.hidden_bias is None else np.column_stack([dataset.X, np.ones(dataset.samples)])
    u = network.hidden_weights
    u = u if network.hidden_bias is None else np.column_stack([u, network.hidden_bias])
    a, c = network.output_weights, np.zeros(0) if network.output_bias is None else network.output_bias
    targets = loss.function.canonical_targets(dataset.y)
    weights = (np.ones(dataset.samples) if dataset.sample_weight is None else dataset.sample_weight)[:, None]
    blocks = list(_blocks(network.width, dataset.samples))
    f = np.zeros((dataset.samples, network.outputs)) + (c if c.size else 0.0)
    for block in blocks:
        f = f + matmul(curve.value(matmul(rows, u[block].T)), a[block])
    slope = loss.function.slope(f, targets, weights)
    by_u, by_a, kinks = np.empty_like(u), np.empty_like(a), []
    lengths = norm(rows, axis=1)
    for block in blocks:
        values = matmul(rows, u[block].T)
        arriving = matmul(slope, a[block].T)
        by_u[block] = matmul((arriving * curve.slope(values)).T, rows)
        by_a[block] = matmul(curve.value(values).T, slope)
        reach = _KINK * lengths[:, None] * norm(u[block], axis=1)
        near = np.any(np.abs(values) <= reach, axis=0) if curve.jump else np.zeros(0)
        for j in np.flatnonzero(near):
            kinks.append(_kinks(block.start + int(j), rows, values[:, j], reach[:, j], curve.jump * arriving[:, j]))
    by_c = np.sum(slope, axis=0) if c.size else np.zeros(0)
    value, constant = (
        _total(loss, f, targets, weights),
        _total(loss, _constant(loss, targets, weights), targets, weights),
    )
    return LossGradient(loss, by_u, by_a, by_c, (u, a, c), tuple(kinks), value, constant, dataset.samples)


def _total(loss: Loss, f: Floats, targets: Floats, weights: Floats) -> float:
    return float(np.sum(loss.function.terms(f, np.zeros_like(f), targets, weights)[0]))


def _constant(loss: Loss, targets: Floats, weights: Floats) -> Floats:
    """The best constant prediction (n, k): the mean, or for two classes the logarithm of their odds."""
    mean = np.sum(weights * targets, axis=0) / np.sum(weights)
    if loss is Loss.LOGISTIC:
        share = np.clip((1 + mean) / 2, 2.0**-40, 1 - 2.0**-40)
        mean = log(share) - log(1 - share)
    return np.broadcast_to(mean, targets.shape)


def _blocks(width: int, samples: int) -> Iterator[slice]:
    step = max(1, _BLOCK // max(1, samples))
    return (slice(start, min(start + step, width)) for start in range(0, width, step))


def _kinks(neuron: int, rows: Floats, values: Floats, reach: Floats, jumps: Floats) -> Kinks:
    """The samples nearest to a neuron's boundary, about as many as can lie on it; jumps (n,): of the slope by values."""
    near = np.flatnonzero((np.abs(values) <= reach) & (jumps != 0))
    most = 2 * rows.shape[1]
    if near.size > most:
        nearness = np.abs(values[near]) / reach[near]
        near = near[np.argsort(nearness, kind="stable")[:most]]
    return Kinks(neuron, (values[near] > 0).astype(float), rows[near] * jumps[near, None])
