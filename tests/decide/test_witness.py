"""Better networks: each is what it is said to be, and those that cost nothing change nothing."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from exact import exact_objective, random_network
from oracles import ORACLES, objective
from planted import check, optimal_network, random_data, with_defect

from certify.decide.descent import balanced, descend, displaced, steepest
from certify.decide.options import CheckOptions
from certify.decide.same_width.trainer import Trainer
from certify.decide.witness import slot_candidates
from certify.gain.engine import Question, bound_gain
from certify.gain.question import Limits
from certify.problem.dual import dual_vector, gain_problem
from certify.problem.network import Network
from certify.problem.objective import Bias, Loss, Objective, Reduction
from certify.problem.training import Neurons, TrainingProblem, training_problem
from certify.verdict import Decision, Direction

GOALS = [
    objective(0.1),
    objective(0.1, Loss.LOGISTIC, Reduction.MEAN, Bias.PENALIZED, Bias.PENALIZED),
    objective(0.1, Loss.SQUARED, Reduction.SUM, Bias.FREE, Bias.FREE),
    Objective(Loss.HALF_SQUARED, Reduction.SUM, 0.02, 0.5, Bias.FREE, Bias.NONE),
]
EVERY_GOAL = pytest.mark.parametrize("goal", GOALS, ids=str)


def start(goal: Objective, seed: int = 0, width: int = 3) -> tuple[TrainingProblem, Network]:
    """A random problem and network."""
    net = random_network(np.random.default_rng(seed), width, 2, goal)
    return training_problem(net, random_data(goal, seed), goal), net


@EVERY_GOAL
def test_the_gradient_is_the_objective_s(goal: Objective) -> None:
    """Finite differences along random directions."""
    problem, net = start(goal)
    neurons = problem.lift(net)
    trainer = Trainer(problem)
    value, along = trainer.gradient(trainer.packed(neurons))
    slope = trainer.unpacked(along)
    assert value == pytest.approx(problem.value(neurons), rel=1e-13)
    rng, h = np.random.default_rng(1), 1e-6
    for _ in range(5):
        has_bias = goal.output_bias is not Bias.NONE
        move = Neurons(
            rng.standard_normal(neurons.u.shape), rng.standard_normal((3, 1)), rng.standard_normal(1) * has_bias
        )
        rise = problem.value(displaced(neurons, move, h)) - problem.value(displaced(neurons, move, -h))
        expected = np.sum(slope.u * move.u) + np.sum(slope.a * move.a) + float(slope.c[0] * move.c[0])
        assert rise / (2 * h) == pytest.approx(expected, rel=1e-5, abs=1e-6)


@EVERY_GOAL
def test_descent_and_balancing_never_raise_the_objective(goal: Objective) -> None:
    """Balancing keeps the function and lowers the penalty; descent ends no higher than it began, at a limit too."""
    problem, net = start(goal)
    neurons = problem.lift(net)
    even = balanced(problem, neurons)
    assert problem.predictions(even) == pytest.approx(problem.predictions(neurons))
    assert problem.size(even.u) == pytest.approx(np.abs(even.a[:, 0]))
    assert problem.value(even) <= problem.value(neurons)
    assert problem.value(descend(problem, neurons, Limits())) < problem.value(neurons)
    stopped = descend(problem, neurons, Limits(deadline=0.0))
    assert problem.value(stopped) == problem.value(neurons)


def assert_direction(direction: Direction, net: Network, problem: TrainingProblem, data, goal: Objective) -> None:
    """One step along it lowers the exact objective by at least the decrease that is claimed."""
    move, t = direction.displacement, Fraction(direction.step)

    def after(name: str) -> np.ndarray | None:
        array = getattr(net, name)
        return None if array is None else array + float(t) * getattr(move, name)

    ahead = Network(*(after(n) for n in ("hidden_weights", "output_weights", "hidden_bias", "output_bias")))
    fall = exact_objective(net, data, goal) - exact_objective(ahead, data, goal)
    # the two ways of adding up the displacement may differ in the last digits of the parameters
    assert fall >= Fraction(direction.decrease) - Fraction(1, 10**9) * exact_objective(net, data, goal)
    assert direction.decrease > 0
    still = np.setdiff1d(np.arange(net.width), direction.neurons)
    assert not np.any(move.hidden_weights[still])
    assert not np.any(move.output_weights[still])


@EVERY_GOAL
def test_the_steepest_direction_descends(goal: Objective) -> None:
    """Its decrease is measured, and its rate is the slope at the start."""
    problem, net = start(goal)
    data = random_data(goal, 0)
    neurons = problem.lift(net)
    nu = -problem.slope(problem.predictions(neurons))
    direction = steepest(problem, neurons, nu)
    assert_direction(direction, net, problem, data, goal)
    move, h = problem.lift(direction.displacement), 1e-7
    slope = (problem.value(displaced(neurons, move, h)) - problem.value(neurons)) / h
    assert slope == pytest.approx(direction.rate, rel=1e-3)


@EVERY_GOAL
def test_a_refutation_shows_a_direction_that_descends(goal: Objective) -> None:
    """Random networks are refuted, with a descent direction in the network's own parametrisation."""
    _, net = start(goal, seed=5, width=8)
    data = random_data(goal, 5)
    verdict = check(net, data, goal)
    assert verdict.decision is Decision.REFUTED
    assert_direction(verdict.witness.direction, net, training_problem(net, data, goal), data, goal)


def test_a_dead_neuron_is_put_to_use() -> None:
    """O8 with one zero neuron beside the spurious pair: a new neuron in the slot, falling by second order."""
    oracle = ORACLES["O8"]
    pair = next(k for k in oracle.networks if k.name == "2 separate neurons").network
    net = Network(np.vstack([pair.hidden_weights, np.zeros((1, 2))]), np.vstack([pair.output_weights, [[0.0]]]))
    problem = training_problem(net, oracle.dataset, oracle.objective)
    neurons = problem.lift(net)
    nu = dual_vector(problem, problem.predictions(neurons))
    bound = bound_gain(gain_problem(problem, nu), Question(), Limits())
    first, *_ = slot_candidates(problem, neurons, bound.witnesses, Limits())
    assert problem.value(first.neurons) < problem.value(neurons)
    assert np.array_equal(first.neurons.u[:2], neurons.u[:2])
    assert first.direction.order == 2
    assert first.direction.neurons == (2,)
    # F changes by t^2 (beta - gain)
    assert first.direction.rate == pytest.approx(problem.beta - bound.witnesses[0].gain)
    verdict = check(net, oracle.dataset, oracle.objective)
    assert verdict.decision is Decision.REFUTED


def test_a_network_of_dust_has_a_slot_for_a_neuron() -> None:
    """Neurons that are active, but so small that nothing of them is left once they are merged: their place is free."""
    oracle = ORACLES["O8"]
    dust = Network(np.full((2, 2), 1e-310), np.full((2, 1), 1e-310))
    problem = training_problem(dust, oracle.dataset, oracle.objective)
    neurons = problem.lift(dust)
    nu = dual_vector(problem, problem.predictions(neurons))
    violators = bound_gain(gain_problem(problem, nu), Question(), Limits()).witnesses
    grown = [candidate.neurons for candidate in slot_candidates(problem, neurons, violators, Limits())]
    assert [each.width for each in grown] == [1] * len(grown)
    assert min(problem.value(each) for each in grown) < problem.value(neurons)


def test_no_slot_means_no_slot_candidate() -> None:
    """O8 at width 2: both neurons are needed, nothing is free; the witness comes from the rebuilt network."""
    oracle = ORACLES["O8"]
    pair = next(k for k in oracle.networks if k.name == "2 separate neurons").network
    problem = training_problem(pair, oracle.dataset, oracle.objective)
    neurons = problem.lift(pair)
    nu = dual_vector(problem, problem.predictions(neurons))
    bound = bound_gain(gain_problem(problem, nu), Question(), Limits())
    assert not list(slot_candidates(problem, neurons, bound.witnesses, Limits()))
    assert check(pair, oracle.dataset, oracle.objective).witness.kind == "rebuilt"


@pytest.mark.parametrize("eps", [1e-2, 1e-4, 1e-6])
def test_a_defect_of_known_size_meets_any_eps(eps: float) -> None:
    """A rise of 1e-3 is refuted below that tolerance and certified above it."""
    goal = objective(0.05)
    data = random_data(goal, 9, n=5)
    worse = with_defect(optimal_network(data, goal), data, goal)
    expected = Decision.CERTIFIED if eps > 1e-3 else Decision.REFUTED
    assert check(worse, data, goal, CheckOptions(eps=eps)).decision is expected
