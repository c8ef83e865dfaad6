"""Is this network a global minimum where nothing decays? P* is then a convex problem in the predictions alone, settled at once;
what is left is to find better networks of the same width (docs/theory.md, section 13)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property, partial

import numpy as np

from certify.certificates.exact import exact_value
from certify.certificates.orthogonal import orthogonal_bound
from certify.decide.conclusion import Findings, conclude
from certify.decide.cost import search_report
from certify.decide.descent import best_step
from certify.decide.multipliers import own_dual
from certify.decide.proving import Proving
from certify.decide.same_width.candidates import report_of
from certify.decide.same_width.search import WORK, SameWidthSearch
from certify.decide.same_width.trainer import trainable
from certify.decide.undecayed.interpolation import interpolating, with_fewer_digits
from certify.decide.witness import Candidate, descents, first_steps, shown
from certify.failures import unless_it_fails, until_it_fails
from certify.gain.question import Limits
from certify.gain.quick import quick_gain_bound
from certify.linear import matrix_rank
from certify.problem.attainable import Attainable, best_attainable
from certify.problem.dataset import Dataset
from certify.problem.dual import LowerBound, gain_problem
from certify.problem.network import Network
from certify.problem.training import Neurons, evaluate
from certify.verdict import Bounds, Decision, Reason, Verdict, Witness

_ONLY_ZERO = "the gap of a network is all of its F: only F = 0 would be certified"
_MOST_EXACT_PRODUCTS = 2_000_000  # of an exact evaluation: a second or two
_MOST_ACTIVATIONS = 20_000_000  # of an interpolating network, n times its width
_ROUGH = 1 / 8  # of eps: relative error of an F that is evaluated again, exactly
_SHARE = 1 / 3  # of the time left, for the descent from the network, and for the search at its width
_NOTHING = 1e-20  # share of the loss of predictions 0 below which rounding is all that keeps an F from 0
_REFUTED_SECONDS = 2.0  # for a better witness than the one that refutes already
_GAIN_SECONDS, _GAIN_NODES = 0.5, 2_000  # for the gain, which only the report needs


class UndecayedCheck:
    """One check as it proceeds; findings are true at any time, so it can end anywhere.

    Of data of any scale: what overflows is no better network, and no bound.
    """

    @np.errstate(all="ignore")
    def __init__(
        self, proving: Proving, network: Network, dataset: Dataset, search: SameWidthSearch | None = None
    ) -> None:
        """dataset: what `proving` is about, as its file has it; search: one at the network's width that is to be gone on with."""
        self.proving, self.problem, self.network, self.dataset = proving, proving.problem, network, dataset
        self.options, self.limits, self.search = proving.options, proving.limits, search
        self.neurons = self.problem.lift(network)
        self.predictions = self.problem.predictions(self.neurons)
        self.own = own_dual(self.problem, self.neurons, self.predictions, proving.lower.nu, self.limits)
        value = self._weighed(network)
        self.findings = Findings(network, value, self.own.stationarity, self.options.eps, self.problem.beta)
        self.decisive: LowerBound | None = None
        proving.value, proving.best_value = value.upper, value.upper
        proving.standing = lambda: self.findings.standing

    @cached_property
    def nothing(self) -> float:
        """F of a network that predicts 0."""
        return self.problem.data_loss(np.zeros_like(self.predictions))

    @cached_property
    def best(self) -> Attainable:
        """Predictions of nearly the least loss at any width."""
        return best_attainable(self.problem)

    @np.errstate(all="ignore")
    def run(self) -> None:
        """Bound P*, and look for better networks, the simplest first; stop as soon as the verdict stands, or limits say so."""
        if self._broken():
            return
        self._bound()
        for candidates in (self._fitted(), self._scaled(), self._downhill()):
            if not self.findings.certified and not self.limits.reached():
                self._take(candidates)
        if not (self.findings.certified or self.findings.same_width or self._negligible):
            self._retrain(
                self.findings.value.lower - 2 * self.findings.allowed, self.proving.share(_SHARE, self.limits)
            )
        self._bound_gain()

    @np.errstate(all="ignore")
    def train(self, any_width: bool) -> None:
        """Look for the best network of this width, or of any, whatever the given one is like."""
        self._bound()
        self._take(self._fitted())
        if not any_width and not self._fits():
            self._retrain(_NOTHING * self.nothing, self.limits)

    def _fits(self) -> bool:
        """Whether some network of at most the width is known to be optimal, to eps."""
        known = [w.value.upper for w in self.findings.witnesses if w.width <= self.network.width]
        return min(known, default=math.inf) <= self.findings.lower * (1 + self.options.eps / 2)

    @property
    def _buildable(self) -> bool:
        """Whether the best predictions can be made into a network in reasonable space."""
        return self.problem.samples * self.best.lines.count <= _MOST_ACTIVATIONS

    @property
    def _negligible(self) -> bool:
        """Whether rounding is all that keeps F from 0."""
        return self.findings.value.upper < _NOTHING * self.nothing

    @np.errstate(all="ignore")
    def look(self) -> None:
        """The bounds on P* and on the gain of the network's own dual vector."""
        if not self._broken():
            self._bound()
            self._bound_gain()

    def _bound(self) -> None:
        if self.proving.lower.exact is None:
            self.proving.report("bound")
            nothing = self.proving.lower
            self.proving.lower = unless_it_fails(
                lambda: orthogonal_bound(self.problem, self.dataset, self.best), nothing
            )
        self.findings.raise_lower(self.proving.lower.value)
        if not self.problem.loss.smooth:  # at kinks the optimum's dual vector may be the network's as well
            own = own_dual(self.problem, self.neurons, self.predictions, self.proving.lower.nu, self.limits)
            if own.stationarity.residual < self.own.stationarity.residual:
                self.own, self.findings.stationarity = own, own.stationarity

    def _bound_gain(self) -> None:
        """For the report: of the network's own dual vector, in little time."""
        gain = gain_problem(self.problem, self.own.feasible)
        self.findings.gain = Bounds(0.0, quick_gain_bound(gain))
        if self.limits.reached() or not np.any(gain.nu):
            return
        known = [u for u in self.neurons.u if np.any(u)]
        limits = self.limits.within(_GAIN_SECONDS, _GAIN_NODES)
        engine = self.proving.engine
        bound = unless_it_fails(lambda: engine.bound(gain, 0.0, math.inf, limits, known, self._tell), None)
        if bound is not None:
            self.proving.nodes = bound.nodes
            self.findings.gain = Bounds(bound.lower, min(bound.upper, self.findings.gain.upper))

    def _tell(self, lower: float, upper: float, nodes: int, proved: float) -> None:
        self.proving.nodes = nodes
        self.proving.report("gain of the network", lower, upper, proved)

    def tighten(self, room: float) -> bool:
        """False: the bound is as good as it can be."""
        return False

    @np.errstate(all="ignore")
    def verdict(self, proof: LowerBound | None = None) -> Verdict:
        """What follows from the findings; there is no other proof than theirs."""
        stopped = self.limits.reached()
        sought = None if self.search is None else report_of(self.search)
        report = search_report(self.proving)
        rank, wished = (
            unless_it_fails(lambda: matrix_rank(self.problem.rows), min(self.problem.rows.shape)),
            self.proving.interruption.wished,
        )
        verdict = conclude(self.findings, self.problem, rank, stopped, wished, report, sought)
        return replace(verdict, proof=self.proving.lower, explanation=self._explained(verdict))

    def _explained(self, verdict: Verdict) -> str:
        """The verdict's sentence; where nothing but rounding is left of F, with what that means."""
        if verdict.reason is Reason.NUMERICS and not self.findings.broken and not self._buildable:
            return f"no better network was found; one that fits best may need {self.best.lines.count} neurons, too many to build here"
        if self.findings.lower > 0 or self.findings.broken:
            return verdict.explanation
        if verdict.reason is Reason.NUMERICS:
            return f"no better network was found; but the bound is P* >= 0, so that {_ONLY_ZERO}"
        if verdict.decision is not Decision.CERTIFIED and self._negligible:
            return f"{verdict.explanation}; F is 0 but for rounding, and {_ONLY_ZERO}"
        return verdict.explanation

    def _broken(self) -> bool:
        finite = bool(np.all(np.isfinite(self.predictions)) and np.isfinite(self.findings.value.upper))
        self.findings.broken = not finite
        return not finite

    def _fitted(self) -> Iterator[Candidate]:
        """The network that predicts what is best, as wide as that takes."""
        if self._buildable:
            fitted = interpolating(self.problem, self.best, self.options.seed)
            if fitted is not None:
                yield Candidate(fitted, "rebuilt")

    def _scaled(self) -> Iterator[Candidate]:
        """The same network with its predictions scaled: all that a loss without a minimum asks for where the signs are right."""
        neurons, problem = self.neurons, self.problem
        if problem.loss.quadratic:
            return

        def at(t: float) -> Neurons:
            return Neurons(neurons.u, (1 + t) * neurons.a, (1 + t) * neurons.c)

        yield Candidate(at(best_step(lambda t: problem.value(at(t)))), "gradient")

    def _downhill(self) -> Iterator[Candidate]:
        """A step of steepest descent from the network, and where the descent leads that it begins."""
        steps = list(first_steps(self.problem, self.neurons, self.own.nu, self.findings.stationarity, self.limits))
        yield from steps
        limits = (
            self.limits.within(_REFUTED_SECONDS)
            if self.findings.same_width
            else self.proving.share(_SHARE, self.limits)
        )
        yield from descents(self.problem, [Candidate(self.neurons, "gradient"), *steps], limits)

    def _retrain(self, enough: float, within: Limits) -> None:
        """Train networks of this width from many starts, until one has an F below `enough`."""
        if not self.network.width or self.limits.reached() or not trainable(self.problem):
            return
        search = self.search or SameWidthSearch(
            self.problem, self.network.width, self.options.seed, self.options.threads
        )
        self.search = search
        least = [math.inf]

        def tell(value: float) -> None:
            least.append(min(value, least[-1]))
            self.proving.note_value(value)

        cancelled = within.cancelled
        until = Limits(within.deadline, within.nodes, lambda: cancelled() or least[-1] < enough)
        search.run([self.neurons], until, WORK, tell)
        if search.best is not None:
            self._take(iter([Candidate(search.best, "retrained")]))

    def _take(self, candidates: Iterator[Candidate]) -> None:
        """Note what is better among them."""
        for candidate in until_it_fails(candidates):
            unless_it_fails(partial(self._note, candidate), None)

    def _note(self, candidate: Candidate) -> None:
        if not (np.all(np.isfinite(candidate.neurons.u)) and np.all(np.isfinite(candidate.neurons.a))):
            return
        witness = self._witness(candidate)
        self.findings.add(witness)
        if self.problem.loss.quadratic and 0 < witness.value.upper < _NOTHING * self.nothing:
            simpler = (replace(candidate, neurons=neurons) for neurons in with_fewer_digits(candidate.neurons))
            exact = next((w for w in map(self._witness, simpler) if w.value.upper == 0), None)
            if exact is not None:
                self.findings.add(exact)
        self.proving.best_value = self.findings.best_value

    def _witness(self, candidate: Candidate) -> Witness:
        witness = shown(self.problem, candidate)
        return replace(witness, value=self._weighed(witness.network))

    def _weighed(self, network: Network) -> Bounds:
        """F enclosed; exactly where F is so small that rounding errors are all there is of it."""
        value = evaluate(self.problem, network)
        small = self.problem.rows.size * max(1, network.width) <= _MOST_EXACT_PRODUCTS
        if small and value.upper - value.lower > _ROUGH * self.options.eps * value.lower and value.upper < math.inf:
            return exact_value(network, self.dataset, self.problem.objective)
        return Bounds(value.lower, value.upper)
