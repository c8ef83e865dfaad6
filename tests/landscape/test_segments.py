"""With a free hidden bias, and a free output bias, optimal directions are segments of biases."""

from __future__ import annotations

import numpy as np
import pytest
from optima_brute_force import components, negative_slope, optima, segments, vertex_supports
from oracles import bare_network
from small_problems import KINDS, OBJECTIVES, rows_of

from certify.decide.check import check_network
from certify.decide.options import CheckOptions
from certify.landscape.answers import answers_of, blocks_of_landscape, placed
from certify.landscape.finding import find_landscape
from certify.landscape.functions import same_function
from certify.landscape.landscape import Landscape
from certify.landscape.polytope import polytope_of
from certify.problem.dataset import Dataset
from certify.problem.objective import Bias, Loss, Objective, Reduction
from certify.problem.training import training_problem
from certify.verdict import Decision

OPTIONS = CheckOptions(time_limit=60)
pytestmark = pytest.mark.slow  # together: `make test-fast` leaves them out


def free_problem(kind: str, seed: int) -> tuple[Dataset, Objective]:
    """Few samples in one or two dimensions, both biases free; labels of both kinds, where they are labels."""
    rng = np.random.default_rng((KINDS.index(kind), seed))
    n, d = int(rng.integers(3, 7)), int(rng.integers(1, 3))
    X = rows_of(kind, n, d, rng) if d > 1 else rng.integers(-2, 3, (n, 1)).astype(float)
    y = rng.standard_normal(n) if seed % 2 else rng.integers(-2, 3, n).astype(float)
    loss, reduction = OBJECTIVES[seed % 3]
    if loss is Loss.LOGISTIC:
        y = np.where(np.arange(n) % 2 == 0, 1.0, -1.0)
    beta = float(rng.uniform(0.02, 0.3)) / (n if reduction is Reduction.MEAN else 1)
    return Dataset(X, y[:, None]), Objective(loss, reduction, beta, beta, Bias.FREE, Bias.FREE)


def found(data: Dataset, goal: Objective) -> Landscape:
    return find_landscape(training_problem(bare_network(data.inputs, goal), data, goal), OPTIONS)


def goal_is_logistic(landscape: Landscape) -> bool:
    return landscape.problem.objective.loss is Loss.LOGISTIC


@pytest.mark.parametrize("kind", KINDS)
def test_ends_segments_and_components_are_those_of_brute_force(kind: str) -> None:
    """Every end of a segment is listed, ends are paired where all between them is optimal, and widths count segments."""
    for seed in range(9):
        landscape = found(*free_problem(kind, seed))
        if landscape.not_covered is not None:
            assert "touch" in landscape.not_covered
            continue
        assert landscape.complete
        if (
            landscape.slack > 1e-6 * landscape.beta
        ):  # saturated labels: the optimum is flat, and the list may be doubtful
            assert goal_is_logistic(landscape)
            continue
        assert not landscape.ambiguous
        polytope = polytope_of(landscape)
        problem = landscape.problem
        known = optima(problem, landscape.predictions, landscape.constant)
        assert known.largest <= landscape.beta * (1 + 1e-9)
        assert len(known.units) == len(landscape.units)
        for unit, sign in zip(landscape.units, landscape.signs, strict=True):
            near = np.linalg.norm(known.units - unit, axis=1) < 1e-6 * (1 + np.linalg.norm(unit))
            assert np.any(near & (known.signs == sign))
        supports = {frozenset(np.flatnonzero(vertex > 0).tolist()) for vertex in polytope.vertices}
        assert supports == set(vertex_supports(polytope.columns, polytope.target))
        groups = segments(problem, known, negative_slope(problem, landscape.predictions))
        assert len(groups) == len(polytope.membership)
        assert polytope.staircase is not None
        for width in range(1, len(groups) + 2):
            assert polytope.staircase.at(width).total == components(known.columns, known.target, width, groups)


@pytest.mark.parametrize("seed", range(6))
def test_every_vertex_is_certified(seed: int) -> None:
    """With one neuron a segment, its bias where the ends' masses balance."""
    data, goal = free_problem("general", seed)
    polytope = polytope_of(found(data, goal))
    for masses in [*polytope.vertices[:4], polytope.centre]:
        network = polytope.network(masses)
        assert network.width == max(1, polytope.atoms(masses))
        verdict = check_network(network, data, goal, CheckOptions(eps=1e-8, time_limit=60))
        assert verdict.decision is Decision.CERTIFIED


def test_counting_end_points_would_be_wrong() -> None:
    """Correction 9: both ends of a segment together are one neuron between them, so that vertices of the ends' polytope have too many."""
    cases = [found(*free_problem(kind, seed)) for kind in ("grid", "line", "antipodal") for seed in range(9)]
    together = [
        (polytope, vertex)
        for polytope in (polytope_of(case) for case in cases if case.not_covered is None)
        for vertex in polytope.vertices
        if np.sum(vertex > 0) > polytope.atoms(vertex)
    ]
    assert together
    for polytope, vertex in together[:3]:
        network = polytope.network(vertex)
        assert network.width == polytope.atoms(vertex) < np.sum(vertex > 0)
        assert polytope.landscape.problem.value(polytope.neurons(vertex)) == pytest.approx(
            polytope.landscape.upper, rel=1e-9
        )
        assert not same_function(polytope)
        assert not polytope.unique


def test_an_unbounded_segment_is_no_isolated_network() -> None:
    """Two samples on a line: one neuron that is active on both, whose bias grows at the output bias's cost."""
    data = Dataset(np.array([[0.0], [1.0]]), np.array([[0.0], [1.0]]))
    landscape = found(data, Objective(Loss.HALF_SQUARED, Reduction.SUM, 0.1, 0.1, Bias.FREE, Bias.FREE))
    answers = answers_of(landscape)
    assert np.any(landscape.unbounded)
    assert answers.least_width == (1, 1)
    assert answers.staircase is not None
    assert answers.staircase.at(1).isolated == 0
    blocks = blocks_of_landscape(landscape)
    assert any(block.biases is not None and block.biases[1] is None for block in blocks)
    moved = answers.polytope.neurons(answers.polytope.narrowest[1])
    directions, _ = placed(landscape, moved)
    assert directions.tolist() == [
        int(np.argmax(answers.polytope.in_blocks(answers.polytope.narrowest[1][None])[0] > 0))
    ]
