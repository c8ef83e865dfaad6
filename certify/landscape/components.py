"""How the optimal networks of each width hang together (docs/theory.md, section 12).

V_m are the vertices of the polytope with at most m atoms. Two of them are joined at width m where together they have at most m. A
class that is one vertex of exactly m atoms is m! isolated networks; every other class is one continuum. So one spanning
tree of the vertices, by the sizes of the unions of supports, tells about every width.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from certify.arrays import Bools, Ints

_BITS = np.array([k.bit_count() for k in range(256)], dtype=np.int64)


@dataclass(frozen=True, slots=True)
class WidthComponents:
    """The path components of the optimal networks of one width.

    isolated   points of the polytope whose networks are isolated: each is width! networks (one, where it is the zero network)
    continua   components that are not points, those of one class counted for every order of its neurons
    total      path components in all
    """

    width: int
    isolated: int
    continua: int
    total: int


@dataclass(frozen=True, slots=True)
class Staircase:
    """Every width from the least, m*, on: `at` gives any of them, `steps` those up to where nothing changes any more.

    connected_from: the least m0 such that the optima of every width m >= m0 are one component.
    """

    sizes: tuple[int, ...]  # atoms of each support
    points: tuple[bool, ...]  # whether the support is of one point alone, and no other network of its width is near
    joins: tuple[int, ...]  # widths at which the spanning tree's edges come in

    @property
    def connected_from(self) -> int:
        """The least width from which on there is one component."""
        if self.sizes == (0,):
            return 0
        return next(m for m in range(self._last, -1, -1) if m == 0 or self.at(m - 1).total != 1)

    @property
    def steps(self) -> tuple[WidthComponents, ...]:
        """The widths from the least one, at least 1, on; the last one stands for all that are wider."""
        least = max(1, min(self.sizes))
        return tuple(self.at(m) for m in range(least, max(self._last, least) + 1))

    @property
    def _last(self) -> int:
        """A width from which on there is one component, and a continuum."""
        return max([*self.joins, *(size + 1 for size in self.sizes)]) if self.sizes != (0,) else 1

    def at(self, width: int) -> WidthComponents:
        """The components at one width; none below m*."""
        if self.sizes == (0,):
            return WidthComponents(width, 1, 0, 1)
        present = sum(size <= width for size in self.sizes)
        classes = present - sum(join <= width for join in self.joins)
        # a support of exactly `width` atoms is joined to none: another one would bring an atom of its own
        full = [point for size, point in zip(self.sizes, self.points, strict=True) if size == width]
        loose, each = classes - len(full), math.factorial(width)
        isolated = sum(full)
        return WidthComponents(width, isolated, loose + (len(full) - isolated) * each, loose + len(full) * each)


def staircase(supports: Bools, rigid: Bools | None = None) -> Staircase:
    """From the supports (V, B) of all vertices: Prim's spanning tree, by the size of the union of two supports.

    Several vertices with one support are a continuum, all of whose networks have as many atoms; so is one with a block that is not rigid
    (B,), which moves without any other.
    """
    distinct, counts = np.unique(supports, axis=0, return_counts=True)
    smaller = [not np.any(np.all(distinct <= row, axis=1) & np.any(distinct != row, axis=1)) for row in distinct]
    kept, counts = distinct[smaller], counts[smaller]
    loose = np.zeros(len(kept), dtype=bool) if rigid is None else np.any(kept & ~rigid, axis=1)
    points = tuple(bool(p) for p in (counts == 1) & ~loose)
    return Staircase(tuple(int(s) for s in np.sum(kept, axis=1)), points, tuple(sorted(_spanning_tree(kept))))


def _spanning_tree(supports: Bools) -> list[int]:
    packed = np.packbits(supports, axis=1)
    count, joins = len(supports), []
    outside = np.ones(count, dtype=bool)
    least: Ints = np.full(count, np.iinfo(np.int64).max)
    newest = 0
    for _ in range(count - 1):
        outside[newest] = False
        unions = np.sum(_BITS[packed | packed[newest]], axis=1)
        least = np.minimum(least, unions)
        newest = int(np.argmin(np.where(outside, least, np.iinfo(np.int64).max)))
        joins.append(int(least[newest]))
    return joins
