"""A check as JSON: one object, its keys fixed (they may grow in number, never change their names), no NaN, no infinity."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from typing import Any

from certify.problem.network import Network
from certify.report.near import near_as_dict
from certify.report.numbers import midpoint
from certify.report.record import CheckRecord, FileRecord, TrainingRecord
from certify.report.training import training_sentence
from certify.verdict import Bounds, Direction, SameWidth, SearchReport, Stationarity, Verdict, Witness

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
        "eps": verdict.eps,
        "objective": _objective(record),
        **_figures(verdict),
        "stationarity": _stationarity(verdict.stationarity),
        "witness": _witness(verdict.witness, record.witness_file) if verdict.witness else None,
        "certificate": record.certificate_file,
        **({"training": _training(record.training, verdict)} if record.training else {}),
        "files": {"model": _file(record.model) if record.model else None, "data": _file(record.data)},
        "notes": list(record.notes),
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
        "start_value_bounds": _bounds(training.start) if training.start else None,
        "steps": training.steps,
        "network": _network(training.network),
    }


def _figures(verdict: Verdict) -> dict[str, Any]:
    return {
        "value": midpoint(verdict.value.lower, verdict.value.upper),
        "value_bounds": _bounds(verdict.value),
        "lower_bound": verdict.optimum.lower,
        "gap": verdict.gap,
        "relative_gap": verdict.relative_gap,
        "optimum": _bounds(verdict.optimum),
        "near": near_as_dict(verdict),
        "gain": {"beta": verdict.beta, **_bounds(verdict.gain)},
        "width": verdict.width,
        "width_needed": verdict.width_needed,
        "samples": verdict.samples,
        "inputs": verdict.inputs,
        "outputs": verdict.outputs,
        "rank": verdict.rank,
    }


def _objective(record: CheckRecord) -> dict[str, Any]:
    objective = record.objective
    return {
        "loss": objective.loss.value,
        "reduction": objective.reduction.value,
        "weight_decay": objective.weight_decay,
        "hidden_decay": objective.hidden_decay,
        "output_decay": objective.output_decay,
        "hidden_bias": objective.hidden_bias.value,
        "output_bias": objective.output_bias.value,
        "activation": objective.activation.name,
        "sample_weights": record.weighted,
    }


def _stationarity(report: Stationarity) -> dict[str, Any]:
    return {
        "balanced": report.balanced,
        "active": report.active,
        "clarke": report.clarke,
        "directional": report.directional,
        "residual": report.residual,
        "tolerance": report.tolerance,
        "balance_residual": report.balance_residual,
        "activity_residual": report.activity_residual,
        "bias_residual": report.bias_residual,
        "clarke_residual": report.clarke_residual,
        "boundary_samples": report.boundary,
        "dead": report.dead,
        "mergeable": report.mergeable,
    }


def _witness(witness: Witness, file: str | None) -> dict[str, Any]:
    return {
        "value": midpoint(witness.value.lower, witness.value.upper),
        "value_bounds": _bounds(witness.value),
        "width": witness.width,
        "file": file,
        "kind": witness.kind,
        "network": _network(witness.network),
        "direction": _direction(witness.direction) if witness.direction else None,
    }


def _direction(direction: Direction) -> dict[str, Any]:
    return {
        **_network(direction.displacement),
        "neurons": direction.neurons,
        "step": direction.step,
        "order": direction.order,
        "rate": direction.rate,
        "decrease": direction.decrease,
    }


def _network(network: Network) -> dict[str, Any]:
    return {
        "hidden_weights": network.hidden_weights,
        "hidden_bias": network.hidden_bias,
        "output_weights": network.output_weights,
        "output_bias": network.output_bias,
    }


def _bounds(bounds: Bounds) -> dict[str, float]:
    return {"lower": bounds.lower, "upper": bounds.upper}


def _file(file: FileRecord) -> dict[str, str]:
    return {"path": file.path, "format": file.format, "sha256": file.sha256, "canonical_sha256": file.canonical_sha256}


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
        "best_bounds": _bounds(search.best),
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
