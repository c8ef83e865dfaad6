"""One call for a bound on the gain: seeds, then cones on both signs, until the caller's question is settled."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from certify.bounds.compiled import KERNELS
from certify.bounds.cones import ConeSearch
from certify.bounds.interface import GainBound, GainProblem, Limits, Violator
from certify.bounds.quick import quick_gain_bound
from certify.bounds.reduction import ReducedGain, reduce_gain
from certify.bounds.witnesses import as_violator, distinct, local_maxima, proved_gain, starting_points

GainProgress = Callable[[float, float, int], None]  # lower, upper, nodes

_LARGE_ROUNDS_AFTER = 6_000
_FREE_BIAS_TOLERANCE = 1e-8
_ROUND_CONES = 8
_ROUND_WORK = 5e6  # entries touched in a round, so that limits are seen in time


@dataclass(frozen=True, slots=True)
class Question:
    """What the caller wants to know of M(nu).

    threshold   gains up to here do not matter: the search may stop once M <= threshold is proved
    tolerance   relative accuracy of M where it is larger
    stop_above  a witness above this ends the search at once
    starts      how many seeds the ascents get, beside the given ones
    """

    threshold: float = 0.0
    tolerance: float = 1e-9
    stop_above: float = math.inf
    starts: int = 24
    seed: int = 0
    threads: int = 1


def bound_gain(
    problem: GainProblem,
    question: Question,
    limits: Limits,
    known: Sequence[np.ndarray] = (),
    progress: GainProgress | None = None,
) -> GainBound:
    """Bounds on M(nu), rounding accounted for; any rank, any limits.

    known: directions (D,) worth trying first, such as the network's own neurons.
    """
    reduced = reduce_gain(problem)
    if reduced.nu.size == 0:
        return GainBound(0.0, reduced.original_bound(0.0), (), 0, True, "closed form")
    seeds = [reduced.lower(direction) for direction in known]
    seeds += starting_points(reduced, question.starts, question.seed)
    witnesses = local_maxima(problem, reduced, seeds, limits)
    witnesses += [as_violator(problem, direction) for direction in known]
    run = _Run(problem, reduced, question, limits, distinct(problem, witnesses), progress)
    return run.settle()


class _Run:
    """Both signs' searches under one question."""

    def __init__(
        self,
        problem: GainProblem,
        reduced: ReducedGain,
        question: Question,
        limits: Limits,
        witnesses: list[Violator],
        progress: GainProgress | None,
    ) -> None:
        self.problem, self.reduced, self.question, self.limits = problem, reduced, question, limits
        self.witnesses, self.progress = witnesses, progress
        self.quick = quick_gain_bound(problem)
        threshold = reduced.reduced_threshold(question.threshold)
        # the weight of a free bias costs 2^-31 relative: asking for much less than ten times that would not end
        tolerance = max(question.tolerance, _FREE_BIAS_TOLERANCE if problem.free_bias else 0.0)
        self.searches = [ConeSearch(reduced, sign, threshold, tolerance) for sign in (1, -1)]
        for violator in witnesses:
            for search in self.searches:
                if search.sign == violator.sign:
                    search.offer(reduced.lower(violator.direction))

    @property
    def nodes(self) -> int:
        return sum(search.nodes for search in self.searches)

    @property
    def best(self) -> float:
        return self.reduced.original_value(max(search.best for search in self.searches))

    @property
    def upper(self) -> float:
        inner = max(search.upper for search in self.searches)
        return min(self.quick, self.reduced.original_bound(inner))

    def settle(self) -> GainBound:
        """Search until the question is answered or a limit is reached."""
        pool = ThreadPoolExecutor(self.question.threads) if self.question.threads > 1 else None
        try:
            while not self._answered() and not self.limits.reached(self.nodes):
                self._round(pool)
                if self.progress:
                    self.progress(self.best, self.upper, self.nodes)
        finally:
            if pool:
                pool.shutdown()
        return self._result()

    def _answered(self) -> bool:
        settled = all(search.finished for search in self.searches) or self.upper <= self.question.threshold
        return settled or self.best > self.question.stop_above

    def _round(self, pool: ThreadPoolExecutor | None) -> None:
        search = max((s for s in self.searches if not s.finished), key=lambda s: s.upper)
        best = max(search.best for search in self.searches)
        for other in self.searches:  # M is the larger of the two: what one sign attains, the other need not beat
            other.floor(best)
        if search.finished:
            return
        most = 1024 if self.nodes > _LARGE_ROUNDS_AFTER else 64
        nodes = min(most, max(16, _ROUND_WORK / (self.reduced.nu.size * self.reduced.rank)))
        search.round(pool if KERNELS.ready else None, _ROUND_CONES, int(nodes / _ROUND_CONES))

    def _result(self) -> GainBound:
        found = [as_violator(self.problem, self.reduced.lift(u)) for s in self.searches for u in s.attained()]
        witnesses = distinct(self.problem, self.witnesses + found)
        lower = proved_gain(self.problem, witnesses[0].direction) if witnesses else 0.0
        settled = all(s.finished for s in self.searches) or self.upper <= self.question.threshold
        return GainBound(lower, max(self.upper, lower), tuple(witnesses), self.nodes, settled, "cones")
