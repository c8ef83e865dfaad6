"""What one `certify width` reports."""

from __future__ import annotations

from dataclasses import dataclass

from certify.landscape.answers import Answers
from certify.landscape.landscape import Landscape
from certify.landscape.stationary.report import StationaryReport
from certify.landscape.valleys.survey import Survey
from certify.problem.objective import Objective
from certify.report.record import FileRecord


@dataclass(frozen=True, slots=True, eq=False)
class WidthRecord:
    """answers: None where the optima are not covered. model: its file, width and class; None where only data was given.

    exported: files of the witnesses, by (width, number)."""

    landscape: Landscape
    answers: Answers | None
    survey: Survey
    objective: Objective
    weighted: bool
    samples: int
    data: FileRecord
    notes: tuple[str, ...]
    exhaustive: bool
    starts: int
    model: tuple[FileRecord, int, StationaryReport] | None = None
    exported: tuple[tuple[int, int, str], ...] = ()
