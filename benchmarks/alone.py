"""The engine by itself: how it scales, and what it does on real data."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.instances import instance
from benchmarks.measuring import Run, run_engine
from benchmarks.tables import excess_text, head, row, seconds_text, short

_TWO_THREADS_FROM = 1.0  # seconds; below, a second thread has nothing to do
_PERCENT, _PERCENT_SECONDS = 0.02, 100.0


@dataclass(frozen=True, slots=True)
class Case:
    """An instance, its tolerance, and its target: wall seconds, or (percent) within 2 % in 100 s at most."""

    name: str
    tolerance: float
    within: float | None = None
    percent: bool = False


def _cases(names: list[str], tolerance: float, **targets: float) -> list[Case]:
    return [Case(name, tolerance, targets.get(name)) for name in names]


SCALING = {
    "in n, rank 2": _cases(
        [f"gaussian {10**k} x 2" for k in range(2, 7)], 1e-4, **{"gaussian 1000000 x 2": 10.0}
    ),
    "in n, rank 3": _cases(
        [f"gaussian {10**k} x 3" for k in range(2, 6)], 1e-4, **{"gaussian 100000 x 3": 10.0}
    ),
    "in r, half the largest useful decay": _cases([f"planted 300 x {r}, max/2" for r in range(2, 11)], 1e-3),
    "in r, a tenth of it": _cases([f"planted 300 x {r}, max/10" for r in range(2, 11)], 1e-3),
    "in weight decay": _cases([f"planted 1000 x 6, max/{k}" for k in (2, 5, 10, 20, 33, 100)], 1e-3),
}  # fmt: skip

_BOTH = [
    f"{data}, max/{k}" for data in ("iris", "diabetes PCA 4", "diabetes", "wine", "wine with bias") for k in (2, 10)
]
_CANCER = [f"{data}, max/{k}" for data in ("breast cancer", "breast cancer with bias") for k in (2, 10)]
_PCA = [f"{data}, max/{k}" for data in ("cancer PCA 5", "cancer PCA 6 without bias") for k in (10, 100)]
_WITHIN = {
    "wine, max/10": 5.0,
    "wine with bias, max/10": 5.0,
    "breast cancer, max/2": 10.0,
    "breast cancer with bias, max/2": 10.0,
    "cancer PCA 5, max/100": 3.0,
    "cancer PCA 6 without bias, max/100": 20.0,
}
REAL = {
    "real data": [
        *_cases(_BOTH + _CANCER + _PCA, 1e-3, **_WITHIN),
        Case("diabetes without bias, decay 0.1", 1e-3, percent=True),
    ]
}

NODES = {
    "the cost of a node, 1,000 samples": _cases(
        [f"planted 1000 x {r}, max/{k}" for r, k in ((3, 1000), (4, 100), (5, 20), (6, 10))], 1e-4
    )
}

PARTS = {"nodes": NODES, "scaling": SCALING, "real": REAL}


def tabulate(part: str, limit: float) -> tuple[list[str], list[tuple[str, str, str, bool]]]:
    """The tables of one part, the engine cut at `limit` wall seconds, and the lines for the table of targets."""
    lines: list[str] = []
    targets: list[tuple[str, str, str, bool]] = []
    columns = ("instance", "n x r", "tolerance", "nodes", "µs a node", "seconds", "bound/lower - 1")
    for title, cases in PARTS[part].items():
        lines += [f"**{title[0].upper()}{title[1:]}**", ""]
        lines += head(*columns, "two threads: wall", "bound/lower - 1", "target")
        for case in cases:
            line, target = measure(case, limit)
            lines.append(line)
            targets += [target] if target else []
            print(line, flush=True)
        lines.append("")
    return lines, targets


def measure(case: Case, limit: float) -> tuple[str, tuple[str, str, str, bool] | None]:
    """One line, and what it says of the target."""
    asked = instance(case.name, case.tolerance)
    limit = min(10 * limit, _PERCENT_SECONDS) if case.percent else limit
    one = run_engine(asked, limit)
    two = run_engine(asked, limit, threads=2) if one.seconds > _TWO_THREADS_FROM else None
    own = (case.name, asked.shape, asked.tolerance, f"{one.bound.nodes:,}", _cost(one))
    cells = (*own, seconds_text(one.seconds, not one.bound.settled), excess_text(one.excess))
    more = ("", "") if two is None else (seconds_text(two.wall, not two.bound.settled), excess_text(two.excess))
    target = _judged(case, min((run for run in (one, two) if run), key=lambda r: (not r.bound.settled, r.wall)))
    return row(*cells, *more, "" if target is None else f"{target[1]}: {'met' if target[3] else 'missed'}"), target


def _cost(run: Run) -> str:
    """Microseconds a node."""
    return short(1e6 * run.seconds / run.bound.nodes) if run.bound.nodes else ""


def _judged(case: Case, best: Run) -> tuple[str, str, str, bool] | None:
    if case.percent:
        measured = f"{100 * best.excess:.2g} % in {short(best.wall)} s"
        return case.name, f"bound within {100 * _PERCENT:g} %", measured, bool(best.excess < _PERCENT)
    if case.within is None:
        return None
    measured = f"{seconds_text(best.wall, not best.bound.settled)} s"
    met = best.bound.settled and best.wall <= case.within
    return f"{case.name}, to {case.tolerance:g}", f"<= {case.within:g} s", measured, met
