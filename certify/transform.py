"""Transformations of a network that leave its objective as it is, and their inverses (docs/theory.md, section 5).

    permute          the neurons in another order; undone by permute(inverse_permutation(order))
    split, merge     (u, a) into (sqrt(g_l) u, sqrt(g_l) a), shares g summing to 1, and back
    shift            neuron j times sqrt(1 + step_j), where that changes neither predictions nor penalty; undone by unshift
    rescale_function (u, a) into (s u, a/s): the same function, but NOT the same objective, unless that swaps |u| and |a|

The first three are the symmetries of the set of global optima: with merging, one network of each point of the polytope is
left, and shifts lead from any point of it to any other. Every one refuses, with ValueError, where its condition fails; what it
returns differs by rounding alone: at most four units in the last place of each term a_j u_jk x_ik of a prediction, and of each
square of the penalty.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from certify.arrays import Floats
from certify.linear import matmul, norm
from certify.problem.network import Network
from certify.problem.objective import Bias, Objective
from certify.rounding import UNIT

PARALLEL = 2.0**-40  # neurons are colinear up to this angle, as far as rounded ones can be
_ULPS = 8 * UNIT  # four units in the last place


def permute(network: Network, order: Sequence[int]) -> Network:
    """The network whose neuron i is neuron order[i] of the given one."""
    if sorted(order) != list(range(network.width)):
        raise ValueError(f"the order {list(order)} does not name each of the {network.width} neurons once")
    return _selected(network, np.asarray(order, dtype=np.intp))


def inverse_permutation(order: Sequence[int]) -> list[int]:
    """What permute needs to undo permute(network, order)."""
    inverse = [0] * len(order)
    for place, neuron in enumerate(order):
        inverse[neuron] = place
    return inverse


def split(network: Network, neuron: int, shares: Sequence[float]) -> Network:
    """Neuron (u, b, a) in several that are parallel to it, sqrt(g_l) (u, b, a), at its place and after the last one.

    shares: g_l >= 0, whose sum is 1 up to rounding; a share of zero makes a zero neuron.
    """
    _require_neuron(network, neuron)
    if not shares or not all(0 <= share <= 1 for share in shares):
        raise ValueError(f"shares of a split lie between 0 and 1, found {list(shares)}")
    if abs(math.fsum(shares) - 1.0) > _ULPS:
        raise ValueError(f"the shares of a split sum to 1, found {math.fsum(shares):.17g}")
    places = [neuron] + [network.width + i for i in range(len(shares) - 1)]
    copies = [*range(network.width), *[neuron] * (len(shares) - 1)]
    factors = np.ones(len(copies))
    factors[places] = [math.sqrt(share) for share in shares]
    return _scaled(_selected(network, np.asarray(copies, dtype=np.intp)), factors)


def merge(network: Network, neurons: Sequence[int]) -> Network:
    """Neurons that are parallel in all their parameters (u, b, a), as one at the place of the first; the inverse of split.

    Neurons of one sign whose u lie in one closed cone are parallel at every global optimum; where they are not, merging
    them lowers the objective instead, and is refused.
    """
    chosen = list(dict.fromkeys(neurons))
    for neuron in chosen:
        _require_neuron(network, neuron)
    if len(chosen) < 2:
        raise ValueError(f"merging takes two neurons at least, found {list(neurons)}")
    parameters = _parameters(network)
    sizes = np.asarray(norm(parameters, axis=1))
    largest = max(chosen, key=lambda j: (sizes[j], -j))
    for j in chosen:
        _require_parallel(parameters, sizes, largest, j)
    total = math.hypot(*(float(sizes[j]) for j in chosen))
    factors = np.ones(network.width)
    if total > 0:
        factors[largest] = total / sizes[largest]
    merged = _scaled(network, factors)
    order = np.arange(network.width)
    order[chosen[0]] = largest
    return _selected(merged, np.delete(order, chosen[1:]))


def shift(network: Network, steps: Sequence[float], inputs: Floats, objective: Objective) -> Network:
    """Neuron j times sqrt(1 + step_j): a move inside the polytope of optima, along a null vector of its activations.

    steps (m,), each >= -1; inputs (n, d): the samples. Refused where the predictions at the samples or the penalty would change
    by more than rounding: sum_j step_j a_j (u_j.x_i + b_j)_+ and sum_j step_j (|u_j|^2 + |a_j|^2), each with its decay, must vanish.
    A free output bias takes over what is the same for all samples.
    """
    moves = np.asarray(steps, dtype=np.float64)
    if moves.shape != (network.width,) or not np.all(moves >= -1.0) or not np.all(np.isfinite(moves)):
        raise ValueError(f"a shift takes {network.width} finite steps of at least -1, found {list(steps)}")
    rows, weights = np.asarray(inputs, dtype=np.float64), network.hidden_weights
    biases = np.zeros(network.width) if network.hidden_bias is None else network.hidden_bias
    activations = np.maximum(matmul(rows, weights.T) + biases, 0.0)
    change = matmul(activations * moves, network.output_weights)
    constant = np.zeros(network.outputs)
    if objective.output_bias is Bias.FREE and network.output_bias is not None and len(rows):
        constant = np.mean(change, axis=0)
    change = np.abs(change - constant)
    terms = matmul(np.abs(rows), np.abs(weights).T) + np.abs(biases)
    room = _ULPS * matmul(terms * (1.0 + np.abs(moves)), np.abs(network.output_weights))
    if not np.all(change <= room):
        sample = int(np.argmax(np.max(change - room, axis=1)))
        raise ValueError(f"the steps change the prediction of sample {sample} by {float(np.max(change[sample])):.3g}")
    costs = penalties(network, objective)
    if not abs(math.fsum(moves * costs)) <= _ULPS * math.fsum((1.0 + np.abs(moves)) * costs):
        raise ValueError(f"the steps change the penalty by {math.fsum(moves * costs):.3g}")
    scaled = _scaled(network, np.sqrt(1.0 + moves))
    return scaled if network.output_bias is None else replace(scaled, output_bias=network.output_bias - constant)


def unshift(network: Network, steps: Sequence[float], inputs: Floats, objective: Objective) -> Network:
    """What undoes shift(network, steps, ...); refused where a step of -1 has made a neuron zero, which does not come back."""
    moves = np.asarray(steps, dtype=np.float64)
    if not np.all(moves > -1.0):
        raise ValueError(f"a step of -1 has made neuron {int(np.argmin(moves))} zero: its direction is lost")
    return shift(network, list(-moves / (1.0 + moves)), inputs, objective)


def rescale_function(network: Network, neuron: int, factor: float) -> Network:
    """Neuron (u, b, a) as (s u, s b, a/s), s > 0: the same function; the objective is another unless s swaps |u| and |a|."""
    _require_neuron(network, neuron)
    if not 0 < factor < math.inf:
        raise ValueError(f"neurons are rescaled by a positive factor, found {factor!r}")
    inward = np.ones(network.width)
    inward[neuron] = factor
    return replace(
        network,
        hidden_weights=network.hidden_weights * inward[:, None],
        hidden_bias=None if network.hidden_bias is None else network.hidden_bias * inward,
        output_weights=network.output_weights / inward[:, None],
    )


def penalties(network: Network, objective: Objective) -> Floats:
    """What each neuron costs (m,): decay/2 |u|^2 + decay/2 |a|^2, with b where the hidden bias is penalised."""
    hidden, output = objective.layers
    squares = np.sum(network.hidden_weights**2, axis=1)
    if hidden.bias is Bias.PENALIZED and network.hidden_bias is not None:
        squares = squares + network.hidden_bias**2
    costs: Floats = 0.5 * (hidden.decay * squares + output.decay * np.sum(network.output_weights**2, axis=1))
    return costs


def _require_neuron(network: Network, neuron: int) -> None:
    if not 0 <= neuron < network.width:
        raise ValueError(f"there is no neuron {neuron}: they are numbered from 0 to {network.width - 1}")


def _require_parallel(parameters: Floats, sizes: Floats, first: int, second: int) -> None:
    """(u, b, a) of the two as vectors: one a nonnegative multiple of the other."""
    if sizes[second] == 0:
        return
    one, other = parameters[first] / sizes[first], parameters[second] / sizes[second]
    apart = float(norm(one - other))
    if not apart <= PARALLEL:
        raise ValueError(
            f"neurons {first} and {second} are not parallel (angle {apart:.3g}): merging them would change the objective"
        )


def _parameters(network: Network) -> Floats:
    """A row a neuron: u, b and a."""
    biases = [] if network.hidden_bias is None else [network.hidden_bias]
    return np.column_stack([network.hidden_weights, *biases, network.output_weights])


def _selected(network: Network, order: np.ndarray[tuple[int, ...], np.dtype[np.intp]]) -> Network:
    return replace(
        network,
        hidden_weights=network.hidden_weights[order],
        hidden_bias=None if network.hidden_bias is None else network.hidden_bias[order],
        output_weights=network.output_weights[order],
    )


def _scaled(network: Network, factors: Floats) -> Network:
    """Neuron j with all its parameters times factors[j]."""
    return replace(
        network,
        hidden_weights=network.hidden_weights * factors[:, None],
        hidden_bias=None if network.hidden_bias is None else network.hidden_bias * factors,
        output_weights=network.output_weights * factors[:, None],
    )
