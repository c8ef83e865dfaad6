"""Doubt about the objective: what was trained is recognised where the statement is wrong, and nothing is said where it is right."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from command_line import ROOT
from report_examples import CERTIFIED, REFUTED, witness
from trained import broadcast, noisy_curve, start, trained

from certify.decide.doubt import Doubt, decrease
from certify.files import load_dataset, load_model
from certify.problem.dataset import Dataset
from certify.problem.network import Network
from certify.problem.objective import Bias, Loss, Objective, Reduction
from certify.problem.other_activations import OTHERS
from certify.verdict import Bounds

FIXTURES = ROOT / "fixtures"
HALF, SQUARED, LOGISTIC = Loss.HALF_SQUARED, Loss.SQUARED, Loss.LOGISTIC
STATEMENTS = {  # by the start of a fixture's name
    "iris_torch_weak": ("iris", HALF, Reduction.SUM, 1.5, Bias.PENALIZED),
    "iris_torch": ("iris", HALF, Reduction.SUM, 15.0, Bias.PENALIZED),
    "petal": ("petal", SQUARED, Reduction.MEAN, 0.175, Bias.PENALIZED),
    "diabetes": ("diabetes", SQUARED, Reduction.MEAN, 0.2, Bias.FREE),
    "iris_sklearn": ("iris", HALF, Reduction.MEAN, 0.16, Bias.FREE),
    "iris_pair_sklearn_weak": ("iris_pair", LOGISTIC, Reduction.MEAN, 0.0064, Bias.FREE),
    "iris_pair": ("iris_pair", LOGISTIC, Reduction.MEAN, 0.064, Bias.FREE),
}
MODELS = sorted(
    path for pattern in ("*_torch_*.npz", "*_sklearn_*.npz", "*_keras_*.h5") for path in FIXTURES.glob(pattern)
)
CONVERGED = [path for path in MODELS if path.name != "iris_pair_sklearn_early.npz"]
GOAL = Objective(SQUARED, Reduction.MEAN, 0.02, 0.02, Bias.FREE, Bias.FREE)
PENALIZED = replace(GOAL, hidden_bias=Bias.PENALIZED, output_bias=Bias.PENALIZED)


def fixture(path: Path) -> tuple[Network, Dataset, Objective]:
    """A fixture with its data and the objective that fixtures/README.md states."""
    statement = next(value for name, value in STATEMENTS.items() if path.name.startswith(name))
    name, loss, reduction, decay, way = statement
    net = load_model(path).network
    hidden = Bias.NONE if net.hidden_bias is None else way
    output = Bias.NONE if net.output_bias is None else way
    return net, load_dataset(FIXTURES / f"{name}.npz").dataset, Objective(loss, reduction, decay, decay, hidden, output)


def other(way: Bias) -> Bias:
    """Free for penalised and the reverse."""
    return {Bias.FREE: Bias.PENALIZED, Bias.PENALIZED: Bias.FREE}.get(way, Bias.NONE)


def wrong(goal: Objective) -> dict[str, Objective]:
    """The mistakes that people make in stating an objective."""
    decay = goal.hidden_decay
    return {
        "reduction": replace(goal, reduction=Reduction.MEAN if goal.reduction is Reduction.SUM else Reduction.SUM),
        "100 times the decay": replace(goal, hidden_decay=100 * decay, output_decay=100 * decay),
        "a hundredth of it": replace(goal, hidden_decay=decay / 100, output_decay=decay / 100),
        "half of it": replace(goal, hidden_decay=decay / 2, output_decay=decay / 2),
        "biases": replace(goal, hidden_bias=other(goal.hidden_bias), output_bias=other(goal.output_bias)),
    }


def nothing_is_said(net: Network, data: Dataset, goal: Objective) -> bool:
    """Whether no verdict, be it as bad as can be, would bring a caution."""
    worst = replace(REFUTED, value=Bounds(1.0, 1.0), optimum=Bounds(0.0, 0.01))
    doubt = Doubt(net, data, goal)
    return not (doubt.suggestion or doubt.negative or doubt.broadcast(worst) or doubt.large_decrease(worst))


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.name)
def test_no_wolf_on_a_right_statement(path: Path) -> None:
    """Optimal, local, dead, vanishing, early: nothing is said of a fixture under its own objective."""
    net, data, goal = fixture(path)
    doubt = Doubt(net, data, goal)
    assert doubt.suggestion is None
    assert not doubt.negative
    assert not doubt.predicts_the_mean
    assert nothing_is_said(net, data, goal) or path not in CONVERGED


@pytest.mark.parametrize("path", CONVERGED, ids=lambda path: path.name)
@pytest.mark.parametrize("mistake", wrong(GOAL))
def test_the_truth_is_what_the_weights_look_like(path: Path, mistake: str) -> None:
    """Loss, treatment of the biases and decay of the fixture come back, whatever was stated."""
    net, data, goal = fixture(path)
    found = Doubt(net, data, wrong(goal)[mistake]).suggestion.fit
    assert found.activation == "relu"
    assert (found.implied.treatment.hidden, found.implied.treatment.output) == (goal.hidden_bias, goal.output_bias)
    assert found.implied.decays(goal.loss, goal.reduction) == pytest.approx((goal.hidden_decay,) * 2, rel=0.01)
    assert found.implied.residual < 0.05


@pytest.mark.parametrize("name", ["wide", "weak"])
def test_a_logistic_network_under_the_squared_loss(name: str) -> None:
    """The logistic loss comes back, and the decay that the squared loss implies is negative."""
    net, data, goal = fixture(FIXTURES / f"iris_pair_sklearn_{name}.npz")
    doubt = Doubt(net, data, replace(goal, loss=SQUARED))
    assert doubt.suggestion.fit.implied.loss is LOGISTIC
    assert doubt.negative


def test_nothing_near_is_found_far_from_every_stationary_point() -> None:
    """A network stopped after eight iterations, and random ones, look like nothing, whatever was stated."""
    net, data, goal = fixture(FIXTURES / "iris_pair_sklearn_early.npz")
    assert all(Doubt(net, data, statement).suggestion is None for statement in wrong(goal).values())
    for seed in range(10):
        assert Doubt(start(noisy_curve(), GOAL, 5, seed), noisy_curve(), GOAL).suggestion is None


WAYS = {
    "early": {"steps": 150},
    "constant rate": {"falling": False, "steps": 800},
    "batches": {"batch": 10, "falling": False, "steps": 800, "rate": 0.01},
    "float32": {"single": True, "steps": 800},
    "small start": {"scale": 0.01, "steps": 300},
    "large start": {"scale": 5.0, "steps": 500},
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("goal", [GOAL, PENALIZED, replace(GOAL, loss=LOGISTIC)], ids=["free", "penalised", "logistic"])
def test_no_wolf_on_training_that_did_not_converge(way: str, goal: Objective) -> None:
    """Stopped early, at a constant rate, in batches or in float32: the statement is right, and nothing looks like another."""
    data = noisy_curve(classes=goal.loss is LOGISTIC)
    doubt = Doubt(trained(data, goal, seed=1, **WAYS[way]), data, goal)
    assert doubt.suggestion is None
    assert not doubt.negative


@pytest.mark.parametrize("name", ["tanh", "sigmoid", "ELU", "leaky ReLU (0.2)"])
def test_another_activation_is_recognised(name: str) -> None:
    """No statement about a ReLU network fits, that activation does, with the decay that it was trained with."""
    data = noisy_curve(n=100)
    net = trained(data, PENALIZED, seed=2, steps=1500, curve=OTHERS[name])
    suggestion = Doubt(net, data, PENALIZED).suggestion
    assert suggestion.fit.activation == name
    assert suggestion.fit.implied.decays(SQUARED, Reduction.MEAN)[0] == pytest.approx(0.02, rel=0.05)


def test_another_activation_is_recognised_before_it_has_converged() -> None:
    """Read with tanh the network predicts, with ReLU it is worse than a constant; a network of ReLUs is left alone."""
    data = noisy_curve(n=100)
    goal = replace(GOAL, hidden_decay=1e-4, output_decay=1e-4)
    stopped = Doubt(trained(data, goal, 10, seed=2, steps=400, curve=OTHERS["tanh"]), data, goal)
    name, learned = stopped.activation_that_fits
    assert name == "tanh"
    assert learned > 0.5
    assert stopped.gradient.learned < 0
    own = Doubt(trained(data, goal, 10, seed=2, steps=400), data, goal)
    assert own.activation_that_fits is None


@pytest.mark.parametrize("shift", [0.0, 3.0])
@pytest.mark.parametrize("decay", [1e-3, 0.2])
def test_broadcasting_is_recognised(shift: float, decay: float) -> None:
    """A network trained on the loss of all pairs predicts the mean; one trained on the targets does not."""
    curve = noisy_curve()
    data = Dataset(curve.X, curve.y + shift)
    goal = replace(PENALIZED, hidden_decay=decay, output_decay=decay)
    refuted = replace(REFUTED, value=Bounds(1.0, 1.0), optimum=Bounds(0.2, 0.3))
    wrongly = Doubt(trained(broadcast(data), goal, steps=600), data, goal)
    assert wrongly.broadcast(refuted)
    assert not wrongly.broadcast(CERTIFIED)
    assert not Doubt(trained(data, goal, steps=600), data, goal).predicts_the_mean


def test_dead_networks_are_no_broadcasting() -> None:
    """Neurons that no sample reaches leave the mean too, but for another reason."""
    data = noisy_curve()
    net = Network(np.zeros((3, 2)), np.ones((3, 1)), np.full(3, -1.0), np.array([data.y.mean()]))
    assert not Doubt(net, data, GOAL).predicts_the_mean


def test_a_single_number_is_no_evidence() -> None:
    """One neuron of one input is stationary for some decay as soon as it is balanced: no suggestion follows."""
    rng = np.random.default_rng(0)
    X = rng.uniform(0.5, 1.5, (20, 1))
    data = Dataset(X, X + 0.01 * rng.standard_normal((20, 1)))
    net = Network(np.array([[0.9]]), np.array([[0.9]]))
    goal = Objective(HALF, Reduction.SUM, 1e-3, 1e-3, Bias.NONE, Bias.NONE)
    assert Doubt(net, data, goal).own.residual < 1e-12
    assert Doubt(net, data, goal).suggestion is None


def test_a_large_decrease_asks_unless_the_gradient_fits() -> None:
    """Above one half, and only of a network that is not near stationary for the statement."""
    data = noisy_curve()
    verdict = replace(REFUTED, value=Bounds(1.0, 1.1), optimum=Bounds(0.2, 0.45), witness=witness("rebuilt", 5, 0.45))
    assert Doubt(start(data, GOAL, 5, 0), data, GOAL).large_decrease(verdict) == pytest.approx(0.55)
    assert Doubt(start(data, GOAL, 5, 0), data, GOAL).large_decrease(replace(verdict, optimum=Bounds(0.2, 0.6))) is None
    assert Doubt(trained(data, GOAL), data, GOAL).large_decrease(verdict) is None
    assert decrease(replace(verdict, value=Bounds(float("nan"), float("nan")))) == 0.0


def test_the_hinge_loss_is_doubted_by_its_first_order_report() -> None:
    """Its own gradient has kinks: a local minimum is not asked about, a network far from any is."""
    data = noisy_curve(classes=True)
    goal = replace(GOAL, loss=Loss.HINGE)
    doubt = Doubt(start(data, goal, 5, 0), data, goal)
    assert doubt.suggestion is None
    verdict = replace(REFUTED, value=Bounds(1.0, 1.0), optimum=Bounds(0.2, 0.3))
    still = replace(verdict.stationarity, clarke_residual=(1e-3,), balance_residual=0.0, activity_residual=0.0)
    assert doubt.large_decrease(replace(verdict, stationarity=still)) is None
    far = replace(still, clarke_residual=(0.5,))
    assert doubt.large_decrease(replace(verdict, stationarity=far)) == pytest.approx(0.7)


def test_numbers_beyond_all_scale_are_no_evidence() -> None:
    """Weights of 1e200 overflow the gradient: nothing is said."""
    data = noisy_curve()
    net = Network(np.full((2, 2), 1e200), np.full((2, 1), 1e200), np.zeros(2), np.zeros(1))
    with np.errstate(all="ignore"):
        assert Doubt(net, data, GOAL).suggestion is None
