"""One call for a bound on the gain: seeds, then the engines that a pilot favours, until the caller's question is settled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from certify.failures import unless_it_fails
from certify.gain.ascents import as_violator, ascents, distinct, proved_gain, seed_count
from certify.gain.question import GainBound, GainProblem, Limits, Question, Violator
from certify.gain.quick import quick_gain_bound
from certify.gain.reduction import ReducedGain, reduce_gain
from certify.gain.search.portfolio import Portfolio, searchable
from certify.gain.search.proof import GainProof
from certify.gain.search.snapshot import Snapshot

__all__ = ["Checkpoint", "GainProgress", "Question", "bound_gain"]

GainProgress = Callable[[float, float, int, float], None]  # lower, upper, nodes, share of the directions settled


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """save: called between rounds with the state of the search, as plain arrays, once in about so many nodes.

    resume: a state that `save` was given for the same problem and question; the search goes on from there.
    """

    save: Callable[[Snapshot], None] | None = None
    nodes: int = 100_000
    resume: Snapshot | None = None


def bound_gain(
    problem: GainProblem,
    question: Question,
    limits: Limits,
    known: Sequence[np.ndarray] = (),
    progress: GainProgress | None = None,
    checkpoint: Checkpoint | None = None,
) -> GainBound:
    """Bounds on M(nu), rounding accounted for: any rank, any limits, free bias or not, one output or k.

    known: directions (D,) worth trying first, such as the network's own neurons. progress is called between rounds.
    Raises ValueError where a free bias meets a nu (or a column of it) that does not sum to exactly zero.
    """
    if problem.nu.ndim == 2 and problem.outputs == 1:
        problem = replace(problem, nu=problem.nu[:, 0].copy())
    try:
        return _bound_reduced(problem, reduce_gain(problem), question, limits, known, progress, checkpoint)
    except ArithmeticError:
        return GainBound(0.0, quick_gain_bound(problem), (), 0, True, "closed form")


def _bound_reduced(
    problem: GainProblem,
    reduced: ReducedGain,
    question: Question,
    limits: Limits,
    known: Sequence[np.ndarray],
    progress: GainProgress | None,
    checkpoint: Checkpoint | None,
) -> GainBound:
    if reduced.nu.size == 0:
        return GainBound(0.0, reduced.original_bound(0.0), (), 0, True, "closed form")
    count = seed_count(reduced.rank, len(reduced.rows)) if question.starts is None else question.starts
    witnesses = [as_violator(problem, direction) for direction in known]
    witnesses += unless_it_fails(lambda: ascents(problem, reduced, known, count, question.seed, limits), [])
    found = distinct(problem, witnesses)
    if not searchable(reduced.rank):
        lower, upper = proved_gain(problem, found[0].direction) if found else 0.0, quick_gain_bound(problem)
        return GainBound(lower, max(lower, upper), tuple(found), 0, upper <= question.threshold, "closed form")
    return _Call(problem, question, limits, progress, checkpoint or Checkpoint()).run(
        Portfolio(problem, reduced, question), found
    )


class _Call:
    """One call of `bound_gain`: watches limits, reports, and makes the answer."""

    def __init__(
        self,
        problem: GainProblem,
        question: Question,
        limits: Limits,
        progress: GainProgress | None,
        checkpoint: Checkpoint,
    ) -> None:
        self.problem, self.question, self.limits = problem, question, limits
        self.progress, self.checkpoint = progress, checkpoint
        self.quick = quick_gain_bound(problem)
        self.saved_at = 0

    def run(self, portfolio: Portfolio, witnesses: list[Violator]) -> GainBound:
        """Let the engines work until the question is answered or a limit is reached."""
        if self.checkpoint.resume is not None:
            portfolio.resume(self.checkpoint.resume)
        if witnesses:
            portfolio.attain(witnesses[0].gain)
        portfolio.run(lambda: self._done(portfolio), lambda: self.limits.reached(portfolio.nodes))
        return self._answer(portfolio, witnesses)

    def _done(self, portfolio: Portfolio) -> bool:
        upper = min(self.quick, portfolio.upper)
        if self.progress:
            self.progress(portfolio.best, upper, portfolio.nodes, portfolio.proved)
        if self.checkpoint.save and portfolio.nodes >= self.saved_at + self.checkpoint.nodes:
            self.saved_at = portfolio.nodes
            self.checkpoint.save(portfolio.snapshot())
        answered = portfolio.settled or upper <= self.question.threshold
        return answered or portfolio.best > self.question.stop_above or self.limits.reached(portfolio.nodes)

    def _answer(self, portfolio: Portfolio, witnesses: list[Violator]) -> GainBound:
        found = tuple(distinct(self.problem, [*witnesses, *portfolio.candidates]))
        lower = proved_gain(self.problem, found[0].direction) if found else 0.0
        upper = min(self.quick, portfolio.upper)
        leader = portfolio.leader
        proof = GainProof(leader, upper) if leader.upper <= self.quick else None
        settled = portfolio.settled or portfolio.exhausted or upper <= self.question.threshold
        method = leader.brancher.name
        return GainBound(lower, max(upper, lower), found, portfolio.nodes, settled, method, proof, portfolio.ahead)
