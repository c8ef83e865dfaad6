"""The search engine and the reference engine answer the same question; they must not contradict one another."""

from __future__ import annotations

import numpy as np
import pytest

from certify.gain.engine import Question, bound_gain
from certify.gain.question import GainProblem, Limits
from certify.gain.quick import quick_gain_bound
from certify.patterns.kkt import gain_by_enumeration
from certify.rounding import round_to_zero_sum


def small_problem(seed: int, degenerate: bool, free_bias: bool) -> GainProblem:
    """Up to 20 rows of rank up to 4: Gaussian, or small integers with copies, opposites, zeros, dependent columns."""
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
@pytest.mark.parametrize("seed", range(12))
def test_engines_agree(seed: int, degenerate: bool, free_bias: bool) -> None:
    """No engine's lower bound is above another's upper bound, and the search ends within the tolerance it was given."""
    problem = small_problem(seed, degenerate, free_bias)
    reference = gain_by_enumeration(problem)
    search = bound_gain(problem, Question(tolerance=1e-6), Limits())
    assert reference.lower <= search.upper
    assert search.lower <= reference.upper
    assert reference.lower <= quick_gain_bound(problem)
    assert search.settled
    assert search.upper <= reference.upper * (1 + 2e-6) + 1e-290
    assert search.lower >= reference.lower * (1 - 2e-6)
