"""Paths never rise, in exact arithmetic and at a thousand random points; at width R + 1 there always is one to the optimum."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from adversarial import adversarial_case
from exact import exact_objective, random_network
from oracles import ORACLES, dataset, objective
from planted import random_data

from certify.decide.interruption import Interruption
from certify.decide.options import CheckOptions
from certify.decide.proving import Proving
from certify.errors import InputError, ObjectiveError
from certify.landscape.path.path import network_on, path_to_optimum
from certify.landscape.path.report import Answer, PathReport
from certify.landscape.path.search import bound_optimum, descents
from certify.landscape.path.track import Track, starting_point
from certify.landscape.rank import activation_rank
from certify.problem.dataset import Dataset
from certify.problem.network import Network, padded
from certify.problem.objective import Bias, Loss, Objective, Reduction
from certify.problem.training import training_problem

GOALS = [
    objective(0.1),
    objective(0.05, Loss.LOGISTIC, Reduction.MEAN, Bias.PENALIZED, Bias.PENALIZED),
    objective(0.05, Loss.SQUARED, Reduction.MEAN, Bias.NONE, Bias.FREE),
    objective(0.1, Loss.HALF_SQUARED, Reduction.SUM, Bias.FREE, Bias.FREE),
]
EPS = CheckOptions(eps=1e-6, time_limit=60)


def sufficient_width(net: Network, data: Dataset, goal: Objective) -> int:
    """R + 1, or with a free output bias the rank of the activations and ones, plus 1."""
    rank = activation_rank(training_problem(net, data, goal).rows)
    return 1 + (rank.with_constant if goal.output_bias is Bias.FREE else rank.rank)


@pytest.mark.parametrize("goal", GOALS, ids=str)
@pytest.mark.parametrize("seed", range(5))
def test_at_the_sufficient_width_every_network_gets_down(goal: Objective, seed: int) -> None:
    """From random networks, most of them far above; the checker has decided each path before it is shown."""
    data = random_data(goal, seed)
    rng = np.random.default_rng(seed)
    width = sufficient_width(random_network(rng, 1, data.inputs, goal), data, goal)
    report = path_to_optimum(random_network(rng, width, data.inputs, goal), data, goal, options=EPS)
    assert report.answer is Answer.FOUND
    assert report.suffices == width
    assert report.end.upper - report.optimum.lower <= 1e-6 * report.end.upper
    assert 0 <= report.rise <= 1e-12 * report.start.upper


DEGENERATE = {
    "duplicates": [[1.0, 2.0], [1.0, 2.0], [-1.0, 0.5], [0.3, -1.0]],
    "opposite": [[1.0, 2.0], [-1.0, -2.0], [0.5, -0.5], [-0.5, 0.5]],
    "dependent": [[1.0, 1.0], [2.0, 2.0], [-1.0, -1.0], [3.0, 3.0]],
    "a zero row": [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]],
    "integers": [[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [1.0, -1.0]],
}


@pytest.mark.parametrize("name", DEGENERATE)
@pytest.mark.parametrize("goal", GOALS, ids=str)
def test_degenerate_data_have_paths_too(name: str, goal: Objective) -> None:
    """Ties, duplicates, opposite, dependent and zero rows."""
    targets = [1.0, -1.0, 1.0, -1.0]
    data = dataset(np.array(DEGENERATE[name]), targets)
    rng = np.random.default_rng(3)
    width = sufficient_width(random_network(rng, 1, 2, goal), data, goal)
    report = path_to_optimum(random_network(rng, width, 2, goal), data, goal, options=EPS)
    assert report.answer is Answer.FOUND


@pytest.mark.parametrize("goal", [GOALS[0], GOALS[3]], ids=str)
def test_a_thousand_points_in_turn_never_rise(goal: Objective) -> None:
    """F of the networks themselves, in exact arithmetic, from the given one on: the first piece is not in w."""
    data = random_data(goal, 1)
    rng = np.random.default_rng(1)
    width = sufficient_width(random_network(rng, 1, data.inputs, goal), data, goal)
    net = random_network(rng, width, data.inputs, goal)
    report = path_to_optimum(net, data, goal, options=EPS)
    problem = training_problem(net, data, goal)
    times = np.sort(np.append(rng.random(1_000 if goal is GOALS[0] else 300), [0.0, 1.0]))
    values = [exact_objective(network_on(problem, net, report.way, float(t)), data, goal) for t in times]
    assert max(float(later - earlier) for earlier, later in pairwise(values)) <= 1e-14 * float(values[0])
    assert float(values[0]) == pytest.approx(report.start.upper, rel=1e-13)
    assert float(values[-1]) == pytest.approx(report.end.upper, rel=1e-13)


def of_oracle(name: str, known: str, width: int | None = None) -> PathReport:
    oracle = ORACLES[name]
    net = next(k for k in oracle.networks if k.name == known).network
    return path_to_optimum(net, oracle.dataset, oracle.objective, width, EPS)


@pytest.mark.parametrize(
    ("name", "known", "width"),
    [
        ("O8", "1 separate neurons", 2),
        ("O8", "2 separate neurons", 3),
        ("O3", "width 1 valley", 3),
        ("O3", "width 1 zero", 1),
    ],
)
def test_a_valley_is_left_at_the_width_that_the_theorem_names(name: str, known: str, width: int) -> None:
    """O8's strict minima: none at width 2, the rank, gets out; at 3 all do. O3's zero network is a saddle."""
    own = of_oracle(name, known)
    if known.endswith("zero"):
        assert own.answer is not Answer.IMPOSSIBLE
        return
    assert own.answer is Answer.IMPOSSIBLE
    assert own.pieces == 1
    assert of_oracle(name, known, max(width, own.suffices)).answer is Answer.FOUND


def test_the_optimum_is_where_it_is() -> None:
    """From a global optimum the path is the network itself, balanced."""
    report = of_oracle("O8", "optimum")
    assert report.answer is Answer.FOUND
    assert report.way.kinds == ["balance"]


def test_an_unbalanced_dead_network_is_balanced_first() -> None:
    """A neuron with one layer zero vanishes while the others are balanced, and the penalty falls all the way."""
    net = Network(np.array([[2.0, 1.0], [3.0, 4.0], [0.0, 0.0]]), np.array([[0.5], [0.0], [2.0]]))
    data = random_data(GOALS[0], 0)
    data = Dataset(data.X[:, :2], data.y)
    report = path_to_optimum(net, data, GOALS[0], 8, EPS)
    problem = training_problem(net, data, GOALS[0])
    start = padded(net, 8)
    early = [network_on(problem, start, report.way, t / report.pieces) for t in np.linspace(0, 1, 20)]
    values = [exact_objective(network, data, GOALS[0]) for network in early]
    assert all(later <= earlier * (1 + 1e-15) for earlier, later in pairwise(values))
    assert report.answer is Answer.FOUND


def test_what_is_not_covered_says_why() -> None:
    """No weight decay; a free hidden bias without an output bias; a width below the network's."""
    data = random_data(GOALS[0], 0)
    net = random_network(np.random.default_rng(0), 2, data.inputs, GOALS[0])
    with pytest.raises(ObjectiveError, match="not covered without weight decay"):
        path_to_optimum(net, data, objective(0.0))
    with pytest.raises(ObjectiveError, match="not covered for the hinge loss"):
        path_to_optimum(net, Dataset(data.X, np.where(data.y > 0, 1.0, -1.0)), objective(0.1, Loss.HINGE))
    with pytest.raises(InputError, match="has at least as many"):
        path_to_optimum(net, data, GOALS[0], 1)
    free = objective(0.1, Loss.HALF_SQUARED, Reduction.SUM, Bias.FREE, Bias.NONE)
    with pytest.raises(ObjectiveError, match="need not be attained"):
        path_to_optimum(random_network(np.random.default_rng(0), 2, data.inputs, free), data, free)


@pytest.mark.parametrize("seed", [12, 25, 44, 50, 57, 74, 99, 108, 117, 126, 143])
def test_what_float64_cannot_hold_is_no_crash(seed: int) -> None:
    """Adversarial scales: the part of the path that can be decided is shown, or one line says why there is none."""
    case = adversarial_case(seed)
    with np.errstate(all="ignore"):
        try:
            report = path_to_optimum(
                case.network, case.data, case.goal, options=CheckOptions(eps=case.eps, time_limit=1)
            )
        except InputError as refused:
            assert str(refused).count("\n") == 0
            return
    assert report.rise <= 1e-12 * report.start.upper
    assert report.end.lower <= report.start.upper


def test_a_neuron_that_is_only_a_free_bias_hands_it_over() -> None:
    """(0, b) with an output weight is a constant: the free output bias takes it at the same F, also half way."""
    goal = GOALS[3]
    data = random_data(goal, 4)
    net = random_network(np.random.default_rng(4), 8, data.inputs, goal)
    net.hidden_weights[0] = 0.0
    net.hidden_bias[0] = 1.5
    report = path_to_optimum(net, data, goal, options=EPS)
    problem = training_problem(net, data, goal)
    times = np.linspace(0, 1 / report.pieces, 12)
    values = [exact_objective(network_on(problem, net, report.way, float(t)), data, goal) for t in times]
    assert all(later <= earlier * (1 + 1e-14) for earlier, later in pairwise(values))
    assert not np.any(report.way.vectors[0][0])


def test_other_valleys_are_reached_without_some_of_the_neurons() -> None:
    """One input and two neurons, R = 2: where the way through the network's own cones ends in a valley, one that begins by dropping a
    neuron ends at P*, and the checker accepts it."""
    goal, changed = GOALS[0], 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        data = Dataset(rng.standard_normal((5, 1)), rng.standard_normal((5, 1)))
        net = random_network(rng, 2, 1, goal, 2.0)
        problem = training_problem(net, data, goal)
        with Interruption() as interruption:
            proving = Proving(problem, EPS, interruption)
            start = Track((starting_point(problem, problem.lift(net)),), ())
            bound_optimum(proving, [start.end])
            own = next(descents(proving, start, EPS.eps, elsewhere=False)).reached
        report = path_to_optimum(net, data, goal, options=EPS)
        assert report.answer is Answer.FOUND or not own
        changed += report.answer is Answer.FOUND and not own
    assert changed >= 1
