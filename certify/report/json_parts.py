"""What the JSON of several commands is made of; keys are added, never renamed."""

from __future__ import annotations

from typing import Any

from certify.problem.network import Network
from certify.problem.objective import Objective
from certify.report.record import FileRecord
from certify.verdict import Bounds, Direction, Stationarity


def objective_keys(objective: Objective, weighted: bool) -> dict[str, Any]:
    """The objective, as far as it is part of the claim."""
    return {
        "loss": objective.loss.value,
        "reduction": objective.reduction.value,
        "weight_decay": objective.weight_decay,
        "hidden_decay": objective.hidden_decay,
        "output_decay": objective.output_decay,
        "hidden_bias": objective.hidden_bias.value,
        "output_bias": objective.output_bias.value,
        "activation": objective.activation.name,
        "sample_weights": weighted,
    }


def stationarity_keys(report: Stationarity) -> dict[str, Any]:
    """The first-order report of a whole network."""
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


def direction_keys(direction: Direction) -> dict[str, Any]:
    """A displacement in parameter space and its measured decrease."""
    return {
        **network_keys(direction.displacement),
        "neurons": direction.neurons,
        "step": direction.step,
        "order": direction.order,
        "rate": direction.rate,
        "decrease": direction.decrease,
    }


def network_keys(network: Network) -> dict[str, Any]:
    """A network's four arrays."""
    return {
        "hidden_weights": network.hidden_weights,
        "hidden_bias": network.hidden_bias,
        "output_weights": network.output_weights,
        "output_bias": network.output_bias,
    }


def bounds_keys(bounds: Bounds) -> dict[str, float]:
    """The two ends of an enclosure."""
    return {"lower": bounds.lower, "upper": bounds.upper}


def file_keys(file: FileRecord) -> dict[str, str]:
    """A file that took part."""
    return {"path": file.path, "format": file.format, "sha256": file.sha256, "canonical_sha256": file.canonical_sha256}
