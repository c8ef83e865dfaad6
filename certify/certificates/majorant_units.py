"""A side of the gain in the form that the engine of majorants has, and the way back to the certificate's units.

Engine: directions (1, [b/R,] tau), points divided by 2^points, weights so that the sum counts in 2^exponent.
Certificate: directions (1, tau[, b]), everything as it is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from certify.certificates.grids import as_grid, on_grid, shift_for
from certify.certificates.side import Side
from certify.gain.majorants.node import Majorant, Node, OneSign

_BITS = 48
_CURVATURE_BITS = 64
_MULTIPLIER_BITS = 56
_INSIDE = 1 - 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class RoundedMajorant:
    """grids: as the certificate has it; engine: the same numbers, exactly, for the engine to take the quadratic of."""

    grids: dict[str, Any]
    engine: Majorant


@dataclass(frozen=True, slots=True, eq=False)
class Units:
    """heads: 1, or 2 with a free bias, whose R is the radius. columns: of the engine's directions."""

    heads: int
    columns: int
    radius: float
    points: int
    exponent: int

    def certificate(self, rows: np.ndarray) -> np.ndarray:
        """Rows that multiply the engine's directions, as rows that multiply the certificate's."""
        if self.heads == 1:
            return rows
        return np.column_stack([rows[:, :1], rows[:, 2:], rows[:, 1] / self.radius])

    def engine(self, rows: np.ndarray) -> np.ndarray:
        """The inverse."""
        if self.heads == 1:
            return rows
        return np.column_stack([rows[:, :1], rows[:, -1] * self.radius, rows[:, 1:-1]])

    def rounded(self, m: Majorant, node: Node) -> RoundedMajorant:
        """The majorant of a node with every number on a grid, on the feasible side of the checker's conditions."""
        rounded = self._rounded(m)
        holds = node.slopes_hold(rounded.engine)[:, None]
        if np.all(holds):
            return rounded
        slopes, above, below = (np.where(holds, part, 0.0) for part in (m.slopes, m.above, m.below))
        return self._rounded(replace(m, slopes=slopes, above=above, below=below))

    def constant_slopes(self, slopes: np.ndarray, sides: int) -> RoundedMajorant:
        """The majorant of a node without free raising hinges that takes numbers (q,) within [-1, 1] for the slopes, and nothing else."""
        size, q = self.columns, len(slopes)
        rows, none = np.column_stack([slopes, np.zeros((q, size - 1))]), np.zeros((q, sides))
        pairs = np.zeros(sides * (sides - 1) // 2)
        return self._rounded(Majorant(np.zeros(0), rows, none, none, np.zeros((sides, size)), pairs), 1.0)

    def _rounded(self, m: Majorant, inside: float = _INSIDE) -> RoundedMajorant:
        curvatures = np.ldexp(1 / (2 * m.widths), -self.points)
        fine = shift_for(curvatures, _CURVATURE_BITS)
        curvatures = np.maximum(on_grid(curvatures, fine, np.rint), 2.0**-fine)
        # slopes and tilts err by 2^-48 of the directions' size at most, and are drawn in by more than all that together
        slope_shift, tilt_shift = _BITS + max(math.frexp(self.radius)[1], 0), max(_BITS + self.points, 0)
        slopes = on_grid(self.certificate(inside * m.slopes), slope_shift, np.trunc)
        tilts = np.stack([m.above, m.below], axis=1)
        tilts = on_grid(np.ldexp(_INSIDE * tilts, -self.points), tilt_shift, np.trunc)
        sides = np.ldexp(self.certificate(m.normals), self.exponent - self.points)
        side_shift = shift_for(sides, _BITS)
        sides[:, :1] = on_grid(sides[:, :1], side_shift, np.ceil)
        sides[:, 1:] = on_grid(sides[:, 1:] * _INSIDE, side_shift, np.trunc)
        pairs = np.ldexp(m.pairs, self.exponent - 2 * self.points)
        pair_shift = shift_for(pairs, _BITS)
        pairs = on_grid(pairs, pair_shift, np.rint)
        engine = Majorant(
            np.ldexp(1 / (2 * curvatures), -self.points),
            self.engine(slopes),
            np.ldexp(tilts[:, 0], self.points),
            np.ldexp(tilts[:, 1], self.points),
            np.ldexp(self.engine(sides), self.points - self.exponent),
            np.ldexp(pairs, 2 * self.points - self.exponent),
        )
        grids = {
            "curvatures": as_grid(curvatures, fine),
            "slopes": as_grid(slopes, slope_shift),
            "tilts": as_grid(tilts, tilt_shift),
            "sides": as_grid(sides, side_shift),
            "pairs": as_grid(pairs, pair_shift),
        }
        return RoundedMajorant(grids, engine)

    def multipliers(self, found: np.ndarray) -> dict[str, Any]:
        """lam_1 (, lam_t), lam in the certificate's order and units: the constant's, the unit vector's, the bias'."""
        own = np.ldexp(found, self.exponent)
        values = np.array([own[0], own[-1], *(own[1:-1] / self.radius**2)])
        # the constant and the bias' multiplier may be of very different sizes
        shift = max(shift_for(values[k : k + 1], _MULTIPLIER_BITS) for k in range(len(values)))
        return as_grid(on_grid(values, shift, np.ceil), shift)


def engine_side(side: Side) -> tuple[OneSign, Units]:
    """The hinges of a side for the engine, in the same order."""
    hinges = side.hinges
    radius = hinges.radius if hinges.free else 1.0
    heads = 2 if hinges.free and radius > 0 else 1
    top = max(float(np.max(np.abs(hinges.points), initial=0.0)), radius if hinges.free else 0.0)
    places = int(np.frexp(top)[1])
    bias = [np.full(len(hinges.points), radius)] * (heads - 1)
    points = np.ldexp(np.column_stack([*bias, hinges.points]), -places)
    points = np.column_stack([np.zeros(len(points)), points])
    linear = np.zeros(points.shape[1]) if hinges.free else np.concatenate([[0.0], side.linear])
    half = OneSign(heads, points, np.ldexp(side.weights, places - side.exponent) / 2, linear)
    return half, Units(heads, points.shape[1], radius, places, side.exponent)
