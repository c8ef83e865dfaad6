"""Is this network a global minimum of its training loss? The bounds, brought together (docs/theory.md, section 4)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from certify.certificates import CertificateWish, Source, confirmed
from certify.convex.blocks import blocks_of_neurons
from certify.convex.solution import RestrictedSolution
from certify.decide.conclusion import Findings, conclude
from certify.decide.cost import search_report
from certify.decide.interruption import Interruption
from certify.decide.options import CheckOptions, ProgressCallback
from certify.decide.proving import TIGHT, Proving
from certify.decide.same_width.candidates import pruned, report_of, retrained
from certify.decide.same_width.search import SameWidthSearch
from certify.decide.same_width.trainer import trainable
from certify.decide.scope import decidable_problem
from certify.decide.stationarity import assess
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
from certify.problem.dual import dual_vector, gain_problem, transferred_gain
from certify.problem.network import Network
from certify.problem.objective import Objective
from certify.problem.training import evaluate
from certify.verdict import Bounds, Verdict

_DEFAULTS = CheckOptions()
_OWN_GAIN_SECONDS = 5.0
_OWN_GAIN_NODES = 3_000  # for the gain of the network's own dual vector, which only the report needs exactly
_TIGHT_NODES = 20_000
_TIGHT_SECONDS = 1.0
_DECIDED_NODES = 100_000  # once no certificate is possible, the bounds get this much more
_RETRAINING = 1 / 3  # share of the time left for the search at the network's own width
_DECIDED_SECONDS = 2.0  # and, once the network is refuted, at most this, or as long as it took so far


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
        check.run()
        return confirmed(check.verdict(), network, problem, wish or CertificateWish(Source(dataset)), check.limits)


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
        self.options, self.limits = proving.options, proving.limits
        self.neurons = self.problem.lift(network)
        self.predictions = self.problem.predictions(self.neurons)
        self.went_downhill = False
        self.search, self.trained = search, 0
        self.decided: float | None = None
        proving.on_solution = self._glance
        self.violators: list[Violator] = []
        self.steps: list[Candidate] = []
        value = evaluate(self.problem, network)
        self.own_nu = -self.problem.slope(self.predictions)
        stationarity = assess(self.problem, self.neurons, self.own_nu[:, 0], self.limits)
        bounds = Bounds(value.lower, value.upper)
        self.findings = Findings(network, bounds, stationarity, self.options.eps, self.problem.beta)
        self.findings.raise_lower(proving.lower.value)
        proving.value, proving.best_value = value.upper, value.upper

    def run(self) -> None:
        """Bound, improve the dual, look for witnesses, prove; stop as soon as limits say so."""
        if self._broken():
            return
        own = self._own_gain(min(_OWN_GAIN_SECONDS, (self.options.time_limit or math.inf) / 4), _OWN_GAIN_NODES)
        if self.limits.reached() or self.findings.tight(TIGHT):
            return
        steps = first_steps(self.problem, self.neurons, self.own_nu, self.findings.stationarity, self.limits)
        self.steps = list(until_it_fails(steps))
        self._take(self.steps)
        self.violators = [v for v in own.witnesses if v.gain > self.problem.beta]
        if not self.proving.start(blocks_of_neurons(self.problem, self.neurons), self.violators):
            self._take_local()
            return
        self._prove(tolerance=max(self.options.eps / 4, TIGHT))
        if self.findings.improvable:
            self._take_local()
        if self.trained < 2:
            self._retrain()
        self._sharpen()

    def look(self) -> None:
        """What the verdict on the network needs when P* is already known as well as it is going to be."""
        if self._broken():
            return
        nu = dual_vector(self.problem, self.predictions)
        gain = gain_problem(self.problem, nu)
        lower = max((proved_gain(gain, u) for u in self.neurons.u), default=0.0)
        upper = transferred_gain(self.problem, nu, self.proving.lower)
        self.findings.gain = Bounds(lower, upper)
        if not upper <= lower * (1 + self.options.eps):
            self._own_gain(_OWN_GAIN_SECONDS, _OWN_GAIN_NODES)

    def _broken(self) -> bool:
        finite = bool(np.all(np.isfinite(self.predictions)) and np.isfinite(self.findings.value.upper))
        self.findings.broken = not finite
        return not finite

    def _sharpen(self) -> None:
        """More digits once the verdict stands: as much time again, and no more."""
        spent = max(_TIGHT_SECONDS, self.proving.elapsed)
        nodes = max(_TIGHT_NODES, 2 * self.proving.nodes if self.proving.nodes < _DECIDED_NODES else 0)
        if not self.limits.reached() and not self.findings.tight(TIGHT):
            self._prove(TIGHT, nodes, spent)
        gain = self.findings.gain
        if not self.limits.reached() and not self._enough() and gain.upper > gain.lower * (1 + 10 * TIGHT):
            self._own_gain(spent, nodes)

    def verdict(self) -> Verdict:
        """What follows from the findings."""
        problem = self.problem
        report = search_report(self.proving)
        rank = unless_it_fails(lambda: matrix_rank(problem.rows), min(problem.rows.shape))
        stopped = self.limits.reached() or self.proving.unfinished
        sought = None if self.search is None else report_of(self.search)
        verdict = conclude(self.findings, problem, rank, stopped, self.proving.interruption.wished, report, sought)
        return replace(verdict, proof=self.proving.lower)

    def _own_gain(self, seconds: float, nodes: int) -> GainBound:
        """Bounds on the gain of the network's own dual vector, and the lower bound on P* that it gives."""
        nu = dual_vector(self.problem, self.predictions)
        limits = self.limits.within(seconds, nodes)
        known = [u for u in self.neurons.u if np.any(u)]
        unfinished = self.proving.unfinished
        bound = self.proving.bound(nu, 0.0, limits, known, stage="gain of the network")
        self.proving.unfinished = unfinished  # this bound is for the report; the verdict may do without
        before = self.findings.gain
        self.findings.gain = Bounds(max(bound.lower, before.lower), min(bound.upper, before.upper))
        self.findings.raise_lower(self.proving.lower.value)
        return bound

    def _prove(self, tolerance: float, nodes: int | None = None, seconds: float | None = None) -> None:
        """Prove P*, and try on the way what the solutions give for this network."""
        within = self.limits.within(seconds)
        within.cancelled = lambda: self.limits.cancelled() or self._enough()

        def solved(solution: RestrictedSolution) -> Limits:
            self.findings.raise_lower(self.proving.lower.value)
            self._take(rebuilt_candidates(self.problem, solution, self.proving.known, self.limits))
            if self.findings.improvable:
                self._take_local()
            return self._worth_proving(within, nodes)

        self.proving.prove(tolerance, within, solved)
        self.findings.raise_lower(self.proving.lower.value)

    def _worth_proving(self, limits: Limits, nodes: int | None) -> Limits:
        """All there is while a certificate is possible; a share once the verdict cannot become better."""
        if not self.findings.improvable:
            return limits.within(nodes=nodes)
        seconds = max(_DECIDED_SECONDS, self.proving.elapsed) if self.findings.same_width else None
        return limits.within(seconds, nodes or _DECIDED_NODES)

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

    def _enough(self) -> bool:
        """Whether the network has been refuted for as long as that took: the bounds are worth no more."""
        if self.decided is None and self.findings.same_width:
            self.decided = self.proving.elapsed
        return self.decided is not None and self.proving.elapsed > self.decided + max(_DECIDED_SECONDS, self.decided)

    def _retrain(self) -> None:
        """Where none of the network's width is known to be better and it is not certified, train one from many starts."""
        settled = self.findings.certified or self.findings.same_width or not self.network.width
        if settled or self.limits.reached() or not trainable(self.problem):
            return
        self.trained += 1
        self.search = self.search or SameWidthSearch(
            self.problem, self.network.width, self.options.seed, self.options.threads
        )
        solution = self.proving.solution
        firsts = [self.neurons]
        if solution is not None and solution.value < math.inf:
            firsts += unless_it_fails(lambda: pruned(self.problem, solution, self.network.width), [])
        self._take(retrained(self.search, firsts, self.proving.share(_RETRAINING), self.proving.note_value))

    def _take(self, candidates: Iterable[Candidate]) -> None:
        for witness in until_it_fails(witnesses(self.problem, candidates)):
            self.findings.add(witness)
            self.proving.best_value = self.findings.best_value
