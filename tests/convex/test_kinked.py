"""The restricted program of a loss with kinks: its multipliers prove its value, and polishing makes both exact."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from oracles import dataset, objective, stated

from certify.convex.blocks import Blocks, blocks_of, network_of
from certify.convex.generation import ColumnGeneration
from certify.convex.kinked import rescaled
from certify.convex.polish import polish
from certify.convex.restricted import solve_restricted
from certify.gain.question import Limits
from certify.problem.dual import dual_value, zero_sums
from certify.problem.objective import Bias, Loss, Reduction
from certify.problem.training import TrainingProblem

BIASES = list(product(Bias, Bias))
WEIGHTS = (None, (1.0, 0.0, 2.0, 1e-3, 1e3, 0.3, 1.0, 5.0, 1.0))


def problem_of(biases: tuple[Bias, Bias], weights: tuple[float, ...] | None, beta: float) -> TrainingProblem:
    """Nine samples in the plane of two classes."""
    rng = np.random.default_rng(3)
    data = dataset(rng.standard_normal((9, 2)), rng.choice([-1.0, 1.0], 9), weights)
    return stated(data, objective(beta, Loss.HINGE, Reduction.MEAN, *biases))


def blocks_in(problem: TrainingProblem) -> Blocks:
    """The blocks of some directions, of both signs."""
    directions = np.random.default_rng(1).standard_normal((8, problem.rows.shape[1]))
    return blocks_of(problem, np.vstack([directions, directions]), np.repeat([1.0, -1.0], 8))


@pytest.mark.parametrize("beta", [0.03, 3e-4])
@pytest.mark.parametrize("weights", WEIGHTS, ids=["plain", "weighted"])
@pytest.mark.parametrize("biases", BIASES, ids=str)
def test_the_multipliers_are_worth_the_value(
    biases: tuple[Bias, Bias], weights: tuple[float, ...] | None, beta: float
) -> None:
    """D(nu) of the solver's dual vector is the program's value, as strong duality has it, and constants that are free sum to zero."""
    problem = problem_of(biases, weights, beta)
    solution = polish(problem, solve_restricted(problem, blocks_in(problem), Limits()), Limits())
    nu = problem.loss.into_domain(solution.nu * (1 - 1e-12), problem.targets, problem.weights[:, None])
    assert dual_value(problem, nu).upper == pytest.approx(solution.value, rel=1e-6)
    assert not problem.needs_zero_sum or zero_sums(solution.nu)
    signed = (solution.nu * problem.targets)[:, 0]
    assert np.all(signed >= 0) and np.all(signed <= problem.weights * (1 + 1e-9))


@pytest.mark.parametrize("biases", BIASES, ids=str)
def test_polishing_brings_samples_to_their_kinks(biases: tuple[Bias, Bias]) -> None:
    """At the optimum over all columns value and dual value agree to 1e-12, and kinks are met to rounding."""
    problem = problem_of(biases, None, 0.01)
    generation = ColumnGeneration(problem, blocks_in(problem))
    generation.run(1e-9, Limits())
    solution = generation.solution
    nu = solution.nu * (1 - 1e-13)
    assert dual_value(problem, nu).upper == pytest.approx(solution.value, rel=1e-11)
    near = np.abs(solution.f - problem.targets[:, 0])
    assert np.any(near < 1e-13)
    assert not np.any((near > 1e-12) & (near < 1e-7))


def test_blocks_of_size_zero_stay_while_the_value_does() -> None:
    """Solved again over the same blocks, which leaves the value where it is, the program keeps every one."""
    problem = problem_of((Bias.NONE, Bias.NONE), None, 0.01)
    generation = ColumnGeneration(problem, blocks_in(problem))
    generation.solve(Limits())
    generation.add_blocks(blocks_in(problem))
    given = generation.blocks.count
    generation.solve(Limits())
    assert generation.blocks.count == given > generation.solution.blocks.count


def test_a_factor_takes_samples_back_over_their_kink() -> None:
    """Blocks shrunk by a hair, at a weight of a million, are scaled back: to the least value, and never to a larger one."""
    problem = problem_of((Bias.NONE, Bias.PENALIZED), (1e6,) * 9, 1e-3)
    solution = polish(problem, solve_restricted(problem, blocks_in(problem), Limits()), Limits())
    signs, shrunk = solution.blocks.signs, solution.w * (1 - 1e-7)
    before = problem.value(network_of(problem, shrunk, signs, solution.c * (1 - 1e-7)))
    w, c = rescaled(problem, problem.loss, shrunk, signs, solution.c * (1 - 1e-7))
    after = problem.value(network_of(problem, w, signs, c))
    assert after == pytest.approx(solution.value, rel=1e-9) and after < before
