"""A check as JSON: one object, its keys fixed (they may grow in number, never change their names), no NaN, no infinity."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from typing import Any

from certify.report.json_parts import (
    bounds_keys,
    direction_keys,
    file_keys,
    network_keys,
    objective_keys,
    stationarity_keys,
)
from certify.report.near import near_as_dict
from certify.report.numbers import midpoint
from certify.report.record import CheckRecord, TrainingRecord
from certify.report.remedy import remedy
from certify.report.training import training_sentence
from certify.verdict import SameWidth, SearchReport, Verdict, Witness

SCHEMA_VERSION = 1


def to_json(value: dict[str, Any]) -> str:
    """The object as text ending in a newline, a row of numbers on a line; what is not a finite number is null."""
    text = json.dumps(_plain(value), indent=2, allow_nan=False)
    # No JSON string holds a raw line end, so only lists are met here.
    return re.sub(r"\[\n([^][{}\"]*)\n *\]", lambda row: f"[{' '.join(row[1].split())}]", text) + "\n"


def check_as_dict(record: CheckRecord, version: str) -> dict[str, Any]:
    """Everything about one check. value: the float nearest to F; the bounds are in value_bounds and optimum."""
    verdict = record.verdict
    return {
        "schema_version": SCHEMA_VERSION,
        "verdict": verdict.decision.value,
        "reason": verdict.reason.value if verdict.reason else None,
        "explanation": verdict.explanation,
        "needs_seconds": verdict.lacks.seconds if verdict.lacks else None,
        "remedy": remedy(verdict.lacks) if verdict.lacks else None,
        "eps": verdict.eps,
        "objective": objective_keys(record.objective, record.weighted),
        **_figures(verdict),
        "stationarity": stationarity_keys(verdict.stationarity),
        "witness": _witness(verdict.witness, record.witness_file) if verdict.witness else None,
        "certificate": record.certificate_file,
        **({"training": _training(record.training, verdict)} if record.training else {}),
        "files": {"model": file_keys(record.model) if record.model else None, "data": file_keys(record.data)},
        "notes": list(record.notes),
        "cautions": [caution.as_dict() for caution in record.cautions],
        "search": _search(verdict.search),
        "same_width": _same_width(verdict.same_width) if verdict.same_width else None,
        "version": version,
    }


def path_as_dict(records: Sequence[CheckRecord], version: str) -> dict[str, Any]:
    """A regularisation path: one full record for each weight decay, the largest first."""
    return {"schema_version": SCHEMA_VERSION, "path": [check_as_dict(record, version) for record in records]}


def _training(training: TrainingRecord, verdict: Verdict) -> dict[str, Any]:
    return {
        "outcome": training.outcome,
        "explanation": training_sentence(training, verdict),
        "width_asked": training.width_asked,
        "narrowest_known": training.narrowest_known,
        "start_value_bounds": bounds_keys(training.start) if training.start else None,
        "steps": training.steps,
        "network": network_keys(training.network),
    }


def _figures(verdict: Verdict) -> dict[str, Any]:
    return {
        "value": midpoint(verdict.value.lower, verdict.value.upper),
        "value_bounds": bounds_keys(verdict.value),
        "lower_bound": verdict.optimum.lower,
        "gap": verdict.gap,
        "relative_gap": verdict.relative_gap,
        "optimum": bounds_keys(verdict.optimum),
        "near": near_as_dict(verdict),
        "gain": {"beta": verdict.beta, **bounds_keys(verdict.gain)},
        "width": verdict.width,
        "width_needed": verdict.width_needed,
        "samples": verdict.samples,
        "inputs": verdict.inputs,
        "outputs": verdict.outputs,
        "rank": verdict.rank,
    }


def _witness(witness: Witness, file: str | None) -> dict[str, Any]:
    return {
        "value": midpoint(witness.value.lower, witness.value.upper),
        "value_bounds": bounds_keys(witness.value),
        "width": witness.width,
        "file": file,
        "kind": witness.kind,
        "network": network_keys(witness.network),
        "direction": direction_keys(witness.direction) if witness.direction else None,
    }


def _search(search: SearchReport) -> dict[str, Any]:
    return {
        "method": search.method,
        "nodes": search.nodes,
        "seconds": search.seconds,
        "threads": search.threads,
        "peak_memory_mb": search.peak_memory_mb,
    }


def _same_width(search: SameWidth) -> dict[str, Any]:
    return {
        "starts": search.starts,
        "lines": search.lines,
        "reached": search.reached,
        "best": midpoint(search.best.lower, search.best.upper),
        "best_bounds": bounds_keys(search.best),
        "seconds": search.seconds,
    }


def _plain(value: Any) -> Any:
    """Nested dicts, lists and Python scalars; arrays become lists, and floats that are not finite become null."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
