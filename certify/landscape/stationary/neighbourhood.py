"""What is proved of the networks near a given one (docs/theory.md, section 6, "Local minima").

As long as every neuron keeps the sign of its output weight and all its signs on samples off its boundary, it stays in the cones
around it; so every network nearer than the radius is a point of the convex program of these cones, and a dual vector that is
feasible there bounds them all from below.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from certify.arrays import Floats
from certify.gain.question import Limits
from certify.landscape.stationary.adjacent import Reach, bound_over, distances, reach_of, signs_of
from certify.linear import matmul, norm, svd
from certify.problem.network import Network
from certify.problem.objective import Bias
from certify.problem.training import Neurons, TrainingProblem

_DEPENDENT = (
    1e-9  # least singular value over the largest, of activations of length 1, from which they count as independent
)
_BELOW = 1 - 2.0**-40  # radii are rounded down by this


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """Every network within `radius` (Euclidean, over all parameters as the file has them) has F >= lower.

    neuron, sample: what limits the radius: the first kink of that neuron, or, where sample is None, its output weight's sign; both None
    where nothing does.
    """

    radius: float
    lower: float
    neuron: int | None
    sample: int | None


def neighbourhood(
    problem: TrainingProblem,
    network: Network,
    kinds: Sequence[str],
    nus: Sequence[Floats],
    limits: Limits,
) -> Neighbourhood:
    """The radius, and the largest proved bound from the dual vectors nus, each (n, 1); kinds: active or silent, of each neuron."""
    bias = network.hidden_bias
    u = network.hidden_weights if bias is None else np.column_stack([network.hidden_weights, bias])
    radius, neuron, sample = math.inf, None, None
    reaches: list[Reach] = []
    for j, kind in enumerate(kinds):
        a = float(network.output_weights[j, 0])
        unsigned = kind == "silent" or a == 0
        own = [reach_of(problem, u[j], sign) for sign in signs_of(a, unsigned)]
        reaches += own
        away = distances(problem, u[j], own[0].boundary)
        nearest = int(np.argmin(away)) if len(away) else 0
        if not unsigned and abs(a) < radius:
            radius, neuron, sample = abs(a), j, None
        if len(away) and away[nearest] < radius:
            radius, neuron, sample = float(away[nearest]), j, nearest
    lower = max(bound_over(problem, nu, _distinct(reaches), limits) for nu in nus)
    return Neighbourhood(radius * _BELOW, lower, neuron, sample)


def _distinct(reaches: Sequence[Reach]) -> list[Reach]:
    known = {(r.sign, r.pattern.tobytes(), r.boundary.tobytes()): r for r in reaches}
    return list(known.values())


def independent(problem: TrainingProblem, neurons: Neurons, kept: Sequence[int]) -> bool:
    """Whether the predictions tell the amplitudes of these neurons, their free biases and a free constant apart.

    Then, where no two of them share a closed cone and a sign, a local minimum is a strict one: near it no other network is as low.
    """
    activations = np.maximum(matmul(problem.rows, neurons.u[list(kept)].T), 0.0)
    columns = [activations]
    if problem.free_hidden_bias:  # a bias that slides adds to the samples that its neuron is active on
        columns.append((activations > 0).astype(float))
    if problem.objective.output_bias is Bias.FREE:
        columns.append(np.ones((problem.samples, 1)))
    matrix = np.hstack(columns)
    if not matrix.shape[1]:
        return True
    sizes = norm(matrix, axis=0)
    if not np.all((0 < sizes) & (sizes < np.inf)) or matrix.shape[0] < matrix.shape[1]:
        return False
    spectrum = svd(matrix / sizes)[1]
    return bool(spectrum[-1] > _DEPENDENT * spectrum[0])
