"""Engine C on both signs of the gain at once: M(nu) is the larger of two maxima (docs/theory.md, section 9)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from certify.bounds.compiled import KERNELS
from certify.bounds.cones import ConeSearch
from certify.bounds.interface import GainProblem, Violator
from certify.bounds.reduction import ReducedGain
from certify.bounds.witnesses import as_violator

_LARGE_ROUNDS_AFTER = 6_000
_FREE_BIAS_TOLERANCE = 1e-8
_ROUND_CONES = 8
_ROUND_WORK = 5e6  # entries touched in a round, so that limits are seen in time


class ConePair:
    """The two searches; whatever one sign attains, the other need not beat."""

    def __init__(
        self,
        problem: GainProblem,
        reduced: ReducedGain,
        threshold: float,
        tolerance: float,
        witnesses: Sequence[Violator],
    ) -> None:
        self.problem, self.reduced = problem, reduced
        # the weight of a free bias costs 2^-31 relative: asking for much less than ten times that would not end
        tolerance = max(tolerance, _FREE_BIAS_TOLERANCE if problem.free_bias else 0.0)
        threshold = reduced.reduced_threshold(threshold)
        self.searches = [ConeSearch(reduced, sign, threshold, tolerance) for sign in (1, -1)]
        for violator in witnesses:
            for search in self.searches:
                if search.sign == violator.sign:
                    search.offer(reduced.lower(violator.direction))

    @property
    def nodes(self) -> int:
        """Cones explored so far."""
        return sum(search.nodes for search in self.searches)

    @property
    def best(self) -> float:
        """The largest gain seen, to rounding."""
        return self.reduced.original_value(max(search.best for search in self.searches))

    @property
    def upper(self) -> float:
        """Proved upper bound on M(nu)."""
        return self.reduced.original_bound(max(search.upper for search in self.searches))

    @property
    def finished(self) -> bool:
        """Nothing is left to explore."""
        return all(search.finished for search in self.searches)

    @property
    def proved(self) -> float:
        """Share of the directions, both signs, that is settled; each split of a cone counts as a half."""
        return min(max(1.0 - sum(search.open_share for search in self.searches) / 2, 0.0), 1.0)

    def advance(self, nodes: int | None, threads: int, done: Callable[[], bool]) -> None:
        """Explore so many nodes more (or without end), until `done` or finished."""
        until = None if nodes is None else self.nodes + nodes
        pool = ThreadPoolExecutor(threads) if threads > 1 else None
        try:
            while not self.finished and not done() and (until is None or self.nodes < until):
                self._round(pool)
        finally:
            if pool:
                pool.shutdown()

    def witnesses(self) -> list[Violator]:
        """Directions met on the way."""
        return [as_violator(self.problem, self.reduced.lift(u)) for s in self.searches for u in s.attained()]

    def _round(self, pool: ThreadPoolExecutor | None) -> None:
        search = max((s for s in self.searches if not s.finished), key=lambda s: s.upper)
        best = max(search.best for search in self.searches)
        for other in self.searches:
            other.floor(best)
        if search.finished:
            return
        most = 1024 if self.nodes > _LARGE_ROUNDS_AFTER else 64
        nodes = min(most, max(16, _ROUND_WORK / (self.reduced.nu.size * self.reduced.rank)))
        search.round(pool if KERNELS.ready else None, _ROUND_CONES, int(nodes / _ROUND_CONES))
