"""Training to the proved optimum: the value that full enumeration finds, with a verdict that check repeats."""

from __future__ import annotations

import os
import signal
from fractions import Fraction
from itertools import pairwise, product

import numpy as np
import pytest
from exact import exact_objective
from oracles import ORACLES, Oracle, dataset, objective, stated
from planted import STRICT, assert_consistent, check, random_data

from certify.decide.options import CheckOptions
from certify.decide.solve import Solution, solve_dataset, solve_path
from certify.patterns.program import solve_full_program
from certify.problem.dataset import Dataset
from certify.problem.objective import Bias, Loss, Objective, Reduction
from certify.verdict import Decision, Reason

pytestmark = pytest.mark.slow  # together: `make test-fast` leaves them out

GOALS = [objective(0.1, *parts) for parts in product(Loss, [Reduction.SUM], Bias, Bias)]
GOALS += [objective(0.03, *parts) for parts in product(Loss, [Reduction.MEAN], [Bias.NONE, Bias.FREE], Bias)]
GOALS += [
    Objective(Loss.HALF_SQUARED, Reduction.SUM, 0.01, 0.2, Bias.FREE, Bias.FREE),
    Objective(Loss.LOGISTIC, Reduction.MEAN, 0.3, 0.002, Bias.NONE, Bias.FREE),
]
EVERY_GOAL = pytest.mark.parametrize(
    "goal", GOALS, ids=lambda g: f"{g.loss}-{g.reduction}-{g.hidden_bias}-{g.output_bias}-{g.hidden_decay:g}"
)
PLAIN = objective(0.1)


def solved(data: Dataset, goal: Objective, options: CheckOptions = STRICT, width: int | None = None) -> Solution:
    """The solution, after its verdict has been held to what it says."""
    solution = solve_dataset(data, goal, options, width)
    assert_consistent(solution.verdict, solution.network, data, goal)
    assert width is None or solution.network.width <= width
    return solution


def assert_optimal(data: Dataset, goal: Objective, solution: Solution) -> None:
    """Certified at 1e-6, as enumeration has it, and certified again by a check that knows nothing of the training."""
    assert solution.is_optimum
    reference = solve_full_program(stated(data, goal))
    value = float(exact_objective(solution.network, data, goal))
    assert value == pytest.approx(reference.value, rel=1e-6, abs=1e-12)
    assert check(solution.network, data, goal).decision is Decision.CERTIFIED


@EVERY_GOAL
def test_agrees_with_full_enumeration(goal: Objective) -> None:
    """Random small problems, every loss, reduction and treatment of the biases."""
    data = random_data(goal, seed=7, n=6)
    assert_optimal(data, goal, solved(data, goal))


@pytest.mark.parametrize("seed", range(12))
def test_agrees_with_full_enumeration_on_shapes(seed: int) -> None:
    """1 to 9 samples of 1 to 3 inputs, Gaussian or small integers with copies, opposites and zeros, random decay."""
    rng = np.random.default_rng(seed)
    n, d = int(rng.integers(1, 10)), int(rng.integers(1, 4))
    X = rng.standard_normal((n, d)) if seed % 2 else rng.integers(-2, 3, (n, d)).astype(float)
    goal = objective(float(10 ** rng.uniform(-2, 1)), hidden_bias=Bias.PENALIZED if seed % 3 == 0 else Bias.NONE)
    data = dataset(X, rng.standard_normal(n) * 2)
    assert_optimal(data, goal, solved(data, goal))


@pytest.mark.parametrize("kind", ["duplicates", "opposite", "zero rows", "collinear", "one sample", "more inputs"])
def test_degenerate_data(kind: str) -> None:
    """Repeated, opposite, zero, collinear rows, n = 1, d > n."""
    data = random_data(PLAIN, seed=5, n=4)
    X, y = {
        "duplicates": (np.vstack([data.X, data.X]), np.vstack([data.y, data.y + 0.1])),
        "opposite": (np.vstack([data.X, -data.X]), np.vstack([data.y, data.y])),
        "zero rows": (np.vstack([data.X, np.zeros((2, 2))]), np.vstack([data.y, data.y[:2]])),
        "collinear": (np.outer(data.X[:, 0], [1.0, 2.0]), data.y),
        "one sample": (data.X[:1], data.y[:1] + 3),
        "more inputs": (np.random.default_rng(0).standard_normal((3, 6)), data.y[:3]),
    }[kind]
    degenerate = Dataset(X, y)
    assert_optimal(degenerate, PLAIN, solved(degenerate, PLAIN))


@pytest.mark.parametrize("beta", [1e-4, 1e-6, 1e-8])
@pytest.mark.parametrize("bias", [Bias.NONE, Bias.FREE])
def test_data_that_are_nearly_fitted(beta: float, bias: Bias) -> None:
    """The loss that is left is a tiny share of what there was, and the dual vector smaller still: certified."""
    goal = objective(beta, hidden_bias=bias, output_bias=bias)
    data = random_data(goal, seed=0, n=8)
    assert solved(data, goal, CheckOptions(eps=1e-4)).is_optimum


@pytest.mark.parametrize("y", [np.zeros(5), np.array([0.5, -0.2, 0.1, 0.3, -0.4])], ids=["y = 0", "small y"])
def test_the_zero_network_where_it_is_optimal(y: np.ndarray) -> None:
    """Nothing to fit, or a decay above the largest useful one: one zero neuron, certified, with value L(0)."""
    data = dataset(np.random.default_rng(1).standard_normal((5, 2)), y)
    solution = solved(data, objective(50.0))
    assert solution.is_optimum
    assert not np.any(solution.network.output_weights)
    assert exact_objective(solution.network, data, objective(50.0)) == sum(Fraction(v) ** 2 for v in y) / 2


def test_sample_weights_count() -> None:
    """Weights of zero, a third and two."""
    plain = random_data(PLAIN, seed=8)
    weighted = Dataset(plain.X, plain.y, np.array([0.0, 1 / 3, 2.0, 1.0, 0.0, 0.5, 3.0]))
    assert_optimal(weighted, PLAIN, solved(weighted, PLAIN))


@pytest.mark.parametrize("oracle", ORACLES.values(), ids=ORACLES)
def test_oracles(oracle: Oracle) -> None:
    """Problems solved by hand: the value to their digits, and as few neurons as the optimum has."""
    solution = solved(oracle.dataset, oracle.objective)
    assert solution.is_optimum
    assert solution.verdict.value.upper == pytest.approx(oracle.optimum, rel=1e-6, abs=1e-8)
    if oracle.least_width is not None:
        assert solution.network.width == max(oracle.least_width, 1)


@pytest.mark.parametrize("name", ["O2", "O3", "O4", "O8n 3"])
def test_a_width_that_suffices(name: str) -> None:
    """With as many neurons as the optimum needs the answer is the optimum."""
    oracle = ORACLES[name]
    solution = solved(oracle.dataset, oracle.objective, width=oracle.least_width)
    assert solution.is_optimum
    assert solution.network.width <= oracle.least_width


def test_a_width_that_does_not_suffice() -> None:
    """O3 needs two neurons; the best network of one has the value .695; the verdict says that a wider one is better."""
    oracle = ORACLES["O3"]
    solution = solved(oracle.dataset, oracle.objective, width=1)
    assert (solution.verdict.decision, solution.verdict.reason) == (Decision.INCONCLUSIVE, Reason.WIDTH)
    assert solution.verdict.value.upper == pytest.approx(0.695, rel=1e-9)
    assert solution.verdict.optimum.lower == pytest.approx(oracle.optimum, rel=1e-6)
    assert (solution.width_asked, solution.narrowest_known) == (1, 2)


@pytest.mark.parametrize("seed", range(4))
def test_more_neurons_are_never_worse(seed: int) -> None:
    """The value falls with the width asked for, from the best single neuron to the optimum."""
    data = random_data(PLAIN, seed, n=8)
    best = solved(data, PLAIN)
    values = [solved(data, PLAIN, width=m).verdict.value.upper for m in range(1, best.network.width + 1)]
    assert all(after <= before * (1 + 1e-9) for before, after in pairwise(values))
    assert values[-1] == pytest.approx(best.verdict.value.upper, rel=1e-8)


def test_the_path_is_that_of_single_solves() -> None:
    """Warm starts change nothing: value and width of each point are those of a solve of its own."""
    data = random_data(PLAIN, seed=3, n=9)
    goals = [objective(beta) for beta in (2.0, 0.5, 0.1, 0.01)]
    path = list(solve_path(data, goals, STRICT))
    assert len(path) == len(goals)
    for solution, goal in zip(path, goals, strict=True):
        assert_consistent(solution.verdict, solution.network, data, goal)
        alone = solved(data, goal)
        assert solution.is_optimum
        assert solution.verdict.value.upper == pytest.approx(alone.verdict.value.upper, rel=1e-8)
        assert solution.network.width == alone.network.width


def test_the_same_again_gives_the_same() -> None:
    """Same data, seed and options: the same network to the last bit, and the same bounds."""
    data = random_data(PLAIN, seed=2, n=12, d=3)
    first, second = (solved(data, PLAIN) for _ in range(2))
    for name in ("hidden_weights", "output_weights"):
        assert np.array_equal(getattr(first.network, name), getattr(second.network, name))
    assert first.verdict.optimum == second.verdict.optimum


@pytest.mark.parametrize("limit", [1e-9, 0.02, 0.2])
def test_a_time_limit_leaves_true_bounds(limit: float) -> None:
    """However early it ends, a network is there, its value true, and P* inside the bounds."""
    data = random_data(PLAIN, seed=6, n=30, d=4)
    solution = solved(data, PLAIN, CheckOptions(eps=1e-9, time_limit=limit))
    best = solved(data, PLAIN)
    assert solution.verdict.optimum.lower <= best.verdict.optimum.upper
    assert solution.verdict.value.upper >= best.verdict.optimum.lower
    assert solution.verdict.decision is not Decision.REFUTED


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_leaves_the_best_so_far(number: signal.Signals) -> None:
    """A signal in the middle of the search ends it; network and gap are true, and the verdict says interrupted."""
    data = random_data(PLAIN, seed=6, n=30, d=4)
    stages = []

    def interrupt(progress) -> None:
        stages.append(progress.stage)
        if progress.stage == "proof" and stages.count("proof") == 1:
            os.kill(os.getpid(), number)

    solution = solve_dataset(data, PLAIN, CheckOptions(eps=1e-12), None, interrupt)
    assert solution.verdict.interrupted
    assert solution.verdict.reason in (None, Reason.INTERRUPTED)
    assert_consistent(solution.verdict, solution.network, data, PLAIN)
    assert np.any(solution.network.output_weights)


def test_what_proves_the_bound_comes_with_the_verdict() -> None:
    """The lower bound's dual vector and proved gain are handed on, and give that bound again."""
    from certify.problem.dual import scaled_dual_bound

    data = random_data(PLAIN, seed=1)
    verdict = solved(data, PLAIN).verdict
    assert verdict.proof.value == pytest.approx(verdict.optimum.lower, rel=1e-11)
    assert scaled_dual_bound(stated(data, PLAIN), verdict.proof.nu, verdict.proof.gain.upper) == verdict.proof.value


def test_a_prediction_that_a_bias_alone_makes() -> None:
    """Equal targets and a free output bias: the constant is the optimum, at no cost."""
    goal = objective(0.1, output_bias=Bias.FREE)
    data = dataset(np.random.default_rng(0).standard_normal((6, 2)), np.full(6, 3.0))
    solution = solved(data, goal)
    assert solution.is_optimum
    assert solution.verdict.value.upper <= 1e-20
    assert solution.network.output_bias[0] == pytest.approx(3.0)
