"""The training problem in the form of the theory: rows Z, neurons u in R^D, one penalty beta (docs/theory.md, section 1).

A hidden bias becomes a last column of ones; where it is free, |u|_P leaves that entry out. Unequal layer decays become
the equal beta = sqrt(hidden * output) by rescaling every neuron.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from certify.arrays import Floats
from certify.errors import InputError, ObjectiveError, UnsupportedModel
from certify.linear import matmul, norm
from certify.problem.activation import RELU
from certify.problem.dataset import Dataset
from certify.problem.losses.function import LossFunction
from certify.problem.network import Network
from certify.problem.objective import Bias, Objective, Reduction
from certify.rounding import SLOP, TINY, UNIT, Enclosure, enclose_sum, gamma

_CHUNK = 1 << 22  # entries of a block of activations held at a time


@dataclass(frozen=True, slots=True, eq=False)
class Neurons:
    """Lifted parameters: u (m, D), a (m, k), output bias c (k,). f = (Z u^T)_+ a + c, of shape (n, k)."""

    u: Floats
    a: Floats
    c: Floats

    @property
    def width(self) -> int:
        """Number of neurons."""
        return int(self.a.shape[0])


@dataclass(frozen=True, slots=True, eq=False)
class TrainingProblem:
    """min over neurons of sum_i w_i loss(f_i, y_i) + beta/2 sum_j (|u_j|_P^2 + |a_j|^2) (+ beta/2 |c|^2 where c is penalised).

    rows (n, D), targets (n, k), weights (n,): each weight is exact up to a factor 1 +- u. Predictions and dual vectors are
    (n, k) like the targets.
    """

    objective: Objective
    loss: LossFunction
    rows: Floats
    targets: Floats
    weights: Floats

    @property
    def beta(self) -> float:
        """The weight decay of the balanced form, rounded to nearest."""
        return self.objective.weight_decay

    @property
    def beta_lower(self) -> float:
        """A float at most the exact beta."""
        equal = self.objective.hidden_decay == self.objective.output_decay
        return self.beta if equal else self.beta * (1 - 8 * UNIT)

    @property
    def free_hidden_bias(self) -> bool:
        """Whether the last entry of u is outside the norm."""
        return self.objective.hidden_bias is Bias.FREE

    @property
    def needs_zero_sum(self) -> bool:
        """Whether constants cost nothing, so that a dual vector must sum to zero."""
        biases = self.objective.hidden_bias, self.objective.output_bias
        undecayed = self.objective.undecayed and any(bias is not Bias.NONE for bias in biases)
        return self.free_hidden_bias or self.objective.output_bias is Bias.FREE or undecayed

    @property
    def has_constant(self) -> bool:
        """Whether networks of every width can add a constant: by an output bias, or by a neuron with a free hidden bias."""
        return self.needs_zero_sum or self.objective.output_bias is not Bias.NONE

    @property
    def constant_decay(self) -> float:
        """What a constant c costs: decay/2 |c|^2; nothing where some free bias can produce it."""
        return 0.0 if self.needs_zero_sum else self.beta

    @property
    def samples(self) -> int:
        """Number n of samples."""
        return int(self.rows.shape[0])

    @property
    def outputs(self) -> int:
        """Number k of outputs."""
        return int(self.targets.shape[1])

    def size(self, u: Floats) -> Floats:
        """|u|_P along the last axis."""
        return norm(u[..., :-1] if self.free_hidden_bias else u, axis=-1)

    def activations(self, u: Floats) -> Floats:
        """(Z u^T)_+ of shape (n, m)."""
        return np.maximum(matmul(self.rows, u.T), 0.0)

    def predictions(self, neurons: Neurons) -> Floats:
        """f (n, k), rounded to nearest."""
        return matmul(self.activations(neurons.u), neurons.a) + neurons.c

    def mass(self, neurons: Neurons) -> Floats:
        """|u_j|_P |a_j| (m,): what a neuron costs once it is balanced, over beta."""
        return self.size(neurons.u) * norm(neurons.a, axis=1)

    def value(self, neurons: Neurons) -> float:
        """The objective of lifted neurons, rounded to nearest; for the search, never for a verdict."""
        loss = self.data_loss(self.predictions(neurons))
        bias = float(np.sum(neurons.c**2)) if self.objective.output_bias is Bias.PENALIZED else 0.0
        return loss + 0.5 * self.beta * float(np.sum(self.size(neurons.u) ** 2) + np.sum(neurons.a**2) + bias)

    def data_loss(self, f: Floats) -> float:
        """L(f) at predictions f (n, k), rounded to nearest."""
        return float(np.sum(self.loss.terms(f, np.zeros_like(f), self.targets, self.weights[:, None])[0]))

    def slope(self, f: Floats) -> Floats:
        """grad L (n, k) at predictions f (n, k), rounded to nearest."""
        return self.loss.slope(f, self.targets, self.weights[:, None])

    def curvature(self, f: Floats) -> Floats:
        """The second derivative of L by each prediction alone (n, k), at f (n, k), rounded to nearest."""
        return self.loss.curvature(f, self.targets, self.weights[:, None])

    def lift(self, network: Network) -> Neurons:
        """The network's neurons, rescaled to equal decays."""
        scale = self._layer_scale()
        u = network.hidden_weights * scale
        if network.hidden_bias is not None:
            u = np.column_stack([u, network.hidden_bias * scale])
        c = np.zeros(self.outputs) if network.output_bias is None else network.output_bias
        return Neurons(u, network.output_weights / scale, c)

    def lower(self, neurons: Neurons) -> Network:
        """The network of lifted neurons, in the parametrisation of the original objective."""
        scale = self._layer_scale()
        u = neurons.u / scale
        has_bias = self.objective.hidden_bias is not Bias.NONE
        return Network(
            hidden_weights=np.ascontiguousarray(u[:, :-1] if has_bias else u),
            output_weights=neurons.a * scale,
            hidden_bias=u[:, -1].copy() if has_bias else None,
            output_bias=None if self.objective.output_bias is Bias.NONE else neurons.c.copy(),
        )

    def _layer_scale(self) -> float:
        hidden, output = self.objective.hidden_decay, self.objective.output_decay
        return 1.0 if hidden == output else math.sqrt(math.sqrt(hidden / output))


def training_problem(network: Network, dataset: Dataset, objective: Objective) -> TrainingProblem:
    """Check that network, data and objective fit together, and put them in the form of the theory.

    Raises UnsupportedModel, InputError, ObjectiveError.
    """
    _check_fit(network, dataset, objective)
    n = dataset.samples
    rows = dataset.X
    if objective.hidden_bias is not Bias.NONE:
        rows = np.column_stack([rows, np.ones(n)])
    weights = np.ones(n) if dataset.sample_weight is None else dataset.sample_weight
    if objective.reduction is Reduction.MEAN:
        weights = weights / n
    loss = objective.loss.function
    targets = _targets(loss, dataset)
    return TrainingProblem(objective, loss, np.ascontiguousarray(rows), targets, weights)


def _targets(loss: LossFunction, dataset: Dataset) -> Floats:
    try:
        return np.ascontiguousarray(loss.canonical_targets(dataset.y))
    except ValueError as error:
        raise InputError(str(error)) from error


def require_shapes(network: Network, dataset: Dataset) -> None:
    """Raise InputError where the data have other numbers of columns or targets than the network."""
    if network.outputs != dataset.outputs:
        raise InputError(
            f"the network has {network.outputs} outputs, but the data has {dataset.outputs} targets a sample"
        )
    if network.inputs != dataset.inputs:
        raise InputError(f"the network takes {network.inputs} inputs, but the data has {dataset.inputs} columns")


def _check_fit(network: Network, dataset: Dataset, objective: Objective) -> None:
    require_shapes(network, dataset)
    if objective.activation != RELU:
        raise UnsupportedModel(f"activation {objective.activation.name}: relu is supported")
    _check_values(dataset)
    for name, layer, (_, bias) in zip(("hidden", "output"), objective.layers, network.layers, strict=True):
        _check_bias(name, bias, layer.bias)
    decays = [layer.decay for layer in objective.layers]
    if not (all(0 < decay < math.inf for decay in decays) or objective.undecayed):
        found = f"found {decays[0]:g} and {decays[1]:g}"
        raise ObjectiveError(f"weight decays must be positive and finite, or both 0, {found}")
    if decays[0] != decays[1] and any(layer.bias is Bias.PENALIZED for layer in objective.layers):
        raise ObjectiveError("layers with different weight decays are supported only without penalised biases")


def _check_values(dataset: Dataset) -> None:
    weights = np.zeros(1) if dataset.sample_weight is None else dataset.sample_weight
    if not all(np.all(np.isfinite(array)) for array in (dataset.X, dataset.y, weights)):
        raise InputError("the data holds values that are not finite: NaN or infinity in X, y or the sample weights")
    if not np.all(weights >= 0):
        raise InputError(f"sample weights must be nonnegative, found {float(np.min(weights)):g}")


def _check_bias(layer: str, array: Floats | None, treatment: Bias) -> None:
    if (array is None) != (treatment is Bias.NONE):
        has = "has no" if array is None else "has a"
        raise ObjectiveError(f"the network {has} {layer} bias, but the objective treats it as {treatment.value}")


def evaluate(problem: TrainingProblem, network: Network) -> Enclosure:
    """F of the network on the original objective, enclosed (docs/theory.md, section 1)."""
    objective = problem.objective
    f, f_error = _enclose_predictions(problem, network)
    terms, errors = problem.loss.terms(f, f_error, problem.targets, problem.weights[:, None])
    # the weights 1/n are rounded: one more relative unit on every term
    total = enclose_sum(terms, errors + 2 * UNIT * np.abs(terms))
    for decay, array in _penalised(objective, network):
        entries = np.ravel(array)
        squares = decay * (0.5 * entries**2)
        total = total + enclose_sum(squares, 4 * UNIT * squares + TINY * (1 + decay) * (entries != 0))
    return total


def _penalised(objective: Objective, network: Network) -> Iterator[tuple[float, Floats]]:
    """Every array of parameters that costs something, with its decay."""
    for layer, (weights, bias) in zip(objective.layers, network.layers, strict=True):
        yield layer.decay, weights
        if layer.bias is Bias.PENALIZED and bias is not None:
            yield layer.decay, bias


def _enclose_predictions(problem: TrainingProblem, network: Network) -> tuple[Floats, Floats]:
    """f (n, k) and its error bound: gamma(D + m + 4) times the same sums over absolute values, and what underflows."""
    u = network.hidden_weights
    if network.hidden_bias is not None:
        u = np.column_stack([u, network.hidden_bias])
    a = network.output_weights
    c = np.zeros(network.outputs) if network.output_bias is None else network.output_bias
    n, step = problem.samples, max(1, _CHUNK // max(1, network.width))
    f, sizes = np.empty((n, network.outputs)), np.empty((n, network.outputs))
    for start in range(0, n, step):
        rows = problem.rows[start : start + step]
        f[start : start + step] = matmul(np.maximum(matmul(rows, u.T), 0.0), a) + c
        sizes[start : start + step] = matmul(matmul(np.abs(rows), np.abs(u).T), np.abs(a))
    underflow = TINY * np.sum((1 + np.abs(a)) * np.any(u != 0, axis=1)[:, None], axis=0)
    sizes += np.abs(c) * (sizes > 0)  # the bias alone is exact
    return f, (gamma(u.shape[1] + network.width + 4) * sizes + underflow) * SLOP
