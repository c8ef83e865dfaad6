"""A regularisation path as a table: one line for each weight decay."""

from __future__ import annotations

from collections.abc import Sequence

from certify.files.text import path_name
from certify.report.as_text import verdict_line
from certify.report.numbers import GAP_DIGITS, excess, ratio, rounded_up, shortest
from certify.report.record import CheckRecord

HEADER = ("weight decay", "verdict", "F <=", "neurons", "gap <=", "relative", "file")
VALUE_DIGITS = 10


def path_table(records: Sequence[CheckRecord]) -> str:
    """Weight decay, verdict, value, neurons and proved gap, in aligned columns; bounds rounded away from the claim."""
    rows = [HEADER, *(_row(record) for record in records)]
    if all(record.model is None for record in records):
        rows = [row[:-1] for row in rows]
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join(lines) + "\n"


def path_verdicts(records: Sequence[CheckRecord]) -> str:
    """The weight decay and the verdict line of each."""
    return "".join(f"{shortest(record.objective.weight_decay)} {verdict_line(record.verdict)}\n" for record in records)


def _row(record: CheckRecord) -> tuple[str, ...]:
    verdict = record.verdict
    gap = excess(verdict.value.upper, verdict.optimum.lower)
    word = verdict.decision.value.upper() + (f" ({verdict.reason.value})" if verdict.reason else "")
    return (
        shortest(record.objective.weight_decay),
        word,
        rounded_up(verdict.value.upper, VALUE_DIGITS),
        str(verdict.width),
        rounded_up(gap, GAP_DIGITS),
        rounded_up(ratio(gap, verdict.value.lower), GAP_DIGITS),
        path_name(record.model.path) if record.model else "",
    )
