"""What a certificate holds, version 1, as frozen records (docs/certificate.md, section 2)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from certify.checker.document import parse_document
from certify.checker.fields import Field
from certify.checker.proofs import Proof, read_proof
from certify.checker.rejection import require

FORMAT = "certify-certificate"
VERSION = 1
_MOST = 1 << 24
_MOST_RANK = 256
_BIASES = ("none", "penalized", "free")


@dataclass(frozen=True, slots=True)
class Objective:
    """F = L + hidden_decay/2 |W1|^2 + output_decay/2 |W2|^2, with the biases as named."""

    loss: str
    reduction: str
    hidden_decay: float
    output_decay: float
    hidden_bias: str
    output_bias: str

    @property
    def undecayed(self) -> bool:
        """Whether neither layer has a weight decay."""
        return self.hidden_decay == self.output_decay == 0


@dataclass(frozen=True, slots=True)
class Data:
    """Inputs X (n, d), targets y (n,), sample weights (n,) or None."""

    X: list[list[float]]
    y: list[float]
    sample_weight: list[float] | None


@dataclass(frozen=True, slots=True)
class Network:
    """f(x) = sum_j a_j (u_j . x + b_j)_+ + c: u (m, d), b (m,) or None, a (m,), c or None."""

    hidden_weights: list[list[float]]
    hidden_bias: list[float] | None
    output_weights: list[float]
    output_bias: float | None


@dataclass(frozen=True, slots=True)
class Source:
    """Where arrays come from: the SHA-256 of the arrays, that of the file if there was one, the arrays if carried."""

    sha256: str
    file_sha256: str | None
    arrays: Data | Network | None


@dataclass(frozen=True, slots=True)
class Better:
    """Another network, and bounds on its objective."""

    network: Network
    value: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Claim:
    """verdict: certified, refuted or open. value: bounds on the network's objective. lower_bound: on every network's."""

    verdict: str
    eps: float
    value: tuple[float, float]
    lower_bound: float | None
    better: Better | None


@dataclass(frozen=True, slots=True)
class Dual:
    """The dual vector nu (n,), the hinges that stand for the samples, and a proof for each sign of nu.

    centre (d,) and basis (s, d), or None; points (N, s); sample i is about ratios_i times points[members_i].
    """

    nu: list[float]
    centre: list[float] | None
    basis: list[list[float]] | None
    points: list[list[float]]
    members: list[int]
    ratios: list[float] | None
    proofs: tuple[Proof | None, Proof | None]


@dataclass(frozen=True, slots=True)
class Orthogonal:
    """The dual vector nu (n,) without weight decay: rationals, which are to be orthogonal to all that networks predict."""

    nu: list[Fraction]


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate that is well formed; nothing in it has been believed yet."""

    objective: Objective
    samples: int
    inputs: int
    width: int
    data: Source
    network: Source
    claim: Claim
    dual: Dual | Orthogonal | None


def read_certificate(data: bytes) -> Certificate:
    """The certificate that the bytes of a file hold. Raises Rejected."""
    document = parse_document(data)
    require(document.get("format") == FORMAT, f"not a certificate: format is not '{FORMAT}'")
    version = Field(document.get("version"), "version").integer(1, 1 << 30)
    require(version == VERSION, f"version {version}: this checker decides version {VERSION}")
    parts = Field(document, "certificate").record("format", "version", "objective", "data", "network", "claim", "dual")
    objective = _objective(parts["objective"])
    data_part = parts["data"].record("samples", "inputs", "sha256", "file_sha256", "arrays")
    network_part = parts["network"].record("width", "sha256", "file_sha256", "arrays")
    n, d = (data_part[key].integer(1, _MOST) for key in ("samples", "inputs"))
    m = network_part["width"].integer(0, _MOST)
    return Certificate(
        objective,
        n,
        d,
        m,
        _source(data_part, lambda field: _data(field, n, d)),
        _source(network_part, lambda field: _network(field, objective, m, d)),
        _claim(parts["claim"], objective, d),
        None if parts["dual"].absent else _any_dual(parts["dual"], n, d, objective),
    )


def _objective(field: Field) -> Objective:
    part = field.record("loss", "reduction", "hidden_decay", "output_decay", "hidden_bias", "output_bias", "activation")
    part["activation"].word("relu")
    decays = part["hidden_decay"].real(), part["output_decay"].real()
    require(min(decays) > 0 or decays == (0.0, 0.0), f"{field.where}: weight decays must be positive, or both 0")
    return Objective(
        part["loss"].word("half-squared", "squared", "logistic", "hinge"),
        part["reduction"].word("sum", "mean"),
        *decays,
        part["hidden_bias"].word(*_BIASES),
        part["output_bias"].word(*_BIASES),
    )


def _source(part: dict[str, Field], read: Any) -> Source:
    file, arrays = part["file_sha256"], part["arrays"]
    return Source(
        part["sha256"].digest(),
        None if file.absent else file.digest(),
        None if arrays.absent else read(arrays),
    )


def _data(field: Field, n: int, d: int) -> Data:
    part = field.record("X", "y", "sample_weight")
    weights = part["sample_weight"]
    return Data(part["X"].matrix(n, d), part["y"].reals(n), None if weights.absent else weights.reals(n))


def _network(field: Field, objective: Objective, m: int | None, d: int) -> Network:
    part = field.record("hidden_weights", "hidden_bias", "output_weights", "output_bias")
    a = part["output_weights"].reals(m)
    u = [row.reals(d) for row in part["hidden_weights"].items(len(a))]
    b = part["hidden_bias"].reals(len(a)) if objective.hidden_bias != "none" else _nothing(part["hidden_bias"])
    c = part["output_bias"].real() if objective.output_bias != "none" else _nothing(part["output_bias"])
    return Network(u, b, a, c)


def _nothing(field: Field) -> Any:
    require(field.absent, f"{field.where}: the objective has no such bias, expected null")
    return None


def _claim(field: Field, objective: Objective, d: int) -> Claim:
    part = field.record("verdict", "eps", "value", "lower_bound", "better")
    eps = part["eps"].real()
    require(0 < eps < 1, f"{field.where}.eps: expected a tolerance above 0 and below 1")
    lower, better = part["lower_bound"], part["better"]
    return Claim(
        part["verdict"].word("certified", "refuted", "open"),
        eps,
        _bounds(part["value"]),
        None if lower.absent else lower.real(),
        None if better.absent else _better(better, objective, d),
    )


def _better(field: Field, objective: Objective, d: int) -> Better:
    part = field.record("network", "value")
    return Better(_network(part["network"], objective, None, d), _bounds(part["value"]))


def _bounds(field: Field) -> tuple[float, float]:
    low, high = field.reals(2)
    return low, high


def _any_dual(field: Field, n: int, d: int, objective: Objective) -> Dual | Orthogonal:
    if objective.undecayed:
        return Orthogonal([_rational(v) for v in field.record("nu")["nu"].items(n)])
    return _dual(field, n, d, objective.hidden_bias)


def _rational(field: Field) -> Fraction:
    """[p, q] for p/q, in lowest terms: one spelling for each rational."""
    p, q = field.integers(2)
    require(q > 0 and math.gcd(p, q) == 1, f"{field.where}: expected integers p, q > 0 without a common divisor")
    return Fraction(p, q)


def _dual(field: Field, n: int, d: int, hidden_bias: str) -> Dual:
    part = field.record("nu", "centre", "basis", "points", "members", "ratios", "proofs")
    free = hidden_bias == "free"
    dimension = d + (hidden_bias == "penalized")
    basis = None if part["basis"].absent else part["basis"].matrix(None, dimension)
    rank = dimension if basis is None else len(basis)
    require(rank + free <= _MOST_RANK, f"{field.where}: rank {rank + free}, the limit is {_MOST_RANK}")
    points = [row.reals(rank) for row in part["points"].items()]
    members = part["members"].integers(n, 0, len(points) - 1)
    centre, ratios = part["centre"], part["ratios"]
    require(free or centre.absent, f"{centre.where}: only a free hidden bias allows a centre, expected null")
    require(not free or ratios.absent, f"{ratios.where}: a free hidden bias allows no ratios, expected null")
    proofs = [read_proof(proof, rank + free, len(points), free) for proof in part["proofs"].items(2)]
    return Dual(
        part["nu"].reals(n),
        None if centre.absent else centre.reals(d),
        basis,
        points,
        members,
        None if ratios.absent else ratios.reals(n),
        (proofs[0], proofs[1]),
    )
