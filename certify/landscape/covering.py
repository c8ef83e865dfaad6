"""The directions of nearly the largest gain where the patterns are too many to be listed (docs/theory.md, section 12).

Engine C covers the sphere by simplicial cones and bounds the gain on each (section 9.3). What is bounded by the floor is settled. A
cone on which but a few hyperplanes change side is settled too: the patterns on it are the products of the signs there, and each of
them is projected on as in `directions.py`, whether or not it has an interior. All other cones are split.
"""

from __future__ import annotations

import heapq

import numpy as np

from certify._core.trusted import middle_factor
from certify.arrays import Bools, Floats
from certify.gain.cones.brancher import ConeBrancher
from certify.gain.question import GainProblem, Limits
from certify.gain.reduction import reduce_gain
from certify.gain.search.queue import Part
from certify.landscape.directions import Found, Maximisers, projected
from certify.linear import matmul, norm
from certify.patterns.enumerate import hyperplanes
from certify.patterns.kkt import upper_bounds

_PLANES, _PATTERNS = (
    16,
    64,
)  # on a cone whose patterns are looked at one by one: hyperplanes that change side, and patterns at first
_DEEP, _DOUBLED, _MOST_PATTERNS = (
    40,
    4,
    2_048,
)  # halvings before twice as many are allowed, and before each doubling more
_BUDGET = 16  # nodes below a cone before it is looked at again
_SIDE = 1e-9  # relative; how far from 0 a row's values have to be to have a sign


def maximisers_by_covering(problem: GainProblem, floor: float, same: float, limits: Limits) -> Maximisers:
    """From a covering of the sphere. next_best is a bound: the largest gain left out may be less, and is at most about the floor."""
    covering = _Covering(problem, floor, same, limits)
    settled = covering.run()
    if not settled:
        return covering.found.listed(float("inf"), float("inf"), False, "covering", covering.nodes)
    return covering.found.listed(
        max(covering.upper, covering.next_best), covering.next_best, True, "covering", covering.nodes
    )


class _Covering:
    """The search as it proceeds. upper bounds the gain of all patterns looked at, next_best that of everything not listed."""

    def __init__(self, problem: GainProblem, floor: float, same: float, limits: Limits) -> None:
        self.problem, self.floor, self.limits = problem, floor, limits
        self.found = Found(problem, same)
        self.upper, self.next_best, self.nodes = 0.0, 0.0, 0
        self.present = np.any(problem.rows != 0, axis=1)
        self.lengths = norm(problem.rows, axis=1)
        # of each row: its hyperplane, and its side of it; -1 and 0 for a zero row
        self.planes, self.sides = np.full(len(problem.rows), -1, dtype=np.intp), np.zeros(len(problem.rows))
        for i, (plane, side) in hyperplanes(problem.rows)[1].items():
            self.planes[i], self.sides[i] = plane, side
        self._looked_at: set[tuple[int, bytes]] = set()

    def run(self) -> bool:
        """Whether all cones were settled within the limits."""
        reduced = reduce_gain(self.problem)
        if reduced.nu.size == 0:
            self.next_best = reduced.original_bound(0.0)
            return True
        brancher = ConeBrancher(self.problem, reduced)
        level = brancher.own_bound(self.floor)
        queue: list[tuple[float, int, Part]] = []
        count, closed = 0, 0.0
        for part in brancher.roots():
            heapq.heappush(queue, (-part.bound, count, part))
            count += 1
        while queue:
            if self.limits.reached(self.nodes):
                return False
            _, _, part = heapq.heappop(queue)
            if part.bound <= level:
                closed = max(closed, part.bound)
                continue
            self.nodes += 1
            corners = np.stack([reduced.lift(v) for v in part.state.V], axis=1)
            if self._settle(corners, part.state.sign, _allowed(part.share)):
                continue
            children, bound = self._below(brancher, part, level)
            if bound > level:
                return False
            closed = max(closed, bound)
            for child in children:
                heapq.heappush(queue, (-child.bound, count, child))
                count += 1
        self.next_best = max(self.next_best, reduced.original_bound(closed))
        return True

    def _below(self, brancher: ConeBrancher, part: Part, level: float) -> tuple[list[Part], float]:
        """What is open below a part, and the largest bound of what is closed there: at most the level, but where nothing can be split.

        The engine is after the largest gain alone: it also closes what cannot exceed a gain that it has met. Such parts are split here.
        """
        for budget in (_BUDGET, 1):
            expansion = brancher.expand(part, level, 0.0, budget)
            self.nodes += expansion.nodes
            if expansion.closed <= level:
                return expansion.open, expansion.closed
        cosines = matmul(part.state.V, part.state.V.T) / np.outer(*[norm(part.state.V, axis=1)] * 2)
        first, second = np.unravel_index(int(np.argmin(cosines)), cosines.shape)
        if middle_factor(part.state.V[first], part.state.V[second]) == 0.0:
            return [], expansion.closed
        states = brancher.children(part.state, 1 + int(first) * brancher.reduced.rank + int(second))
        return [Part(min(part.bound, expansion.closed), part.share / 2, state) for state in states], 0.0

    def _settle(self, corners: Floats, sign: int, allowed: int) -> bool:
        """Look at all patterns on the cone of these corners (D, r), where there are so few."""
        heights = matmul(self.problem.rows, corners)
        tolerance = _SIDE * self.lengths * np.max(norm(corners, axis=0))
        ahead, behind = np.min(heights, axis=1) > tolerance, np.max(heights, axis=1) < -tolerance
        changing = np.flatnonzero(~ahead & ~behind & self.present)
        planes, firsts = np.unique(self.planes[changing], return_index=True)
        if planes.size > _PLANES:
            return False
        fronts = changing[firsts]
        sides = sides_within(heights[fronts] / (self.lengths[fronts, None] * norm(corners, axis=0)), allowed)
        if sides is None:
            return False
        patterns = np.repeat((ahead | ~self.present)[None], len(sides), axis=0)
        places = np.searchsorted(planes, self.planes[changing])
        alike = self.sides[changing] == self.sides[fronts][places]
        patterns[:, changing] = sides[:, places] == alike
        walls = np.zeros(len(self.present), dtype=bool)
        walls[fronts] = True
        self._look_at(patterns, walls, sign)
        return True

    def _look_at(self, patterns: Bools, walls: Bools, sign: int) -> None:
        """Project on those that were not met before and could reach the floor; walls (n,): rows that matter most on them."""
        keys = [(sign, np.packbits(pattern).tobytes()) for pattern in patterns]
        fresh = np.array([key not in self._looked_at for key in keys], dtype=bool)
        self._looked_at.update(keys)
        patterns = patterns[fresh]
        ceilings = upper_bounds(self.problem, patterns, sign, np.zeros(patterns.shape))
        for pattern, ceiling in zip(patterns, ceilings, strict=True):
            if ceiling < self.floor:
                self.next_best = max(self.next_best, float(ceiling))
                continue
            self.nodes += 1
            bound, direction, multipliers = projected(self.problem, pattern, walls, sign)
            self.upper = max(self.upper, bound)
            if not self.found.note(pattern, sign, multipliers, bound, direction, self.floor):
                self.next_best = max(self.next_best, bound)


def _allowed(share: float) -> int:
    """Patterns allowed on a cone that is this share of the sphere: more where halving it on and on has not parted them."""
    doublings = (-np.log2(share) - _DEEP) // _DOUBLED + 1
    return int(min(_MOST_PATTERNS, _PATTERNS * 2 ** max(0.0, doublings)))


def sides_within(heights: Floats, most: int) -> Bools | None:
    """The sides (c, k) of k hyperplanes that a cone may show, by the values (k, r), at most 1, at its corners; None for more than `most`.

    None is left out that the cone shows: two sides exclude each other only where a nonnegative combination of the two is negative at all corners.
    """
    count = len(heights)
    excluded = _excluded(heights)
    sides = np.zeros((1, 0), dtype=np.intp)  # 0: the positive side
    for i in range(count):
        grown = []
        for s in (0, 1):
            places = sides * count + np.arange(i)
            kept = sides[~np.any(excluded[s * count + i, places], axis=1)]
            grown.append(np.column_stack([kept, np.full(len(kept), s)]))
        sides = np.vstack(grown)
        if len(sides) > most:
            return None
    found: Bools = sides == 0
    return found


def _excluded(heights: Floats) -> Bools:
    """(2k, 2k): whether two sides, the positive ones first, exclude each other: l a + m b < 0 at all corners for some l, m >= 0.

    With room for rounding: what is nearly so is not said to be.
    """
    both = np.vstack([heights, -heights])
    a, b = both[:, None, :], both[None, :, :]
    with np.errstate(divide="ignore", invalid="ignore"):
        low = np.max(np.where(a > -_SIDE, a / -b, 0.0), axis=2, initial=0.0)
        high = np.min(np.where(b > _SIDE, -a / b, np.inf), axis=2, initial=np.inf)
    common = np.any((a > -_SIDE) & (b > -_SIDE), axis=2)
    apart: Bools = ~common & (low * (1 + 1e-6) + 1e-6 < high)
    return apart
