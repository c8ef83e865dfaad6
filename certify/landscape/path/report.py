"""What `certify path` finds out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from certify.checker.descents import Way
from certify.verdict import Bounds


class Answer(StrEnum):
    """found: a path to a global optimum, checked. impossible: there is none at this width. unknown: neither."""

    FOUND = "found"
    IMPOSSIBLE = "impossible"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, eq=False)
class Arrival:
    """How a path meets the optimum that it was to end at.

    value     F of that optimum
    distance  the largest |w_j - w'_j| of the path's end and the target, relative to its largest |w'_j|; 0 where it ends there exactly;
              None where it does not reach it
    ordered   whether the neurons stand in the target's slots; else they do in another order
    """

    value: Bounds
    distance: float | None = None
    ordered: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class PathReport:
    """The answer and the path, which is a way down in any case: where the answer is not found, the lowest one met.

    start, end    F at the network and where the path ends        optimum  bounds on P* over every width
    rise          the most that F can rise on the way, all pieces together, in exact arithmetic
    width         of the path; suffices: the width from which on there is always a path (R + 1)
    dead_ends     branches that ended in a valley
    arrival       at the optimum that was asked for; None where any will do
    """

    answer: Answer
    reason: str
    way: Way
    start: Bounds
    end: Bounds
    optimum: Bounds
    rise: float
    eps: float
    width: int
    suffices: int
    dead_ends: int
    seconds: float
    interrupted: bool = False
    arrival: Arrival | None = None

    @property
    def pieces(self) -> int:
        """How many there are, balancing included."""
        return len(self.way.kinds)
