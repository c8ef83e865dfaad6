"""Conical branch and bound, piece by piece: the cones cover, and each bound holds whatever the majorant's maker returns."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from exact import dot, fractions
from gain_cases import DEGENERATE, gaussian, use_kernel

from certify.gain.cones import kernel, kernel_trusted
from certify.gain.cones.brancher import ConeBrancher, ConeState, start_fan
from certify.gain.cones.hints import ConeHints
from certify.gain.cones.kernel import ERROR, GAIN, LENGTH, PLUS_BASE
from certify.gain.question import GainProblem
from certify.gain.reduction import reduce_gain
from certify.gain.search.queue import Expansion, Part, Search

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


def brancher_of(problem: GainProblem, **options) -> ConeBrancher:
    """Engine C on the problem."""
    return ConeBrancher(problem, reduce_gain(problem), **options)


@pytest.fixture(autouse=True)
def interpreted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The interpreted kernel, whatever other tests have compiled."""
    use_kernel(kernel, monkeypatch)


def replayed(brancher: ConeBrancher, root: Part, expansion: Expansion) -> tuple[list[Part], list[Part]]:
    """What `children` makes of the splits: the leaves that are closed, and those that are left, in order."""
    pending, closed = [root], []
    for split in expansion.code.tolist():
        part = pending.pop()
        if split:
            children = [Part(part.bound, part.share / 2, child) for child in brancher.children(part.state, split)]
            pending += reversed(children)
        else:
            closed.append(part)
    return closed, pending[::-1]


@pytest.mark.parametrize("r", [2, 3, 4])
def test_children_cover_their_parent(r: int) -> None:
    """After many splits each point of the root cone lies, exactly, in a leaf."""
    brancher, rng = brancher_of(gaussian(r, 30, r)), np.random.default_rng(r)
    root = brancher.roots()[0]
    closed, left = replayed(brancher, root, brancher.expand(root, 0.0, 0.0, 25))
    for _ in range(25):
        alpha = fractions(rng.exponential(size=r) * rng.integers(0, 2, r))
        point = [dot(alpha, fractions(column)) for column in root.state.V.T]
        assert any(holds(part.state.V, point) for part in closed + left)


@pytest.mark.parametrize("seed", range(4))
def test_the_code_replays_to_the_open_cones(seed: int) -> None:
    """From the root and the splits alone `children` comes to exactly the open cones, in order, and to their shares."""
    brancher = brancher_of(gaussian(seed, 40, 3))
    for root in brancher.roots():
        expansion = brancher.expand(root, 0.2, 0.2, 30)
        closed, left = replayed(brancher, root, expansion)
        assert len(closed) == np.count_nonzero(expansion.code == 0)
        for replay, part in zip(left, expansion.open, strict=True):
            assert np.array_equal(replay.state.V, part.state.V)
            assert replay.share == part.share


@pytest.mark.parametrize("free_bias", [False, True])
@pytest.mark.parametrize("seed", range(6))
def test_an_open_cone_s_bound_holds_on_it(seed: int, free_bias: bool) -> None:
    """No unit vector of an open cone has a larger value than the cone's bound."""
    rng = np.random.default_rng(seed)
    problem = gaussian(seed, 40, int(rng.integers(2, 5)), free_bias)
    brancher = brancher_of(problem)
    for root in brancher.roots():
        half = brancher.halves[root.state.sign]
        for part in brancher.expand(root, 0.0, 0.0, 20).open:
            u = rng.exponential(size=(200, brancher.reduced.rank)) @ part.state.V
            values = np.maximum(u @ half.plus.T, 0).sum(axis=1) - np.maximum(u @ half.minus.T, 0).sum(axis=1)
            assert np.all(values <= part.bound * np.linalg.norm(u / brancher.reduced.dual_scale, axis=1))


@pytest.mark.parametrize("problem", DEGENERATE.values(), ids=DEGENERATE)
def test_inherited_numbers_are_within_their_errors(problem: GainProblem) -> None:
    """h+ and the settled sums of an open cone are those of all rows, in rationals, up to the error that the cone carries."""
    brancher = brancher_of(problem)
    for root in brancher.roots() if brancher.reduced.nu.size else []:
        half = brancher.halves[root.state.sign]
        for part in brancher.expand(root, 0.0, 0.0, 24).open[:3]:
            state = part.state
            listed = set((half.all_plus if state.plus is None else state.plus).tolist())
            for k, v in enumerate(state.V):
                values = [dot(fractions(row), fractions(v)) for row in half.plus]
                allowed = Fraction(float(state.numbers[ERROR, k] * half.mass * state.numbers[LENGTH, k]))
                assert abs(Fraction(float(state.numbers[GAIN, k])) - sum(max(x, 0) for x in values)) <= allowed
                settled = sum(max(x, 0) for i, x in enumerate(values) if i not in listed)
                assert abs(Fraction(float(state.numbers[PLUS_BASE, k])) - settled) <= allowed


@pytest.mark.parametrize("seed", range(3))
def test_dropped_lists_change_nothing_but_the_time(seed: int) -> None:
    """Where no list may be kept, and after a checkpoint, the search makes the same splits and ends at the same bound."""
    problem = gaussian(seed, 400, 3)
    free, tight = brancher_of(problem), brancher_of(problem, kept_rows=0)
    ends = []
    for brancher, through in ((free, False), (tight, False), (free, True)):
        nodes, bounds = 0, []
        for root in brancher.roots():
            for part in brancher.expand(root, 2.0, 2.0, 6).open:
                state = brancher.restore(brancher.snapshot(part.state)) if through else part.state
                assert brancher is free or state.plus is None or state.plus.size + state.minus.size <= 100
                rest = brancher.expand(Part(part.bound, part.share, state), 2.0, 2.0, 6)
                nodes, bounds = nodes + rest.nodes, bounds + [rest.closed, *(p.bound for p in rest.open)]
        ends.append((nodes, bounds))
    assert ends[0][0] == ends[1][0] == ends[2][0]
    assert ends[0][1] == pytest.approx(ends[1][1], rel=1e-9, abs=1e-12)
    assert ends[0][1] == pytest.approx(ends[2][1], rel=1e-9, abs=1e-12)


def test_kept_lists_stay_within_the_budget() -> None:
    """The lists of all open cones together are no longer than what may be kept, but for those no longer than a cone."""
    brancher = brancher_of(gaussian(0, 3000, 3), kept_rows=6000)
    parts = [child for root in brancher.roots() for child in brancher.expand(root, 0.0, 0.0, 40).open]
    sizes = [p.state.plus.size + p.state.minus.size for p in parts if p.state.plus is not None]
    assert any(p.state.plus is None for p in parts)
    assert sum(size for size in sizes if size > 4 * 9 + 64) <= 6000


def test_a_stopped_expansion_returns_its_part() -> None:
    """Asked to stop, the brancher hands the part back as it is."""
    brancher = brancher_of(gaussian(0, 30, 3))
    brancher.stop = lambda: True
    part = brancher.roots()[0]
    expansion = brancher.expand(part, 0.0, 0.0, 10)
    assert (expansion.open, expansion.nodes, expansion.closed) == ([part], 0, 0.0)


@pytest.mark.parametrize("problem", DEGENERATE.values(), ids=DEGENERATE)
def test_hints_prove_their_leaf_exactly(problem: GainProblem) -> None:
    """In rationals: z majorises h+ - q at every generator, q is a mixture of subgradients, and |z| is at most the bound."""
    brancher = brancher_of(problem)
    for root in brancher.roots() if brancher.reduced.nu.size else []:
        for part in brancher.expand(root, 0.0, 0.0, 12).open[:2]:
            hints = brancher.leaf_hints(part.state.V, part.state.sign, 1.5 * part.bound + 1e-9)
            assert hints is not None
            assert hints.bound <= 1.5 * part.bound + 1e-9
            check_hints(brancher, part.state, hints)


def check_hints(brancher: ConeBrancher, state: ConeState, hints: ConeHints) -> None:
    """All that ConeHints promises, in rationals, from the reduced rows and nu."""
    reduced = brancher.reduced
    rows = [fractions(row) for row in reduced.rows]
    nu = [state.sign * weight for weight in fractions(reduced.nu)]
    weights, z = fractions(hints.weights), fractions(hints.z)
    assert len(weights) <= reduced.rank + 1
    assert sum(weights) == 1
    assert min(weights) >= 0
    q = [Fraction(0)] * reduced.rank
    for point, weight in zip(hints.points, weights, strict=True):
        gated = [
            -w * weight if w < 0 and dot(row, fractions(point)) > 0 else 0 for w, row in zip(nu, rows, strict=True)
        ]
        q = [old + dot(gated, column) for old, column in zip(q, zip(*rows, strict=True), strict=True)]
    for v in state.V:
        h_plus = sum(w * max(dot(row, fractions(v)), 0) for w, row in zip(nu, rows, strict=True) if w > 0)
        assert dot(z, fractions(v)) >= h_plus - dot(q, fractions(v))
    assert (
        sum((a * b) ** 2 for a, b in zip(z, fractions(reduced.dual_scale), strict=True)) <= Fraction(hints.bound) ** 2
    )


def test_no_hints_for_what_is_not_true() -> None:
    """Below a value that is attained on the cone there is no proof."""
    brancher = brancher_of(gaussian(1, 30, 3))
    for root in brancher.roots():
        half, v = brancher.halves[root.state.sign], np.sum(root.state.V, axis=0)
        value = (np.maximum(half.plus @ v, 0).sum() - np.maximum(half.minus @ v, 0).sum()) / np.linalg.norm(v)
        assert brancher.hints(root.state, value - 1e-6 * abs(value)) is None


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


@pytest.mark.parametrize("margin", [0.0, 1e-15, 1e-2])
@pytest.mark.parametrize("problem", [p for p in DEGENERATE.values() if not p.free_bias])
def test_sifting_keeps_the_sum(problem: GainProblem, margin: float) -> None:
    """On the cone, the crossing rows and the positive ones give the same sum of positive parts as all rows."""
    rows, nothing = problem.rows, np.zeros(problem.rows.shape[1])
    for cone, _ in start_fan(np.vstack([np.eye(nothing.size), rows[np.any(rows != 0, axis=1)]])):
        crossing, positive = kernel.compress(rows @ cone.T, np.linalg.norm(rows, axis=1), margin)
        for u in np.random.default_rng(0).exponential(size=(20, nothing.size)) @ cone:
            total = kernel.summed_relu(rows[crossing], rows[positive].sum(axis=0), u)
            assert total == pytest.approx(np.maximum(rows @ u, 0).sum(), rel=1e-12, abs=1e-9)


def test_a_rounded_midpoint_is_refused() -> None:
    """exact_sum gives a power of two only where the sum of two generators is a float vector."""
    x, y = np.array([1.0, 0.5]), np.array([0.5, -0.25])
    scale = kernel.exact_sum(x, y)
    assert 1 <= np.linalg.norm(scale * (x + y)) < 2
    assert np.frexp(scale)[0] == 0.5
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


@pytest.mark.parametrize("place", ["nothing", "NaN", "infinity", "negative"])
def test_a_mixture_without_weights_is_none(place: str) -> None:
    """Weights that are no convex combination give NaN, which no bound survives."""
    weights = {"nothing": [0.0, 0.0], "NaN": [np.nan, 1.0], "infinity": [np.inf, 1.0], "negative": [-0.5, 1.5]}[place]
    mixed = np.zeros(2)
    with np.errstate(all="ignore"):
        kernel_trusted.mixture(np.array(weights), np.eye(2), 2, mixed)
    assert np.all(np.isnan(mixed))


@pytest.mark.parametrize("seed", range(4))
def test_cones_dropped_unexplored_keep_their_bound(seed: int) -> None:
    """What a gain from outside settles at once is not forgotten: the upper bound stays above the maximum."""
    problem = gaussian(seed, 30, 3)
    truth = max(abs(problem.gain(u)) for u in np.random.default_rng(0).standard_normal((2000, 3)))
    search = Search(brancher_of(problem), 0.0, 1e-6)
    search.advance(64, 1, lambda: False, lambda: False)
    search.attain(10 * search.upper)
    assert search.finished
    assert search.upper >= truth
