"""The descent goes down: to the minimum where the function is smooth, close to it across kinks, and nowhere when told to stop."""

from __future__ import annotations

import numpy as np
import pytest

from certify.arrays import Floats
from certify.decide.quasi_newton import minimized


def never() -> bool:
    return False


@pytest.mark.parametrize("seed", range(5))
def test_a_quadratic_is_minimized(seed: int) -> None:
    """Of condition number 1e4: the gradient at the end is a hundred thousandth of what it was."""
    rng = np.random.default_rng(seed)
    axes = np.linalg.qr(rng.standard_normal((12, 12)))[0]
    A = axes.T * np.logspace(-2, 2, 12) @ axes
    b = rng.standard_normal(12)
    end = minimized(lambda x: (float(x @ A @ x / 2 - b @ x), A @ x - b), np.zeros(12), 500, never)
    assert np.linalg.norm(A @ end.x - b) <= 1e-5 * np.linalg.norm(b)


def test_a_curved_valley_is_followed() -> None:
    """Rosenbrock's function from its usual start."""

    def function(x: Floats) -> tuple[float, Floats]:
        a, b = x
        slope = np.array([-400 * a * (b - a * a) - 2 * (1 - a), 200 * (b - a * a)])
        return float(100 * (b - a * a) ** 2 + (1 - a) ** 2), slope

    assert minimized(function, np.array([-1.2, 1.0]), 200, never).x == pytest.approx([1.0, 1.0], abs=1e-6)


def test_kinks_do_not_end_the_descent() -> None:
    """sum k |x_k - 1|, all kinks at the minimum: the value falls by nine digits."""
    weights = np.arange(1.0, 9.0)

    def function(x: Floats) -> tuple[float, Floats]:
        return float(weights @ np.abs(x - 1)), weights * np.sign(x - 1)

    start = np.random.default_rng(0).standard_normal(8)
    assert minimized(function, start, 500, never).value <= 1e-9 * function(start)[0]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_no_numbers_lead_nowhere(bad: float) -> None:
    """Steps to where the function is not a number are not taken, nor any from there."""

    def function(x: Floats) -> tuple[float, Floats]:
        return (float(x @ x), 2 * x) if x[0] > 1.5 else (abs(bad), np.full(2, bad))

    assert np.isfinite(minimized(function, np.array([2.0, 2.0]), 50, never).value)
    assert np.array_equal(minimized(function, np.ones(2), 50, never).x, np.ones(2))


def test_it_stops_when_it_has_to() -> None:
    """No step is taken once it is told to stop, and no more than were allowed."""
    calls = []

    def function(x: Floats) -> tuple[float, Floats]:
        calls.append(x)
        return float(x @ x), 2 * x

    assert np.array_equal(minimized(function, np.ones(3), 50, lambda: True).x, np.ones(3))
    assert len(calls) == 1
    assert np.array_equal(minimized(function, np.ones(3), 0, never).x, np.ones(3))
