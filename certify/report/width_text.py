"""Every width, for people: one stable line, a table of the widths, and a block, at most 80 columns wide."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from certify.landscape.valleys.exhaustive import Width
from certify.report.layout import COLUMNS, count, entry, file_entries, objective_entries
from certify.report.numbers import GAP_DIGITS, excess, rounded_down, rounded_up
from certify.report.width import WidthRecord

_MOST_VALUES, _MOST_WIDTHS = 4, 24


def width_line(record: WidthRecord, colour: bool = False) -> str:
    """`WIDTHS without spurious valleys from 3 on; spurious at 1, 2`: stable, to be read by programs too."""
    survey = record.survey
    word = "\033[1;32mWIDTHS\033[0m" if colour else "WIDTHS"
    bad = [str(width.width) for width in survey.widths if width.minima]
    found = f"spurious at {', '.join(bad[:_MOST_WIDTHS])}" if bad else "no spurious one found below"
    if survey.not_covered is not None:
        found = "below: not covered"
    return f"{word} without spurious valleys from {survey.sufficient} on; {found}"


def width_text(record: WidthRecord, colour: bool = False) -> str:
    """The line, the widths, the block."""
    lines = [width_line(record, colour), *textwrap.wrap(_explanation(record), COLUMNS), ""]
    if record.survey.widths:
        lines += [*_table(record), ""]
    for label, text in _entries(record):
        lines.extend(entry(label, text))
    return "\n".join(lines) + "\n"


def _explanation(record: WidthRecord) -> str:
    survey = record.survey
    if survey.not_covered is not None:
        return f"valleys below are not covered, because {survey.not_covered}"
    if record.exhaustive:
        done = sum(width.exact for width in survey.widths)
        return f"widths 1 to {done} are decided: all programs of that many pairs were solved"
    return f"below, {count(record.starts, 'descent')} at each width: what they found is there, more may be"


def _table(record: WidthRecord) -> Iterator[str]:
    yield "width  least F            spurious minima: number, values"
    for width in record.survey.widths[:_MOST_WIDTHS]:
        least = ("= " if _known(record, width) else "<= ") + f"{width.least:.9g}"
        many = str(len(width.minima)) if width.exact else f"at least {len(width.minima)}"
        values = [f"{m.value.upper:.6g}" for m in width.minima[:_MOST_VALUES]]
        more = ", ..." if len(width.minima) > _MOST_VALUES else ""
        worst = f" (worst {width.minima[-1].value.upper:.6g})" if len(width.minima) > _MOST_VALUES else ""
        shown = f": {', '.join(values)}{more}{worst}" if values else ""
        yield f"{width.width:>5}  {least:<17}  {many}{shown}"
    left = record.survey.rank - len(record.survey.widths[:_MOST_WIDTHS])
    if left > 0:
        yield f"       ... {count(left, 'width')} more below {record.survey.sufficient}, not looked at"
    yield f"{record.survey.sufficient:>5}+ = {record.survey.optimum:<15.9g}  none, proved"


def _known(record: WidthRecord, width: Width) -> bool:
    return width.exact or (record.answers is not None and width.width >= record.answers.least_width[1])


def _entries(record: WidthRecord) -> Iterator[tuple[str, str]]:
    landscape, answers, survey = record.landscape, record.answers, record.survey
    yield "optimum", f"{rounded_down(landscape.lower)} <= P* <= {rounded_up(landscape.upper)}"
    if answers is None:
        yield "optima", f"not covered, because {landscape.not_covered}"
    else:
        stairs = answers.staircase
        yield (
            "optima",
            f"m* {_enclosed(answers.least_width)}, M* {_enclosed(answers.greatest_width)}, rank(A) {answers.polytope.rank.rank}",
        )
        if stairs is not None:
            yield "", f"connected from width {stairs.connected_from} on"
    yield "R", f"{landscape.rank.rank}, the dimension of what networks predict; n + 1 = {record.samples + 1}"
    if record.model is not None:
        _, width, report = record.model
        above = rounded_up(excess(report.value.upper, landscape.lower), GAP_DIGITS)
        reaches = "reaches" if width >= survey.sufficient else "is below"
        yield (
            "network",
            f"{count(width, 'neuron')}, which {reaches} {survey.sufficient}; {report.kind.value}, {above} above P*",
        )
        if report.nearby is not None:
            yield "", f"in the valley of a {report.nearby.kind.value} point of F = {report.nearby.value.upper:.9g}"
    for m, number, file in record.exported:
        yield "exported", f"width {m}, number {number}: {file}"
    yield from objective_entries(record.objective, record.samples, record.weighted)
    if record.model is not None:
        yield from file_entries("model", record.model[0])
    yield from file_entries("data", record.data)
    yield "search", f"{survey.seconds:.2f} s for the valleys"


def _enclosed(bounds: tuple[int, int]) -> str:
    return f"= {bounds[0]}" if bounds[0] == bounds[1] else f"in {bounds[0]}..{bounds[1]}"
