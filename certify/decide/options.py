"""What a caller may ask of a check, and what it is told while it waits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CheckOptions:
    """Settings that change the cost of a check, never the meaning of its answer.

    eps         relative tolerance of the verdict
    time_limit  wall-clock seconds, or None for no limit
    threads     worker threads of the search
    seed        seed of the heuristic part of the search
    engine      "auto"; "cvxpy": the same, with the convex programs stated in cvxpy; or "enumerate" for the reference
                engine of certify/reference
    tight       go on once the verdict stands, until the bounds have nine digits or time is up
    started     time.monotonic() at which the time limit began to run; None: when the call does
    """

    eps: float = 1e-4
    time_limit: float | None = None
    threads: int = 1
    seed: int = 0
    engine: str = "auto"
    tight: bool = False
    started: float | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """One line of the live display. Bounds are proved at the time they are shown, but
    gain_lower, which is the largest gain seen, rounded to nearest. None where there is none yet."""

    stage: str
    elapsed: float
    value: float | None = None  # F of the network
    lower_bound: float | None = None  # proved lower bound on P*
    best_value: float | None = None  # least objective of any network found
    gain_lower: float | None = None
    gain_upper: float | None = None
    beta: float | None = None
    nodes: int = 0
    proved: float | None = None  # share of the search space that is settled, 0..1
    standing: str = (
        "open"  # what follows so far: open, certified, refuted, or wider: only a wider network is known to be better
    )
    left: float | None = None  # seconds until the time limit; None without one


ProgressCallback = Callable[[Progress], None]
