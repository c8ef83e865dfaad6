"""The core's bounds of pairs of cones, against a plain statement of the same bound and against directions in rationals."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from exact import dot, fractions
from scipy.optimize import lsq_linear, nnls

from certify._core.outputs import Pairs
from certify.gain.cones.fan import start_fan
from certify.gain.engine import Question, bound_gain
from certify.gain.outputs.brancher import OutputBrancher
from certify.gain.question import GainProblem, Limits
from certify.gain.reduction import reduce_gain


def brancher_of(rows: np.ndarray, nu: np.ndarray) -> OutputBrancher:
    """The engine on rows (n, r) and weights (n, k)."""
    problem = GainProblem(rows, nu)
    return OutputBrancher(problem, reduce_gain(problem))


def random_rows(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows (n, r) and weights (n, k); sometimes parallel rows, weights that are zero, and rows of very different lengths."""
    rng = np.random.default_rng(seed)
    n, r, k = int(rng.integers(4, 12)), int(rng.integers(1, 5)), int(rng.integers(1, 5))
    rows, nu = rng.standard_normal((n, r)), rng.standard_normal((n, k))
    if seed % 3 == 1:
        rows[1], nu[2] = 2 * rows[0], 0.0
    if seed % 3 == 2:
        rows *= 2.0 ** rng.integers(-20, 20, size=(n, 1))
    return rows, nu


def some_pair(brancher: OutputBrancher, seed: int, splits: int) -> np.ndarray:
    """A start pair, or one of those that random splits make of it."""
    rng, r, k = np.random.default_rng(seed), brancher.reduced.rank, brancher.outputs
    roots = brancher.roots()
    pair = roots[int(rng.integers(len(roots)))].state
    for _ in range(splits):
        code = int(rng.integers(1, r * r + k * k + 1))
        a, b = divmod(code - 1, r) if code <= r * r else divmod(code - 1 - r * r, k)
        halves = brancher._work().children(pair, code)
        assert halves is not None or a == b or splits > 100  # an edge may become too short to be split
        pair = pair if halves is None else halves[int(rng.integers(2))]
    return pair


def plain_bound(brancher: OutputBrancher, V: np.ndarray, E: np.ndarray) -> float:
    """The bound as docs/theory.md, section 9.7, states it: a program for each generator of v, and one for all."""
    walls, scale = np.linalg.inv(V).T, brancher.reduced.dual_scale
    levels = []
    for e in E:
        weights = brancher.nu @ e
        plus, minus = (np.abs(w)[:, None] * brancher.rows for w in (np.maximum(weights, 0), np.minimum(weights, 0)))
        p = np.maximum(V @ plus.T, 0).sum(axis=1) @ walls
        columns = np.vstack([-minus, walls]) * scale
        upper = np.append(np.ones(len(minus)), np.full(len(V), np.inf))
        found = lsq_linear(columns.T, -p * scale, (np.zeros(upper.size), upper), method="bvls", tol=1e-14)
        levels.append(float(np.linalg.norm(found.x @ columns + p * scale)))
    inverse = np.linalg.inv(E)
    multipliers, _ = nnls(inverse, -inverse @ np.array(levels))
    return float(np.linalg.norm(inverse @ (np.array(levels) + multipliers)))


@pytest.mark.parametrize("splits", [0, 3, 12])
@pytest.mark.parametrize("seed", range(12))
def test_bounds_are_those_of_the_plain_statement(seed: int, splits: int) -> None:
    """The core's bound is the plain one, to rounding, and not below it."""
    brancher = brancher_of(*random_rows(seed))
    pair = some_pair(brancher, seed, splits)
    V, E = brancher.cones(pair)
    if np.linalg.cond(V) * np.linalg.cond(E) > 1e6:
        pytest.skip("the plain programs are too inaccurate on a cone that is so flat")
    plain, (bound, _) = plain_bound(brancher, V, E), brancher._work().bounded(pair)
    scale = brancher.mass
    assert plain - 1e-9 * scale <= bound <= plain * (1 + 1e-6) + 1e-9 * scale


@pytest.mark.parametrize("splits", [0, 5, 40, 150])
@pytest.mark.parametrize("seed", range(9))
def test_no_direction_of_a_pair_exceeds_its_bound(seed: int, splits: int) -> None:
    """(nu v).(Zu)_+, in rationals, for u and v in the cones: at generators, middles and random places, also of cones that are flat."""
    brancher = brancher_of(*random_rows(seed))
    pair = some_pair(brancher, seed, splits)
    V, E = brancher.cones(pair)
    bound, _ = brancher._work().bounded(pair)
    assert bound >= 0
    rng = np.random.default_rng(seed)
    rows, nu = ([fractions(row) for row in array] for array in (brancher.rows, brancher.nu))
    for trial in range(6):
        alpha, gamma = (
            rng.exponential(size=m) * (rng.random(m) < (0.5 if trial % 2 else 1.0)) for m in (len(V), len(E))
        )
        u = [dot(fractions(alpha), fractions(column)) for column in V.T]
        v = [dot(fractions(gamma), fractions(column)) for column in E.T]
        value = sum(dot(weights, v) * max(dot(row, u), 0) for row, weights in zip(rows, nu, strict=True))
        squares = dot(u, u) * dot(v, v)
        assert value <= 0 or bound == np.inf or value**2 <= Fraction(bound) ** 2 * squares


def test_what_is_not_finite_proves_nothing() -> None:
    """Rows, weights or generators that are not numbers, or infinite, give an infinite bound and no leaf."""
    rng = np.random.default_rng(0)
    V, E = start_fan(np.eye(3)).cones()[0][0], start_fan(np.eye(2)).cones()[0][0]
    for bad in (np.nan, np.inf, -np.inf, 1e308):
        for place in range(4):
            rows, nu, v, e = rng.standard_normal((6, 3)), rng.standard_normal((6, 2)), V.copy(), E.copy()
            (rows, nu, v, e)[place][0, 0] = bad
            work = Pairs(rows, nu, np.ones(3), 1.0, 100.0, 1e-14)
            bound, _ = work.bounded(work.start(v, e, 1e-14))
            _, bounds, code, closed, _, _ = work.explore(work.start(v, e, 1e-14), np.inf, 1e3, 0.0, 1)
            assert bound == np.inf
            assert closed == np.inf or (code[0] > 0 and np.all(bounds == np.inf))


def test_children_cover_their_pair() -> None:
    """A split cuts one cone in two at a point of an edge and leaves the other, and unknown bounds are unknown."""
    brancher = brancher_of(*random_rows(3))
    r, k = brancher.reduced.rank, brancher.outputs
    pair = some_pair(brancher, 3, 4)
    V, E = brancher.cones(pair)
    for code in range(1, r * r + k * k + 1):
        of_u = code <= r * r
        a, b = divmod(code - 1, r) if of_u else divmod(code - 1 - r * r, k)
        if a == b:
            with pytest.raises(ValueError, match="no middle"):
                brancher.children(pair, code)
            continue
        whole = V if of_u else E
        for half, gone, stays in zip(brancher.children(pair, code), (b, a), (a, b), strict=True):
            cut, other = brancher.cones(half) if of_u else brancher.cones(half)[::-1]
            assert np.array_equal(other, E if of_u else V)
            kept = [j for j in range(len(whole)) if j != gone]
            assert np.array_equal(cut[kept], whole[kept])
            shares = np.linalg.solve(whole.T, cut[gone])
            assert shares[gone] > 0 and shares[stays] == pytest.approx(shares[gone], rel=1e-9)
            assert np.all(np.abs(np.delete(shares, [gone, stays])) <= 1e-12 * shares[gone])
            assert half[-3 * k + gone] == np.inf and (not of_u or np.all(half[-3 * k : -2 * k] == np.inf))


def test_wrong_shapes_are_refused() -> None:
    """Pairs of another problem, and splits that there are not."""
    brancher = brancher_of(*random_rows(0))
    work, pair = brancher._work(), brancher.roots()[0].state
    for call in (lambda: work.bounded(pair[:-1]), lambda: work.children(pair, 0), lambda: work.children(pair, 10**6)):
        with pytest.raises(ValueError, match=r"numbers|no split"):
            call()
    with pytest.raises(ValueError, match="outputs"):
        Pairs(np.ones((3, 2)), np.ones((2, 2)), np.ones(2), 1.0, 1.0, 0.0)


@pytest.mark.parametrize("seed", [1, 2, 6])
def test_close_bounds_take_few_nodes(seed: int) -> None:
    """Bounds that are brought to convergence lead to the edges that lose: 5 samples, 4 inputs, 2 outputs to 1e-6 in a few hundred nodes."""
    rng = np.random.default_rng(seed)
    problem = GainProblem(rng.standard_normal((5, 4)), rng.standard_normal((5, 2)))
    bound = bound_gain(problem, Question(tolerance=1e-6), Limits(nodes=2_000))
    assert bound.settled and bound.upper <= bound.lower * (1 + 1.01e-6)
