"""Gain problems for the tests of every engine: random, degenerate and extreme ones, and what is exact about them."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
from exact import dot, fractions, relu_sum

from certify._core.cones_search import explore
from certify.gain.question import GainProblem
from certify.rounding import round_to_zero_sum


def gaussian(seed: int, n: int, d: int, free_bias: bool = False) -> GainProblem:
    """Random rows and nu; with a free bias the last column is ones and nu sums to exactly zero."""
    rng = np.random.default_rng(seed)
    rows, nu = rng.standard_normal((n, d)), rng.standard_normal(n)
    if free_bias:
        rows[:, -1] = 1.0
        nu = round_to_zero_sum(nu - nu.mean(), 0)
    return GainProblem(rows, nu, free_bias)


def with_free_bias(inputs: np.ndarray, nu: np.ndarray) -> GainProblem:
    """The inputs with a column of ones, nu moved to an exact zero sum."""
    return GainProblem(np.column_stack([inputs, np.ones(len(inputs))]), round_to_zero_sum(nu - nu.mean(), 0), True)


def _degenerate() -> dict[str, GainProblem]:
    rng = np.random.default_rng(11)
    rows, nu = rng.standard_normal((8, 3)), rng.standard_normal(8)
    flat = rng.standard_normal((9, 2)) @ rng.standard_normal((2, 4))
    line = rng.standard_normal((7, 1))
    return {
        "one sample": GainProblem(np.array([[3.0, 4.0]]), np.array([-2.0])),
        "one input": GainProblem(line, rng.standard_normal(7)),
        "more inputs than samples": GainProblem(rng.standard_normal((3, 6)), np.array([1.0, -2.0, 0.5])),
        "rank deficient": GainProblem(flat, rng.standard_normal(9)),
        "duplicates": GainProblem(np.vstack([rows, rows, rows[:3]]), rng.standard_normal(19)),
        "duplicates that cancel": GainProblem(np.vstack([rows, rows]), np.concatenate([nu, -nu * np.arange(8)])),
        "parallel rows": GainProblem(np.vstack([rows, 3 * rows, 1e-3 * rows]), rng.standard_normal(24)),
        "opposite rows": GainProblem(np.vstack([rows, -rows]), rng.standard_normal(16)),
        "opposite rows of other lengths": GainProblem(
            np.vstack([rows, np.linspace(-0.1, -9, 8)[:, None] * rows]), np.concatenate([nu, -2 * nu])
        ),
        "opposite rows that cancel": GainProblem(np.vstack([rows, -rows]), np.concatenate([nu, -nu])),
        "zero rows": GainProblem(np.vstack([rows, np.zeros((3, 3))]), rng.standard_normal(11)),
        "zero dual entries": GainProblem(rows, nu * np.array([1, 0, 1, 0, 1, 1, 0, 1])),
        "one sign": GainProblem(rows, np.abs(nu)),
        "other sign": GainProblem(rows, -np.abs(nu)),
        "identity": GainProblem(np.eye(4), np.array([3.0, 4.0, -1.0, -2.0])),
        "grid": GainProblem(
            np.array([[i, j] for i in range(-2, 3) for j in range(-2, 3)], dtype=float), rng.standard_normal(25)
        ),
        "one heavy row": GainProblem(rows * np.array([1e8] + [1] * 7)[:, None], nu),
        "nearly parallel": GainProblem(np.vstack([rows, rows * (1 + 1e-13) + 1e-14]), rng.standard_normal(16)),
        "free bias": with_free_bias(rng.standard_normal((8, 2)), nu),
        "free bias, one input": with_free_bias(line, rng.standard_normal(7)),
        "free bias, far away": with_free_bias(rng.standard_normal((8, 2)) + 1e4, nu),
        "free bias, duplicates": with_free_bias(np.vstack([rows[:, :2], rows[:, :2]]), rng.standard_normal(16)),
        "free bias, same inputs": with_free_bias(np.ones((5, 2)), rng.standard_normal(5)),
    }


def scaled_copy(problem: GainProblem, row_exponent: int, nu_exponent: int) -> GainProblem:
    """Inputs times 2^row_exponent, nu times 2^nu_exponent, exactly; a free bias keeps its column of ones."""
    rows = np.ldexp(problem.rows, row_exponent)
    if problem.free_bias:
        rows[:, -1] = 1.0
    return GainProblem(rows, np.ldexp(problem.nu, nu_exponent), problem.free_bias)


DEGENERATE = _degenerate()


def with_walls(change: Callable[[np.ndarray], np.ndarray]) -> Callable[..., Any]:
    """`explore` for cones whose walls are lies, and with them every majorant, maximiser and edge."""

    def lie(V: np.ndarray, walls: np.ndarray, *rest: Any) -> Any:
        return explore(V, np.ascontiguousarray(change(walls)), *rest)

    return lie


def boasting(value: float) -> type:
    """Ascents that claim so much for where they start."""

    class Boast:
        def __init__(self, *_: np.ndarray) -> None:
            pass

        def ascend(self, start: np.ndarray, steps: int) -> tuple[np.ndarray, float]:
            return start, value

        def ascend_all(self, starts: np.ndarray, steps: int) -> tuple[np.ndarray, np.ndarray]:
            return starts, np.full(len(starts), value)

    return Boast


def exceeds(problem: GainProblem, direction: np.ndarray, bound: float) -> bool:
    """Whether the exact gain of the direction is above the bound: |nu.(Zu)_+|^2 > bound^2 |u|_P^2 in rationals."""
    u = fractions(direction)
    gain = relu_sum(fractions(problem.nu), problem.rows, u)
    size = dot(u[:-1], u[:-1]) if problem.free_bias else dot(u, u)
    return gain**2 > Fraction(bound) ** 2 * size
