"""Whether a certificate's claims hold for given arrays (docs/certificate.md, section 3). Every comparison is exact."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import cast

from certify.checker.certificate import Better, Certificate, Claim, Data, Dual, Network, Orthogonal, read_certificate
from certify.checker.cones import check_cones
from certify.checker.hashes import data_sha256, network_sha256
from certify.checker.majorants import check_majorants
from certify.checker.objective import Problem, conjugate_below, dual_value_below, network_value, training_problem
from certify.checker.orthogonal import require_orthogonal
from certify.checker.proofs import Cones
from certify.checker.reduction import Hinges, reduced
from certify.checker.rejection import WithoutArrays, require, rounded


@dataclass(frozen=True, slots=True)
class Accepted:
    """The claims, now proved, and how many leaves their proof has."""

    certificate: Certificate
    leaves: int

    def lines(self) -> list[str]:
        """The claims in words, the verdict first."""
        claim, objective = self.certificate.claim, self.certificate.objective
        said = [f"ACCEPTED {claim.verdict} eps={claim.eps!r}", _meaning(claim)]
        said.append(
            f"objective: {objective.loss}, {objective.reduction}, weight decay {objective.hidden_decay!r} (hidden) "
            f"{objective.output_decay!r} (output), biases {objective.hidden_bias} (hidden) {objective.output_bias} (output)"
        )
        said.append(f"network: width {self.certificate.width}, F between {claim.value[0]!r} and {claim.value[1]!r}")
        if claim.better is not None:
            width = len(claim.better.network.output_weights)
            low, high = claim.better.value
            said.append(f"better network: width {width}, F between {low!r} and {high!r}")
        if claim.lower_bound is not None:
            said.append(f"lower bound: no network of any width below {claim.lower_bound!r} ({self.leaves} leaves)")
        return said


def decide(data: bytes, paranoid: bool = False) -> Accepted:
    """Decide a certificate that carries its arrays. Raises Rejected with the reason, WithoutArrays where it does not."""
    certificate = read_certificate(data)
    data_carried, network_carried = certificate.data.arrays, certificate.network.arrays
    if data_carried is None or network_carried is None:
        raise WithoutArrays("the certificate does not carry its arrays: certify verify CERT MODEL DATA decides it")
    return decide_for(certificate, cast(Data, data_carried), cast(Network, network_carried), paranoid)


def decide_for(certificate: Certificate, data: Data, network: Network, paranoid: bool = False) -> Accepted:
    """Decide a certificate for these arrays; paranoid: by the exact scan alone. Raises Rejected with the reason."""
    _require_same(certificate, data, network)
    claim = certificate.claim
    problem = training_problem(certificate.objective, data)
    value = network_value(problem, network)
    _require_enclosed(value, claim.value, "claim.value")
    below = value[0] - Fraction(claim.eps) * value[1]
    if claim.better is not None:
        better = network_value(problem, claim.better.network)
        _require_enclosed(better, claim.better.value, "claim.better.value")
        require(better[1] < below, "claim.better: its objective is not lower by more than eps")
    leaves = _lower_bound(certificate, problem, paranoid)
    _require_verdict(claim, certificate.width, value)
    return Accepted(certificate, leaves)


def _require_same(certificate: Certificate, data: Data, network: Network) -> None:
    sizes = len(data.y), len(data.X[0]) if data.X else 0, len(network.output_weights)
    stated = certificate.samples, certificate.inputs, certificate.width
    require(sizes == stated, f"samples, inputs, width are {sizes}, the certificate is about {stated}")
    biases = network.hidden_bias is not None, network.output_bias is not None
    objective = certificate.objective
    wanted = objective.hidden_bias != "none", objective.output_bias != "none"
    require(biases == wanted, f"hidden and output bias: there are {biases}, the objective has {wanted}")
    inputs = certificate.inputs
    data_carried = cast(Data, certificate.data.arrays or data)
    network_carried = cast(Network, certificate.network.arrays or network)
    of_data = [data_sha256(each, inputs) for each in (data, data_carried)]
    of_network = [network_sha256(each, inputs) for each in (network, network_carried)]
    for name, found, digest in (
        ("data", of_data, certificate.data.sha256),
        ("network", of_network, certificate.network.sha256),
    ):
        require(found == [digest, digest], f"{name}: not the arrays that the certificate is about (SHA-256 {found[0]})")


def _require_enclosed(value: tuple[Fraction, Fraction], stated: tuple[float, float], where: str) -> None:
    encloses = Fraction(stated[0]) <= value[0] and value[1] <= Fraction(stated[1])
    require(encloses, f"{where}: the objective is {rounded(value[0])}, not between {stated[0]!r} and {stated[1]!r}")


def _lower_bound(certificate: Certificate, problem: Problem, paranoid: bool) -> int:
    bound, dual = certificate.claim.lower_bound, certificate.dual
    require((bound is None) == (dual is None), "claim.lower_bound and dual: one of them is there without the other")
    if dual is None or bound is None:
        return 0
    value = conjugate_below(problem, dual.nu) if isinstance(dual, Orthogonal) else dual_value_below(problem, dual.nu)
    require(Fraction(bound) <= value, f"claim.lower_bound: the dual vector proves {rounded(value)} at most")
    if isinstance(dual, Orthogonal):
        require_orthogonal(problem, dual.nu)
        return 0
    hinges = reduced(problem, dual)
    return sum(_proved(hinges, sign, dual, paranoid) for sign in (1, -1))


def _proved(hinges: Hinges, sign: int, dual: Dual, paranoid: bool) -> int:
    """Leaves of the proof that sign * nu . (Zu)_+ stays below the weight decay."""
    proof = dual.proofs[0 if sign > 0 else 1]
    where = f"dual.proofs[{0 if sign > 0 else 1}]"
    if proof is None:
        nothing = all(sign * w <= 0 for w in hinges.weights) and not any(hinges.linear)
        require(nothing, f"{where}: there are hinges of this sign, a proof is needed")
        return 0
    if isinstance(proof, Cones):
        return check_cones(hinges, sign, proof, where, paranoid)
    return check_majorants(hinges, sign, proof, where)


def _require_verdict(claim: Claim, width: int, value: tuple[Fraction, Fraction]) -> None:
    """certified: gap <= eps F. refuted: the better network is no wider. open: no verdict; what is stated holds."""
    if claim.verdict == "certified":
        require(claim.lower_bound is not None, "claim: certified without a lower bound")
        gap = value[1] - Fraction(cast(float, claim.lower_bound))
        require(gap <= Fraction(claim.eps) * value[0], f"claim: the gap is {rounded(gap)}, more than eps allows")
    if claim.verdict == "refuted":
        require(claim.better is not None, "claim: refuted without a better network")
        wide = len(cast(Better, claim.better).network.output_weights)
        require(wide <= width, f"claim: the better network has width {wide}, more than {width}")


def _meaning(claim: Claim) -> str:
    return {
        "certified": "no two-layer ReLU network of any width is better by more than eps times F",
        "refuted": "a network of at most the same width is better by more than eps times F",
        "open": "no verdict at this eps; what is stated below is proved",
    }[claim.verdict]
