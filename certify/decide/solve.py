"""Train to the proved global optimum: column generation until no neuron is missing, then as few neurons as possible
(docs/theory.md, sections 2, 3 and 5)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from certify.arrays import Floats
from certify.certificates import CertificateWish, Source
from certify.certificates.cost import seconds_of_value
from certify.convex.blocks import Blocks, blocks_of
from certify.decide.answering import answered
from certify.decide.check import Check
from certify.decide.interruption import Interruption
from certify.decide.options import CheckOptions, ProgressCallback
from certify.decide.proving import TIGHT, Proving
from certify.decide.same_width.candidates import pruned, refitted, retrained
from certify.decide.same_width.search import SameWidthSearch
from certify.decide.same_width.trainer import trainable
from certify.decide.scope import decidable_problem
from certify.decide.undecayed.solve import trained
from certify.decide.witness import Candidate, rebuilt_candidates, shown, witnesses
from certify.failures import unless_it_fails, until_it_fails
from certify.gain.question import Limits
from certify.problem.dataset import Dataset
from certify.problem.dual import LowerBound
from certify.problem.network import Network, padded
from certify.problem.objective import Bias, Objective
from certify.problem.training import Neurons, TrainingProblem
from certify.verdict import Decision, Verdict, Witness

_DEFAULTS = CheckOptions()
_SAME_VALUE = 1e-9  # relative; of networks this close the narrowest is taken
_USUAL_WIDTH = 20  # of the network that comes out, when the checker's time for its exact value is reserved
_NARROWING = 0.5  # share of the time kept for the search at a width that is too small for the optimum
_NARROW_ROUNDS = 4
_USED = 0.9  # share of eps that the proof may leave to the gap


@dataclass(frozen=True, slots=True, eq=False)
class Solution:
    """A trained network with the verdict of a check on it.

    verdict          CERTIFIED: a global optimum, to eps, of every width; else the gap says how far it can be from one
    width_asked      the most neurons that were allowed, or None
    narrowest_known  neurons of the narrowest network known to reach the best value known, of any width
    blocks           those of the convex program's solution: the start for a neighbouring problem
    """

    network: Network
    verdict: Verdict
    width_asked: int | None
    narrowest_known: int
    blocks: Blocks

    @property
    def is_optimum(self) -> bool:
        """Whether the network is proved to be a global optimum, to eps."""
        return self.verdict.decision is Decision.CERTIFIED


def zero_network(inputs: int, hidden_bias: bool, output_bias: bool) -> Network:
    """One neuron that is zero: what training begins with, and which biases it has."""
    bias = [np.zeros(1) if present else None for present in (hidden_bias, output_bias)]
    return Network(np.zeros((1, inputs)), np.zeros((1, 1)), *bias)


def solve_dataset(
    dataset: Dataset,
    objective: Objective,
    options: CheckOptions = _DEFAULTS,
    width: int | None = None,
    progress: ProgressCallback | None = None,
    wish: CertificateWish | None = None,
) -> Solution:
    """The best network of any width, or of at most `width` neurons, with its verdict at tolerance options.eps.

    CERTIFIED is an answer that certify/checker has accepted a certificate of; wish says what else it should hold.
    Raises InputError where data and objective do not fit together. Ctrl-C and the time limit give the best so far.
    """
    with Interruption() as interruption:
        return next(_solutions(dataset, [objective], options, width, progress, interruption, wish))


def solve_path(
    dataset: Dataset,
    objectives: Iterable[Objective],
    options: CheckOptions = _DEFAULTS,
    width: int | None = None,
    progress: ProgressCallback | None = None,
    wish: CertificateWish | None = None,
) -> Iterator[Solution]:
    """One solution for each objective, each from the blocks of the one before; the time limit is for each.
    Ends early on Ctrl-C, with the one at work."""
    with Interruption() as interruption:
        yield from _solutions(dataset, objectives, options, width, progress, interruption, wish)


def _solutions(
    dataset: Dataset,
    objectives: Iterable[Objective],
    options: CheckOptions,
    width: int | None,
    progress: ProgressCallback | None,
    interruption: Interruption,
    wish: CertificateWish | None,
) -> Iterator[Solution]:
    blocks = None
    for objective in objectives:
        biases = (objective.hidden_bias is not Bias.NONE, objective.output_bias is not Bias.NONE)
        zero = zero_network(dataset.inputs, *biases)
        problem = decidable_problem(zero, dataset, objective)
        wish = wish or CertificateWish(Source(dataset))
        proving = Proving(problem, options, interruption, progress)
        proving.reserve(seconds_of_value(objective, wish.source.dataset, padded(zero, _USUAL_WIDTH)))
        with np.errstate(all="ignore"):
            if objective.undecayed:
                solution = _undecayed(proving, dataset, zero, width, wish)
            else:
                solving = _Solving(proving, zero, width)
                solving.run(blocks)
                solution = solving.solution(wish)
        blocks = solution.blocks
        yield solution
        if interruption.wished:
            return


def _undecayed(proving: Proving, dataset: Dataset, zero: Network, width: int | None, wish: CertificateWish) -> Solution:
    check, narrowest = trained(proving, dataset, zero, width)
    blocks = blocks_of(proving.problem, *_no_blocks(proving.problem))
    return Solution(check.network, answered(check, wish), width, narrowest, blocks)


def _no_blocks(problem: TrainingProblem) -> tuple[Floats, Floats]:
    return np.zeros((0, problem.rows.shape[1])), np.zeros(0)


class _Solving:
    """One training as it proceeds: the networks met, and what is proved."""

    def __init__(self, proving: Proving, zero: Network, width: int | None) -> None:
        self.proving, self.problem, self.width = proving, proving.problem, width
        self.met: list[Witness] = [shown(self.problem, Candidate(self.problem.lift(zero), "rebuilt"))]
        self.search: SameWidthSearch | None = None
        self.decisive: LowerBound | None = None
        self.start = blocks_of(self.problem, *_no_blocks(self.problem))

    def run(self, start: Blocks | None) -> None:
        """Prove to eps, look for a network of the width; with --tight, prove all digits first. Obey the limits."""
        proving, options = self.proving, self.proving.options
        proving.wanted, proving.standing = self._wanted, self._standing
        if proving.start(start or self.start):
            self._prove(max(options.eps / 4, TIGHT), self._time_to_prove())
            if self.width is not None and self._best(None).width > self.width:
                self._narrow(self.width)
            if options.tight:
                self.decisive = proving.lower
                proving.keep(proving.lower)
                proving.wanted = lambda: math.inf
                self._prove(TIGHT, proving.limits)

    def _wanted(self) -> float:
        """The lower bound on P* that certifies the solution of the convex program."""
        solution, eps = self.proving.solution, self.proving.options.eps
        return math.inf if solution is None else solution.value - _USED * eps * abs(solution.value)

    def _standing(self) -> str:
        return "certified" if self.proving.settled(self.proving.options.eps) else "open"

    def solution(self, wish: CertificateWish) -> Solution:
        """The best network of the width asked for, looked at by a check that knows all that was proved."""
        best, widest = self._best(self.width), self._best(None)
        check = Check(
            self.proving, padded(best.network, 1), self.search
        )  # a file without any neuron would be read by nobody
        check.findings.add(widest)
        check.decisive = self.decisive
        check.look()
        generation = self.proving.generation
        blocks = self.start if generation is None else generation.blocks
        return Solution(check.network, answered(check, wish), self.width, max(1, widest.width), blocks)

    def _prove(self, tolerance: float, within: Limits) -> None:
        """Prove, and keep the networks that the last solution gives."""
        proving = self.proving

        proving.prove(tolerance, within, lambda _: within)
        if proving.solution is not None:
            self._take(rebuilt_candidates(self.problem, proving.solution, proving.known, proving.limits))

    def _time_to_prove(self) -> Limits:
        """All of it, unless a width may have to be searched for."""
        limit = self.proving.options.time_limit
        share = None if limit is None or self.width is None else _NARROWING * limit
        return self.proving.limits.within(share)

    def _narrow(self, width: int) -> None:
        """Networks of the width although the optimum needs more, as long as another round finds a better one."""
        proving, optimum = self.proving, self.proving.solution
        options = proving.options
        nothing: list[Neurons] = []
        parts = nothing if optimum is None else unless_it_fails(lambda: pruned(self.problem, optimum, width), nothing)
        if not trainable(self.problem):
            self._take(refitted(self.problem, parts, proving.limits))
            return
        self.search = search = SameWidthSearch(self.problem, width, options.seed, options.threads)
        for _ in range(_NARROW_ROUNDS):
            before = self._best(width).value.upper
            firsts = [self.problem.lift(self._best(width).network), *parts]
            self._take(retrained(search, firsts, proving.limits, proving.note_value))
            if proving.limits.reached() or not self._best(width).value.upper < before:
                return

    def _take(self, candidates: Iterable[Candidate]) -> None:
        self.met.extend(until_it_fails(witnesses(self.problem, candidates)))

    def _best(self, width: int | None) -> Witness:
        """Of the networks of at most the width the best; of those that come that close to it the narrowest."""
        allowed = [w for w in self.met if width is None or w.width <= width]
        least = min(w.value.upper for w in allowed)
        close = [w for w in allowed if w.value.upper <= least + _SAME_VALUE * abs(least)]
        return min(close, key=lambda w: (w.width, w.value.upper))
