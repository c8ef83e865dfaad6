"""The steepest rise of a sum of hinges from a point, by the patterns around it (docs/theory.md, section 6).

    max over |d| <= 1 of S(d),   S(d) = slope . d + sum_h weight_h (normal_h . d)_+

A hinge of positive weight is on or off: g_h in {0, 1}. For the rest, gates t_h in [0, 1], and for every d on its side of the hinges
decided so far, multipliers lambda_h >= 0, give

    S(d) <= | slope + sum g_h weight_h normal_h - sum t_h |weight_h| normal_h + sum lambda_h (+-normal_h) | + what is not decided

whatever t and lambda are; with the best ones, and all decided, it is an equation: one projection a pattern. What is not decided is at
most sum weight_h |normal_h|. So the patterns are listed as a tree, the highest bound first, of which little is seen where the
positive weights are small, as they are at a point that hardly rises.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from itertools import count

import numpy as np

from certify._core.bounded import bounded_least_squares
from certify.arrays import Floats
from certify.gain.question import Limits
from certify.linear import matmul, norm
from certify.patterns.around import Hinges

_MOST_NODES = 1_000
_MOST_CLIMBS = 30


@dataclass(frozen=True, slots=True, eq=False)
class Rise:
    """lower <= max S <= upper, to rounding; direction (D,), of length 1, attains the lower one; None where that is 0."""

    lower: float
    upper: float
    direction: Floats | None


def steepest_rise(hinges: Hinges, enough: float, tolerance: float, limits: Limits | None = None) -> Rise:
    """Bounds on the steepest rise; rises up to `enough` do not matter, larger ones are told to the relative tolerance.

    At a limit the bounds are as far apart as they are.
    """
    return _Tree(hinges, limits or Limits()).rise(enough, tolerance)


class _Tree:
    """Patterns of the hinges of positive weight, the heaviest decided first."""

    def __init__(self, hinges: Hinges, limits: Limits) -> None:
        up = hinges.weights > 0
        sizes = norm(hinges.kinks, axis=1)
        order = np.flatnonzero(up)[np.argsort(-sizes[up], kind="stable")]
        self.hinges, self.limits = hinges, limits
        self.kinks, self.normals = hinges.kinks[order], hinges.normals[order]
        self.convex = -hinges.kinks[~up]
        self.undecided = np.append(np.cumsum(sizes[order][::-1])[::-1], 0.0)
        self.best = 0.0
        self.direction: Floats | None = None

    def rise(self, enough: float, tolerance: float) -> Rise:
        numbers = count()
        queue = [(-np.inf, next(numbers), np.zeros(0))]
        settled, nodes = 0.0, 0
        while queue:
            bound = -queue[0][0]
            if bound <= max(enough, self.best * (1 + tolerance)):
                settled = max(settled, bound)
                break
            if nodes and (nodes >= _MOST_NODES or self.limits.reached()):
                settled = max(settled, bound)
                break
            _, _, gates = heapq.heappop(queue)
            own = self._bound(gates)
            nodes += 1
            own = min(own, bound)
            if len(gates) == len(self.kinks):
                settled = max(settled, own)
                continue
            for gate in (0.0, 1.0):
                heapq.heappush(queue, (-own, next(numbers), np.append(gates, gate)))
        return Rise(self.best, max(settled, self.best), self.direction)

    def _bound(self, gates: Floats) -> float:
        """The bound on the directions that these gates (k,), of the first k hinges, are open for; and climb from their best one."""
        decided = len(gates)
        target = self.hinges.slope + matmul(gates, self.kinks[:decided])
        walls = (1 - 2 * gates)[:, None] * self.normals[:decided]
        vectors = np.vstack([self.convex, walls])
        upper = np.append(np.ones(len(self.convex)), np.full(decided, np.inf))
        rest = target - matmul(bounded_least_squares(vectors, target, upper), vectors)
        self._climb(rest)
        return float(norm(rest)) + float(self.undecided[decided])

    def _climb(self, d: Floats) -> None:
        """Note the direction, and what the patterns that it leads to come to; each is at least as steep as the one before."""
        last = -np.inf
        for _ in range(_MOST_CLIMBS):
            length = float(norm(d))
            if not length > 0:
                return
            d = d / length
            value = self.hinges.value(d)
            if not value > last:
                return
            last = value
            if value > self.best:
                self.best, self.direction = value, d
            target = self.hinges.slope + matmul((matmul(self.normals, d) > 0).astype(float), self.kinks)
            d = target - matmul(bounded_least_squares(self.convex, target, np.ones(len(self.convex))), self.convex)
