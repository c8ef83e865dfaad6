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

from certify.arrays import Bools
from certify.convex.blocks import network_of
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
from certify.landscape.valleys.pairs import Pairs, Programs
from certify.patterns.enumerate import EnumerationStopped, enumerate_cones
from certify.problem.training import Neurons, TrainingProblem

MOST_PROGRAMS = 200_000


@dataclass(frozen=True, slots=True, eq=False)
class Width:
    """One width: least is the value of the best network known, P(m) where exact; minima: the spurious ones, each once, the lowest first."""

    width: int
    least: float
    minima: tuple[Minimum, ...]
    exact: bool


def every_width(problem: TrainingProblem, most: int, limits: Limits, threads: int = 1) -> list[Width]:
    """The widths 1 to `most`, as far as the limits allow; those not finished are not exact. threads: processes that share the work.

    Raises UsageError where there are too many patterns, or too many programs at width 1 already.
    """
    try:
        patterns = enumerate_cones(problem.rows, limits, MOST_PROGRAMS // 2).patterns
    except EnumerationStopped:
        return []
    patterns = patterns[np.any(patterns, axis=1)]
    return _Search(Programs.of(problem, patterns, limits.deadline), limits, threads).widths(most)


class _Search:
    """Width by width; what a pair is to a set is kept from the width before."""

    def __init__(self, programs: Programs, limits: Limits, threads: int) -> None:
        self.programs, self.problem, self.limits, self.threads = programs, programs.problem, limits, threads
        self.least = math.inf
        self.useful: dict[Pairs, Bools] = {}

    def widths(self, most: int) -> list[Width]:
        """The widths 1 to `most`, or to the last one that was begun."""
        found: list[Width] = []
        constant = self.programs.constant()
        self.useful = {(): self.programs.useful(np.full(self.problem.samples, constant))}
        none = np.zeros((0, self.problem.rows.shape[1]))
        self.least = value_of(self.problem, network_of(self.problem, none, np.zeros(0), constant))
        for width in range(1, most + 1):
            count = math.comb(self.programs.count, width)
            if count > MOST_PROGRAMS and width == 1:
                raise UsageError(f"{count} programs of one neuron; --exhaustive solves {MOST_PROGRAMS} at most")
            if count > MOST_PROGRAMS or self.limits.reached():
                break
            found.append(self._width(width))
            if not found[-1].exact:
                break
        return found

    def _width(self, width: int) -> Width:
        sets = [pairs for pairs in combinations(range(self.programs.count), width) if self._all_useful(pairs)]
        candidates: list[tuple[float, Neurons]] = []
        useful: dict[Pairs, Bools] = {}
        for pairs, solved in self.programs.each(sets, self.least, self.threads):
            if self.limits.reached():
                break
            useful[pairs] = solved.useful
            if solved.value < self.least:
                self.least = min(self.least, value_of(self.problem, solved.neurons))
            if solved.used:
                candidates.append((solved.value, solved.neurons))
        self.useful = useful
        bad = self._spurious(candidates)
        return Width(width, self.least, tuple(bad), not self.limits.reached())

    def _all_useful(self, pairs: Pairs) -> bool:
        """Whether each pair may lower the optimum of the others. Of a set that was left out itself nothing is known."""
        known = ((k, self.useful.get(pairs[:i] + pairs[i + 1 :])) for i, k in enumerate(pairs))
        return all(mask is None or bool(mask[k]) for k, mask in known)

    def _spurious(self, candidates: Sequence[tuple[float, Neurons]]) -> list[Minimum]:
        """The strict minima among them that are above the least value, each once."""
        problem = self.problem
        bad = [(value, n) for value, n in candidates if above(value, self.least) and no_way_around(problem, n)]
        minima = [strict_minimum(problem, neurons, self.limits) for neurons in distinct(bad)]
        return spurious([minimum for minimum in minima if minimum is not None], self.least)
