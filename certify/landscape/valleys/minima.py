"""Strict local minima of one width, each once (docs/theory.md, section 8)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from certify.arrays import Floats
from certify.decide.stationarity import TOLERANCE
from certify.gain.question import Limits
from certify.landscape.stationary.adjacent import gain_over, reach_of
from certify.landscape.stationary.classify import kind_of
from certify.landscape.stationary.local import local_data
from certify.landscape.stationary.report import Kind
from certify.linear import norm
from certify.problem.dual import dual_vector, gain_problem
from certify.problem.network import Network
from certify.problem.training import Neurons, TrainingProblem, evaluate
from certify.verdict import Bounds

_SAME = (
    1e-7  # relative distance between the vectors u|a| of two networks that are one, and between values that are equal
)


@dataclass(frozen=True, slots=True, eq=False)
class Minimum:
    """A strict local minimum: the network, F, and the radius within which no network is lower, proved."""

    network: Network
    value: Bounds
    radius: float


def strict_minimum(problem: TrainingProblem, neurons: Neurons, limits: Limits) -> Minimum | None:
    """The network as a strict local minimum; None where it is none, to the tolerance of stationarity."""
    network = problem.lower(neurons)
    local = local_data(problem, network, problem.lift(network), TOLERANCE, limits, solved=False)
    if not local.stationary or local.near is None or not local.strict:
        return None
    nothing_known = Bounds(0.0, local.value.upper)
    kind, _ = kind_of(local.stationarity, local.kinds, local.value, nothing_known, 0.0, local.near, local.strict)
    if kind not in (Kind.STRICT_LOCAL_MINIMUM, Kind.GLOBAL):
        return None
    return Minimum(network, local.value, local.near.radius)


def distinct(found: Iterable[tuple[float, Neurons]]) -> list[Neurons]:
    """Networks with their values, each once, whatever the order of its neurons, the lowest first."""
    kept: list[tuple[float, Floats, Neurons]] = []
    for value, neurons in sorted(found, key=lambda pair: pair[0]):
        rows = _sorted(neurons)
        if not any(_same(value, rows, *other[:2]) for other in reversed(kept)):
            kept.append((value, rows, neurons))
    return [neurons for _, _, neurons in kept]


def spurious(minima: Iterable[Minimum], least: float) -> list[Minimum]:
    """Those above the least value of their width, by more than values that are equal differ."""
    return [m for m in minima if above(m.value.lower, least)]


def above(value: float, least: float) -> bool:
    """Whether a value is above the least one by more than rounding."""
    return value > least + _SAME * abs(least)


def no_way_around(problem: TrainingProblem, neurons: Neurons) -> bool:
    """A quick look before the proof: whether no cone around a neuron has a gain above beta, as at a local minimum."""
    gain = gain_problem(problem, dual_vector(problem, problem.predictions(neurons)))
    limit = problem.beta * (1 + TOLERANCE)
    for u, a in zip(neurons.u, neurons.a[:, 0], strict=True):
        reach = reach_of(problem, u, 1 if a > 0 else -1)
        if gain_over(gain, reach) > limit:
            return False
    return True


def value_of(problem: TrainingProblem, neurons: Neurons) -> float:
    """F of the network, rounded up."""
    return evaluate(problem, problem.lower(neurons)).upper


def _same(value: float, rows: Floats, other_value: float, other_rows: Floats) -> bool:
    if not abs(value - other_value) <= _SAME * abs(value) or rows.shape != other_rows.shape:
        return False
    return bool(norm(np.ravel(rows - other_rows)) <= _SAME * norm(np.ravel(rows)))


def _sorted(neurons: Neurons) -> Floats:
    """The vectors u|a| with the sign of a, in an order of their own that rounding hardly changes."""
    a = neurons.a[:, :1]
    rows = np.hstack([neurons.u * np.abs(a), np.sign(a)])
    scale = float(np.max(np.abs(rows), initial=0.0)) or 1.0
    keys = np.round(rows / scale, 5)
    ordered: Floats = rows[np.lexsort(keys.T[::-1])]
    return ordered
