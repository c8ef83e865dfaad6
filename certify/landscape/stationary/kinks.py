"""The kinks that a neuron lies on, ray by ray, and the multipliers with which they balance its slope (docs/theory.md, section 6)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from certify._core.bounded import bounded_least_squares
from certify.arrays import Floats
from certify.decide.stationarity import NeuronSlopes
from certify.patterns.around import gradients, merged
from certify.patterns.enumerate import hyperplanes

_WHOLE = 1e-6  # a multiplier within this of 0 or 1 is no fraction


@dataclass(frozen=True, slots=True)
class Kink:
    """Boundary samples of one ray, for one neuron.

    samples      indices of the rows that are positive multiples of one another
    weight       a_j sum nu_i |z_i|: F has a concave kink across their hyperplane where that is positive, a convex one where it is negative
    multiplier   the share g of the kink that balances the slope best, 0 <= g <= 1; None where dependent rows leave it open
    """

    samples: tuple[int, ...]
    weight: float
    multiplier: float | None

    @property
    def hides_descent(self) -> bool:
        """A concave kink with a fractional multiplier: F falls on either side of it."""
        fraction = self.multiplier is not None and _WHOLE < self.multiplier < 1 - _WHOLE
        return self.weight > 0 and fraction


def kinks_of(slopes: NeuronSlopes) -> tuple[Kink, ...]:
    """The kinks of one neuron, the first sample's first."""
    if not len(slopes.boundary):
        return ()
    rays: dict[tuple[int, int], list[int]] = {}
    for row, ray in hyperplanes(slopes.rows)[1].items():
        rays.setdefault(ray, []).append(row)
    gates = _gates(slopes)
    lengths = np.sqrt(np.sum(slopes.rows**2, axis=1))
    kinks = []
    for (plane, side), rows in sorted(rays.items(), key=lambda item: item[1]):
        gate = None if gates is None else gates.get(plane)
        share = None if gate is None else (gate[0] if side == gate[1] else 1.0 - gate[0])
        samples = tuple(int(i) for i in slopes.boundary[rows])
        kinks.append(Kink(samples, float(np.sum((slopes.weights * lengths)[rows])), share))
    return tuple(kinks)


def _gates(slopes: NeuronSlopes) -> dict[int, tuple[float, int]] | None:
    """For each hyperplane, as `hyperplanes` numbers them, its multiplier and the side that it speaks of; None for dependent ones."""
    hinges = merged(slopes.rows, slopes.weights)
    around = gradients(hinges)
    if around.polytopes:
        return None
    shares: Floats = bounded_least_squares(around.segments, slopes.smooth - around.start, np.ones(len(around.segments)))
    sides = hyperplanes(slopes.rows)[1]
    gates = {}
    for normal, share in zip(hinges.normals, shares, strict=True):
        leader = next(i for i, row in enumerate(slopes.rows) if np.array_equal(row, normal))
        plane, side = sides[leader]
        gates[plane] = (float(share), side)
    return gates
