"""Column generation comes to an end, at the optimum, whatever rounding and the solvers do."""

from __future__ import annotations

import clarabel
import numpy as np
import pytest
from oracles import dataset, objective, stated

from certify.convex.blocks import Blocks, blocks_of
from certify.convex.design import Design
from certify.convex.generation import ColumnGeneration
from certify.convex.polish import polish
from certify.convex.pricing import climbed
from certify.convex.solution import evaluated
from certify.gain.question import GainProblem, Limits, Violator
from certify.patterns.kkt import gain_by_enumeration
from certify.problem.objective import Bias
from certify.problem.training import TrainingProblem


def teacher_problem(n: int, d: int, beta: float, seed: int = 0) -> TrainingProblem:
    """Half-squared loss on the outputs of a teacher of five neurons plus noise, without biases."""
    rng = np.random.default_rng([seed, n, d])
    X, u, a = rng.standard_normal((n, d)), rng.standard_normal((5, d)), rng.standard_normal(5)
    y = np.maximum(X @ u.T, 0) @ a + 0.1 * rng.standard_normal(n)
    return stated(dataset(X, y), objective(beta))


def begun(problem: TrainingProblem) -> ColumnGeneration:
    """A generation without any block."""
    return ColumnGeneration(problem, blocks_of(problem, np.zeros((0, problem.rows.shape[1])), np.zeros(0)))


@pytest.mark.parametrize(("n", "d", "beta"), [(24, 2, 0.5), (24, 3, 0.5), (20, 3, 0.05), (14, 4, 0.1)])
@pytest.mark.parametrize("seed", range(3))
def test_the_dual_vector_is_optimal(n: int, d: int, beta: float, seed: int) -> None:
    """By every pattern: no gain exceeds beta beyond rounding, although neurons lie on walls."""
    problem = teacher_problem(n, d, beta, seed)
    generation = begun(problem)
    generation.run(1e-8, Limits())
    assert gain_by_enumeration(generation.gain_problem).upper <= beta * (1 + 2e-8)


@pytest.mark.parametrize("bias", [Bias.NONE, Bias.FREE])
def test_a_tolerance_below_rounding_ends(bias: Bias) -> None:
    """With beta = 1e-8 rounding alone makes violators of 1e-7; blocks that changed nothing are not added for ever."""
    rng = np.random.default_rng(0)
    data = dataset(rng.standard_normal((8, 2)), rng.standard_normal(8))
    generation = begun(stated(data, objective(1e-8, hidden_bias=bias, output_bias=bias)))
    rounds = 0
    while generation.rounds < 200:
        generation.run(1e-15, Limits())
        rounds = generation.rounds
        nudged = generation.gain_problem
        again = climbed(nudged, generation.solution.w, 32, np.random.default_rng(rounds), 0.0, Limits())
        if not generation.add(again):
            break
        generation.solve(Limits())
    assert rounds < 200


def test_a_block_is_not_added_twice_for_nothing() -> None:
    """A violator that is no violator is added once; again only after the value has fallen."""
    problem = teacher_problem(24, 3, 0.5)
    generation = begun(problem)
    generation.run(1e-8, Limits())
    stray = Violator(np.array([1.0, 0.0, 0.0]), 1, 1.0)
    assert generation.add([stray])
    generation.solve(Limits())
    assert not generation.add([stray])


def test_a_neuron_on_a_wall_is_one_block() -> None:
    """Split between the cones on both sides of its wall, it is put together before Newton's method polishes it."""
    problem = teacher_problem(24, 3, 0.5)
    generation = begun(problem)
    generation.run(1e-8, Limits())
    solution, rows = generation.solution, problem.rows / np.linalg.norm(problem.rows, axis=1)[:, None]
    units = solution.w / np.linalg.norm(solution.w, axis=1)[:, None]
    block, wall = np.argwhere(np.abs(units @ rows.T) < 1e-12)[0]
    other = solution.blocks.patterns[block].copy()
    other[wall] = ~other[wall]
    patterns = np.vstack([solution.blocks.patterns, other])
    signs = np.append(solution.blocks.signs, solution.blocks.signs[block])
    w = np.vstack([solution.w, 0.4 * solution.w[block]])
    w[block] *= 0.6
    split = evaluated(Design(problem, Blocks(patterns, signs, w)), w + 1e-9 * solution.w[0], solution.c)
    polished = polish(problem, split, Limits())
    assert polished.blocks.count == solution.blocks.count
    assert polished.f == pytest.approx(solution.f, abs=1e-12)


class PanicException(BaseException):
    """As Rust's bindings raise it."""


def test_a_solver_that_panics_is_no_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    """The program is then solved by nothing, with the zero network's value; Ctrl-C is not swallowed with it."""

    def panicking(*_: object) -> None:
        raise PanicException("index out of bounds")

    problem = teacher_problem(24, 3, 0.5)
    monkeypatch.setattr(clarabel, "DefaultSolver", panicking)
    generation = begun(problem)
    generation.run(1e-8, Limits())
    assert generation.solution.value == pytest.approx(problem.data_loss(np.zeros((24, 1))))

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(clarabel, "DefaultSolver", interrupted)
    with pytest.raises(KeyboardInterrupt):
        begun(problem).run(1e-8, Limits())


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_pricing_of_what_is_not_finite_finds_nothing(value: float) -> None:
    """Neither a dual vector nor rows that are not finite make an ascent crash."""
    rows, nu = np.random.default_rng(0).standard_normal((9, 3)), np.random.default_rng(1).standard_normal(9)
    rng = np.random.default_rng(2)
    for broken in (GainProblem(rows, np.where(np.arange(9) == 4, value, nu)), GainProblem(rows * value, nu)):
        with np.errstate(invalid="ignore"):
            assert climbed(broken, np.ones((1, 3)), 16, rng, 0.0, Limits()) == []


@pytest.mark.parametrize("bias", [False, True])
def test_two_threads_find_what_one_finds(bias: bool) -> None:
    """The signs side by side, to the bit."""
    rng = np.random.default_rng(0)
    rows, nu = rng.standard_normal((40, 4)), rng.integers(-9, 10, 40).astype(float)
    if bias:
        rows[:, -1] = 1.0
        nu[0] -= nu.sum()
    problem = GainProblem(rows, nu, bias)
    one, two = (climbed(problem, rows[:2], 400, np.random.default_rng(1), 0.0, Limits(), threads) for threads in (1, 2))
    assert len(one) > 1 and [v.gain for v in one] == [v.gain for v in two]
