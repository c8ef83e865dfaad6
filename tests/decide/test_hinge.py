"""The hinge loss from end to end: optima in closed form and by brute force, certificates, first-order reports at kinks."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from exact import exact_objective
from oracles import dataset, network, objective, zero_network

from certify.cli.app import run
from certify.decide.check import check_network
from certify.decide.options import CheckOptions
from certify.decide.solve import Solution, solve_dataset
from certify.errors import ObjectiveError
from certify.landscape.stationary.stationary import stationary_network
from certify.problem.dataset import Dataset
from certify.problem.objective import Bias, Loss, Objective, Reduction
from certify.verdict import Decision

OPTIONS = CheckOptions(eps=1e-6)
BIASES = ((Bias.NONE, Bias.NONE), (Bias.PENALIZED, Bias.PENALIZED), (Bias.FREE, Bias.FREE), (Bias.FREE, Bias.NONE))


def goal(beta: float, reduction: Reduction = Reduction.SUM, biases: tuple[Bias, Bias] = BIASES[0]) -> Objective:
    """The hinge loss with that decay."""
    return objective(beta, Loss.HINGE, reduction, *biases)


def two_classes(seed: int, n: int = 10, d: int = 2) -> Dataset:
    """Gaussian inputs, labels by a coin."""
    rng = np.random.default_rng(seed)
    return dataset(rng.standard_normal((n, d)), rng.choice([-1.0, 1.0], n))


def solved(data: Dataset, objective: Objective, engine: str = "auto") -> Solution:
    """Trained and certified."""
    solution = solve_dataset(data, objective, replace(OPTIONS, engine=engine))
    assert solution.is_optimum
    return solution


def contains(solution: Solution, optimum: float) -> bool:
    """Whether the bounds on P* hold the number, to a relative 1e-12."""
    bounds = solution.verdict.optimum
    return bounds.lower <= optimum * (1 + 1e-12) and optimum * (1 - 1e-12) <= bounds.upper


@pytest.mark.parametrize("beta", [4.9, 2.0, 1e-3, 5.1, 80.0])
def test_one_sample(beta: float) -> None:
    """x = (3, 4), y = 1: at a margin of t the cost is beta t / 5, so P* is beta / 5, or 1 where that is not worth it."""
    solution = solved(dataset([[3.0, 4.0]], [1]), goal(beta))
    assert contains(solution, min(beta / 5, 1.0))
    assert solution.verdict.value.upper <= min(beta / 5, 1.0) * (1 + 1e-9)


def test_orthogonal_samples() -> None:
    """X = I_2: of one class a neuron (1, 1) serves both, P* = beta sqrt 2; of two classes each needs its own, P* = 2 beta."""
    assert contains(solved(dataset(np.eye(2), [1, 1]), goal(0.1)), 0.1 * math.sqrt(2))
    assert contains(solved(dataset(np.eye(2), [1, -1]), goal(0.1)), 0.2)


@pytest.mark.parametrize("biases", BIASES, ids=str)
@pytest.mark.parametrize("beta", [0.5, 5e-3, 5e-5])
def test_the_bounds_hold_the_optimum_over_all_patterns(biases: tuple[Bias, Bias], beta: float) -> None:
    """The program of every pattern, in cvxpy, has its value between the bounds, and the certified network has it to eps."""
    data = two_classes(1, n=9)
    known = solved(data, goal(beta, Reduction.MEAN, biases), "enumerate").verdict.optimum
    found = solved(data, goal(beta, Reduction.MEAN, biases))
    assert found.verdict.optimum.lower <= known.upper and known.lower <= found.verdict.optimum.upper
    again = check_network(found.network, data, goal(beta, Reduction.MEAN, biases), OPTIONS)
    assert again.decision is Decision.CERTIFIED
    exact = exact_objective(found.network, data, goal(beta, Reduction.MEAN, biases))
    assert again.value.lower <= exact <= again.value.upper


def test_invariances() -> None:
    """P* does not depend on the order, on how classes are written, or on whether a weight is a copy; the mean of n is the sum of a share."""
    data = two_classes(2)
    best = solved(data, goal(0.02)).verdict.optimum.upper
    order = np.random.default_rng(0).permutation(10)
    others = [
        (Dataset(data.X[order], data.y[order]), goal(0.02)),
        (Dataset(data.X, (data.y + 1) / 2), goal(0.02)),
        (Dataset(data.X, -data.y), goal(0.02)),
        (Dataset(data.X, data.y, np.full(10, 10.0)), goal(0.02, Reduction.MEAN)),
        (Dataset(np.vstack([data.X, data.X]), np.vstack([data.y, data.y]), np.full(20, 0.5)), goal(0.02)),
        (Dataset(data.X, data.y), replace(goal(0.02), hidden_decay=0.002, output_decay=0.2)),
    ]
    for other, stated in others:
        assert solved(other, stated).verdict.optimum.upper == pytest.approx(best, rel=1e-8)


@pytest.mark.parametrize("biases", list(product(Bias, Bias)), ids=str)
def test_a_perturbed_optimum_is_refuted(biases: tuple[Bias, Bias]) -> None:
    """Weights changed by some percent are refuted, and at the optimum the multipliers that fit are found: balanced, active, stationary."""
    data, objective = two_classes(4, n=12), goal(0.05, biases=biases)
    best = solved(data, objective).network
    report = check_network(best, data, objective, OPTIONS).stationarity
    assert report.balanced and report.active and report.clarke and report.directional is not False
    rng = np.random.default_rng(0)
    worse = replace(
        best, hidden_weights=best.hidden_weights * (1 + 0.05 * rng.standard_normal(best.hidden_weights.shape))
    )
    verdict = check_network(worse, data, objective, OPTIONS)
    assert verdict.decision is Decision.REFUTED
    assert verdict.witness.value.upper < verdict.value.lower * (1 - OPTIONS.eps)


def test_extremes() -> None:
    """Samples that weigh nothing, rows of zeros, one class alone: an optimum all the same, and no exception."""
    X = np.array([[1.0, 2.0], [0.0, 0.0], [-1.0, 1.0]])
    weightless = solved(Dataset(X, np.array([[1.0], [-1.0], [1.0]]), np.zeros(3)), goal(0.1))
    assert weightless.verdict.value.upper < 1e-300
    assert contains(solved(dataset(np.zeros((2, 2)), [1, -1]), goal(0.1)), 2.0)
    assert solved(dataset(X, [1, 1, 1]), goal(0.1, biases=(Bias.NONE, Bias.FREE))).verdict.value.upper < 1e-300
    assert contains(solved(dataset(X, [0, 1, 0], [0.0, 2.0, 0.0]), goal(3.0, Reduction.MEAN)), 2 / 3)


def test_a_width_that_is_too_small() -> None:
    """Of one neuron a network that beats the zero network by far, refitted by the convex program; the report says that none was trained."""
    data = dataset(np.eye(2), [1, -1])
    narrow = solve_dataset(data, goal(0.1), OPTIONS, width=1)
    assert narrow.network.width == 1 and narrow.verdict.value.upper == pytest.approx(1.1, rel=1e-9)
    assert narrow.verdict.decision is Decision.INCONCLUSIVE and narrow.narrowest_known == 2
    assert "not trained with this loss" in narrow.verdict.explanation


def test_stationary_at_a_kink_or_not() -> None:
    """x = 1, y = 1, u = a = 1, f = y: some nu in [0, 1] balances a decay of 0.3, none one of 2; and away from kinks there is no choice."""
    data, there = dataset([[1.0]], [1]), network([[1.0]])
    assert check_network(there, data, goal(0.3)).stationarity.directional
    far = check_network(there, data, goal(2.0)).stationarity
    assert (far.clarke, far.residual >= 0.1) == (False, True)
    assert check_network(network([[0.5]]), data, goal(0.3)).stationarity.clarke is False


def test_the_zero_network_where_nothing_pays() -> None:
    """Above the largest useful decay the zero network is certified, just below it refuted."""
    data = two_classes(5, n=6)
    largest = float(np.linalg.norm(data.X, axis=1).sum())
    assert check_network(zero_network(2), data, goal(largest)).decision is Decision.CERTIFIED
    assert check_network(zero_network(2), data, goal(largest / 100)).decision is Decision.REFUTED


def test_what_is_not_covered_is_said() -> None:
    """Kinds of stationary points are refused with the reason."""
    data = two_classes(6)
    with pytest.raises(ObjectiveError, match="where it has kinks"):
        stationary_network(zero_network(2), data, goal(0.1))


def test_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A ring in the plane with a column of ones: solve, check, verify, descend; and a shift of the weights is refuted."""
    monkeypatch.chdir(tmp_path)
    points = np.random.default_rng(3).normal(size=(10, 2))
    inside = np.where(np.linalg.norm(points, axis=1) > 1, 1.0, 0.0)
    np.savez("ring.npz", X=np.c_[points, np.ones(10)], y=inside)
    stated = ("--loss", "hinge", "--reduction", "mean", "--weight-decay", "1e-4")
    assert run(["solve", "ring.npz", *stated, "--output", "best.npz"]) == 0
    assert "max(0, 1 - y_i f(x_i))" in capsys.readouterr().out
    assert run(["check", "best.npz", "ring.npz", *stated, "--certificate", "proof.json"]) == 0
    assert run(["verify", "proof.json", "best.npz", "ring.npz"]) == 0
    with np.load("best.npz") as stored:
        np.savez("shifted.npz", **{name: array * 1.02 for name, array in stored.items()})
    assert run(["check", "shifted.npz", "ring.npz", *stated]) == 1
    assert run(["descend", "shifted.npz", "ring.npz", *stated, "--output", "down.npz"]) == 0
    assert run(["check", "down.npz", "ring.npz", *stated]) == 0
    np.savez("three.npz", X=np.c_[points, np.ones(10)], y=np.arange(10) % 3)
    assert run(["solve", "three.npz", *stated, "--output", "other.npz"]) == 2
    assert "the hinge loss needs 0 and 1, or -1 and +1" in capsys.readouterr().err
