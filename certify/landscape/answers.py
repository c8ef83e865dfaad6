"""What a landscape says about the optima of each width, in one place for every report."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from certify.arrays import Floats, Ints
from certify.landscape.components import Staircase
from certify.landscape.functions import same_function
from certify.landscape.landscape import Landscape
from certify.landscape.polytope import MOST_VERTICES, Polytope, polytope_of
from certify.linear import matmul
from certify.problem.training import Neurons

NEAR = 0.01  # radians; a neuron this close to an optimal direction is taken to be along it


@dataclass(frozen=True, eq=False)
class Answers:
    """The counts that a polytope has, each enclosed where it is not known."""

    polytope: Polytope

    @property
    def landscape(self) -> Landscape:
        """Whose optima they are."""
        return self.polytope.landscape

    @cached_property
    def least_width(self) -> tuple[int, int]:
        """Bounds on m*."""
        lower, point = self.polytope.narrowest
        return lower, self.polytope.atoms(point)

    @cached_property
    def greatest_width(self) -> tuple[int, int]:
        """Bounds on M*."""
        point, upper = self.polytope.widest
        return self.polytope.atoms(point), upper

    @cached_property
    def same_function(self) -> bool:
        """Whether all optima are one function, off the data too."""
        return same_function(self.polytope)

    @property
    def staircase(self) -> Staircase | None:
        """Components of every width; None where the vertices are too many."""
        return self.polytope.staircase

    @property
    def connected_until(self) -> int:
        """A width from which on the optima are connected, whatever the vertices: m* + M* and rank(A) + 1 are enough."""
        return min(self.least_width[1] + self.greatest_width[1], self.polytope.rank.rank + 1)


def answers_of(landscape: Landscape, most_vertices: int = MOST_VERTICES, seconds: float = 10.0) -> Answers:
    """The answers of a landscape that is covered."""
    return Answers(polytope_of(landscape, most_vertices, seconds))


def counted(
    landscape: Landscape, most_vertices: int = MOST_VERTICES, seconds: float = 10.0
) -> tuple[Landscape, Answers | None]:
    """The landscape with its answers; where numerics fail it is not covered, with the reason, and has none."""
    if landscape.not_covered is not None:
        return landscape, None
    try:
        answers = answers_of(landscape, most_vertices, seconds)
        _ = answers.least_width, answers.greatest_width, answers.same_function, answers.staircase  # kept once computed
    except ArithmeticError as error:
        return replace(landscape, not_covered=f"floats do not suffice to count the optima: {error}"), None
    return landscape, answers


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """An optimal direction, or with a free hidden bias a segment of them: sign, unit (D,) (its end of the least bias), gain, doubtful.

    biases: of a segment, the least and the largest, None where it is unbounded; of a direction None.
    """

    sign: int
    unit: Floats
    gain: float
    doubtful: bool
    biases: tuple[float, float | None] | None

    @property
    def inside(self) -> Floats:
        """A direction (D,) between the ends, whose pattern is the segment's."""
        if self.biases is None:
            return self.unit
        low, high = self.biases
        bias = low + 1 + abs(low) if high is None else (low + high) / 2
        return np.append(self.unit[:-1], bias)


def blocks_of_landscape(landscape: Landscape) -> list[Block]:
    """The blocks in the order of the polytope's amplitudes."""
    free, found = landscape.problem.free_hidden_bias, []
    for k in range(int(np.max(landscape.blocks, initial=-1)) + 1):
        ends = np.flatnonzero(landscape.blocks == k)
        ends = ends[np.argsort(landscape.units[ends, -1], kind="stable")] if free else ends
        low, high = ends[0], ends[-1]
        biases = None
        if free:
            unbounded = bool(np.any(landscape.unbounded[ends]))
            biases = float(landscape.units[low, -1]), None if unbounded else float(landscape.units[high, -1])
        doubtful = bool(np.any(landscape.doubtful[ends]))
        sign, gain = int(landscape.signs[low]), float(np.min(landscape.gains[ends]))
        found.append(Block(sign, landscape.units[low], gain, doubtful, biases))
    return found


def placed(landscape: Landscape, neurons: Neurons) -> tuple[Ints, Floats]:
    """For each neuron (m,) the block that it is along, -1 for none and for one without weight, and its mass |u|_P |a|."""
    problem, masses = landscape.problem, landscape.problem.mass(neurons)
    found: Ints = np.full(neurons.width, -1, dtype=np.int64)
    lengths = problem.size(neurons.u)
    units = neurons.u / np.where(lengths > 0, lengths, 1.0)[:, None]
    for k, block in enumerate(blocks_of_landscape(landscape)):
        normed = slice(None, -1) if problem.free_hidden_bias else slice(None)
        along = matmul(units[:, normed], block.unit[normed]) >= np.cos(NEAR)
        if block.biases is not None:
            low, high = block.biases
            room = NEAR * (1 + abs(low))
            along &= (units[:, -1] >= low - room) & (units[:, -1] <= (np.inf if high is None else high + room))
        found[along & (masses > 0) & (np.sign(neurons.a[:, 0]) == block.sign) & (found < 0)] = k
    return found, masses
