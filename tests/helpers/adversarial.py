"""Checks that nobody would wish for, by number: data, objectives and networks at and beyond what float64 can hold.

Inputs of mixed scales from 1e-12 to 1e12, by row and by column, and 2^-700 or 2^500 in all; duplicate, opposite, zero, nearly
parallel rows; integers; weights from 0 to 1e6; layers out of balance by 1e150; dead neurons; decays from 1e-12 to 1e6. A
case is a function of its seed alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from exact import OF_SIGNS

from certify.problem.dataset import Dataset
from certify.problem.network import Network
from certify.problem.objective import Bias, Loss, Objective, Reduction

Generator = np.random.Generator

_LARGEST = 1.7e308

LOSSES = (Loss.HALF_SQUARED, Loss.SQUARED, Loss.LOGISTIC)
EPS = (1e-4, 1e-4, 1e-4, 1e-2, 1e-6, 1e-9)


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One check: everything that is handed to it. name says how it was made."""

    name: str
    network: Network
    data: Dataset
    goal: Objective
    eps: float


def adversarial_case(seed: int) -> Case:
    """The case of that number."""
    rng = np.random.default_rng((seed, 271828))
    loss, reduction = _chosen(rng, LOSSES), _chosen(rng, list(Reduction))
    hidden, output = _chosen(rng, list(Bias)), _chosen(rng, list(Bias))
    n, d = int(rng.integers(1, 9)), int(rng.integers(1, 5))
    shape, scaling = _chosen(rng, SHAPES), _chosen(rng, SCALINGS)
    with np.errstate(all="ignore"):
        X = np.clip(scaling(rng, shape(rng, n, d)), -_LARGEST, _LARGEST)
    data = Dataset(X, _targets(rng, loss, n)[:, None], _sample_weights(rng, n))
    decays = _decays(rng, data, loss, Bias.PENALIZED in (hidden, output))
    late = np.random.default_rng((seed, 314159))
    if late.random() < 0.05:
        decays = 0.0, 0.0
    if loss is Loss.LOGISTIC and late.random() < 0.3:
        loss = Loss.HINGE
    goal = Objective(loss, reduction, *decays, hidden, output)
    kind = _chosen(rng, NETWORKS)
    width = 0 if rng.random() < 0.03 else int(rng.integers(1, 5))
    network = _with_biases(kind(rng, width, X), rng, goal)
    names = (loss.value, reduction.value, hidden.value, output.value, f"n={n}", f"d={d}", f"m={width}")
    makers = (f.__name__.lstrip("_").replace("_", " ") for f in (shape, scaling, kind))
    return Case(f"{seed}: " + ", ".join([*names, *makers]), network, data, goal, _chosen(rng, EPS))


def _chosen(rng: Generator, choices):
    return choices[int(rng.integers(len(choices)))]


def _spread(rng: Generator, low: float, high: float, size=None) -> np.ndarray:
    """Powers of ten, their exponents uniform."""
    return 10.0 ** rng.uniform(low, high, size)


# -- inputs ----------------------------------------------------------------------------------------------------------------


def _gaussian(rng: Generator, n: int, d: int) -> np.ndarray:
    return rng.standard_normal((n, d))


def _integers(rng: Generator, n: int, d: int) -> np.ndarray:
    return rng.integers(-3, 4, (n, d)).astype(float)


def _binary(rng: Generator, n: int, d: int) -> np.ndarray:
    return rng.integers(0, 2, (n, d)).astype(float)


def _signs(rng: Generator, n: int, d: int) -> np.ndarray:
    return rng.choice([-1.0, 1.0], (n, d))


def _repeated(rng: Generator, n: int, d: int) -> np.ndarray:
    rows = rng.standard_normal((max(1, n // 2), d))
    return rows[rng.integers(len(rows), size=n)]


def _opposite(rng: Generator, n: int, d: int) -> np.ndarray:
    return _repeated(rng, n, d) * rng.choice([-1.0, 1.0], n)[:, None]


def _parallel(rng: Generator, n: int, d: int) -> np.ndarray:
    return np.outer(rng.standard_normal(n), rng.standard_normal(d))


def _nearly_parallel(rng: Generator, n: int, d: int) -> np.ndarray:
    return _parallel(rng, n, d) + _spread(rng, -15, -6) * rng.standard_normal((n, d))


def _nearly_equal(rng: Generator, n: int, d: int) -> np.ndarray:
    return rng.standard_normal(d) * np.ones((n, 1)) + 1e-9 * rng.standard_normal((n, d))


def _with_zeros(rng: Generator, n: int, d: int) -> np.ndarray:
    return rng.standard_normal((n, d)) * (rng.random((n, 1)) < 0.6) * (rng.random(d) < 0.8)


def _all_zero(rng: Generator, n: int, d: int) -> np.ndarray:
    return np.zeros((n, d))


def _far_from_the_origin(rng: Generator, n: int, d: int) -> np.ndarray:
    return rng.standard_normal((n, d)) + _spread(rng, 2, 9)


SHAPES = [
    *(_gaussian, _gaussian, _integers, _binary, _signs, _repeated, _opposite, _parallel, _nearly_parallel),
    *(_nearly_equal, _with_zeros, _all_zero, _far_from_the_origin),
]


def _unscaled(rng: Generator, X: np.ndarray) -> np.ndarray:
    return X


def _rows_scaled(rng: Generator, X: np.ndarray) -> np.ndarray:
    return X * _spread(rng, -12, 12, (len(X), 1))


def _columns_scaled(rng: Generator, X: np.ndarray) -> np.ndarray:
    return X * _spread(rng, -12, 12, X.shape[1])


def _both_scaled(rng: Generator, X: np.ndarray) -> np.ndarray:
    return _columns_scaled(rng, _rows_scaled(rng, X))


def _scaled_together(rng: Generator, X: np.ndarray) -> np.ndarray:
    return X * _spread(rng, -12, 12)


def _nearly_vanished(rng: Generator, X: np.ndarray) -> np.ndarray:
    return np.ldexp(X, -700)


def _nearly_infinite(rng: Generator, X: np.ndarray) -> np.ndarray:
    return np.ldexp(X, 500)


def _at_the_limits(rng: Generator, X: np.ndarray) -> np.ndarray:
    return np.ldexp(X, rng.choice([-1070, -1020, -500, 0, 500, 1000], (len(X), 1)))


SCALINGS = [
    *(_unscaled, _unscaled, _unscaled, _rows_scaled, _columns_scaled, _both_scaled, _scaled_together),
    *(_nearly_vanished, _nearly_infinite, _at_the_limits),
]


# -- targets, weights, decays ----------------------------------------------------------------------------------------------


def _targets(rng: Generator, loss: Loss, n: int) -> np.ndarray:
    if loss in OF_SIGNS:
        labels = rng.integers(0, 2, n) if rng.random() < 0.8 else np.ones(n)
        return labels.astype(float) if rng.random() < 0.3 else 2.0 * labels - 1.0
    kind = int(rng.integers(7))
    if kind == 0:
        return rng.integers(-2, 3, n).astype(float)
    if kind == 1:
        return np.full(n, rng.standard_normal())
    if kind == 2:
        return np.zeros(n)
    if kind == 3:
        return rng.standard_normal(n) * _spread(rng, -12, 12)
    if kind == 4:
        return rng.standard_normal(n) * _spread(rng, -12, 12, n)
    if kind == 5 and rng.random() < 0.5:
        return np.clip(rng.standard_normal(n) * _spread(rng, -310, 308, rng.choice([1, n])), -_LARGEST, _LARGEST)
    return rng.standard_normal(n)


def _sample_weights(rng: Generator, n: int) -> np.ndarray | None:
    kind = int(rng.integers(11))
    if kind == 10:
        return _spread(rng, -310, 307, n)
    if kind < 6:
        return None
    if kind == 6:
        return rng.integers(0, 3, n).astype(float)
    if kind == 7:
        return _spread(rng, -12, 12, n)
    if kind == 8:
        return np.full(n, float(_spread(rng, -12, 12))) * (rng.random(n) < 0.7)
    return rng.random(n) * 1e6


def _decays(rng: Generator, data: Dataset, loss: Loss, equal: bool) -> tuple[float, float]:
    """Anything from 1e-12 to 1e6; or a share of the largest that leaves something to learn, whatever the data's scale."""
    if rng.random() < 0.35:
        decay = float(_spread(rng, -12, 6) if rng.random() < 0.8 else _spread(rng, -310, 307))
    else:
        weights = np.ones(data.samples) if data.sample_weight is None else data.sample_weight
        slopes = np.abs(data.y[:, 0]) if loss not in OF_SIGNS else np.full(data.samples, 0.5)
        with np.errstate(all="ignore"):
            most = float(np.sum(weights * slopes * np.max(np.abs(data.X), axis=1)))
        share = float(_spread(rng, -4, 0.3))
        decay = share * most if 0 < share * most < 1e300 else share
    if equal or rng.random() < 0.6:
        return decay, decay
    other = decay * float(_spread(rng, -6, 6))
    return decay, other if 0 < other < 1e300 else decay


# -- networks --------------------------------------------------------------------------------------------------------------


def _plain(rng: Generator, m: int, X: np.ndarray) -> Network:
    return Network(rng.standard_normal((m, X.shape[1])), rng.standard_normal((m, 1)))


def _zero(rng: Generator, m: int, X: np.ndarray) -> Network:
    return Network(np.zeros((m, X.shape[1])), np.zeros((m, 1)))


def _integer_weights(rng: Generator, m: int, X: np.ndarray) -> Network:
    return Network(rng.integers(-2, 3, (m, X.shape[1])).astype(float), rng.integers(-2, 3, (m, 1)).astype(float))


def _dead_neurons(rng: Generator, m: int, X: np.ndarray) -> Network:
    """Inactive on every sample, as far as a direction of that kind was met; zero on one layer otherwise."""
    hidden = rng.standard_normal((m, X.shape[1]))
    with np.errstate(all="ignore"):
        mean = np.sum(X / (np.max(np.abs(X), axis=1, keepdims=True) + (X == 0)), axis=0)
    hidden[::2] = -mean if np.all(np.isfinite(mean)) else 0.0
    output = rng.standard_normal((m, 1))
    output[1::2] = 0.0
    return Network(hidden, output)


def _wide_weights(rng: Generator, m: int, X: np.ndarray) -> Network:
    hidden = rng.standard_normal((m, X.shape[1])) * _spread(rng, -6, 6, (m, X.shape[1]))
    return Network(hidden * (rng.random(hidden.shape) < 0.8), rng.standard_normal((m, 1)) * _spread(rng, -6, 6, (m, 1)))


def _unbalanced(rng: Generator, m: int, X: np.ndarray) -> Network:
    plain, factor = _plain(rng, m, X), 10.0 ** (rng.choice([-150, -75, 75, 150], (m, 1)))
    return Network(plain.hidden_weights * factor, plain.output_weights / factor)


def _enormous(rng: Generator, m: int, X: np.ndarray) -> Network:
    plain = _plain(rng, m, X)
    return Network(plain.hidden_weights * 1e160, plain.output_weights * float(rng.choice([1.0, 1e140, 1e160])))


def _subnormal(rng: Generator, m: int, X: np.ndarray) -> Network:
    plain = _plain(rng, m, X)
    return Network(plain.hidden_weights * 1e-310, plain.output_weights * float(rng.choice([1.0, 1e-310])))


def _twins(rng: Generator, m: int, X: np.ndarray) -> Network:
    one = rng.standard_normal(X.shape[1])
    return Network(np.tile(one, (m, 1)), rng.choice([-1.0, 1.0], (m, 1)))


def _along_rows(rng: Generator, m: int, X: np.ndarray) -> Network:
    """Neurons along or orthogonal to samples, of the size that answers them with one."""
    rows = X[rng.integers(len(X), size=m)]
    largest = np.max(np.abs(rows), axis=1, initial=0.0)
    unit = np.where(largest > 0, largest, 1.0)[:, None]
    with np.errstate(all="ignore"):
        scale = np.sqrt(1 / np.sqrt(unit)) ** 2
    hidden = rows / unit * scale * rng.choice([-1.0, 1.0], (m, 1))
    return Network(hidden, rng.choice([-1.0, 1.0], (m, 1)) * scale)


NETWORKS: list[Callable[[Generator, int, np.ndarray], Network]] = [
    *(_plain, _zero, _integer_weights, _dead_neurons, _wide_weights, _unbalanced, _enormous, _subnormal, _twins),
    *(_along_rows, _along_rows),
]


def _with_biases(network: Network, rng: Generator, goal: Objective) -> Network:
    """The biases that the objective speaks of: zero, of order one, or of the size of their layer."""
    kind = int(rng.integers(4))

    def bias(count: int, weights: np.ndarray) -> np.ndarray:
        if kind == 0:
            return np.zeros(count)
        size = float(np.max(np.abs(weights), initial=0.0)) if kind == 1 else 1.0
        drawn = rng.integers(-2, 3, count).astype(float) if kind == 2 else rng.standard_normal(count)
        return drawn * (size if 0 < size < 1e300 else 1.0)

    hidden = None if goal.hidden_bias is Bias.NONE else bias(network.width, network.hidden_weights)
    output = None if goal.output_bias is Bias.NONE else bias(1, network.output_weights)
    return Network(network.hidden_weights, network.output_weights, hidden, output)
