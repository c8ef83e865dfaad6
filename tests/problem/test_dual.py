"""The lower bound on P*: true for every dual vector and every true bound on its gain, and nothing where one is not known."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from exact import dot, fractions, natural_log
from oracles import ORACLES, Oracle, dataset, objective, stated

from certify.patterns.kkt import gain_by_enumeration
from certify.problem.dual import best_constant, dual_vector, gain_problem, scaled_dual_bound, zero_sums
from certify.problem.objective import Bias, Loss, Reduction
from certify.problem.training import TrainingProblem
from certify.rounding import round_to_zero_sum

EVERY_ORACLE = pytest.mark.parametrize("oracle", ORACLES.values(), ids=ORACLES)


def proved_gain_upper(problem: TrainingProblem, nu: np.ndarray) -> float:
    """A bound on M(nu) by the reference engine."""
    return gain_by_enumeration(gain_problem(problem, nu)).upper


def exact_dual(problem: TrainingProblem, nu: list[Fraction], weights: list[Fraction]) -> Fraction:
    """D(nu), to 80 digits."""
    y, beta = fractions(problem.targets[:, 0]), Fraction(problem.beta)
    loss = problem.objective.loss
    if loss is Loss.LOGISTIC:
        shares = [v * t / w for v, t, w in zip(nu, y, weights, strict=True)]
        terms = [-w * sum(q * natural_log(q) for q in (p, 1 - p) if q) for p, w in zip(shares, weights, strict=True)]
        total = sum(terms, Fraction(0))
    elif loss is Loss.HINGE:
        total = dot(nu, y)
    else:
        factor = 1 if loss is Loss.HALF_SQUARED else 2
        total = dot(nu, y) - sum(v**2 / (2 * factor * w) for v, w in zip(nu, weights, strict=True))
    if problem.objective.output_bias is Bias.PENALIZED:
        total -= sum(nu) ** 2 / (2 * beta)
    return total


@EVERY_ORACLE
def test_any_dual_vector_gives_a_bound_below_the_optimum(oracle: Oracle) -> None:
    """From the slopes at random predictions, scaled at random, no bound exceeds P*; the known optimum's is nearly P*."""
    problem = stated(oracle.dataset, oracle.objective)
    rng = np.random.default_rng(0)
    candidates = [rng.standard_normal((problem.samples, 1)) * 10.0**k for k in range(-3, 3)]
    if oracle.predictions is not None:
        candidates.append(np.array(oracle.predictions)[:, None])
    bounds = []
    for f in candidates:
        nu = dual_vector(problem, f)
        upper = proved_gain_upper(problem, nu)
        bounds += [scaled_dual_bound(problem, nu, upper * slack) for slack in (1.0, 1.7, 1e6)]
    assert all(0 <= bound <= oracle.optimum * (1 + 1e-13) for bound in bounds)
    if oracle.predictions is not None:
        assert bounds[-3] >= oracle.optimum * (1 - 1e-5)


@pytest.mark.parametrize("parts", list(product(Loss, Reduction, [Bias.NONE, Bias.PENALIZED])), ids=str)
def test_the_bound_is_rounded_down(parts: tuple) -> None:
    """It is at most the exact D at some feasible multiple of nu, and at least the best of a grid of multiples, nearly."""
    loss, reduction, output_bias = parts
    rng = np.random.default_rng(5)
    y = rng.choice([-1.0, 1.0], 7)
    problem = stated(dataset(rng.standard_normal((7, 2)), y), objective(0.05, loss, reduction, output_bias=output_bias))
    nu = dual_vector(problem, rng.standard_normal((7, 1)) * 0.2)
    upper = proved_gain_upper(problem, nu)
    weights = [Fraction(1, 7 if reduction is Reduction.MEAN else 1)] * 7
    largest = min(
        Fraction(problem.beta) / Fraction(upper),
        Fraction(min(1e9, problem.loss.largest_scale(nu, problem.targets, problem.weights[:, None]))),
    )
    grid = [exact_dual(problem, [largest * k / 200 * v for v in fractions(nu[:, 0])], weights) for k in range(201)]
    bound = Fraction(scaled_dual_bound(problem, nu, upper))
    # D is concave along the ray: its maximum is above the grid's by at most the grid's own curvature
    assert bound <= max(grid) + (max(grid) - min(grid)) / 5_000
    assert bound >= max(0, max(grid)) * (1 - Fraction(1, 10**12))


@pytest.mark.parametrize("upper", [math.nan, math.inf, -1.0, -math.inf])
def test_a_gain_bound_that_is_none_proves_nothing(upper: float) -> None:
    """NaN, infinite or negative gains give the bound 0, which every loss allows."""
    problem = stated(dataset([[1.0], [2.0]], [1, 2]), objective(0.1))
    assert scaled_dual_bound(problem, np.array([[1.0], [2.0]]), upper) == 0.0


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_dual_vector_that_is_not_finite_proves_nothing(bad: float) -> None:
    """NaN or infinity in nu gives the bound 0, whatever gain is claimed."""
    with np.errstate(all="ignore"):
        for loss in Loss:
            problem = stated(dataset([[1.0], [2.0]], [1, -1]), objective(0.1, loss))
            assert scaled_dual_bound(problem, np.array([[0.1], [bad]]), 0.05) == 0.0


@pytest.mark.parametrize("biases", [(Bias.FREE, Bias.NONE), (Bias.NONE, Bias.FREE), (Bias.FREE, Bias.FREE)])
def test_free_constants_need_an_exact_zero_sum(biases: tuple[Bias, Bias]) -> None:
    """A dual vector whose sum is not exactly zero proves nothing; the one that dual_vector makes sums to zero."""
    rng = np.random.default_rng(2)
    for loss in Loss:
        goal = objective(0.1, loss, Reduction.MEAN, *biases)
        problem = stated(dataset(rng.standard_normal((9, 2)), rng.choice([-1.0, 1.0], 9)), goal)
        nu = dual_vector(problem, rng.standard_normal((9, 1)))
        assert zero_sums(nu)
        assert scaled_dual_bound(problem, nu, 1e-3) > 0
        nu[0] = np.nextafter(nu[0], 1.0)
        assert scaled_dual_bound(problem, nu, 1e-3) == 0.0


def test_a_penalised_constant_costs_its_square() -> None:
    """One sample x = 1, y = 3, penalised output bias, beta = 1/2: the optimal dual gives P* = 11/8, and no more.

    nu = beta is the residual at the optimum, D = 3 beta - beta^2/2 - beta/2.
    """
    problem = stated(dataset([[1.0]], [3.0]), objective(0.5, output_bias=Bias.PENALIZED))
    bound = scaled_dual_bound(problem, np.array([[0.5]]), 0.5)
    assert bound <= 1.125
    assert bound == pytest.approx(1.125, rel=1e-12)


def test_a_tiny_decay_keeps_its_square() -> None:
    """sum(nu)^2 / (2 beta) counts where the square alone underflows."""
    problem = stated(dataset([[0.0]], [1.0]), objective(1e-300, output_bias=Bias.PENALIZED))
    assert scaled_dual_bound(problem, np.array([[1e-170]]), 0.0) <= 1e-300


@pytest.mark.parametrize("loss", [loss for loss in Loss if loss.function.smooth])
@pytest.mark.parametrize("shift", [0.0, 1e6, -1e6])
def test_the_best_constant_is_stationary(loss: Loss, shift: float) -> None:
    """The slopes at f + c sum to nearly zero, from far away too."""
    rng = np.random.default_rng(3)
    problem = stated(dataset(rng.standard_normal((12, 1)), rng.choice([-1.0, 1.0], 12)), objective(0.1, loss))
    f = rng.standard_normal((12, 1)) + shift
    slope = problem.slope(f + best_constant(problem, f))
    assert abs(slope.sum()) <= 1e-8 * np.abs(slope).sum()


def test_a_zero_gain_leaves_the_whole_ray() -> None:
    """M = 0 makes every multiple feasible: rows of zeros have P* = |y|^2/2, and the bound finds it."""
    problem = stated(dataset([[0.0], [0.0]], [3.0, 4.0]), objective(0.1))
    nu = round_to_zero_sum(np.array([1.0, -1.0]), 0) + np.array([2.0, 5.0])
    assert scaled_dual_bound(problem, nu[:, None], 0.0) == pytest.approx(12.5, rel=1e-12)
