"""The engine and one peer on the same instances in the same process: seconds, bounds, ratios, agreement."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.instances import Instance, instance
from benchmarks.measuring import Run, run_engine
from benchmarks.peers import enumeration, gurobi, scip
from benchmarks.peers.interface import PeerMissing, PeerRefused, PeerResult, both_signs
from benchmarks.tables import excess_text, head, row, seconds_text, short

_ROUNDING = 1e-9
_OUR_LIMIT = 120.0

Ask = Callable[[Instance, float], PeerResult]


@dataclass(frozen=True, slots=True)
class Contest:
    """A peer, and what it is asked: names of instances, with the ratio that is the target, or None."""

    peer: str
    ask: Ask
    targets: dict[str, float | None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The table and remarks of one contest, its lines for the table of targets; false: a bound of ours is wrong."""

    lines: list[str]
    targets: list[tuple[str, str, str, bool]]
    false: bool


def _by(solve) -> Ask:
    return lambda asked, limit: both_signs(solve, asked.problem, asked.threshold, asked.tolerance, limit)


def _by_enumeration(asked: Instance, limit: float) -> PeerResult:
    busy, wall = time.process_time(), time.perf_counter()
    try:
        found = enumeration.enumerate_gain(asked.problem.rows, asked.problem.nu, limit)
        lower, upper = abs(asked.problem.gain(found.direction)), found.gain
    except enumeration.TimeIsUp:
        lower, upper = 0.0, math.inf
    return PeerResult(lower, upper, time.process_time() - busy, time.perf_counter() - wall, upper == math.inf)


CONTESTS = {
    "scip": Contest(
        "SCIP",
        _by(scip.solve_side),
        {
            "gaussian 100 x 5": 500,
            "gaussian 200 x 5": 2_000,
            "gaussian 300 x 3": 2_000,
            "gaussian 80 x 8": None,
            "teacher 50 x 5, decay 0.1": None,
            "teacher 50 x 5, decay 0.01": None,
            "iris, max/10": 500,
        },
    ),
    "enumeration": Contest(
        "enumeration",
        _by_enumeration,
        {"gaussian 60 x 3": 10_000, "gaussian 25 x 4": None},
    ),
    "gurobi": Contest(
        "Gurobi",
        _by(gurobi.solve_side),
        {"gaussian 100 x 5": 500, "teacher 50 x 10, decay 0.1": None, "teacher 50 x 10, decay 0.01": None},
    ),
}


def compete(contest: Contest, limit: float) -> Outcome:
    """Both on every instance; `limit` cuts the peer, and a cut counts as that many seconds."""
    columns = ("instance", "n x r", "tolerance", "nodes", "nodes/s", "seconds", "bound/lower - 1")
    lines = head(*columns, f"{contest.peer}: seconds", "bound/lower - 1", "ratio", "target")
    remarks: list[str] = []
    targets: list[tuple[str, str, str, bool]] = []
    false = False
    for name in contest.targets:
        asked = instance(name)
        ours = run_engine(asked, _OUR_LIMIT)
        try:
            peer = contest.ask(asked, limit)
        except (PeerMissing, PeerRefused) as why:
            lines.append(row(*_own_cells(asked, ours), why, "", "", "not compared"))
        else:
            line, target = _compared(contest, asked, ours, peer, limit)
            said, wrong = _disagreements(asked, contest.peer, ours, peer)
            lines, targets, remarks, false = [*lines, line], targets + target, remarks + said, false or wrong
        print(lines[-1], flush=True)
    return Outcome([*lines, "", *remarks], targets, false)


def _own_cells(asked: Instance, ours: Run) -> tuple[object, ...]:
    size = (asked.name, asked.shape, asked.tolerance, f"{ours.bound.nodes:,}", short(ours.rate))
    return (*size, seconds_text(ours.seconds, not ours.bound.settled), excess_text(ours.excess))


def _compared(
    contest: Contest, asked: Instance, ours: Run, peer: PeerResult, limit: float
) -> tuple[str, list[tuple[str, str, str, bool]]]:
    """The line of the table, and the line for the table of targets where there is a target."""
    taken, known = limit if peer.cut else peer.seconds, max(ours.bound.lower, peer.lower)
    ratio, target = taken / ours.seconds, contest.targets[asked.name]
    shown, met = f"{'>' * peer.cut}{short(ratio)}x", bool(target and ratio >= target and ours.bound.settled)
    verdict = "" if target is None else f"{target:,}x: {'met' if met else 'missed'}"
    cells = (seconds_text(taken, peer.cut), excess_text(peer.upper / known - 1), shown, verdict)
    noted = [] if target is None else [(f"{contest.peer}, {asked.name}", f">= {target:,}x", shown, met)]
    return row(*_own_cells(asked, ours), *cells), noted


def _disagreements(asked: Instance, name: str, ours: Run, peer: PeerResult) -> tuple[list[str], bool]:
    """What cannot be true of both: a bound below a value that was attained. Second answer: is ours the false one?"""
    known = max(ours.bound.lower, peer.lower)
    scale, remarks = max(known, asked.threshold) or 1.0, []
    if not peer.upper >= known - _ROUNDING * scale:
        remarks.append(f"- {asked.name}: {name}'s bound lies below an attained value by {known - peer.upper:.1e}.")
    wrong = not ours.bound.upper >= peer.lower * (1 - 1e-12)
    if wrong:
        remarks.append(
            f"- {asked.name}: OUR BOUND IS FALSE, below {name}'s value by {peer.lower - ours.bound.upper:.1e}."
        )
    for line in remarks:
        print(line, flush=True)
    return remarks, wrong
