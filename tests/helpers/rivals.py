"""Good networks for tiny data, found without any of certify's solvers: what no proved lower bound may lie above.

The best combination of a dictionary of neurons: along, against and between the samples, orthogonal to them, along the slopes
of all activation patterns, with hidden biases that put the kink on a sample. Masses by greedy coordinate descent.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, product

import numpy as np
from exact import OF_SIGNS

from certify.problem.dataset import Dataset
from certify.problem.network import Network
from certify.problem.objective import Bias, Loss, Objective, Reduction

_STEPS = 300
_MOST_PATTERNS = 6  # samples up to which all patterns are listed


def rivals(data: Dataset, goal: Objective) -> Iterator[Network]:
    """The zero network, the best constant, and the best of the dictionary; some may overflow."""
    with np.errstate(all="ignore"):
        yield _network(data, goal, np.zeros((0, _width_of(data, goal))), np.zeros(0), 0.0)
        atoms = _dictionary(data, goal)
        for chosen in (atoms[:0], atoms):
            yield _fitted(data, goal, chosen)


def balanced_network(net: Network, goal: Objective) -> Network:
    """The same function (to rounding) with h|u_j|^2 = o a_j^2; neurons that are zero on one layer become zero."""
    with np.errstate(all="ignore"):
        lifted = net.hidden_weights
        if goal.hidden_bias is Bias.PENALIZED:
            lifted = np.column_stack([lifted, net.hidden_bias])
        sizes, outer = _lengths(lifted), np.abs(net.output_weights[:, 0])
        factors = np.sqrt(outer) / np.sqrt(sizes) * _ratio(goal)
        factors = np.where((sizes > 0) & (outer > 0) & np.isfinite(factors), factors, 0.0)
        inverse = np.where(factors > 0, 1 / factors, 0.0)
        bias = None if net.hidden_bias is None else net.hidden_bias * factors
        return Network(
            net.hidden_weights * factors[:, None], net.output_weights * inverse[:, None], bias, net.output_bias
        )


def _ratio(goal: Objective) -> float:
    """|u_j| over |a_j| where their penalties are equal."""
    return 1.0 if goal.hidden_decay == goal.output_decay else (goal.output_decay / goal.hidden_decay) ** 0.25


def _lengths(rows: np.ndarray) -> np.ndarray:
    largest = np.max(np.abs(rows), axis=1, initial=0.0)
    unit = rows / np.where(largest > 0, largest, 1.0)[:, None]
    return largest * np.sqrt(np.sum(unit**2, axis=1))


def _width_of(data: Dataset, goal: Objective) -> int:
    return data.inputs + (goal.hidden_bias is not Bias.NONE)


def _dictionary(data: Dataset, goal: Objective) -> np.ndarray:
    """Directions (K, D) of penalised length 1."""
    X = data.X
    largest = np.max(np.abs(X), axis=1, initial=0.0)
    rows = X / np.where(largest > 0, largest, 1.0)[:, None]
    if goal.hidden_bias is Bias.PENALIZED:
        return _units(_directions(np.column_stack([X, np.ones(len(X))]), data))
    directions = _units(_directions(np.vstack([rows, X]), data))
    if goal.hidden_bias is Bias.NONE:
        return directions
    heights = -(directions @ X.T)
    shifted = [np.column_stack([directions, height]) for height in heights.T]
    return np.vstack(shifted)


def _directions(rows: np.ndarray, data: Dataset) -> np.ndarray:
    n, d = data.samples, rows.shape[1]
    y = data.y[:, 0] - np.mean(data.y[:, 0])
    found = [*rows, *np.eye(d), *(rows[i] - rows[j] for i, j in combinations(range(len(rows)), 2))]
    found += [_orthogonal(rows[i], rows[j]) for i, j in combinations(range(len(rows)), 2)]
    patterns = product((0.0, 1.0), repeat=n) if n <= _MOST_PATTERNS else np.tri(n)
    found += [np.array(p) * y @ rows[-n:] for p in patterns]
    found += list(np.random.default_rng(0).standard_normal((8, d)))
    return np.vstack([found, np.negative(found)])


def _orthogonal(x: np.ndarray, z: np.ndarray) -> np.ndarray:
    """What of x is orthogonal to z."""
    square = z @ z
    return x - (x @ z / square) * z if square > 0 else x


def _units(directions: np.ndarray) -> np.ndarray:
    lengths = _lengths(directions)
    kept = (lengths > 0) & np.isfinite(lengths)
    return directions[kept] / lengths[kept, None]


def _fitted(data: Dataset, goal: Objective, atoms: np.ndarray) -> Network:
    """Greedy coordinate descent on masses t >= 0 of both signs and the constant, each step by a bound on the curvature."""
    rows = data.X if goal.hidden_bias is Bias.NONE else np.column_stack([data.X, np.ones(data.samples)])
    active = np.maximum(rows @ atoms.T, 0.0)
    used = np.all(np.isfinite(active), axis=0) & np.any(active > 0, axis=0)
    atoms, active = atoms[used], active[:, used]
    columns, signs = np.hstack([active, -active]), np.repeat([1.0, -1.0], len(atoms))
    weights = np.ones(data.samples) if data.sample_weight is None else data.sample_weight
    weights = weights / (data.samples if goal.reduction is Reduction.MEAN else 1)
    beta = np.sqrt(goal.hidden_decay) * np.sqrt(goal.output_decay)
    logistic = goal.loss in OF_SIGNS  # by which the hinge loss is fitted too: a rival need not be the best
    y = np.where(data.y[:, 0] == 1, 1.0, -1.0) if logistic else data.y[:, 0]
    most = weights * {Loss.HALF_SQUARED: 1.0, Loss.SQUARED: 2.0}.get(goal.loss, 0.25)
    curvatures = most @ columns**2
    t, f, c = np.zeros(columns.shape[1]), np.zeros(data.samples), 0.0
    constant = {Bias.NONE: np.inf, Bias.PENALIZED: goal.output_decay, Bias.FREE: 0.0}[goal.output_bias]
    for _ in range(_STEPS):
        slope = -y * weights / (1 + np.exp(y * f)) if logistic else most * (f - y)
        change = np.maximum(-(slope @ columns + beta) / curvatures, -t)
        falls = np.where(np.isfinite(change), -change * (slope @ columns + beta) - curvatures * change**2 / 2, 0.0)
        best = int(np.argmax(falls)) if falls.size else -1
        shift = 0.0
        if constant < np.inf:
            pull, stiff = float(np.sum(slope)) + constant * c, float(np.sum(most)) + constant
            shift = -pull / stiff if stiff > 0 else 0.0
        if best < 0 or shift * shift * (np.sum(most) + constant) / 2 > falls[best]:
            f, c = f + shift, c + shift
            if not shift:
                break
        elif falls[best] > 0:
            t[best] += change[best]
            f = f + change[best] * columns[:, best]
        else:
            break
    kept = t > 0
    return _network(data, goal, np.vstack([atoms, atoms])[kept] * t[kept, None], signs[kept], c)


def _network(data: Dataset, goal: Objective, blocks: np.ndarray, signs: np.ndarray, c: float) -> Network:
    """Each block as a neuron at the least cost."""
    sizes = _lengths(blocks[:, : data.inputs] if goal.hidden_bias is Bias.FREE else blocks)
    ratio = _ratio(goal)
    u, a = blocks / np.sqrt(sizes)[:, None] * ratio, signs * np.sqrt(sizes) / ratio
    biased = goal.hidden_bias is not Bias.NONE
    return Network(
        u[:, : data.inputs],
        a[:, None],
        u[:, -1].copy() if biased else None,
        None if goal.output_bias is Bias.NONE else np.array([c]),
    )
