"""The programs of sets of (pattern, sign) pairs, one after the other, in this process or shared out among several."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

import numpy as np

from certify.arrays import Bools, Floats
from certify.convex.blocks import Blocks, network_of
from certify.convex.polish import polish
from certify.convex.restricted import solve_restricted
from certify.gain.question import Limits
from certify.linear import matmul, norm
from certify.problem.dual import dual_vector
from certify.problem.training import Neurons, TrainingProblem

ZERO = 1e-7  # share of the largest neuron below which one is zero
_USELESS = 1e-9  # relative; a gain above beta by less is none
_CHUNK = 250  # programs handed to a process at a time
_WORTH_IT = 3_000  # fewer are solved before other processes have begun

Pairs = tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Solved:
    """The optimum of one set: its value and network, whether every pair is used, and the pairs (q,) that would lower it, or may."""

    value: float
    neurons: Neurons
    used: bool
    useful: Bools


@dataclass(frozen=True, slots=True, eq=False)
class Programs:
    """Patterns (q, n) and signs (q,) of all pairs: pair k has pattern k // 2, and sign + for even k. deadline: as in Limits."""

    problem: TrainingProblem
    patterns: Bools
    signs: Floats
    deadline: float | None

    @classmethod
    def of(cls, problem: TrainingProblem, patterns: Bools, deadline: float | None) -> Programs:
        """Both signs of each pattern (p, n)."""
        return cls(problem, np.repeat(patterns, 2, axis=0), np.tile([1.0, -1.0], len(patterns)), deadline)

    @property
    def count(self) -> int:
        """Number q of pairs."""
        return int(self.signs.size)

    def solved(self, pairs: Pairs, least: float) -> Solved:
        """Solve one; to machine precision where all pairs are used, or where it may be lower than the least value known."""
        problem, limits = self.problem, Limits(self.deadline)
        chosen = list(pairs)
        blocks = Blocks(self.patterns[chosen], self.signs[chosen], np.zeros((len(chosen), problem.rows.shape[1])))
        solution = solve_restricted(problem, blocks, limits)
        sizes = norm(solution.w, axis=1)
        whole = bool(np.all(sizes > ZERO * np.max(sizes, initial=0.0)) and np.max(sizes, initial=0.0) > 0)
        if whole or solution.value < least * (1 + ZERO):
            solution = polish(problem, solution, limits)
        neurons = network_of(problem, solution.w, solution.blocks.signs, solution.c)
        return Solved(solution.value, neurons, whole and neurons.width == len(chosen), self.useful(solution.f))

    def each(self, sets: Sequence[Pairs], least: float, threads: int) -> Iterator[tuple[Pairs, Solved]]:
        """Solve all of them, in order; many are shared out among so many processes."""
        if threads < 2 or len(sets) < _WORTH_IT:
            for pairs in sets:
                yield pairs, self.solved(pairs, least)
            return
        chunks = [sets[start : start + _CHUNK] for start in range(0, len(sets), _CHUNK)]
        with ProcessPoolExecutor(threads, get_context("spawn"), _begin, (self,)) as pool:
            for chunk, answers in zip(chunks, pool.map(_solve, chunks, [least] * len(chunks)), strict=True):
                yield from zip(chunk, answers, strict=True)

    def useful(self, f: Floats) -> Bools:
        """The pairs (q,) on whose cones the dual vector at predictions f (n,) may have a gain above beta."""
        nu = dual_vector(self.problem, f[:, None])[:, 0]
        useful: Bools = norm(matmul(self.patterns * nu, self.problem.rows), axis=1) > self.problem.beta * (1 + _USELESS)
        return useful

    def constant(self) -> float:
        """The best constant prediction, where there is an output bias."""
        if not self.problem.has_constant:
            return 0.0
        none = Blocks(self.patterns[:0], self.signs[:0], np.zeros((0, self.problem.rows.shape[1])))
        return solve_restricted(self.problem, none, Limits(self.deadline)).c


_programs: list[Programs] = []  # of a process that works for another


def _begin(programs: Programs) -> None:
    _programs[:] = [programs]
    np.seterr(all="ignore")  # as in the process that asks


def _solve(sets: Sequence[Pairs], least: float) -> list[Solved]:
    return [_programs[0].solved(pairs, least) for pairs in sets]
