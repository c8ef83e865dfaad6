"""What `certify stationary` found out, as JSON; keys are added, never renamed."""

from __future__ import annotations

from typing import Any

from certify.landscape.stationary.report import NeuronReport, StationaryReport
from certify.problem.objective import Objective
from certify.report.as_json import SCHEMA_VERSION
from certify.report.json_parts import bounds_keys, direction_keys, file_keys, objective_keys, stationarity_keys
from certify.report.numbers import midpoint
from certify.report.record import FileRecord


def stationary_as_dict(
    report: StationaryReport,
    objective: Objective,
    files: tuple[FileRecord, FileRecord],
    weighted: bool,
    notes: tuple[str, ...],
    version: str,
) -> dict[str, Any]:
    """The record of one network."""
    model, data = files
    return {
        "schema_version": SCHEMA_VERSION,
        "command": "stationary",
        "eps": report.eps,
        "objective": objective_keys(objective, weighted),
        "value": midpoint(report.value.lower, report.value.upper),
        "value_bounds": bounds_keys(report.value),
        "optimum": bounds_keys(report.optimum),
        "gain": {"beta": report.beta, **bounds_keys(report.gain)},
        "stationary": _stationary(report),
        "stationarity": stationarity_keys(report.stationarity),
        "neurons": [_neuron(neuron) for neuron in report.neurons],
        "files": {"model": file_keys(model), "data": file_keys(data)},
        "notes": list(notes),
        "seconds": report.seconds,
        "version": version,
    }


def _stationary(report: StationaryReport) -> dict[str, Any]:
    near, nearby = report.near, report.nearby
    return {
        "class": report.kind.value,
        "note": report.note,
        "tolerance": report.tolerance,
        "radius": None if near is None else near.radius,
        "lowest_within_radius": None if near is None else near.lower,
        "radius_limited_by": None if near is None else {"neuron": near.neuron, "sample": near.sample},
        "subsampled": {
            "pairs": report.pairs,
            "value": midpoint(report.own.lower, report.own.upper),
            "value_bounds": bounds_keys(report.own),
            "theorem": report.theorem,
        },
        "nearby": None
        if nearby is None
        else {
            "class": nearby.kind.value,
            "note": nearby.note,
            "value": midpoint(nearby.value.lower, nearby.value.upper),
            "value_bounds": bounds_keys(nearby.value),
            "distance": nearby.distance,
            "residual": nearby.residual,
        },
        "descent": None if report.descent is None else direction_keys(report.descent),
        "revived_neuron": report.revived,
    }


def _neuron(neuron: NeuronReport) -> dict[str, Any]:
    return {
        "kind": neuron.kind.value,
        "balance_residual": neuron.balance,
        "activity_residual": neuron.activity,
        "clarke_residual": neuron.residual,
        "descent": {**bounds_keys(neuron.descent), "direction": neuron.direction},
        "kinks": [
            {"samples": kink.samples, "weight": kink.weight, "multiplier": kink.multiplier} for kink in neuron.kinks
        ],
    }
