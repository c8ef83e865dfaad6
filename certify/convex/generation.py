"""Column generation: the convex program with the patterns it needs, found one violator after another.

Solve over the blocks at hand, take the dual vector, look for directions of gain above beta, add their blocks, repeat
(docs/theory.md, sections 2 and 3). Whether none is left is proved elsewhere, by the engine.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence

import numpy as np

from certify.arrays import Floats
from certify.convex.blocks import Blocks, blocks_of, merge_blocks, network_of
from certify.convex.polish import polish
from certify.convex.pricing import climbed
from certify.convex.restricted import Start, affordable_blocks, solve_restricted
from certify.convex.solution import RestrictedSolution
from certify.failures import unless_it_fails
from certify.gain.question import GainProblem, Limits, Violator
from certify.linear import matmul, norm
from certify.problem.dual import gain_problem
from certify.problem.training import Neurons, TrainingProblem

_ADD_AT_ONCE = 12
_FEW, _MANY = 8, 64  # starts a dimension while violators are found, and before it is said that there are none
_MOST_WORK = 1e9  # entries of rows that the ascents of one round read, about, ...
_STEPS = 50  # ... if each reads all rows so many times
_SHARE = 0.25  # of the time left, which the many starts may take
_WORSE = 1e-6  # relative rise that is more than the solver's accuracy
_FALL = 1e-12  # relative fall of the value that is more than rounding
_IDLE = 0.03  # slack from which a block of size zero rules nothing out
_ALIKE = 0.95  # cosine above which two directions of one sign count as one choice


Solver = Callable[[TrainingProblem, Blocks, Limits, Start | None], RestrictedSolution]


class ColumnGeneration:
    """The restricted program as it grows. solver: what solves it.

    solution and nu are those of the last solve; None before there was one.
    """

    def __init__(
        self,
        problem: TrainingProblem,
        blocks: Blocks,
        seed: int = 0,
        solver: Solver = solve_restricted,
        threads: int = 1,
    ) -> None:
        self.problem, self.seed, self.rounds, self.solver, self.threads = problem, seed, 0, solver, threads
        self.blocks = blocks
        self.solution: RestrictedSolution | None = None
        self.nu: Floats | None = None
        self._least = sys.float_info.max
        self._tried: set[tuple[int, bytes]] = set()

    @property
    def neurons(self) -> Neurons:
        """The network of the last solution."""
        solution = self._solved()
        return network_of(self.problem, solution.w, solution.blocks.signs, solution.c)

    @property
    def gain_problem(self) -> GainProblem:
        """The gain of the last dual vector."""
        return gain_problem(self.problem, self._solved().nu)

    @property
    def directions(self) -> list[Floats]:
        """The directions of the last solution's neurons."""
        return list(self._solved().w)

    def _solved(self) -> RestrictedSolution:
        """The last solution. ValueError before there was one."""
        if self.solution is None:
            raise ValueError("the restricted program has not been solved yet")
        return self.solution

    def solve(self, limits: Limits, anew: bool = False) -> None:
        """Solve over the blocks at hand and drop those that have gone to zero; over the first ones, or not at all,
        where the time left is too short for all, or where numerics fail: then the last solution stays.

        anew: not from the last solution.
        """
        count = affordable_blocks(self.problem, self.blocks.count, limits)
        if count == 0 < self.blocks.count:
            return
        given = self.blocks.keep(slice(count))
        start = None if anew else self._start(count)
        solved = unless_it_fails(lambda: self.solver(self.problem, given, limits, start), None)
        if solved is None or (self.solution is not None and not solved.value <= self.solution.value * (1 + _WORSE)):
            return
        self.solution = unless_it_fails(lambda: polish(self.problem, solved, limits), solved)
        kept = self.solution.blocks
        self.blocks = Blocks(kept.patterns, kept.signs, self.solution.w)
        self.nu = self.solution.nu
        self.rounds += 1
        fallen = self.solution.value < self._least - _FALL * abs(self._least)
        if not self.problem.loss.smooth:
            # several dual vectors may be optimal: a block of size zero can be what rules some of them out
            if fallen and solved.active is not None:
                given = given.keep(solved.active.slack < _IDLE)
            self.blocks = merge_blocks(self.blocks, given)
        if fallen:
            self._least = self.solution.value
            self._tried.clear()

    def _start(self, count: int) -> Start | None:
        """The last solution as values of the first `count` blocks, which begin with its own; None where they are not all there."""
        last = self.solution
        if last is None or last.blocks.count > count:
            return None
        return np.vstack([last.w, np.zeros((count - last.blocks.count, self.problem.rows.shape[1]))]), last.c

    def add(self, violators: Sequence[Violator]) -> bool:
        """Add the blocks of the largest violators; False when all of them are there, or were since the value last fell.

        Below a certain excess rounding makes violators; solving drops their blocks again, and without memory that would never end.
        """
        fresh = [v for v, key in zip(violators, self._keys(violators), strict=True) if key not in self._tried]
        if not fresh:
            return False
        chosen = _spread_out(fresh)
        self._tried.update(self._keys(chosen))
        directions, signs = np.array([v.direction for v in chosen]), np.array([v.sign for v in chosen])
        merged = merge_blocks(self.blocks, blocks_of(self.problem, directions, signs))
        grown = merged.count > self.blocks.count
        self.blocks = merged
        return grown

    def _keys(self, violators: Sequence[Violator]) -> list[tuple[int, bytes]]:
        """Sign and pattern of each."""
        directions = np.array([v.direction for v in violators]).reshape(-1, self.problem.rows.shape[1])
        patterns = np.packbits(matmul(directions, self.problem.rows.T) > 0, axis=1)
        return [(v.sign, pattern.tobytes()) for v, pattern in zip(violators, patterns, strict=True)]

    def add_blocks(self, blocks: Blocks) -> None:
        """Add blocks that may be worth having, such as those of a network."""
        self.blocks = merge_blocks(self.blocks, blocks)

    def violators(self, tolerance: float, limits: Limits) -> list[Violator]:
        """Directions of gain above beta (1 + tolerance), by ascents alone: from a few starts, and from many where these find none."""
        return self._climbed(_FEW, tolerance, limits) or self._climbed(_MANY, tolerance, _share(limits))

    def _climbed(self, starts: int, tolerance: float, limits: Limits) -> list[Violator]:
        rng = np.random.default_rng((self.seed, self.rounds, starts))
        n, d = self.problem.rows.shape
        count = min(starts * d, max(_FEW * d, int(_MOST_WORK / (_STEPS * max(n, 1) * d))))
        above = self.problem.beta * (1 + tolerance)
        return climbed(self.gain_problem, self._solved().w, count, rng, above, limits, self.threads)

    def run(self, tolerance: float, limits: Limits, tell: Callable[[], None] = lambda: None) -> None:
        """Solve and add until the ascents find nothing above beta (1 + tolerance), or a limit is reached.

        tell: called after every solve.
        """
        self.solve(limits)
        while self.solution is not None and not limits.reached():
            tell()
            violators, value = self.violators(tolerance, limits), self._solved().value
            if self.add(violators):
                self.solve(limits)
                continue
            if violators:  # of blocks that are there: the solution is not the best one over them
                self.solve(limits, anew=True)
            if not self._solved().value < value * (1 - _FALL):
                return


def _share(limits: Limits) -> Limits:
    """A share of the time left, where it is limited."""
    if limits.deadline is None:
        return limits
    return limits.within(_SHARE * max(0.0, limits.deadline - time.monotonic()))


def _spread_out(violators: Sequence[Violator]) -> list[Violator]:
    """The largest ones of each neighbourhood first, then the largest of the rest, as many as are added at once."""
    units = np.array([v.sign * v.direction / norm(v.direction) for v in violators])
    near = matmul(units, units.T) > _ALIKE
    alike = near & (np.array([v.sign for v in violators])[:, None] == [v.sign for v in violators])
    leaders: list[int] = []
    for k in range(len(violators)):
        if not np.any(alike[k, leaders]):
            leaders.append(k)
    rest = [k for k in range(len(violators)) if k not in set(leaders)]
    return [violators[k] for k in [*leaders, *rest][:_ADD_AT_ONCE]]
