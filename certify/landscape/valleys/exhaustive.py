"""Every width decided, on small data: all sets of m (pattern, sign) pairs (docs/theory.md, section 8).

A spurious valley of width m has a strict minimum at its bottom: the optimum of the program of some m pairs, with all m neurons nonzero,
independent and directionally stationary. And P(m) is the least optimum of all sets of at most m pairs. So the programs of all sets are solved. A set
is left out where some pair k is of no use to the others: where the optimum of the others has no gain above beta on k's
cone, it is an optimum with k, too, and k's neuron is zero there. (A bound on that gain is |Z' D_k nu|, the cone left out.)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from certify.arrays import Bools, Floats
from certify.convex.blocks import Blocks, network_of
from certify.convex.polish import polish
from certify.convex.restricted import solve_restricted
from certify.errors import UsageError
from certify.gain.question import Limits
from certify.landscape.valleys.minima import (
    Minimum,
    above,
    distinct,
    no_way_around,
    spurious,
    strict_minimum,
    value_of,
)
from certify.linear import matmul, norm
from certify.patterns.enumerate import EnumerationStopped, enumerate_cones
from certify.problem.dual import dual_vector
from certify.problem.training import Neurons, TrainingProblem

MOST_PROGRAMS = 200_000
_ZERO = 1e-7  # share of the largest neuron below which one is zero
_USELESS = 1e-9  # relative; a gain above beta by less is none

Pairs = tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Width:
    """One width: least is the value of the best network known, P(m) where exact; minima: the spurious ones, each once, the lowest first."""

    width: int
    least: float
    minima: tuple[Minimum, ...]
    exact: bool


def every_width(problem: TrainingProblem, most: int, limits: Limits) -> list[Width]:
    """The widths 1 to `most`, as far as the limits allow; those not finished are not exact.

    Raises UsageError where there are too many patterns, or too many programs at width 1 already.
    """
    try:
        patterns = enumerate_cones(problem.rows, limits, MOST_PROGRAMS // 2).patterns
    except EnumerationStopped:
        return []
    patterns = patterns[np.any(patterns, axis=1)]
    return _Programs(problem, patterns, limits).widths(most)


class _Programs:
    """The programs of all sets of pairs, a size at a time. Pair k: pattern k // 2, sign +1 for even k."""

    def __init__(self, problem: TrainingProblem, patterns: Bools, limits: Limits) -> None:
        self.problem, self.limits = problem, limits
        self.patterns = np.repeat(patterns, 2, axis=0)
        self.signs = np.tile([1.0, -1.0], len(patterns))
        self.least = math.inf
        self.useful: dict[Pairs, Bools] = {}

    def widths(self, most: int) -> list[Width]:
        """Width by width."""
        found = []
        self.useful = {(): self._useful(np.full(self.problem.samples, self._constant()))}
        self.least = value_of(
            self.problem,
            network_of(self.problem, np.zeros((0, self.problem.rows.shape[1])), np.zeros(0), self._constant()),
        )
        for width in range(1, most + 1):
            count = math.comb(len(self.signs), width)
            if count > MOST_PROGRAMS and width == 1:
                raise UsageError(f"{count} programs of one neuron; --exhaustive solves {MOST_PROGRAMS} at most")
            if count > MOST_PROGRAMS or self.limits.reached():
                break
            found.append(self._width(width))
            if not found[-1].exact:
                break
        return found

    def _width(self, width: int) -> Width:
        candidates: list[tuple[float, Neurons]] = []
        useful: dict[Pairs, Bools] = {}
        finished = True
        for pairs in combinations(range(len(self.signs)), width):
            if self.limits.reached():
                finished = False
                break
            smaller = [(k, pairs[:i] + pairs[i + 1 :]) for i, k in enumerate(pairs)]
            known = [(k, self.useful.get(rest)) for k, rest in smaller]
            # a smaller set of which nothing is kept has itself a useless pair: its optimum is that of a smaller one still
            if not all(mask is None or mask[k] for k, mask in known):
                continue
            candidate, useful[pairs] = self._solved(pairs)
            if candidate is not None:
                candidates.append(candidate)
        self.useful = useful
        return Width(width, self.least, tuple(self._spurious(candidates)), finished)

    def _spurious(self, candidates: Sequence[tuple[float, Neurons]]) -> list[Minimum]:
        """The strict minima among them that are above the least value, each once."""
        problem = self.problem
        bad = [(value, n) for value, n in candidates if above(value, self.least) and no_way_around(problem, n)]
        minima = [strict_minimum(problem, neurons, self.limits) for neurons in distinct(bad)]
        return spurious([minimum for minimum in minima if minimum is not None], self.least)

    def _solved(self, pairs: Pairs) -> tuple[tuple[float, Neurons] | None, Bools]:
        """The network at the optimum of these pairs, where all of them are used, and the pairs that would lower it, or may."""
        chosen = list(pairs)
        blocks = Blocks(self.patterns[chosen], self.signs[chosen], np.zeros((len(chosen), self.problem.rows.shape[1])))
        solution = solve_restricted(self.problem, blocks, self.limits)
        sizes = norm(solution.w, axis=1)
        whole = bool(np.all(sizes > _ZERO * np.max(sizes, initial=0.0)) and np.max(sizes, initial=0.0) > 0)
        if whole or solution.value < self.least * (1 + _ZERO):
            solution = polish(self.problem, solution, self.limits)
        neurons = network_of(self.problem, solution.w, solution.blocks.signs, solution.c)
        if solution.value < self.least:
            self.least = min(self.least, value_of(self.problem, neurons))
        used = whole and neurons.width == len(chosen)
        return (solution.value, neurons) if used else None, self._useful(solution.f)

    def _useful(self, f: Floats) -> Bools:
        """The pairs (q,) on whose cones the dual vector at predictions f (n,) may have a gain above beta."""
        nu = dual_vector(self.problem, f[:, None])[:, 0]
        g = matmul(self.patterns * nu, self.problem.rows)
        sizes = self.problem.size(g)
        if self.problem.free_hidden_bias:
            return np.ones(len(self.signs), dtype=bool)
        useful: Bools = sizes > self.problem.beta * (1 + _USELESS)
        return useful

    def _constant(self) -> float:
        """The best constant prediction, where there is an output bias."""
        problem = self.problem
        if not problem.has_constant:
            return 0.0
        none = Blocks(self.patterns[:0], self.signs[:0], np.zeros((0, problem.rows.shape[1])))
        return solve_restricted(problem, none, self.limits).c
