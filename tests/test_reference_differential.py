"""The search engine and the reference engine answer the same question; they must not contradict one another."""

from __future__ import annotations

import numpy as np
import pytest

from certify.bounds.engine import Question, bound_gain
from certify.bounds.interface import GainProblem, Limits
from certify.bounds.quick import quick_gain_bound
from certify.reference.kkt import gain_by_enumeration
from certify.rounding import round_to_zero_sum


def small_problem(seed: int, degenerate: bool, free_bias: bool) -> GainProblem:
    """Up to 20 rows of rank up to 4: Gaussian, or small integers with copies, opposites, zeros and dependent columns."""
    rng = np.random.default_rng(seed)
    n, dimension = int(rng.integers(1, 21)), int(rng.integers(1 + free_bias, 5))
    rows = rng.standard_normal((n, dimension))
    nu = rng.standard_normal(n) * rng.choice([1.0, 1e-3], n)
    if degenerate:
        rows = rng.integers(-2, 3, (n, dimension)).astype(float)
        nu = rng.integers(-3, 4, n).astype(float)
    if free_bias:
        rows[:, -1] = 1.0
        nu = round_to_zero_sum(nu - nu.mean(), 0)
    return GainProblem(rows, nu, free_bias)


@pytest.mark.parametrize("free_bias", [False, True])
@pytest.mark.parametrize("degenerate", [False, True])
@pytest.mark.parametrize("seed", range(25))
def test_engines_agree(seed: int, degenerate: bool, free_bias: bool) -> None:
    """Each engine's lower bound is at most every other's upper bound, and settled bounds agree to eight digits."""
    problem = small_problem(seed, degenerate, free_bias)
    reference = gain_by_enumeration(problem)
    search = bound_gain(problem, Question(), Limits())
    assert reference.lower <= search.upper
    assert search.lower <= reference.upper
    assert reference.upper <= quick_gain_bound(problem)
    scale = float(np.abs(problem.nu) @ np.linalg.norm(problem.rows, axis=1))
    assert search.upper == pytest.approx(reference.lower, rel=1e-7, abs=1e-10 * scale)
    assert search.lower == pytest.approx(reference.upper, rel=1e-7, abs=1e-10 * scale)
