"""The decay that weights imply: the gradient is the loss's, and an optimum implies the decay that it was made for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from oracles import objective
from planted import optimal_network, random_data

from certify.problem.dataset import Dataset
from certify.problem.implied import SMOOTH, Treatment, implied, residual, same_up_to_a_factor, treatments
from certify.problem.loss_gradient import loss_gradient
from certify.problem.network import Network
from certify.problem.objective import Bias, Loss, Objective, Reduction
from certify.problem.other_activations import OTHERS, RELU

CURVES = {"relu": RELU, **OTHERS}
BY_LAYER = replace(objective(0.2), output_decay=0.05)
GOALS = {
    "no bias": objective(0.2),
    "penalised biases": objective(0.2, hidden_bias=Bias.PENALIZED, output_bias=Bias.PENALIZED),
    "free biases": objective(0.2, hidden_bias=Bias.FREE, output_bias=Bias.FREE),
    "squared mean": objective(0.05, Loss.SQUARED, Reduction.MEAN, Bias.PENALIZED),
    "logistic": objective(0.05, Loss.LOGISTIC, Reduction.MEAN, Bias.FREE, Bias.FREE),
}


def network(seed: int, d: int = 3, m: int = 4, biases: bool = True) -> Network:
    rng = np.random.default_rng(seed)
    bias = (rng.standard_normal(m), rng.standard_normal(1)) if biases else (None, None)
    return Network(rng.standard_normal((m, d)), rng.standard_normal((m, 1)), *bias)


def data(seed: int, n: int = 20, d: int = 3) -> Dataset:
    rng = np.random.default_rng(seed)
    X, y = rng.standard_normal((n, d)), np.sign(rng.standard_normal((n, 1)))
    return Dataset(X, y, rng.uniform(0.5, 2.0, n))


def shifted(net: Network, part: str, index: tuple[int, ...], step: float) -> Network:
    values = getattr(net, part).copy()
    values[index] += step
    return replace(net, **{part: values})


@pytest.mark.parametrize("loss", SMOOTH)
@pytest.mark.parametrize("name", CURVES)
def test_the_gradient_is_that_of_the_value(name: str, loss: Loss) -> None:
    """By every kind of parameter, for every activation, it is the central difference of the loss itself."""
    net, samples = network(1), data(2)
    found = loss_gradient(net, samples, loss, CURVES[name])
    parts = {
        "hidden_weights": found.u[:, :-1],
        "hidden_bias": found.u[:, -1],
        "output_weights": found.a,
        "output_bias": found.c,
    }
    for part, slopes in parts.items():
        for index in np.ndindex(slopes.shape):
            ends = [loss_gradient(shifted(net, part, index, s), samples, loss, CURVES[name]) for s in (1e-5, -1e-5)]
            assert slopes[index] == pytest.approx((ends[0].value - ends[1].value) / 2e-5, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("loss", SMOOTH)
def test_no_constant_is_better_than_the_best(loss: Loss) -> None:
    """The loss of the best constant is below that of its neighbours."""
    samples = data(3)
    flat = Network(np.zeros((1, 3)), np.zeros((1, 1)), None, np.zeros(1))
    at = {c: loss_gradient(replace(flat, output_bias=np.array([c])), samples, loss) for c in np.linspace(-2, 2, 401)}
    least = min(found.value for found in at.values())
    assert at[0.0].constant <= least <= at[0.0].constant * (1 + 1e-4)


@pytest.mark.parametrize("name", GOALS)
@pytest.mark.parametrize("seed", [0, 1])
def test_an_optimum_implies_its_decay(name: str, seed: int) -> None:
    """At the optimum the decay comes back to six digits, for the loss and reduction that it was made for, with no residual."""
    goal = GOALS[name]
    samples = random_data(goal, seed, n=12)
    loss = next(loss for loss in SMOOTH if same_up_to_a_factor(loss, goal.loss))
    found = implied(
        loss_gradient(optimal_network(samples, goal), samples, loss), Treatment(goal.hidden_bias, goal.output_bias)
    )
    assert found.decays(goal.loss, goal.reduction) == pytest.approx((goal.hidden_decay, goal.output_decay), rel=1e-6)
    assert found.residual < 1e-5


def test_unequal_decays_come_back_layer_by_layer() -> None:
    """And one decay for both leaves a residual."""
    samples = random_data(BY_LAYER, 3, n=12)
    gradient = loss_gradient(optimal_network(samples, BY_LAYER), samples, SMOOTH[0])
    found = implied(gradient, Treatment(Bias.NONE, Bias.NONE), by_layer=True)
    assert (found.hidden_decay, found.output_decay) == pytest.approx((0.2, 0.05), rel=1e-6)
    assert found.residual < 1e-5
    assert implied(gradient, Treatment(Bias.NONE, Bias.NONE)).residual > 0.1


def test_every_other_decay_and_treatment_leaves_a_residual() -> None:
    """A wrong decay of q times the true one leaves |1 - q| over the larger of 1 and q."""
    goal: Objective = GOALS["penalised biases"]
    samples = random_data(goal, 0, n=12)
    net = optimal_network(samples, goal)
    gradient, own = loss_gradient(net, samples, SMOOTH[0]), Treatment(Bias.PENALIZED, Bias.PENALIZED)
    for q in (0.01, 0.5, 2.0, 100.0):
        assert residual(gradient, own, 0.2 * q, 0.2 * q) == pytest.approx(abs(1 - q) / max(1, q), rel=1e-3)
    others = [t for t in treatments(net) if t.hidden is not Bias.PENALIZED]
    assert all(implied(gradient, treatment).residual > 0.05 for treatment in others)


def test_a_network_on_its_kinks_is_stationary() -> None:
    """|x| fitted at -1, 0, 1: the middle sample lies on both neurons' boundaries, and no choice of gates there moves the decay."""
    samples = Dataset(np.array([[-1.0, 1.0], [0.0, 1.0], [1.0, 1.0]]), np.array([[1.0], [0.0], [1.0]]))
    goal = objective(0.1)
    net = optimal_network(samples, goal)
    for moved in (-1e-9, 0.0, 1e-9):
        tilted = replace(net, hidden_weights=net.hidden_weights + np.array([0.0, moved]))
        found = implied(loss_gradient(tilted, samples, SMOOTH[0]), Treatment(Bias.NONE, Bias.NONE))
        assert found.hidden_decay == pytest.approx(0.1, rel=1e-6)
        assert found.residual < 1e-5


def test_targets_of_another_loss_are_refused() -> None:
    """The logistic loss needs two classes."""
    samples = Dataset(np.ones((3, 3)), np.array([[0.0], [1.0], [2.0]]))
    with pytest.raises(ValueError, match="logistic"):
        loss_gradient(network(0), samples, Loss.LOGISTIC)
