"""The checker accepts the paths that are found, and rejects what has been changed in them; its bound on rises holds on every piece."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from exact import random_network
from oracles import objective
from planted import random_data

from certify.certificates.statement import checked_objective, plain_data, plain_network
from certify.checker.certificate import Network
from certify.checker.descents import Way, decide_way
from certify.checker.objective import Problem, training_problem
from certify.checker.rejection import Rejected
from certify.decide.options import CheckOptions
from certify.landscape.path.path import path_to_optimum
from certify.landscape.path.track import Point, value_at
from certify.problem.objective import Bias, Loss, Reduction
from certify.problem.training import TrainingProblem
from certify.problem.training import training_problem as our_problem

GOALS = {
    "half-squared": objective(0.1),
    "logistic": objective(0.05, Loss.LOGISTIC, Reduction.MEAN, Bias.PENALIZED, Bias.PENALIZED),
    "free biases": objective(0.1, Loss.SQUARED, Reduction.SUM, Bias.FREE, Bias.FREE),
}


@cache
def found(name: str) -> tuple[Problem, Network, Way, TrainingProblem]:
    """A path of several pieces, as the checker takes it."""
    goal = GOALS[name]
    data = random_data(goal, 2)
    net = random_network(np.random.default_rng(2), 12, data.inputs, goal)
    way = path_to_optimum(net, data, goal, options=CheckOptions(eps=1e-6, time_limit=60)).way
    problem = training_problem(checked_objective(goal), plain_data(data))
    return problem, plain_network(net), way, our_problem(net, data, goal)


@pytest.mark.parametrize("name", GOALS)
def test_a_path_that_was_found_is_accepted(name: str) -> None:
    """With a rise of rounding errors only."""
    problem, network, way, _ = found(name)
    kept = decide_way(problem, network, way)
    assert kept.pieces == len(way.kinds) >= 4
    assert 0 <= kept.rise <= 1e-13 * kept.start[0]
    assert kept.end[1] < kept.start[0]


def with_entry(way: Way, k: int, j: int, i: int, value: Callable[[float], float]) -> Way:
    """One number of one breakpoint changed."""
    vectors = [[list(w) for w in point] for point in way.vectors]
    vectors[k][j][i] = value(vectors[k][j][i])
    return replace(way, vectors=vectors)


@pytest.mark.parametrize("name", GOALS)
def test_changed_numbers_are_rejected(name: str) -> None:
    """Any used neuron, at any breakpoint, by a thousandth or more: the values stated are no longer those of the path, or F rises."""
    problem, network, way, _ = found(name)
    rng = np.random.default_rng(0)
    tried = 0
    while tried < 25:
        k, j = int(rng.integers(len(way.vectors))), int(rng.integers(len(way.vectors[0])))
        i = int(np.argmax(np.abs(way.vectors[k][j])))
        if not way.vectors[k][j][i]:
            continue
        tried += 1
        factor = 1 + float(rng.choice([-1.0, 1.0, 1e-3, -1e-3]))
        with pytest.raises(Rejected):
            decide_way(problem, network, with_entry(way, k, j, i, lambda x, f=factor: x * f))


FORGERIES: dict[str, Callable[[Way], Way]] = {
    "backwards": lambda way: replace(
        way,
        vectors=way.vectors[::-1],
        signs=way.signs[::-1],
        constants=way.constants[::-1],
        values=[way.values[0], *way.values[:0:-1]],
    ),
    "a piece left out in the middle": lambda way: replace(way, vectors=way.vectors[:1] + way.vectors[2:]),
    "a sign turned": lambda way: replace(way, signs=[[-s for s in way.signs[0]], *way.signs[1:]]),
    "a sign of zero": lambda way: replace(way, signs=[[0 for _ in way.signs[0]], *way.signs[1:]]),
    "a value too low": lambda way: replace(way, values=[*way.values[:-1], way.values[-1] * (1 - 1e-6)]),
    "a value too many": lambda way: replace(way, values=[*way.values, way.values[-1]]),
    "not a number": lambda way: with_entry(way, 0, 0, 0, lambda _: float("nan")),
    "infinite": lambda way: replace(way, constants=[float("inf"), *way.constants[1:]]),
    "an unknown kind": lambda way: replace(way, kinds=["jump", *way.kinds[1:]]),
    "anything allowed": lambda way: replace(way, allowed=1.0),
    "a negative allowance": lambda way: replace(way, allowed=-1e-12),
    "no breakpoint": lambda way: replace(way, vectors=[], signs=[], constants=[], kinds=[], values=way.values[:1]),
    "a neuron less": lambda way: replace(way, vectors=[v[:-1] for v in way.vectors], signs=[s[:-1] for s in way.signs]),
    "a number less": lambda way: replace(way, vectors=[[w[:-1] for w in v] for v in way.vectors]),
    "another start": lambda way: replace(way, vectors=way.vectors[-1:] + way.vectors[1:]),
}


@pytest.mark.parametrize("name", GOALS)
@pytest.mark.parametrize("forgery", FORGERIES)
def test_forged_paths_are_rejected(name: str, forgery: str) -> None:
    """Whatever part of it is forged."""
    problem, network, way, _ = found(name)
    with pytest.raises(Rejected):
        decide_way(problem, network, FORGERIES[forgery](way))


@pytest.mark.parametrize("name", GOALS)
def test_the_bound_on_the_rise_holds_where_f_does_rise(name: str) -> None:
    """Pieces between random breakpoints of one sign rise in between: never by more than the checker says."""
    problem, _, way, ours = found(name)
    rng = np.random.default_rng(1)
    width, size = len(way.vectors[0]), len(way.vectors[0][0])
    for trial in range(30):
        ends = rng.normal(size=(2, width, size))
        if trial % 2:
            ends[1] = ends[0] + 0.05 * rng.normal(size=(width, size))
        signs = rng.choice([-1, 1], size=width)
        constants = [0.0, 0.0] if problem.objective.output_bias == "none" else rng.normal(size=2).tolist()
        from certify.checker import descents

        points = descents._breakpoints(
            problem, replace(way, vectors=ends.tolist(), signs=[signs.tolist()] * 2, constants=constants)
        )
        bound = float(descents._rise(problem, *points, 0))
        times = np.linspace(0, 1, 60)
        values = [
            value_at(
                ours,
                Point((1 - t) * ends[0] + t * ends[1], signs.astype(float), (1 - t) * constants[0] + t * constants[1]),
            )
            for t in times
        ]
        rise = max(later - earlier for k, earlier in enumerate(values) for later in values[k:])
        assert rise <= bound + 1e-9


def test_losses_whose_slope_is_not_known_are_rejected() -> None:
    """A loss that is added later is not taken for a squared one; nor is an objective without weight decay decided."""
    problem, network, way, _ = found("half-squared")
    for other in (
        replace(problem.objective, loss="hinge"),
        replace(problem.objective, hidden_decay=0.0, output_decay=0.0),
    ):
        with pytest.raises(Rejected, match="not decided here"):
            decide_way(replace(problem, objective=other), network, way)
