"""The samples as hinges in few coordinates, in the terms of a certificate (docs/certificate.md, section 3).

    z_i (- centre) = ratio_i E'p_k + e_i,  k = members[i]

Exact where it can be, near where it cannot: the checker computes every residual e_i itself, and what they cost.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from certify.arrays import Floats, Indices
from certify.certificates.statement import hexadecimal
from certify.gain.reduction import enclosing_centre
from certify.linear import matmul, svd
from certify.problem.training import TrainingProblem

_SAME_DIRECTION = 12  # digits in which parallel rows agree
_RANK_TOLERANCE = 1e-12
_GRID_BITS = 36  # below R, of the grid that its length is rounded up to


@dataclass(frozen=True, slots=True, eq=False)
class Hinges:
    """points (N, s), members (n,), ratios (n,) | None, basis (s, D) | None, centre (d,) | None; D without a free bias.

    radius: R, no less than what the checker takes for the largest |p|: what a free bias of a direction with |tau| = 1 may be.
    """

    points: Floats
    members: Indices
    ratios: Floats | None
    basis: Floats | None
    centre: Floats | None
    free: bool
    radius: float

    @property
    def rank(self) -> int:
        """Number r of coordinates of a direction t, the free bias among them."""
        return int(self.points.shape[1]) + self.free

    def rows(self) -> Floats:
        """The points (N, r), a free bias' ones behind."""
        return np.column_stack([self.points, np.ones(len(self.points))]) if self.free else self.points

    def lowered(self, directions: Floats) -> Floats:
        """Directions (., D) of the data's own coordinates in these coordinates t (., r)."""
        w = directions[:, :-1] if self.free else directions
        tau = w if self.basis is None else matmul(w, self.basis.T)
        if self.centre is None:
            return tau
        return np.column_stack([tau, directions[:, -1] + matmul(w, self.centre)])

    def document(self) -> dict[str, Any]:
        """The part of a certificate that says this."""
        return {
            "centre": hexadecimal(self.centre),
            "basis": hexadecimal(self.basis),
            "points": hexadecimal(self.points),
            "members": self.members.tolist(),
            "ratios": hexadecimal(self.ratios),
        }


def hinges_of(problem: TrainingProblem) -> Hinges:
    """Centred where the bias is free, equal, parallel and opposite rows merged, written in a basis of their span."""
    free = problem.free_hidden_bias
    rows = problem.rows[:, :-1] if free else problem.rows
    centre = enclosing_centre(rows) if free else None
    rows = rows if centre is None else rows - centre
    keys, lengths = _directions(rows, free)
    turned = np.ones(len(rows)) if free else _leading_signs(keys)
    _, first, members = np.unique(turned[:, None] * keys + 0.0, axis=0, return_index=True, return_inverse=True)
    members, ratios = members.reshape(-1), None
    if not free:
        turned *= turned[first][members]
        ratios = np.where(lengths > 0, lengths / np.where(lengths > 0, lengths, 1.0)[first][members], 0.0)
        same = np.all(rows == turned[:, None] * rows[first][members], axis=1) & (lengths > 0)
        ratios = turned * np.where(same, 1.0, ratios)
        ratios = None if np.all(ratios == 1.0) else ratios
    points, basis = _in_row_space(rows[first])
    points, radius = _with_radius(points) if free else (points, 0.0)
    return Hinges(points, members, ratios, basis, centre, free, radius)


def _with_radius(points: Floats) -> tuple[Floats, float]:
    """R as the checker rounds it up, on the points' common grid; where that is coarse, one more point, of no sample, refines it.

    On the grid of a binary cube the diagonal 0.71 would count as 1.
    """
    length = float(np.sqrt(np.max(np.sum(points**2, axis=1), initial=0.0)))
    if not length > 0:
        return points, 0.0
    fine = math.ldexp(1.0, math.frexp(length)[1] - _GRID_BITS)
    if fine > 0 and np.all(np.rint(points / fine) * fine == points):
        finest = np.zeros((1, points.shape[1]))
        finest[0, 0] = fine
        points = np.vstack([points, finest])
    return points, (length * (1 + 1e-12) + fine) * (1 + 1e-12)


def _directions(rows: Floats, free: bool) -> tuple[Floats, Floats]:
    """What rows of one hinge have in common, and the rows' lengths. With a free bias only equal rows are merged."""
    scale = np.max(np.abs(rows), axis=1, initial=0.0)[:, None]
    unit = rows / np.where(scale > 0, scale, 1.0)
    lengths = np.sqrt(np.sum(unit**2, axis=1))[:, None]
    unit = unit / np.where(lengths > 0, lengths, 1.0)
    return (rows + 0.0 if free else np.round(unit, _SAME_DIRECTION) + 0.0), (scale * lengths)[:, 0]


def _leading_signs(rows: Floats) -> Floats:
    """The sign of the first entry of each row that is not zero; 1 for a zero row."""
    first = np.argmax(rows != 0, axis=1)[:, None]
    signs: Floats = np.where(np.take_along_axis(rows, first, axis=1)[:, 0] < 0, -1.0, 1.0)
    return signs


def _in_row_space(points: Floats) -> tuple[Floats, Floats | None]:
    """Points (N, s) and basis (s, D) with z = E'p, up to rounding; as they are where they span all."""
    if points.shape[1] == 0:
        return points, None
    _, sizes, axes = svd(points)
    rank = max(1, int(np.sum(sizes > _RANK_TOLERANCE * sizes[0])))
    if rank == points.shape[1]:
        return points, None
    basis = axes[:rank]
    return matmul(points, basis.T), basis
