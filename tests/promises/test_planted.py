"""Planted truth: the optimum is certified, a defect is refuted, and a network too narrow is never called refuted for it."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from oracles import objective
from planted import check, optimal_network, random_data, with_defect

from certify.problem.network import Network
from certify.problem.objective import Bias, Loss, Objective, Reduction
from certify.verdict import Decision, Reason

pytestmark = pytest.mark.slow  # together: `make test-fast` leaves them out

COMBINATIONS = [objective(0.05, *parts) for parts in product(Loss, [Reduction.SUM], Bias, Bias)]
COMBINATIONS += [objective(0.02, *parts) for parts in product(Loss, [Reduction.MEAN], Bias, Bias)]
UNEQUAL = [
    Objective(Loss.HALF_SQUARED, Reduction.SUM, 0.01, 0.2, Bias.FREE, Bias.FREE),
    Objective(Loss.SQUARED, Reduction.MEAN, 0.3, 0.002, Bias.NONE, Bias.FREE),
    Objective(Loss.LOGISTIC, Reduction.MEAN, 1e-4, 0.1, Bias.FREE, Bias.FREE),
]
EVERY_GOAL = pytest.mark.parametrize(
    "goal",
    COMBINATIONS + UNEQUAL,
    ids=lambda g: f"{g.loss}-{g.reduction}-{g.hidden_bias}-{g.output_bias}-{g.hidden_decay:g}",
)


@EVERY_GOAL
def test_the_optimum_is_certified_and_its_defect_refuted(goal: Objective) -> None:
    """At eps 1e-6 the planted optimum is certified; one weight that raises F by 1e-3 is refuted by a better network."""
    data = random_data(goal, seed=3, n=5)
    best = optimal_network(data, goal)
    assert check(best, data, goal).decision is Decision.CERTIFIED
    worse = check(with_defect(best, data, goal), data, goal)
    assert worse.decision is Decision.REFUTED
    assert worse.witness.network.width <= best.width


@pytest.mark.parametrize("seed", range(6))
def test_one_neuron_fewer_is_never_refuted_without_a_witness(seed: int) -> None:
    """The optimum without its lightest neuron: not certified, and refuted only by a network of its own width."""
    goal = objective(0.05)
    data = random_data(goal, seed, n=6)
    best = optimal_network(data, goal)
    kept = np.argsort(-np.abs(best.output_weights[:, 0]))[: best.width - 1]
    narrow = Network(best.hidden_weights[kept], best.output_weights[kept])
    verdict = check(narrow, data, goal)
    assert verdict.decision is not Decision.CERTIFIED
    if verdict.decision is Decision.INCONCLUSIVE:
        assert verdict.reason is Reason.WIDTH
        assert verdict.width_needed > narrow.width


@pytest.mark.parametrize("bias", [Bias.NONE, Bias.PENALIZED])
@pytest.mark.parametrize("kind", ["duplicates", "opposite", "zero rows", "collinear", "one sample", "more inputs"])
def test_degenerate_data_change_nothing(kind: str, bias: Bias) -> None:
    """Repeated, opposite, zero, collinear rows, n = 1, d > n: the optimum is certified, its defect refuted."""
    goal = objective(0.05, hidden_bias=bias)
    data = random_data(goal, seed=5, n=4, d=2)
    X, y = {
        "duplicates": (np.vstack([data.X, data.X]), np.vstack([data.y, data.y + 0.1])),
        "opposite": (np.vstack([data.X, -data.X]), np.vstack([data.y, data.y])),
        "zero rows": (np.vstack([data.X, np.zeros((2, 2))]), np.vstack([data.y, data.y[:2]])),
        "collinear": (np.outer(data.X[:, 0], [1.0, 2.0]), data.y),
        "one sample": (data.X[:1], data.y[:1] + 3),
        "more inputs": (np.random.default_rng(0).standard_normal((3, 6)), data.y[:3]),
    }[kind]
    degenerate = type(data)(X, y)
    best = optimal_network(degenerate, goal)
    assert check(best, degenerate, goal).decision is Decision.CERTIFIED
    assert check(with_defect(best, degenerate, goal), degenerate, goal).decision is Decision.REFUTED


def test_sample_weights_count() -> None:
    """Weights of zero, a third and two: the optimum of the weighted problem is certified, that of the plain one refuted."""
    goal = objective(0.05)
    plain = random_data(goal, seed=8)
    weighted = type(plain)(plain.X, plain.y, np.array([0.0, 1 / 3, 2.0, 1.0, 0.0, 0.5, 3.0]))
    assert check(optimal_network(weighted, goal), weighted, goal).decision is Decision.CERTIFIED
    assert check(optimal_network(plain, goal), weighted, goal).decision is Decision.REFUTED
