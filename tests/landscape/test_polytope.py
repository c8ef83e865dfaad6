"""What holds on all of the polytope of optima, on degenerate data: one F, and one count of components, by edges, all pairs and faces."""

from __future__ import annotations

import math

import numpy as np
import pytest
from exact import exact_objective
from optima_brute_force import components
from oracles import stated
from small_problems import KINDS, polygon, random_problem, with_many_optima

from certify.decide.options import CheckOptions
from certify.landscape.finding import find_landscape
from certify.landscape.polytope import Polytope, polytope_of
from certify.problem.dataset import Dataset
from certify.problem.objective import Objective

OPTIONS = CheckOptions(time_limit=60)


def flat(polytope: Polytope, data: Dataset, goal: Objective, points: int) -> None:
    """F of the networks of random points, in exact arithmetic."""
    rng = np.random.default_rng(0)
    value = float(exact_objective(polytope.network(polytope.vertices[0]), data, goal))
    for _ in range(points):
        shares = rng.exponential(size=len(polytope.vertices)) * (rng.random(len(polytope.vertices)) < 0.5)
        shares[rng.integers(len(shares))] += 1.0
        net = polytope.network(shares / np.sum(shares) @ polytope.vertices)
        assert float(exact_objective(net, data, goal)) == pytest.approx(value, rel=1e-12)


def joined_along(pairs: list[tuple[int, int]], supports: np.ndarray, width: int) -> int:
    """Components of a width, where vertices hang together along these pairs."""
    groups = [{int(k)} for k in np.flatnonzero(np.sum(supports, axis=1) <= width)]
    for one, other in pairs:
        if np.sum(supports[one] | supports[other]) <= width:
            touched = [group for group in groups if one in group or other in group]
            groups = [group for group in groups if group not in touched] + [set().union(*touched)]
    alone = sum(len(group) == 1 and all(np.sum(supports[k]) == width for k in group) for group in groups)
    return len(groups) - alone + alone * math.factorial(width)


def counted_alike(polytope: Polytope) -> None:
    """By the edges, by all pairs, by all faces, and by the staircase."""
    supports = polytope.vertices > 0
    assert polytope.edges is not None
    edges = [(int(a), int(b)) for a, b in polytope.edges]
    pairs = [(a, b) for b in range(len(supports)) for a in range(b)]
    assert polytope.staircase is not None
    for width in range(1, min(6, polytope.columns.shape[1] + 1)):
        counts = {
            joined_along(edges, supports, width),
            joined_along(pairs, supports, width),
            components(polytope.columns, polytope.target, width),
            polytope.staircase.at(width).total,
        }
        assert len(counts) == 1


@pytest.mark.parametrize("corners", [3, 4, 5, 6])
def test_polygons(corners: int) -> None:
    """Many vertices of several sizes."""
    data, goal = with_many_optima(polygon(corners))
    polytope = polytope_of(find_landscape(stated(data, goal), OPTIONS))
    assert len(polytope.vertices) > 1
    flat(polytope, data, goal, 10)
    counted_alike(polytope)


@pytest.mark.parametrize("kind", KINDS)
def test_degenerate_data(kind: str) -> None:
    """Three losses, biases absent, penalised and, on the output, free; the zero network alone is one point at every width."""
    seen = 0
    for seed in range(12, 20):
        data, goal, problem = random_problem(kind, seed)
        landscape = find_landscape(problem, OPTIONS)
        if landscape.complete and not landscape.ambiguous:
            polytope = polytope_of(landscape)
            flat(polytope, data, goal, 3)
            if np.any(polytope.vertices > 0):
                counted_alike(polytope)
                seen += 1
    assert seen >= 3
