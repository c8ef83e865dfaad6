"""Paths that end at an optimum of one's choice: found, exactly and slot by slot, or impossible just where no way joins the two."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from exact import exact_objective, random_network
from oracles import ORACLES, objective
from planted import optimal_network, random_data
from small_problems import polygons, random_problem, with_many_optima

from certify.decide.options import CheckOptions
from certify.errors import InputError
from certify.landscape.finding import find_landscape
from certify.landscape.path.path import NotOptimal, network_on, path_to_optimum
from certify.landscape.path.report import Answer, PathReport
from certify.landscape.path.to.edges import edges_towards, fewest_at_once
from certify.landscape.path.to.slots import rearranged
from certify.landscape.path.track import Point, Track
from certify.landscape.polytope import Polytope, polytope_of
from certify.landscape.rank import activation_rank
from certify.problem.dataset import Dataset
from certify.problem.network import Network, padded
from certify.problem.objective import Bias, Loss, Objective, Reduction
from certify.problem.training import training_problem
from certify.transform import permute, split

OPTIONS = CheckOptions(eps=1e-6, time_limit=60)


def path(net: Network, data: Dataset, goal: Objective, target: Network, width: int | None = None) -> PathReport:
    return path_to_optimum(net, data, goal, width, OPTIONS, target=target)


def sufficient_width(net: Network, data: Dataset, goal: Objective) -> int:
    rank = activation_rank(training_problem(net, data, goal).rows)
    return 1 + (rank.with_constant if goal.output_bias is Bias.FREE else rank.rank)


def assert_reached(report: PathReport, target: Network) -> None:
    """The last breakpoint is the target, neuron by neuron."""
    assert report.answer is Answer.FOUND, report.reason
    assert report.arrival is not None
    assert (report.arrival.distance, report.arrival.ordered) == (0.0, True)
    parts = [target.hidden_weights] + ([] if target.hidden_bias is None else [target.hidden_bias[:, None]])
    expected = np.zeros(np.shape(report.way.vectors[-1]))
    expected[: target.width] = np.hstack(parts) * np.abs(target.output_weights)
    assert np.array_equal(report.way.vectors[-1], expected)


def hang_together(supports: np.ndarray, one: int, other: int, width: int) -> bool:
    """Whether vertices are joined at a width by pairs with so few atoms in all: all pairs, no tree."""
    unions = np.sum(supports[:, None] | supports[None], axis=2)
    group = np.arange(len(supports)) == one
    for _ in supports:
        group |= np.any(unions[group] <= width, axis=0)
    return bool(group[other])


def agrees(polytope: Polytope, data: Dataset, goal: Objective, rng: np.random.Generator) -> None:
    """Between two vertices of all, at a width that they fit into, with their neurons in any order: the answer of all pairs."""
    assert polytope.complete
    supports = polytope.vertices > 0
    one, other = (int(k) for k in rng.integers(len(supports), size=2))
    width = max(1, *(int(np.sum(supports[k])) for k in (one, other))) + int(rng.integers(0, 3))
    start, end = (
        permute(padded(polytope.network(polytope.vertices[k]), width), rng.permutation(width).tolist())
        for k in (one, other)
    )
    report = path(start, data, goal, end)
    if one == other and np.sum(supports[one]) == width:  # isolated, in each order
        together = bool(np.allclose(start.hidden_weights, end.hidden_weights))
    else:
        together = hang_together(supports, one, other, width)
    if together:
        assert report.answer is Answer.FOUND, report.reason
        assert report.arrival is not None
        assert report.arrival.ordered
        assert report.arrival.distance is not None
        assert report.arrival.distance <= 1e-9
    else:
        assert report.answer is Answer.IMPOSSIBLE, report.reason


@pytest.mark.parametrize("corners", [(3,), (5,), (6,), (8,)])
def test_optima_of_polygons_hang_together_or_not(corners: tuple[int, ...]) -> None:
    """Many vertices, of several sizes."""
    data, goal = with_many_optima(polygons(*corners))
    polytope = polytope_of(find_landscape(training_problem(optimal_network(data, goal), data, goal), OPTIONS))
    rng = np.random.default_rng(sum(corners))
    for _ in range(6):
        agrees(polytope, data, goal, rng)


@pytest.mark.parametrize("kind", ["duplicate", "parallel", "antipodal", "dependent", "grid", "line"])
def test_optima_of_degenerate_data_hang_together_or_not(kind: str) -> None:
    """Three losses, biases absent, penalised and, on the output, free."""
    rng = np.random.default_rng(0)
    for seed in range(6):
        data, goal, problem = random_problem(kind, seed)
        landscape = find_landscape(problem, OPTIONS)
        if landscape.complete and not landscape.ambiguous:
            agrees(polytope_of(landscape), data, goal, rng)


GOALS = [
    objective(0.1),
    objective(0.05, Loss.LOGISTIC, Reduction.MEAN, Bias.PENALIZED, Bias.PENALIZED),
    objective(0.05, Loss.SQUARED, Reduction.MEAN, Bias.NONE, Bias.FREE),
    objective(0.1, Loss.HALF_SQUARED, Reduction.SUM, Bias.FREE, Bias.FREE),
]


@pytest.mark.parametrize("goal", GOALS, ids=str)
def test_at_the_sufficient_width_every_optimum_is_reached_slot_by_slot(goal: Objective) -> None:
    """From random networks, to an optimum with a neuron that is split, in a random order."""
    for seed in range(2):
        data = random_data(goal, seed)
        rng = np.random.default_rng(seed)
        target = split(optimal_network(data, goal, seed), 0, [0.25, 0.75])
        width = max(target.width, sufficient_width(target, data, goal))
        target = permute(padded(target, width), rng.permutation(width).tolist())
        assert_reached(path(random_network(rng, width, data.inputs, goal), data, goal, target), target)


def test_any_point_of_the_polytope_is_an_end() -> None:
    """The centre of a hexagon's optima, more neurons than are independent, at its own width; F never rises at 300 points."""
    data, goal = with_many_optima(polygons(6))
    polytope = polytope_of(find_landscape(training_problem(optimal_network(data, goal), data, goal), OPTIONS))
    target = polytope.network(polytope.centre)
    assert target.width > polytope.rank.rank
    net = random_network(np.random.default_rng(1), target.width, data.inputs, goal)
    report = path(net, data, goal, target)
    assert_reached(report, target)
    problem = training_problem(net, data, goal)
    times = np.sort(np.random.default_rng(0).random(300))
    values = [exact_objective(network_on(problem, net, report.way, float(t)), data, goal) for t in times]
    assert max(float(later - earlier) for earlier, later in pairwise(values)) <= 1e-14 * float(values[0])


def of_oracle(start: str, end: str, width: int) -> PathReport:
    oracle = ORACLES["O4"]
    nets = {known.name: known.network for known in oracle.networks}
    return path(nets[start], oracle.dataset, oracle.objective, nets[end], width)


def test_two_optima_are_apart_at_width_two_and_joined_at_three() -> None:
    """O4: the vertex of two atoms is isolated at width 2; the edge between the two needs three slots."""
    apart = of_oracle("one neuron", "two neurons", 2)
    assert apart.answer is Answer.IMPOSSIBLE
    assert "--width 3" in apart.reason
    for start, end in (("one neuron", "two neurons"), ("two neurons", "one neuron"), ("one side", "three neurons")):
        report = of_oracle(start, end, 3)
        assert report.answer is Answer.FOUND
        assert report.arrival is not None
        assert report.arrival.distance == 0


def test_from_above_an_isolated_optimum_can_be_reached_at_its_own_width() -> None:
    """O4, from one side, to the two neurons at width 2: not by way of the other optimum, but straight."""
    assert of_oracle("one side", "two neurons", 2).answer is Answer.FOUND


def test_without_a_free_slot_the_order_stays_as_it_is() -> None:
    """An isolated optimum in another order is another component; from above, without a slot ever free, it is reached but for the order."""
    oracle = ORACLES["O4"]
    net = next(known.network for known in oracle.networks if known.name == "two neurons")
    other = permute(net, [1, 0])
    own = path(net, oracle.dataset, oracle.objective, other)
    assert own.answer is Answer.IMPOSSIBLE
    assert "in another order" in own.reason
    nudged = Network(net.hidden_weights * 1.01, net.output_weights)
    above = path(nudged, oracle.dataset, oracle.objective, other)
    assert above.answer is Answer.FOUND
    assert above.arrival is not None
    assert not above.arrival.ordered
    assert "up to the order" in above.reason


def test_a_trained_target_is_replaced_by_the_optimum_beside_it() -> None:
    """1e-4 off in its weights, and so above P*: the path ends below it, at a distance that is told."""
    data = random_data(GOALS[0], 4)
    best = optimal_network(data, GOALS[0], 4)
    near = Network(best.hidden_weights * (1 + 1e-4), best.output_weights)
    rng = np.random.default_rng(0)
    width = sufficient_width(near, data, GOALS[0])
    report = path(random_network(rng, width, data.inputs, GOALS[0]), data, GOALS[0], near)
    assert report.answer is Answer.FOUND
    assert report.arrival is not None
    assert report.arrival.distance is not None
    assert 0 < report.arrival.distance < 1e-3
    assert report.end.upper < report.arrival.value.lower


def test_what_is_no_end_is_refused() -> None:
    """Not optimal; more neurons than the path has; other biases than the network's."""
    data = random_data(GOALS[0], 0)
    best = optimal_network(data, GOALS[0])
    net = random_network(np.random.default_rng(0), best.width, data.inputs, GOALS[0])
    with pytest.raises(NotOptimal, match="not proved to be a global optimum"):
        path(net, data, GOALS[0], net)
    with pytest.raises(InputError, match=f"--width {best.width + 1}"):
        path(net, data, GOALS[0], split(best, 0, [0.5, 0.5]))
    with pytest.raises(InputError, match="the optimum to go to"):
        path(net, data, GOALS[0], Network(best.hidden_weights, best.output_weights, np.zeros(best.width)))


def test_edges_of_a_cube_lead_to_the_face_that_is_wanted() -> None:
    """c_2k + c_2k+1 = k + 1: one edge for each coordinate that must change, the rank plus one atoms at most on each."""
    columns, target = np.kron(np.eye(4), np.ones((1, 2))), np.arange(1.0, 5.0)
    start = np.array([1.0, 0, 2, 0, 3, 0, 4, 0])
    wanted = np.array([False, True, True, True, False, True, True, False])
    walk = edges_towards(columns, target, start, wanted)
    assert walk is not None
    assert len(walk) == 3
    assert walk[-1] == pytest.approx([0, 1, 2, 0, 0, 3, 4, 0])
    assert all(np.sum((one > 0) | (two > 0)) <= 5 for one, two in pairwise(walk))
    assert edges_towards(columns, target, start, np.arange(8) < 2) is None


def test_the_fewest_atoms_at_once() -> None:
    """Of two ways the one over the smaller unions, though it is longer."""
    supports = np.array([[1, 1, 0, 0, 0], [0, 1, 1, 0, 0], [0, 0, 1, 1, 0], [0, 0, 0, 1, 1]], dtype=bool)
    assert fewest_at_once(supports, 0, np.arange(4) == 3) == (3, [0, 1, 2, 3])
    assert fewest_at_once(supports, 2, np.arange(4) == 2) == (2, [2])


def test_neurons_change_places_through_a_free_slot() -> None:
    """Any order, by moves that each fill a free slot; without one, none."""
    rng = np.random.default_rng(0)
    for _ in range(50):
        width = int(rng.integers(2, 7))
        w, signs = rng.standard_normal((width, 2)), rng.choice([-1.0, 1.0], width)
        w[rng.integers(width)] = 0.0
        order = {j: int(k) for j, k in enumerate(rng.permutation(width)) if np.any(w[j])}
        changed = rearranged(Track((Point(w, signs, 0.0),), ()), order)
        assert changed is not None
        for j, k in order.items():
            assert np.array_equal(changed.end.w[k], w[j])
            assert changed.end.signs[k] == signs[j]
        for one, two in pairwise(changed.points):
            assert int(np.sum(np.any(one.w != two.w, axis=1))) == 2
    full = Track((Point(np.ones((2, 2)), np.ones(2), 0.0),), ())
    assert rearranged(full, {0: 1, 1: 0}) is None
