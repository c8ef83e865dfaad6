"""Is this network a global minimum of its training loss? The bounds, brought together (docs/theory.md, section 4)."""

from __future__ import annotations

import math
import resource
import sys
import time

import numpy as np

from certify.bounds.interface import GainBound, GainProblem, Limits, Violator
from certify.convex.blocks import blocks_of_neurons
from certify.convex.generation import ColumnGeneration
from certify.dataset import Dataset
from certify.decide.conclusion import Findings, conclude
from certify.decide.engines import Engine, make_engine
from certify.decide.interruption import Interruption
from certify.decide.options import CheckOptions, Progress, ProgressCallback
from certify.decide.stationarity import assess
from certify.decide.witness import (
    Candidate,
    descents,
    first_steps,
    narrow_candidates,
    rebuilt_candidates,
    shown,
    slot_candidates,
)
from certify.dual_bound import dual_vector, scaled_dual_bound
from certify.network import Network
from certify.objective import Objective
from certify.problem import TrainingProblem, evaluate, training_problem
from certify.verdict import Bounds, SearchReport, Verdict

_DEFAULTS = CheckOptions()
_OWN_GAIN_SECONDS = 5.0
_OWN_GAIN_NODES = 3_000  # for the gain of the network's own dual vector, which only the report needs exactly
_TIGHT = 1e-9  # relative accuracy that small problems get beyond eps
_TIGHT_NODES = 20_000
_TIGHT_SECONDS = 1.0
_DECIDED_NODES = 100_000  # once no certificate is possible, the bounds get this much more
_DECIDED_SECONDS = 2.0  # and, once the network is refuted, at most this, or as long as it took so far
_NEAR = 1e-6  # directions within this of beta may carry a sparser optimum


def check_network(
    network: Network,
    dataset: Dataset,
    objective: Objective,
    options: CheckOptions = _DEFAULTS,
    progress: ProgressCallback | None = None,
) -> Verdict:
    """Decide at relative tolerance options.eps whether the network is a global minimum, at any width.

    Raises InputError where network, data and objective do not fit together. Ctrl-C returns the bounds so far.
    """
    problem = training_problem(network, dataset, objective)
    with Interruption() as interruption:
        check = Check(problem, network, options, interruption, progress)
        check.run()
    return check.verdict()


class Check:
    """One check as it proceeds; findings are true at any time, so it can end anywhere."""

    def __init__(
        self,
        problem: TrainingProblem,
        network: Network,
        options: CheckOptions,
        interruption: Interruption,
        progress: ProgressCallback | None,
    ) -> None:
        self.problem, self.network, self.options = problem, network, options
        self.interruption, self.progress = interruption, progress
        self.started = time.monotonic()
        deadline = None if options.time_limit is None else self.started + options.time_limit
        self.limits = Limits(deadline, cancelled=lambda: interruption.wished)
        self.engine: Engine = make_engine(options)
        self.neurons = problem.lift(network)
        self.predictions = problem.predictions(self.neurons)
        self.nodes = 0
        self.unfinished = False
        self.went_downhill = False
        self.violators: list[Violator] = []
        self.steps: list[Candidate] = []
        value = evaluate(problem, network)
        own_nu = -problem.loss.slope(self.predictions, problem.targets, problem.weights)
        stationarity = assess(problem, self.neurons, own_nu)
        self.own_nu = own_nu
        self.findings = Findings(network, Bounds(value.lower, value.upper), stationarity, options.eps, problem.beta)

    def run(self) -> None:
        """Bound, improve the dual, look for witnesses, prove; stop as soon as limits say so."""
        if not np.all(np.isfinite(self.predictions)) or not np.isfinite(self.findings.value.upper):
            self.findings.broken = True
            return
        own = self._own_gain(min(_OWN_GAIN_SECONDS, (self.options.time_limit or math.inf) / 4), _OWN_GAIN_NODES)
        if self.limits.reached() or self.findings.tight(_TIGHT):
            return
        self.steps = list(first_steps(self.problem, self.neurons, self.own_nu, self.findings.stationarity))
        self._take(self.steps)
        generation = self._start(own)
        if generation is None:
            self._take_local()
            return
        self._prove(generation, tolerance=max(self.options.eps / 4, _TIGHT))
        if self.findings.improvable:
            self._take_local()
        wanting = self.findings.improvable and not self.findings.same_width and generation.solution is not None
        if wanting and not self.limits.reached():
            self._take(narrow_candidates(self.problem, generation, self.network.width, self.options.seed, self.limits))
        self._sharpen(generation)

    def _sharpen(self, generation: ColumnGeneration) -> None:
        """More digits once the verdict stands: as much time again, and no more."""
        spent = max(_TIGHT_SECONDS, time.monotonic() - self.started)
        nodes = max(_TIGHT_NODES, 2 * self.nodes if self.nodes < _DECIDED_NODES else 0)
        if not self.limits.reached() and not self.findings.tight(_TIGHT):
            self._prove(generation, _TIGHT, nodes, spent)
        gain = self.findings.gain
        if not self.limits.reached() and gain.upper > gain.lower * (1 + 10 * _TIGHT):
            self._own_gain(spent, nodes)

    def verdict(self) -> Verdict:
        """What follows from the findings."""
        problem = self.problem
        report = SearchReport(
            method=self.engine.name,
            nodes=self.nodes,
            seconds=time.monotonic() - self.started,
            threads=self.options.threads,
            peak_memory_mb=_peak_memory_mb(),
        )
        rank = int(np.linalg.matrix_rank(problem.rows))
        stopped = self.limits.reached() or self.unfinished
        return conclude(self.findings, problem, rank, stopped, self.interruption.wished, report)

    def _own_gain(self, seconds: float, nodes: int) -> GainBound:
        """Bounds on the gain of the network's own dual vector, and the lower bound on P* that it gives."""
        nu = dual_vector(self.problem, self.predictions)
        limits = self.limits.within(seconds, nodes)
        known = [u for u in self.neurons.u if np.any(u)]
        unfinished = self.unfinished
        bound = self._bound(nu, 0.0, limits, known, stage="gain of the network")
        self.unfinished = unfinished  # this bound is for the report; the verdict may do without
        before = self.findings.gain
        self.findings.gain = Bounds(max(bound.lower, before.lower), min(bound.upper, before.upper))
        return bound

    def _start(self, own: GainBound) -> ColumnGeneration | None:
        """The restricted program over the network's own patterns and the violators found so far."""
        self.violators = [v for v in own.witnesses if v.gain > self.problem.beta]
        blocks = blocks_of_neurons(self.problem, self.neurons)
        generation = self.engine.generation(self.problem, blocks, self.options.seed, self.limits)
        if generation is not None:
            generation.add(self.violators)
        return generation

    def _prove(
        self, generation: ColumnGeneration, tolerance: float, nodes: int | None = None, seconds: float | None = None
    ) -> None:
        """Generate columns and prove that none is missing, to the tolerance, over and over."""
        known: list[Violator] = []
        within = self.limits.within(seconds)
        while not within.reached():
            self._report("convex program")
            generation.run(min(tolerance, _TIGHT * 10), within)
            if generation.solution is None:
                return
            self._take(rebuilt_candidates(self.problem, generation, known, self.limits))
            if self.findings.improvable:
                self._take_local()
            limits = self._worth_proving(within, nodes)
            threshold = self.problem.beta * (1 + tolerance)
            bound = self._bound(generation.nu, threshold, limits, generation.directions, "proof", threshold)
            known = [v for v in bound.witnesses if v.gain > self.problem.beta * (1 - _NEAR)]
            if not generation.add([v for v in known if v.gain > threshold]):
                break
        if known and not self.limits.reached():
            self._take(rebuilt_candidates(self.problem, generation, known, self.limits))

    def _worth_proving(self, limits: Limits, nodes: int | None) -> Limits:
        """All there is while a certificate is possible; a share once the verdict cannot become better."""
        if not self.findings.improvable:
            return limits.within(nodes=nodes)
        spent = time.monotonic() - self.started
        seconds = max(_DECIDED_SECONDS, spent) if self.findings.same_width else None
        return limits.within(seconds, nodes or _DECIDED_NODES)

    def _take_local(self) -> None:
        """What descent from the network itself, and a new neuron in a free slot, come to; once."""
        if self.went_downhill:
            return
        self.went_downhill = True
        self._take(descents(self.problem, self.steps, self.limits))
        self._take(slot_candidates(self.problem, self.neurons, self.violators, self.limits))

    def _bound(
        self,
        nu: np.ndarray,
        threshold: float,
        limits: Limits,
        known: list[np.ndarray],
        stage: str,
        stop_above: float = np.inf,
    ) -> GainBound:
        """Ask the engine about one dual vector, and keep the lower bound on P* that follows."""
        before = self.nodes

        def tell(lower: float, upper: float, nodes: int, proved: float) -> None:
            self.nodes = before + nodes
            self._report(stage, lower, upper, proved)

        gain = GainProblem(self.problem.rows, nu, self.problem.free_hidden_bias)
        bound = self.engine.bound(gain, threshold, stop_above, limits, known, tell)
        self.nodes = before + bound.nodes
        self.unfinished = not bound.settled
        self.findings.raise_lower(scaled_dual_bound(self.problem, nu, bound.upper))
        return bound

    def _take(self, candidates) -> None:
        for candidate in candidates:
            self._keep(candidate)

    def _keep(self, candidate: Candidate) -> None:
        if np.all(np.isfinite(candidate.neurons.u)) and np.all(np.isfinite(candidate.neurons.a)):
            self.findings.add(shown(self.problem, candidate))

    def _report(
        self,
        stage: str,
        gain_lower: float | None = None,
        gain_upper: float | None = None,
        proved: float | None = None,
    ) -> None:
        if self.progress is None:
            return
        self.progress(
            Progress(
                stage,
                time.monotonic() - self.started,
                value=self.findings.value.upper,
                lower_bound=self.findings.lower,
                best_value=self.findings.best_value,
                gain_lower=gain_lower,
                gain_upper=gain_upper,
                beta=self.problem.beta,
                nodes=self.nodes,
                proved=proved,
            )
        )


def _peak_memory_mb() -> float:
    unit = 2**20 if sys.platform == "darwin" else 2**10  # ru_maxrss is in bytes there, in KiB elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
