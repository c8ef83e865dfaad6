"""A path, as JSON; keys are added, never renamed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from certify.landscape.path.report import PathReport
from certify.problem.objective import Objective
from certify.report.as_json import SCHEMA_VERSION
from certify.report.json_parts import bounds_keys, file_keys, objective_keys
from certify.report.numbers import midpoint
from certify.report.record import FileRecord


def path_as_dict(
    report: PathReport,
    objective: Objective,
    files: tuple[FileRecord, FileRecord],
    weighted: bool,
    written: Path | None,
    notes: tuple[str, ...],
    version: str,
    target: FileRecord | None = None,
) -> dict[str, Any]:
    """The record of one path; its breakpoints are in the file that --output writes."""
    model, data = files
    return {
        "schema_version": SCHEMA_VERSION,
        "command": "path",
        "eps": report.eps,
        "objective": objective_keys(objective, weighted),
        "optimum": bounds_keys(report.optimum),
        "path": {
            "answer": report.answer.value,
            "reason": report.reason,
            "pieces": report.pieces,
            "kinds": report.way.kinds,
            "values": report.way.values,
            "start": midpoint(report.start.lower, report.start.upper),
            "start_bounds": bounds_keys(report.start),
            "end": midpoint(report.end.lower, report.end.upper),
            "end_bounds": bounds_keys(report.end),
            "highest_rise": report.rise,
            "width": report.width,
            "sufficient_width": report.suffices,
            "dead_ends": report.dead_ends,
            "file": None if written is None else str(written),
            "target": _arrival_keys(report),
        },
        "files": {"model": file_keys(model), "data": file_keys(data)}
        | ({} if target is None else {"target": file_keys(target)}),
        "notes": list(notes),
        "seconds": report.seconds,
        "version": version,
    }


def _arrival_keys(report: PathReport) -> dict[str, Any] | None:
    """How the path meets the optimum that was asked for."""
    arrival = report.arrival
    if arrival is None:
        return None
    return {
        "value_bounds": bounds_keys(arrival.value),
        "reached": arrival.distance is not None,
        "distance": arrival.distance,
        "same_order": arrival.ordered if arrival.distance is not None else None,
    }
