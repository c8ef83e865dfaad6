"""The training problem: F is enclosed, nothing is lost on the way to the theory's form and back, misfits are refused."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from exact import OF_SIGNS, encloses, exact_objective, random_network
from oracles import dataset, objective, objective_value

from certify.errors import InputError, ObjectiveError, UnsupportedModel
from certify.problem.activation import Activation
from certify.problem.dataset import Dataset
from certify.problem.network import Network
from certify.problem.objective import Bias, Loss, Objective, Reduction
from certify.problem.training import evaluate, training_problem

EVERY_OBJECTIVE = [objective(0.3, *parts) for parts in product(Loss, Reduction, Bias, Bias)]
UNEQUAL = Objective(Loss.HALF_SQUARED, Reduction.SUM, 0.02, 3.0, Bias.FREE, Bias.FREE)


def random_case(seed: int, goal: Objective, n: int = 6, d: int = 3, scale: float = 1.0) -> tuple[Network, Dataset]:
    """A random network and data set of that scale."""
    rng = np.random.default_rng(seed)
    y = rng.choice([-1.0, 1.0], n) if goal.loss in OF_SIGNS else rng.standard_normal(n) * scale
    return random_network(rng, 4, d, goal, np.sqrt(scale)), dataset(rng.standard_normal((n, d)) * scale, y)


def enclosed(net: Network, data: Dataset, goal: Objective) -> bool:
    """Whether evaluate's two floats enclose the exact objective."""
    return encloses(evaluate(training_problem(net, data, goal), net), exact_objective(net, data, goal))


@pytest.mark.parametrize("goal", [*EVERY_OBJECTIVE, UNEQUAL], ids=str)
def test_the_value_is_enclosed(goal: Objective) -> None:
    """Every loss, reduction and bias: the exact rational objective lies between the two floats, which are close."""
    net, data = random_case(1, goal, n=7)
    assert enclosed(net, data, goal)
    value = evaluate(training_problem(net, data, goal), net)
    assert value.value == pytest.approx(objective_value(net, data, goal), rel=1e-12)
    assert value.upper - value.lower <= 1e-12 * value.value


@pytest.mark.parametrize("scale", [1e-300, 1e-162, 1e-150, 1e-75, 1e-8, 1e8, 1e37, 1e75, 1e90])
@pytest.mark.parametrize("goal", EVERY_OBJECTIVE[::7], ids=str)
def test_the_value_is_enclosed_at_any_scale(goal: Objective, scale: float) -> None:
    """Numbers near either end of the float range, with weight decays to match, stay inside, or the bound is infinite."""
    for decay in (1e-30, 1.0, 1e30):
        stated = replace(goal, hidden_decay=decay, output_decay=decay)
        net, data = random_case(2, stated, scale=scale)
        with np.errstate(all="ignore"):
            value = evaluate(training_problem(net, data, stated), net)
        exact = exact_objective(net, data, stated)
        assert value.lower == -np.inf or Fraction(value.lower) <= exact
        assert value.upper == np.inf or exact <= Fraction(value.upper)


def test_cancelling_predictions_are_enclosed() -> None:
    """Neurons that cancel to the last digit leave a residual of pure rounding, and the enclosure knows it."""
    rng = np.random.default_rng(3)
    goal = objective(1e-12)
    u = rng.standard_normal((1, 3)) * 1e8
    net = Network(np.vstack([u, u * (1 + 1e-15)]), np.array([[1e8], [-1e8]]))
    data = dataset(rng.standard_normal((20, 3)), rng.standard_normal(20) * 1e-3)
    assert enclosed(net, data, goal)


@pytest.mark.parametrize("reduction", list(Reduction))
def test_many_samples_and_odd_weights_are_enclosed(reduction: Reduction) -> None:
    """3,001 tiny terms, a mean over no power of two, sample weights of zero and of 1e-200: still inside."""
    rng = np.random.default_rng(4)
    goal = objective(0.1, reduction=reduction)
    net, data = random_case(4, goal, n=3001, d=1)
    weights = rng.choice([0.0, 1.0, 1e-200, 1e-3, 7.0], data.samples)
    assert enclosed(net, replace(data, y=data.y * 1e-9, sample_weight=weights), goal)


def test_the_zero_network_on_zero_targets_is_exactly_zero() -> None:
    """No loss and no weight, or a free constant that fits: the enclosure has no width, and the optimum is recognised."""
    net = Network(np.zeros((2, 1)), np.zeros((2, 1)))
    value = evaluate(training_problem(net, dataset([[1], [2]], [0, 0]), objective(1.0)), net)
    assert (value.value, value.error) == (0.0, 0.0)
    free = objective(1.0, output_bias=Bias.FREE)
    constant = replace(net, output_bias=np.array([0.3]))
    value = evaluate(training_problem(constant, dataset([[1], [2]], [0.3, 0.3]), free), constant)
    assert (value.value, value.error) == (0.0, 0.0)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_network_that_is_not_finite_has_no_finite_bound(bad: float) -> None:
    """NaN or infinity anywhere in the parameters leaves no upper bound on F."""
    net, data = random_case(5, objective(0.1))
    for name in ("hidden_weights", "output_weights"):
        spoilt = getattr(net, name).copy()
        spoilt[0, 0] = bad
        broken = replace(net, **{name: spoilt})
        with np.errstate(all="ignore"):
            assert evaluate(training_problem(broken, data, objective(0.1)), broken).upper == np.inf


@pytest.mark.parametrize("goal", [*EVERY_OBJECTIVE[::5], UNEQUAL], ids=str)
def test_lifting_and_lowering_are_inverse(goal: Objective) -> None:
    """A network comes back from the theory's form, with the same predictions; its balanced penalty is the same F."""
    net, data = random_case(6, goal)
    problem = training_problem(net, data, goal)
    neurons = problem.lift(net)
    again = problem.lower(neurons)
    for name in ("hidden_weights", "output_weights", "hidden_bias", "output_bias"):
        before, after = getattr(net, name), getattr(again, name)
        assert (before is None) == (after is None)
        assert before is None or after == pytest.approx(before, rel=1e-14)
    assert problem.value(neurons) == pytest.approx(objective_value(net, data, goal), rel=1e-12)


def test_the_exact_decay_is_not_overstated() -> None:
    """beta_lower is at most sqrt(hidden * output), exactly."""
    for seed in range(50):
        hidden, output = (float(x) for x in 10.0 ** np.random.default_rng(seed).uniform(-9, 9, 2))
        goal = replace(UNEQUAL, hidden_decay=hidden, output_decay=output)
        net, data = random_case(0, goal)
        beta = training_problem(net, data, goal).beta_lower
        assert Fraction(beta) ** 2 <= Fraction(hidden) * Fraction(output)
        assert beta == pytest.approx(np.sqrt(hidden * output), rel=1e-14)


PLAIN = (Network(np.ones((1, 1)), np.ones((1, 1))), dataset([[1], [2]], [1, -1]), objective(0.1))


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"network": Network(np.ones((1, 1)), np.ones((1, 2)))}, InputError, "2 outputs, but the data has 1 targets"),
        ({"network": Network(np.ones((1, 3)), np.ones((1, 1)))}, InputError, "3 inputs"),
        ({"network": Network(np.ones((1, 1)), np.ones((1, 1)), np.ones(1))}, ObjectiveError, "has a hidden bias"),
        ({"objective": objective(0.1, output_bias=Bias.FREE)}, ObjectiveError, "has no output bias"),
        ({"objective": replace(objective(0.1), hidden_decay=0.0)}, ObjectiveError, "positive and finite"),
        ({"objective": objective(-1.0)}, ObjectiveError, "positive and finite"),
        ({"objective": objective(np.nan)}, ObjectiveError, "positive and finite"),
        ({"objective": objective(np.inf)}, ObjectiveError, "positive and finite"),
        ({"objective": replace(objective(0.1), activation=Activation("abs", -1.0, 1.0))}, UnsupportedModel, "abs"),
        (
            {"objective": objective(0.1, Loss.LOGISTIC), "dataset": dataset([[1], [2]], [1, 2])},
            InputError,
            r"-1 and \+1",
        ),
        ({"dataset": dataset([[1], [np.nan]], [1, 1])}, InputError, "not finite"),
        ({"dataset": dataset([[1], [2]], [np.inf, 1])}, InputError, "not finite"),
        ({"dataset": dataset([[1], [2]], [1, 1], [np.nan, 1])}, InputError, "not finite"),
        ({"dataset": dataset([[1], [2]], [1, 1], [1, -1])}, InputError, "nonnegative"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_does_not_fit_is_refused(changes: dict, error: type[Exception], words: str) -> None:
    """Network, data and objective that contradict one another raise one line that says what was found."""
    parts = dict(zip(("network", "dataset", "objective"), PLAIN, strict=True)) | changes
    with pytest.raises(error, match=words):
        training_problem(**parts)


def test_unequal_decays_exclude_penalised_biases() -> None:
    """A penalised bias would need a decay of its own after the layers are balanced: refused."""
    goal = Objective(Loss.HALF_SQUARED, Reduction.SUM, 0.1, 0.2, Bias.NONE, Bias.PENALIZED)
    net = Network(np.ones((1, 1)), np.ones((1, 1)), None, np.ones(1))
    with pytest.raises(ObjectiveError, match="without penalised biases"):
        training_problem(net, PLAIN[1], goal)
