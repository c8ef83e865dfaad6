"""The pattern-by-pattern optimality test bounds the gain from both sides, and nothing the solver says is believed."""

from __future__ import annotations

import math
import time

import cvxpy as cp
import numpy as np
import pytest
from oracles import NETWORK_CASE_IDS, NETWORK_CASES, KnownNetwork, Oracle, stated

from certify.gain.question import GainProblem, Limits
from certify.patterns.enumerate import Cones, enumerate_cones
from certify.patterns.kkt import gain_by_enumeration, gain_program, project, upper_bounds
from certify.rounding import round_to_zero_sum


def random_problem(n: int, dimension: int, free_bias: bool, seed: int) -> GainProblem:
    """Gaussian rows and dual vector; with a free bias, a last column of ones and sum(nu) = 0 exactly."""
    rng = np.random.default_rng(seed)
    rows, nu = rng.standard_normal((n, dimension)), rng.standard_normal(n)
    if free_bias:
        rows[:, -1] = 1.0
        nu = round_to_zero_sum(nu - nu.mean(), 0)
    return GainProblem(rows, nu, free_bias)


def densest_gain(problem: GainProblem, count: int = 40_000) -> float:
    """The largest |gain| over random directions; with a free bias, over every kink of each direction of weights."""
    rng = np.random.default_rng(1)
    if not problem.free_bias:
        u = rng.standard_normal((count, problem.rows.shape[1]))
        gains = np.maximum(u @ problem.rows.T, 0.0) @ problem.nu / np.linalg.norm(u, axis=1)
        return float(np.abs(gains).max())
    w = rng.standard_normal((count // 10, problem.rows.shape[1] - 1))
    heights = w @ problem.rows[:, :-1].T
    gains = [np.maximum(heights - kink[:, None], 0.0) @ problem.nu for kink in heights.T]
    return float((np.abs(gains) / np.linalg.norm(w, axis=1)).max())


SHAPES = [(1, 1, False), (5, 1, False), (12, 2, False), (12, 3, False), (9, 4, False), (6, 2, True), (14, 3, True)]


@pytest.mark.parametrize(("n", "dimension", "free_bias"), SHAPES)
@pytest.mark.parametrize("seed", range(4))
def test_bounds_meet_and_enclose_a_dense_search(n: int, dimension: int, free_bias: bool, seed: int) -> None:
    """lower <= M <= upper, equal to nine digits, and a dense random search comes close below and never above."""
    problem = random_problem(n, dimension, free_bias, seed)
    bound = gain_by_enumeration(problem)
    assert bound.settled
    assert bound.lower <= bound.upper <= bound.lower * (1 + 1e-9)
    assert bound.upper * (0.9 if dimension > 3 else 0.97) <= densest_gain(problem) <= bound.upper


@pytest.mark.parametrize(("oracle", "known"), NETWORK_CASES, ids=NETWORK_CASE_IDS)
def test_known_gains(oracle: Oracle, known: KnownNetwork) -> None:
    """The gain of each known network's own dual vector is what was derived; at a zero optimum it is at most beta."""
    problem = stated(oracle.dataset, oracle.objective)
    neurons = problem.lift(known.network)
    nu = -problem.slope(problem.predictions(neurons))[:, 0]
    if problem.needs_zero_sum:
        assert abs(nu.sum()) <= 1e-12 * np.abs(nu).sum()
        nu = round_to_zero_sum(nu, 0)
    bound = gain_by_enumeration(GainProblem(problem.rows, nu, problem.free_hidden_bias))
    if known.gain is not None:
        assert bound.lower == pytest.approx(known.gain, rel=1e-6)
        assert bound.upper == pytest.approx(known.gain, rel=1e-6)
    elif known.network.output_weights.any():
        assert bound.lower > problem.beta * (1 - 1e-9)
    else:
        assert bound.upper <= problem.beta * (1 + 1e-12)


@pytest.mark.parametrize("free_bias", [False, True])
def test_multipliers_solve_the_stated_program(free_bias: bool) -> None:
    """Pattern by pattern and sign by sign, the bound is the optimum of the program as the paper states it."""
    problem = random_problem(7, 3, free_bias, 3)
    cones = enumerate_cones(problem.rows)
    for sign in (1, -1):
        multipliers, directions = project(problem, cones, sign)
        bounds = upper_bounds(problem, cones.patterns, sign, multipliers)
        for k in range(0, len(bounds), 3):
            program = gain_program(problem, cones.patterns[k], sign)
            program.solve(solver=cp.CLARABEL)
            assert bounds[k] == pytest.approx(program.value, abs=1e-6)
            if bounds[k] > 1e-9:
                signed = (2.0 * cones.patterns[k] - 1.0) * (problem.rows @ directions[k])
                assert np.all(signed >= -1e-8 * np.linalg.norm(directions[k]))


@pytest.mark.parametrize("free_bias", [False, True])
def test_any_nonnegative_multipliers_bound_their_cone(free_bias: bool) -> None:
    """However bad the multipliers, no point of the cone has a larger gain than the bound."""
    problem = random_problem(8, 3, free_bias, 4)
    cones = enumerate_cones(problem.rows)
    rng = np.random.default_rng(0)
    points = rng.standard_normal((4000, 3))
    index = {pattern.tobytes(): k for k, pattern in enumerate(cones.patterns)}
    which = [index[(problem.rows @ u >= 0).tobytes()] for u in points]
    gains = np.array([problem.gain(u) for u in points])
    for scale in (0.0, 0.01, 1.0):
        for sign in (1, -1):
            multipliers = scale * rng.random(cones.patterns.shape)
            assert np.all(sign * gains <= upper_bounds(problem, cones.patterns, sign, multipliers)[which])


@pytest.mark.parametrize("bad", [-1e-300, math.nan, math.inf])
def test_unusable_multipliers_prove_nothing(bad: float) -> None:
    """A negative or non-finite multiplier makes the bound infinite."""
    problem = random_problem(5, 2, False, 0)
    patterns = enumerate_cones(problem.rows).patterns
    multipliers = np.zeros(patterns.shape)
    multipliers[:, 1] = bad
    assert np.all(np.isposinf(upper_bounds(problem, patterns, 1, multipliers)))


def test_dual_vector_that_is_not_a_number_fails_closed() -> None:
    """A NaN in nu leaves no upper bound."""
    problem = random_problem(5, 2, False, 0)
    bound = gain_by_enumeration(GainProblem(problem.rows, np.where(np.arange(5) == 2, np.nan, problem.nu)))
    assert bound.upper == math.inf
    assert bound.lower == 0.0


def test_free_bias_needs_a_zero_sum() -> None:
    """With a free bias and sum(nu) off zero by one unit in the last place, M is infinite."""
    problem = random_problem(6, 2, True, 0)
    nu = problem.nu.copy()
    nu[0] += np.spacing(nu[0])
    assert gain_by_enumeration(GainProblem(problem.rows, nu, True)).upper == math.inf


@pytest.mark.parametrize("free_bias", [False, True])
@pytest.mark.parametrize("scale", [1e-100, 1e-8, 1e8, 1e100])
def test_gain_is_homogeneous(scale: float, free_bias: bool) -> None:
    """M(c nu) = c M(nu), and scaling the rows (not the ones of a bias) does the same."""
    problem = random_problem(9, 3, free_bias, 2)
    expected = gain_by_enumeration(problem).upper
    rows = problem.rows * (np.array([scale, scale, 1.0]) if free_bias else scale)
    exponent = 2.0 ** round(math.log2(scale))
    for again, factor in (
        (GainProblem(problem.rows, problem.nu * exponent, free_bias), exponent),
        (GainProblem(rows, problem.nu, free_bias), scale),
    ):
        bound = gain_by_enumeration(again)
        assert bound.upper == pytest.approx(factor * expected, rel=1e-9)
        assert bound.lower == pytest.approx(factor * expected, rel=1e-9)


@pytest.mark.parametrize("free_bias", [False, True])
def test_duplicate_opposite_and_zero_rows(free_bias: bool) -> None:
    """Splitting a row's weight over copies, or adding zero rows, changes nothing; the bounds stay tight."""
    rng = np.random.default_rng(6)
    rows = rng.integers(-2, 3, (8, 3)).astype(float)
    if free_bias:
        rows[:, -1] = 1.0
    nu = round_to_zero_sum(rng.standard_normal(8), 0)
    plain = gain_by_enumeration(GainProblem(rows, nu, free_bias))
    extra = rows[:1] if free_bias else np.vstack([rows[:1], np.zeros((1, 3))])
    halves = np.concatenate([nu[:1] / 2, nu[1:], nu[:1] / 2, [0.0 if free_bias else 1.0] * (len(extra) - 1)])
    split = gain_by_enumeration(GainProblem(np.vstack([rows, extra]), halves, free_bias))
    assert plain.upper <= plain.lower * (1 + 1e-9)
    assert split.upper == pytest.approx(plain.upper, rel=1e-9)


def test_witnesses_attain_what_is_claimed() -> None:
    """Witnesses have P-norm 1, come largest first, differ by pattern or sign, and the first attains the lower bound."""
    problem = random_problem(25, 3, True, 1)
    bound = gain_by_enumeration(problem)
    gains = [w.gain for w in bound.witnesses]
    assert gains == sorted(gains, reverse=True)
    assert bound.lower <= gains[0] * (1 + 1e-15) <= bound.lower * (1 + 1e-9)
    seen = {((problem.rows @ w.direction > 0).tobytes(), w.sign) for w in bound.witnesses}
    assert len(seen) == len(bound.witnesses)
    for w in bound.witnesses:
        assert np.linalg.norm(w.direction[:-1]) == pytest.approx(1.0, rel=1e-12)
        assert w.sign * problem.gain(w.direction) == pytest.approx(w.gain, rel=1e-12)


@pytest.mark.parametrize("free_bias", [False, True])
def test_limits_leave_true_bounds(free_bias: bool) -> None:
    """Whatever stops the engine, its bounds enclose M."""
    problem = random_problem(40, 3, free_bias, 1)
    best = gain_by_enumeration(problem)
    stops = [Limits(deadline=time.monotonic()), Limits(nodes=1), Limits(nodes=1000), Limits(cancelled=lambda: True)]
    for limits in stops:
        for cones in (None, enumerate_cones(problem.rows)):
            bound = gain_by_enumeration(problem, limits, cones)
            assert not bound.settled
            assert bound.lower <= best.lower
            assert best.lower <= bound.upper < math.inf


def test_nothing_to_gain() -> None:
    """A zero dual vector, or zero rows, have no gain at all."""
    for problem in (GainProblem(np.eye(3), np.zeros(3)), GainProblem(np.zeros((2, 2)), np.ones(2))):
        bound = gain_by_enumeration(problem)
        assert bound.settled
        assert bound.lower == 0.0
        assert bound.upper < 1e-290
        assert bound.witnesses == ()


def test_subset_of_cones_bounds_only_those() -> None:
    """The caller's own cones are the ones that are searched."""
    problem = GainProblem(np.eye(2), np.array([1.0, 1.0]))
    first = np.array([[True, False]])
    bound = gain_by_enumeration(problem, cones=Cones(first, np.ones_like(first)))
    assert bound.upper == pytest.approx(1.0)
    assert gain_by_enumeration(problem).upper == pytest.approx(math.sqrt(2))
