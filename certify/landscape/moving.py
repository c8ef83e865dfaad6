"""Moves of a network that keep F, by their names: permute:2,0,1  split:0:0.25,0.75  merge:0,3  vertex:2 (certify/transform.py)."""

from __future__ import annotations

import numpy as np

from certify.arrays import Floats
from certify.landscape.answers import placed
from certify.landscape.polytope import Polytope
from certify.linear import least_squares, matmul
from certify.problem.dataset import Dataset
from certify.problem.network import Network
from certify.problem.objective import Bias, Objective
from certify.transform import merge, permute, shift, split


def moved(network: Network, word: str, dataset: Dataset, objective: Objective, polytope: Polytope | None) -> Network:
    """The network after the move `word`, which is one. polytope: of all optima, for vertex:K, K from 1; None where it is not known.

    Raises ValueError with the reason where the move would change F, or names a neuron or a vertex that is not there.
    """
    kind, _, rest = word.partition(":")
    if kind == "permute":
        return permute(network, _integers(rest))
    if kind == "merge":
        return merge(network, _integers(rest))
    if kind == "split":
        neuron, _, shares = rest.partition(":")
        return split(network, int(neuron), [float(share) for share in shares.split(",")])
    if polytope is None:
        raise ValueError("the optima are not known, so that their vertices have no numbers")
    return _to_vertex(network, int(rest), dataset, objective, polytope)


def _integers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def _to_vertex(network: Network, number: int, dataset: Dataset, objective: Objective, polytope: Polytope) -> Network:
    """Along the polytope of optima: the neurons' masses become those of the vertex, their directions stay."""
    if objective.hidden_bias is Bias.FREE:
        raise ValueError("with a free hidden bias a vertex stands for segments of biases")
    if number > len(polytope.vertices):
        raise ValueError(f"{len(polytope.vertices)} vertices are known")
    landscape, vertex = polytope.landscape, polytope.vertices[number - 1]
    problem = landscape.problem
    neurons = problem.lift(network)
    directions, masses = placed(landscape, neurons)
    strange = np.flatnonzero((masses > 0) & (directions < 0))
    if strange.size:
        raise ValueError(f"neuron {strange[0]} is along no optimal direction")
    missing = [k for k in np.flatnonzero(vertex > 0) if not np.any(directions == k)]
    if missing:
        raise ValueError(
            f"vertex {number} has mass on direction {missing[0]}, along which the model has no neuron to grow"
        )
    first = [int(np.flatnonzero(directions == k)[0]) for k in np.flatnonzero(vertex > 0)]
    multiples = _multiples(problem.activations(neurons.u) * neurons.a[:, 0], first, objective)
    steps = np.full(network.width, -1.0)
    steps[masses == 0] = 0.0
    steps[first] = multiples - 1.0
    weighted = None if dataset.sample_weight is None else dataset.sample_weight > 0
    inputs = dataset.X if weighted is None else dataset.X[weighted]
    return shift(network, steps.tolist(), inputs, objective)


def _multiples(columns: Floats, kept: list[int], objective: Objective) -> Floats:
    """Multiples (q,) of the columns kept that give the sum of all columns (n, m), modulo constants where the output bias is free."""
    if objective.output_bias is Bias.FREE:
        columns = columns - np.mean(columns, axis=0)
    part, target = columns[:, kept], np.sum(columns, axis=1)
    multiples = least_squares(part, target)
    multiples = multiples + least_squares(part, target - matmul(part, multiples))  # what rounding left
    return np.maximum(multiples, 0.0)
