"""Fewer neurons at no cost: the same predictions, no more penalty, independent activations."""

from __future__ import annotations

import numpy as np
import pytest
from oracles import ORACLES, dataset, objective, stated

from certify.convex.sparsify import fewest, prune
from certify.gain.question import Limits
from certify.problem.objective import Bias


@pytest.mark.parametrize("seed", range(10))
def test_pruning_keeps_predictions_and_cost(seed: int) -> None:
    """More neurons than samples become at most n, with the same outputs and no more mass."""
    rng = np.random.default_rng(seed)
    n, count = int(rng.integers(1, 6)), 12
    problem = stated(dataset(rng.standard_normal((n, 3)), np.ones(n)), objective(0.1))
    w, signs = rng.standard_normal((count, 3)), rng.choice([-1.0, 1.0], count)
    t = prune(problem, w, signs)
    columns = signs * problem.activations(w)
    assert np.all(t >= 0)
    assert columns @ t == pytest.approx(columns.sum(axis=1), abs=1e-9)
    assert problem.size(w) @ t <= problem.size(w).sum() * (1 + 1e-9)
    assert np.count_nonzero(t) <= n
    assert np.linalg.matrix_rank(columns[:, t > 0]) == np.count_nonzero(t)


def test_copies_collapse() -> None:
    """Copies of one neuron become one of their whole mass, and zero neurons vanish."""
    problem = stated(dataset([[1.0, 0.0], [0.0, 1.0]], [1, 1]), objective(0.1))
    w = np.array([[1.0, 1.0], [2.0, 2.0], [0.0, 0.0], [0.5, 0.5]])
    t = prune(problem, w, np.ones(4))
    assert np.count_nonzero(t) == 1
    assert t @ w == pytest.approx([3.5, 3.5])


def test_the_fewest_directions_are_found() -> None:
    """O4: of three optimal directions one alone carries the predictions; two when that one is not offered."""
    oracle = ORACLES["O4"]
    problem = stated(oracle.dataset, oracle.objective)
    half = np.sqrt(3) / 2
    directions = np.array([[half, 0.5], [-half, 0.5], [0.0, 1.0]])
    target = np.array(oracle.predictions)
    found = fewest(problem, directions, np.ones(3), target, 0.0, 3, Limits())
    assert list(found.chosen) == [2]
    assert found.masses == pytest.approx([target[0]])
    assert sorted(fewest(problem, directions[:2], np.ones(2), target, 0.0, 3, Limits()).chosen) == [0, 1]
    assert fewest(problem, directions[:2], np.ones(2), target, 0.0, 1, Limits()) is None
    assert fewest(problem, directions, -np.ones(3), target, 0.0, 3, Limits()) is None


def test_a_free_constant_is_fitted_along() -> None:
    """Where constants cost nothing the target need only be met up to one."""
    problem = stated(dataset([[1.0], [2.0], [3.0]], [1, 2, 3]), objective(0.1, output_bias=Bias.FREE))
    found = fewest(problem, np.array([[-1.0], [1.0]]), np.ones(2), np.array([11.0, 12.0, 13.0]), 0.0, 1, Limits())
    assert list(found.chosen) == [1]
    assert found.masses == pytest.approx([1.0]) and found.constant == pytest.approx(10.0)


def test_a_constant_that_would_take_a_neuron_is_not_preferred() -> None:
    """f = (0.1, 0.9) by a free hidden bias: (-1, 2.5) fits with sign -, but only (1, 0) can take the constant 0.1 along."""
    problem = stated(dataset([[0.0], [1.0]], [0, 1]), objective(0.1, hidden_bias=Bias.FREE))
    directions, target = np.array([[-1.0, 2.5], [1.0, 0.0]]), np.array([0.1, 0.9])
    found = fewest(problem, directions, np.array([-1.0, 1.0]), target, 0.0, 2, Limits())
    assert list(found.chosen) == [1] and found.constant == pytest.approx(0.1)
    only = fewest(problem, directions[:1], np.array([-1.0]), target, 0.0, 2, Limits())
    assert list(only.chosen) == [0] and only.constant == pytest.approx(2.1)
