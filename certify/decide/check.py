"""Is this network a global minimum of its training loss? The bounds, brought together (docs/theory.md, section 4)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from certify.certificates import CertificateWish, Source
from certify.certificates.cost import seconds_of_value
from certify.convex.blocks import blocks_of_neurons
from certify.convex.solution import RestrictedSolution
from certify.decide.answering import answered
from certify.decide.conclusion import Findings, conclude
from certify.decide.cost import search_report
from certify.decide.interruption import Interruption
from certify.decide.multipliers import own_dual
from certify.decide.options import CheckOptions, ProgressCallback
from certify.decide.proving import TIGHT, Proving
from certify.decide.same_width.candidates import pruned, refitted, report_of, retrained
from certify.decide.same_width.search import SameWidthSearch
from certify.decide.same_width.trainer import trainable
from certify.decide.scope import decidable_problem
from certify.decide.undecayed.check import UndecayedCheck
from certify.decide.witness import (
    Candidate,
    descents,
    first_steps,
    rebuilt_candidates,
    slot_candidates,
    witnesses,
)
from certify.failures import unless_it_fails, until_it_fails
from certify.gain.ascents import proved_gain
from certify.gain.question import GainBound, Limits, Violator
from certify.linear import matrix_rank
from certify.problem.dataset import Dataset
from certify.problem.dual import LowerBound, gain_problem, transferred_gain
from certify.problem.network import Network
from certify.problem.objective import Objective
from certify.problem.training import evaluate
from certify.verdict import Bounds, Verdict

_DEFAULTS = CheckOptions()
_OWN_GAIN_SECONDS = 5.0
_OWN_GAIN_NODES = 3_000  # for the network's own dual vector; that of the convex program has to be proved less of
_BETTER_SECONDS = 0.5  # after a network is refuted: for a still better one, and for how far from P* it is
_NEAR_SECONDS = 2.0  # instead, where it is refuted by little, until that distance is known to a tenth
_RETRAINING = 1 / 3  # share of the time left for the search at the network's own width
_WIDER_NODES = 100_000  # once no certificate is possible, the bounds get no more than this,
_WIDER_SECONDS = 2.0  # and no longer than this, or than it took so far


@np.errstate(all="ignore")
def check_network(
    network: Network,
    dataset: Dataset,
    objective: Objective,
    options: CheckOptions = _DEFAULTS,
    progress: ProgressCallback | None = None,
    wish: CertificateWish | None = None,
) -> Verdict:
    """Decide at relative tolerance options.eps whether the network is a global minimum, at any width.

    CERTIFIED and REFUTED are answers that certify/checker has accepted a certificate of; wish says what else it should hold.
    Raises InputError where network, data and objective do not fit together. Ctrl-C returns the bounds so far.
    """
    problem = decidable_problem(network, dataset, objective)
    with Interruption() as interruption:
        check = check_of(Proving(problem, options, interruption, progress), network, dataset)
        wish = wish or CertificateWish(Source(dataset))
        check.proving.reserve(2 * seconds_of_value(objective, wish.source.dataset, network))
        check.run()
        return answered(check, wish)


def check_of(
    proving: Proving, network: Network, dataset: Dataset, search: SameWidthSearch | None = None
) -> Check | UndecayedCheck:
    """The check that the objective asks for. dataset: what `proving` is about; search: one at the network's width to be gone on with."""
    if proving.problem.objective.undecayed:
        return UndecayedCheck(proving, network, dataset, search)
    return Check(proving, network, search)


class Check:
    """One check as it proceeds; findings are true at any time, so it can end anywhere."""

    def __init__(self, proving: Proving, network: Network, search: SameWidthSearch | None = None) -> None:
        """search: one at the network's width that is to be gone on with."""
        self.proving, self.problem, self.network = proving, proving.problem, network
        self.options = proving.options
        limits = proving.limits
        self.limits = Limits(limits.deadline, cancelled=lambda: limits.cancelled() or self.decided)
        self.neurons = self.problem.lift(network)
        self.predictions = self.problem.predictions(self.neurons)
        self.went_downhill = False
        self.search, self.trained = search, 0
        self.refuted: float | None = None
        self.until = -math.inf
        self.decisive: LowerBound | None = None
        proving.on_solution = self._glance
        self.violators: list[Violator] = []
        self.steps: list[Candidate] = []
        value = evaluate(self.problem, network)
        self.own = own_dual(self.problem, self.neurons, self.predictions, proving.lower.nu, proving.limits)
        bounds = Bounds(value.lower, value.upper)
        self.findings = Findings(network, bounds, self.own.stationarity, self.options.eps, self.problem.beta)
        self.findings.raise_lower(proving.lower.value)
        proving.value, proving.best_value = value.upper, value.upper
        proving.wanted, proving.standing = (lambda: self.findings.needed), (lambda: self.findings.standing)

    def run(self) -> None:
        """Bound, improve the dual, look for witnesses, prove; stop as soon as the verdict stands or limits say so."""
        if self._broken():
            return
        self._decide()
        if self.options.tight:
            self._sharpen()

    def _decide(self) -> None:
        if not self.proving.affordable:
            self._take_local()
            self._retrain()
            return
        own = self._own_gain()
        if self.limits.reached():
            return
        steps = first_steps(self.problem, self.neurons, self.own.nu, self.findings.stationarity, self.limits)
        self.steps = list(until_it_fails(steps))
        self._take(self.steps)
        self.violators = [v for v in own.witnesses if v.gain > self.problem.beta]
        if not self.proving.start(blocks_of_neurons(self.problem, self.neurons), self.violators):
            self._take_local()
            return
        self._prove()
        if self.findings.standing == "open" and not self.limits.reached():
            self._prove(TIGHT)  # within eps of the optimum, but nearly as far from it
        if self.findings.improvable:
            self._take_local()
        if self.trained < 2:
            self._retrain()

    @property
    def decided(self) -> bool:
        """Whether the verdict stands; one that is refuted gets half a second for a better one still, or two for how near it is."""
        if self.findings.certified:
            return self.findings.lower >= self.until
        if self.refuted is None and self.findings.same_width:
            self.refuted = self.proving.elapsed
        more = _NEAR_SECONDS if self.findings.nearing else _BETTER_SECONDS
        return self.refuted is not None and self.proving.elapsed > self.refuted + more

    def look(self) -> None:
        """What the verdict on the network needs when P* is already known as well as it is going to be."""
        if not self._broken() and not self.findings.certified and not self.proving.limits.reached():
            self._own_gain()

    def _choose_again(self) -> None:
        """At kinks of the loss the network's own dual vector is a choice, better made once the optimum's is known."""
        if self.problem.loss.smooth or self.findings.stationarity.directional or self.findings.broken:
            return
        own = own_dual(self.problem, self.neurons, self.predictions, self.proving.lower.nu, self.proving.limits)
        if own.stationarity.residual < self.own.stationarity.residual:
            self.own, self.findings.stationarity = own, own.stationarity
            gain = gain_problem(self.problem, own.feasible)
            self.findings.gain = Bounds(max((proved_gain(gain, u) for u in self.neurons.u), default=0.0), math.inf)

    def _broken(self) -> bool:
        finite = bool(np.all(np.isfinite(self.predictions)) and np.isfinite(self.findings.value.upper))
        self.findings.broken = not finite
        return not finite

    def _sharpen(self) -> None:
        """With --tight: more digits although the verdict stands. What it rests on is kept, in case that time is too short to
        write more down."""
        proving = self.proving
        if self.findings.certified:
            self.decisive = proving.lower
            proving.keep(proving.lower)
        proving.wanted = lambda: math.inf
        self.limits = proving.limits
        if self.findings.tight(TIGHT) or not proving.start(blocks_of_neurons(self.problem, self.neurons)):
            return
        self._prove(TIGHT)
        self._own_gain(exactly=True)

    def tighten(self, room: float) -> bool:
        """Go on until the bound is better than needed by this share of all that is possible; False where that cannot be."""
        proving = self.proving
        if proving.limits.reached() or not proving.start(blocks_of_neurons(self.problem, self.neurons)):
            return False
        before, needed = proving.lower, self.findings.needed
        self.until = needed + room * (self.findings.best_value - needed)
        proving.room = room
        self._prove()
        return proving.lower is not before

    def verdict(self, proof: LowerBound | None = None) -> Verdict:
        """What follows from the findings, or from another lower bound than the best one."""
        self._choose_again()
        problem, proof, findings = self.problem, proof or self.proving.lower, self.findings
        report = search_report(self.proving)
        if not findings.broken:
            upper = unless_it_fails(lambda: transferred_gain(problem, self.own.feasible, proof), math.inf)
            findings.gain = Bounds(findings.gain.lower, max(findings.gain.lower, min(findings.gain.upper, upper)))
        rank, known = min(problem.rows.shape), self.proving.affordable
        rank = unless_it_fails(lambda: matrix_rank(problem.rows), rank) if known else rank
        stopped = self.proving.limits.reached() or self.proving.unfinished
        sought = None if self.search is None else report_of(self.search)
        verdict = conclude(
            replace(findings, lower=proof.value),
            problem,
            rank,
            stopped,
            self.proving.interruption.wished,
            report,
            sought,
        )
        return replace(verdict, proof=proof)

    def _own_gain(self, exactly: bool = False) -> GainBound:
        """Bounds on the gain of the network's own dual vector, and the lower bound on P* that it gives: as far as eps asks for
        it, and not at all where the vector is no proof; or exactly."""
        nu = self.own.feasible
        level = 0.0 if exactly else self.proving.level(nu, self._tolerance)
        limits = self.limits
        if not exactly:
            limits = limits.within(min(_OWN_GAIN_SECONDS, (self.options.time_limit or math.inf) / 4), _OWN_GAIN_NODES)
        known = [u for u in self.neurons.u if np.any(u)]
        unfinished = self.proving.unfinished
        bound = self.proving.bound(nu, level, limits, known, "gain of the network", math.inf if exactly else level)
        self.proving.unfinished = unfinished  # the verdict may do without this bound
        before = self.findings.gain
        self.findings.gain = Bounds(max(bound.lower, before.lower), min(bound.upper, before.upper))
        self.findings.raise_lower(self.proving.lower.value)
        return bound

    @property
    def _tolerance(self) -> float:
        """Of a proof that cannot certify the network."""
        return max(self.options.eps / 4, TIGHT)

    def _prove(self, tolerance: float | None = None) -> None:
        """Prove P*, and try on the way what the solutions give for this network."""

        def solved(solution: RestrictedSolution) -> Limits:
            self.findings.raise_lower(self.proving.lower.value)
            self._take(rebuilt_candidates(self.problem, solution, self.proving.known, self.limits))
            if self.findings.improvable:
                self._take_local()
            return self._worth_proving()

        self.proving.prove(tolerance or self._tolerance, self.limits, solved)
        self.findings.raise_lower(self.proving.lower.value)

    def _worth_proving(self) -> Limits:
        """All there is while a certificate is possible; a share once a wider network is better: the bounds decide nothing more."""
        if not self.findings.improvable or self.options.tight:
            return self.limits
        return self.limits.within(max(_WIDER_SECONDS, self.proving.elapsed), _WIDER_NODES)

    def _take_local(self) -> None:
        """What descent from the network itself, and a new neuron in a free slot, come to; once."""
        if self.went_downhill:
            return
        self.went_downhill = True
        self._take(descents(self.problem, self.steps, self.limits))
        self._take(slot_candidates(self.problem, self.neurons, self.violators, self.limits))

    def _glance(self) -> None:
        """At each solution of the convex program on its way: once it is better than the network, what that gives at its width."""
        if self.trained or self.findings.same_width or self.limits.reached():
            return
        solution = self.proving.solution
        if solution is None or not solution.value < self.findings.value.lower:
            return
        self._take(itertools.islice(rebuilt_candidates(self.problem, solution, (), self.limits), 1))
        if self.findings.improvable:
            self._take_local()
            self._retrain()

    def _retrain(self) -> None:
        """Where none of the network's width is known to be better and it is not certified, train one from many starts."""
        settled = self.findings.certified or self.findings.same_width or not self.network.width
        if settled or self.limits.reached():
            return
        self.trained += 1
        solution = self.proving.solution
        firsts = [self.neurons]
        if solution is not None and solution.value < math.inf:
            firsts += unless_it_fails(lambda: pruned(self.problem, solution, self.network.width), [])
        limits = self.proving.share(_RETRAINING, self.limits)
        if not trainable(self.problem):
            self._take(refitted(self.problem, firsts, limits))
            return
        self.search = self.search or SameWidthSearch(
            self.problem, self.network.width, self.options.seed, self.options.threads
        )
        self._take(retrained(self.search, firsts, limits, self._trained_to))
        self.refuted = None if not self.findings.same_width else self.refuted

    def _trained_to(self, value: float) -> None:
        """A line of descents at the network's width has come to this F."""
        self.proving.note_value(value)
        if self.refuted is None and self.findings.refuted_by(value * (1 + TIGHT)):
            self.refuted = self.proving.elapsed

    def _take(self, candidates: Iterable[Candidate]) -> None:
        for witness in until_it_fails(witnesses(self.problem, candidates)):
            self.findings.add(witness)
            self.proving.best_value = self.findings.best_value
