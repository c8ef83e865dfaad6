"""What is decided where nothing decays, held against closed forms and against least squares over many random neurons."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from exact import exact_objective, random_network
from oracles import dataset
from scipy.optimize import linprog

from certify.decide.check import check_network
from certify.decide.descend import descend_network
from certify.decide.options import CheckOptions
from certify.decide.scope import decidable_problem
from certify.decide.solve import Solution, solve_dataset, zero_network
from certify.errors import ObjectiveError
from certify.problem.attainable import best_attainable, lines_of
from certify.problem.dataset import Dataset
from certify.problem.network import Network
from certify.problem.objective import Bias, Loss, Objective, Reduction
from certify.problem.training import TrainingProblem
from certify.verdict import Decision, Reason

NONE, PENALIZED, FREE = Bias.NONE, Bias.PENALIZED, Bias.FREE
OPTIONS = CheckOptions(time_limit=60.0)


def goal(loss: Loss = Loss.SQUARED, hidden: Bias = FREE, output: Bias = NONE, mean: bool = False) -> Objective:
    """An objective without weight decay."""
    return Objective(loss, Reduction.MEAN if mean else Reduction.SUM, 0.0, 0.0, hidden, output)


def solved(data: Dataset, objective: Objective, width: int | None = None) -> Solution:
    """What training gives; its value and its bounds hold exactly."""
    found = solve_dataset(data, objective, OPTIONS, width)
    value = exact_objective(found.network, data, objective)
    assert found.verdict.value.lower <= value <= found.verdict.value.upper
    return found


def optimal(data: Dataset, objective: Objective, expected: float) -> None:
    """Training proves its network optimal, at the value expected; a network of nothing is refuted where it is worse."""
    found = solved(data, objective)
    assert found.verdict.decision is Decision.CERTIFIED
    assert found.verdict.value.upper == pytest.approx(expected, rel=1e-9, abs=0.0 if expected else 1e-300)
    assert found.verdict.optimum.lower == pytest.approx(expected, rel=1e-9)


def test_equal_inputs_cost_their_variance() -> None:
    """With a hidden bias P* is the weighted variance within equal inputs, whichever name the biases have."""
    X = [[0.1], [0.1], [0.1], [0.7], [-2.0], [-2.0]]
    y, w = np.array([1.0, 2.0, 4.0, 5.0, 0.0, 3.0]), np.array([1.0, 2.0, 0.5, 1.0, 3.0, 1.0])
    parts = [np.arange(3), np.arange(4, 6)]
    spread = sum(float(np.sum(w[p] * (y[p] - np.average(y[p], weights=w[p])) ** 2)) for p in parts)
    for hidden in (FREE, PENALIZED):
        for output in (NONE, FREE, PENALIZED):
            optimal(dataset(X, list(y), list(w)), goal(Loss.SQUARED, hidden, output), spread)
            optimal(dataset(X, list(y), list(w)), goal(Loss.HALF_SQUARED, hidden, output, mean=True), spread / 12)


def test_conflicting_labels_cost_their_entropy() -> None:
    """Of m equal inputs k with label 1 cost m H(k/m); inputs whose labels agree cost nothing that counts."""
    X = [[0.0, 1.0]] * 5 + [[1.0, 1.0]] * 2 + [[2.0, 3.0]] * 3
    y = [1.0, 1.0, 1.0, -1.0, -1.0, -1.0, 1.0, 1.0, 1.0, 1.0]

    def entropy(p: float) -> float:
        return -p * math.log(p) - (1 - p) * math.log(1 - p)

    optimal(dataset(X, y), goal(Loss.LOGISTIC), 5 * entropy(0.6) + 2 * math.log(2))


def test_conflicting_labels_cost_twice_the_fewer_under_the_hinge_loss() -> None:
    """Between -1 and 1 the pooled loss is linear; data without conflicts are fitted with no loss at all."""
    X, w = [[0.0]] * 5 + [[1.0]] * 2 + [[2.0]] * 3, [1.0, 1.0, 1.0, 0.5, 2.0, 1.0, 3.0, 1.0, 1.0, 1.0]
    y = [1.0, 1.0, 1.0, -1.0, -1.0, -1.0, 1.0, 1.0, 1.0, 1.0]
    optimal(dataset(X, y, w), goal(Loss.HINGE), 2 * 2.5 + 2 * 1.0)
    optimal(dataset([[0.0], [1.0], [2.0]], [1.0, -1.0, 1.0]), goal(Loss.HINGE), 0.0)


def test_rows_on_one_side_of_a_line_share_one_number() -> None:
    """Without biases the prediction at t x is t times that at x: least squares in one number; and at 0 it is 0."""
    X = [[1.0, 2.0], [3.0, 6.0], [-1.0, -2.0], [-2.0, -4.0], [0.0, 0.0], [5.0, 1.0]]
    y = [1.0, 1.0, 2.0, 1.0, 3.0, 8.0]
    ahead, behind = (1 * 1 + 3 * 1) / 10, (1 * 2 + 2 * 1) / 5
    expected = (1 - ahead) ** 2 + (1 - 3 * ahead) ** 2 + (2 - behind) ** 2 + (1 - 2 * behind) ** 2 + 9
    optimal(dataset(X, y), goal(hidden=NONE), expected)


def test_an_output_bias_is_shared_by_the_zero_rows_and_the_lines() -> None:
    """Zero rows get the constant alone, a line c + t e: least squares in three numbers."""
    X, y = [[0.0], [0.0], [1.0], [2.0], [-1.0], [-3.0]], np.array([1.0, 2.0, 0.0, 5.0, 1.0, -2.0])
    design = np.array([[1, 0, 0], [1, 0, 0], [1, 1, 0], [1, 2, 0], [1, 0, 1], [1, 0, 3.0]])
    rest = y - design @ np.linalg.lstsq(design, y, rcond=None)[0]
    for output in (FREE, PENALIZED):
        optimal(dataset(X, list(y)), goal(hidden=NONE, output=output), float(rest @ rest))


def test_opposite_rows_are_coupled_by_the_linear_functions() -> None:
    """Parity of three signs costs all of it without biases, and nothing with a hidden bias."""
    X = np.array([[a, b, c] for a in (-1.0, 1.0) for b in (-1.0, 1.0) for c in (-1.0, 1.0)])
    data = dataset(X, list(np.prod(X, axis=1)))
    optimal(data, goal(Loss.HALF_SQUARED, NONE), 4.0)
    optimal(data, goal(Loss.HALF_SQUARED, FREE), 0.0)
    zero = check_network(zero_network(3, False, False), data, goal(Loss.HALF_SQUARED, NONE), OPTIONS)
    assert zero.decision is Decision.CERTIFIED


@pytest.mark.parametrize("kind", ["signs", "integers", "multiples", "floats"])
@pytest.mark.parametrize("loss", list(Loss))
def test_the_bounds_meet_at_the_least_loss_over_many_neurons(kind: str, loss: Loss) -> None:
    """Over random data with parallel, opposite, equal and zero rows: P* is the least loss in the span of 400 random neurons."""
    rng = np.random.default_rng([len(kind), len(loss.value)])
    for _ in range(12):
        d, n = int(rng.integers(1, 4)), int(rng.integers(2, 12))
        X = {
            "signs": lambda d=d, n=n: rng.choice([-1.0, 1.0], (n, d)),
            "integers": lambda d=d, n=n: rng.integers(-1, 2, (n, d)).astype(float),
            "multiples": lambda d=d, n=n: (
                rng.integers(-3, 4, (3, d))[rng.integers(3, size=n)]
                * rng.choice([1.0, 3.0, -1.0, -5.0, 7.0], n)[:, None]
            ),
            "floats": lambda d=d, n=n: (
                rng.standard_normal((3, d))[rng.integers(3, size=n)] * rng.choice([1.0, 2.0, -0.5], n)[:, None]
            ),
        }[kind]()
        y = rng.choice([-1.0, 1.0], n) if loss in (Loss.LOGISTIC, Loss.HINGE) else rng.integers(-3, 4, n).astype(float)
        weight = None if rng.random() < 0.5 else rng.choice([0.0, 0.3, 1.0, 2.0], n) + (np.arange(n) == 0)
        hidden, output = (list(Bias)[k] for k in rng.integers(3, size=2))
        objective = goal(loss, hidden, output, bool(rng.integers(2)))
        data = Dataset(X, y[:, None], weight)
        found = solved(data, objective)
        problem = decidable_problem(found.network, data, objective)
        least = least_loss(problem, rng)
        scale = problem.data_loss(np.zeros_like(problem.targets))
        assert abs(found.verdict.optimum.lower - least) <= 1e-7 * scale
        assert abs(found.verdict.value.upper - least) <= 1e-7 * scale
        assert found.is_optimum or least <= 1e-7 * scale


def least_loss(problem: TrainingProblem, rng: np.random.Generator) -> float:
    """The least loss of networks with 400 random neurons, in an orthonormal basis of what they predict: by Newton's method, or,
    of the hinge loss, as a linear program."""
    hidden = np.maximum(problem.rows @ rng.standard_normal((problem.rows.shape[1], 400)), 0.0)
    constant = [] if problem.objective.output_bias is NONE else [np.ones(problem.samples)]
    basis, sizes, _ = np.linalg.svd(np.column_stack([hidden, *constant]), full_matrices=False)
    basis = basis[:, sizes > 1e-9 * sizes[0]] if sizes[0] > 0 else basis[:, :0]
    if problem.objective.loss is Loss.HINGE:
        (n, k), y = basis.shape, problem.targets
        costs, ranges = np.concatenate([np.zeros(k), problem.weights]), [(None, None)] * k + [(0, None)] * n
        return float(linprog(costs, np.hstack([-y * basis, -np.eye(n)]), -np.ones(n), bounds=ranges).fun)
    f = np.zeros((problem.samples, 1))
    for _ in range(60):
        slope, curved = basis.T @ problem.slope(f), basis.T @ (problem.curvature(f) * basis)
        move = basis @ np.linalg.lstsq(curved, -slope, rcond=1e-10)[0]
        step = next((t for t in 0.5 ** np.arange(40) if problem.data_loss(f + t * move) <= problem.data_loss(f)), 0.0)
        f = f + step * move
    return problem.data_loss(f)


def test_a_line_is_the_same_line_in_real_arithmetic_only() -> None:
    """Rows an ulp off a line, or whose quotients agree only as floats, have lines of their own."""
    third = 1.0 / 3.0
    rows = np.array([[3.0, 1.0], [1.0, third], [6.0, 2.0], [-1.5, -0.5], [0.0, 0.0], [3.0, np.nextafter(1.0, 2)]])
    lines = lines_of(rows)
    assert lines.count == 3
    assert lines.line[0] == lines.line[2] == lines.line[3] != lines.line[1]
    assert lines.line[4] == -1
    assert [lines.t[k] / lines.t[0] for k in (2, 3)] == [2.0, -0.5]


def test_the_best_predictions_are_those_of_some_network() -> None:
    """The parameters say what the predictions are, at rows of either side."""
    data = dataset([[1.0, 0.0], [-2.0, 0.0], [0.0, 1.0], [0.0, 0.0]], [1.0, 4.0, 5.0, 2.0])
    problem = decidable_problem(zero_network(2, False, True), data, goal(hidden=NONE, output=FREE))
    best = best_attainable(problem)
    assert best.predictions == pytest.approx([1.0, 4.0, 5.0, 2.0], abs=1e-12)


def test_a_network_that_fits_exactly_is_certified_and_one_that_nearly_does_is_not() -> None:
    """F = 0 is the optimum; 1e-33 is not, as no eps |F| reaches down to 0."""
    x = np.linspace(-1, 1, 12)[:, None]
    data, objective = dataset(x, list(np.abs(x[:, 0]))), goal(output=FREE, mean=True)
    exact = Network(np.array([[1.0], [-1.0]]), np.ones((2, 1)), np.zeros(2), np.zeros(1))
    assert check_network(exact, data, objective, OPTIONS).decision is Decision.CERTIFIED
    near = replace(exact, output_weights=np.array([[1.0], [1.0 + 2.0**-52]]))
    found = check_network(near, data, objective, OPTIONS)
    assert 0 < found.value.upper < 1e-30
    assert found.decision is not Decision.CERTIFIED
    off = replace(exact, hidden_weights=np.array([[1.0], [-0.9]]))
    refuted = check_network(off, data, objective, OPTIONS)
    assert refuted.decision is Decision.REFUTED
    assert refuted.witness is not None and refuted.witness.width <= 2
    assert (
        exact_objective(refuted.witness.network, data, objective) <= refuted.witness.value.upper < refuted.value.lower
    )


def test_a_network_too_narrow_is_left_open_beside_the_wider_one() -> None:
    """One neuron cannot fit a zigzag: P* = 0 is reached by a wider network, which is shown."""
    x = np.arange(6.0)[:, None]
    data, objective = dataset(x, [0.0, 1.0, 0.0, 1.0, 0.0, 1.0]), goal(output=FREE)
    best = solved(data, objective, width=1)
    assert best.verdict.width == 1
    assert best.verdict.decision is Decision.INCONCLUSIVE and best.verdict.reason is Reason.WIDTH
    assert best.verdict.witness is not None and best.verdict.witness.value.upper < 1e-20
    assert best.verdict.optimum.lower == 0.0


def test_right_signs_are_refuted_by_a_multiple() -> None:
    """The logistic loss of separated classes has no minimum."""
    data = dataset([[-1.0], [1.0], [2.0]], [0.0, 1.0, 1.0])
    network = Network(np.array([[1.0]]), np.array([[3.0]]), np.zeros(1), np.array([-0.5]))
    verdict = check_network(network, data, goal(Loss.LOGISTIC, output=FREE), OPTIONS)
    assert verdict.decision is Decision.REFUTED
    assert verdict.optimum.lower == 0.0


def test_descent_ends_at_the_optimum() -> None:
    """From a network that is off to one that is certified, of the same width."""
    data = dataset([[0.0], [0.0], [1.0], [2.0]], [1.0, 3.0, 2.0, 4.0])
    start = Network(np.array([[1.0], [0.5]]), np.array([[0.3], [1.0]]), np.array([0.1, 0.5]), np.zeros(1))
    found = descend_network(start, data, goal(output=FREE), OPTIONS)
    assert found.outcome == "optimum"
    assert found.network.width == 2
    assert found.verdict.value.upper == pytest.approx(2.0, rel=1e-4)


@pytest.mark.parametrize("decays", [(0.0, 1.0), (1.0, 0.0), (-1.0, 0.0), (0.0, math.nan), (math.inf, 0.0)])
def test_one_layer_without_decay_is_refused(decays: tuple[float, float]) -> None:
    """By name, as a decay that is no number is."""
    with pytest.raises(ObjectiveError, match="both 0"):
        check_network(
            zero_network(1, False, False),
            dataset([[1.0]], [1.0]),
            Objective(Loss.SQUARED, Reduction.SUM, *decays, NONE, NONE),
        )


def test_no_scale_of_data_or_weights_misleads() -> None:
    """Rows, targets and weights of any size, also mixed: bounds on P* hold for every network met, and nothing breaks."""
    rng = np.random.default_rng(5)
    for trial in range(25):
        n, d = int(rng.integers(2, 8)), int(rng.integers(1, 4))
        X = rng.integers(-2, 3, (n, d)) * 10.0 ** rng.integers(-120, 120, (n, 1) if trial % 2 else (1, d))
        y = rng.integers(-2, 3, n) * 10.0 ** int(rng.integers(-50, 50))
        weight = 10.0 ** rng.integers(-6, 7, n) * (rng.random(n) < 0.8)
        weight[0] += 1.0
        hidden, output = (list(Bias)[k] for k in rng.integers(3, size=2))
        objective = goal(Loss.HALF_SQUARED, hidden, output)
        data = Dataset(X, y[:, None], weight)
        found = solve_dataset(data, objective, OPTIONS)
        other = random_network(rng, 3, d, objective)
        verdict = check_network(other, data, objective, CheckOptions(time_limit=1.0))
        least = min(exact_objective(net, data, objective) for net in (found.network, other))
        assert found.verdict.optimum.lower <= least and verdict.optimum.lower <= least
