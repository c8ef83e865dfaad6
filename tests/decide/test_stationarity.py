"""First-order conditions: the slopes are those of the objective, and each oracle's point is what its derivation says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from exact import random_network
from oracles import NETWORK_CASE_IDS, NETWORK_CASES, ORACLES, KnownNetwork, Oracle, network, objective
from planted import random_data

from certify.decide.stationarity import (
    assess,
    dead_neurons,
    descent_at_kink,
    mergeable_groups,
    nearest_slope,
    neuron_slopes,
)
from certify.problem.dataset import Dataset
from certify.problem.network import Network
from certify.problem.objective import Bias, Loss, Objective, Reduction
from certify.problem.training import Neurons, TrainingProblem, training_problem
from certify.verdict import Decision, Stationarity

GOALS = [
    objective(0.1),
    objective(0.1, Loss.LOGISTIC, Reduction.MEAN, Bias.PENALIZED, Bias.PENALIZED),
    objective(0.1, Loss.SQUARED, Reduction.SUM, Bias.FREE, Bias.FREE),
]


def lifted(net: Network, data: Dataset, goal: Objective) -> tuple[TrainingProblem, Neurons, np.ndarray]:
    """The problem, the network's neurons, and its own dual vector."""
    problem = training_problem(net, data, goal)
    neurons = problem.lift(net)
    return problem, neurons, -problem.slope(problem.predictions(neurons))[:, 0]


def report(net: Network, data: Dataset, goal: Objective) -> Stationarity:
    """The stationarity report."""
    return assess(*lifted(net, data, goal))


def of_oracle(name: str, known: str) -> Stationarity:
    """The report on an oracle's network."""
    oracle = ORACLES[name]
    return report(next(k for k in oracle.networks if k.name == known).network, oracle.dataset, oracle.objective)


@pytest.mark.parametrize("goal", GOALS, ids=str)
def test_slopes_are_those_of_the_objective(goal: Objective) -> None:
    """Away from kinks the slopes by u and a are the finite differences of F."""
    data = random_data(goal, 1)
    problem, neurons, nu = lifted(random_network(np.random.default_rng(0), 3, 2, goal), data, goal)
    h = 1e-6
    for j in range(3):
        slopes = neuron_slopes(problem, neurons, nu, j)
        assert slopes.nearest == pytest.approx(slopes.smooth)
        for k in range(problem.rows.shape[1]):
            step = np.zeros_like(neurons.u)
            step[j, k] = h
            rise = problem.value(replace(neurons, u=neurons.u + step)) - problem.value(
                replace(neurons, u=neurons.u - step)
            )
            assert rise / (2 * h) == pytest.approx(slopes.smooth[k], rel=1e-5, abs=1e-6)
        step = np.zeros((3, 1))
        step[j] = h
        rise = problem.value(replace(neurons, a=neurons.a + step)) - problem.value(replace(neurons, a=neurons.a - step))
        assert rise / (2 * h) == pytest.approx(slopes.output_slope, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize(("oracle", "known"), NETWORK_CASES, ids=NETWORK_CASE_IDS)
def test_optima_are_stationary(oracle: Oracle, known: KnownNetwork) -> None:
    """Every certified network is balanced, active, Clarke and directionally stationary."""
    if known.decision is Decision.CERTIFIED:
        found = report(known.network, oracle.dataset, oracle.objective)
        assert (found.balanced, found.active, found.clarke, found.directional) == (True, True, True, True)
        assert found.residual <= found.tolerance


def test_a_clarke_point_that_is_not_directionally_stationary() -> None:
    """O6: a fractional gate makes the slope vanish, yet both ways of moving u lower F; sample 2 is on the boundary."""
    found = of_oracle("O6", "Clarke point")
    assert (found.clarke, found.directional, found.boundary) == (True, False, ((1,),))


def test_a_subsampled_optimum_that_is_not_stationary() -> None:
    """O7: the optimum of one block's program is not a stationary point of F."""
    found = of_oracle("O7", "subsampled optimum")
    assert (found.clarke, found.directional) == (False, False)


@pytest.mark.parametrize("k", [1, 2])
def test_spurious_minima_are_stationary(k: int) -> None:
    """O8: no first-order condition tells the spurious minimum of width 2 from a global one."""
    found = of_oracle("O8", f"{k} separate neurons")
    assert found.directional


def test_the_descent_at_a_kink_is_the_steepest() -> None:
    """O6: the bounds enclose the fastest fall of F, and the direction attains the lower one."""
    oracle = ORACLES["O6"]
    problem, neurons, nu = lifted(network([[1.0, 0.0]]), oracle.dataset, oracle.objective)
    slopes = neuron_slopes(problem, neurons, nu, 0)
    rise = descent_at_kink(problem, slopes)
    lower, upper, direction = rise.lower, rise.upper, rise.direction
    fastest = 0.0
    for angle in np.linspace(0, 2 * np.pi, 721):
        delta = np.array([np.cos(angle), np.sin(angle)])
        fall = float(slopes.weights @ np.maximum(slopes.rows @ delta, 0) - slopes.smooth @ delta)
        fastest = max(fastest, fall)
    assert lower <= upper
    assert fastest <= upper
    assert lower == pytest.approx(fastest, rel=1e-4)
    h = 1e-7
    moved = Neurons(neurons.u + h * direction / np.linalg.norm(direction), neurons.a, neurons.c)
    assert (problem.value(neurons) - problem.value(moved)) / h == pytest.approx(lower, rel=1e-3)


@pytest.mark.parametrize("seed", range(10))
def test_the_nearest_slope_is_the_shortest(seed: int) -> None:
    """Independent boundary rows: no choice of gates in [0, 1] is shorter, and the result is one."""
    rng = np.random.default_rng(seed)
    rows, smooth = rng.standard_normal((3, 4)), rng.standard_normal(4)
    weights = rng.standard_normal(3)
    kinks = weights[:, None] * rows
    shortest = np.linalg.norm(nearest_slope(smooth, rows, weights))
    gates = np.vstack([rng.uniform(0, 1, (2000, 3)), np.eye(3), np.zeros((1, 3)), np.ones((1, 3))])
    assert shortest <= np.min(np.linalg.norm(smooth - gates @ kinks, axis=1)) * (1 + 1e-9)
    attained = np.linalg.lstsq(kinks.T, smooth - nearest_slope(smooth, rows, weights), rcond=None)[0]
    assert np.all((attained >= -1e-7) & (attained <= 1 + 1e-7))


def test_dependent_boundary_rows_allow_fewer_gates() -> None:
    """Opposite rows x, -x: exactly one is on around the neuron, so the gates (1, 1) and (0, 0) do not count."""
    rows = np.array([[1.0, 0.0], [-1.0, 0.0]])
    smooth = np.array([2.0, 0.0])
    assert nearest_slope(smooth, rows, np.ones(2)) == pytest.approx([1.0, 0.0])
    assert nearest_slope(0 * smooth, rows, np.ones(2)) == pytest.approx([0.0, 0.0])


def test_balance_and_activity_are_told_apart() -> None:
    """Rescaling (2 u, a / 2) breaks the balance, scaling the output weight the activity."""
    oracle = ORACLES["O3"]
    best = oracle.networks[0].network
    skewed = replace(best, hidden_weights=best.hidden_weights * 2, output_weights=best.output_weights / 2)
    louder = replace(best, output_weights=best.output_weights * 1.1)
    assert not report(skewed, oracle.dataset, oracle.objective).balanced
    assert not report(louder, oracle.dataset, oracle.objective).active
    assert not report(louder, oracle.dataset, oracle.objective).clarke


def test_residuals_do_not_depend_on_the_order_or_the_scale() -> None:
    """Samples and neurons permuted, y -> 4 y with beta -> 4 beta: the same residuals."""
    goal = GOALS[0]
    data = random_data(goal, 2)
    net = random_network(np.random.default_rng(1), 3, 2, goal)
    before = report(net, data, goal)
    permuted = Network(net.hidden_weights[::-1].copy(), net.output_weights[::-1].copy())
    after = report(permuted, Dataset(data.X[::-1].copy(), data.y[::-1].copy()), goal)
    assert after.clarke_residual[::-1] == pytest.approx(before.clarke_residual)
    larger = Network(net.hidden_weights * 2, net.output_weights * 2)
    scaled = report(larger, Dataset(data.X, data.y * 4), replace(goal, hidden_decay=0.4, output_decay=0.4))
    assert scaled.residual == pytest.approx(before.residual)


def test_dead_neurons_are_named() -> None:
    """Zero on either layer, or active on no sample; a neuron active on one sample is alive."""
    problem, *_ = lifted(network([[1.0]]), Dataset(np.array([[1.0], [2.0]]), np.ones((2, 1))), GOALS[0])
    u = np.array([[1.0], [0.0], [-1.0], [1.0]])
    assert dead_neurons(problem, Neurons(u, np.array([[1.0], [1.0], [1.0], [0.0]]), np.zeros(1))) == (1, 2, 3)


def test_mergeable_neurons_share_a_closed_cone_and_a_sign() -> None:
    """Neurons of one sign that no sample separates strictly are one group; a neuron on the wall may join either side."""
    data = Dataset(np.array([[1.0, 0.0], [0.0, 1.0]]), np.ones((2, 1)))
    problem, *_ = lifted(network([[1.0, 1.0]]), data, GOALS[0])
    u = np.array([[1.0, 1.0], [2.0, 1.0], [1.0, -1.0], [1.0, 2.0], [1.0, 0.0], [0.0, 0.0]])
    a = np.array([1.0, 1.0, 1.0, -1.0, 1.0, 1.0])
    assert mergeable_groups(problem, Neurons(u, a[:, None], np.zeros(1))) == ((0, 1, 4),)


def test_a_network_without_neurons_has_a_report() -> None:
    """Width 0: nothing to balance, stationary, no neuron named."""
    net = Network(np.zeros((0, 2)), np.zeros((0, 1)))
    found = report(net, random_data(GOALS[0], 3), GOALS[0])
    assert (found.balanced, found.clarke, found.dead, found.mergeable) == (True, True, (), ())
