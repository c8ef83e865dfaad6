"""A path, for people: a line with the answer, a block, and a line a piece."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from certify.landscape.path.report import Answer, Arrival, PathReport
from certify.problem.objective import Objective
from certify.report.layout import COLUMNS, count, entry, file_entries, objective_entries
from certify.report.numbers import GAP_DIGITS, excess, midpoint, rounded_down, rounded_up, shortest, with_error
from certify.report.record import FileRecord

COLOURS = {Answer.FOUND: "32", Answer.IMPOSSIBLE: "31", Answer.UNKNOWN: "33"}


_BESIDE = 0.1  # relative; what is farther away is no neighbour


def answer_line(report: PathReport, colour: bool = False) -> str:
    """`FOUND F 1.64 -> 0.495658689, 6 pieces (gap<=2.2e-13, eps 1e-04)`: stable, to be read by programs too."""
    word = report.answer.value.upper()
    if colour:
        word = f"\033[1;{COLOURS[report.answer]}m{word}\033[0m"
    gap = rounded_up(excess(report.end.upper, report.optimum.lower), GAP_DIGITS)
    start, end = (f"{midpoint(f.lower, f.upper):.9g}" for f in (report.start, report.end))
    return f"{word} F {start} -> {end}, {count(report.pieces, 'piece')} (gap<={gap}, eps {shortest(report.eps)})"


def path_text(
    report: PathReport,
    objective: Objective,
    samples: int,
    files: tuple[FileRecord, FileRecord],
    weighted: bool,
    colour: bool = False,
    target: FileRecord | None = None,
) -> str:
    """The line, the block, the pieces."""
    lines = [answer_line(report, colour), *textwrap.wrap(report.reason, COLUMNS), ""]
    for label, text in _entries(report):
        lines.extend(entry(label, text))
    for label, text in objective_entries(objective, samples, weighted):
        lines.extend(entry(label, text))
    labelled = [*zip(("model", "data"), files, strict=True), *([] if target is None else [("target", target)])]
    for label, file in labelled:
        for name, text in file_entries(label, file):
            lines.extend(entry(name, text))
    lines += ["", *_pieces(report)]
    return "\n".join(lines) + "\n"


def _entries(report: PathReport) -> Iterator[tuple[str, str]]:
    yield "start", f"F = {with_error(report.start.lower, report.start.upper)}"
    yield "end", f"F = {with_error(report.end.lower, report.end.upper)}"
    if report.arrival is not None:
        yield "target", _arrival(report.arrival)
    yield (
        "optimum",
        f"{rounded_down(report.optimum.lower)} <= P* <= {rounded_up(report.optimum.upper)}, over every width",
    )
    rise = rounded_up(report.rise, GAP_DIGITS)
    yield "rise", f"F rises by at most {rise} in all, decided in exact arithmetic"
    yield "width", f"{count(report.width, 'neuron')}; {report.suffices} always suffice"
    tried = f"; {count(report.dead_ends, 'branch')} ended in a valley".replace("branchs", "branches")
    yield "search", f"{report.seconds:.2f} s{tried if report.dead_ends else ''}"


def _arrival(arrival: Arrival) -> str:
    value = f"F = {with_error(arrival.value.lower, arrival.value.upper)}"
    if arrival.distance is None:
        return f"{value}; not reached"
    if arrival.distance > _BESIDE:
        return f"{value}; above P*, and the path ends where a way down from it does, {rounded_up(arrival.distance, 2)} away (relative)"
    near = (
        "exactly"
        if arrival.distance == 0
        else f"at the optimum beside it, {rounded_up(arrival.distance, 2)} away (relative)"
    )
    order = "neuron by neuron" if arrival.ordered else "its neurons in another order"
    return f"{value}; the path ends there {near}, {order}"


def _pieces(report: PathReport) -> Iterator[str]:
    yield "piece  kind      neurons  F after"
    for k, kind in enumerate(report.way.kinds):
        used = sum(any(w) for w in report.way.vectors[k])
        yield f"{k:>5}  {kind:<8}  {used:>7}  {report.way.values[k + 1]:.12g}"
