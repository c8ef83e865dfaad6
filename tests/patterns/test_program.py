"""The convex program gives P*, a network that attains it, and the dual vector that proves it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from exact import OF_SIGNS
from oracles import (
    O6_SUBSAMPLED,
    ORACLES,
    Oracle,
    dataset,
    objective,
    objective_value,
    predictions,
    restated,
    stated,
)
from scipy.optimize import minimize

from certify.errors import UsageError
from certify.gain.question import GainProblem, Limits
from certify.patterns.enumerate import Cones, enumerate_cones
from certify.patterns.kkt import gain_by_enumeration
from certify.patterns.program import FullProgramSolution, psi, solve_full_program
from certify.problem.dataset import Dataset
from certify.problem.objective import Bias, Loss, Objective, Reduction
from certify.rounding import round_to_zero_sum

pytestmark = pytest.mark.slow  # together: `make test-fast` leaves them out

EVERY_ORACLE = pytest.mark.parametrize("oracle", ORACLES.values(), ids=ORACLES)
EVERY_BIAS = pytest.mark.parametrize("output_bias", list(Bias)), pytest.mark.parametrize("hidden_bias", list(Bias))


def solve(data: Dataset, goal: Objective) -> FullProgramSolution:
    solution = solve_full_program(stated(data, goal))
    assert solution is not None
    return solution


def random_data(seed: int, n: int = 9, d: int = 2) -> Dataset:
    rng = np.random.default_rng(seed)
    return dataset(rng.standard_normal((n, d)), rng.standard_normal(n))


@EVERY_ORACLE
def test_oracle_is_solved(oracle: Oracle) -> None:
    """P* comes out to nine digits, in a network whose objective it is, with the known predictions."""
    solution = solve(oracle.dataset, oracle.objective)
    assert solution.value == pytest.approx(oracle.optimum, rel=1e-9)
    assert objective_value(solution.network, oracle.dataset, oracle.objective) == pytest.approx(
        oracle.optimum, rel=1e-9
    )
    assert predictions(solution.network, oracle.dataset.X) == pytest.approx(solution.predictions, rel=1e-9, abs=1e-9)
    if oracle.predictions is not None:
        assert solution.predictions == pytest.approx(oracle.predictions, rel=1e-5, abs=1e-5)
    if oracle.least_width is not None:
        assert solution.network.width >= oracle.least_width


@EVERY_ORACLE
def test_dual_vector_proves_the_optimum(oracle: Oracle) -> None:
    """nu is minus the gradient at the optimum, no gain under it exceeds beta, and D(nu) = P*."""
    problem = stated(oracle.dataset, oracle.objective)
    solution = solve(oracle.dataset, oracle.objective)
    slope = problem.slope(solution.predictions[:, None])[:, 0]
    assert solution.nu == pytest.approx(-slope, rel=1e-5, abs=1e-5 * np.abs(slope).max())
    nu = round_to_zero_sum(solution.nu, 0) if problem.needs_zero_sum else solution.nu
    assert gain_by_enumeration(GainProblem(problem.rows, nu, problem.free_hidden_bias)).upper <= problem.beta * (
        1 + 1e-6
    )
    dual = problem.loss.dual_terms(nu, problem.targets[:, 0], problem.weights)[0].sum()
    if oracle.objective.output_bias is Bias.PENALIZED:
        dual -= nu.sum() ** 2 / (2 * problem.beta)
    assert dual == pytest.approx(oracle.optimum, rel=1e-6)


@EVERY_ORACLE
def test_no_known_network_is_better(oracle: Oracle) -> None:
    """P* is at most the objective of any network: the known ones of this data."""
    best = solve(oracle.dataset, oracle.objective).value
    assert all(best <= known.value * (1 + 1e-9) for known in oracle.networks)


@pytest.mark.parametrize("reduction", list(Reduction))
@pytest.mark.parametrize("loss", list(Loss))
@EVERY_ORACLE
def test_loss_and_reduction_may_be_restated(oracle: Oracle, loss: Loss, reduction: Reduction) -> None:
    """Half or whole squares, sum or mean: the same problem has the same optimum in its own units."""
    if loss in OF_SIGNS or oracle.objective.loss in OF_SIGNS:
        loss = oracle.objective.loss
    again = restated(oracle, loss, reduction)
    assert solve(again.dataset, again.objective).value == pytest.approx(again.optimum, rel=1e-9)


@pytest.mark.parametrize("loss", [Loss.HALF_SQUARED, Loss.LOGISTIC])
@EVERY_BIAS[0]
@EVERY_BIAS[1]
def test_no_trained_network_is_better(hidden_bias: Bias, output_bias: Bias, loss: Loss) -> None:
    """Gradient training of a wide network from many starts never goes below P*, and comes near it."""
    rng = np.random.default_rng(7)
    X, y = rng.standard_normal((7, 1)), rng.standard_normal(7)
    data = dataset(X, np.sign(y) if loss in OF_SIGNS else y)
    problem = stated(data, objective(0.2, loss, Reduction.SUM, hidden_bias, output_bias))
    best = solve_full_program(problem).value
    trained = min(train(problem, rng) for _ in range(8))
    assert best * (1 - 1e-9) <= trained <= best * 1.05


def train(problem, rng: np.random.Generator, width: int = 10) -> float:
    """The least objective that quasi-Newton steps reach from a random network."""
    dimension = problem.rows.shape[1]
    has_output_bias = problem.objective.output_bias is not Bias.NONE

    def value_and_slope(theta: np.ndarray) -> tuple[float, np.ndarray]:
        u, a = theta[: width * dimension].reshape(width, dimension), theta[width * dimension : -1]
        c = theta[-1] if has_output_bias else 0.0
        hidden = problem.activations(u)
        f = hidden @ a + c
        slope = problem.slope(f[:, None])[:, 0]
        normed = np.where(np.arange(dimension) < dimension - problem.free_hidden_bias, u, 0.0)
        penalised = c if problem.objective.output_bias is Bias.PENALIZED else 0.0
        u_slope = ((hidden > 0) * slope[:, None] * a).T @ problem.rows + problem.beta * normed
        a_slope = hidden.T @ slope + problem.beta * a
        c_slope = (slope.sum() if has_output_bias else 0.0) + problem.beta * penalised
        squares = (normed**2).sum() + a @ a + penalised**2
        return problem.data_loss(f[:, None]) + problem.beta / 2 * squares, np.concatenate(
            [u_slope.ravel(), a_slope, [c_slope]]
        )

    start = rng.standard_normal(width * (dimension + 1) + 1)
    return float(minimize(value_and_slope, start, jac=True, method="L-BFGS-B", options={"maxiter": 800}).fun)


def test_zero_network_is_optimal_up_to_the_largest_gain() -> None:
    """The zero network is optimal iff beta >= M(y), and then P* = |y|^2/2."""
    data = random_data(3)
    zero = float((data.y**2).sum()) / 2
    largest = gain_by_enumeration(GainProblem(data.X, data.y[:, 0])).upper
    assert solve(data, objective(largest)).value == pytest.approx(zero, rel=1e-9)
    assert solve(data, objective(0.99 * largest)).value < zero * (1 - 1e-6)


def scaled_targets(data: Dataset, goal: Objective, c: float) -> tuple[Dataset, Objective, float]:
    return (
        replace(data, y=data.y * c),
        replace(goal, hidden_decay=c * goal.hidden_decay, output_decay=c * goal.output_decay),
        c**2,
    )


def scaled_rows(data: Dataset, goal: Objective, c: float) -> tuple[Dataset, Objective, float]:
    return (
        replace(data, X=data.X * c),
        replace(goal, hidden_decay=c * goal.hidden_decay, output_decay=c * goal.output_decay),
        1.0,
    )


def scaled_weights(data: Dataset, goal: Objective, c: float) -> tuple[Dataset, Objective, float]:
    weighted = replace(data, sample_weight=np.full(data.samples, c))
    return weighted, replace(goal, hidden_decay=c * goal.hidden_decay, output_decay=c * goal.output_decay), c


@pytest.mark.parametrize("c", [1e-6, 1e6])
@pytest.mark.parametrize("hidden_bias", [Bias.NONE, Bias.FREE])
@pytest.mark.parametrize("change", [scaled_targets, scaled_rows, scaled_weights])
def test_units_do_not_matter(change: Callable, hidden_bias: Bias, c: float) -> None:
    """Targets, rows or weights in other units, with beta adapted, scale P* as they must and lose no digit."""
    data, goal = random_data(4), objective(0.3, hidden_bias=hidden_bias)
    moved, moved_goal, factor = change(data, goal, c)
    assert solve(moved, moved_goal).value == pytest.approx(factor * solve(data, goal).value, rel=1e-8)


def test_samples_may_be_permuted_and_coordinates_turned() -> None:
    """P* is the same for permuted samples and for an orthogonal change of the inputs; nu follows the samples."""
    data, goal = random_data(5, 10, 3), objective(0.3)
    rng = np.random.default_rng(0)
    order, turn = rng.permutation(10), np.linalg.qr(rng.standard_normal((3, 3)))[0]
    here, there = solve(data, goal), solve(dataset(data.X[order] @ turn, data.y[order, 0]), goal)
    assert there.value == pytest.approx(here.value, rel=1e-9)
    assert there.nu == pytest.approx(here.nu[order], abs=1e-6)


@pytest.mark.parametrize("loss", [Loss.SQUARED, Loss.LOGISTIC, Loss.HINGE])
def test_sample_weight_counts_copies(loss: Loss) -> None:
    """A weight of 2 is a copy of the sample, a weight of 0 its absence."""
    data = random_data(6)
    data = replace(data, y=np.sign(data.y)) if loss in OF_SIGNS else data
    weighted = replace(data, sample_weight=np.array([2.0, 0.0] + [1.0] * 7))
    kept = np.array([0, 0, 2, 3, 4, 5, 6, 7, 8])
    copied = Dataset(data.X[kept], data.y[kept])
    goal = objective(0.3, loss, hidden_bias=Bias.PENALIZED)
    assert solve(weighted, goal).value == pytest.approx(solve(copied, goal).value, rel=1e-8)


@pytest.mark.parametrize("hidden_bias", [Bias.NONE, Bias.FREE])
def test_unequal_decays_cost_their_geometric_mean(hidden_bias: Bias) -> None:
    """Decays 0.9 and 0.1 have the P* of 0.3, in a network that spends the same on both layers."""
    data = random_data(8)
    equal = objective(0.3, hidden_bias=hidden_bias)
    unequal = replace(equal, hidden_decay=0.9, output_decay=0.1)
    solution = solve(data, unequal)
    assert solution.value == pytest.approx(solve(data, equal).value, rel=1e-9)
    assert objective_value(solution.network, data, unequal) == pytest.approx(solution.value, rel=1e-9)
    hidden, output = (solution.network.hidden_weights**2).sum(), (solution.network.output_weights**2).sum()
    assert 0.9 * hidden == pytest.approx(0.1 * output, rel=1e-6)


def test_free_hidden_bias_makes_constants_free() -> None:
    """With a free hidden bias an output bias, however it is treated, changes nothing."""
    data = random_data(9)
    values = [solve(data, objective(0.3, hidden_bias=Bias.FREE, output_bias=bias)).value for bias in Bias]
    assert values == pytest.approx([values[0]] * 3, rel=1e-9)


def test_free_hidden_bias_and_constant_targets() -> None:
    """Equal targets far from 0 are fitted at no cost that can be told from 0."""
    data = replace(random_data(9), y=np.full((9, 1), 5.0))
    solution = solve(data, objective(0.3, hidden_bias=Bias.FREE))
    assert 0 <= solution.value < 1e-8
    assert objective_value(solution.network, data, objective(0.3, hidden_bias=Bias.FREE)) < 1e-8


@pytest.mark.parametrize(("patterns", "optimum"), O6_SUBSAMPLED.items())
def test_subsampled_program(patterns: tuple, optimum: float) -> None:
    """Restricted to some patterns, the program has the optimum of those blocks only (O6)."""
    kept = np.array(patterns, dtype=bool)
    oracle = ORACLES["O6"]
    solution = solve_full_program(stated(oracle.dataset, oracle.objective), cones=Cones(kept, np.ones_like(kept)))
    assert solution.value == pytest.approx(optimum, abs=1e-7)


def test_a_weight_decay_beyond_float64_in_units_of_the_data_is_a_failure_of_numerics() -> None:
    """1e10 over inputs of 1e-300: there is no such program, and no network by it."""
    data = random_data(10, 4, 1)
    tiny = Dataset(data.X * 1e-300, data.y)
    with pytest.raises(ArithmeticError):
        solve(tiny, objective(1e10))


def test_walls_are_enough() -> None:
    """The program with the walls alone has the optimum of the program with every sample's inequality."""
    data, goal = random_data(10, 12, 3), objective(0.2)
    cones = enumerate_cones(data.X)
    every = solve_full_program(stated(data, goal), cones=Cones(cones.patterns, np.ones_like(cones.walls)))
    assert cones.walls.mean() < 0.5
    assert every.value == pytest.approx(solve(data, goal).value, rel=1e-9)


def test_blocks_lie_in_their_cones_and_are_the_network() -> None:
    """v_D and w_D lie in K_D, and their predictions and mass are those of the network."""
    data, goal = random_data(11, 10, 3), objective(0.2)
    solution = solve(data, goal)
    D = solution.cones.patterns
    for blocks in (solution.v, solution.w):
        assert np.all((2.0 * D - 1.0) * (blocks @ data.X.T) >= -1e-8)
    f = np.sum(D * ((solution.v - solution.w) @ data.X.T), axis=0)
    assert f == pytest.approx(solution.predictions, abs=1e-7)
    mass = np.linalg.norm(np.vstack([solution.v, solution.w]), axis=1).sum()
    neurons = solution.neurons
    assert stated(data, goal).mass(neurons).sum() == pytest.approx(mass, rel=1e-6)


def test_gap_closes_on_a_degenerate_grid() -> None:
    """Many collinear points, a free bias, over 500 cones: value and dual bound still meet to nine digits."""
    grid = np.array([[a, b] for a in range(6) for b in range(5)], dtype=float)
    data = dataset(grid, np.sin(3 * grid[:, 0]) + np.cos(2 * grid[:, 1]))
    problem = stated(data, objective(0.5, hidden_bias=Bias.FREE))
    cones = enumerate_cones(problem.rows)
    solution = solve_full_program(problem, cones=cones)
    nu = round_to_zero_sum(solution.nu, 0)
    gain = gain_by_enumeration(GainProblem(problem.rows, nu, True), cones=cones).upper
    nu = nu * min(1.0, problem.beta / gain)
    dual = float(nu @ problem.targets[:, 0] - nu @ nu / 2)
    assert len(cones.patterns) > 500
    assert dual <= solution.value <= dual * (1 + 1e-9)


def test_psi_gives_scaled_neurons() -> None:
    """psi maps a block to a neuron with |u| = |a| and u |a| the block; without blocks it is one zero neuron."""
    problem = stated(random_data(0), objective(0.1))
    blocks, signs = np.array([[3.0, 4.0], [0.0, -0.25]]), np.array([1.0, -1.0])
    neurons = psi(problem, blocks, signs)
    assert np.linalg.norm(neurons.u, axis=1) == pytest.approx(np.abs(neurons.a[:, 0]))
    assert neurons.u * np.abs(neurons.a) == pytest.approx(blocks)
    assert np.sign(neurons.a).tolist() == [[1.0], [-1.0]]
    empty = psi(problem, np.zeros((0, 2)), np.zeros(0))
    assert empty.width == 1
    assert not empty.u.any() and not empty.a.any()


def test_psi_gives_a_pure_bias_a_vanishing_size() -> None:
    """With a free bias, a block without weights becomes a neuron of the same function that costs next to nothing."""
    data = random_data(0)
    goal = objective(0.1, hidden_bias=Bias.FREE)
    problem = stated(data, goal)
    neurons = psi(problem, np.array([[0.0, 0.0, 2.0]]), np.array([-1.0]))
    assert problem.predictions(neurons) == pytest.approx(np.full((9, 1), -2.0))
    assert objective_value(problem.lower(neurons), data, goal) - float(((data.y + 2) ** 2).sum()) / 2 < 1e-12


def test_limits_end_the_solve() -> None:
    """A deadline in the past, or one too near for the solver, gives no solution instead of a wrong one."""
    data = random_data(1, 30, 3)
    problem = stated(data, objective(0.1))
    cones = enumerate_cones(problem.rows)
    assert solve_full_program(problem, Limits(deadline=time.monotonic()), cones) is None
    assert solve_full_program(problem, Limits(deadline=time.monotonic() + 0.05), cones) is None
    assert solve_full_program(problem, Limits(cancelled=lambda: True), cones) is None


def test_too_many_patterns_are_refused() -> None:
    """The full program of large data is refused as the enumeration is."""
    with pytest.raises(UsageError, match="--engine auto"):
        solve_full_program(stated(random_data(0, 60, 6), objective(0.1)))


def test_optimum_falls_with_beta() -> None:
    """P* rises with beta and stays between the values of interpolation and of the zero network."""
    data = random_data(12)
    values = [solve(data, objective(beta)).value for beta in (1e-5, 1e-3, 1e-1, 10.0, 1e3)]
    assert values == sorted(values)
    assert values[0] < 1e-3
    assert values[-1] == pytest.approx(float((data.y**2).sum()) / 2, rel=1e-9)
    assert all(math.isfinite(value) for value in values)
