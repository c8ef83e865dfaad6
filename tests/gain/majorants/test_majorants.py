"""Engine S and the quick bound: every bound is one, and settled ones are exact."""

from __future__ import annotations

import math
import time
from itertools import combinations

import cvxpy as cp
import numpy as np
import pytest

from certify.gain.majorants.alone import bound_gain_by_majorants
from certify.gain.majorants.bounding import explore
from certify.gain.majorants.brancher import MajorantBrancher
from certify.gain.majorants.node import Majorant, Node, one_sign
from certify.gain.majorants.quadratic import multipliers_prove, proved_maximum
from certify.gain.majorants.reduction import homogenised
from certify.gain.question import GainBound, GainProblem, Limits
from certify.gain.quick import quick_gain_bound
from certify.gain.search.queue import Search
from certify.gain.search.tree import LEAF


def settle(problem: GainProblem, tolerance: float = 1e-6, **options) -> GainBound:
    options = {"threshold": 0.0, "limits": Limits().within(seconds=20), **options}
    return bound_gain_by_majorants(problem, tolerance=tolerance, **options)


def planar_maximum(rows: np.ndarray, nu: np.ndarray) -> float:
    """max |nu.(Zu)_+| over the circle, exactly: on an arc between kinks the gain is g.u."""
    normals = rows[np.any(rows != 0, axis=1)]
    turns = np.arctan2(normals[:, 0], -normals[:, 1])
    cuts = np.unique(np.concatenate([turns, turns + np.pi, [0.0]]) % (2 * np.pi))
    best = 0.0
    for low, high in zip(cuts, np.append(cuts[1:], cuts[0] + 2 * np.pi), strict=True):
        middle = np.array([math.cos((low + high) / 2), math.sin((low + high) / 2)])
        g = (nu * (rows @ middle > 0)) @ rows
        ends = [np.array([math.cos(a), math.sin(a)]) for a in (low, high)]
        best = max(best, *(abs(g @ u) for u in ends))
        inside = (math.atan2(g[1], g[0]) - low) % np.pi
        if inside <= high - low:
            best = max(best, float(np.linalg.norm(g)))
    return best


def spatial_maximum(rows: np.ndarray, nu: np.ndarray, rng: np.random.Generator) -> float:
    """The same in three dimensions: the best point of every face of every cell met by dense sampling."""
    patterns = np.unique(rng.standard_normal((20_000, 3)) @ rows.T > 0, axis=0)
    gradients = (patterns * nu) @ rows
    best = 0.0
    for size in range(3):
        for face in combinations(range(len(rows)), size):
            plane = np.linalg.qr(rows[list(face)].T)[0] if size else np.zeros((3, 0))
            u = gradients - (gradients @ plane) @ plane.T
            lengths = np.linalg.norm(u, axis=1)
            u = u[lengths > 1e-12] / lengths[lengths > 1e-12, None]
            u = np.concatenate([u, -u])
            best = max(best, float(np.abs(np.maximum(u @ rows.T, 0) @ nu).max(initial=0.0)))
    return best


def sampled_gain(problem: GainProblem, rng: np.random.Generator, count: int = 2_000) -> float:
    """The largest gain of many random directions and the data's own."""
    directions = rng.standard_normal((count, problem.rows.shape[1]))
    if problem.free_bias:
        directions[:, -1] *= 2 * np.abs(problem.rows[:, :-1]).max()
    sizes = np.maximum(np.abs(problem.rows).max(axis=1, keepdims=True), 2.0**-1000)
    directions = np.concatenate([directions, problem.rows / sizes])
    return max(abs(problem.gain(u)) for u in directions)


def free(points: np.ndarray, nu: np.ndarray) -> GainProblem:
    """A free-bias problem; nu is put on a grid where it sums to exactly zero."""
    grid = np.round(nu * 2**20) / 2**20
    grid[0] -= math.fsum(grid)
    return GainProblem(np.column_stack([points, np.ones(len(points))]), grid, free_bias=True)


def odd_problems() -> dict[str, GainProblem]:
    rng = np.random.default_rng(5)
    X, nu = rng.standard_normal((30, 5)), rng.standard_normal(30)
    thin = rng.standard_normal((30, 2)) @ rng.standard_normal((2, 7))
    stretched = X * 10.0 ** np.array([-8, -3, 0, 4, 8])
    wide = rng.standard_normal((6, 40))
    return {
        "one sample": GainProblem(X[:1], nu[:1]),
        "one sample, negative": GainProblem(X[:1], -np.abs(nu[:1])),
        "one column": GainProblem(X[:, :1], nu),
        "rank deficient": GainProblem(thin, nu),
        "wide": GainProblem(wide, nu[:6]),
        "duplicates": GainProblem(np.repeat(X[:10], 3, axis=0), nu),
        "opposite rows": GainProblem(np.concatenate([X[:15], -2 * X[:15]]), nu),
        "zero rows": GainProblem(np.where(np.arange(30)[:, None] % 4 == 0, 0.0, X), nu),
        "zeros in nu": GainProblem(X, np.where(np.arange(30) % 3 == 0, 0.0, nu)),
        "all positive": GainProblem(X, np.abs(nu)),
        "all negative": GainProblem(X, -np.abs(nu)),
        "tiny": GainProblem(X * 1e-8, nu * 1e-8),
        "huge": GainProblem(X * 1e8, nu * 1e8),
        "mixed sizes": GainProblem(X * 10.0 ** (-10 * np.arange(30))[:, None], nu * 10.0 ** (10 * np.arange(30))),
        "beyond squares": GainProblem(X * 1e200, nu * 1e-150),
        "below squares": GainProblem(X * 1e-200, nu * 1e-80),
        "stretched": GainProblem(stretched, nu),
        "free": free(X, nu),
        "free, far from the origin": free(X + 1e4, nu),
        "free, one column": free(X[:, :1], nu),
        "free, rank deficient": free(thin, nu),
        "free, one point thrice": free(np.repeat(X[:10], 3, axis=0), nu),
        "free, tiny": free(X * 1e-8, nu),
        "free, a point at the centre": free(np.vstack([X[:14], -X[:14], 1e-200 * X[28:]]), nu),
        "free, wide": free(wide, nu[:6]),
    }


ODD = odd_problems()


@pytest.mark.parametrize("name", ODD)
def test_bounds_hold_on_odd_inputs(name: str) -> None:
    """The quick bound and the search's, cut short anywhere, lie above every sampled gain, and are finite."""
    problem = ODD[name]
    seen = sampled_gain(problem, np.random.default_rng(1)) * (1 - 1e-12)
    assert seen <= quick_gain_bound(problem) < math.inf
    for nodes in (0, 1, 6):
        bound = settle(problem, limits=Limits(nodes=nodes).within(seconds=20))
        assert bound.lower <= bound.upper
        assert seen <= bound.upper <= quick_gain_bound(problem)


EASY = ["one sample", "one column", "rank deficient", "opposite rows", "tiny", "huge", "free, one column"]


@pytest.mark.parametrize("name", EASY)
def test_odd_inputs_are_settled_too(name: str) -> None:
    """Where the problem is small, odd data do not keep the search from ending at the tolerance."""
    bound = settle(ODD[name], tolerance=1e-5)
    assert bound.settled and bound.upper <= bound.lower * (1 + 1.2e-5)


@pytest.mark.parametrize("seed", range(8))
def test_planar_problems_are_solved_exactly(seed: int) -> None:
    """In two dimensions a settled bound encloses the exact maximum within the tolerance."""
    rng = np.random.default_rng(seed)
    rows, nu = rng.standard_normal((12, 2)), rng.standard_normal(12)
    exact = planar_maximum(rows, nu)
    bound = settle(GainProblem(rows, nu))
    assert bound.settled
    assert bound.lower <= exact * (1 + 1e-12) and exact * (1 - 1e-12) <= bound.upper <= exact * (1 + 1.1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_spatial_problems_agree_with_all_patterns(seed: int) -> None:
    """In three dimensions a settled bound encloses the best over all faces of all cells."""
    rng = np.random.default_rng(100 + seed)
    rows, nu = rng.standard_normal((9, 3)), rng.standard_normal(9)
    exact = spatial_maximum(rows, nu, rng)
    bound = settle(GainProblem(rows, nu))
    assert bound.settled
    assert bound.lower <= exact * (1 + 1e-9) and exact * (1 - 1e-9) <= bound.upper <= exact * (1 + 1.1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_free_bias_on_a_line_is_exact(seed: int) -> None:
    """With one input and a free bias the gain is largest at a kink b = -x_i w, w = 1 or -1."""
    rng = np.random.default_rng(200 + seed)
    problem = free(rng.standard_normal((15, 1)) + 3 * seed, rng.standard_normal(15))
    x = problem.rows[:, 0]
    exact = max(abs(problem.gain(np.array([w, -w * b]))) for w in (1.0, -1.0) for b in x)
    bound = settle(problem)
    assert bound.settled
    assert bound.lower <= exact * (1 + 1e-12) and exact * (1 - 1e-12) <= bound.upper <= exact * (1 + 1.1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_free_bias_in_the_plane_is_exact(seed: int) -> None:
    """With a free bias the best bias is a kink, which leaves planar problems with the rows x_j - x_i."""
    rng = np.random.default_rng(300 + seed)
    problem = free(rng.standard_normal((10, 2)), rng.standard_normal(10))
    points = problem.rows[:, :-1]
    exact = max(planar_maximum(points - centre, problem.nu) for centre in points)
    bound = settle(problem, tolerance=1e-5)
    assert bound.settled
    assert bound.lower <= exact * (1 + 1e-12) and exact * (1 - 1e-12) <= bound.upper <= exact * (1 + 1.1e-5)


def test_orthonormal_rows_have_the_known_gain() -> None:
    """For X = I the maximum is the larger norm of the positive and the negative part of nu (oracle O2)."""
    nu = np.array([3.0, 4.0, -1.0, -2.0])
    bound = settle(GainProblem(np.eye(4), nu))
    assert bound.settled and bound.upper == pytest.approx(5.0, rel=1e-6) and bound.lower == pytest.approx(5.0, rel=1e-9)


def test_witnesses_attain_what_they_say() -> None:
    """Witnesses are sorted, differ in pattern or sign, have unit size, and the first attains the lower bound."""
    rng = np.random.default_rng(7)
    for problem in (GainProblem(rng.standard_normal((25, 4)), rng.standard_normal(25)), ODD["free"]):
        bound = settle(problem, tolerance=1e-3)
        gains = [w.gain for w in bound.witnesses]
        assert gains == sorted(gains, reverse=True)
        assert bound.lower == pytest.approx(gains[0], rel=1e-9) and bound.lower <= gains[0]
        keys = {(w.sign, tuple(problem.rows @ w.direction > 0)) for w in bound.witnesses}
        assert len(keys) == len(bound.witnesses)
        for w in bound.witnesses:
            size = np.linalg.norm(w.direction[:-1] if problem.free_bias else w.direction)
            assert size == pytest.approx(1.0, rel=1e-12)
            assert w.sign * problem.gain(w.direction) == pytest.approx(w.gain, rel=1e-12)


def test_scaling_by_powers_of_two_is_exact() -> None:
    """Multiplying rows and nu by powers of two multiplies the bounds exactly."""
    problem = ODD["rank deficient"]
    moved = GainProblem(np.ldexp(problem.rows, 30), np.ldexp(problem.nu, -45))
    assert quick_gain_bound(moved) == math.ldexp(quick_gain_bound(problem), -15)
    one, other = settle(problem, tolerance=1e-3), settle(moved, tolerance=1e-3)
    assert other.upper == math.ldexp(one.upper, -15) and other.nodes == one.nodes


def test_rotations_permutations_and_zero_columns_change_nothing() -> None:
    """The settled bound does not depend on the basis, the order of samples, or empty columns."""
    rng = np.random.default_rng(11)
    rows, nu = rng.standard_normal((20, 4)), rng.standard_normal(20)
    turned = rows @ np.linalg.qr(rng.standard_normal((4, 4)))[0]
    order = rng.permutation(20)
    padded = np.insert(rows, [0, 2, 4], 0.0, axis=1)
    reference = settle(GainProblem(rows, nu))
    for problem in (GainProblem(turned, nu), GainProblem(rows[order], nu[order]), GainProblem(padded, nu)):
        bound = settle(problem)
        assert bound.settled and bound.upper == pytest.approx(reference.upper, rel=2.2e-6)


def test_nearly_low_rank_rows_keep_their_residual() -> None:
    """What a rotation to fewer coordinates drops is added to the bound: a column of 1e-13 still counts."""
    rng = np.random.default_rng(3)
    rows = rng.standard_normal((20, 3))
    rows[:, 2] = 0.0
    rows[5, 2] = 1e-17
    problem = GainProblem(rows, np.where(np.arange(20) == 5, 1e3, 1e-13 * rng.standard_normal(20)))
    hinges = homogenised(problem)
    assert settle(problem).upper >= 1e3 * np.linalg.norm(rows[5]) * (1 - 1e-12)
    assert hinges.slack >= 0


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_values_that_are_not_finite_fail_closed(bad: float) -> None:
    """No finite bound is given for rows or nu that hold NaN or infinity."""
    rows, nu = np.eye(3), np.ones(3)
    for r, c in ((0, 1), (2, 2)):
        spoiled = rows.copy()
        spoiled[r, c] = bad
        assert quick_gain_bound(GainProblem(spoiled, nu)) == math.inf
        with pytest.raises(ValueError, match="finite"):
            settle(GainProblem(spoiled, nu))
    with pytest.raises(ValueError, match="finite"):
        settle(GainProblem(rows, np.array([1.0, bad, 0.0])))


def test_a_free_bias_needs_a_zero_sum() -> None:
    """With a free bias and sum(nu) != 0 the gain is unbounded: infinity, or a refusal that shows the sum."""
    problem = GainProblem(np.column_stack([np.arange(3.0), np.ones(3)]), np.array([1.0, -0.5, -0.4]), free_bias=True)
    assert quick_gain_bound(problem) == math.inf
    with pytest.raises(ValueError, match=r"sum to exactly 0, not 0\.1"):
        settle(problem)


def test_nothing_to_gain_is_zero() -> None:
    """Zero rows, zero nu and no samples give zero; with one sign only, the other sign adds nothing."""
    for problem in (
        GainProblem(np.zeros((3, 2)), np.ones(3)),
        GainProblem(np.ones((3, 2)), np.zeros(3)),
        GainProblem(np.zeros((0, 2)), np.zeros(0)),
    ):
        assert quick_gain_bound(problem) == 0.0
        bound = settle(problem)
        assert (bound.lower, bound.upper, bound.settled) == (0.0, 0.0, True)


def test_the_search_ends_once_the_threshold_is_proved() -> None:
    """A threshold well above the maximum is proved at the roots, one node a sign."""
    rng = np.random.default_rng(4)
    problem = GainProblem(rng.standard_normal((60, 8)), rng.standard_normal(60))
    best = settle(problem, limits=Limits(nodes=1)).lower
    bound = settle(problem, threshold=3 * best)
    assert bound.settled and bound.upper <= 3 * best and bound.nodes <= 2


def test_progress_shows_true_bounds_that_never_worsen() -> None:
    """At every report lower <= M <= upper, the upper bound never rises and the lower never falls."""
    rng = np.random.default_rng(21)
    problem = GainProblem(rng.standard_normal((40, 5)), rng.standard_normal(40))
    seen: list[tuple[float, float, int]] = []
    bound = settle(problem, tolerance=1e-4, progress=lambda *now: seen.append(now))
    lowers, uppers, nodes = zip(*seen, strict=True)
    assert all(low <= bound.upper and high >= bound.lower for low, high, _ in seen)
    assert list(uppers) == sorted(uppers, reverse=True) and list(lowers) == sorted(lowers)
    assert list(nodes) == sorted(nodes) and bound.settled


def test_limits_stop_the_search_with_true_bounds() -> None:
    """A deadline in the past or a cancelled search still returns enclosing bounds, at once, and says so."""
    rng = np.random.default_rng(8)
    problem = GainProblem(rng.standard_normal((200, 12)), rng.standard_normal(200))
    for limits in (Limits(deadline=time.monotonic() - 1), Limits(cancelled=lambda: True)):
        begun = time.monotonic()
        bound = settle(problem, limits=limits)
        assert time.monotonic() - begun < 2 and not bound.settled
        assert sampled_gain(problem, rng, 200) <= bound.upper == quick_gain_bound(problem)


def test_ranks_out_of_reach_still_get_true_bounds() -> None:
    """Beyond the largest rank nothing is explored, and the quick bound and the witnesses are returned unsettled."""
    rng = np.random.default_rng(9)
    problem = GainProblem(rng.standard_normal((90, 80)), rng.standard_normal(90))
    bound = settle(problem)
    assert (bound.nodes, bound.settled, bound.upper) == (0, False, quick_gain_bound(problem))
    assert sampled_gain(problem, rng, 200) <= bound.upper and 0 < bound.lower <= bound.upper


@pytest.mark.parametrize(("threshold", "tolerance"), [(math.nan, 1e-3), (1.0, math.nan), (1.0, -1.0), (1.0, math.inf)])
def test_a_question_that_is_no_number_is_refused(threshold: float, tolerance: float) -> None:
    """NaN as threshold or tolerance would never be reached, so it is refused."""
    with pytest.raises(ValueError, match="must be numbers"):
        settle(GainProblem(np.eye(2), np.ones(2)), threshold=threshold, tolerance=tolerance)


def test_given_directions_are_used() -> None:
    """A start direction's gain is never lost, and directions that are not finite or zero do no harm."""
    rng = np.random.default_rng(13)
    problem = ODD["free"]
    starts = [rng.standard_normal(6), np.full(6, math.nan), np.zeros(6)]
    bound = settle(problem, limits=Limits(nodes=1), start=starts)
    assert bound.lower >= abs(problem.gain(starts[0])) * (1 - 1e-12)


def test_the_same_call_gives_the_same_answer() -> None:
    """The search has no randomness of its own."""
    problem = ODD["opposite rows"]
    one, other = (settle(problem, tolerance=1e-3) for _ in range(2))
    assert (one.lower, one.upper, one.nodes) == (other.lower, other.upper, other.nodes)


def some_node(free_bias: bool, rng: np.random.Generator) -> Node:
    problem = free(rng.standard_normal((20, 3)), rng.standard_normal(20)) if free_bias else ODD["rank deficient"]
    half = one_sign(homogenised(problem), 1)
    raising, lowering = np.flatnonzero(half.half > 0), np.flatnonzero(half.half < 0)
    return Node(half, ((int(raising[0]), 1), (int(lowering[2]), -1), (int(raising[3]), 1)))


def directions_of(node: Node, rng: np.random.Generator, count: int = 2_000) -> np.ndarray:
    """Random homogenised unit directions of the node."""
    heads, size = node.whole.heads, node.whole.points.shape[1]
    z = rng.standard_normal((count, size))
    z[:, heads:] /= np.linalg.norm(z[:, heads:], axis=1, keepdims=True)
    z[:, :heads] = np.column_stack([np.ones(count), rng.uniform(-1, 1, count)])[:, :heads]
    return z[np.all(z @ node.sides.T >= 0, axis=1)]


@pytest.mark.parametrize("free_bias", [False, True])
def test_any_multipliers_make_a_majorant(free_bias: bool) -> None:
    """Whatever the solver returns, the quadratic lies above the gain on the node, and its proved maximum above both."""
    rng = np.random.default_rng(17)
    node = some_node(free_bias, rng)
    half, sides, size = node.whole, node.sides, node.whole.points.shape[1]
    q, held = len(node.lowering), 0
    for trial in range(40):
        scale = 2.0 ** -(trial % 4)
        slopes = rng.uniform(-1, 1, (q, size)) * scale / size
        above, below = rng.exponential(size=(2, q, 3)) * scale
        # tilted far out of the unit ball, as the tilts allow, and sometimes farther
        slopes += (below if trial % 2 else -above) @ sides
        normals = np.column_stack([np.ones(3), rng.uniform(-1, 1, (3, size - 1)) / size]) * rng.exponential(size=(3, 1))
        widths, pairs = rng.exponential(size=len(node.raising)) + 1e-3, rng.exponential(size=3)
        majorant = Majorant(widths, slopes, above, below, normals, pairs)
        held += int(np.sum(node.slopes_hold(majorant)))
        Q, error = node.quadratic(majorant)
        v = directions_of(node, rng)
        heights = np.einsum("ij,jk,ik->i", v, Q, v)
        gains = np.array([half.gain(x) for x in v])
        assert len(v) and np.all(gains <= heights + 1e-12) and 0 < error < 1e-9
        assert np.all(heights <= node.proved_bound(majorant) + 1e-12)
    assert 0 < held < 40 * q


@pytest.mark.parametrize("free_bias", [False, True])
def test_slopes_that_hold_are_at_most_one(free_bias: bool) -> None:
    """A slope that passes pairs to at most 1 with every direction of the node, and negative or NaN tilts never pass."""
    rng = np.random.default_rng(18)
    node = some_node(free_bias, rng)
    q, size = len(node.lowering), node.whole.points.shape[1]
    v, passed = directions_of(node, rng), 0
    for trial in range(60):
        above, below = rng.exponential(size=(2, q, 3)) * rng.integers(0, 2, size=(2, q, 3))
        slopes = rng.standard_normal((q, size)) * 2.0 ** -(trial % 6) + (below - above) @ node.sides / 2
        nothing = np.zeros((3, size)), np.zeros(3)
        majorant = Majorant(np.ones(len(node.raising)), slopes, above, below, *nothing)
        holds = node.slopes_hold(majorant)
        passed += int(holds.sum())
        assert np.all(np.abs(v @ slopes[holds].T) <= 1)
        for spoiled in (-above - 1e-9, above * math.nan):
            with np.errstate(invalid="ignore"):
                assert not np.any(node.slopes_hold(Majorant(majorant.widths, slopes, spoiled, below, *nothing)))
    assert passed > 20


def test_the_proved_maximum_is_tight_and_never_low() -> None:
    """For random quadratics the proved maximum lies above sampling and within rounding of the best multipliers."""
    rng = np.random.default_rng(2)
    for size in (2, 3, 9):
        A = rng.standard_normal((size, size))
        Q = (A + A.T) / 2
        z = rng.standard_normal((200_000, size))
        z[:, 1:] /= np.linalg.norm(z[:, 1:], axis=1, keepdims=True)
        z[:, 0] = 1.0
        seen = float(np.einsum("ij,jk,ik->i", z, Q, z).max())
        proved = proved_maximum(Q, 1, 0.0)
        assert seen <= proved <= (seen + 0.02 if size < 9 else math.inf)


def test_the_multiplier_test_rejects_what_is_not_proved() -> None:
    """Multipliers a hair too small, errors too large for the slack, and NaN are all rejected."""
    Q = np.diag([1.0, 2.0, 3.0])
    assert multipliers_prove(Q, 1, np.array([1.0 + 1e-9, 3.0 + 1e-9]), 1e-12)
    assert not multipliers_prove(Q, 1, np.array([1.0, 3.0]), 1e-12)
    assert not multipliers_prove(Q, 1, np.array([1.0 + 1e-9, 3.0 + 1e-9]), 1e-8)
    assert not multipliers_prove(np.full((3, 3), math.nan), 1, np.array([1.0, 3.0]), 0.0)
    assert not multipliers_prove(Q, 1, np.array([math.nan, 9.0]), 0.0)
    assert not multipliers_prove(Q, 1, np.array([9.0, 9.0]), math.nan)
    assert proved_maximum(np.full((3, 3), math.nan), 1, 0.0) == math.inf


@pytest.mark.parametrize(("heads", "cuts"), [(1, 0), (1, 3), (2, 0), (2, 2)])
def test_the_solver_agrees_with_a_general_one(heads: int, cuts: int) -> None:
    """The node's bound equals the optimum of its semidefinite program as Clarabel finds it."""
    rng = np.random.default_rng(40 + heads)
    points, nu = rng.standard_normal((25, 4)), rng.standard_normal(25)
    problem = free(points, nu) if heads == 2 else GainProblem(points, nu)
    node = Node(one_sign(homogenised(problem), 1), tuple((k, 1) for k in range(cuts)))
    expected = clarabel_value(node) * node.unit
    outcome = explore(node, expected * (1 - 1e-6), None, 1e-3, lambda: False)
    assert outcome.proved(node) == pytest.approx(expected, rel=1e-5)


def clarabel_value(node: Node) -> float:
    r = node.relaxation
    Z = cp.Variable((r.size, r.size), PSD=True)
    x = cp.Variable(r.lowering.shape)
    blocks = [slice(k, k + 1) for k in range(1, r.heads)] + [slice(r.heads, None)]
    squares = cp.hstack([cp.sum(cp.multiply(np.outer(a, a), Z)) for a in r.raising])
    constraints = [Z[0, 0] == 1, sum(Z[k, k] for k in range(r.heads, r.size)) == 1]
    constraints += [Z[k, k] <= 1 for k in range(1, r.heads)]
    vectors = [x[j] for j in range(len(r.lowering))] + [x[j] - Z @ b for j, b in enumerate(r.lowering)]
    for vector in vectors + [Z @ side for side in r.sides]:
        constraints += [cp.norm(vector[part]) <= vector[0] for part in blocks]
        constraints += [r.sides @ vector >= 0] if len(r.sides) else []
    lowered = sum(
        h * (2 * x[j, 0] - Z[0] @ b) for j, (h, b) in enumerate(zip(r.lowering_weight, r.lowering, strict=True))
    )
    objective = cp.sum(cp.multiply(r.linear, Z)) + r.raising_weight @ cp.sqrt(squares) - lowered
    return float(cp.Problem(cp.Maximize(objective), constraints).solve(solver="CLARABEL"))


def searched(problem: GainProblem, tolerance: float, threads: int = 1, nodes: float = math.inf) -> Search:
    search = Search(MajorantBrancher(problem), 0.0, tolerance)
    search.advance(nodes, threads, lambda: False, lambda: False)
    return search


def branching_problem(free_bias: bool = False, samples: int = 30, inputs: int = 4) -> GainProblem:
    rng = np.random.default_rng(23)
    points, nu = rng.standard_normal((samples, inputs)), rng.standard_normal(samples)
    return free(points, nu) if free_bias else GainProblem(points, nu)


def leaves_of(search: Search, sign: int) -> list:
    root = next(k for k, part in enumerate(search.brancher.roots()) if part.state.sign == sign)
    pending, leaves = [search.brancher.roots()[root].state], []
    for split in search.tree.walk(root):
        state = pending.pop()
        if split == LEAF:
            leaves.append(state)
        else:
            pending.extend(reversed(search.brancher.children(state, split)))
    return leaves


@pytest.mark.parametrize("free_bias", [False, True])
def test_the_tree_leads_to_leaves_that_cover_and_can_be_proved_again(free_bias: bool) -> None:
    """The leaves of the recorded tree cover every direction, and each one's hints prove the bound of the search."""
    search = searched(branching_problem(free_bias), 1e-2)
    level = search.brancher.own_bound(search.upper * (1 + 1e-6))
    rng = np.random.default_rng(0)
    for sign in (1, -1):
        leaves = leaves_of(search, sign)
        hints = [search.brancher.hints(leaf, level) for leaf in leaves]
        assert all(found is not None and found.bound <= level for found in hints)
        v = directions_of(Node(search.brancher.halves[sign], ()), rng, 300)
        inside = [np.all(v @ found.node.sides.T >= 0, axis=1) for found in hints]
        assert len(leaves) > 1 and np.all(np.any(inside, axis=0))
        for found, here in zip(hints, inside, strict=True):
            assert all(found.node.whole.gain(x) <= found.bound for x in v[here])


def test_hints_that_cannot_be_had_are_refused() -> None:
    """Below what a part attains there is no proof, and none is given."""
    search = searched(branching_problem(), 1e-2, nodes=2)
    level = search.brancher.own_bound(search.upper / 4)
    assert all(search.brancher.hints(part.state, level) is None for part in search.brancher.roots())


def test_threads_and_snapshots_change_nothing() -> None:
    """Two threads, or a search that goes on from a snapshot of another one, end with the same bounds and nodes."""
    problem = branching_problem(samples=80, inputs=8)
    one, two, first = searched(problem, 1e-2), searched(problem, 1e-2, threads=2), searched(problem, 1e-2, nodes=10)
    again = Search(MajorantBrancher(problem), 0.0, 1e-2)
    again.resume({key: np.array(array) for key, array in first.snapshot().items()})
    again.advance(math.inf, 1, lambda: False, lambda: False)
    assert one.nodes > 10 and one.finished
    assert (one.upper, one.best, one.nodes) == (two.upper, two.best, two.nodes)
    assert (one.upper, one.nodes) == (again.upper, again.nodes)


def test_a_stopped_part_is_given_back() -> None:
    """An expansion that is told to stop forgets nothing: its part comes back open."""
    brancher = MajorantBrancher(branching_problem())
    brancher.stop = lambda: True
    part = brancher.roots()[0]
    expansion = brancher.expand(part, 0.0, 0.0, 1)
    assert expansion.open == [part] and expansion.nodes == 0 and len(expansion.code) == 0
