"""One call for a bound on the gain: seeds, then the engines in turn, until the caller's question is settled."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from certify.bounds.both_signs import ConePair
from certify.bounds.interface import GainBound, GainProblem, Limits, Violator
from certify.bounds.quick import quick_gain_bound
from certify.bounds.reduction import ReducedGain, reduce_gain
from certify.bounds.witnesses import as_violator, ascents, distinct, proved_gain, seed_count

GainProgress = Callable[[float, float, int, float], None]  # lower, upper, nodes, share of the directions settled

_CONES_ALONE = 5  # ranks up to this are for cones alone
_CONES_AT_ALL = 12  # ranks above this are for majorants alone
_CONE_PILOT = 2_000  # nodes of the first turns; both grow fourfold from turn to turn
_MAJORANT_PILOT = 16
_MAJORANT_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True)
class Question:
    """What the caller wants to know of M(nu).

    threshold   gains up to here do not matter: the search may stop once M <= threshold is proved
    tolerance   relative accuracy of M where it is larger
    stop_above  a witness above this ends the search at once
    starts      how many seeds the ascents get beside the given ones; None: by the rank
    """

    threshold: float = 0.0
    tolerance: float = 1e-9
    stop_above: float = math.inf
    starts: int | None = None
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
    count = seed_count(reduced.rank) if question.starts is None else question.starts
    witnesses = ascents(problem, reduced, known, count, question.seed, limits)
    witnesses += [as_violator(problem, direction) for direction in known]
    return _Portfolio(problem, reduced, question, limits, distinct(problem, witnesses), progress).settle()


class _Portfolio:
    """Cones and majorants take turns that grow; each keeps its own proved bound, and the smaller one counts."""

    def __init__(
        self,
        problem: GainProblem,
        reduced: ReducedGain,
        question: Question,
        limits: Limits,
        witnesses: list[Violator],
        progress: GainProgress | None,
    ) -> None:
        self.problem, self.question, self.limits = problem, question, limits
        self.witnesses, self.progress, self.rank = witnesses, progress, reduced.rank
        self.quick = quick_gain_bound(problem)
        self.cones: ConePair | None = None
        if self.rank <= _CONES_AT_ALL:
            self.cones = ConePair(problem, reduced, question.threshold, question.tolerance, witnesses)
        self.majorants: GainBound | None = None
        self.majorant_nodes = 0
        self.method = "cones" if self.cones else "majorants"

    @property
    def nodes(self) -> int:
        return (self.cones.nodes if self.cones else 0) + self.majorant_nodes

    @property
    def best(self) -> float:
        attained = self.witnesses[0].gain if self.witnesses else 0.0
        return max(attained, self.cones.best if self.cones else 0.0)

    @property
    def upper(self) -> float:
        by_cones = self.cones.upper if self.cones else math.inf
        by_majorants = self.majorants.upper if self.majorants else math.inf
        return float(min(self.quick, by_cones, by_majorants))

    @property
    def proved(self) -> float:
        return self.cones.proved if self.cones else 0.0

    @property
    def settled(self) -> bool:
        if self.cones is None:
            answered = self.majorants is not None and self.majorants.settled
        else:  # the cones can go on where the majorants' accuracy ends
            answered = self.cones.finished
        return answered or self.upper <= self.question.threshold

    def settle(self) -> GainBound:
        """Take turns until the question is answered or a limit is reached."""
        for run, nodes in self._turns():
            if self._done():
                break
            run(nodes)
        met = self.cones.witnesses() if self.cones else []
        witnesses = distinct(self.problem, self.witnesses + met)
        lower = proved_gain(self.problem, witnesses[0].direction) if witnesses else 0.0
        return GainBound(lower, max(self.upper, lower), tuple(witnesses), self.nodes, self.settled, self.method)

    def _turns(self) -> Iterator[tuple[Callable[[int | None], None], int | None]]:
        if self.rank <= _CONES_ALONE:
            yield self._by_cones, None
        elif self.rank > _CONES_AT_ALL:
            yield self._by_majorants, None
        else:
            growth = 1
            while True:
                yield self._by_cones, _CONE_PILOT * growth
                if self.majorants is None or not self.majorants.settled:
                    yield self._by_majorants, _MAJORANT_PILOT * growth
                growth *= 4

    def _done(self) -> bool:
        if self.progress:
            self.progress(self.best, self.upper, self.nodes, self.proved)
        return self.settled or self.best > self.question.stop_above or self.limits.reached(self.nodes)

    def _by_cones(self, nodes: int | None) -> None:
        self.cones.advance(nodes, self.question.threads, self._done)

    def _by_majorants(self, nodes: int | None) -> None:
        from certify.bounds.majorants import bound_gain_by_majorants  # imports scipy.linalg: only when it is needed

        before, seen = self.majorant_nodes, [0.0]

        def tell(lower: float, upper: float, done: int) -> None:
            seen[0], self.majorant_nodes = lower, before + done
            if self.progress:
                self.progress(max(lower, self.best), min(upper, self.upper), self.nodes, self.proved)

        outer = self.limits
        left = None if outer.nodes is None else max(1, outer.nodes - self.nodes)
        budget = min((b for b in (left, nodes) if b is not None), default=None)
        limits = Limits(outer.deadline, budget, lambda: outer.cancelled() or seen[0] > self.question.stop_above)
        bound = bound_gain_by_majorants(
            self.problem,
            threshold=self.question.threshold,
            tolerance=max(self.question.tolerance, _MAJORANT_TOLERANCE),
            limits=limits,
            start=[v.direction for v in self.witnesses],
            progress=tell,
        )
        self.majorant_nodes = before + bound.nodes
        self.witnesses = distinct(self.problem, [*self.witnesses, *bound.witnesses])
        if self.majorants is None or bound.upper < self.majorants.upper:
            self.majorants = bound
            if self.cones is None or bound.upper < self.cones.upper:
                self.method = "majorants"
