"""What a check asks of an engine: a bound on the gain, and a convex program to improve the dual with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from certify.arrays import Floats
from certify.convex.blocks import Blocks, blocks_of
from certify.convex.design import Design
from certify.convex.generation import ColumnGeneration, Solver
from certify.convex.polish import polish
from certify.convex.restricted import solve_restricted
from certify.convex.solution import RestrictedSolution, evaluated
from certify.decide.options import CheckOptions
from certify.gain.engine import GainProgress, Question, bound_gain
from certify.gain.question import GainBound, GainProblem, Limits, Violator
from certify.linear import matmul
from certify.problem.training import Neurons, TrainingProblem

_TOLERANCE = 1e-9
_ALL_BIAS = 1e-9  # a block whose norm is this small beside its bias is a constant


class Engine(Protocol):
    """The two services, under one name."""

    name: str

    def bound(
        self,
        problem: GainProblem,
        threshold: float,
        stop_above: float,
        limits: Limits,
        known: Sequence[Floats],
        progress: GainProgress,
    ) -> GainBound:
        """Bounds on M(nu); may stop once M <= threshold is proved, or a gain above stop_above is found."""

    def generation(
        self, problem: TrainingProblem, blocks: Blocks, seed: int, limits: Limits
    ) -> ColumnGeneration | None:
        """The convex program over (at least) the given blocks, not yet solved; None where there is nothing to solve."""


class SearchEngine:
    """Column generation and branch and bound."""

    name = "cones"

    def __init__(self, options: CheckOptions) -> None:
        self.options = options

    def bound(
        self,
        problem: GainProblem,
        threshold: float,
        stop_above: float,
        limits: Limits,
        known: Sequence[Floats],
        progress: GainProgress,
    ) -> GainBound:
        """As the protocol says."""
        question = Question(threshold, _TOLERANCE, stop_above, seed=self.options.seed, threads=self.options.threads)
        return bound_gain(problem, question, limits, known, progress)

    def generation(
        self, problem: TrainingProblem, blocks: Blocks, seed: int, limits: Limits
    ) -> ColumnGeneration | None:
        """As the protocol says."""
        return ColumnGeneration(problem, blocks, seed, self._solver(), self.options.threads)

    def _solver(self) -> Solver:
        if self.options.engine != "cvxpy":
            return solve_restricted
        from certify.convex.stated import solve_in_cvxpy  # cvxpy takes more than a second to import

        return solve_in_cvxpy


class EnumerationEngine:
    """The reference: every pattern listed, the full convex program in cvxpy, one projection a pattern (WLP)."""

    name = "enumerate"

    def __init__(self, options: CheckOptions) -> None:
        self.options = options

    def bound(
        self,
        problem: GainProblem,
        threshold: float,
        stop_above: float,
        limits: Limits,
        known: Sequence[Floats],
        progress: GainProgress,
    ) -> GainBound:
        """As the protocol says."""
        from certify.patterns.kkt import gain_by_enumeration

        bound = gain_by_enumeration(problem, Limits(limits.deadline, cancelled=limits.cancelled))
        progress(bound.lower, bound.upper, bound.nodes, float(bound.settled))
        return bound

    def generation(
        self, problem: TrainingProblem, blocks: Blocks, seed: int, limits: Limits
    ) -> ColumnGeneration | None:
        """As the protocol says."""
        program = FullProgram(problem, blocks, seed)
        return program if program.solve_all(limits) else None


class FullProgram(ColumnGeneration):
    """The full program has every column from the start: it is solved once, and nothing is ever added."""

    def solve_all(self, limits: Limits) -> bool:
        """Solve over all patterns; False at a limit or where the solver broke down."""
        from certify.patterns.enumerate import EnumerationStopped
        from certify.patterns.program import solve_full_program

        try:
            full = solve_full_program(self.problem, limits)
        except EnumerationStopped:
            return False
        if full is None:
            return False
        start = _as_blocks(self.problem, full.neurons, None if self.problem.loss.smooth else full.nu)
        polished = polish(self.problem, start, limits)
        self.solution = polished if polished.value <= start.value * (1 + 1e-12) else start
        self.blocks = self.solution.blocks
        self.nu = self.solution.nu
        return True

    def run(self, tolerance: float, limits: Limits, tell: Callable[[], None] = lambda: None) -> None:
        """Nothing to add."""

    def add(self, violators: Sequence[Violator]) -> bool:
        """Every pattern is there already."""
        return False

    def add_blocks(self, blocks: Blocks) -> None:
        """Likewise."""


def _as_blocks(problem: TrainingProblem, neurons: Neurons, multipliers: Floats | None) -> RestrictedSolution:
    """The network as blocks: neurons of one pattern and sign added up, those that are all free bias as a constant.

    multipliers (n,): the program's, where the predictions do not tell the dual vector.
    """
    w, outer = neurons.u * np.abs(neurons.a), np.sign(neurons.a[:, 0])
    sizes = problem.size(w)
    constant = problem.free_hidden_bias & (sizes <= _ALL_BIAS * np.max(np.abs(w), axis=1, initial=0.0))
    c = float(neurons.c[0]) + (float(np.sum(outer[constant] * w[constant, -1])) if np.any(constant) else 0.0)
    w, signs = w[~constant], outer[~constant]
    blocks = blocks_of(problem, w, signs)
    keys = [(s, p.tobytes()) for s, p in zip(signs, (matmul(problem.rows, w.T) > 0).T, strict=True)]
    totals = [
        np.sum([row for row, key in zip(w, keys, strict=True) if key == (s, p.tobytes())], axis=0)
        for s, p in zip(blocks.signs, blocks.patterns, strict=True)
    ]
    values = np.array(totals).reshape(blocks.count, w.shape[1])
    return evaluated(Design(problem, blocks), values, c, multipliers)


def make_engine(options: CheckOptions) -> Engine:
    """The engine that options.engine names."""
    return EnumerationEngine(options) if options.engine == "enumerate" else SearchEngine(options)
