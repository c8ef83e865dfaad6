"""Many descents at one width, in lines that do not know of each other, so that any number of threads finds the same.

A line is an `Island`: variations of its own best networks, until none gets lower. Lines are started in order, and count in order, until
enough of them agree on the least value or the work is spent; what later lines have found by then does not count. Only a limit or
Ctrl-C makes the outcome depend on the clock.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

import numpy as np

from certify.arrays import Floats
from certify.decide.same_width.island import Island
from certify.decide.same_width.starts import Starts
from certify.decide.same_width.trainer import POLL_SECONDS, Flag, Trainer
from certify.gain.question import Limits
from certify.problem.training import Neurons, TrainingProblem
from certify.verdict import Bounds, SameWidth

_AGREEING = 4  # lines that end at the same least value
_SAME = 1e-6  # relative difference of values that agree
_PATIENCE = 60  # descents in vain that end a line
_MOST_SHARE = 0.5  # of the work, for a single line
_CALL_COST = 500.0  # multiplications that an evaluation costs whatever its size
_STEP_COST = 40.0  # and that each parameter costs in a step of L-BFGS

WORK = 4e9  # multiplications: some seconds


class SameWidthSearch:
    """The search for the best network of `width` neurons (at least one) of one problem.

    best: the best network met, or None; report: what `run` came to so far.
    """

    def __init__(self, problem: TrainingProblem, width: int, seed: int, threads: int) -> None:
        self.problem, self.width, self.seed, self.threads = problem, width, seed, max(1, threads)
        self._trainer, self._starts = Trainer(problem), Starts(problem, width)
        self._begun = 0
        self._counted: list[Island] = []
        self._seconds = 0.0

    def run(
        self,
        firsts: Sequence[Neurons],
        limits: Limits,
        work: float = WORK,
        tell: Callable[[float], None] = lambda value: None,
    ) -> None:
        """Search on, the first lines each from one of these networks (of at most the width), the others afresh.

        tell: called with the least F whenever a line has ended.
        """
        started = time.monotonic()
        begins = [self._parameters(neurons) for neurons in firsts]
        parameters = self.width * (self._trainer.inputs + self._trainer.outputs) + self._trainer.outputs
        each = self.problem.samples * float(parameters) + _STEP_COST * parameters + _CALL_COST
        stop: Flag = np.full(1, limits.reached(), dtype=np.int32)
        with ThreadPoolExecutor(self.threads) as pool:
            try:
                self._run(begins, work / each, limits, stop, pool, tell)
            finally:
                stop[0] = 1
        self._seconds += time.monotonic() - started

    @property
    def best(self) -> Neurons | None:
        """The best network met so far, or None."""
        island = min(self._counted, key=lambda line: line.best, default=None)
        return self._trainer.unpacked(island.kept[0][1]) if island is not None and island.kept else None

    def report(self, bounds: Bounds) -> SameWidth:
        """What was done, beside the enclosed F of the best network."""
        return SameWidth(self.starts, len(self._counted), self._agreeing(), bounds, self._seconds)

    @property
    def starts(self) -> int:
        """Descents so far."""
        return sum(island.count for island in self._counted)

    def _run(
        self,
        begins: list[Floats],
        most: float,
        limits: Limits,
        stop: Flag,
        pool: ThreadPoolExecutor,
        tell: Callable[[float], None],
    ) -> None:
        running: dict[Future[None], int] = {}
        lines: list[Island] = []
        counted, spent = 0, 0.0
        while True:
            while len(running) < self.threads:
                island = self._line(begins, len(lines))
                running[pool.submit(island.run, _MOST_SHARE * most, stop)] = len(lines)
                lines.append(island)
            ended, _ = wait(running, POLL_SECONDS, FIRST_COMPLETED)
            for future in ended:
                future.result()
                del running[future]
            if limits.reached():
                stop[0] = 1
                wait(running)
                self._counted += lines[counted:]
                return
            while counted < len(lines) and lines[counted].ended:
                self._counted.append(lines[counted])
                spent += lines[counted].cost
                counted += 1
                tell(min(island.best for island in self._counted))
                if spent >= most or self._agreeing() >= _AGREEING:
                    return

    def _line(self, begins: list[Floats], index: int) -> Island:
        firsts = begins[index : index + 1]
        self._begun += 1
        return Island(self._starts, self._trainer, (self.seed, self._begun), firsts, _PATIENCE)

    def _agreeing(self) -> int:
        """Lines that ended at the least value."""
        least = min((island.best for island in self._counted), default=np.inf)
        return sum(island.best <= least + _SAME * abs(least) for island in self._counted)

    def _parameters(self, neurons: Neurons) -> Floats:
        missing = self.width - neurons.width
        u = np.vstack([neurons.u, np.zeros((missing, neurons.u.shape[1]))])
        a = np.vstack([neurons.a, np.zeros((missing, neurons.a.shape[1]))])
        return self._trainer.packed(Neurons(u, a, neurons.c))
