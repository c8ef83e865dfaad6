"""The optimal directions, the proof that they are all, and the polytope of all optima."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from optima_brute_force import components, negative_slope, optima, vertex_supports
from oracles import ORACLES, Oracle, bare_network, dataset, objective, stated
from small_problems import KINDS, polygon, polygons, random_problem, with_many_optima

from certify.decide.check import check_network
from certify.decide.options import CheckOptions
from certify.landscape.finding import find_landscape
from certify.landscape.functions import same_function
from certify.landscape.landscape import Landscape
from certify.landscape.polytope import polytope_of
from certify.problem.dataset import Dataset
from certify.problem.objective import Bias, Loss, Objective
from certify.problem.training import TrainingProblem, training_problem
from certify.verdict import Decision

OPTIONS = CheckOptions(time_limit=60)
COVERED = [oracle for oracle in ORACLES.values() if oracle.objective.hidden_bias is not Bias.FREE]


def landscape_of(oracle: Oracle) -> Landscape:
    return find_landscape(stated(oracle.dataset, oracle.objective), OPTIONS)


@pytest.mark.parametrize("oracle", COVERED, ids=lambda oracle: oracle.name)
def test_oracles(oracle: Oracle) -> None:
    """P*, predictions, m* and M* are the derived ones, and the list of directions is complete."""
    landscape = landscape_of(oracle)
    assert landscape.complete
    assert landscape.lower <= oracle.optimum * (1 + 1e-12)
    assert landscape.upper >= oracle.optimum * (1 - 1e-12)
    assert landscape.upper - landscape.lower <= 1e-11 * oracle.optimum
    polytope = polytope_of(landscape)
    assert polytope.complete
    if oracle.predictions is not None:
        assert landscape.predictions == pytest.approx(oracle.predictions, abs=1e-7)
    sizes = [int(np.sum(vertex > 0)) for vertex in polytope.vertices]
    assert oracle.least_width in (None, min(sizes))
    assert oracle.greatest_width in (None, max(sizes))


def test_two_optima_at_once() -> None:
    """O4: c1 in [0, h], c2 = c3 = (h - c1)/2; 1, 3, 1 components."""
    landscape = landscape_of(ORACLES["O4"])
    polytope = polytope_of(landscape)
    h = 1 - ORACLES["O4"].objective.weight_decay / 2
    middle = int(np.argmax(landscape.units[:, 1]))
    expected = np.full(3, h / 2)
    expected[middle] = h
    assert polytope.least == pytest.approx(np.zeros(3), abs=1e-12)
    assert polytope.largest == pytest.approx(expected)
    assert (polytope.rank.rank, polytope.dimension, same_function(polytope)) == (2, 1, False)
    assert polytope.staircase is not None
    assert [polytope.staircase.at(m).total for m in (1, 2, 3, 4)] == [1, 3, 1, 1]
    assert polytope.staircase.connected_from == 3
    assert polytope.edges is not None
    assert polytope.edges.tolist() == [[0, 1]]


def agrees(landscape: Landscape) -> None:
    """Directions, vertices and components are those of the brute force, and the optimum is one."""
    problem = landscape.problem
    polytope = polytope_of(landscape)
    known = optima(problem, landscape.predictions, landscape.constant)
    assert known.largest <= landscape.beta * (1 + 1e-9)
    if landscape.ambiguous:  # the slack cannot tell: the sure ones are those
        landscape = landscape.without_doubtful()
        polytope = polytope_of(landscape)
    assert landscape.complete or np.isfinite(landscape.next_best)
    assert len(landscape.units) == len(known.units)
    for unit, sign in zip(landscape.units, landscape.signs, strict=True):
        assert any(np.linalg.norm(unit - u) < 1e-6 and sign == s for u, s in zip(known.units, known.signs, strict=True))
    supports = {frozenset(np.flatnonzero(vertex > 0).tolist()) for vertex in polytope.vertices}
    assert supports == set(vertex_supports(polytope.columns, polytope.target))
    assert polytope.staircase is not None
    for width in range(1, min(5, len(landscape.units) + 1)):
        assert polytope.staircase.at(width).total == components(polytope.columns, polytope.target, width)
    for masses in polytope.vertices:
        value = problem.value(polytope.neurons(masses))
        assert value == pytest.approx(landscape.upper, rel=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_random_problems_of_every_degenerate_kind(kind: str) -> None:
    """A dozen each: three losses, biases absent, penalised and, on the output, free."""
    for seed in range(12):
        agrees(find_landscape(random_problem(kind, seed)[2], OPTIONS))


def planted(X: np.ndarray, seed: int) -> TrainingProblem:
    return stated(*with_many_optima(X, seed))


@pytest.mark.parametrize("corners", [(3,), (4,), (5,), (6,), (8,)])
def test_planted_problems_with_many_optima(corners: tuple[int, ...]) -> None:
    """Regular polygons: as many optimal directions as symmetries, more than independent ones."""
    landscape = find_landscape(planted(polygons(*corners), 1), OPTIONS)
    assert not landscape.ambiguous
    agrees(landscape)
    assert not polytope_of(landscape).unique


def test_one_function_or_many() -> None:
    """Of a hexagon's directions opposite pairs move the optimum without changing its function; a triangle's optima are many functions."""
    hexagon, triangle = (polytope_of(find_landscape(planted(polygon(k), 1), OPTIONS)) for k in (6, 3))
    X = np.random.default_rng(0).standard_normal((200, 2))
    for polytope, same in ((hexagon, True), (triangle, False)):
        values = [
            np.maximum(X @ polytope.landscape.units.T, 0.0) * polytope.landscape.signs @ vertex
            for vertex in polytope.vertices
        ]
        assert same_function(polytope) is same
        assert bool(np.max(np.ptp(values, axis=0)) < 1e-9) is same


def test_every_vertex_is_certified_by_a_check() -> None:
    """The networks of the polytope's points are global optima, whatever this room says."""
    data, goal, problem = random_problem("duplicate", 1)
    polytope = polytope_of(find_landscape(problem, OPTIONS))
    for masses in [*polytope.vertices, polytope.centre]:
        verdict = check_network(polytope.network(masses), data, goal, CheckOptions(eps=1e-9, time_limit=60))
        assert verdict.decision is Decision.CERTIFIED


def test_too_many_vertices_leave_true_bounds() -> None:
    """m* is enclosed, M* at most the rank; least and largest amplitudes are those of all vertices."""
    landscape = find_landscape(planted(polygons(4), 1), OPTIONS)
    whole, part = polytope_of(landscape), polytope_of(landscape, most_vertices=1)
    assert not part.complete
    assert part.least == pytest.approx(whole.least, abs=1e-9)
    assert part.largest == pytest.approx(whole.largest, abs=1e-9)
    lower, narrowest = part.narrowest
    sizes = [int(np.sum(vertex > 0)) for vertex in whole.vertices]
    assert lower <= min(sizes) <= np.sum(narrowest > 0)
    widest, upper = part.widest
    assert np.sum(widest > 0) <= max(sizes) <= upper == whole.rank.rank


def test_samples_of_weight_zero_are_left_out() -> None:
    """No optimum depends on them, and their predictions are free."""
    X, y = np.array([[-1.0], [1.0], [2.0]]), [1.0, 2.0, 50.0]
    landscape = find_landscape(stated(dataset(X, y, weight=[1.0, 1.0, 0.0]), objective(0.1)), OPTIONS)
    assert landscape.unweighted.tolist() == [2]
    assert landscape.upper == pytest.approx(0.29)
    assert len(landscape.units) == 2


@pytest.mark.parametrize(
    ("goal", "outputs", "reason"),
    [
        (objective(0.1, hidden_bias=Bias.FREE), 1, "need not be attained"),
        (objective(0.1, hidden_bias=Bias.FREE, output_bias=Bias.PENALIZED), 1, "need not be attained"),
        (objective(0.1), 2, "several outputs"),
    ],
)
def test_what_is_not_covered_says_why(goal: Objective, outputs: int, reason: str) -> None:
    """Bounds on P* where they are to be had, and no count of anything."""
    rng = np.random.default_rng(0)
    data = Dataset(rng.standard_normal((4, 2)), rng.standard_normal((4, outputs)))
    net = bare_network(2, goal)
    if outputs == 1:
        landscape = find_landscape(training_problem(net, data, goal), OPTIONS)
        assert landscape.not_covered is not None
        assert reason in landscape.not_covered
        assert not landscape.complete
        assert 0 < landscape.lower <= landscape.upper < np.inf


def test_a_direction_that_is_nearly_optimal_is_told_apart() -> None:
    """Correction 11: a direction within 1e-6 of beta is not optimal, and a fixed tolerance would list it."""
    delta = 1e-6
    # two orthogonal samples, gains nu_1 and nu_2: the second one's is short of beta by a share of delta
    X, beta = np.eye(2), 0.5
    y = [2.0, -beta * (1 - delta)]
    landscape = find_landscape(stated(dataset(X, y), objective(beta)), OPTIONS)
    assert not landscape.ambiguous
    assert landscape.complete
    assert len(landscape.units) == 1
    assert landscape.next_best == pytest.approx(beta * (1 - delta), rel=1e-9)


def test_predictions_and_slopes_fit() -> None:
    """nu is minus the slope of the loss at the predictions, for a loss that is not quadratic too."""
    problem = random_problem("general", 2)[2]
    assert problem.objective.loss is Loss.LOGISTIC
    landscape = find_landscape(problem, OPTIONS)
    assert landscape.nu == pytest.approx(negative_slope(landscape.problem, landscape.predictions), rel=1e-9)


@pytest.mark.parametrize(("rows", "targets"), [(2.0**-20, 1.0), (1e6, 1.0), (1.0, 1e-6), (1.0, 3e5), (1e-7, 1e7)])
def test_units_change_nothing(rows: float, targets: float) -> None:
    """(X, y) -> (s X, t y) with beta -> s t beta: the same directions and counts, told apart as well; F times t^2."""
    for kind in ("antipodal", "zero", "orthogonal"):
        data, goal, problem = random_problem(kind, 0)
        other = replace(goal, hidden_decay=goal.hidden_decay * rows**2, output_decay=goal.output_decay * targets**2)
        scaled = Dataset(data.X * rows, data.y * targets)
        first = find_landscape(problem, OPTIONS)
        second = find_landscape(training_problem(bare_network(data.inputs, other), scaled, other), OPTIONS)
        assert not second.ambiguous
        assert second.complete
        assert second.upper == pytest.approx(first.upper * targets**2, rel=1e-12)
        assert second.slack <= 1e-9 * second.beta
        assert len(first.units) == len(second.units)
        assert second.units == pytest.approx(first.units, abs=1e-9)
        masses = [np.sort(polytope_of(found).largest) for found in (first, second)]
        assert masses[1] == pytest.approx(masses[0] * targets / rows, rel=1e-6)
