"""The bound on the gain: above the truth however it is cut short, scaled or degenerate, and closed against nonsense."""

from __future__ import annotations

import time
from fractions import Fraction

import numpy as np
import pytest
from gain_cases import DEGENERATE, exceeds, gaussian, scaled_copy

from certify.gain.ascents import proved_gain
from certify.gain.engine import Question, bound_gain
from certify.gain.question import GainProblem, Limits
from certify.patterns.kkt import gain_by_enumeration

EVERY_CASE = pytest.mark.parametrize("problem", DEGENERATE.values(), ids=DEGENERATE)
EXACT = Question(tolerance=1e-7)


@EVERY_CASE
def test_degenerate_problems_are_settled_and_true(problem: GainProblem) -> None:
    """Bounds meet to the tolerance, enclose the enumeration's, and no witness's exact gain is above the upper one."""
    bound, reference = bound_gain(problem, EXACT, Limits()), gain_by_enumeration(problem)
    assert bound.settled
    assert reference.lower <= bound.upper
    assert bound.lower <= reference.upper
    assert bound.upper <= bound.lower * (1 + 1e-6) + 1e-14 * np.abs(problem.nu).sum()
    for witness in (*bound.witnesses, *reference.witnesses):
        assert not exceeds(problem, witness.direction, bound.upper)
    if bound.witnesses:
        assert exceeds(problem, bound.witnesses[0].direction, bound.lower * (1 - 1e-12))


@EVERY_CASE
@pytest.mark.parametrize("exponents", [(-560, 0), (500, 0), (-500, 400), (0, -1000), (-300, -300), (400, 400)])
def test_scales_near_the_ends_of_the_floats(problem: GainProblem, exponents: tuple[int, int]) -> None:
    """Inputs and nu times powers of two: the same bounds times their product, where no square would be a float."""
    plain, scaled = (bound_gain(p, EXACT, Limits()) for p in (problem, scaled_copy(problem, *exponents)))
    assert np.ldexp(plain.upper, sum(exponents)) == pytest.approx(scaled.upper, rel=1e-6, abs=1e-320)
    assert scaled.settled
    assert scaled.lower <= scaled.upper
    for witness in scaled.witnesses:
        assert not exceeds(scaled_copy(problem, *exponents), witness.direction, scaled.upper)


def test_rows_whose_squares_vanish_still_gain() -> None:
    """A row of 1e-170 under nu = 1e150 has the gain 1e-20, not 0: its norm must not underflow."""
    bound = bound_gain(GainProblem(np.array([[1e-170]]), np.array([1e150])), EXACT, Limits())
    assert bound.lower == pytest.approx(1e-20)
    assert bound.upper == pytest.approx(1e-20)
    assert bound.lower <= 1e-20 <= bound.upper


@pytest.mark.parametrize("free_bias", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_bounds_are_true_under_any_node_budget(seed: int, free_bias: bool) -> None:
    """From no node at all to plenty, the upper bound stays above the maximum and never rises with the budget."""
    problem = gaussian(seed, 30, 3, free_bias)
    truth = bound_gain(problem, EXACT, Limits()).lower
    bounds = [bound_gain(problem, Question(starts=0), Limits(nodes=nodes)) for nodes in (0, 16, 64, 256, 1024)]
    uppers = [bound.upper for bound in bounds]
    assert all(truth <= upper for upper in uppers)
    assert uppers == sorted(uppers, reverse=True)
    assert bounds[0].nodes == 0
    assert not bounds[0].settled


@pytest.mark.parametrize("free_bias", [False, True])
def test_bounds_never_worsen_on_the_way(free_bias: bool) -> None:
    """At every report the bounds enclose the maximum, and neither they nor the share that is settled ever go back."""
    problem = gaussian(7, 40, 3, free_bias)
    seen: list[tuple[float, float, int, float]] = []
    final = bound_gain(problem, Question(starts=0), Limits(), progress=lambda *report: seen.append(report))
    lowers, uppers, nodes, shares = zip(*seen, strict=True)
    assert len(seen) > 3
    assert list(uppers) == sorted(uppers, reverse=True)
    assert list(lowers) == sorted(lowers)
    assert list(nodes) == sorted(nodes)
    assert list(shares) == pytest.approx(sorted(shares), abs=1e-12)
    assert 0 <= shares[0] < shares[-1] <= 1
    assert all(final.lower <= upper for upper in uppers)
    assert all(lower <= final.upper * (1 + 1e-12) for lower in lowers)


@pytest.mark.parametrize(
    "limits", [Limits(deadline=0.0), Limits(cancelled=lambda: True)], ids=["deadline", "cancelled"]
)
def test_a_stopped_search_returns_at_once_with_true_bounds(limits: Limits) -> None:
    """A deadline in the past or a wish to stop: no node, the quick bound, not settled."""
    problem = gaussian(8, 200, 6)
    started = time.monotonic()
    bound = bound_gain(problem, Question(), limits)
    assert time.monotonic() - started < 1.0
    assert bound.nodes == 0
    assert not bound.settled
    assert bound.upper >= max(abs(problem.gain(u)) for u in np.random.default_rng(0).standard_normal((500, 6)))


def test_the_search_ends_at_the_threshold() -> None:
    """Once M <= threshold is proved nothing more is done; the bound printed is still above M."""
    problem = gaussian(9, 80, 4)
    full = bound_gain(problem, EXACT, Limits())
    early = bound_gain(problem, Question(threshold=1.3 * full.upper), Limits())
    assert early.settled
    assert early.nodes < full.nodes
    assert full.lower <= early.upper <= 1.3 * full.upper


def test_a_violator_ends_the_search() -> None:
    """A witness above stop_above is enough; the upper bound stays true."""
    problem = gaussian(10, 80, 4)
    full = bound_gain(problem, EXACT, Limits())
    early = bound_gain(problem, Question(stop_above=0.5 * full.lower), Limits())
    assert early.lower > 0.5 * full.lower
    assert early.upper >= full.lower
    assert early.nodes < full.nodes


def test_known_directions_are_not_lost() -> None:
    """A direction that is given counts, without any start; directions of length zero do no harm."""
    problem = gaussian(11, 30, 3)
    best = bound_gain(problem, EXACT, Limits()).witnesses[0].direction
    bound = bound_gain(problem, Question(starts=0), Limits(nodes=0), known=[np.zeros(3), 7 * best])
    assert bound.lower >= proved_gain(problem, best) * (1 - 1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_the_gain_of_a_witness_is_rounded_down(seed: int) -> None:
    """proved_gain is at most the exact gain, in spite of cancelling sums."""
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((30, 3))
    problem = GainProblem(np.vstack([rows, rows * (1 + 1e-15)]), np.concatenate([np.full(30, 1e8), np.full(30, -1e8)]))
    for u in rng.standard_normal((10, 3)):
        proved = proved_gain(problem, u)
        assert proved == 0 or exceeds(problem, u, proved * (1 - 1e-15))


def test_a_gain_below_the_normal_range_is_not_rounded_up() -> None:
    """Products that lose digits to underflow prove nothing: the lower bound is 0, and above it is the gain itself."""
    problem = GainProblem(np.array([[5.3e-316], [5.9e-301]]), np.array([1e-9, -3e-10]))
    bound = bound_gain(problem, EXACT, Limits())
    gain = max(Fraction(5.3e-316) * Fraction(1e-9), Fraction(5.9e-301) * Fraction(3e-10))
    assert Fraction(bound.lower) <= gain <= Fraction(bound.upper)
    assert proved_gain(problem, np.array([1e-310])) == 0.0


def test_orthonormal_rows_have_the_known_gain() -> None:
    """For X = I, M is the larger norm of nu's positive and negative part (oracle O2), whatever the rotation."""
    rng = np.random.default_rng(12)
    rotation = np.linalg.qr(rng.standard_normal((5, 5)))[0]
    nu = rng.standard_normal(5)
    known = max(np.linalg.norm(np.maximum(nu, 0)), np.linalg.norm(np.minimum(nu, 0)))
    bound = bound_gain(GainProblem(rotation, nu), EXACT, Limits())
    assert bound.lower <= known * (1 + 1e-14)
    assert known * (1 - 1e-14) <= bound.upper <= known * (1 + 1e-6)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("where", ["rows", "nu"])
def test_what_is_not_finite_is_never_bounded(bad: float, where: str) -> None:
    """NaN or infinity in the rows or in nu leaves an infinite upper bound."""
    problem = gaussian(13, 6, 2)
    getattr(problem, where).flat[3] = bad
    with np.errstate(all="ignore"):
        assert bound_gain(problem, Question(), Limits(nodes=50)).upper == np.inf


def test_nothing_to_gain() -> None:
    """Zero rows, a zero nu, or no inputs at all: the maximum is 0, settled without a search."""
    for rows, nu in ((np.zeros((3, 2)), np.ones(3)), (np.ones((3, 2)), np.zeros(3)), (np.zeros((3, 0)), np.ones(3))):
        bound = bound_gain(GainProblem(rows, nu), Question(), Limits())
        assert (bound.lower, bound.upper, bound.settled) == (0.0, 0.0, True)


def test_the_same_call_gives_the_same_answer() -> None:
    """Nothing depends on the clock or on earlier calls."""
    problem = gaussian(14, 50, 4)
    first, second = (bound_gain(problem, Question(seed=3), Limits(nodes=300)) for _ in range(2))
    assert (first.lower, first.upper, first.nodes) == (second.lower, second.upper, second.nodes)
