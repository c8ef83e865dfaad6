"""What a landscape says about the optima of each width, in one place for every report."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from certify.arrays import Floats, Ints
from certify.landscape.components import Staircase
from certify.landscape.functions import same_function
from certify.landscape.landscape import Landscape
from certify.landscape.polytope import MOST_VERTICES, Polytope, polytope_of
from certify.linear import matmul, norm
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
        return lower, int(np.sum(point > 0))

    @cached_property
    def greatest_width(self) -> tuple[int, int]:
        """Bounds on M*."""
        point, upper = self.polytope.widest
        return int(np.sum(point > 0)), upper

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


def placed(landscape: Landscape, neurons: Neurons) -> tuple[Ints, Floats]:
    """For each neuron (m,) the direction that it is along, -1 for none and for one without weight, and its mass |u||a|."""
    masses = landscape.problem.mass(neurons)
    lengths = norm(neurons.u, axis=1)
    units = neurons.u / np.where(lengths > 0, lengths, 1.0)[:, None]
    cosines = matmul(units, landscape.units.T) * (np.sign(neurons.a[:, :1]) == landscape.signs)
    found: Ints = np.full(neurons.width, -1, dtype=np.int64)
    if landscape.units.size:
        best = np.argmax(cosines, axis=1)
        near = (masses > 0) & (cosines[np.arange(neurons.width), best] >= np.cos(NEAR))
        found[near] = best[near]
    return found, masses
