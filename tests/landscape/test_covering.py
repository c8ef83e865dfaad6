"""Directions of nearly the largest gain by a covering of the sphere: those that listing all patterns finds, and no others."""

from __future__ import annotations

import numpy as np
import pytest
from command_line import ROOT
from small_problems import KINDS, rows_of

from certify.decide.options import CheckOptions
from certify.decide.solve import zero_network
from certify.files import load_dataset
from certify.gain.question import GainProblem, Limits
from certify.landscape.covering import maximisers_by_covering, sides_within
from certify.landscape.directions import maximisers_by_patterns
from certify.landscape.finding import find_landscape
from certify.landscape.polytope import polytope_of
from certify.patterns.enumerate import enumerate_cones
from certify.problem.objective import Bias, Loss, Objective, Reduction
from certify.problem.training import training_problem


def random_gain(kind: str, n: int, d: int, seed: int) -> GainProblem:
    rng = np.random.default_rng(seed)
    return GainProblem(rows_of(kind, n, d, rng), rng.standard_normal(n))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("share", [1e-4, 1e-2, 0.2])
def test_the_same_directions_as_from_all_patterns(kind: str, share: float) -> None:
    """Every one above the floor, whatever the floor; what is left out is below it, and M is bounded as sharply."""
    for n, d, seed in ((8, 2, 1), (14, 3, 2), (10, 4, 3)):
        problem = random_gain(kind, n, d, seed)
        cones = enumerate_cones(problem.rows)
        largest = maximisers_by_patterns(problem, cones, 0.0, 1e-7, Limits()).upper
        if largest < 1e-9:
            continue
        floor = largest * (1 - share)
        expected = maximisers_by_patterns(problem, cones, floor, 1e-7, Limits())
        found = maximisers_by_covering(problem, floor, 1e-7, Limits())
        assert found.settled
        assert len(found.units) == len(expected.units)
        assert np.sort(found.gains) == pytest.approx(np.sort(expected.gains), rel=1e-12)
        for unit in found.units:
            assert np.min(np.linalg.norm(expected.units - unit, axis=1)) < 1e-7
        assert expected.next_best * (1 - 1e-12) <= found.next_best
        assert found.upper == pytest.approx(largest, rel=1e-12)


def test_a_limit_leaves_nothing_that_passes_for_an_answer() -> None:
    """Cut short, everything is left out, and M is bounded by nothing."""
    found = maximisers_by_covering(random_gain("general", 30, 4, 1), 1e-3, 1e-7, Limits(nodes=5))
    assert not found.settled
    assert found.next_best == found.upper == np.inf


def test_no_pattern_of_a_cone_is_left_out() -> None:
    """All sides that random points of the cone show are among those listed, and clearly impossible ones are not."""
    rng = np.random.default_rng(0)
    for _ in range(50):
        heights = rng.uniform(-1, 1, (5, 3))
        sides = sides_within(heights, 32)
        assert sides is not None
        shown = {tuple(row) for row in (rng.dirichlet(np.ones(3), 500) @ heights.T > 0)}
        assert shown <= {tuple(row) for row in sides}
    # one hyperplane ahead of another all over the cone: not on the positive side of the second alone
    sides = sides_within(np.array([[1.0, -0.5], [0.5, -1.0]]), 4)
    assert sides is not None
    assert {tuple(row) for row in sides} == {(True, True), (True, False), (False, False)}
    assert sides_within(rng.uniform(-1, 1, (5, 3)), 2) is None


@pytest.mark.slow
def test_iris_is_too_large_for_its_patterns_and_covered_all_the_same() -> None:
    """150 samples, four inputs and a bias: tens of millions of patterns."""
    data = load_dataset(ROOT / "fixtures/iris.npz").dataset
    goal = Objective(Loss.HALF_SQUARED, Reduction.SUM, 15.0, 15.0, Bias.PENALIZED, Bias.NONE)
    problem = training_problem(zero_network(data.inputs, True, False), data, goal)
    landscape = find_landscape(problem, CheckOptions(time_limit=120))
    assert landscape.complete
    assert landscape.method == "covering"
    assert landscape.upper == pytest.approx(21.1184806873, rel=1e-10)
    assert landscape.slack <= 1e-9 * landscape.beta
    polytope = polytope_of(landscape)
    assert polytope.unique
    assert len(landscape.units) == 4
