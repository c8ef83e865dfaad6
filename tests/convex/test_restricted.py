"""The restricted convex program: solved to its optimality criterion, and polished without harm."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from exact import OF_SIGNS
from oracles import O6_SUBSAMPLED, ORACLES, Oracle, dataset, objective, stated

from certify.convex.blocks import Blocks, blocks_of, blocks_of_neurons, merge_blocks, network_of
from certify.convex.face import Face
from certify.convex.generation import ColumnGeneration
from certify.convex.polish import polish
from certify.convex.restricted import solve_restricted
from certify.convex.solution import RestrictedSolution
from certify.gain.question import GainProblem, Limits
from certify.patterns.enumerate import Cones, enumerate_cones
from certify.patterns.kkt import project
from certify.patterns.program import solve_full_program
from certify.problem.objective import Bias, Loss, Reduction
from certify.problem.training import Neurons, TrainingProblem

EVERY_OBJECTIVE = pytest.mark.parametrize("parts", list(product(Loss, [Bias.NONE, Bias.FREE], Bias)), ids=str)


def random_problem(parts: tuple, seed: int = 0, n: int = 8, d: int = 2, beta: float = 0.1) -> TrainingProblem:
    """A random small problem with that loss and those biases."""
    loss, hidden_bias, output_bias = parts
    rng = np.random.default_rng(seed)
    y = rng.choice([-1.0, 1.0], n) if loss in OF_SIGNS else rng.standard_normal(n)
    goal = objective(beta, loss, Reduction.SUM, hidden_bias, output_bias)
    return stated(dataset(rng.standard_normal((n, d)), y), goal)


def some_blocks(problem: TrainingProblem, seed: int = 1, count: int = 5) -> Blocks:
    """The blocks of random directions, of random signs."""
    rng = np.random.default_rng(seed)
    return blocks_of(problem, rng.standard_normal((count, problem.rows.shape[1])), rng.choice([-1.0, 1.0], count))


def cone_margin(problem: TrainingProblem, solution: RestrictedSolution) -> float:
    """The least (2D - I) Z w over all blocks and samples, relative to |z| |w|."""
    walls = np.where(solution.blocks.patterns, 1.0, -1.0)
    sizes = np.linalg.norm(solution.w, axis=1)[:, None] * np.linalg.norm(problem.rows, axis=1)
    return float(np.min(walls * (solution.w @ problem.rows.T) / np.maximum(sizes, 1e-300), initial=0.0))


def dual_residual(problem: TrainingProblem, solution: RestrictedSolution, blocks: Blocks) -> float:
    """The largest gain of nu over the blocks' own cones and signs, relative to beta: at most 1 at an optimum."""
    nu = solution.nu[:, 0]
    gain = GainProblem(problem.rows, nu, problem.free_hidden_bias)
    best = 0.0
    for sign in (1, -1):
        chosen = blocks.patterns[blocks.signs == sign]
        _, directions = project(gain, Cones(chosen, np.ones_like(chosen)), sign)
        # a projection onto the apex is zero but for rounding, and then points anywhere
        best = max([best, *(sign * gain.gain(u) for u in directions if np.linalg.norm(u) > 1e-12)])
    return best / problem.beta


@EVERY_OBJECTIVE
def test_the_solution_meets_the_optimality_criterion(parts: tuple) -> None:
    """Every block lies in its cone, no direction in a given block gains more than beta, and each block's gain is beta."""
    problem = random_problem(parts)
    blocks = some_blocks(problem)
    solution = polish(problem, solve_restricted(problem, blocks, Limits()), Limits())
    assert cone_margin(problem, solution) >= -1e-8
    assert dual_residual(problem, solution, blocks) <= 1 + 1e-5
    nu = solution.nu[:, 0]
    for w, sign in zip(solution.w, solution.blocks.signs, strict=True):
        gain = sign * float(nu @ np.maximum(problem.rows @ w, 0.0))
        assert gain == pytest.approx(problem.beta * problem.size(w), rel=1e-5)


@EVERY_OBJECTIVE
def test_the_subsampled_program_agrees_with_the_reference(parts: tuple) -> None:
    """Over both signs of the same patterns, the value is the one that cvxpy finds."""
    if parts[1] is Bias.FREE and parts[2] is not Bias.FREE:
        parts = (
            parts[0],
            Bias.FREE,
            Bias.FREE,
        )  # the reference has no constant of its own where there is no output bias
    problem = random_problem(parts, seed=2)
    cones = enumerate_cones(problem.rows)
    some = np.arange(0, len(cones.patterns), 3)
    chosen = Cones(cones.patterns[some], cones.walls[some])
    reference = solve_full_program(problem, cones=chosen)
    count, d = len(some), problem.rows.shape[1]
    rng = np.random.default_rng(0)
    blocks = Blocks(
        np.vstack([chosen.patterns] * 2), np.repeat([1.0, -1.0], count), rng.standard_normal((2 * count, d))
    )
    assert polish(problem, solve_restricted(problem, blocks, Limits()), Limits()).value == pytest.approx(
        reference.value, rel=1e-6
    )


@pytest.mark.parametrize("patterns", O6_SUBSAMPLED, ids=str)
def test_oracle_of_subsampled_programs(patterns: tuple) -> None:
    """O6: the three subsampled optima, to the digits known."""
    oracle = ORACLES["O6"]
    problem = stated(oracle.dataset, oracle.objective)
    count = len(patterns)
    blocks = Blocks(np.array(patterns, dtype=bool), np.ones(count), np.ones((count, 2)))
    assert solve_restricted(problem, blocks, Limits()).value == pytest.approx(O6_SUBSAMPLED[patterns], abs=1e-7)


@EVERY_OBJECTIVE
@pytest.mark.parametrize("seed", range(3))
def test_polishing_never_harms(parts: tuple, seed: int) -> None:
    """The value does not rise beyond 1e-9, every block stays in its cone, and the predictions are the blocks'."""
    problem = random_problem(parts, seed)
    solution = solve_restricted(problem, some_blocks(problem, seed), Limits())
    better = polish(problem, solution, Limits())
    assert better.value <= solution.value + 1e-9 * abs(solution.value)
    assert cone_margin(problem, better) >= min(cone_margin(problem, solution), -1e-12)
    network = network_of(problem, better.w, better.blocks.signs, better.c)
    if problem.objective.output_bias is Bias.FREE or not problem.free_hidden_bias:
        assert problem.predictions(network)[:, 0] == pytest.approx(better.f, abs=1e-7)
        assert problem.value(network) == pytest.approx(better.value, rel=1e-8)


@pytest.mark.parametrize("lie", [np.nan, 1e9, -1.0])
def test_polishing_refuses_a_wrong_newton_step(lie: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps of garbage leave the solution as it was, but for blocks of size zero."""
    monkeypatch.setattr(Face, "newton_step", lambda self, w, c: (np.full_like(w, lie), 0.0))
    problem = random_problem((Loss.HALF_SQUARED, Bias.NONE, Bias.NONE))
    solution = solve_restricted(problem, some_blocks(problem), Limits())
    with np.errstate(all="ignore"):
        kept = polish(problem, solution, Limits())
    assert kept.value <= solution.value * (1 + 1e-6)
    assert np.all(np.isfinite(kept.w))


@pytest.mark.parametrize("oracle", ORACLES.values(), ids=ORACLES)
def test_column_generation_finds_the_optimum(oracle: Oracle) -> None:
    """From a few random blocks, columns of the violators found lead to P*; no value on the way is below it."""
    problem = stated(oracle.dataset, oracle.objective)
    generation = ColumnGeneration(problem, some_blocks(problem, count=40))
    generation.run(1e-8, Limits())
    assert generation.solution.value == pytest.approx(oracle.optimum, rel=1e-7)
    assert generation.solution.value >= oracle.optimum * (1 - 1e-8)


def test_generation_stops_at_its_limits() -> None:
    """With no time it solves nothing; told to stop, it solves once over what it was given, and that is a network."""
    problem = random_problem((Loss.HALF_SQUARED, Bias.NONE, Bias.NONE))
    generation = ColumnGeneration(problem, some_blocks(problem))
    generation.run(1e-9, Limits(deadline=0.0))
    assert (generation.rounds, generation.solution) == (0, None)
    generation.run(1e-9, Limits(cancelled=lambda: True))
    assert generation.rounds == 1
    assert problem.value(generation.neurons) == pytest.approx(generation.solution.value, rel=1e-6)


def test_blocks_are_distinct_and_alive() -> None:
    """One block per pattern and sign; directions that activate nothing are left out, and merging adds none twice."""
    problem = random_problem((Loss.HALF_SQUARED, Bias.NONE, Bias.NONE))
    directions = np.vstack([problem.rows, 2 * problem.rows])
    signs = np.ones(len(directions))
    blocks = blocks_of(problem, directions, signs)
    assert len({pattern.tobytes() for pattern in blocks.patterns}) == blocks.count <= len(problem.rows)
    assert merge_blocks(blocks, blocks).count == blocks.count
    assert merge_blocks(blocks, blocks_of(problem, directions, -signs)).count == 2 * blocks.count
    positive = stated(dataset([[1.0], [2.0]], [1, 1]), objective(0.1))
    assert blocks_of(positive, np.array([[-1.0]]), np.ones(1)).count == 0


def test_blocks_of_a_network_leave_dust_out() -> None:
    """Neurons of no mass on either layer give no block, the others come heaviest first."""
    problem = random_problem((Loss.HALF_SQUARED, Bias.NONE, Bias.NONE))
    u = np.vstack([problem.rows[0], 5 * problem.rows[1], problem.rows[2], np.zeros(2)])
    blocks = blocks_of_neurons(problem, Neurons(u, np.array([[1.0], [-1.0], [0.0], [1.0]]), np.zeros(1)))
    assert blocks.signs[0] == -1.0
    assert blocks.count == 2


def test_weak_decay_keeps_its_accuracy() -> None:
    """At beta = 1e-4 (O11) the dual vector, of the size of beta, is right to 1e-6 of itself."""
    oracle = ORACLES["O11 beta 0.0001"]
    problem = stated(oracle.dataset, oracle.objective)
    generation = ColumnGeneration(problem, some_blocks(problem, count=40))
    generation.run(1e-8, Limits())
    known = oracle.networks[0].network
    f = problem.predictions(problem.lift(known))
    nu = -problem.slope(f)[:, 0]
    assert generation.nu[:, 0] == pytest.approx(nu, abs=1e-6 * np.abs(nu).max())
