"""Every width, as JSON; keys are added, never renamed."""

from __future__ import annotations

from typing import Any

from certify.landscape.valleys.exhaustive import Width
from certify.report.as_json import SCHEMA_VERSION
from certify.report.json_parts import file_keys, objective_keys
from certify.report.width import WidthRecord


def width_as_dict(record: WidthRecord, version: str) -> dict[str, Any]:
    """The record; null where something is not known."""
    landscape, answers, survey = record.landscape, record.answers, record.survey
    stairs = None if answers is None else answers.staircase
    return {
        "schema_version": SCHEMA_VERSION,
        "command": "width",
        "objective": objective_keys(record.objective, record.weighted),
        "optimum": {"lower": landscape.lower, "upper": landscape.upper},
        "m_star": _settled(None if answers is None else answers.least_width),
        "M_star": _settled(None if answers is None else answers.greatest_width),
        "m_star_bounds": None if answers is None else list(answers.least_width),
        "M_star_bounds": None if answers is None else list(answers.greatest_width),
        "rank": None if answers is None else answers.polytope.rank.rank,
        "connected_from": None if stairs is None else stairs.connected_from,
        "R": landscape.rank.rank,
        "samples_plus_one": record.samples + 1,
        "no_spurious_valley_from": survey.sufficient,
        "not_covered": {"optima": landscape.not_covered, "valleys": survey.not_covered},
        "exhaustive": record.exhaustive,
        "starts": None if record.exhaustive else record.starts,
        "widths": [_width(record, width) for width in survey.widths],
        "model": _model(record),
        "files": {
            "model": None if record.model is None else file_keys(record.model[0]),
            "data": file_keys(record.data),
        },
        "notes": list(record.notes),
        "seconds": survey.seconds,
        "version": version,
    }


def _settled(both: tuple[int, int] | None) -> int | None:
    return both[0] if both is not None and both[0] == both[1] else None


def _width(record: WidthRecord, width: Width) -> dict[str, Any]:
    files = {number: file for m, number, file in record.exported if m == width.width}
    return {
        "width": width.width,
        "least": width.least,
        "exact": width.exact,
        "spurious": {
            "count": len(width.minima),
            "exact": width.exact,
            "worst": max((m.value.upper for m in width.minima), default=None),
            "minima": [
                {"value": m.value.upper, "radius": m.radius, "file": files.get(k)} for k, m in enumerate(width.minima)
            ],
        },
    }


def _model(record: WidthRecord) -> dict[str, Any] | None:
    if record.model is None:
        return None
    _, width, report = record.model
    nearby = report.nearby
    return {
        "width": width,
        "value": report.value.upper,
        "above_optimum": report.value.upper - record.landscape.lower,
        "class": report.kind.value,
        "valley": None if nearby is None else {"class": nearby.kind.value, "value": nearby.value.upper},
        "reaches": width >= record.survey.sufficient,
    }
