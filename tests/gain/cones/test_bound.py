"""The bound of one cone: compared with its plain statement, true in rationals, and infinite where something is not finite.

min |z|  over  z.v_k >= h+(v_k) - q.v_k for every generator,  q = sum t_j b_j,  t in [0, 1]
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from exact import dot, fractions
from scipy.optimize import lsq_linear

from certify._core.cones_bound import bound_alone
from certify._core.trusted import cone_depth, first_error, mixture, proved_bound
from certify.gain.cones.brancher import ERROR, GAIN, LENGTH, SLOPE
from certify.gain.cones.fan import start_fan

FREE_BIAS = 2.0**15


class Cone:
    """A cone with rows a_i, b_j (., r) and the numbers of a start cone."""

    def __init__(self, v: np.ndarray, plus: np.ndarray, minus: np.ndarray, heavy: float = 1.0) -> None:
        self.r = len(v)
        self.v, self.plus, self.minus = np.ascontiguousarray(v), plus, minus
        self.walls = np.ascontiguousarray(np.linalg.inv(v).T)
        self.scale = np.append(np.ones(self.r - 1), heavy)
        self.mass = float(np.linalg.norm(plus, axis=1).sum() + np.linalg.norm(minus, axis=1).sum()) * (1 + 1e-9)
        self.numbers = np.zeros((6, self.r))
        self.numbers[LENGTH] = np.linalg.norm(v, axis=1)
        self.numbers[GAIN] = np.maximum(v @ plus.T, 0).sum(axis=1)
        self.numbers[SLOPE] = 0.5 * (v @ minus.sum(axis=0))
        self.numbers[ERROR] = first_error(len(plus) + len(minus), self.r, 1e-14)

    def bound(self, prune_at: float = -np.inf) -> tuple[float, np.ndarray, np.ndarray, float]:
        """The core's."""
        return bound_alone(
            self.v, self.walls, self.numbers, self.plus, self.minus, self.scale, 1.5, self.mass, prune_at, prune_at
        )

    def plain_bound(self) -> float:
        """The plain program: bounded least squares in t and in the multipliers of the walls."""
        p = self.numbers[GAIN] @ self.walls
        columns = np.vstack([-self.minus, self.walls]) * self.scale
        upper = np.append(np.ones(len(self.minus)), np.full(self.r, np.inf))
        found = lsq_linear(columns.T, -p * self.scale, (np.zeros(upper.size), upper), method="bvls", tol=1e-14)
        return float(np.linalg.norm(found.x @ columns + p * self.scale))

    def exceeded(self, alpha: np.ndarray, bound: float) -> bool:
        """Whether f at sum alpha_k v_k, over its size, is above the bound, in rationals."""
        u = [dot(fractions(alpha), fractions(column)) for column in self.v.T]
        value = sum(max(dot(fractions(a), u), 0) for a in self.plus) - sum(
            max(dot(fractions(b), u), 0) for b in self.minus
        )
        size = sum((x / Fraction(float(s))) ** 2 for x, s in zip(u, self.scale, strict=True))
        return value > 0 and value**2 > Fraction(bound) ** 2 * size


def random_cone(seed: int, heavy: float = 1.0) -> Cone:
    """A start cone, or what is left of one after some splits, with few rows of random weights."""
    rng = np.random.default_rng(seed)
    r = int(rng.integers(1, 7))
    plus, minus = (rng.standard_normal((int(rng.integers(0, 13)), r)) * rng.exponential() for _ in range(2))
    v = start_fan(np.vstack([plus, minus, np.eye(r)])).cones()[int(rng.integers(r + 1))][0]
    for _ in range(int(rng.integers(0, 3 * r))):
        a, b = rng.integers(r, size=2)
        if a != b:
            v[a] = (v[a] + v[b]) / np.linalg.norm(v[a] + v[b])
    return Cone(v, plus, minus, heavy)


@pytest.mark.parametrize("heavy", [1.0, FREE_BIAS])
@pytest.mark.parametrize("seed", range(40))
def test_it_is_the_plain_program_s(seed: int, heavy: float) -> None:
    """Never below the least z, nor above it where the cutting planes go on until they converge."""
    cone = random_cone(seed, heavy)
    plain = cone.plain_bound()
    bound = cone.bound(plain * (1 - 1e-9))[0]
    noise = 1e-12 * cone.mass * heavy
    excess = 1e-6 if heavy == 1.0 else 2e-2  # numbers of 2^30 in the normal equations stop the least squares early
    assert plain * (1 - 1e-9) - noise <= bound <= plain * (1 + excess) + noise


@pytest.mark.parametrize("heavy", [1.0, FREE_BIAS])
@pytest.mark.parametrize("seed", range(20))
def test_it_is_true(seed: int, heavy: float) -> None:
    """No vector of the cone has a larger value, in rationals; the relaxation's maximiser has the value that it is said to have."""
    cone, rng = random_cone(100 + seed, heavy), np.random.default_rng(seed)
    bound, slopes, alpha, value = cone.bound()
    for weights in [alpha, *rng.exponential(size=(8, cone.r)) * rng.integers(0, 2, (8, cone.r)), *np.eye(cone.r)]:
        assert not cone.exceeded(weights, bound)
    u = alpha @ cone.v
    here = np.maximum(cone.plus @ u, 0).sum() - np.maximum(cone.minus @ u, 0).sum()
    assert value == 0.0 or value == pytest.approx(here, rel=1e-9, abs=1e-12 * cone.mass)
    assert np.all(slopes <= np.maximum(cone.minus @ cone.v.T, 0).sum(axis=0) + 1e-9)


@pytest.mark.parametrize("seed", range(10))
def test_it_stops_as_soon_as_it_prunes(seed: int) -> None:
    """Asked for less, it is content with less, and still true."""
    cone = random_cone(200 + seed)
    close = cone.bound()[0]
    loose, _, alpha, value = cone.bound(1.5 * close)
    assert close * (1 - 1e-9) <= loose <= 1.5 * close
    assert value == 0.0 and not cone.exceeded(alpha, loose)


HOPELESS = {
    "a flat cone": np.array([[1.0, 0.0, 0.0], [-1.0, 1e-13, 0.0], [0.0, 0.0, 1.0]]),
    "a thin cone": np.array([[1.0, 0.0, 0.0], [1.0, 1e-11, 0.0], [1.0, 0.0, 1e-11]]),
    "uneven generators": np.diag([1e-150, 1.0, 1e150]),
    "subnormal generators": np.diag([1e-310, 1.0, 5e-324]),
}


@pytest.mark.parametrize("v", HOPELESS.values(), ids=HOPELESS)
@pytest.mark.parametrize("size", [1.0, 1e-30, 1e30])
def test_degenerate_cones(v: np.ndarray, size: float) -> None:
    """Whatever the cone and the rows' size, the bound is above the values on it, or infinite."""
    rng = np.random.default_rng(0)
    with np.errstate(all="ignore"):
        cone = Cone(v, rng.standard_normal((5, 3)) * size, rng.standard_normal((5, 3)) * size)
        bound = cone.bound()[0]
    assert bound >= 0
    if np.isfinite(bound):
        for weights in rng.exponential(size=(8, 3)):
            assert not cone.exceeded(weights, bound)


def test_rows_of_zeros_and_no_rows() -> None:
    """They add nothing: the bound of no rows is 0 but for its slack."""
    nothing, zeros = np.zeros((0, 3)), np.zeros((9, 3))
    assert 0.0 <= Cone(np.eye(3), nothing, nothing).bound()[0] < 1e-140
    assert 0.0 <= Cone(np.eye(3), zeros, zeros).bound()[0] < 1e-140
    rng = np.random.default_rng(0)
    plus, minus = rng.standard_normal((4, 3)), rng.standard_normal((4, 3))
    alone, padded = Cone(np.eye(3), plus, minus), Cone(np.eye(3), np.vstack([plus, zeros]), np.vstack([zeros, minus]))
    assert padded.bound()[0] == pytest.approx(alone.bound()[0], rel=1e-12)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["v", "plus", "minus", "numbers"])
def test_what_is_not_finite_bounds_nothing(name: str, value: float) -> None:
    """One number that is none in the generators, the rows or the numbers: the bound is infinite."""
    for place in range(6):
        cone = Cone(np.eye(3), np.ones((4, 3)), -np.ones((4, 3)))
        if name == "numbers" and place in {2, 3}:
            continue  # sums of settled rows, of which there are none here
        array = getattr(cone, name)
        array[place % len(array) if name != "numbers" else place, 1] = value
        if name == "numbers" and value == -np.inf and place == GAIN:
            continue  # h+ is a sum of positive numbers
        if name == "numbers" and value == np.inf and place == SLOPE:
            continue
        assert cone.bound()[0] == np.inf or (name == "numbers" and place == SLOPE), (name, place)


def lying_bounds(seed: int, heavy: float) -> tuple[np.ndarray, np.ndarray]:
    """Bounds by proved_bound of wrong z and any q of the zonotope, and values of f on the cone, over 100 lies."""
    rng = np.random.default_rng(seed)
    r = int(rng.integers(1, 5))
    plus, minus = rng.standard_normal((9, r)), rng.standard_normal((9, r))
    v, walls = start_fan(np.vstack([plus, minus])).cones()[int(rng.integers(r + 1))]
    h_plus, lengths = np.maximum(v @ plus.T, 0).sum(axis=1), np.linalg.norm(v, axis=1)
    scale, errors = np.append(np.ones(r - 1), heavy), np.full(r, 1e-15)
    u = rng.exponential(size=(300, r)) @ v
    u /= np.maximum(np.linalg.norm(u / scale, axis=1), np.linalg.norm(u, axis=1))[:, None]
    values = np.maximum(u @ plus.T, 0).sum(axis=1) - np.maximum(u @ minus.T, 0).sum(axis=1)
    bounds = np.empty(100)
    for k in range(100):
        q = rng.uniform(0, 1, 9) @ minus
        true = h_plus @ walls - q
        z = true + rng.standard_normal(r) * rng.choice([0.0, 1e-9, 1e-3, 1.0, 100.0]) - rng.choice([0.0, 1.0]) * true
        bounds[k] = proved_bound(z, v, walls, lengths, h_plus, v @ q, errors, 60.0, scale, 1.0)
    return bounds, values


@pytest.mark.parametrize("heavy", [1.0, FREE_BIAS])
@pytest.mark.parametrize("seed", range(8))
def test_any_majorant_gives_a_true_bound(seed: int, heavy: float) -> None:
    """z may be anything at all: what it fails to majorise is measured and added."""
    bounds, values = lying_bounds(seed, heavy)
    assert np.all(np.max(values) <= bounds)


@pytest.mark.parametrize("place", range(7))
def test_nan_is_no_bound(place: int) -> None:
    """NaN in z, the cone, its walls, the lengths, h+, the slopes or the errors gives an infinite bound."""
    eye, ones = np.eye(2), np.ones(2)
    parts = [np.array([0.5, 9.0]), eye.copy(), eye.copy(), ones.copy(), ones.copy(), np.zeros(2), np.zeros(2)]
    assert proved_bound(*parts, 1.0, ones, 1.0) < np.inf
    parts[place].flat[1] = np.nan
    bound = proved_bound(*parts, 1.0, ones, 1.0)
    assert bound == np.inf or (
        place == 2 and bound >= 1.0
    )  # the depth needs no walls where the generators' sum will do


def test_a_flat_cone_is_not_bounded_by_a_wrong_majorant() -> None:
    """Where the generators' angle leaves no depth, a majorant that misses proves nothing; nor do errors beyond counting."""
    v, ones, zero = np.array([[1.0, 0.0], [-1.0, 1e-14]]), np.ones(2), np.zeros(2)
    walls = np.ascontiguousarray(np.linalg.inv(v).T)
    assert proved_bound(zero, v, walls, ones, ones, zero, zero, 0.0, ones, 1.0) == np.inf
    assert not cone_depth(v, walls, ones) > 1e-12
    eye = np.eye(2)
    assert proved_bound(ones, eye, eye, ones, ones, zero, np.full(2, 0.01), 1.0, ones, 1.0) == np.inf


@pytest.mark.parametrize("place", ["nothing", "NaN", "infinity", "negative"])
def test_a_mixture_without_weights_is_none(place: str) -> None:
    """Weights that are no convex combination give NaN, which no bound survives."""
    weights = {"nothing": [0.0, 0.0], "NaN": [np.nan, 1.0], "infinity": [np.inf, 1.0], "negative": [-0.5, 1.5]}[place]
    assert np.all(np.isnan(mixture(np.array(weights), np.eye(2))))
    assert np.array_equal(mixture(np.array([1.0, 3.0]), np.eye(2)), [0.25, 0.75])
