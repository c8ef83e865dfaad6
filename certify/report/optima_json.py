"""All optima as JSON; the keys are fixed."""

from __future__ import annotations

from typing import Any

import numpy as np

from certify.landscape.answers import Answers
from certify.landscape.components import WidthComponents
from certify.landscape.polytope import RANK_TOLERANCE
from certify.report.as_json import SCHEMA_VERSION
from certify.report.json_parts import bounds_keys, file_keys, objective_keys
from certify.report.optima import OptimaRecord

_MOST_POINTS = 100_000  # numbers of the vertices' list


def optima_as_dict(record: OptimaRecord, version: str) -> dict[str, Any]:
    """Everything about the optima; null where it is not known."""
    landscape, answers = record.landscape, record.answers
    return {
        "schema_version": SCHEMA_VERSION,
        "answer": record.answer,
        "not_covered": landscape.not_covered,
        "objective": objective_keys(record.objective, record.weighted),
        "optimum": {"lower": landscape.lower, "upper": landscape.upper},
        "beta": landscape.beta,
        "dual": {"radius": landscape.radius, "slack": landscape.slack, "nu": landscape.nu},
        "complete": landscape.complete,
        "next_best": landscape.next_best,
        "directions": _directions(record),
        **(_answers(answers) if answers is not None else dict.fromkeys(_ANSWERS)),
        "R": landscape.rank.rank,
        "attained": True if answers is not None else None,
        "without_doubtful": _answers(record.other) if record.other is not None else None,
        "model": _model(record),
        "predictions": _predictions(record),
        "exported": [
            {
                "which": each.which,
                "width": each.width,
                "file": each.file,
                "loss": each.loss,
                "largest_loss": each.largest_loss,
            }
            for each in record.exported
        ],
        "moved": None
        if record.moved is None or record.model is None
        else {
            "moves": list(record.moved.moves),
            "width": record.moved.width,
            "file": record.moved.file,
            "before": bounds_keys(record.model.value),
            "after": bounds_keys(record.moved.value),
        },
        "landscape_file": record.saved,
        "samples": {
            "unweighted": landscape.unweighted,
            "zero": landscape.rank.zero_rows,
            "same_ray": landscape.rank.same_ray,
        },
        "files": {
            "model": file_keys(record.model.file) if record.model is not None else None,
            "data": file_keys(record.data),
        },
        "notes": list(record.notes),
        "search": {"method": landscape.method, "nodes": landscape.nodes, "seconds": record.seconds},
        "version": version,
    }


_ANSWERS = (
    "polytope",
    "m_star",
    "M_star",
    "m_star_bounds",
    "M_star_bounds",
    "rank",
    "rank_decision",
    "connected_from",
    "components",
)


def _directions(record: OptimaRecord) -> list[dict[str, Any]] | None:
    answers = record.answers
    if answers is None:
        return None
    least, largest = answers.polytope.least, answers.polytope.largest
    neurons = None if record.model is None else record.model.directions
    return [
        {
            "sign": block.sign,
            "unit": block.unit,
            "biases": block.biases,
            "gain": block.gain,
            "doubtful": block.doubtful,
            "pattern": record.patterns[k].astype(int),
            "least": least[k],
            "largest": largest[k],
            "in_optima": presence(least[k], largest[k]),
            "neurons": None if neurons is None else np.flatnonzero(neurons == k),
        }
        for k, block in enumerate(record.blocks)
    ]


def presence(least: float, largest: float) -> str:
    """every, some or none: in which optima a direction is."""
    return "every" if least > 0 else "some" if largest > 0 else "none"


def _answers(answers: Answers) -> dict[str, Any]:
    polytope, stairs = answers.polytope, answers.staircase
    listed = polytope.complete and polytope.vertices.size <= _MOST_POINTS
    return {
        "polytope": {
            "dimension": polytope.dimension,
            "vertices": len(polytope.vertices),
            "all_vertices": polytope.complete,
            "unique": polytope.unique,
            "same_function": answers.same_function,
            "points": polytope.vertices if listed else None,
        },
        "m_star": _settled(answers.least_width),
        "M_star": _settled(answers.greatest_width),
        "m_star_bounds": list(answers.least_width),
        "M_star_bounds": list(answers.greatest_width),
        "rank": polytope.rank.rank,
        "rank_decision": {
            "tolerance": RANK_TOLERANCE,
            "least_kept": polytope.rank.kept,
            "largest_dropped": polytope.rank.dropped,
        },
        "connected_from": None if stairs is None else stairs.connected_from,
        "components": None if stairs is None else [_components(step) for step in stairs.steps],
    }


def _settled(bounds: tuple[int, int]) -> int | None:
    return bounds[0] if bounds[0] == bounds[1] else None


def _components(step: WidthComponents) -> dict[str, Any]:
    """total as a string of digits: m! overflows a JSON number."""
    return {"width": step.width, "isolated": step.isolated, "continua": step.continua, "total": str(step.total)}


def _model(record: OptimaRecord) -> dict[str, Any] | None:
    if record.model is None:
        return None
    value = record.model.value
    return {
        "value_bounds": {"lower": value.lower, "upper": value.upper},
        "width": len(record.model.masses),
        "directions": record.model.directions,
        "masses": record.model.masses,
    }


def _predictions(record: OptimaRecord) -> dict[str, Any] | None:
    found = record.predictions
    if found is None:
        return None
    return {
        "file": found.file,
        "least": found.least,
        "largest": found.largest,
        "open_labels": int(np.sum(found.open)) if found.labels else None,
    }
