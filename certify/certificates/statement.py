"""The parts of a certificate that say what it is about, as JSON values (docs/certificate.md, section 2)."""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from certify.certificates.claims import Claims, Source
from certify.checker.certificate import FORMAT, VERSION, Data
from certify.checker.certificate import Network as CheckedNetwork
from certify.checker.certificate import Objective as CheckedObjective
from certify.problem.dataset import Dataset, canonical_sha256
from certify.problem.network import Network
from certify.problem.objective import Objective
from certify.verdict import Bounds


def statement(objective: Objective, source: Source, claims: Claims, carried: bool) -> dict[str, Any]:
    """Everything but the lower bound and its proof. carried: with the arrays, so that Python alone can decide it."""
    dataset, network = source.dataset, claims.network
    return {
        "format": FORMAT,
        "version": VERSION,
        "objective": _objective(objective),
        "data": {
            "samples": dataset.samples,
            "inputs": dataset.inputs,
            "sha256": canonical_sha256(dataset.X, dataset.y, dataset.sample_weight),
            "file_sha256": source.data_file,
            "arrays": _data_arrays(dataset) if carried else None,
        },
        "network": {
            "width": network.width,
            "sha256": canonical_sha256(
                network.hidden_weights, network.hidden_bias, network.output_weights, network.output_bias
            ),
            "file_sha256": source.model_file,
            "arrays": _network_arrays(network) if carried else None,
        },
        "claim": {
            "verdict": claims.verdict,
            "eps": float(claims.eps).hex(),
            "value": _bounds(claims.value),
            "lower_bound": None,
            "better": None if claims.better is None else _better(claims.better, cast(Bounds, claims.better_value)),
        },
        "dual": None,
    }


def hexadecimal(values: Any) -> Any:
    """Nested lists (or an array) of floats as C99 hexadecimal strings; None stays."""
    if values is None:
        return None
    if isinstance(values, np.ndarray):
        values = values.tolist()
    return float(values).hex() if isinstance(values, (float, int)) else [hexadecimal(value) for value in values]


def plain_data(dataset: Dataset) -> Data:
    """The data as the checker wants them."""
    weights = dataset.sample_weight
    return Data(dataset.X.tolist(), dataset.y[:, 0].tolist(), None if weights is None else weights.tolist())


def plain_network(network: Network) -> CheckedNetwork:
    """The network as the checker wants it."""
    bias, constant = network.hidden_bias, network.output_bias
    return CheckedNetwork(
        network.hidden_weights.tolist(),
        None if bias is None else bias.tolist(),
        network.output_weights[:, 0].tolist(),
        None if constant is None else float(constant[0]),
    )


def checked_objective(objective: Objective) -> CheckedObjective:
    """The objective as the checker wants it."""
    return CheckedObjective(
        objective.loss.function.enclosure,
        objective.reduction.value,
        objective.hidden_decay,
        objective.output_decay,
        objective.hidden_bias.value,
        objective.output_bias.value,
    )


def _objective(objective: Objective) -> dict[str, str]:
    return {
        "loss": objective.loss.function.enclosure,
        "reduction": objective.reduction.value,
        "hidden_decay": float(objective.hidden_decay).hex(),
        "output_decay": float(objective.output_decay).hex(),
        "hidden_bias": objective.hidden_bias.value,
        "output_bias": objective.output_bias.value,
        "activation": objective.activation.name,
    }


def _data_arrays(dataset: Dataset) -> dict[str, Any]:
    data = plain_data(dataset)
    return {"X": hexadecimal(data.X), "y": hexadecimal(data.y), "sample_weight": hexadecimal(data.sample_weight)}


def _network_arrays(network: Network) -> dict[str, Any]:
    plain = plain_network(network)
    return {
        "hidden_weights": hexadecimal(plain.hidden_weights),
        "hidden_bias": hexadecimal(plain.hidden_bias),
        "output_weights": hexadecimal(plain.output_weights),
        "output_bias": hexadecimal(plain.output_bias),
    }


def _better(network: Network, value: Bounds) -> dict[str, Any]:
    return {"network": _network_arrays(network), "value": _bounds(value)}


def _bounds(value: Bounds) -> list[str]:
    return [float(value.lower).hex(), float(value.upper).hex()]
