"""Trains small networks as scripts do: Adam on batches, from a random start; any activation, and the mistakes that scripts make."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from certify.problem.dataset import Dataset
from certify.problem.implied import SMOOTH, same_up_to_a_factor
from certify.problem.loss_gradient import loss_gradient
from certify.problem.network import Network
from certify.problem.objective import Bias, Objective, Reduction
from certify.problem.other_activations import RELU, Curve

PARTS = ("hidden_weights", "hidden_bias", "output_weights", "output_bias")
FACTOR = {"half-squared": 1.0, "squared": 2.0, "logistic": 1.0}


def noisy_curve(n: int = 60, d: int = 2, seed: int = 0, classes: bool = False) -> Dataset:
    """A smooth function of Gaussian inputs and a tenth of noise, standardised; its sign where classes are wanted."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d))
    y = np.sin(2 * X[:, 0]) + np.abs(X[:, -1]) + 0.1 * rng.standard_normal(n)
    y = (y - y.mean()) / y.std()
    return Dataset(X, np.sign(y)[:, None] if classes else y[:, None])


def start(data: Dataset, goal: Objective, width: int, seed: int, scale: float = 1.0) -> Network:
    """Uniform weights of PyTorch's usual size."""
    rng = np.random.default_rng(seed)
    d = data.inputs
    hidden, output = scale / np.sqrt(d), scale / np.sqrt(width)
    return Network(
        rng.uniform(-hidden, hidden, (width, d)),
        rng.uniform(-output, output, (width, 1)),
        None if goal.hidden_bias is Bias.NONE else rng.uniform(-hidden, hidden, width),
        None if goal.output_bias is Bias.NONE else rng.uniform(-output, output, 1),
    )


def trained(
    data: Dataset,
    goal: Objective,
    width: int = 5,
    seed: int = 0,
    steps: int = 2000,
    rate: float = 0.03,
    curve: Curve = RELU,
    batch: int | None = None,
    falling: bool = True,
    single: bool = False,
    scale: float = 1.0,
) -> Network:
    """Adam on the goal, its step falling along a cosine unless `falling` is off.

    batch: every step has the loss of one batch, added or averaged as the goal says, and the whole penalty. single: in float32.
    """
    rng, network = np.random.default_rng(seed), start(data, goal, width, seed, scale)
    state = {part: (np.zeros_like(p), np.zeros_like(p)) for part in PARTS if (p := getattr(network, part)) is not None}
    order: list[int] = []
    for step in range(1, steps + 1):
        if not order:
            order = rng.permutation(data.samples).tolist()
        size = batch or data.samples
        chosen, order = np.array(order[:size]), order[size:]
        slopes = slope(network, Dataset(data.X[chosen], data.y[chosen]), goal, curve)
        pace = rate * (0.5 * (1 + np.cos(np.pi * step / steps)) if falling else 1.0)
        moved = {}
        for part, (first, second) in state.items():
            first[...] = 0.9 * first + 0.1 * slopes[part]
            second[...] = 0.999 * second + 0.001 * slopes[part] ** 2
            move = first / (1 - 0.9**step) / (np.sqrt(second / (1 - 0.999**step)) + 1e-8)
            value = getattr(network, part) - pace * move
            moved[part] = value.astype(np.float32).astype(float) if single else value
        network = replace(network, **moved)
    return network


def slope(network: Network, data: Dataset, goal: Objective, curve: Curve = RELU) -> dict[str, np.ndarray]:
    """The gradient of the goal by each array of the network."""
    loss = next(loss for loss in SMOOTH if same_up_to_a_factor(loss, goal.loss))
    found = loss_gradient(network, data, loss, curve)
    factor = FACTOR[str(goal.loss)] / (data.samples if goal.reduction is Reduction.MEAN else 1)
    has_bias = network.hidden_bias is not None
    slopes = {
        "hidden_weights": factor * (found.u[:, :-1] if has_bias else found.u)
        + goal.hidden_decay * network.hidden_weights,
        "output_weights": factor * found.a + goal.output_decay * network.output_weights,
    }
    for part, decay, way, by in (
        ("hidden_bias", goal.hidden_decay, goal.hidden_bias, found.u[:, -1]),
        ("output_bias", goal.output_decay, goal.output_bias, found.c),
    ):
        if way is not Bias.NONE:
            slopes[part] = factor * by + (decay if way is Bias.PENALIZED else 0.0) * getattr(network, part)
    return slopes


def broadcast(data: Dataset) -> Dataset:
    """The targets that the mean loss over all pairs (f_i, y_j) has in effect: sum_j (f_i - y_j)^2 / n = (f_i - mean)^2 + variance."""
    return Dataset(data.X, np.full_like(data.y, float(np.mean(data.y))))
