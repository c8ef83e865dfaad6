"""A network's own dual vector: minus the slope of the loss at its predictions, and where samples lie at a kink of the loss, one of
many (docs/theory.md, section 6)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from certify._core.bounded import bounded_least_squares
from certify._core.orthogonal import complement
from certify.arrays import Floats, Indices
from certify.decide.stationarity import assess, boundary_and_active, size_scale, slope_scale
from certify.failures import unless_it_fails
from certify.gain.question import Limits
from certify.linear import matmul, norm
from certify.problem.dual import dual_vector, feasible_dual
from certify.problem.losses.kinked import Kinked
from certify.problem.objective import Bias
from certify.problem.training import Neurons, TrainingProblem
from certify.verdict import Stationarity

_AT_KINK = 1e-6  # relative distance of a prediction from the kink within which it counts as there
_DEPENDENT = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class OwnDual:
    """nu (n, 1) of a network, and the first-order report that it gives; feasible: nu in the domain of the dual function."""

    nu: Floats
    feasible: Floats
    stationarity: Stationarity


def own_dual(
    problem: TrainingProblem, neurons: Neurons, predictions: Floats, known: Floats | None, limits: Limits
) -> OwnDual:
    """The dual vector of a network with these predictions (n, 1).

    known (n, 1): a dual vector that is good for the problem. All optimal networks share all optimal dual vectors, so where samples lie
    at kinks that one is tried first, as far as the network allows it; else the one for which the first-order conditions fail
    least, by least squares over the intervals of slopes.
    """
    loss = problem.loss
    if not isinstance(loss, Kinked):
        nu = -problem.slope(predictions)
        return OwnDual(nu, dual_vector(problem, predictions), assess(problem, neurons, nu[:, 0], limits))
    low, high = loss.subgradients(
        predictions, problem.targets, problem.weights[:, None], _AT_KINK * np.abs(problem.targets)
    )
    at_kink = np.flatnonzero(low[:, 0] < high[:, 0])

    def made(nu: Floats) -> OwnDual:
        report = assess(problem, neurons, nu[:, 0], limits, unique=not at_kink.size)
        return OwnDual(nu, feasible_dual(problem, nu), report)

    if known is not None and at_kink.size:
        shared = made(np.clip(known, -high, -low))
        if shared.stationarity.residual <= shared.stationarity.tolerance:
            return shared
    nu = -high
    width = (high - low)[at_kink, 0]
    nu[at_kink, 0] += unless_it_fails(
        lambda: _least_residual(problem, neurons, nu[:, 0], at_kink, width), np.zeros(at_kink.size)
    )
    return made(nu)


def _least_residual(problem: TrainingProblem, neurons: Neurons, nu: Floats, free: Indices, width: Floats) -> Floats:
    """What to add to the entries `free` of nu (n,), between 0 and width, so that the network's first-order residuals are least.

    A neuron's boundary samples may add any multiple of their rows to its slope, so what lies in their span is left out.
    """
    rows, scale = problem.rows, slope_scale(problem, size_scale(problem, neurons))
    vectors: list[Floats] = []
    targets: list[Floats] = []
    for u, a in zip(neurons.u, neurons.a[:, 0], strict=True):
        if not np.any(u) or a == 0:
            continue
        values, boundary, active = boundary_and_active(problem, u)
        basis = complement(rows[boundary] / norm(rows[boundary], axis=1)[:, None], _DEPENDENT)
        decay = problem.beta * u
        if problem.free_hidden_bias:
            decay[-1] = 0.0
        gated = a * (rows * active[:, None])
        outer = np.maximum(values, 0.0)
        vectors += [matmul(gated[free], basis.T), outer[free, None]]
        targets += [matmul(basis, decay - matmul(nu, gated)), np.array([problem.beta * a - float(matmul(nu, outer))])]
    if problem.objective.output_bias is not Bias.NONE:
        penalty = problem.beta * float(neurons.c[0]) if problem.objective.output_bias is Bias.PENALIZED else 0.0
        vectors.append(np.ones((free.size, 1)))
        targets.append(np.array([penalty - float(np.sum(nu))]))
    if not vectors or not free.size:
        return np.zeros(free.size)
    table = np.hstack(vectors) * width[:, None] / scale
    shares = bounded_least_squares(table, np.concatenate(targets) / scale, np.ones(free.size))
    return shares * width
