"""Descending from a given network: never up, never wider, and to the optimum where the width allows it."""

from __future__ import annotations

import os
import signal

import numpy as np
import pytest
from exact import random_network
from oracles import ORACLES, objective
from planted import STRICT, assert_consistent, optimal_network, random_data, with_defect

from certify.decide.descend import Descent, descend_network
from certify.decide.options import CheckOptions
from certify.problem.dataset import Dataset
from certify.problem.network import Network, padded
from certify.problem.objective import Bias, Loss, Objective, Reduction
from certify.verdict import Decision, Reason

GOALS = [
    objective(0.05),
    objective(0.1, Loss.LOGISTIC, Reduction.MEAN, Bias.PENALIZED, Bias.PENALIZED),
    objective(0.1, Loss.SQUARED, Reduction.SUM, Bias.FREE, Bias.FREE),
    Objective(Loss.HALF_SQUARED, Reduction.SUM, 0.02, 0.5, Bias.FREE, Bias.NONE),
]
EVERY_GOAL = pytest.mark.parametrize("goal", GOALS, ids=str)


def descended(net: Network, data: Dataset, goal: Objective, options: CheckOptions = STRICT) -> Descent:
    """The descent, after its verdict has been held to what it says."""
    descent = descend_network(net, data, goal, options)
    assert_consistent(descent.verdict, descent.network, data, goal)
    assert descent.network.width == net.width
    assert descent.verdict.value.lower <= descent.start.upper
    assert descent.verdict.decision is not Decision.REFUTED
    return descent


@EVERY_GOAL
def test_a_wide_network_reaches_the_optimum(goal: Objective) -> None:
    """From random weights at a width that is surely enough."""
    net = random_network(np.random.default_rng(0), 10, 2, goal)
    descent = descended(net, random_data(goal, 0), goal)
    assert descent.outcome == "optimum"
    assert descent.steps >= 1
    assert descent.verdict.value.upper < descent.start.lower


@EVERY_GOAL
def test_an_optimum_is_said_to_be_one(goal: Objective) -> None:
    """Nothing is lost: the given network was certified, and what is returned is no worse."""
    data = random_data(goal, seed=3, n=5)
    descent = descended(optimal_network(data, goal), data, goal)
    assert descent.outcome == "already-optimal"


@EVERY_GOAL
def test_a_defect_is_mended(goal: Objective) -> None:
    """The optimum with one weight off by 1e-3 of the objective comes back to the optimum, at its own width."""
    data = random_data(goal, seed=4, n=5)
    best = optimal_network(data, goal)
    assert descended(with_defect(best, data, goal), data, goal).outcome == "optimum"


@pytest.mark.parametrize("name", ["O8", "O8n 3", "O8n 4"])
def test_strict_spurious_minima_are_left(name: str) -> None:
    """Local descent cannot leave them; the rebuilt network can, since one neuron is enough for the optimum."""
    oracle = ORACLES[name]
    for known in oracle.networks:
        descent = descended(known.network, oracle.dataset, oracle.objective)
        assert descent.verdict.decision is Decision.CERTIFIED
        assert descent.verdict.value.upper == pytest.approx(oracle.optimum, rel=1e-6)


def test_the_best_of_a_width_that_does_not_suffice() -> None:
    """O3 at width 1: .695, from the spurious valley and from the zero saddle too; only a wider network is better."""
    oracle = ORACLES["O3"]
    for known in oracle.networks:
        if known.network.width > 1:
            continue
        descent = descended(known.network, oracle.dataset, oracle.objective)
        assert descent.verdict.value.upper == pytest.approx(0.695, rel=1e-9)
        assert descent.verdict.reason is Reason.WIDTH


def test_padding_changes_nothing() -> None:
    """Zero neurons are added up to the width, none where there are enough."""
    goal = GOALS[1]
    net = random_network(np.random.default_rng(0), 3, 2, goal)
    wide = padded(net, 5)
    assert wide.width == 5
    assert not np.any(wide.hidden_weights[3:])
    assert not np.any(wide.output_weights[3:])
    assert np.array_equal(wide.hidden_weights[:3], net.hidden_weights)
    assert padded(net, 2).width == 3


@pytest.mark.parametrize("limit", [1e-9, 0.05])
def test_a_time_limit_leaves_true_bounds(limit: float) -> None:
    """However early it ends, the network is no worse than the given one."""
    goal = GOALS[0]
    net = random_network(np.random.default_rng(1), 6, 4, goal)
    descended(net, random_data(goal, 1, n=30, d=4), goal, CheckOptions(eps=1e-9, time_limit=limit))


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_leaves_the_best_so_far() -> None:
    """A signal in the middle of the search ends it with a network that is no worse, and says so."""
    goal = GOALS[0]
    data = random_data(goal, 1, n=30, d=4)
    net = random_network(np.random.default_rng(1), 6, 4, goal)
    told = []

    def interrupt(progress) -> None:
        if progress.stage == "proof" and not told:
            told.append(progress)
            os.kill(os.getpid(), signal.SIGINT)

    descent = descend_network(net, data, goal, CheckOptions(eps=1e-12), interrupt)
    assert told
    assert descent.verdict.interrupted
    assert descent.verdict.value.upper < descent.start.lower
    assert_consistent(descent.verdict, descent.network, data, goal)
