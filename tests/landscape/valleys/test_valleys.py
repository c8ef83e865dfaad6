"""Every spurious minimum of small data is found, and nothing else is called one; descents find no more than the exhaustive search."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from exact import random_network
from oracles import ORACLES, dataset, objective

from certify.convex.blocks import Blocks
from certify.convex.polish import polish
from certify.convex.restricted import solve_restricted
from certify.gain.question import Limits
from certify.landscape.rank import activation_rank
from certify.landscape.stationary.report import Kind
from certify.landscape.stationary.stationary import stationary_network
from certify.landscape.valleys.exhaustive import every_width
from certify.landscape.valleys.seeded import sought_width
from certify.patterns.enumerate import enumerate_cones
from certify.problem.dataset import Dataset
from certify.problem.training import TrainingProblem, training_problem

GOAL = objective(0.1)


def of_oracle(name: str) -> TrainingProblem:
    oracle = ORACLES[name]
    return training_problem(oracle.networks[0].network, oracle.dataset, oracle.objective)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("O3", {1: [2.095], 2: []}),
        ("O8", {1: [0.595, 0.595], 2: [0.19]}),
        ("O8n 3", {1: [0.651863883, 1.095], 2: [0.23536228, 0.246863884, 0.69], 3: [0.227795825, 0.285]}),
    ],
)
def test_the_oracles_have_their_spurious_values(name: str, values: dict[int, list[float]]) -> None:
    """Derived by hand where an oracle states them (k separate neurons), and none at R + 1."""
    problem = of_oracle(name)
    rank = activation_rank(problem.rows).rank
    for width in every_width(problem, rank + 1, Limits()):
        assert width.exact
        found = sorted({round(m.value.upper, 8) for m in width.minima})
        assert found == pytest.approx(sorted(set(values.get(width.width, []))), abs=2e-8)


def small_problem(seed: int) -> tuple[TrainingProblem, Dataset]:
    """Four samples in the plane: eight patterns, some of the seeds with a duplicate or an opposite row."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(4, 2))
    if seed % 3 == 1:
        X[1] = X[0]
    if seed % 3 == 2:
        X[1] = -X[0]
    data = dataset(X, list(2 * rng.normal(size=4)))
    return training_problem(random_network(rng, 1, 2, GOAL), data, GOAL), data


def brute_force(problem: TrainingProblem, width: int) -> float:
    """P(m): the least optimum of all sets of m pairs, without leaving any out."""
    patterns = enumerate_cones(problem.rows).patterns
    pairs = [(p, s) for p in patterns for s in (1.0, -1.0)]
    least = np.inf
    for chosen in itertools.combinations(pairs, width):
        blocks = Blocks(np.array([p for p, _ in chosen]), np.array([s for _, s in chosen]), np.zeros((width, 2)))
        least = min(least, polish(problem, solve_restricted(problem, blocks, Limits()), Limits()).value)
    return float(least)


@pytest.mark.parametrize("seed", range(6))
def test_the_least_value_of_a_width_is_that_of_all_sets_of_pairs(seed: int) -> None:
    """What is left out is of no use."""
    problem, _ = small_problem(seed)
    for width in every_width(problem, 2, Limits()):
        assert width.least == pytest.approx(brute_force(problem, width.width), rel=1e-9)


@pytest.mark.parametrize("seed", range(6))
def test_every_witness_is_a_strict_local_minimum_of_its_width(seed: int) -> None:
    """By the other command's judgement, above the least value, with all its neurons."""
    problem, data = small_problem(seed)
    for width in every_width(problem, activation_rank(problem.rows).rank, Limits()):
        for minimum in width.minima:
            report = stationary_network(minimum.network, data, GOAL)
            assert report.kind is Kind.STRICT_LOCAL_MINIMUM
            assert minimum.network.width == width.width
            assert minimum.value.lower > width.least * (1 + 1e-8)


@pytest.mark.parametrize("seed", range(6))
def test_descents_find_a_part_of_what_there_is(seed: int) -> None:
    """Every value that descents end in above P(m) is on the exhaustive list."""
    problem, _ = small_problem(seed)
    for width in every_width(problem, 2, Limits()):
        sought = sought_width(problem, width.width, 15, seed, Limits(), np.inf)
        assert sought.least >= width.least * (1 - 1e-9)
        all_values = np.array([m.value.upper for m in width.minima])
        for minimum in sought.minima:
            above = minimum.value.upper > width.least * (1 + 1e-6)
            assert not above or np.min(np.abs(all_values - minimum.value.upper)) <= 1e-8 * minimum.value.upper


def test_a_limit_leaves_widths_undecided() -> None:
    """What was not finished is not called exact."""
    problem = of_oracle("O8n 3")
    assert not any(width.exact for width in every_width(problem, 3, Limits(deadline=0.0)))


def test_work_that_is_shared_out_comes_to_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes find what one does, to the bit."""
    from certify.landscape.valleys import pairs

    problem = of_oracle("O8n 3")
    alone = every_width(problem, 2, Limits())
    monkeypatch.setattr(pairs, "_WORTH_IT", 1)
    monkeypatch.setattr(pairs, "_CHUNK", 7)
    shared = every_width(problem, 2, Limits(), threads=2)
    for one, other in zip(alone, shared, strict=True):
        assert one.least == other.least
        assert [m.value for m in one.minima] == [m.value for m in other.minima]
