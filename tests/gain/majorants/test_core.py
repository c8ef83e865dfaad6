"""The compiled kernels of engine S against small transparent statements of the same mathematics."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pytest

from certify._core import panels, round_cones, zonotope
from certify._core.interior import improve
from certify.arrays import Floats
from certify.gain.majorants.bounding import explore
from certify.gain.majorants.node import Node, one_sign
from certify.gain.majorants.quadratic import best_multipliers
from certify.gain.majorants.reduction import homogenised
from certify.gain.majorants.relaxation import Relaxation, uniform
from certify.gain.question import GainProblem

# heads, inputs, samples, cuts (of alternating signs)
SHAPES = [
    (1, 1, 6, 0),
    (1, 3, 12, 0),
    (1, 4, 15, 3),
    (1, 7, 5, 0),
    (2, 1, 8, 0),
    (2, 3, 12, 2),
    (2, 5, 70, 4),
    (1, 9, 140, 1),
]


def relaxation_of(heads: int, inputs: int, samples: int, cuts: int, seed: int = 0) -> Relaxation:
    return node_of(heads, inputs, samples, cuts, seed).relaxation


def node_of(heads: int, inputs: int, samples: int, cuts: int, seed: int = 0) -> Node:
    rng = np.random.default_rng(seed)
    points = rng.standard_normal((samples, inputs))
    nu = np.round(rng.standard_normal(samples) * 2**20) / 2**20
    if heads == 2:
        nu[0] -= np.sum(nu)
        points = np.column_stack([points, np.ones(samples)])
    hinges = homogenised(GainProblem(points, nu, free_bias=heads == 2))
    return Node(one_sign(hinges, 1), tuple((k, (-1) ** k) for k in range(cuts)))


# panels


@pytest.mark.parametrize(("rows", "columns"), [(1, 4), (3, 8), (64, 12), (130, 64), (7, 100)])
@pytest.mark.parametrize("both", [False, True])
def test_symmetric_products_of_integers_are_exact(rows: int, columns: int, both: bool) -> None:
    """On and above the diagonal c grows by a'b (+ b'a): with small integers there is nothing to round."""
    rng = np.random.default_rng(rows)
    a = rng.integers(-9, 10, (rows, columns)).astype(float)
    b = rng.integers(-9, 10, (rows, columns)).astype(float) if both else a * 3
    before = rng.integers(-9, 10, (columns, columns)).astype(float)
    c = before.copy()
    panels.symmetric_products(a, b, both, c)
    expected = np.einsum("ti,tj->ij", a, b)
    expected = expected + expected.T if both else expected
    assert np.array_equal(np.triu(c), np.triu(before + expected))


@pytest.mark.parametrize("size", [4, 8, 48, 52, 100, 148])
def test_the_factor_is_one(size: int) -> None:
    """R'R is the matrix, to rounding, across the blocks' borders."""
    rng = np.random.default_rng(size)
    A = rng.standard_normal((size + 3, size))
    C = A.T @ A
    R = C.copy()
    assert panels.factor_symmetric(R)
    R = np.triu(R)
    assert np.all(np.abs(R.T @ R - C) <= 1e-13 * size * np.max(np.abs(C)))


@pytest.mark.parametrize("place", [0, 47, 48, 99])
def test_what_is_not_positive_definite_has_no_factor(place: int) -> None:
    """A negative or undefined entry is found wherever it is."""
    for bad in (-1.0, np.nan, np.inf):
        C = np.eye(100)
        C[place, place] = bad
        assert not panels.factor_symmetric(C)
    C = np.eye(100)
    C[min(place, 98), 99] = np.nan
    assert not panels.factor_symmetric(C)


# round cones


def interior_points(m: int, k: int, rng: np.random.Generator, depth: float) -> Floats:
    tails = rng.standard_normal((m, k - 1))
    heads = np.sqrt(np.sum(tails**2, axis=1)) * (1 + depth * rng.uniform(0.5, 1.5, m))
    return np.column_stack([heads, tails]) * 10.0 ** rng.integers(-3, 4, (m, 1))


def jordan(x: Floats, y: Floats) -> Floats:
    return np.column_stack([np.sum(x * y, axis=1), x[:, :1] * y[:, 1:] + y[:, :1] * x[:, 1:]])


def scaling_matrix(w: Floats, eta: float) -> Floats:
    tail = w[1:]
    W = np.eye(len(w)) + np.outer(np.append(0, tail), np.append(0, tail)) / (1 + w[0])
    W[0] = W[:, 0] = w
    return eta * W


@pytest.mark.parametrize("k", [2, 3, 8])
@pytest.mark.parametrize("depth", [1.0, 1e-6])
def test_scalings_meet_their_definition(k: int, depth: float) -> None:
    """W z = W^-1 s = lam for the W of the definition, and `unscaled` is W^-1; near the boundary, too."""
    rng = np.random.default_rng(k)
    s, z = interior_points(20, k, rng, depth), interior_points(20, k, rng, depth)
    w, eta, lam, back = np.empty((20, k)), np.empty(20), np.empty((20, k)), np.empty((20, k))
    round_cones.scaled(s, z, w, eta, lam)
    round_cones.unscaled(w, eta, s, back)
    for i in range(20):
        W = scaling_matrix(w[i], eta[i])
        size = np.max(np.abs(W)) * np.max(np.abs(z[i]))
        assert np.max(np.abs(W @ z[i] - lam[i])) <= 1e-12 * size
        assert np.max(np.abs(W @ lam[i] - s[i])) <= 1e-8 / depth**0.5 * np.max(np.abs(s[i]))
        assert np.max(np.abs(back[i] - lam[i])) <= 1e-8 / depth * np.max(np.abs(lam[i]))


@pytest.mark.parametrize("k", [2, 3, 8])
def test_corrections_solve_their_equation(k: int) -> None:
    """lam o x = centre e - lam o lam - a o b."""
    rng = np.random.default_rng(k)
    lam, a, b = interior_points(20, k, rng, 0.3), *rng.standard_normal((2, 20, k))
    x = np.empty((20, k))
    round_cones.corrected(lam, a, b, 0.7, x)
    target = -jordan(lam, lam) - jordan(a, b)
    target[:, 0] += 0.7
    assert np.all(np.abs(jordan(lam, x) - target) <= 1e-10 * np.max(np.abs(target), axis=1, keepdims=True))


@pytest.mark.parametrize("k", [2, 3, 8])
def test_the_rate_of_leaving_ends_at_the_boundary(k: int) -> None:
    """Just before -1 / rate every row is inside, and at it one is on the boundary; steps into the cone have rate 0."""
    rng = np.random.default_rng(k)
    x, dx = interior_points(15, k, rng, 0.5), rng.standard_normal((15, k))
    t = -1 / round_cones.rate_of_leaving(x, dx)
    gaps = (x + t * dx)[:, 0] - np.sqrt(np.sum((x + t * dx)[:, 1:] ** 2, axis=1))
    assert np.min(gaps) == pytest.approx(0.0, abs=1e-9 * np.max(np.abs(x))) and t > 0
    before = x + 0.999 * t * dx
    assert np.all(before[:, 0] > np.sqrt(np.sum(before[:, 1:] ** 2, axis=1)))
    assert round_cones.rate_of_leaving(x, interior_points(15, k, rng, 0.5)) == 0.0


# multipliers of a quadratic


def least_sum(Q: Floats, heads: int) -> float:
    """The least sum by definition: for each lam the heads' Schur complement, lam by golden section on the convex function."""
    values, vectors = np.linalg.eigh(Q[heads:, heads:])
    B = vectors.T @ Q[heads:, :heads]

    def at(lam: float) -> float:
        S = Q[:heads, :heads] + B.T @ (B / (lam - values)[:, None])
        if heads == 1:
            return float(S[0, 0]) + lam
        cross, second = abs(S[0, 1]), S[1, 1]
        # lam_t >= 0 with [[lam_1 - S_11, S_1t], [S_1t, lam_t - S_tt]] positive semidefinite
        heads_sum = second + 2 * cross if second + cross >= 0 else cross**2 / -second
        return float(S[0, 0] + heads_sum) + lam

    top = values[-1]
    reach = np.abs(Q).sum() + 1.0
    low, high = np.log(1e-14 * reach), np.log(4 * reach)
    golden = (np.sqrt(5) - 1) / 2
    for _ in range(120):
        left, right = high - golden * (high - low), low + golden * (high - low)
        low, high = (low, right) if at(top + np.exp(left)) < at(top + np.exp(right)) else (left, high)
    return at(top + np.exp((low + high) / 2))


@pytest.mark.parametrize("heads", [1, 2])
@pytest.mark.parametrize("size", [3, 4, 9, 24])
@pytest.mark.parametrize("scale", [1.0, 1e-200, 1e150])
def test_multipliers_are_feasible_and_least(heads: int, size: int, scale: float) -> None:
    """Diag - Q is positive semidefinite to rounding, and the sum nearly the least, at any scale."""
    rng = np.random.default_rng(size)
    for trial in range(6):
        A = rng.standard_normal((size, size))
        Q = A + A.T
        if trial == 1:
            Q[heads:, heads:] = np.eye(size - heads)  # all eigenvalues are one
        if trial == 2:
            Q[heads:, :heads] *= 1e-9
            Q[:heads, heads:] *= 1e-9
        if trial == 3:
            Q = np.outer(A[0], A[0])
        found = best_multipliers(scale * Q, heads) / scale
        D = np.diag(np.concatenate([found[:-1], np.full(size - heads, found[-1])]))
        assert np.linalg.eigvalsh(D - Q)[0] >= -1e-8 * np.max(np.abs(Q))
        assert np.all(found[1:-1] >= 0)
        assert found.sum() == pytest.approx(least_sum(Q, heads), rel=1e-7, abs=1e-7 * np.max(np.abs(Q)))


def test_only_the_lower_triangle_counts() -> None:
    """What stands above the diagonal is never read, and what is not finite has no multipliers."""
    rng = np.random.default_rng(3)
    Q = np.tril(rng.standard_normal((6, 6)))
    whole = Q + np.tril(Q, -1).T
    noise = np.triu(rng.uniform(-0.5, 0.5, (6, 6)), 1)
    assert np.array_equal(best_multipliers(Q + noise, 2), best_multipliers(whole, 2))
    Q[4, 3] = np.nan
    assert np.all(np.isnan(best_multipliers(Q, 2)))


# the interior-point method


@dataclass(frozen=True)
class Point:
    """An iterate: primal (Z, roots, x), cones s with duals z in one order, S and lam."""

    Z: Floats
    primal: Floats
    S: Floats
    lam: Floats
    s: Floats
    z: Floats


class Statement:
    """The program of a relaxation as one dense affine map A p + b onto the cones' points."""

    def __init__(self, relaxation: Relaxation) -> None:
        self.r = r = relaxation
        self.p, self.q, self.m, self.n = len(r.raising), len(r.lowering), len(r.sides), r.size
        walls = np.zeros((2 * (r.heads - 1), r.size))
        if r.heads == 2:
            walls[:, 0], walls[:, 1] = 1.0, [-1.0, 1.0]
        self.walls = np.concatenate([r.sides, walls])
        self.count = self.n**2 + self.p + self.q * self.n
        self.b = self.cones(np.zeros(self.count), 1.0)
        self.A = np.stack([self.cones(e, 0.0) for e in np.eye(self.count)], axis=1)
        self.cost = np.zeros(self.count)
        shift = np.zeros((self.n, self.n))
        shift[0] = r.lowering_weight @ r.lowering
        self.cost[: self.n**2] = -(r.linear + (shift + shift.T) / 2).ravel()
        self.cost[self.n**2 : self.n**2 + self.p] = -r.raising_weight
        for j in range(self.q):
            self.cost[self.n**2 + self.p + j * self.n] = 2 * r.lowering_weight[j]

    def cones(self, primal: Floats, constant: float) -> Floats:
        n, r = self.n, self.r
        Z, roots, x = np.split(primal, [n * n, n * n + self.p])
        Z, x = Z.reshape(n, n), x.reshape(self.q, n)
        squares = np.array([a @ Z @ a for a in r.raising])
        V = np.concatenate([x, x - r.lowering @ Z.T, r.sides @ Z.T])
        bounded = [constant - Z[1, 1]] if r.heads == 2 else []
        first = np.array([[a + constant, a - constant, 2 * g] for a, g in zip(squares, roots, strict=True)])
        second = np.concatenate([V[:, :1], V[:, r.heads :]], axis=1)
        return np.concatenate([first.ravel(), second.ravel(), (V @ self.walls.T).ravel(), bounded])

    def point(self, numbers: Floats) -> Point:
        n, cones = (
            self.n,
            self.A.shape[0] + 2 - self.r.heads,
        )  # without a bounded head its place is there and means nothing
        ends = np.cumsum([n * n, n * n, self.p + self.q * n, 2, cones])
        Z, S, rest, lam, s, z = np.split(numbers, ends)
        kept = slice(self.A.shape[0])
        Z = Z.reshape(n, n)
        return Point(Z, np.concatenate([Z.ravel(), rest]), S.reshape(n, n), lam, s[kept], z[kept])

    def primal_gap(self, at: Point) -> Floats:
        return self.A @ at.primal + self.b - at.s

    def dual_gap(self, at: Point) -> Floats:
        n = self.n
        gap = self.cost - self.A.T @ at.z
        on_Z = gap[: n * n].reshape(n, n)
        on_Z = (on_Z + on_Z.T) / 2 - at.S
        on_Z[0, 0] += at.lam[0]
        tail = np.arange(self.r.heads, n)
        on_Z[tail, tail] += at.lam[1]
        return np.concatenate([on_Z.ravel(), gap[n * n :]])


def path(relaxation: Relaxation, steps: int, level: float = -1e3) -> list[tuple[float, Floats]]:
    """(bound, iterate) after each step from the centre."""
    r, found = relaxation, []
    for most in range(1, steps + 1):
        parts = r.linear, r.raising, r.raising_weight, r.lowering, r.lowering_weight, r.sides
        bound, _, last, _, _ = improve(
            r.heads, parts, uniform(r.size, r.heads), 1e-2, (level, 0.0, 0.0, 0.0), most, lambda: False
        )
        found.append((bound, last))
    return found


@pytest.mark.parametrize("shape", SHAPES[:6])
def test_newton_steps_remove_the_residuals_at_one_rate(shape: tuple[int, int, int, int]) -> None:
    """A step p leaves (1 - p) of every primal residual and d leaves (1 - d) of every dual one: the linear equations are met.

    The residuals are those of the dense map and its transpose, so that the core's maps and adjoints are checked as well.
    """
    relaxation = relaxation_of(*shape)
    statement = Statement(relaxation)
    before, points = None, [statement.point(numbers) for _, numbers in path(relaxation, 6)]
    for at in points:
        now = statement.primal_gap(at), statement.dual_gap(at)
        assert at.Z[0, 0] == pytest.approx(1.0, abs=1e-9)
        assert np.trace(at.Z[relaxation.heads :, relaxation.heads :]) == pytest.approx(1.0, abs=1e-9)
        assert np.linalg.eigvalsh(at.Z)[0] > 0 and np.linalg.eigvalsh(at.S)[0] > 0
        if before is not None:
            for old, new in zip(before, now, strict=True):
                size = float(np.max(np.abs(old), initial=0.0))
                kept = float(old @ new) / float(old @ old) if size > 1e-9 else 0.0
                assert -1e-6 <= kept < 1 and np.max(np.abs(new - kept * old), initial=0.0) <= 1e-10
        before = now
    gaps = [float(np.sum(at.Z * at.S)) + float(at.s @ at.z) for at in points]
    assert gaps[-1] < 0.1 * gaps[0]


@pytest.mark.parametrize("shape", SHAPES)
def test_the_bound_of_the_duals_is_the_majorants(shape: tuple[int, int, int, int]) -> None:
    """What the core says its duals come to is what the node proves from them, none of them failing; two threads say the same."""
    for seed in range(3):
        node = node_of(*shape, seed)
        best = explore(node, -1.0, None, 1e-2, lambda: False).bound
        for level in (-1.0, best + 0.3 * node.unit, best * (1 - 1e-5)):
            with ThreadPoolExecutor(2) as pool:
                calls = [pool.submit(explore, node, level, None, 1e-2, lambda: False) for _ in range(2)]
                one, two = (call.result() for call in calls)
            assert node.proved_bound(one.majorant) == pytest.approx(one.bound, abs=1e-9 * node.unit)
            assert np.all(node.slopes_hold(one.majorant)) and np.all(node.normals_hold(one.majorant))
            assert (one.bound, one.steps) == (two.bound, two.steps) and np.array_equal(one.Z, two.Z)


def test_a_stop_is_heard_between_steps() -> None:
    """The method asks after every step, and what it has by then is a majorant."""
    node, asked = node_of(1, 4, 30, 0), []

    def stop() -> bool:
        asked.append(True)
        return len(asked) == 2

    outcome = explore(node, -1.0, None, 1e-2, stop)
    assert outcome.steps == len(asked) == 2 and outcome.proved(node) < np.inf


def odd_relaxations() -> dict[str, Relaxation]:
    base = relaxation_of(1, 3, 12, 2)
    parts = base.linear, base.raising, base.raising_weight, base.lowering, base.lowering_weight, base.sides
    linear, a, g, b, h, sides = parts
    none = np.zeros((0, 4))
    return {
        "no raising hinge": Relaxation(1, linear, none, np.zeros(0), b, h, sides),
        "no lowering hinge": Relaxation(1, linear, a, g, none, np.zeros(0), sides),
        "nothing but sides": Relaxation(1, linear, none, np.zeros(0), none, np.zeros(0), sides),
        "weights of all sizes": Relaxation(
            1, linear, a, g * 10.0 ** -np.arange(len(g)), b, h * 10.0 ** -np.arange(len(h)), sides
        ),
        "one hinge often": Relaxation(1, linear, np.repeat(a[:1], 9, axis=0), np.full(9, 0.1), b, h, sides),
        "opposite sides": Relaxation(1, linear, a, g, b, h, np.concatenate([sides[:1], -sides[:1]])),
        "a side twice": Relaxation(1, linear, a, g, b, h, np.concatenate([sides, sides])),
        "no part at all": Relaxation(1, linear, a, g, b, h, np.array([[0.0, *c] for c in (*np.eye(3), -np.ones(3))])),
    }


ODD = odd_relaxations()


@pytest.mark.parametrize("name", ODD)
def test_odd_relaxations_get_bounds(name: str) -> None:
    """Parts that are empty, flat or degenerate end in finitely many steps with a bound above what is attained."""
    r = ODD[name]
    bound, multipliers, _, _, steps = improve(
        1, (r.linear, r.raising, r.raising_weight, r.lowering, r.lowering_weight, r.sides), uniform(4, 1), 1e-2,
        (-1e3, 0.0, 0.0, 1e-7), 40, lambda: False,
    )  # fmt: skip
    assert 0 < steps <= 40 and bound < np.inf
    assert all(np.all(np.isfinite(part)) for part in multipliers)
    v = np.random.default_rng(0).standard_normal((4000, 4))
    v[:, 1:] /= np.sqrt(np.sum(v[:, 1:] ** 2, axis=1, keepdims=True))
    v[:, 0] = 1.0
    v = v[np.all(v @ r.sides.T >= 0, axis=1)]
    gains = np.einsum("ij,jk,ik->i", v, r.linear, v)
    gains += np.abs(v @ r.raising.T) @ r.raising_weight - np.abs(v @ r.lowering.T) @ r.lowering_weight
    assert np.all(gains <= bound + 1e-9)


def test_what_is_not_finite_has_no_bound() -> None:
    """NaN anywhere ends in an infinite bound, not in a majorant; wrong shapes are refused."""
    r = relaxation_of(1, 3, 12, 2)
    parts = [r.linear, r.raising, r.raising_weight, r.lowering, r.lowering_weight, r.sides]
    for k, part in enumerate(parts):
        spoiled = part.copy()
        spoiled[-1] = np.nan
        found = improve(
            1, (*parts[:k], spoiled, *parts[k + 1 :]), uniform(4, 1), 1e-2, (0.0, 0.5, 0.03, 1e-7), 40, lambda: False
        )
        assert found[0] == np.inf
    for heads, rows in ((3, parts), (1, [parts[0][:3], *parts[1:]]), (1, [*parts[:5], parts[5][:, :2]])):
        with pytest.raises(ValueError, match="shape|heads"):
            improve(heads, tuple(rows), uniform(4, 1), 1e-2, (0.0, 0.5, 0.03, 1e-7), 40, lambda: False)


# ascents


@pytest.mark.parametrize("seed", range(3))
def test_the_nearest_point_of_a_zonotope(seed: int) -> None:
    """The projected gradients' point is in the box, no worse than the start, and with enough steps it meets the optimality conditions."""
    rng = np.random.default_rng(seed)
    rows, target = rng.standard_normal((12, 4)), 3 * rng.standard_normal(4)
    start, rate = rng.uniform(0, 1, 12), 1 / np.linalg.eigvalsh(rows.T @ rows)[-1]
    t = zonotope.nearest_in_zonotope(rows, target, start, rate, 3000)
    gradient = rows @ (t @ rows - target)
    assert np.all((t >= 0) & (t <= 1))
    assert np.sum((target - t @ rows) ** 2) <= np.sum((target - start @ rows) ** 2)
    assert np.all(np.where(t == 0, gradient >= -1e-6, np.where(t == 1, gradient <= 1e-6, np.abs(gradient) <= 1e-6)))
    with pytest.raises(ValueError, match="coefficients"):
        zonotope.nearest_in_zonotope(rows, target, start[:5], rate, 3)
