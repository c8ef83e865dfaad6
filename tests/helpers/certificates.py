"""Certificates for small problems, written without any search of certify: the second opinion on the format.

The cones are found by plain recursion, the majorants are the simplest ones; both are rounded to the safe side. `document`
gives the JSON object, `sealed` its bytes with the checksum.
"""

from __future__ import annotations

import hashlib
import json
import struct
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
from exact import OF_SIGNS, exact_objective
from proof_search import cone_proof, majorant_proof

from certify.problem.dataset import Dataset
from certify.problem.network import Network
from certify.problem.objective import Bias, Loss, Objective, Reduction
from certify.rounding import round_to_zero_sum

EPS = 0.125


@dataclass(frozen=True, slots=True, eq=False)
class Reduced:
    """How the samples become hinges: points (N, s), members (n,), ratios (n,) | None, basis (s, D) | None, centre | None."""

    points: np.ndarray
    members: np.ndarray
    ratios: np.ndarray | None = None
    basis: np.ndarray | None = None
    centre: np.ndarray | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """What to write. nu is a direction; it is scaled until the proof reaches the weight decay, times `share`."""

    network: Network
    data: Dataset
    goal: Objective
    kind: str = "cones"
    nu: np.ndarray | None = None
    better: Network | None = None
    verdict: str = "open"
    eps: float = EPS
    reduced: Reduced | None = None
    cuts: int = 0
    carried: bool = True
    share: float = 1 - 2.0**-20
    extra: dict[str, Any] = field(default_factory=dict)


def document(plan: Plan) -> dict[str, Any]:
    """The certificate as a JSON object, without its checksum."""
    value = objective_bounds(plan.network, plan.data, plan.goal)
    dual, bound = (None, None) if plan.nu is None else _dual(plan)
    return {
        "format": "certify-certificate",
        "version": 1,
        "objective": stated_objective(plan.goal),
        "data": {
            "samples": plan.data.samples,
            "inputs": plan.data.inputs,
            "sha256": array_sha256(plan.data.X, plan.data.y, plan.data.sample_weight),
            "file_sha256": None,
            "arrays": data_arrays(plan.data) if plan.carried else None,
        },
        "network": {
            "width": plan.network.width,
            "sha256": network_sha256(plan.network),
            "file_sha256": None,
            "arrays": network_arrays(plan.network) if plan.carried else None,
        },
        "claim": {
            "verdict": plan.verdict,
            "eps": plan.eps.hex(),
            "value": value,
            "lower_bound": bound,
            "better": None if plan.better is None else _better(plan),
        },
        "dual": dual,
    } | plan.extra


def sealed(document: dict[str, Any]) -> bytes:
    """The bytes of a certificate with the checksum that belongs to it."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return json.dumps(document | {"checksum": hashlib.sha256(text.encode()).hexdigest()}).encode()


def stated_objective(goal: Objective) -> dict[str, Any]:
    """The objective as the format has it."""
    return {
        "loss": goal.loss.value,
        "reduction": goal.reduction.value,
        "hidden_decay": goal.hidden_decay.hex(),
        "output_decay": goal.output_decay.hex(),
        "hidden_bias": goal.hidden_bias.value,
        "output_bias": goal.output_bias.value,
        "activation": "relu",
    }


def hexed(array: Any) -> Any:
    """Nested lists of floats as hexadecimal strings; None stays."""
    if array is None:
        return None
    values = np.asarray(array, dtype=float).tolist()
    return _hexed(values)


def _hexed(values: Any) -> Any:
    return values.hex() if isinstance(values, float) else [_hexed(value) for value in values]


def data_arrays(data: Dataset) -> dict[str, Any]:
    """The data, carried."""
    return {"X": hexed(data.X), "y": hexed(data.y[:, 0]), "sample_weight": hexed(data.sample_weight)}


def network_arrays(net: Network) -> dict[str, Any]:
    """A network, carried."""
    return {
        "hidden_weights": hexed(net.hidden_weights),
        "hidden_bias": hexed(net.hidden_bias),
        "output_weights": hexed(net.output_weights[:, 0]),
        "output_bias": None if net.output_bias is None else float(net.output_bias[0]).hex(),
    }


def network_sha256(net: Network) -> str:
    """The hash that names a network."""
    return array_sha256(net.hidden_weights, net.hidden_bias, net.output_weights, net.output_bias)


def array_sha256(*arrays: np.ndarray | None) -> str:
    """Sizes as int64, entries as float64, little-endian; -1 for an array that is absent."""
    digest = hashlib.sha256()
    for array in arrays:
        sizes = (-1,) if array is None else (array.ndim, *array.shape)
        digest.update(struct.pack(f"<{len(sizes)}q", *sizes))
        digest.update(b"" if array is None else np.ascontiguousarray(array, "<f8").tobytes())
    return digest.hexdigest()


def objective_bounds(net: Network, data: Dataset, goal: Objective) -> list[str]:
    """Two floats around F, one step further out than they have to be."""
    value = exact_value(net, data, goal)
    low = high = float(value)
    for _ in range(2):
        low, high = np.nextafter(low, -np.inf), np.nextafter(high, np.inf)
    assert Fraction(float(low)) < value < Fraction(float(high))
    return [float(low).hex(), float(high).hex()]


def exact_value(net: Network, data: Dataset, goal: Objective) -> Fraction:
    """F, exactly; classes 0 and 1 count as -1 and +1."""
    if goal.loss in OF_SIGNS:
        data = Dataset(data.X, np.where(data.y == 1, 1.0, -1.0), data.sample_weight)
    return exact_objective(net, data, goal)


def _better(plan: Plan) -> dict[str, Any]:
    return {
        "network": network_arrays(plan.better),
        "value": objective_bounds(plan.better, plan.data, plan.goal),
    }


def rows_of(data: Dataset, goal: Objective) -> np.ndarray:
    """The samples with the column of ones of a hidden bias."""
    return data.X if goal.hidden_bias is Bias.NONE else np.column_stack([data.X, np.ones(data.samples)])


def identity(plan: Plan) -> Reduced:
    """Every sample its own point."""
    rows = rows_of(plan.data, plan.goal)
    points = rows[:, :-1] if plan.goal.hidden_bias is Bias.FREE else rows
    return Reduced(points, np.arange(plan.data.samples))


def feasible_sum(nu: np.ndarray, goal: Objective) -> np.ndarray:
    """nu, moved to an exactly zero sum where constants are free."""
    if Bias.FREE not in (goal.hidden_bias, goal.output_bias):
        return nu
    return round_to_zero_sum(nu - nu.mean(), 0)


def _dual(plan: Plan) -> tuple[dict[str, Any], str]:
    if plan.goal.undecayed:  # nu is orthogonal as it is
        pairs = [[v.numerator, v.denominator] for v in map(Fraction, plan.nu.tolist())]
        lower = dual_value(plan.nu, plan.data, plan.goal)
        return {"nu": pairs}, float(lower - 1e-9 * (1 + abs(lower))).hex()
    reduced = plan.reduced or identity(plan)
    nu = feasible_sum(plan.nu, plan.goal)
    beta = float(np.sqrt(plan.goal.hidden_decay * plan.goal.output_decay))
    free = plan.goal.hidden_bias is Bias.FREE
    limit = beta / (1.0 if reduced.basis is None else np.linalg.norm(reduced.basis @ reduced.basis.T, np.inf) ** 0.5)
    seek = cone_proof if plan.kind == "cones" else majorant_proof
    bound = max(seek(reduced.points, w, free, plan.cuts, line=g)[1] for w, g in signed_weights(reduced, nu))
    # a grid that keeps the sum of nu exactly zero when it is scaled
    share = plan.share * limit / bound if bound > 0 else 1.0
    scaled = feasible_sum(nu * min(share, largest_share(nu, plan.data, plan.goal)), plan.goal)
    proofs = [seek(reduced.points, w, free, plan.cuts, limit, g)[0] for w, g in signed_weights(reduced, scaled)]
    dual = {
        "nu": hexed(scaled),
        "centre": hexed(reduced.centre),
        "basis": hexed(reduced.basis),
        "points": hexed(reduced.points),
        "members": reduced.members.tolist(),
        "ratios": hexed(reduced.ratios),
        "proofs": proofs,
    }
    lower = dual_value(scaled, plan.data, plan.goal)
    return dual, float(lower - 1e-9 * (1 + abs(lower))).hex()


def signed_weights(reduced: Reduced, nu: np.ndarray) -> list[tuple[np.ndarray, np.ndarray | float]]:
    """Weights of the hinges and what is linear beside them, for either sign; (-x)_+ = (x)_+ - x."""
    ratios = np.ones(len(nu)) if reduced.ratios is None else reduced.ratios
    weights = np.bincount(reduced.members, weights=nu * np.abs(ratios), minlength=len(reduced.points))
    turned = np.bincount(reduced.members, weights=nu * np.minimum(ratios, 0), minlength=len(reduced.points))
    line = turned @ reduced.points if np.any(turned) else 0.0
    return [(weights, line), (-weights, -line)]


def largest_share(nu: np.ndarray, data: Dataset, goal: Objective) -> float:
    """What nu may be multiplied by before it leaves the domain of the dual of a loss of two classes."""
    if goal.loss not in OF_SIGNS:
        return np.inf
    used = nu != 0
    p = (nu * np.where(data.y[:, 0] == 1, 1, -1))[used] / sample_shares(data, goal)[used]
    return 0.98 / p.max(initial=1e-300)


def sample_shares(data: Dataset, goal: Objective) -> np.ndarray:
    """The weights w_i (n,) of the samples' losses."""
    w = np.ones(data.samples) if data.sample_weight is None else data.sample_weight
    return w / (data.samples if goal.reduction is Reduction.MEAN else 1)


def dual_value(nu: np.ndarray, data: Dataset, goal: Objective) -> float:
    """D(nu), rounded."""
    y = data.y[:, 0]
    w = sample_shares(data, goal)
    penalised = goal.output_bias is Bias.PENALIZED and not goal.undecayed
    constant = nu.sum() ** 2 / (2 * goal.output_decay) if penalised else 0.0
    if goal.loss is Loss.HINGE:
        return float(np.sum(nu * np.where(y == 1, 1, -1))) - constant
    if goal.loss is Loss.LOGISTIC:
        w, p = np.maximum(w, 1e-300), nu * np.where(y == 1, 1, -1)
        p = np.clip(p / w, 1e-300, 1 - 1e-16)
        return float(np.sum(-w * (p * np.log(p) + (1 - p) * np.log1p(-p)))) - constant
    kappa = 1.0 if goal.loss is Loss.HALF_SQUARED else 2.0
    squares = np.divide(nu**2, 2 * kappa * w, out=np.zeros_like(nu), where=w > 0)
    return float(np.sum(nu * y - squares)) - constant
