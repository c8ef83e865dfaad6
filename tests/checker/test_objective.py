"""Objective and dual value agree with independent exact arithmetic; what contradicts itself is rejected."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from certificates import (
    Plan,
    array_sha256,
    document,
    exact_value,
    feasible_sum,
    network_sha256,
    sealed,
    stated_objective,
)
from checker_cases import PLANS, plan_for
from checker_example import example
from exact import OF_SIGNS, natural_log, random_network
from oracles import dataset, objective

from certify.checker.certificate import Data, Network, Objective, read_certificate
from certify.checker.claims import decide, decide_for
from certify.checker.objective import Problem, beta_below, dual_value_below, network_value, training_problem
from certify.checker.rejection import Rejected
from certify.problem.network import Network as StoredNetwork
from certify.problem.objective import Bias, Loss, Reduction

GOALS = [
    objective(beta, loss, reduction, hidden, output)
    for beta, loss, reduction, hidden, output in [
        (0.7, Loss.HALF_SQUARED, Reduction.SUM, Bias.NONE, Bias.NONE),
        (0.1, Loss.HALF_SQUARED, Reduction.MEAN, Bias.PENALIZED, Bias.PENALIZED),
        (3.0, Loss.SQUARED, Reduction.SUM, Bias.FREE, Bias.PENALIZED),
        (0.3, Loss.SQUARED, Reduction.MEAN, Bias.NONE, Bias.PENALIZED),
        (0.3, Loss.SQUARED, Reduction.SUM, Bias.PENALIZED, Bias.FREE),
        (0.2, Loss.LOGISTIC, Reduction.SUM, Bias.PENALIZED, Bias.PENALIZED),
        (0.2, Loss.LOGISTIC, Reduction.MEAN, Bias.NONE, Bias.NONE),
        (0.2, Loss.HINGE, Reduction.MEAN, Bias.PENALIZED, Bias.PENALIZED),
        (0.2, Loss.HINGE, Reduction.SUM, Bias.PENALIZED, Bias.NONE),
    ]
]
WEIGHTS = np.array([1.0, 0.3, 2.0, 0.0, 1.5, 1e-3])


def checked(plan, weights: np.ndarray | None) -> Problem:
    """The checker's problem for a plan's data."""
    spoken = stated_objective(plan.goal)
    words = (spoken["loss"], spoken["reduction"], spoken["hidden_bias"], spoken["output_bias"])
    goal = Objective(*words[:2], plan.goal.hidden_decay, plan.goal.output_decay, *words[2:])
    listed = None if weights is None else weights.tolist()
    return training_problem(goal, Data(plan.data.X.tolist(), plan.data.y[:, 0].tolist(), listed))


def listed(net) -> Network:
    """A network in plain lists."""
    b = None if net.hidden_bias is None else net.hidden_bias.tolist()
    c = None if net.output_bias is None else float(net.output_bias[0])
    return Network(net.hidden_weights.tolist(), b, net.output_weights[:, 0].tolist(), c)


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["plain", "weighted"])
@pytest.mark.parametrize("goal", GOALS, ids=str)
def test_value_of_a_network(goal, weights: np.ndarray | None) -> None:
    """The objective is exact for the squared losses, and enclosed within 1e-25 for the logistic one."""
    for seed in range(5):
        plan = plan_for(goal, "cones", seed)
        net = random_network(np.random.default_rng(seed), seed, 2, goal, 10.0 ** (seed - 2))
        low, high = network_value(checked(plan, weights), listed(net))
        value = exact_value(net, replace(plan.data, sample_weight=weights), goal)
        assert low - Fraction(1, 10**40) <= value <= high + Fraction(1, 10**40)
        assert high - low <= (Fraction(1, 10**25) if goal.loss is Loss.LOGISTIC else 0)


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["plain", "weighted"])
@pytest.mark.parametrize("goal", GOALS, ids=str)
def test_value_of_a_dual_vector(goal, weights: np.ndarray | None) -> None:
    """D(nu) is never overestimated, and underestimated by 1e-25 at most; a penalised output bias costs its share."""
    plan = plan_for(goal, "cones", 1)
    s = np.ones(6) if weights is None else weights
    shares = [Fraction(x) / (6 if goal.reduction is Reduction.MEAN else 1) for x in s.tolist()]
    y = plan.data.y[:, 0]
    nu = np.array([0.25, 0.4, 0.125, 0.0, 0.3, 0.9]) * s / 6 * np.where(y > 0, 1, -1)
    nu = feasible_sum(nu, goal) if goal.loss not in OF_SIGNS else nu
    if goal.hidden_bias is Bias.FREE or goal.output_bias is Bias.FREE:
        nu[3], nu[0] = 0.0, nu[0] + nu[3]
    value = sum(
        (dual_term(goal.loss, *entry) for entry in zip(nu.tolist(), y.tolist(), shares, strict=True)), Fraction(0)
    )
    if goal.output_bias is Bias.PENALIZED:
        value -= sum(map(Fraction, nu.tolist())) ** 2 / (2 * Fraction(goal.output_decay))
    below = dual_value_below(checked(plan, weights), nu.tolist())
    assert value - Fraction(1, 10**25) <= below <= value + Fraction(1, 10**40)


def dual_term(loss: Loss, nu: float, y: float, w: Fraction) -> Fraction:
    """nu y - nu^2 / (2 kappa w), or w times the entropy of nu y / w."""
    nu, y = Fraction(nu), Fraction(y)
    if nu == 0:
        return Fraction(0)
    if loss is Loss.LOGISTIC:
        p = nu * y / w
        return -w * (p * natural_log(p) + (1 - p) * natural_log(1 - p))
    if loss is Loss.HINGE:
        return nu * y
    return nu * y - nu**2 / (2 * (1 if loss is Loss.HALF_SQUARED else 2) * w)


def test_the_ends_of_the_logistic_domain() -> None:
    """p = 0 and p = 1 belong to the domain and are worth nothing; a hair outside is rejected."""
    problem = checked(plan_for(GOALS[5], "cones", 1), None)
    signs = problem.targets
    assert dual_value_below(replace(problem, objective=replace(problem.objective, output_bias="none")), signs) == 0
    for nu in ([np.nextafter(1.0, 2) * y for y in signs], [-(2.0**-1074) * y for y in signs]):
        with pytest.raises(Rejected, match="outside the domain"):
            dual_value_below(problem, nu)


def test_weight_decays() -> None:
    """beta is exact for equal decays, and just below the root for others."""
    goal = Objective("squared", "sum", 0.1, 0.1, "none", "none")
    assert beta_below(goal) == Fraction(0.1)
    below = beta_below(replace(goal, output_decay=0.7))
    assert below**2 < Fraction(0.1) * Fraction(0.7) < (below * (1 + Fraction(1, 2**126))) ** 2


def test_bounds_between_the_parts_are_rejected() -> None:
    """A lower bound that forgets what a penalised output bias costs is rejected."""
    content = document(PLANS["half-squared sum penalized penalized majorants"])
    mass = sum(float.fromhex(x) for x in content["dual"]["nu"])
    bound = float.fromhex(content["claim"]["lower_bound"])
    decay = float.fromhex(content["objective"]["output_decay"])
    assert mass**2 > 1e-3
    content["claim"]["lower_bound"] = (bound + 0.5 * mass**2 / (2 * decay)).hex()
    with pytest.raises(Rejected, match="the dual vector proves"):
        decide(sealed(content))


def test_a_gap_of_exactly_eps() -> None:
    """F - V = eps F is certified; one float lower for V is not."""
    content = example()
    bound = 138.0 * (1 - 2.0**-10)
    content["claim"]["lower_bound"] = bound.hex()
    decide(sealed(content))
    content["claim"]["lower_bound"] = np.nextafter(bound, 0).hex()
    with pytest.raises(Rejected, match="the gap is"):
        decide(sealed(content))


def test_better_by_exactly_eps_is_not_better() -> None:
    """F' = F - eps F refutes nothing; it has to be less."""
    zero, one = (StoredNetwork(np.full((1, 1), x), np.full((1, 1), x)) for x in (0.0, 1.0))
    plan = Plan(zero, dataset([[1.0]], [2.0]), objective(1.0), better=one, verdict="refuted", eps=0.25)
    assert exact_value(one, plan.data, plan.goal) == Fraction(3, 4) * exact_value(zero, plan.data, plan.goal)
    with pytest.raises(Rejected, match="not lower by more than eps"):
        decide(sealed(document(plan)))
    decide(sealed(document(replace(plan, eps=float(np.nextafter(0.25, 0))))))


def test_negative_sample_weights() -> None:
    """They are rejected even where the hash names them."""
    plan = PLANS["sample weights"]
    content = document(plan)
    weights = plan.data.sample_weight.copy()
    weights[3] = -1.0
    content["data"]["arrays"]["sample_weight"][3] = (-1.0).hex()
    content["data"]["sha256"] = array_sha256(plan.data.X, plan.data.y, weights)
    with pytest.raises(Rejected, match="negative weight"):
        decide(sealed(content))


@pytest.mark.parametrize("base", ["half-squared sum penalized penalized majorants", "half-squared sum none none cones"])
def test_arrays_from_elsewhere_must_fit(base: str) -> None:
    """Arrays handed over are held to the certificate's sizes, biases and hashes."""
    plan = PLANS[base]
    certificate = read_certificate(sealed(document(replace(plan, carried=False))))
    net, data = listed(plan.network), Data(plan.data.X.tolist(), plan.data.y[:, 0].tolist(), None)
    assert decide_for(certificate, data, net).certificate is certificate
    wrong = [
        (replace(data, y=data.y[1:], X=data.X[1:]), net, "samples, inputs, width"),
        (replace(data, X=[row[1:] for row in data.X]), net, "samples, inputs, width"),
        (data, replace(net, output_weights=net.output_weights[1:]), "samples, inputs, width"),
        (data, replace(net, output_bias=None if net.output_bias is not None else 0.0), "hidden and output bias"),
        (data, replace(net, hidden_bias=None if net.hidden_bias is not None else [0.0] * 3), "hidden and output bias"),
        (replace(data, y=[0.0, *data.y[1:]]), net, "data: not the arrays"),
        (replace(data, sample_weight=[1.0] * 6), net, "data: not the arrays"),
        (data, replace(net, output_weights=[0.0, *net.output_weights[1:]]), "network: not the arrays"),
    ]
    for other_data, other_net, reason in wrong:
        with pytest.raises(Rejected, match=reason):
            decide_for(certificate, other_data, other_net)


def test_what_is_said() -> None:
    """The accepted claims in words: verdict, meaning, objective, both networks, and the bound with its number of leaves."""
    said = decide(sealed(example())).lines()
    assert said == [
        "ACCEPTED certified eps=0.0009765625",
        "no two-layer ReLU network of any width is better by more than eps times F",
        "objective: half-squared, sum, weight decay 5.0 (hidden) 5.0 (output), biases none (hidden) none (output)",
        "network: width 1, F between 138.0 and 138.0",
        "lower bound: no network of any width below 138.0 (8 leaves)",
    ]
    refuted = decide(sealed(document(PLANS["refuted, narrower, no bound"]))).lines()
    assert refuted[1] == "a network of at most the same width is better by more than eps times F"
    assert refuted[4].startswith("better network: width 1, F between ") and len(refuted) == 5
    assert (
        network_sha256(PLANS["refuted"].network) == read_certificate(sealed(document(PLANS["refuted"]))).network.sha256
    )
