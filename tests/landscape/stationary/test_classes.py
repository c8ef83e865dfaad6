"""The kind of point that a network is: derived on the oracles, tried by perturbation, and shown by a way down where it is no minimum."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from exact import exact_objective, random_network
from oracles import NETWORK_CASE_IDS, NETWORK_CASES, ORACLES, KnownNetwork, Oracle, dataset, objective
from planted import random_data

from certify.errors import ObjectiveError
from certify.landscape.stationary.report import Kind, NeuronKind, StationaryReport
from certify.landscape.stationary.stationary import stationary_network
from certify.problem.dataset import Dataset
from certify.problem.network import Network
from certify.problem.objective import Bias, Loss, Objective, Reduction
from certify.problem.training import Neurons, training_problem
from certify.verdict import Decision

MINIMA = (Kind.LOCAL_MINIMUM, Kind.STRICT_LOCAL_MINIMUM)


def known(oracle: str, name: str) -> tuple[Oracle, Network]:
    """A network of an oracle, by name."""
    found = ORACLES[oracle]
    return found, next(k for k in found.networks if k.name == name).network


def of_oracle(oracle: str, name: str) -> StationaryReport:
    """What is found out about it."""
    found, net = known(oracle, name)
    return stationary_network(net, found.dataset, found.objective)


@pytest.mark.parametrize(("oracle", "case"), NETWORK_CASES, ids=NETWORK_CASE_IDS)
def test_every_oracle_is_classified(oracle: Oracle, case: KnownNetwork) -> None:
    """An optimum is global; zero networks that are not are saddles; what is left are the two counterexamples and minima of a width."""
    kind = stationary_network(case.network, oracle.dataset, oracle.objective).kind
    if case.decision is Decision.CERTIFIED:
        assert kind is Kind.GLOBAL
    elif not np.any(case.network.output_weights):
        assert kind is Kind.DIRECTIONAL
    else:
        odd = {"Clarke point": Kind.CLARKE, "subsampled optimum": Kind.NOT_STATIONARY}
        assert kind is odd.get(case.name, Kind.STRICT_LOCAL_MINIMUM)


def test_the_theorem_fails_where_it_is_known_to_fail() -> None:
    """Oracles O6 and O7, and it holds at their optima."""
    clarke, left = of_oracle("O6", "Clarke point"), of_oracle("O7", "subsampled optimum")
    assert clarke.theorem == "fails: concave kink with fractional multiplier (neuron 0, sample 1)"
    assert [k.multiplier for k in clarke.neurons[0].kinks] == [pytest.approx(0.5)]
    assert clarke.own.upper == pytest.approx(0.0952817459, abs=1e-9)
    assert left.theorem.startswith("fails: optimal for its own patterns")
    assert of_oracle("O6", "optimum").theorem == "holds"


def test_a_saddle_names_the_neuron_to_revive() -> None:
    """O3's zero network of one neuron falls along the violator that is printed."""
    report = of_oracle("O3", "width 1 zero")
    assert report.kind is Kind.DIRECTIONAL
    assert report.revived == 0
    assert report.descent is not None
    assert report.descent.order == 2
    assert report.neurons[0].kind is NeuronKind.ZERO


def trained(seed: int, goal: Objective, width: int) -> tuple[Network, Dataset]:
    """A stationary network: the optimum of the patterns that a random one ends up with."""
    data = random_data(goal, seed)
    rng = np.random.default_rng(seed)
    net = random_network(rng, width, data.inputs, goal)
    problem = training_problem(net, data, goal)
    from certify.decide.descent import descend
    from certify.gain.question import Limits
    from certify.landscape.stationary.nearby import nearby_network
    from certify.landscape.stationary.own_program import own_program
    from certify.verdict import Bounds

    neurons = descend(problem, problem.lift(net), Limits())
    own = own_program(problem, neurons, Bounds(0.0, problem.value(neurons)), Limits())
    return problem.lower(nearby_network(problem, neurons, own) or neurons), data


GOALS = [
    objective(0.2),
    objective(0.1, Loss.SQUARED, Reduction.MEAN, Bias.PENALIZED, Bias.PENALIZED),
    objective(0.05, Loss.LOGISTIC, Reduction.MEAN, Bias.NONE, Bias.FREE),
    objective(0.1, Loss.HALF_SQUARED, Reduction.SUM, Bias.FREE, Bias.FREE),
    replace(objective(0.2), hidden_decay=0.05, output_decay=0.8),
]


@pytest.mark.parametrize("goal", GOALS, ids=str)
def test_nothing_within_the_radius_is_below_the_proved_bound(goal: Objective) -> None:
    """Whatever the class: 10,000 perturbations of random networks, trained and not, most of them at the edge of the radius."""
    rng = np.random.default_rng(0)
    classes = set()
    for seed in range(10):
        net, data = trained(seed, goal, 1 + seed % 3)
        if seed % 3 == 2:
            net = random_network(rng, 2, data.inputs, goal)
        report = stationary_network(net, data, goal)
        classes.add(report.kind)
        near = report.near
        if near is None:
            continue
        assert near.radius > 0
        values = perturbed_values(rng, net, data, goal, near.radius, 400)
        assert np.min(values) >= near.lower - 1e-12 * abs(near.lower)
        if report.kind in MINIMA:
            assert near.lower >= report.value.lower * (1 - 2 * report.tolerance)
    assert classes & {*MINIMA, Kind.GLOBAL}


def perturbed_values(
    rng: np.random.Generator, net: Network, data: Dataset, goal: Objective, radius: float, count: int
) -> np.ndarray:
    """F of random networks within the radius."""
    problem = training_problem(net, data, goal)
    arrays = [a for layer in net.layers for a in layer if a is not None]
    size = sum(a.size for a in arrays)
    values = []
    for _ in range(count):
        step = rng.normal(size=size) * (rng.random(size) < 0.5)
        step *= radius * rng.uniform() ** (1 / 4) / (np.linalg.norm(step) or 1.0)
        pieces = np.split(step, np.cumsum([a.size for a in arrays])[:-1])
        moved = iter([a + p.reshape(a.shape) for a, p in zip(arrays, pieces, strict=True)])
        parts = [[None if a is None else next(moved) for a in layer] for layer in net.layers]
        (w, b), (v, c) = parts
        values.append(problem_value(problem, Network(w, v, b, c)))
    return np.array(values)


def problem_value(problem, net: Network) -> float:
    """F on the original objective, with plain numpy."""
    goal = problem.objective
    lifted: Neurons = problem.lift(net)
    total = problem.data_loss(problem.predictions(lifted))
    for layer, (weights, bias) in zip(goal.layers, net.layers, strict=True):
        total += layer.decay / 2 * np.sum(weights**2)
        if layer.bias is Bias.PENALIZED:
            total += layer.decay / 2 * np.sum(bias**2)
    return float(total)


@pytest.mark.parametrize("goal", GOALS[:3], ids=str)
def test_what_is_no_minimum_falls_along_the_direction_printed(goal: Objective) -> None:
    """The step that is printed lowers F, in exact arithmetic where the loss allows."""
    rng = np.random.default_rng(1)
    for seed in range(5):
        data = random_data(goal, seed)
        net = random_network(rng, 2, data.inputs, goal)
        report = stationary_network(net, data, goal)
        assert report.kind is Kind.NOT_STATIONARY
        down = report.descent
        assert down is not None
        move = down.displacement
        moved = Network(
            net.hidden_weights + down.step * move.hidden_weights,
            net.output_weights + down.step * move.output_weights,
            None if net.hidden_bias is None else net.hidden_bias + down.step * move.hidden_bias,
            None if net.output_bias is None else net.output_bias + down.step * move.output_bias,
        )
        assert exact_objective(moved, data, goal) < exact_objective(net, data, goal)


def test_a_sample_just_off_a_kink_limits_the_radius() -> None:
    """Two samples, a neuron along the first, the second sample almost at right angles: the radius is its distance."""
    X = np.array([[1.0, 0.0], [1e-4, 1.0]])
    data = dataset(X, [1.0, 0.0])
    net = Network(np.array([[np.sqrt(0.9), 0.0]]), np.array([[np.sqrt(0.9)]]))
    near = stationary_network(net, data, objective(0.1)).near
    assert near is not None
    assert (near.neuron, near.sample) == (0, 1)
    assert near.radius == pytest.approx(1e-4 * np.sqrt(0.9), rel=1e-6)
    assert near.radius < 1e-4 * np.sqrt(0.9)


def test_split_neurons_are_a_minimum_that_is_not_strict() -> None:
    """O8's spurious minimum with a neuron split in two has others as low beside it."""
    oracle, net = known("O8", "2 separate neurons")
    half = np.sqrt(0.5)
    u, a = net.hidden_weights, net.output_weights
    split = Network(np.vstack([u[:1] * half, u[1:], u[:1] * half]), np.vstack([a[:1] * half, a[1:], a[:1] * half]))
    assert stationary_network(split, oracle.dataset, oracle.objective).kind is Kind.LOCAL_MINIMUM


def test_a_network_trained_in_floats_is_told_what_it_is_near() -> None:
    """A perturbation of O8's minimum is not stationary; the optimum of its patterns is the minimum, so far away."""
    oracle, net = known("O8", "2 separate neurons")
    rng = np.random.default_rng(2)
    moved = Network(net.hidden_weights + 1e-4 * rng.normal(size=(2, 2)), net.output_weights)
    report = stationary_network(moved, oracle.dataset, oracle.objective)
    assert report.kind is Kind.NOT_STATIONARY
    assert report.theorem == "not stationary"
    assert report.nearby is not None
    assert report.nearby.kind is Kind.STRICT_LOCAL_MINIMUM
    assert report.nearby.value.upper == pytest.approx(0.19, abs=1e-12)
    assert 1e-5 < report.nearby.distance < 1e-3


@pytest.mark.parametrize("width", [1, 2])
def test_an_output_weight_of_zero_can_take_either_sign(width: int) -> None:
    """Neurons with weight on the hidden layer alone: not stationary, and what is near them is bounded for both signs."""
    oracle = ORACLES["O8"]
    half = Network(np.eye(2)[:width], np.zeros((width, 1)))
    report = stationary_network(half, oracle.dataset, oracle.objective)
    assert report.kind is Kind.NOT_STATIONARY
    assert report.near.radius > 0.25
    for sign in (1.0, -1.0):
        near = Network(half.hidden_weights, np.full((width, 1), 0.17 * sign))
        assert exact_objective(near, oracle.dataset, oracle.objective) >= report.near.lower


def test_a_silent_neuron_is_no_zero_one() -> None:
    """With a free hidden bias a neuron that is only its bias is reported apart, and does not make a saddle of a minimum."""
    oracle = ORACLES["both biases free"]
    net = oracle.networks[0].network
    silent = Network(
        np.vstack([net.hidden_weights, np.zeros((1, net.inputs))]),
        np.vstack([net.output_weights, [[0.0]]]),
        np.append(net.hidden_bias, -3.0),
        net.output_bias,
    )
    report = stationary_network(silent, oracle.dataset, oracle.objective)
    assert report.neurons[-1].kind is NeuronKind.SILENT
    assert report.kind is Kind.GLOBAL


def test_without_weight_decay_it_is_refused() -> None:
    """In one line that says why."""
    oracle, net = known("O3", "optimum")
    with pytest.raises(ObjectiveError, match="not covered without weight decay"):
        stationary_network(net, oracle.dataset, objective(0.0))


@pytest.mark.parametrize("goal", GOALS[:4], ids=str)
def test_each_neuron_falls_at_the_rate_that_is_said(goal: Objective) -> None:
    """Moving its u alone along the direction: the slope is the finite difference of F; at O6's kink it is 1/10."""
    data = random_data(goal, 3)
    net = random_network(np.random.default_rng(3), 3, data.inputs, goal)
    problem = training_problem(net, data, goal)
    neurons, step = problem.lift(net), 1e-6
    for j, neuron in enumerate(stationary_network(net, data, goal).neurons):
        assert neuron.direction is not None
        u = neurons.u.copy()
        u[j] += step * neuron.direction
        fall = (problem.value(neurons) - problem.value(Neurons(u, neurons.a, neurons.c))) / step
        assert fall == pytest.approx(neuron.descent.lower, rel=1e-4)
    kink = of_oracle("O6", "Clarke point").neurons[0]
    assert kink.descent.lower == pytest.approx(0.1, rel=1e-6)
    assert kink.direction is not None
