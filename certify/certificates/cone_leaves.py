"""Hints for the leaves of a proof by cones: z and q, rounded so that the checker's inequalities hold exactly.

    z . v_k >= h+(v_k) - q . v_k  for all k,     size(z) <= limit          (docs/certificate.md, section 4)

q is a mean of subgradients of h- at points that leaves share. z is shortest by the kernel's cutting planes; what rounding
may have taken from an inequality is given back along the cone's walls.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from certify._core.least import least_majorant
from certify.certificates.generators import Generator
from certify.certificates.side import Side, Unprovable
from certify.rounding import UNIT

_Z_BITS = 44
_POINT_BITS = 20
_WEIGHT_BITS = (12, 48)  # coarse weights are shorter to write, and mostly good enough
_BEYOND = 1e-13
_DOUBT = 64 * UNIT


@dataclass(frozen=True, slots=True, eq=False)
class Attempt:
    """leaf: the certificate's node, or None; alpha (r,): where the relaxation is largest, in the generators."""

    leaf: list | None
    alpha: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class _Frame:
    """A cone's generators (rows), their heights, and its walls: walls_k . v_j is 1 if j = k else 0."""

    vectors: np.ndarray
    heights: np.ndarray
    walls: np.ndarray


def _frame(cone: list[Generator]) -> _Frame:
    vectors = np.array([g.vector for g in cone])
    try:
        walls = np.ascontiguousarray(np.linalg.inv(vectors).T)
    except np.linalg.LinAlgError as error:
        raise Unprovable("a cone became flat") from error
    return _Frame(vectors, np.array([g.height for g in cone]), walls)


class Points:
    """The points at which subgradients of h- are taken, each with the subgradient."""

    def __init__(self, side: Side) -> None:
        self.side = side
        self.integers: list[list[int]] = []
        self._known: dict[tuple[int, ...], int] = {}
        self._slopes = np.empty((64, side.rank))

    def index(self, u: np.ndarray) -> int:
        """The number of the short point nearest to the direction u (r,)."""
        key = tuple(int(x) for x in np.rint(u / np.max(np.abs(u)) * 2.0**_POINT_BITS))
        if key not in self._known:
            self._add(key)
        return self._known[key]

    def slopes(self, which: list[int]) -> np.ndarray:
        """The subgradients at these points (., r)."""
        return self._slopes[which]

    def _add(self, key: tuple[int, ...]) -> None:
        number = self._known[key] = len(self.integers)
        self.integers.append(self.side.vector(list(key)))
        if number == len(self._slopes):
            self._slopes = np.vstack([self._slopes, np.empty_like(self._slopes)])
        self._slopes[number] = np.sum(self.side.minus[self._gates(np.array(key, dtype=float))], axis=0)

    def _gates(self, point: np.ndarray) -> np.ndarray:
        """Which hinges of h- are positive at the point, exactly: a sign that rounding may have changed is found in rationals."""
        lowering = self.side.lowering
        values = lowering @ point
        doubt = _DOUBT * (np.abs(lowering) @ np.abs(point))
        gates = values > 0
        for j in np.flatnonzero(np.abs(values) <= doubt):
            gates[j] = sum(Fraction(x) * Fraction(p) for x, p in zip(lowering[j], point, strict=True)) > 0
        return gates


class ConeLeaves:
    """Seeks hints, leaf after leaf; points that the last leaf used are tried first on the next."""

    def __init__(self, side: Side) -> None:
        self.side, self.points = side, Points(side)
        self.scale, self.most = side.dual_scale, 2 * side.rank + 8
        self.last: list[int] = []
        # h+ and q err by a few units of what they sum
        self.noise = 8 * UNIT * float(np.sum(np.abs(side.plus)) + np.sum(np.abs(side.minus)) + 1.0)
        self.exponent = side.exponent - _Z_BITS - max(side.places, 0)

    def attempt(self, cone: list[Generator]) -> Attempt:
        """Hints for the cone. Raises Unprovable where a direction in it is above the limit."""
        frame = _frame(cone)
        V, walls = frame.vectors, frame.walls
        p = frame.heights @ walls
        which, alpha = [*self.last[: len(V)], self.points.index(np.sum(V, axis=0))], np.ones(len(V))
        leaf = self._by_one_point(p, which, frame)
        weights = np.zeros(2 * len(V) + self.most)
        while leaf is None and len(which) <= self.most:
            z, _ = least_majorant(p, self.points.slopes(which), len(which), walls, self.scale, weights)
            leaf = self._rounded(z, weights[len(V) : len(V) + len(which)], which, frame)
            alpha = np.maximum(walls @ (z * self.scale**2), 0.0)
            u = alpha @ V
            if (
                leaf is not None
                or not (np.any(u) and np.all(np.isfinite(u)))
                or self._hopeless(u, alpha @ frame.heights)
            ):
                break
            point = self.points.index(u)
            if point in which:
                break
            which.append(point)
        return Attempt(leaf, alpha)

    def _by_one_point(self, p: np.ndarray, which: list[int], frame: _Frame) -> list | None:
        """The leaf with the interpolation less one subgradient for z, where that is short enough: no search at all."""
        z = p - self.points.slopes(which)
        best = int(np.argmin(np.sum((z * self.scale) ** 2, axis=1)))
        return self._rounded(z[best], np.eye(len(which))[best], which, frame)

    def _hopeless(self, u: np.ndarray, interpolated: float) -> bool:
        """Whether the relaxation is above the limit at u whatever q is. Raises Unprovable where the gain itself is."""
        side = self.side
        if side.gain(u) > side.level * (1 + _BEYOND) + 4 * self.noise:
            raise Unprovable("a direction above the limit was met")
        size = float(np.sqrt(np.sum((u / self.scale) ** 2)))
        return interpolated - float(np.sum(np.maximum(side.minus @ u, 0.0))) > side.level * size * (1 + 1e-9)

    def _rounded(self, z: np.ndarray, weights: np.ndarray, which: list[int], frame: _Frame) -> list | None:
        """The leaf as the certificate has it, if it holds with room for rounding."""
        side, V, total = self.side, frame.vectors, float(np.sum(weights))
        if not side.size(z) <= side.level:
            return None
        shares = weights / total if total > 0 else np.eye(len(which))[-1]
        slack = (self.noise + 2.0**-_Z_BITS) * np.sum(np.abs(V), axis=1)
        for bits in _WEIGHT_BITS:
            counts = np.rint(shares * 2.0**bits)
            q = counts @ self.points.slopes(which) / np.sum(counts)
            missing = frame.heights - V @ (q + z) + slack
            units = np.rint((z + np.maximum(missing, 0.0) @ frame.walls) * 2.0**_Z_BITS)
            lifted = units * 2.0**-_Z_BITS
            fits = np.all(V @ (lifted + q) >= frame.heights + slack / 4)
            if fits and side.size(lifted) <= side.level * (1 - 4 * UNIT):
                return self._written(units, counts, which)
        return None

    def _written(self, units: np.ndarray, counts: np.ndarray, which: list[int]) -> list:
        self.last = [point for point, count in zip(which, counts, strict=True) if count]
        gates = [int(x) for point, count in zip(which, counts, strict=True) if count for x in (point, count)]
        return [self.side.covector([int(x) for x in units]), gates]
