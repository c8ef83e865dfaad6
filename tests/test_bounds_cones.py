"""Conical branch and bound, piece by piece: the cones cover, and each bound holds whatever the majorant's maker returns."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from exact import dot, fractions
from gain_cases import DEGENERATE, gaussian

from certify.bounds import kernel
from certify.bounds.cones import ConeSearch, start_fan
from certify.bounds.reduction import reduce_gain

DIMENSIONS = pytest.mark.parametrize("r", [1, 2, 3, 4, 6])


def coordinates(cone: np.ndarray, point: list[Fraction]) -> list[Fraction]:
    """The exact alpha with point = sum alpha_k v_k (Gauss-Jordan in rationals)."""
    r = len(point)
    table = [[Fraction(float(cone[k, i])) for k in range(r)] + [point[i]] for i in range(r)]
    for column in range(r):
        pivot = next(row for row in range(column, r) if table[row][column] != 0)
        table[column], table[pivot] = table[pivot], table[column]
        table[column] = [entry / table[column][column] for entry in table[column]]
        for row in range(r):
            if row != column:
                factor = table[row][column]
                table[row] = [a - factor * b for a, b in zip(table[row], table[column], strict=True)]
    return [row[-1] for row in table]


def holds(cone: np.ndarray, point: list[Fraction]) -> bool:
    """Whether the point lies in the closed cone, exactly."""
    return all(alpha >= 0 for alpha in coordinates(cone, point))


def normals(seed: int, r: int, spread: float) -> np.ndarray:
    """Rows with directions that crowd, by the spread, around one axis."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal((40, r)) * np.geomspace(1.0, spread, r)


@DIMENSIONS
@pytest.mark.parametrize("spread", [1.0, 1e-3, 1e-9])
def test_the_start_cones_cover_space(r: int, spread: float) -> None:
    """Every point lies in one of the r + 1 cones, in exact arithmetic; their generators sum to exactly zero."""
    rng = np.random.default_rng(r)
    cones = [cone for cone, _ in start_fan(normals(r, r, spread))]
    assert len(cones) == r + 1
    for point in (rng.standard_normal((12, r)) * np.geomspace(1.0, spread, r)).tolist():
        assert any(holds(cone, fractions(point)) for cone in cones)
    last = next(g for g in cones[0] if not any(np.array_equal(g, h) for h in cones[-1])) if r > 1 else cones[0][0]
    assert all(sum(column) == 0 for column in zip(*map(fractions, [*cones[-1], last]), strict=True))


@DIMENSIONS
def test_walls_are_the_dual_basis(r: int) -> None:
    """walls_k . v_j is 1 for j = k and 0 otherwise."""
    for cone, walls in start_fan(normals(1, r, 0.1)):
        assert walls @ cone.T == pytest.approx(np.eye(r), abs=1e-10)


def explored(root: np.ndarray, plus: np.ndarray, minus: np.ndarray, budget: int) -> tuple:
    """Explore without pruning anything of a positive bound: tolerance -1 makes the best value count for nothing."""
    r = root.shape[0]
    walls = np.ascontiguousarray(np.linalg.inv(root).T)
    half = minus.sum(axis=0) / 2
    ones = np.ones(r)
    return kernel.explore(root, walls, half, np.inf, 0.0, plus, minus, ones, 1.0, 1e-12, 0.0, -1.0, -1.0, -1.0, budget)


@pytest.mark.parametrize("r", [2, 3, 4])
def test_children_cover_their_parent(r: int) -> None:
    """After many splits each point of the root cone lies, exactly, in a cone that is still open."""
    rng = np.random.default_rng(r)
    root = start_fan(np.eye(r))[0][0]
    left, pruned, stuck, nodes, _, _ = explored(root, rng.standard_normal((30, r)), np.zeros((0, r)), 25)
    open_cones = left[0]
    assert (nodes, pruned, stuck) == (25, 0.0, 0.0)
    assert len(open_cones) == 26
    for _ in range(25):
        alpha = fractions(rng.exponential(size=r) * rng.integers(0, 2, r))
        point = [dot(alpha, fractions(column)) for column in root.T]
        assert any(holds(cone, point) for cone in open_cones)


@pytest.mark.parametrize("seed", range(6))
def test_an_open_cone_s_bound_holds_on_it(seed: int) -> None:
    """No unit vector of an open cone has a larger value than the cone's bound."""
    rng = np.random.default_rng(seed)
    r = int(rng.integers(2, 5))
    plus, minus = rng.standard_normal((20, r)), rng.standard_normal((20, r))
    (open_cones, _, _, bounds, _), *_ = explored(start_fan(np.vstack([plus, minus]))[0][0], plus, minus, 20)
    for cone, bound in zip(open_cones, bounds, strict=True):
        u = rng.exponential(size=(200, r)) @ cone
        values = np.maximum(u @ plus.T, 0).sum(axis=1) - np.maximum(u @ minus.T, 0).sum(axis=1)
        assert np.all(values <= bound * np.linalg.norm(u, axis=1))


def lying_bounds(seed: int, heavy: float) -> tuple[np.ndarray, np.ndarray]:
    """Bounds by proved_bound of wrong z and any q of the zonotope, and values of f on the cone, over 100 lies."""
    rng = np.random.default_rng(seed)
    r = int(rng.integers(1, 5))
    plus, minus = rng.standard_normal((9, r)), rng.standard_normal((9, r))
    cone = start_fan(np.vstack([plus, minus]))[int(rng.integers(r + 1))][0]
    walls = np.ascontiguousarray(np.linalg.inv(cone).T)
    h_plus = np.maximum(cone @ plus.T, 0).sum(axis=1)
    scale = np.ones(r)
    scale[-1] = heavy
    u = rng.exponential(size=(300, r)) @ cone
    u /= np.maximum(np.linalg.norm(u / scale, axis=1), np.linalg.norm(u, axis=1))[:, None]
    values = np.maximum(u @ plus.T, 0).sum(axis=1) - np.maximum(u @ minus.T, 0).sum(axis=1)
    bounds = np.empty(100)
    for k in range(100):
        q = rng.uniform(0, 1, 9) @ minus
        true = h_plus @ walls - q
        z = true + rng.standard_normal(r) * rng.choice([0.0, 1e-9, 1e-3, 1.0, 100.0]) - rng.choice([0.0, 1.0]) * true
        bounds[k] = kernel.proved_bound(z, q, cone, walls, h_plus, 1e-13, scale, 1.0)
    return bounds, values


@pytest.mark.parametrize("heavy", [1.0, 2.0**15])
@pytest.mark.parametrize("seed", range(8))
def test_any_majorant_gives_a_true_bound(seed: int, heavy: float) -> None:
    """z may be anything at all, too: what it fails to majorise is measured and added."""
    bounds, values = lying_bounds(seed, heavy)
    assert np.all(np.max(values) <= bounds)


@pytest.mark.parametrize("place", ["z", "q", "cone", "h_plus"])
def test_nan_is_no_bound(place: str) -> None:
    """A NaN in the majorant, the subgradient, the cone or the values makes the bound infinite."""
    parts = {"z": np.array([9.0, 9.0]), "q": np.zeros(2), "cone": np.eye(2), "h_plus": np.ones(2)}
    parts[place].flat[1] = np.nan
    walls, ones = np.eye(2), np.ones(2)
    with np.errstate(all="ignore"):
        bound = kernel.proved_bound(parts["z"], parts["q"], parts["cone"], walls, parts["h_plus"], 0.0, ones, 1.0)
    assert bound == np.inf


def test_a_flat_cone_is_not_bounded_by_a_wrong_majorant() -> None:
    """Where the generators' angle leaves no depth, a majorant that misses proves nothing."""
    cone = np.array([[1.0, 0.0], [-1.0, 1e-14]])
    bound = kernel.proved_bound(np.zeros(2), np.zeros(2), cone, np.linalg.inv(cone).T, np.ones(2), 0.0, np.ones(2), 1.0)
    assert bound == np.inf


@pytest.mark.parametrize("seed", range(10))
def test_the_least_majorant_is_one(seed: int) -> None:
    """z majorises on the generators, q lies in the hull of the atoms, and no sampled combination is shorter."""
    rng = np.random.default_rng(seed)
    r, count = int(rng.integers(1, 6)), int(rng.integers(1, 7))
    walls, p, atoms = rng.standard_normal((r, r)), rng.standard_normal(r), rng.standard_normal((count, r))
    cone = np.linalg.inv(walls).T
    z, q = kernel.least_majorant(p, atoms, count, walls, np.ones(r), np.zeros(r + count))
    assert np.all(cone @ (z - (p - q)) >= -1e-9 * np.abs(cone).sum())
    for weights, mu in zip(rng.dirichlet(np.ones(count), 300), rng.exponential(size=(300, r)), strict=True):
        assert np.linalg.norm(z) <= np.linalg.norm(p - weights @ atoms + mu @ walls) * (1 + 1e-9)


@pytest.mark.parametrize("accuracy", [0.0, 1e-15, 1e-2])
@pytest.mark.parametrize("problem", [p for p in DEGENERATE.values() if not p.free_bias])
def test_compressing_keeps_the_sum(problem, accuracy: float) -> None:
    """On the cone, the crossing rows and the base give the same sum of positive parts as all rows."""
    r = problem.rows.shape[1]
    for cone, _ in start_fan(np.vstack([np.eye(r), problem.rows[np.any(problem.rows != 0, axis=1)]])):
        crossing, base = kernel.compress(problem.rows, cone, accuracy)
        for u in np.random.default_rng(0).exponential(size=(20, r)) @ cone:
            total = np.maximum(problem.rows @ u, 0).sum()
            assert kernel.summed_relu(crossing, base, u) == pytest.approx(total, rel=1e-12, abs=1e-9)


def test_a_rounded_midpoint_is_refused() -> None:
    """exact_sum gives a power of two only where the sum of two generators is a float vector."""
    x, y = np.array([1.0, 0.5]), np.array([0.5, -0.25])
    scale = kernel.exact_sum(x, y)
    assert 0.5 <= np.max(np.abs(scale * (x + y))) < 1
    assert kernel.exact_sum(x, np.array([2.0**-60, 0.0])) == 0.0
    assert kernel.exact_sum(x, -x) == 0.0


@pytest.mark.parametrize("seed", range(5))
def test_ascents_attain_what_they_say(seed: int) -> None:
    """The returned direction has unit norm and the value stated, at least that of the start."""
    problem = gaussian(seed, 15, 3)
    weighted = problem.nu[:, None] * problem.rows
    plus, minus = weighted[problem.nu > 0], -weighted[problem.nu < 0]
    start = np.random.default_rng(seed).standard_normal(3)
    u, value = kernel.ascend(start, plus, minus, np.ones(3), 40)
    assert np.linalg.norm(u) == pytest.approx(1.0)
    assert problem.gain(u) == pytest.approx(value)
    assert value >= problem.gain(start) - 1e-12


@pytest.mark.parametrize("seed", range(4))
def test_cones_dropped_unexplored_keep_their_bound(seed: int) -> None:
    """What a threshold from outside settles at once is not forgotten: the upper bound stays above the maximum."""
    problem = gaussian(seed, 30, 3)
    reduced = reduce_gain(problem)
    truth = max(0.0, *(problem.gain(u) for u in np.random.default_rng(0).standard_normal((2000, 3))))
    search = ConeSearch(reduced, 1, 0.0, 1e-6)
    search.round(None, 4, 4)
    search.floor(10 * search.upper)
    assert search.finished
    assert reduced.original_bound(search.upper) >= truth
