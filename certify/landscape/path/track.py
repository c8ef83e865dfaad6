"""A path as it is built: breakpoints in w_j = u_j |a_j|, straight in between (docs/theory.md, section 7).

In these coordinates, with a fixed sign for every neuron and every neuron in one closed cone, predictions are linear and what the balanced
network costs, beta sum |w_j|_P, is convex. So F is convex on every straight piece, and it never rises if it does not at the end.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from certify.arrays import Bools, Floats
from certify.problem.training import Neurons, TrainingProblem


class Move(StrEnum):
    """Why F does not rise on a piece.

    balance   |u| = |a| at the same predictions: the penalty is convex in log(|u|/|a|), least in the middle
    shrink    neurons that are active on no sample vanish: only their penalty goes
    recentre  a neuron active on every sample hands its constant to a free output bias
    merge     neurons of one sign in one closed cone become one: the mass falls by Cauchy and Schwarz
    prune     along a dependency of the activations: predictions stay, the mass is linear and does not rise
    segment   to the optimum of the program of cones that hold both ends: F is convex, with its least value at the end
    split     part of a neuron moves to a free slot: nothing changes
    edge      along an edge of the polytope of optima: nothing changes
    """

    BALANCE = "balance"
    SHRINK = "shrink"
    RECENTRE = "recentre"
    MERGE = "merge"
    PRUNE = "prune"
    SEGMENT = "segment"
    SPLIT = "split"
    EDGE = "edge"


@dataclass(frozen=True, slots=True, eq=False)
class Point:
    """A breakpoint: w (m, D), signs (m,), constant c. A slot whose w is zero may have any sign."""

    w: Floats
    signs: Floats
    c: float

    @property
    def used(self) -> Bools:
        """The slots (m,) that hold a neuron."""
        used: Bools = np.any(self.w != 0, axis=1)
        return used

    @property
    def free(self) -> list[int]:
        """The slots that hold none."""
        return [int(j) for j in np.flatnonzero(~self.used)]

    def replaced(self, w: Floats, c: float | None = None) -> Point:
        """The same slots with other vectors."""
        return Point(w, self.signs, self.c if c is None else c)


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """Points and the moves between them; a track is never changed, only continued."""

    points: tuple[Point, ...]
    moves: tuple[Move, ...]

    @property
    def end(self) -> Point:
        """Where it has come to."""
        return self.points[-1]

    def then(self, move: Move, point: Point) -> Track:
        """Continued by one piece."""
        return Track((*self.points, point), (*self.moves, move))


def starting_point(problem: TrainingProblem, neurons: Neurons) -> Point:
    """Where balancing leads: w = u |a|; without it w and c are what they are.

    A neuron (0, b) with a free bias is a constant, which a free output bias takes over.
    """
    a = neurons.a[:, 0]
    signs = np.where(a < 0, -1.0, 1.0)
    w = neurons.u * np.abs(a)[:, None]
    constants = constants_of(problem, neurons)
    w[constants != 0] = 0.0
    silent = problem.free_hidden_bias & (problem.size(w) == 0)
    w[silent] = 0.0
    return Point(w, signs, float(neurons.c[0]) + float(np.sum(constants)))


def constants_of(problem: TrainingProblem, neurons: Neurons) -> Floats:
    """What each neuron (m,) of which only a free bias is left adds to all predictions; 0 for the others."""
    if not problem.free_hidden_bias:
        return np.zeros(neurons.width)
    alone = problem.size(neurons.u) == 0
    constants: Floats = np.where(alone, neurons.a[:, 0] * np.maximum(neurons.u[:, -1], 0.0), 0.0)
    return constants


def neurons_at(problem: TrainingProblem, point: Point) -> Neurons:
    """The balanced network of a breakpoint, slot by slot: u = w / sqrt|w|_P, a = s sqrt|w|_P."""
    sizes = problem.size(point.w)
    roots = np.sqrt(sizes)
    u = np.divide(point.w, roots[:, None], out=np.zeros_like(point.w), where=roots[:, None] > 0)
    return Neurons(u, (point.signs * roots)[:, None], np.array([point.c]))


def value_at(problem: TrainingProblem, point: Point) -> float:
    """F of the balanced network, rounded to nearest."""
    f = predictions_at(problem, point)
    penalty = problem.beta * float(np.sum(problem.size(point.w)))
    return problem.data_loss(f[:, None]) + penalty + 0.5 * problem.constant_decay * (point.c * point.c)


def predictions_at(problem: TrainingProblem, point: Point) -> Floats:
    """f (n,)."""
    f: Floats = np.sum(problem.activations(point.w) * point.signs, axis=1) + point.c
    return f
