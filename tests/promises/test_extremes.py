"""No data set, network or scale ends in an error: what overflows, vanishes or degenerates leaves true bounds (docs/theory.md, section 10)."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from adversarial import Case
from judged import judge
from oracles import dataset, objective

from certify.decide.check import check_network
from certify.decide.options import CheckOptions
from certify.problem.network import Network
from certify.problem.objective import Bias, Loss, Objective, Reduction
from certify.verdict import Decision, Reason, Verdict

LOSSES = (Loss.HALF_SQUARED, Loss.SQUARED, Loss.LOGISTIC)


def judged(net: Network, X: np.ndarray, y: list[float], goal: Objective, weights: list[float] | None = None) -> Verdict:
    """The verdict, after every figure in it has been held to exact arithmetic."""
    data = dataset(X, y, weights)
    verdict = check_network(net, data, goal, CheckOptions(time_limit=2.0))
    judge(verdict, Case("", net, data, goal, 1e-4))
    return verdict


def network(goal: Objective, hidden: list[list[float]], output: list[float], bias: float = 0.5) -> Network:
    """With the biases that the objective speaks of."""
    hidden_bias = None if goal.hidden_bias is Bias.NONE else np.full(len(hidden), bias)
    output_bias = None if goal.output_bias is Bias.NONE else np.array([bias])
    return Network(np.array(hidden), np.array(output)[:, None], hidden_bias, output_bias)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("exponent", [-1000, -700, 500, 1000])
def test_inputs_of_any_power_of_two(loss: Loss, exponent: int) -> None:
    """Five inputs times 2^exponent, without a bias and with one of each kind."""
    X = np.ldexp(np.array([[0.3], [-1.2], [0.7], [2.0], [-0.4]]), exponent)
    for hidden, output in ((Bias.NONE, Bias.NONE), (Bias.PENALIZED, Bias.NONE), (Bias.FREE, Bias.PENALIZED)):
        goal = objective(0.1, loss, hidden_bias=hidden, output_bias=output)
        judged(network(goal, [[1.0], [-0.5]], [1.0, -1.0]), X, [1, -1, 1, 1, -1], goal)


@pytest.mark.parametrize("loss", LOSSES)
def test_rows_that_are_nearly_one_row(loss: Loss) -> None:
    """Five rows equal up to 1e-9, up to the last bit, and equal."""
    for distance, output in product((1e-9, 2.0**-52, 0.0), (Bias.NONE, Bias.FREE)):
        X = np.array([1.0, -2.0]) + distance * np.random.default_rng(0).standard_normal((5, 2))
        goal = objective(0.05, loss, output_bias=output)
        judged(network(goal, [[0.6, -0.1], [-1.0, 0.2]], [0.5, 0.7]), X, [1, -1, -1, 1, 1], goal)


@pytest.mark.parametrize("loss", LOSSES)
def test_dead_and_zero_neurons_on_two_integers(loss: Loss) -> None:
    """n = 2, d = 1: neurons that are active nowhere, zero on one layer, on both; and none at all."""
    for bias, hidden in product(Bias, ([[-3.0]], [[0.0]], [[2.0], [-3.0]], [[0.0], [0.0]])):
        goal = objective(0.25, loss, hidden_bias=bias)
        for outer in (1.0, 0.0):
            judged(network(goal, hidden, [outer] * len(hidden), bias=0.0), [[1.0], [2.0]], [1, -1], goal)
        judged(
            Network(np.zeros((0, 1)), np.zeros((0, 1)), None if bias is Bias.NONE else np.zeros(0)),
            [[1.0], [2.0]],
            [1, -1],
            goal,
        )


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("factor", [1e150, 1e-150, 1e300, 1e-300])
def test_layers_out_of_balance_by_any_factor(loss: Loss, factor: float) -> None:
    """u times the factor and a over it are the same function at another price."""
    X, goal = np.array([[1.0, 0.5], [-0.3, 0.8], [0.2, -1.0]]), objective(0.1, loss)
    net = Network(np.array([[0.5, 0.4], [-0.3, 0.9]]) * factor, np.array([[1.0], [0.5]]) / factor)
    judged(net, X, [1, 1, -1], goal)


def test_a_search_that_ends_by_itself_is_not_said_to_have_met_a_limit() -> None:
    """Sample weights of 10^300 and 10^-130 leave float64 nothing to improve: that is the reason, after a moment."""
    X = np.outer([0.1, 2.0, 0.9, 1.8, -0.5], [-0.06, -1.0, 0.5, -0.07])
    goal = Objective(Loss.SQUARED, Reduction.MEAN, 0.02, 0.02, Bias.PENALIZED, Bias.NONE)
    net = network(goal, [[1.0, 0.0, 0.0, 0.0]], [1.0])
    verdict = judged(net, X, [0.3, 0.8, 1.7, 1.0, -0.1], goal, [2e-132, 1e223, 6e-88, 3e302, 1e152])
    assert verdict.reason in (None, Reason.NUMERICS)
    assert verdict.search.seconds < 1.5


def test_the_zero_network_without_anything_to_learn_is_certified() -> None:
    """Zero inputs, zero targets, one sample: F = 0 is the least there is."""
    for loss in (Loss.HALF_SQUARED, Loss.SQUARED):
        for X in (np.zeros((1, 1)), np.zeros((3, 2)), np.ones((3, 2))):
            goal = objective(1.0, loss)
            net = Network(np.zeros((1, X.shape[1])), np.zeros((1, 1)))
            assert judged(net, X, [0.0] * len(X), goal).decision is Decision.CERTIFIED
