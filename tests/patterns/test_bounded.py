"""Least squares within bounds: the compiled active-set method ends where the optimality conditions hold."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import nnls

from certify._core.bounded import bounded_least_squares


def case(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vectors, target and bounds: generic or small integers with dependences, in reach or not, bounded or not."""
    rng = np.random.default_rng(seed)
    k, d = int(rng.integers(1, 12)), int(rng.integers(1, 8))
    vectors = rng.integers(-2, 3, (k, d)).astype(float) if seed % 3 == 0 else rng.standard_normal((k, d))
    target = rng.uniform(0, 1, k) @ vectors if seed % 5 == 0 else rng.standard_normal(d) * rng.choice([0.1, 1.0, 10.0])
    return vectors, target, np.where(rng.random(k) < 0.5, np.inf, rng.choice([1.0, 0.3], k))


@pytest.mark.parametrize("seed", range(300))
def test_the_conditions_of_an_optimum_hold(seed: int) -> None:
    """No unknown can move within its bounds such that the residual gets shorter."""
    vectors, target, upper = case(seed)
    x = bounded_least_squares(vectors, target, upper)
    assert np.all(x >= 0) and np.all(x <= upper)
    slope = vectors @ (target - x @ vectors)
    scale = np.maximum(np.linalg.norm(vectors, axis=1), 1e-300) * np.linalg.norm(target)
    assert np.all(slope[x < upper] <= 1e-12 * scale[x < upper])
    assert np.all(slope[x > 0] >= -1e-12 * scale[x > 0])


@pytest.mark.parametrize("seed", range(20))
def test_without_upper_bounds_it_is_nonnegative_least_squares(seed: int) -> None:
    """The residual is as short as scipy's, also where many vectors nearly coincide."""
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((30, 6)) * 1e-6 + rng.standard_normal(6)
    target = rng.standard_normal(6)
    x = bounded_least_squares(vectors, target, np.full(30, np.inf))
    assert np.linalg.norm(target - x @ vectors) <= nnls(vectors.T, target)[1] * (1 + 1e-6)


def test_degenerate_sizes() -> None:
    """No unknowns, zero vectors, a bound of zero; shapes that do not fit are an error."""
    assert bounded_least_squares(np.zeros((0, 3)), np.ones(3), np.zeros(0)).shape == (0,)
    assert bounded_least_squares(np.zeros((2, 3)), np.ones(3), np.ones(2)).tolist() == [0.0, 0.0]
    assert bounded_least_squares(np.ones((1, 1)), np.ones(1), np.zeros(1)).tolist() == [0.0]
    with pytest.raises(ValueError, match="2 vectors of 3 entries, 2 to reach"):
        bounded_least_squares(np.zeros((2, 3)), np.ones(2), np.ones(2))
