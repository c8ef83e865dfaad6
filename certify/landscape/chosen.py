"""Optima of one's choice: points of the polytope, by name, and what any of them can predict."""

from __future__ import annotations

import numpy as np

from certify.arrays import Floats
from certify.errors import UsageError
from certify.landscape.polytope import Polytope
from certify.linear import matmul
from certify.problem.losses.function import LossFunction
from certify.problem.objective import Bias

NAMES = ("minimal", "largest", "center")
_DUST = 1e-9  # share of the largest amplitude; less than this is no neuron


def chosen_points(polytope: Polytope, which: str, seed: int) -> list[tuple[str, Floats]]:
    """Names for files, and points (N,): minimal, largest, center, vertex:K (the K-th, from 1), random:K (K of them).

    Raises UsageError where there are fewer than K vertices.
    """
    if which == "minimal":
        return [(which, polytope.narrowest[1])]
    if which == "largest":
        return [(which, polytope.widest[0])]
    if which == "center":
        return [(which, polytope.centre)]
    word, number = which.split(":")[0], int(which.split(":")[1])
    if word == "vertex":
        if number > len(polytope.vertices):
            raise UsageError(f"--which {which}: {len(polytope.vertices)} vertices are known; name one of them")
        return [(f"vertex-{number}", polytope.vertices[number - 1])]
    rng = np.random.default_rng(seed)
    weights = rng.exponential(size=(number, len(polytope.vertices)))
    points = matmul(weights / np.sum(weights, axis=1, keepdims=True), polytope.vertices)
    return [(f"random-{k + 1}", point) for k, point in enumerate(points)]


def linear_predictions(polytope: Polytope, rows: Floats) -> tuple[Floats, float]:
    """B (q, N) and b such that a point c predicts B c + b on the rows (q, D)."""
    landscape = polytope.landscape
    inputs = landscape.problem.activations(landscape.units)
    responses = np.maximum(matmul(rows, landscape.units.T), 0.0) * landscape.signs
    if landscape.problem.objective.output_bias is not Bias.FREE:
        return responses, landscape.constant
    return responses - np.mean(inputs * landscape.signs, axis=0), float(np.mean(landscape.predictions))


def prediction_range(polytope: Polytope, rows: Floats) -> tuple[Floats, Floats]:
    """The least and the largest prediction (q,) of each row (q, D) over all optima, each by a linear program."""
    responses, constant = linear_predictions(polytope, rows)
    if polytope.complete:
        values = matmul(responses, polytope.vertices.T)
        return np.min(values, axis=1) + constant, np.max(values, axis=1) + constant
    ends = [(polytope.lowest(row), polytope.lowest(-row)) for row in responses]
    low, high = (np.array([np.sum(row * pair[k]) for row, pair in zip(responses, ends, strict=True)]) for k in (0, 1))
    return low + constant, high + constant


def least_loss_point(
    polytope: Polytope, rows: Floats, targets: Floats, weights: Floats, loss: LossFunction
) -> tuple[Floats, float, float]:
    """Of all optima the one (N,) whose loss on other data is least; that loss, and the largest one of a vertex that is known.

    rows (q, D), targets (q, 1), weights (q,). Raises ArithmeticError where the solver fails.
    """
    import cvxpy as cp  # a second to import

    responses, constant = linear_predictions(polytope, rows)

    def value(point: Floats) -> float:
        f = (matmul(responses, point) + constant)[:, None]
        return float(np.sum(loss.terms(f, np.zeros_like(f), targets, weights[:, None])[0]))

    if polytope.complete:
        shares = cp.Variable(len(polytope.vertices), nonneg=True)
        masses, inside = polytope.vertices.T @ shares, [cp.sum(shares) == 1]
    else:
        masses = cp.Variable(polytope.columns.shape[1], nonneg=True)
        assert polytope.programs is not None
        lengths, scale = polytope.programs.lengths, polytope.programs.scale
        inside = [polytope.programs.columns @ cp.multiply(masses, lengths / scale) == polytope.programs.target]
    losses = loss.expression(responses @ masses + constant, targets[:, 0])
    program = cp.Problem(cp.Minimize(cp.sum(cp.multiply(weights, losses))), inside)
    program.solve(solver=cp.CLARABEL)
    if masses.value is None:
        raise ArithmeticError("Clarabel did not find the optimum of least loss on the other data")
    point: Floats = np.maximum(np.asarray(masses.value, dtype=float), 0.0)
    point = np.where(point > _DUST * np.max(point, initial=0.0), point, 0.0)
    return point, value(point), max(value(vertex) for vertex in polytope.vertices)
