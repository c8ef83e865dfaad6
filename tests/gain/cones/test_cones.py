"""Conical branch and bound, piece by piece: the cones cover, and each bound holds whatever the majorant's maker returns."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pytest
from exact import dot, fractions
from gain_cases import DEGENERATE, gaussian

from certify._core.trusted import exact_sum, middle_factor
from certify.gain.cones.brancher import ERROR, GAIN, LENGTH, PLUS_BASE, SLOPE, ConeBrancher, ConeState
from certify.gain.cones.fan import start_fan
from certify.gain.cones.hints import ConeHints
from certify.gain.question import GainProblem
from certify.gain.reduction import reduce_gain
from certify.gain.search.queue import Expansion, Part, Search

DIMENSIONS = pytest.mark.parametrize("r", [1, 2, 3, 4, 6])


def coordinates(cone: list[list[Fraction]], point: list[Fraction]) -> list[Fraction]:
    """The exact alpha with point = sum alpha_k v_k (Gauss-Jordan in rationals)."""
    r = len(point)
    table = [[cone[k][i] for k in range(r)] + [point[i]] for i in range(r)]
    for column in range(r):
        pivot = next(row for row in range(column, r) if table[row][column] != 0)
        table[column], table[pivot] = table[pivot], table[column]
        table[column] = [entry / table[column][column] for entry in table[column]]
        for row in range(r):
            if row != column:
                factor = table[row][column]
                table[row] = [a - factor * b for a, b in zip(table[row], table[column], strict=True)]
    return [row[-1] for row in table]


def holds(cone: list[list[Fraction]], point: list[Fraction]) -> bool:
    """Whether the point lies in the closed cone, exactly."""
    return all(alpha >= 0 for alpha in coordinates(cone, point))


def normals(seed: int, r: int, spread: float) -> np.ndarray:
    """Rows with directions that crowd, by the spread, around one axis."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal((40, r)) * np.geomspace(1.0, spread, r)


def exactly(cone: np.ndarray) -> list[list[Fraction]]:
    """The floats of a start cone's generators, which are exact."""
    return [fractions(v) for v in cone]


@DIMENSIONS
@pytest.mark.parametrize("spread", [1.0, 1e-3, 1e-9])
def test_the_start_cones_cover_space(r: int, spread: float) -> None:
    """Every point lies in one of the r + 1 cones, in exact arithmetic; positive multiples of their generators sum to exactly zero."""
    rng = np.random.default_rng(r)
    fan = start_fan(normals(r, r, spread))
    cones = [exactly(cone) for cone, _ in fan.cones()]
    assert len(cones) == r + 1
    for point in (rng.standard_normal((12, r)) * np.geomspace(1.0, spread, r)).tolist():
        assert any(holds(cone, fractions(point)) for cone in cones)
    assert np.all(fan.factors > 0)
    assert all(sum(column) == 0 for column in zip(*map(fractions, fan.vectors), strict=True))
    for generator, factor, vector in zip(fan.generators, fan.factors, fan.vectors, strict=True):
        assert fractions(generator) == [Fraction(float(factor)) * x for x in fractions(vector)]
        assert np.linalg.norm(generator) == pytest.approx(1.0, abs=1 / 15)


@DIMENSIONS
def test_walls_are_the_dual_basis(r: int) -> None:
    """walls_k . v_j is 1 for j = k and 0 otherwise."""
    for cone, walls in start_fan(normals(1, r, 0.1)).cones():
        assert walls @ cone.T == pytest.approx(np.eye(r), abs=1e-10)


def brancher_of(problem: GainProblem, **options) -> ConeBrancher:
    """Engine C on the problem."""
    return ConeBrancher(problem, reduce_gain(problem), **options)


@dataclass(frozen=True, slots=True)
class Replayed:
    """A part that `children` came to, and its generators as the splits make them in exact arithmetic."""

    part: Part
    generators: list[list[Fraction]]


def halved(brancher: ConeBrancher, replay: Replayed, split: int) -> list[Replayed]:
    """Both halves; the exact middle is s (v_a + v_b) for the factor that the floats tell."""
    part, exact = replay.part, replay.generators
    a, b = divmod(split - 1, brancher.reduced.rank)
    factor = Fraction(middle_factor(part.state.V[a], part.state.V[b]))
    middle = [factor * (x + y) for x, y in zip(exact[a], exact[b], strict=True)]
    return [
        Replayed(Part(part.bound, part.share / 2, child), [middle if k == gone else v for k, v in enumerate(exact)])
        for child, gone in zip(brancher.children(part.state, split), (b, a), strict=True)
    ]


def replayed(brancher: ConeBrancher, root: Part, expansion: Expansion) -> tuple[list[Replayed], list[Replayed]]:
    """What `children` makes of the splits: the leaves that are closed, and those that are left, in order."""
    pending, closed = [Replayed(root, exactly(root.state.V))], []
    for split in expansion.code.tolist():
        replay = pending.pop()
        if split:
            pending += reversed(halved(brancher, replay, split))
        else:
            closed.append(replay)
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
        assert any(holds(replay.generators, point) for replay in closed + left)


@pytest.mark.parametrize("seed", range(4))
def test_the_code_replays_to_the_open_cones(seed: int) -> None:
    """From the root and the splits alone `children` comes to exactly the open cones, in order, and to their shares."""
    brancher = brancher_of(gaussian(seed, 40, 3))
    for root in brancher.roots():
        expansion = brancher.expand(root, 0.2, 0.2, 30)
        closed, left = replayed(brancher, root, expansion)
        assert len(closed) == np.count_nonzero(expansion.code == 0)
        for replay, part in zip(left, expansion.open, strict=True):
            assert np.array_equal(replay.part.state.V, part.state.V)
            assert replay.part.share == part.share


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
    """Generators, h+, settled sums and slopes of an open cone are those of exact arithmetic, up to the error that it carries."""
    brancher = brancher_of(problem)
    for root in brancher.roots() if brancher.reduced.nu.size else []:
        half, expansion = brancher.halves[root.state.sign], brancher.expand(root, 0.0, 0.0, 24)
        lowest = sum(fractions(np.abs(half.minus).sum(axis=0)), Fraction(0))
        for part, replay in list(zip(expansion.open, replayed(brancher, root, expansion)[1], strict=True))[:3]:
            state = part.state
            listed = set((half.all_plus if state.plus is None else state.plus).tolist())
            for k, v in enumerate(replay.generators):
                values = [dot(fractions(row), v) for row in half.plus]
                allowed = Fraction(float(state.numbers[ERROR, k] * state.numbers[LENGTH, k]))
                off = [x - y for x, y in zip(v, fractions(state.V[k]), strict=True)]
                assert dot(off, off) <= allowed**2
                allowed *= Fraction(half.mass)
                assert abs(Fraction(float(state.numbers[GAIN, k])) - sum(max(x, 0) for x in values)) <= allowed
                settled = sum(max(x, 0) for i, x in enumerate(values) if i not in listed)
                assert abs(Fraction(float(state.numbers[PLUS_BASE, k])) - settled) <= allowed
                assert abs(Fraction(float(state.numbers[SLOPE, k]))) <= lowest * 2


def test_errors_are_counted_through_many_splits() -> None:
    """Along forty splits the exact middles stay within the errors of their floats, which hardly grow."""
    brancher = brancher_of(gaussian(3, 12, 3))
    replay = Replayed(brancher.roots()[0], exactly(brancher.roots()[0].state.V))
    rng, part = np.random.default_rng(0), replay.part
    for _ in range(40):
        expansion = brancher.expand(part, 0.0, 0.0, 1)
        if not expansion.code[0]:
            break
        side = int(rng.integers(2))
        part, replay = expansion.open[side], halved(brancher, replay, int(expansion.code[0]))[side]
    assert len(replay.generators[0][0].as_integer_ratio()) == 2
    errors, lengths = part.state.numbers[ERROR], part.state.numbers[LENGTH]
    for v, floats, error, length in zip(replay.generators, part.state.V, errors, lengths, strict=True):
        off = [x - y for x, y in zip(v, fractions(floats), strict=True)]
        assert dot(off, off) <= Fraction(float(error * length)) ** 2
        assert error < 1e-12


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


def test_edges_that_cannot_be_split() -> None:
    """The factor is short and brings the middle to about length 1; opposite and equal generators have none."""
    x, y = np.array([1.0, 0.5]), np.array([0.5, -0.25])
    factor = middle_factor(x, y)
    assert np.linalg.norm(factor * (x + y)) == pytest.approx(1.0, abs=1 / 15)
    assert (16 * np.frexp(factor)[0]).is_integer()
    for other in (-x, x, x * (1 + 2.0**-45), np.full(2, np.nan), np.full(2, np.inf)):
        assert middle_factor(x, other) == 0.0


def test_a_rounded_midpoint_is_refused() -> None:
    """exact_sum gives a power of two only where the sum of two generators is a float vector."""
    x, y = np.array([1.0, 0.5]), np.array([0.5, -0.25])
    scale = exact_sum(x, y)
    assert 1 <= np.linalg.norm(scale * (x + y)) < 2
    assert np.frexp(scale)[0] == 0.5
    assert exact_sum(x, np.array([2.0**-60, 0.0])) == 0.0
    assert exact_sum(x, -x) == 0.0


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
