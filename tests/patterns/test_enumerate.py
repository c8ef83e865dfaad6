"""The reference engine knows every activation pattern, and no other."""

from __future__ import annotations

import time
from itertools import product
from math import comb

import numpy as np
import pytest
from scipy.optimize import linprog

from certify.errors import UsageError
from certify.gain.question import Limits
from certify.patterns.enumerate import EnumerationStopped, enumerate_cones


def as_set(patterns: np.ndarray) -> set[tuple[bool, ...]]:
    return {tuple(map(bool, p)) for p in patterns}


def has_interior(rows: np.ndarray, pattern: tuple[bool, ...]) -> bool:
    """Whether some |u| <= 1 has every nonzero row on its side by a margin, by linear programming."""
    signed = np.where(pattern, 1.0, -1.0)[:, None] * rows
    used = np.any(rows != 0, axis=1)
    constraints = np.column_stack([-signed[used], np.ones(used.sum())])
    box = [(-1, 1)] * rows.shape[1] + [(None, 1)]
    answer = linprog(np.append(np.zeros(rows.shape[1]), -1.0), constraints, np.zeros(used.sum()), bounds=box)
    return bool(-answer.fun > 1e-7) and all(on or nonzero for on, nonzero in zip(pattern, used, strict=True))


@pytest.mark.parametrize(("n", "rank"), [(1, 1), (9, 1), (7, 2), (60, 3), (18, 4), (12, 5), (10, 10), (9, 8)])
def test_general_position_has_covers_count(n: int, rank: int) -> None:
    """In general position there are 2 sum_{k < r} C(n - 1, k) patterns, whatever the number of columns."""
    rng = np.random.default_rng(n)
    rows = rng.standard_normal((n, rank))
    if rank == 1:
        rows = np.abs(rows)
    expected = 2 if rank == 1 else 2 * sum(comb(n - 1, k) for k in range(rank))
    wide = rng.integers(-4, 5, (rank, rank + 2)).astype(float)
    wide[:, :rank] += 50 * np.eye(rank)
    assert len(enumerate_cones(rows).patterns) == expected
    # short entries make the product exact, so that the rank stays what it is
    assert len(enumerate_cones(np.rint(rows * 2**20) @ wide).patterns) == expected


@pytest.mark.parametrize("seed", range(24))
def test_degenerate_rows_agree_with_linear_programming(seed: int) -> None:
    """With duplicates, opposites, zero and dependent rows, the patterns are exactly those with an interior."""
    rng = np.random.default_rng(seed)
    rows = rng.integers(-1, 2, (int(rng.integers(1, 7)), int(rng.integers(1, 5)))).astype(float)
    expected = {p for p in product((False, True), repeat=len(rows)) if has_interior(rows, p)}
    assert as_set(enumerate_cones(rows).patterns) == expected


@pytest.mark.parametrize("seed", range(6))
def test_each_generic_point_lies_in_exactly_its_own_cone(seed: int) -> None:
    """The walls alone bound a cone: a generic u satisfies them for its own, listed, pattern and for no other."""
    rng = np.random.default_rng(seed)
    rows = rng.integers(-2, 3, (14, 3)).astype(float)
    rows[0] = 0.0
    cones = enumerate_cones(rows)
    assert len(as_set(cones.patterns)) == len(cones.patterns)
    signs = 2.0 * cones.patterns - 1.0
    for u in rng.standard_normal((200, 3)):
        inside = np.all((signs * (rows @ u) >= 0) | ~cones.walls, axis=1)
        assert inside.sum() == 1
        assert np.array_equal(cones.patterns[inside][0], rows @ u >= 0)


def test_grid_of_points_with_a_bias() -> None:
    """The 3 x 3 grid is split by lines in 58 ways: the count of its linear threshold functions."""
    rows = np.array([[a, b, 1] for a in range(3) for b in range(3)], dtype=float)
    points = np.random.default_rng(0).standard_normal((20_000, 3)) * [1, 1, 2.5]
    assert as_set(enumerate_cones(rows).patterns) == as_set(points @ rows.T >= 0)
    assert len(enumerate_cones(rows).patterns) == 58


@pytest.mark.parametrize("tilt", [2.0**-52, 2.0**-400, 2.0**-1074])
def test_thin_cells_are_neither_missed_nor_invented(tilt: float) -> None:
    """A cell as thin as a float allows is found, and is gone when its walls become equal."""
    thin = np.array([[1.0, 0.0], [1.0, tilt], [1.0, -tilt], [0.0, 1.0]])
    flat = np.array([[1.0, 0.0]] * 3 + [[0.0, 1.0]])
    assert len(enumerate_cones(thin).patterns) == 8
    assert len(enumerate_cones(flat).patterns) == 4
    space = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 1.0, tilt]])
    assert len(enumerate_cones(space).patterns) == 14
    space[3, 2] = 0.0
    assert len(enumerate_cones(space).patterns) == 12


def test_rows_may_be_permuted_scaled_and_recombined() -> None:
    """Patterns follow permuted rows, and ignore positive row scales and invertible changes of coordinates."""
    rng = np.random.default_rng(5)
    rows = rng.integers(-3, 4, (10, 3)).astype(float)
    patterns = as_set(enumerate_cones(rows).patterns)
    order = rng.permutation(10)
    moved = enumerate_cones((rows * rng.integers(1, 9, (10, 1)))[order] @ [[2, 1, 0], [1, 1, 0], [5, -3, 1]])
    assert as_set(moved.patterns[:, np.argsort(order)]) == patterns
    assert as_set(~enumerate_cones(-rows).patterns | np.all(rows == 0, axis=1)) == patterns


def test_zero_data_has_one_pattern() -> None:
    """Without a nonzero row there is one cone, all of space, in which 0 >= 0 holds, and it has no wall."""
    cones = enumerate_cones(np.zeros((3, 2)))
    assert cones.patterns.tolist() == [[True] * 3]
    assert not cones.walls.any()


@pytest.mark.parametrize("shape", [(150, 5), (400, 30), (15, 15)])
def test_too_many_patterns_are_refused_at_once(shape: tuple[int, int]) -> None:
    """Beyond 20,000 patterns the engine says so, names the way out, and does not first fill the memory."""
    rows = np.random.default_rng(0).standard_normal(shape)
    start = time.monotonic()
    with pytest.raises(UsageError, match="more than 20000 activation patterns.*--engine auto"):
        enumerate_cones(rows)
    assert time.monotonic() - start < 20


def test_limits_stop_the_enumeration() -> None:
    """A deadline in the past, or a wish from outside, ends the enumeration."""
    rows = np.random.default_rng(0).standard_normal((40, 3))
    for limits in (Limits(deadline=time.monotonic()), Limits(cancelled=lambda: True)):
        with pytest.raises(EnumerationStopped):
            enumerate_cones(rows, limits)
