"""The patterns around a point: against every cell listed, and every cell's own best direction."""

from __future__ import annotations

import time

import numpy as np
import pytest
from scipy.optimize import nnls

from certify.gain.question import Limits
from certify.patterns.around import Hinges, gradients, merged
from certify.patterns.enumerate import enumerate_cones
from certify.patterns.steepest import steepest_rise

SEEDS = range(120)


def case(seed: int) -> tuple[np.random.Generator, np.ndarray, np.ndarray, np.ndarray]:
    """Rows, weights and a slope: generic rows, or small integers with zero, equal and opposite rows and circuits."""
    rng = np.random.default_rng(seed)
    b, d = int(rng.integers(1, 8)), int(rng.integers(1, 5))
    rows = rng.integers(-1, 2, (b, d)).astype(float) if seed % 2 else rng.standard_normal((b, d))
    if seed % 4 == 3:
        rows = np.vstack([rows, -2 * rows[:2]])
    weights = rng.standard_normal(len(rows)) * rng.choice([1.0, 0.0, 1e-3], len(rows))
    return rng, rows, weights, rng.standard_normal(d)


def vertices(rows: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The gradient of sum w_i (z_i . d)_+ in every cell."""
    on = enumerate_cones(rows).patterns & np.any(rows != 0, axis=1)
    return on @ (weights[:, None] * rows)


@pytest.mark.parametrize("seed", SEEDS)
def test_merged_hinges_are_the_same_function(seed: int) -> None:
    """One hinge a hyperplane, and the rest a slope."""
    rng, rows, weights, _ = case(seed)
    hinges = merged(rows, weights)
    for d in rng.standard_normal((20, rows.shape[1])):
        assert hinges.value(d) == pytest.approx(weights @ np.maximum(rows @ d, 0), abs=1e-12)
    units = hinges.normals / np.linalg.norm(hinges.normals, axis=1)[:, None]
    assert np.all(np.abs(units @ units.T) - np.eye(len(units)) < 1 - 1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_gradients_are_those_of_the_cells(seed: int) -> None:
    """The sum of segments and polytopes reaches as far as the cells' gradients in every direction, and no further."""
    rng, rows, weights, slope = case(seed)
    cells, found = vertices(rows, weights), gradients(merged(rows, weights))
    assert found.listed
    for z in rng.standard_normal((30, rows.shape[1])):
        assert found.furthest(z) @ z == pytest.approx(np.max(cells @ z), abs=1e-12)
    shortest = found.shortest(slope)
    assert np.all((slope - cells) @ shortest >= shortest @ shortest * (1 - 1e-9) - 1e-12)
    assert np.all((slope - found.furthest(shortest)) @ shortest <= shortest @ shortest * (1 + 1e-9) + 1e-12)


def test_circuits_keep_gates_apart() -> None:
    """Three lines of a plane: all on and all off do not occur with z3 = -(z1 + z2); a fourth row off the plane is free."""
    rows = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [-1.0, -1.0, 0.0], [0.0, 0.0, 1.0]])
    found = gradients(merged(rows, np.ones(4)))
    assert [len(p) for p in found.polytopes] == [6] and found.segments.tolist() == [[0.0, 0.0, 1.0]]
    assert not np.any(np.all(found.polytopes[0] == 0, axis=1))


def steepest_by_cells(rows: np.ndarray, weights: np.ndarray, slope: np.ndarray) -> float:
    """The largest projection of a cell's gradient onto the cell."""
    best = 0.0
    for pattern in enumerate_cones(rows).patterns:
        gradient, walls = (pattern * weights) @ rows + slope, (2.0 * pattern - 1)[:, None] * rows
        best = max(best, nnls(walls.T, -gradient)[1])
    return best


@pytest.mark.parametrize("seed", SEEDS)
def test_the_steepest_rise_is_that_of_the_best_cell(seed: int) -> None:
    """Both bounds meet at the largest projection over all cells, and the direction rises that much."""
    _, rows, weights, slope = case(seed)
    hinges = merged(rows, weights)
    sloped = Hinges(hinges.slope + slope, hinges.normals, hinges.weights)
    found, best = steepest_rise(sloped, 0.0, 1e-9), steepest_by_cells(rows, weights, slope)
    assert found.lower == pytest.approx(best, rel=1e-8, abs=1e-12)
    assert best * (1 - 1e-12) - 1e-12 <= found.upper <= best * (1 + 1e-8) + 1e-12
    if found.direction is not None:
        assert np.linalg.norm(found.direction) == pytest.approx(1)
        along = weights @ np.maximum(rows @ found.direction, 0) + slope @ found.direction
        assert along == pytest.approx(found.lower, abs=1e-12)


def test_small_positive_weights_need_no_tree() -> None:
    """29 boundary rows of a neuron at an optimum but for rounding: 2^12 patterns, settled by the first bound."""
    rng = np.random.default_rng(0)
    rows, weights = rng.standard_normal((29, 31)), rng.standard_normal(29)
    weights[weights > 0] *= 1e-10
    gates = np.where(weights > 0, 0.0, 0.5)
    hinges = merged(rows, weights)
    sloped = Hinges(hinges.slope - (gates * weights) @ rows, hinges.normals, hinges.weights)
    began = time.process_time()
    found = steepest_rise(sloped, 1e-7, 1e-7)
    assert found.lower <= found.upper < 1e-7
    assert time.process_time() - began < 0.1


@pytest.mark.parametrize(
    "limits", [Limits(cancelled=lambda: True), Limits(deadline=0.0)], ids=["interrupt", "deadline"]
)
def test_limits_leave_true_bounds(limits: Limits) -> None:
    """A search that may not go on has an upper bound above, and a lower one below, those of the whole search."""
    rng = np.random.default_rng(1)
    rows, weights = rng.standard_normal((20, 8)), rng.standard_normal(20)
    hinges = merged(rows, weights)
    whole, cut = steepest_rise(hinges, 0.0, 1e-6), steepest_rise(hinges, 0.0, 1e-6, limits)
    assert cut.lower <= whole.upper and whole.lower <= cut.upper < np.inf
    assert cut.upper > whole.upper
    assert not gradients(hinges, limits).listed
