"""The reduced gain problem: smaller, of order one, and never of a smaller maximum than what it stands for."""

from __future__ import annotations

import numpy as np
import pytest
from gain_cases import DEGENERATE, gaussian, scaled_copy

from certify.gain.engine import Question, bound_gain
from certify.gain.question import GainProblem, Limits
from certify.gain.reduction import ReducedGain, merge_parallel, reduce_gain, turn_opposite

EVERY_CASE = pytest.mark.parametrize("problem", DEGENERATE.values(), ids=DEGENERATE)


def reduced_gain(reduced: ReducedGain, v: np.ndarray) -> float:
    """|nu . (Z v)_+| of the reduced problem, at v of its norm 1."""
    size = np.linalg.norm(v / reduced.dual_scale)
    return abs(float(reduced.nu @ np.maximum(reduced.rows @ v, 0.0))) / size


@EVERY_CASE
@pytest.mark.parametrize("row_exponent", [0, 500, -500])
def test_no_direction_gains_more_than_its_reduction(problem: GainProblem, row_exponent: int) -> None:
    """The gain of a direction is at most the bound that the reduced direction's own gain would prove."""
    problem = scaled_copy(problem, row_exponent, -200)
    reduced = reduce_gain(problem)
    rng = np.random.default_rng(0)
    directions = rng.standard_normal((50, problem.rows.shape[1]))
    if problem.free_bias:  # only biases with a kink among the samples matter
        between = rng.dirichlet(np.ones(len(problem.rows)), 50) @ problem.rows[:, :-1]
        directions[:, -1] = -np.sum(between * directions[:, :-1], axis=1)
    for direction in directions:
        gain = abs(problem.gain(direction))
        if gain > 0 and reduced.nu.size:
            bound = reduced.original_bound(reduced_gain(reduced, reduced.lower(direction)))
            # the norm of the reduced direction counts the tiny weight of a free bias
            assert gain <= bound * (1 + 1e-7) + 1e-9 * reduced.original_value(1.0)


@EVERY_CASE
def test_lifted_directions_keep_their_gain(problem: GainProblem) -> None:
    """A reduced direction and its lift have the same gain, up to the error that is accounted for."""
    reduced = reduce_gain(problem)
    if not reduced.nu.size:
        return
    for v in np.random.default_rng(1).standard_normal((20, reduced.rank)):
        u = reduced.lift(v)
        inside = float(reduced.nu @ np.maximum(reduced.rows @ v, 0.0))
        outside = float(problem.nu @ np.maximum(problem.rows @ u, 0.0))
        scale = reduced.original_value(float(np.abs(reduced.nu) @ np.linalg.norm(reduced.rows, axis=1)))
        assert np.copysign(reduced.original_value(abs(inside)), inside) == pytest.approx(outside, abs=1e-9 * scale)


@EVERY_CASE
def test_rank_and_size_are_the_least(problem: GainProblem) -> None:
    """Rows that are zero, unused or parallel to another are gone, and the dimension is that of the row space of what is left."""
    reduced = reduce_gain(problem)
    used = problem.rows[(problem.nu != 0) & np.any(problem.rows != 0, axis=1)]
    assert reduced.nu.size <= len(used)
    assert np.all(reduced.nu != 0)
    if reduced.nu.size:
        unit = reduced.rows / np.linalg.norm(reduced.rows, axis=1)[:, None]
        cosines = unit @ unit.T - 2 * np.eye(len(unit))
        assert np.max(cosines) < 1 - 1e-15
        assert reduced.rank <= problem.rows.shape[1]
        if not problem.free_bias:
            assert reduced.rank == np.linalg.matrix_rank(reduced.rows) <= np.linalg.matrix_rank(used)


@pytest.mark.parametrize("free_bias", [False, True])
@pytest.mark.parametrize("exponents", [(-500, 0), (500, 0), (-500, 1000), (300, -900), (-1000, 900)])
def test_powers_of_two_change_only_the_exponent(free_bias: bool, exponents: tuple[int, int]) -> None:
    """Scaling inputs and nu by powers of two leaves the reduced arrays bit for bit."""
    problem = gaussian(3, 12, 3, free_bias)
    before, after = reduce_gain(problem), reduce_gain(scaled_copy(problem, *exponents))
    assert np.array_equal(before.rows, after.rows)
    assert np.array_equal(before.nu, after.nu)
    assert (before.factor, before.error) == (after.factor, after.error)
    assert after.exponent - before.exponent == sum(exponents)


def test_what_is_left_out_is_counted() -> None:
    """A row too light to search for is an error of the bound, not forgotten."""
    reduced = reduce_gain(GainProblem(np.eye(2), np.array([1.0, 2.0**-120])))
    assert reduced.nu.size == 1
    assert reduced.original_value(reduced.error) >= 2.0**-120


def test_merging_counts_its_drift() -> None:
    """Rows that are parallel to twelve digits only: what the merged row misses is in the error."""
    rng = np.random.default_rng(4)
    rows = rng.standard_normal((5, 3))
    rows = np.vstack([rows, 2 * rows + 1e-14 * rng.standard_normal((5, 3))])
    nu = rng.standard_normal(10)
    merged, weights, error = merge_parallel(rows, nu)
    for u in rng.standard_normal((200, 3)):
        u /= np.linalg.norm(u)
        difference = nu @ np.maximum(rows @ u, 0) - weights @ np.maximum(merged @ u, 0)
        assert abs(difference) <= error + 1e-14
    assert len(merged) < len(rows)


def test_turning_counts_its_drift() -> None:
    """Rows that are opposite to twelve digits only: what the turned row misses is in the error; no rows become more."""
    rng = np.random.default_rng(5)
    rows = rng.standard_normal((5, 3))
    rows = np.vstack([rows, -3 * rows + 1e-14 * rng.standard_normal((5, 3))])
    nu = rng.standard_normal(10)
    nu[5:] = -np.sign(nu[:5]) * np.abs(nu[5:])
    turned, weights, error = turn_opposite(rows, nu)
    for u in rng.standard_normal((200, 3)):
        u /= np.linalg.norm(u)
        difference = nu @ np.maximum(rows @ u, 0) - weights @ np.maximum(turned @ u, 0)
        assert abs(difference) <= error + 1e-14
    assert len(turned) == 7  # five hinges, and the linear part as two


def test_rows_that_cancel_leave_something_linear() -> None:
    """nu (x)_+ - nu (-x)_+ = nu x: the gain is the length of a vector, which the bound knows to its last digits."""
    rng = np.random.default_rng(6)
    rows, nu = rng.standard_normal((6, 3)), rng.standard_normal(6)
    problem = GainProblem(np.vstack([rows, -rows]), np.concatenate([nu, -nu]))
    bound = bound_gain(problem, Question(tolerance=1e-9), Limits())
    assert bound.lower <= np.linalg.norm(nu @ rows) * (1 + 1e-14)
    assert np.linalg.norm(nu @ rows) * (1 - 1e-14) <= bound.upper <= bound.lower * (1 + 1e-8)


def test_a_free_bias_needs_an_exact_zero_sum() -> None:
    """With a free bias and any other sum the gain is infinite, and the reduction refuses."""
    problem = gaussian(5, 6, 2, free_bias=True)
    problem.nu[0] = np.nextafter(problem.nu[0], 2.0)
    with pytest.raises(ValueError, match="exactly zero"):
        reduce_gain(problem)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("where", ["rows", "nu"])
def test_what_is_not_finite_has_no_finite_bound(bad: float, where: str) -> None:
    """NaN or infinity leaves a reduction that proves nothing."""
    problem = gaussian(6, 5, 2)
    getattr(problem, where).flat[1] = bad
    with np.errstate(all="ignore"):
        assert reduce_gain(problem).original_bound(0.0) == np.inf
