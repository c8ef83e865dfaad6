"""What a check says does not depend on how the same problem is written down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from oracles import objective
from planted import check, optimal_network, random_data, with_defect

from certify.problem.dataset import Dataset
from certify.problem.network import Network
from certify.problem.objective import Bias, Loss, Objective, Reduction
from certify.verdict import Decision

pytestmark = pytest.mark.slow  # together: `make test-fast` leaves them out

Case = tuple[Network, Dataset, Objective]
GOAL = objective(0.05)
FREE = objective(0.05, hidden_bias=Bias.FREE, output_bias=Bias.FREE)
DATA = random_data(GOAL, seed=4, n=6)
OPTIMA = {GOAL: optimal_network(DATA, GOAL), FREE: optimal_network(DATA, FREE)}
NETWORKS = {goal: (best, with_defect(best, DATA, goal)) for goal, best in OPTIMA.items()}
VALUES = {goal: check(worse, DATA, goal) for goal, (_, worse) in NETWORKS.items()}


def neurons(net: Network, order: np.ndarray, factor: np.ndarray) -> Network:
    """Neurons in another order or number, each layer times the factor (m,)."""
    bias = None if net.hidden_bias is None else net.hidden_bias[order] * factor
    return replace(
        net,
        hidden_weights=net.hidden_weights[order] * factor[:, None],
        output_weights=net.output_weights[order] * factor[:, None],
        hidden_bias=bias,
    )


def samples_permuted(net: Network, data: Dataset, goal: Objective) -> Case:
    """The samples in reverse order."""
    return net, Dataset(data.X[::-1].copy(), data.y[::-1].copy()), goal


def neurons_permuted(net: Network, data: Dataset, goal: Objective) -> Case:
    """The neurons in reverse order."""
    order = np.arange(net.width)[::-1]
    return neurons(net, order, np.ones(net.width)), data, goal


def inputs_permuted(net: Network, data: Dataset, goal: Objective) -> Case:
    """The inputs in reverse order."""
    return (
        replace(net, hidden_weights=net.hidden_weights[:, ::-1].copy()),
        Dataset(data.X[:, ::-1].copy(), data.y),
        goal,
    )


def neuron_split(net: Network, data: Dataset, goal: Objective) -> Case:
    """The first neuron in two parts of 0.3 and 0.7 of its mass."""
    order = np.concatenate([[0], np.arange(net.width)])
    factor = np.ones(net.width + 1)
    factor[:2] = np.sqrt(0.3), np.sqrt(0.7)
    return neurons(net, order, factor), data, goal


def dead_neuron_added(net: Network, data: Dataset, goal: Objective) -> Case:
    """One more neuron, zero on both layers."""
    order = np.concatenate([np.arange(net.width), [0]])
    return neurons(net, order, np.append(np.ones(net.width), 0.0)), data, goal


def rotated(net: Network, data: Dataset, goal: Objective) -> Case:
    """Orthogonal coordinates of the inputs."""
    rotation = np.linalg.qr(np.random.default_rng(0).standard_normal((2, 2)))[0]
    return replace(net, hidden_weights=net.hidden_weights @ rotation), Dataset(data.X @ rotation, data.y), goal


def rescaled_inputs(net: Network, data: Dataset, goal: Objective) -> Case:
    """(X, u) -> (8 X, u / 8), the hidden decay 64 times larger; a free bias keeps its value."""
    scaled = replace(net, hidden_weights=net.hidden_weights / 8)
    return scaled, Dataset(data.X * 8, data.y), replace(goal, hidden_decay=goal.hidden_decay * 64)


def rebalanced(net: Network, data: Dataset, goal: Objective) -> Case:
    """Hidden decay times 16 and output decay over 16: neurons (u / 4, 4 a) cost the same."""
    bias = None if net.hidden_bias is None else net.hidden_bias / 4
    scaled = replace(
        net, hidden_weights=net.hidden_weights / 4, output_weights=net.output_weights * 4, hidden_bias=bias
    )
    return scaled, data, replace(goal, hidden_decay=goal.hidden_decay * 16, output_decay=goal.output_decay / 16)


def lost_constant(net: Network, data: Dataset, goal: Objective) -> Case:
    """A column of zeros beside the inputs."""
    wider = np.column_stack([net.hidden_weights, np.zeros(net.width)])
    return replace(net, hidden_weights=wider), Dataset(np.column_stack([data.X, np.zeros(data.samples)]), data.y), goal


def sample_doubled(net: Network, data: Dataset, goal: Objective) -> Case:
    """Each sample twice, at half the weight."""
    twice = Dataset(np.vstack([data.X] * 2), np.vstack([data.y] * 2), np.full(2 * data.samples, 0.5))
    return net, twice, goal


def squared_mean(net: Network, data: Dataset, goal: Objective) -> Case:
    """The squared loss and its mean, the decay changed by the same factor 2 / n."""
    factor = 2.0 / data.samples
    decay = goal.hidden_decay * factor
    return net, data, replace(goal, loss=Loss.SQUARED, reduction=Reduction.MEAN, hidden_decay=decay, output_decay=decay)


def larger_targets(net: Network, data: Dataset, goal: Objective) -> Case:
    """y -> 4 y with beta -> 4 beta: each layer doubles, the value is 16 times larger."""
    constant = None if net.output_bias is None else net.output_bias * 4
    scaled = replace(neurons(net, np.arange(net.width), np.full(net.width, 2.0)), output_bias=constant)
    return (
        scaled,
        Dataset(data.X, data.y * 4),
        replace(goal, hidden_decay=goal.hidden_decay * 4, output_decay=goal.output_decay * 4),
    )


REWRITINGS: dict[Callable[[Network, Dataset, Objective], Case], float] = {
    samples_permuted: 1.0, neurons_permuted: 1.0, inputs_permuted: 1.0, neuron_split: 1.0, dead_neuron_added: 1.0,
    rotated: 1.0, rescaled_inputs: 1.0, rebalanced: 1.0, lost_constant: 1.0, sample_doubled: 1.0,
    squared_mean: 2.0 / DATA.samples, larger_targets: 16.0,
}  # fmt: skip


@pytest.mark.parametrize("goal", [GOAL, FREE], ids=["no bias", "free biases"])
@pytest.mark.parametrize("rewriting", REWRITINGS, ids=lambda rewriting: rewriting.__name__)
def test_the_same_problem_written_differently(rewriting: Callable, goal: Objective) -> None:
    """The optimum stays certified, the defect refuted, and value and optimum are the old ones times the known factor."""
    factor, known = REWRITINGS[rewriting], VALUES[goal]
    best, worse = NETWORKS[goal]
    assert check(*rewriting(best, DATA, goal)).decision is Decision.CERTIFIED
    verdict = check(*rewriting(worse, DATA, goal))
    assert verdict.decision is Decision.REFUTED
    assert verdict.value.upper == pytest.approx(known.value.upper * factor, rel=1e-11)
    slack = 1e-12 * verdict.value.upper
    assert verdict.optimum.lower <= known.optimum.upper * factor + slack
    assert known.optimum.lower * factor <= verdict.optimum.upper + slack
    assert verdict.optimum.upper - verdict.optimum.lower <= 1e-7 * verdict.value.upper
