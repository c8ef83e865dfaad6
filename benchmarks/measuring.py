"""How the engine is called and timed: the one place where benchmarks touch the search."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass

from benchmarks.instances import Instance
from certify.gain.engine import bound_gain
from certify.gain.question import GainBound, Limits

_REPEATS = ((1.0, 5), (10.0, 3), (float("inf"), 1))  # a call below so many seconds: how often it is made


@dataclass(frozen=True, slots=True)
class Run:
    """One engine call: processor and wall seconds (medians where short), and the last call's bound."""

    bound: GainBound
    seconds: float
    wall: float

    @property
    def excess(self) -> float:
        """Proved bound over the best direction found, minus 1."""
        return self.bound.upper / self.bound.lower - 1 if self.bound.lower > 0 else float("inf")

    @property
    def rate(self) -> float:
        """Nodes a processor second."""
        return self.bound.nodes / self.seconds


def call_engine(asked: Instance, seconds: float, threads: int = 1) -> GainBound:
    """One call, cut after so many wall seconds."""
    return bound_gain(asked.problem, asked.question(threads), Limits().within(seconds=seconds))


def run_engine(asked: Instance, seconds: float, threads: int = 1) -> Run:
    """The engine on one instance, at most so many wall seconds a call."""
    times: list[tuple[float, float]] = []
    while not times or len(times) < next(often for below, often in _REPEATS if times[0][0] < below):
        busy, wall = time.process_time(), time.perf_counter()
        bound = call_engine(asked, seconds, threads)
        times.append((time.process_time() - busy, time.perf_counter() - wall))
    return Run(bound, statistics.median(t for t, _ in times), statistics.median(t for _, t in times))
