"""k outputs: values and dual bounds are true, and those of the squared losses do not depend on how the outputs are turned."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from exact import OF_SIGNS, encloses, exact_predictions, fractions, sample_loss
from oracles import ORACLES, Oracle, objective

from certify.decide.descent import descend
from certify.gain.engine import Question, bound_gain
from certify.gain.question import Limits
from certify.problem.dataset import Dataset
from certify.problem.dual import (
    LowerBound,
    best_constant,
    dual_vector,
    gain_problem,
    scaled_dual_bound,
    transferred_gain,
    zero_sums,
)
from certify.problem.network import Network
from certify.problem.objective import Bias, Loss, Objective, Reduction
from certify.problem.training import Neurons, TrainingProblem, evaluate, training_problem
from certify.rounding import UNIT

GOALS = [objective(0.3, *parts) for parts in product(Loss, Reduction, (Bias.NONE, Bias.FREE), Bias)]
SQUARED = [goal for goal in GOALS if goal.loss not in OF_SIGNS]
KNOWN = [o for o in ORACLES.values() if o.predictions is not None and o.objective.loss not in OF_SIGNS]


def random_case(seed: int, goal: Objective, k: int, n: int = 6, d: int = 2, m: int = 3) -> tuple[Network, Dataset]:
    """A random network of k outputs, and data for it, sample weights among them."""
    rng = np.random.default_rng((seed, k))
    y = rng.choice([-1.0, 1.0], (n, k)) if goal.loss in OF_SIGNS else rng.standard_normal((n, k))
    bias = None if goal.hidden_bias is Bias.NONE else rng.standard_normal(m)
    constant = None if goal.output_bias is Bias.NONE else rng.standard_normal(k)
    net = Network(rng.standard_normal((m, d)), rng.standard_normal((m, k)), bias, constant)
    return net, Dataset(rng.standard_normal((n, d)), y, rng.uniform(0.5, 2, n))


def proved_gain(problem: TrainingProblem, nu: np.ndarray) -> float:
    """A bound on M(nu), as tight as some nodes make it."""
    return bound_gain(gain_problem(problem, nu), Question(tolerance=1e-2), Limits(nodes=1_000)).upper


def exact_value(net: Network, data: Dataset, goal: Objective) -> Fraction:
    """F, output by output; the logistic loss to 80 digits."""
    total = Fraction(0)
    weights = fractions(data.sample_weight)
    for l in range(net.outputs):
        constant = None if net.output_bias is None else net.output_bias[l : l + 1]
        f = exact_predictions(
            replace(net, output_weights=net.output_weights[:, l : l + 1], output_bias=constant), data.X
        )
        losses = [sample_loss(goal.loss, *pair) for pair in zip(f, fractions(data.y[:, l]), strict=True)]
        total += sum(w * x for w, x in zip(weights, losses, strict=True))
    total /= data.samples if goal.reduction is Reduction.MEAN else 1
    arrays = [net.hidden_weights, net.output_weights]
    arrays += [net.hidden_bias] * (goal.hidden_bias is Bias.PENALIZED) + [net.output_bias] * (
        goal.output_bias is Bias.PENALIZED
    )
    squares = sum(v**2 for array in arrays for v in fractions(np.ravel(array)))
    return total + Fraction(goal.weight_decay) / 2 * squares


@pytest.mark.parametrize("k", [1, 2, 3])
@pytest.mark.parametrize("goal", GOALS, ids=str)
def test_the_value_is_enclosed(goal: Objective, k: int) -> None:
    """The exact objective lies between the two floats, which are close; lifting and lowering change nothing."""
    net, data = random_case(0, goal, k)
    problem = training_problem(net, data, goal)
    value = evaluate(problem, net)
    assert encloses(value, exact_value(net, data, goal))
    assert value.upper - value.lower <= 1e-12 * value.value
    neurons = problem.lift(net)
    assert problem.value(neurons) == pytest.approx(value.value)
    again = problem.lower(neurons)
    for name in ("hidden_weights", "output_weights", "hidden_bias", "output_bias"):
        before, after = getattr(net, name), getattr(again, name)
        assert after is None if before is None else np.array_equal(before, after)


@pytest.mark.parametrize("k", [1, 2, 3])
@pytest.mark.parametrize("goal", GOALS[::7], ids=str)
def test_no_network_is_below_a_dual_bound(goal: Objective, k: int) -> None:
    """Weak duality by brute force: from dual vectors anywhere, no bound exceeds the least value that training comes to."""
    net, data = random_case(1, goal, k, n=4, d=1)
    problem = training_problem(net, data, goal)
    rng = np.random.default_rng(1)
    least = min(problem.value(descended(problem, rng)) for _ in range(3))
    f = [rng.standard_normal((4, k)) * 10.0**p for p in range(-2, 2)]
    bounds = []
    for nu in (dual_vector(problem, predictions) for predictions in f):
        assert zero_sums(nu) or not problem.needs_zero_sum
        bounds += [scaled_dual_bound(problem, nu, proved_gain(problem, nu) * slack) for slack in (1.0, 3.0)]
    assert 0 < max(bounds) <= least * (1 + 1e-12)


@pytest.mark.parametrize("k", [2, 3])
@pytest.mark.parametrize("oracle", KNOWN, ids=[oracle.name for oracle in KNOWN])
def test_the_bound_is_the_optimum_where_the_dual_vector_is(oracle: Oracle, k: int) -> None:
    """Targets y q' with a unit q: turned, all outputs but one are zero, so P* is that of one output, and the bound finds it."""
    q = np.linalg.qr(np.random.default_rng(k).standard_normal((k, k)))[0][:1]
    data = replace(oracle.dataset, y=oracle.dataset.y @ q)
    net = zero_network(data.inputs, k, oracle.objective)
    problem = training_problem(net, data, oracle.objective)
    nu = dual_vector(problem, np.array(oracle.predictions)[:, None] @ q)
    bound = scaled_dual_bound(problem, nu, proved_gain(problem, nu))
    assert oracle.optimum * (1 - 2e-2) <= bound <= oracle.optimum * (1 + 1e-13)


def zero_network(inputs: int, outputs: int, goal: Objective) -> Network:
    """One neuron that is zero, with the biases that the objective speaks of."""
    bias = None if goal.hidden_bias is Bias.NONE else np.zeros(1)
    constant = None if goal.output_bias is Bias.NONE else np.zeros(outputs)
    return Network(np.zeros((1, inputs)), np.zeros((1, outputs)), bias, constant)


def descended(problem: TrainingProblem, rng: np.random.Generator, width: int = 8) -> Neurons:
    """Where quasi-Newton steps lead from a random network."""
    k, d = problem.outputs, problem.rows.shape[1]
    ends = np.cumsum([width * d, width * k])

    def unpacked(x: np.ndarray) -> Neurons:
        u, a, c = np.split(x, ends)
        return Neurons(u.reshape(width, d), a.reshape(width, k), c)

    start = np.append(rng.standard_normal(ends[-1]), np.zeros(k))
    return descend(problem, unpacked(start), Limits())


def rotations(k: int) -> list[np.ndarray]:
    """A signed permutation, which rounds nothing, and a rotation at random."""
    rng = np.random.default_rng(k)
    return [np.eye(k)[rng.permutation(k)] * rng.choice([-1.0, 1.0], k), np.linalg.qr(rng.standard_normal((k, k)))[0]]


@pytest.mark.parametrize("k", [2, 3])
@pytest.mark.parametrize("goal", SQUARED[::3], ids=str)
def test_turned_outputs_change_nothing(goal: Objective, k: int) -> None:
    """Squared losses: targets, output weights and constants times an orthogonal matrix leave F, M, D as they were, and turn nu."""
    net, data = random_case(3, goal, k, d=1)
    problem = training_problem(net, data, goal)
    f = problem.predictions(problem.lift(net))
    nu, value = dual_vector(problem, f), evaluate(problem, net).value
    gain = proved_gain(problem, nu)
    for Q in rotations(k):
        constant = None if net.output_bias is None else net.output_bias @ Q
        turned_net = replace(net, output_weights=net.output_weights @ Q, output_bias=constant)
        turned = training_problem(turned_net, replace(data, y=data.y @ Q), goal)
        again = dual_vector(turned, turned.predictions(turned.lift(turned_net)))
        assert evaluate(turned, turned_net).value == pytest.approx(value)
        assert again == pytest.approx(nu @ Q)
        assert proved_gain(turned, again) == pytest.approx(gain, rel=2e-2)
        assert scaled_dual_bound(turned, again, gain) == pytest.approx(scaled_dual_bound(problem, nu, gain))
        mass = turned.mass(turned.lift(turned_net))
        assert mass == pytest.approx(problem.mass(problem.lift(net)))


@pytest.mark.parametrize("loss", [loss for loss in Loss if loss.function.smooth])
def test_the_best_constants_are_stationary(loss: Loss) -> None:
    """Each output has its own, from near and far at once; alone it would be the same to the bit."""
    rng = np.random.default_rng(4)
    goal = objective(0.1, loss)
    net, data = random_case(4, goal, 3, n=9)
    problem = training_problem(net, data, goal)
    f = rng.standard_normal((9, 3)) + np.array([0.0, 1e6, -1e4])
    c = best_constant(problem, f)
    slope = problem.slope(f + c)
    assert np.all(np.abs(slope.sum(axis=0)) <= 1e-8 * np.abs(slope).sum(axis=0))
    for l in range(3):
        column = slice(l, l + 1)
        alone = replace(problem, targets=np.ascontiguousarray(problem.targets[:, column]))
        assert best_constant(alone, f[:, column]) == c[column]


@pytest.mark.parametrize("goal", GOALS[::7], ids=str)
def test_a_gain_is_carried_over(goal: Objective) -> None:
    """To a dual vector nearby, and it stays a bound: at least what its own gain attains."""
    net, data = random_case(5, goal, 2, d=1)
    problem = training_problem(net, data, goal)
    rng = np.random.default_rng(5)
    f = rng.standard_normal((6, 2))
    nu, near = dual_vector(problem, f), dual_vector(problem, f + 1e-4 * rng.standard_normal((6, 2)))
    known, exact = (
        bound_gain(gain_problem(problem, each), Question(tolerance=1e-4), Limits(nodes=20_000)) for each in (nu, near)
    )
    carried = transferred_gain(problem, near, LowerBound(0.0, nu, known))
    assert exact.lower <= carried <= known.upper + 1e-2
    assert transferred_gain(problem, nu, LowerBound(0.0, nu, known)) <= known.upper * (1 + 8 * UNIT) + 1e-290


def test_one_column_that_does_not_sum_to_zero_proves_nothing() -> None:
    """With free constants every output needs its own zero sum."""
    goal = objective(0.1, output_bias=Bias.FREE)
    net, data = random_case(6, goal, 2)
    problem = training_problem(net, data, goal)
    nu = dual_vector(problem, np.zeros((6, 2)))
    assert scaled_dual_bound(problem, nu, 1e-3) > 0
    nu[0, 0], nu[0, 1] = nu[0, 0] + 0.5, nu[0, 1] - 0.5  # the sum of all entries stays
    assert scaled_dual_bound(problem, nu, 1e-3) == 0.0
