"""What is found out about the least objective P* itself, whichever network is asked about: the convex program with its
columns, and the largest proved lower bound (docs/theory.md, sections 2 and 3). Check, solve and descend share it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from certify.arrays import Floats
from certify.certificates.cost import seconds_of_proof
from certify.convex.blocks import Blocks
from certify.convex.generation import ColumnGeneration
from certify.convex.solution import RestrictedSolution
from certify.decide.engines import Engine, make_engine
from certify.decide.interruption import Interruption
from certify.decide.options import CheckOptions, Progress, ProgressCallback
from certify.failures import unless_it_fails
from certify.gain.question import GainBound, Limits, Violator
from certify.problem.dual import (
    LowerBound,
    dual_value,
    feasible_scaling,
    gain_problem,
    scaled_dual_bound,
    sufficient_gain,
)
from certify.problem.training import TrainingProblem
from certify.rounding import UNIT

TIGHT = 1e-9  # relative accuracy that small problems get beyond eps
_NEAR = 1e-6  # directions within this of beta may carry a sparser optimum
_SAME = 1e-12  # relative difference of bounds that are equally good
_BEFORE_BOUND = 0.5  # share of the time left for the convex program: without a bound the best network proves nothing
_LATE = 0.5  # share of the time after which a violator no longer ends a bound: the bound is what is wanted then
_ROOM = 0.05  # of the distance from the bound that is wanted to the best one possible: kept for the certificate to be written in
_OVER, _OVER_SECONDS = (
    0.1,
    1.0,
)  # how far the time limit may be overrun, whichever is longer; half of it by a certificate
_ROW_SPACE = 2.5e-8  # seconds for each product of a decomposition
_RESERVED = 0.5  # share of the time that is not kept for the checker's exact values, however long they take


class Proving:
    """The search for P* of one problem as it proceeds. Its bounds are true at any time, so it can end anywhere.

    lower       the best lower bound         generation  the convex program; None before it was begun
    on_solution called at every solution of the convex program on its way
    forecast    seconds that the last bound was still expected to need when a limit cut it short, and its certificate; infinite
                where nothing tells
    known       directions whose gain is about beta, as the last bound met them
    wanted      gives the lower bound on P* at which the question asked is decided; bounds end there
    room        share of what a bound could be better by that is proved beyond that, for the certificate
    standing    gives what follows so far; value, F of the network asked about, and best_value, the least one seen, are for the
                display alone like this
    """

    def __init__(
        self,
        problem: TrainingProblem,
        options: CheckOptions,
        interruption: Interruption,
        progress: ProgressCallback | None = None,
    ) -> None:
        self.problem, self.options, self.interruption, self.progress = problem, options, interruption, progress
        self.started = time.monotonic()
        began = self.started if options.started is None else options.started
        self.deadline = None if options.time_limit is None else began + options.time_limit
        self.limits = Limits(self.deadline, cancelled=lambda: interruption.wished)
        self.engine: Engine = make_engine(options)
        self.lower = LowerBound()
        self.generation: ColumnGeneration | None = None
        self.known: list[Violator] = []
        self.on_solution: Callable[[], None] = lambda: None
        self.nodes = 0
        self.unfinished = False
        self.forecast = math.inf
        self.wanted: Callable[[], float] = lambda: math.inf
        self.room = _ROOM
        self.standing: Callable[[], str] = lambda: "open"
        self.value: float | None = None
        self.best_value: float | None = None

    @property
    def elapsed(self) -> float:
        """Seconds since the search began."""
        return time.monotonic() - self.started

    def reserve(self, seconds: float) -> None:
        """Keep so much of the time for the checker's exact values, without which there is no verdict; never more than half."""
        if self.deadline is not None and self.options.time_limit is not None:
            self.limits.deadline = self.deadline - min(seconds, _RESERVED * self.options.time_limit)

    def keep(self, lower: LowerBound) -> None:
        """Keep what it takes to write this bound down and check it, too; no more than half of the time that is left."""
        if self.limits.deadline is not None and lower.gain is not None:
            seconds = seconds_of_proof(lower.gain, *self.problem.rows.shape)
            self.limits.deadline -= min(seconds, max(0.0, self.limits.deadline - time.monotonic()) / 2)

    @property
    def last_limits(self) -> Limits:
        """Those of the certificate: what it is predicted to overrun them by is not begun."""
        over = max(_OVER * (self.options.time_limit or 0.0), _OVER_SECONDS) / 2
        return Limits(None if self.deadline is None else self.deadline + over, cancelled=self.limits.cancelled)

    @property
    def affordable(self) -> bool:
        """Whether the row space of the data, with which every bound begins, can be found in a quarter of the time."""
        n, d = self.problem.rows.shape
        seconds = _ROW_SPACE * n * d * min(n, d)
        return self.options.time_limit is None or seconds <= self.options.time_limit / 4

    def start(self, blocks: Blocks, violators: Sequence[Violator] = ()) -> bool:
        """Begin the convex program over (at least) these blocks, or add them to it; False where none can be solved."""
        if self.generation is None:
            self.generation = unless_it_fails(
                lambda: self.engine.generation(self.problem, blocks, self.options.seed, self.limits), None
            )
        elif self.generation.solution is None or not self.settled(TIGHT):
            self.generation.add_blocks(blocks)
        if self.generation is not None:
            self.generation.add(violators)
        return self.generation is not None

    @property
    def solution(self) -> RestrictedSolution | None:
        """The program's last solution; None before there was one."""
        return None if self.generation is None else self.generation.solution

    def settled(self, tolerance: float) -> bool:
        """Whether the program's value is proved to be P*, to the relative tolerance."""
        if self.solution is None:
            return False
        value = self.solution.value
        return value - self.lower.value <= tolerance * abs(value)

    def prove(self, tolerance: float, within: Limits, solved: Callable[[RestrictedSolution], Limits]) -> None:
        """Generate columns and prove that none is missing, to the tolerance, over and over.

        solved: called with every solution, and once more with what the last bound met; gives the next bound's limits.
        """
        generation, solution = self.generation, None
        if generation is None:
            return
        while not within.reached():
            self.report("convex program")
            self.forecast = math.inf
            share = self.share(_BEFORE_BOUND, within)
            generation.run(min(tolerance, 10 * TIGHT), share, self._note_solution)
            cut = share.reached()
            solution, nu = generation.solution, generation.nu
            if solution is None or nu is None:
                return
            limits = solved(solution)
            if self.settled(TIGHT):
                return
            threshold = self.level(nu, tolerance)
            stop_above = np.inf if self._late() else threshold
            bound = self.bound(nu, threshold, limits, generation.directions, "proof", stop_above)
            self.known = [v for v in bound.witnesses if v.gain > self.problem.beta * (1 - _NEAR)]
            if not generation.add([v for v in self.known if v.gain > threshold]):
                if stop_above < np.inf and not bound.settled and not limits.reached():
                    # rounding makes violators of what the program has already: now the bound itself is what is wanted
                    bound = self.bound(nu, threshold, limits, generation.directions, "proof")
                if bound.settled and tolerance > TIGHT and not self.settled(tolerance):
                    self._prove_by_patterns(nu, bound, threshold, within)
                if (
                    cut and not within.reached()
                ):  # the program had not come to its end: half of what is left for the rest
                    continue
                break
        if solution is not None and self.known and not within.reached():
            solved(solution)

    def level(self, nu: Floats, tolerance: float) -> float:
        """The gain up to which a proof is wanted: as `wanted` asks, with room to write it down; beta (1 + tolerance) where that
        asks for more than this dual vector could give."""
        usual, wanted = self.problem.beta * (1 + tolerance), self.wanted()
        most = dual_value(self.problem, nu).lower
        if not wanted < most:
            return usual
        return sufficient_gain(self.problem, nu, wanted + self.room * (most - wanted)) or usual

    def _note_solution(self) -> None:
        """Show what the program has come to, rounded up by far more than its value can be wrong."""
        if self.solution is None:
            return
        value = self.solution.value * (1 + TIGHT)
        self.best_value = value if self.best_value is None else min(value, self.best_value)
        self.report("convex program")
        self.on_solution()

    def note_value(self, value: float) -> None:
        """Show that training at one width has come to this F, rounded up by more than it can be wrong."""
        value *= 1 + TIGHT
        self.best_value = value if self.best_value is None else min(value, self.best_value)
        self.report("same width")

    @staticmethod
    def share(share: float, limits: Limits) -> Limits:
        """The limits with at most this share of the time that is left."""
        left = None if limits.deadline is None else max(0.0, limits.deadline - time.monotonic())
        return limits.within(None if left is None else share * left)

    def _late(self) -> bool:
        return self.options.time_limit is not None and self.elapsed > _LATE * self.options.time_limit

    def bound(
        self,
        nu: Floats,
        threshold: float,
        limits: Limits,
        known: Sequence[Floats],
        stage: str,
        stop_above: float = np.inf,
    ) -> GainBound:
        """Ask the engine about one dual vector, and keep the lower bound on P* that follows."""
        before = self.nodes

        def tell(lower: float, upper: float, nodes: int, proved: float) -> None:
            self.nodes = before + nodes
            self.report(stage, lower, upper, proved)

        gain, began = gain_problem(self.problem, nu), time.monotonic()
        nothing = GainBound(0.0, np.inf, (), 0, True, self.engine.name)
        bound = unless_it_fails(lambda: self.engine.bound(gain, threshold, stop_above, limits, known, tell), nothing)
        self.nodes = before + bound.nodes
        self.unfinished = not bound.settled
        proves = (
            self.unfinished and bound.lower <= threshold
        )  # else there will be another dual vector, of which nothing is known
        self.forecast = math.inf
        if proves and bound.ahead < math.inf:
            certificate = (1 + bound.ahead) * seconds_of_proof(bound, *self.problem.rows.shape)
            self.forecast = bound.ahead * (time.monotonic() - began) + certificate
        value = unless_it_fails(lambda: scaled_dual_bound(self.problem, nu, bound.upper), 0.0)
        if self._preferred(value, bound):
            self.lower = LowerBound(value, nu, bound)
        return bound

    def _prove_by_patterns(self, nu: Floats, bound: GainBound, threshold: float, within: Limits) -> None:
        """The lower bound that a gain of at most the threshold gives, where nothing above was seen and yet the search could not prove it."""
        from certify.certificates.patterns import PATTERNS, feasible_by_patterns

        if self.problem.outputs > 1 or not bound.lower < threshold < bound.upper:
            return
        seen = replace(bound, upper=threshold, proof=None)
        feasible = feasible_scaling(self.problem, LowerBound(0.0, nu, seen))
        value = dual_value(self.problem, feasible).lower
        if value <= self.lower.value * (1 + _SAME) or not feasible_by_patterns(self.problem, feasible[:, 0], within):
            return
        beta = self.problem.beta * (1 + 32 * UNIT)  # the checker's is the exact one
        gain = GainBound(min(bound.lower, beta), beta, bound.witnesses, bound.nodes, True, PATTERNS)
        self.lower = LowerBound(value, feasible, gain)

    def _preferred(self, value: float, bound: GainBound) -> bool:
        """Whether the bound is better than the one kept, or as good with a shorter proof, easier to write down."""
        kept = self.lower
        shorter = kept.gain is not None and bound.nodes < kept.gain.nodes
        return value > kept.value * (1 + _SAME) or (value > kept.value * (1 - _SAME) and (shorter or kept.gain is None))

    def report(
        self,
        stage: str,
        gain_lower: float | None = None,
        gain_upper: float | None = None,
        proved: float | None = None,
    ) -> None:
        """One line for the display."""
        if self.progress is None:
            return
        self.progress(
            Progress(
                stage,
                self.elapsed,
                value=self.value,
                lower_bound=self.lower.value,
                best_value=self.best_value,
                gain_lower=gain_lower,
                gain_upper=gain_upper,
                beta=self.problem.beta,
                nodes=self.nodes,
                proved=proved,
                standing=self.standing(),
                left=None if self.deadline is None else max(0.0, self.deadline - time.monotonic()),
            )
        )
