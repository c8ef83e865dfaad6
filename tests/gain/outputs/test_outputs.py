"""k outputs: bounds on max over unit u of |nu' (Z u)_+| through the interface of one output."""

from __future__ import annotations

import numpy as np
import pytest

from certify.gain.engine import Question, bound_gain
from certify.gain.question import GainProblem, Limits
from certify.gain.quick import quick_gain_bound
from certify.rounding import round_to_zero_sum

CLOSE = Question(tolerance=1e-3)


def random_problem(seed: int, n: int, d: int, k: int, free_bias: bool = False) -> GainProblem:
    rng = np.random.default_rng(seed)
    rows, nu = rng.standard_normal((n, d)), rng.standard_normal((n, k))
    if free_bias:
        rows[:, -1] = 1.0
        nu = np.stack([round_to_zero_sum(column - column.mean(), 0) for column in nu.T], axis=1)
    return GainProblem(rows, nu, free_bias)


def sampled(problem: GainProblem, count: int = 100_000) -> float:
    """The largest gain of that many random directions."""
    directions = np.random.default_rng(1).standard_normal((count, problem.rows.shape[1]))
    sizes = np.linalg.norm(directions[:, :-1] if problem.free_bias else directions, axis=1)
    gains = np.maximum(problem.rows @ directions.T, 0.0).T @ problem.nu
    return float(np.max(np.linalg.norm(gains, axis=1) / sizes))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("n", "d", "k"), [(10, 2, 2), (8, 3, 2), (9, 2, 4), (5, 3, 2)])
def test_no_direction_exceeds_the_bound(seed: int, n: int, d: int, k: int) -> None:
    """A hundred thousand random directions stay below a bound that some direction attains to the tolerance."""
    problem = random_problem(seed, n, d, k)
    bound = bound_gain(problem, CLOSE, Limits())
    assert bound.settled and bound.upper <= bound.lower * (1 + 1.01e-3)
    assert sampled(problem) <= bound.upper
    assert problem.gain(bound.witnesses[0].direction) == pytest.approx(bound.lower, rel=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_a_free_bias_has_no_price_for_any_output(seed: int) -> None:
    """With a free bias, directions are measured without it, and the bound holds and is attained."""
    problem = random_problem(seed, 10, 3, 2, free_bias=True)
    bound = bound_gain(problem, CLOSE, Limits())
    assert bound.settled and bound.upper <= bound.lower * (1 + 1.01e-3)
    assert sampled(problem) <= bound.upper


def test_a_free_bias_needs_every_column_to_sum_to_zero() -> None:
    """One column that does not sum to zero makes the gain infinite: refused."""
    problem = random_problem(0, 10, 3, 2, free_bias=True)
    nu = problem.nu + np.array([0.0, 1e-9])
    with pytest.raises(ValueError, match="sum to exactly zero"):
        bound_gain(GainProblem(problem.rows, nu, True), CLOSE, Limits())
    assert quick_gain_bound(GainProblem(problem.rows, nu, True)) == np.inf


@pytest.mark.parametrize("seed", range(4))
def test_one_output_among_zeros_is_one_output(seed: int) -> None:
    """A single column, or one beside columns of zeros, has the bounds of the vector."""
    problem = random_problem(seed, 12, 3, 1)
    vector = bound_gain(GainProblem(problem.rows, problem.nu[:, 0]), CLOSE, Limits())
    for nu in (problem.nu, np.column_stack([problem.nu, np.zeros((12, 2))])):
        bound = bound_gain(GainProblem(problem.rows, nu), CLOSE, Limits())
        assert bound.upper == pytest.approx(vector.upper, rel=2e-3)


@pytest.mark.parametrize("seed", range(4))
def test_repeated_outputs_add_in_quadrature(seed: int) -> None:
    """Twice the same column gives sqrt(2) times its gain."""
    nu = random_problem(seed, 12, 3, 1).nu[:, 0]
    rows = random_problem(seed, 12, 3, 1).rows
    one = bound_gain(GainProblem(rows, nu), CLOSE, Limits())
    two = bound_gain(GainProblem(rows, np.column_stack([nu, nu])), CLOSE, Limits())
    assert two.upper == pytest.approx(np.sqrt(2) * one.upper, rel=2e-3)


@pytest.mark.parametrize("seed", range(4))
def test_turning_the_outputs_changes_nothing(seed: int) -> None:
    """An orthogonal map of the outputs leaves the gain where it is."""
    problem = random_problem(seed, 10, 3, 2)
    turn = np.linalg.qr(np.random.default_rng(seed).standard_normal((2, 2)))[0]
    plain, turned = (
        bound_gain(GainProblem(problem.rows, nu), CLOSE, Limits()) for nu in (problem.nu, problem.nu @ turn)
    )
    assert turned.upper == pytest.approx(plain.upper, rel=2e-3)


@pytest.mark.parametrize("seed", range(4))
def test_unit_rows_with_positive_outputs_give_a_spectral_norm(seed: int) -> None:
    """Z = I and nu >= 0: M is the largest singular value of nu, by Perron and Frobenius."""
    nu = np.random.default_rng(seed).random((3, 3))
    bound = bound_gain(GainProblem(np.eye(3), nu), CLOSE, Limits())
    assert bound.lower <= np.linalg.norm(nu, 2) * (1 + 1e-12) and np.linalg.norm(nu, 2) <= bound.upper
    assert bound.upper <= bound.lower * (1 + 1.01e-3)


@pytest.mark.parametrize("exponent", [-560, -100, 300])
def test_scales_near_the_ends_of_the_floats(exponent: int) -> None:
    """Inputs times a power of two: the bounds times it."""
    problem = random_problem(3, 8, 2, 2)
    plain = bound_gain(problem, CLOSE, Limits())
    scaled = bound_gain(GainProblem(np.ldexp(problem.rows, exponent), problem.nu), CLOSE, Limits())
    assert np.ldexp(plain.upper, exponent) == pytest.approx(scaled.upper, rel=3e-3, abs=0)


def test_the_bound_is_true_however_early_the_search_is_stopped() -> None:
    """Bounds fall with the nodes allowed and never pass below the largest gain; the quick bound is there from the start."""
    problem = random_problem(5, 20, 3, 3)
    truth = bound_gain(problem, CLOSE, Limits()).lower
    bounds = [bound_gain(problem, Question(starts=0), Limits(nodes=nodes)).upper for nodes in (0, 8, 64, 512)]
    assert all(truth <= bound < np.inf for bound in bounds)
    assert bounds == sorted(bounds, reverse=True) and bounds[-1] < bounds[0]


def test_parallel_and_repeated_rows_are_merged_output_by_output() -> None:
    """A row split into parallel copies changes nothing."""
    problem = random_problem(7, 6, 2, 2)
    rows, nu = np.vstack([problem.rows, 2 * problem.rows]), np.vstack([problem.nu / 2, problem.nu / 4])
    plain, split = bound_gain(problem, CLOSE, Limits()), bound_gain(GainProblem(rows, nu), CLOSE, Limits())
    assert split.upper == pytest.approx(plain.upper, rel=2e-3)
