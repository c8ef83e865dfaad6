"""The restricted program's parts: the direct solver against cvxpy, the design against its definition, pricing."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from oracles import dataset, objective, stated
from planted import random_data

from certify.convex.blocks import Blocks, blocks_of
from certify.convex.design import Design
from certify.convex.generation import ColumnGeneration
from certify.convex.polish import polish
from certify.convex.pricing import climbed
from certify.convex.restricted import solve_restricted
from certify.convex.sparse import from_entries, upper_triangle
from certify.convex.stated import solve_in_cvxpy
from certify.decide.options import CheckOptions
from certify.decide.solve import solve_dataset
from certify.gain.question import GainProblem, Limits
from certify.patterns.kkt import gain_by_enumeration
from certify.problem.dual import LowerBound, dual_vector, gain_problem, transferred_gain
from certify.problem.objective import Bias, Loss, Objective, Reduction
from certify.problem.training import TrainingProblem
from certify.rounding import round_to_zero_sum

GOALS = [objective(0.1, loss, Reduction.SUM, *biases) for loss, biases in product(Loss, product(Bias, Bias))]
EVERY_GOAL = pytest.mark.parametrize("goal", GOALS, ids=lambda g: f"{g.loss}-{g.hidden_bias}-{g.output_bias}")


def some_blocks(problem: TrainingProblem, count: int = 5, seed: int = 1) -> Blocks:
    """The blocks of random directions, of random signs."""
    rng = np.random.default_rng(seed)
    return blocks_of(problem, rng.standard_normal((count, problem.rows.shape[1])), rng.choice([-1.0, 1.0], count))


@EVERY_GOAL
@pytest.mark.parametrize("seed", range(3))
def test_both_statements_agree(goal: Objective, seed: int) -> None:
    """The program stated in cvxpy and the direct one have the same value, to 1e-8, and the same predictions."""
    problem = stated(random_data(goal, seed, n=9), goal)
    blocks = some_blocks(problem, seed=seed)
    direct, other = (
        polish(problem, s(problem, blocks, Limits()), Limits()) for s in (solve_restricted, solve_in_cvxpy)
    )
    assert direct.value == pytest.approx(other.value, rel=1e-8, abs=1e-10)
    assert direct.f == pytest.approx(other.f, abs=1e-4)


@pytest.mark.parametrize("goal", GOALS[::4], ids=str)
def test_both_engines_train_to_the_same_value(goal: Objective) -> None:
    """--engine cvxpy and the direct solver, to 1e-8."""
    data = random_data(goal, seed=2, n=8)
    values = [
        solve_dataset(data, goal, CheckOptions(eps=1e-6, engine=e)).verdict.value.upper for e in ("auto", "cvxpy")
    ]
    assert values[0] == pytest.approx(values[1], rel=1e-8, abs=1e-10)


@pytest.mark.parametrize("chunk", [1, 7, 1 << 22])
def test_the_design_is_what_it_says(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Predictions, transpose and Gram matrix are those of the matrix s_k D_k Z, however it is cut into pieces."""
    from certify.convex import design as module

    monkeypatch.setattr(module, "_CHUNK", chunk)
    problem = stated(random_data(GOALS[0], 0, n=11, d=3), GOALS[0])
    blocks = some_blocks(problem)
    design = Design(problem, blocks)
    rng = np.random.default_rng(0)
    w, r, weights = rng.standard_normal((blocks.count, 3)), rng.standard_normal(11), rng.uniform(size=11)
    full = np.hstack([s * p[:, None] * problem.rows for s, p in zip(blocks.signs, blocks.patterns, strict=True)])
    assert design.predictions(w) == pytest.approx(full @ w.ravel())
    assert design.transposed(r).ravel() == pytest.approx(full.T @ r)
    with_ones = np.column_stack([full, np.ones(11)])
    gram = design.gram(weights)
    assert gram == pytest.approx(with_ones.T @ (weights[:, None] * with_ones))
    kept = np.arange(blocks.count) % 2 == 0
    assert design.keep(kept).gram(weights) == pytest.approx(Design(problem, blocks.keep(kept)).gram(weights))


def test_sparse_columns() -> None:
    """Entries in any order give the columns that scipy gives; of a symmetric matrix the upper triangle."""
    from scipy import sparse

    rng = np.random.default_rng(0)
    dense = rng.standard_normal((6, 4)) * (rng.uniform(size=(6, 4)) < 0.5)
    rows, columns = np.nonzero(dense)
    order = rng.permutation(rows.size)
    ours = from_entries(rows[order], columns[order], dense[rows, columns][order], dense.shape)
    theirs = sparse.csc_matrix(dense)
    for name in ("indptr", "indices", "data"):
        assert np.array_equal(getattr(ours, name), getattr(theirs, name))
    assert (ours.shape, ours.nnz) == (theirs.shape, theirs.nnz)
    square = dense[:4] + dense[:4].T
    upper = upper_triangle(square, 6)
    assert np.array_equal(
        sparse.csc_matrix((upper.data, upper.indices, upper.indptr), upper.shape).toarray()[:4, :4], np.triu(square)
    )


@pytest.mark.parametrize("free_bias", [False, True])
@pytest.mark.parametrize("seed", range(8))
def test_pricing_finds_the_largest_gain(seed: int, free_bias: bool) -> None:
    """On small random problems some start gets near the maximum that enumeration proves, and no gain is above it."""
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((14, 3))
    nu = rng.standard_normal(14)
    if free_bias:
        rows[:, -1] = 1.0
        nu = round_to_zero_sum(nu - nu.mean(), 0)
    problem = GainProblem(rows, nu, free_bias)
    reference = gain_by_enumeration(problem)
    found = climbed(problem, np.zeros((0, 3)), 64, rng, 0.0, Limits())
    assert [v.gain for v in found] == sorted((v.gain for v in found), reverse=True)
    assert 0.9 * reference.lower <= found[0].gain <= reference.upper * (1 + 1e-12)
    for violator in found:
        assert violator.sign * problem.gain(violator.direction) == pytest.approx(violator.gain)
    assert not climbed(problem, np.zeros((0, 3)), 64, rng, reference.upper * (1 + 1e-9), Limits())


def test_pricing_sees_all_the_samples_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many samples only some are climbed over at first; the gains reported are those of all."""
    from certify.convex import pricing

    monkeypatch.setattr(pricing, "_MOST_SAMPLES", 20)
    rng = np.random.default_rng(0)
    problem = GainProblem(rng.standard_normal((300, 2)), rng.standard_normal(300))
    found = climbed(problem, np.zeros((0, 2)), 32, rng, 0.0, Limits())
    assert found
    assert all(abs(problem.gain(v.direction)) == pytest.approx(v.gain) for v in found)


def test_columns_are_added_from_all_sides() -> None:
    """Of thirty directions in one cone of neighbours and three elsewhere, the three are among those added first."""
    problem = stated(dataset(np.random.default_rng(0).standard_normal((60, 3)), np.ones(60)), objective(0.1))
    generation = ColumnGeneration(problem, blocks_of(problem, np.zeros((0, 3)), np.zeros(0)))
    rng = np.random.default_rng(1)
    axis = np.array([1.0, 0.0, 0.0])
    near = [axis + 0.2 * rng.standard_normal(3) for _ in range(30)]
    far = [-axis, np.array([0.0, 1.0, 0.0]), np.array([0.0, 0.0, 1.0])]
    gain = GainProblem(problem.rows, np.ones(60))
    from certify.gain.question import Violator

    violators = [Violator(u, 1, 1.0) for u in [*near, *far]]
    assert generation.add(violators)
    added = blocks_of(problem, np.array(far), np.ones(3))
    assert all(any(np.array_equal(p, q) for q in generation.blocks.patterns) for p in added.patterns)
    assert generation.blocks.count <= 12
    assert gain.gain(axis) > 0


@EVERY_GOAL
def test_a_gain_is_carried_over_to_a_dual_vector_nearby(goal: Objective) -> None:
    """The bound transferred holds (enumeration), and is close where the vectors are."""
    problem = stated(random_data(goal, 3, n=7), goal)
    rng = np.random.default_rng(0)
    nu, near = (dual_vector(problem, f[:, None]) for f in np.array([[0.0], [1e-6]]) * rng.standard_normal(7))
    known = gain_by_enumeration(gain_problem(problem, nu))
    exact = gain_by_enumeration(gain_problem(problem, near))
    carried = transferred_gain(problem, near, LowerBound(0.0, nu, known))
    assert exact.lower <= carried <= exact.upper * (1 + 1e-3) + 1e-4


def test_nothing_is_carried_over_from_nothing() -> None:
    """Without a proved gain, or with vectors that do not sum to zero where they must, the bound is infinite."""
    goal = objective(0.1, hidden_bias=Bias.FREE)
    problem = stated(random_data(goal, 3, n=7), goal)
    nu = dual_vector(problem, np.zeros((7, 1)))
    known = LowerBound(0.0, nu, gain_by_enumeration(gain_problem(problem, nu)))
    assert transferred_gain(problem, nu, LowerBound()) == np.inf
    assert transferred_gain(problem, nu + 1.0, known) == np.inf
    assert transferred_gain(problem, np.full((7, 1), np.nan), known) == np.inf
    assert transferred_gain(problem, nu, known) < np.inf
