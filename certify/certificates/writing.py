"""From a finished verdict to a certificate that the checker has accepted, or the reason why there is none.

The dual vector is moved strictly inside, by more with each attempt; the hints are rounded outward; and the bytes are decided by
the same function that `python -m certify.checker` calls (docs/certificate.md).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from certify.certificates.budget import Budget, OutOfRoom
from certify.certificates.claims import Claims, Source, claims_of
from certify.certificates.dual import ScaledDual, dual_document, scaled_dual
from certify.certificates.orthogonal import orthogonal_document
from certify.certificates.proofs import proof_of_side
from certify.certificates.sealing import sealed
from certify.certificates.side import Unprovable, side_of
from certify.certificates.statement import plain_data, plain_network, statement
from certify.checker.certificate import read_certificate
from certify.checker.claims import decide_for
from certify.checker.document import MOST_BYTES
from certify.checker.rejection import Rejected
from certify.gain.question import GainBound, Limits
from certify.problem.dual import LowerBound
from certify.problem.network import Network
from certify.problem.training import TrainingProblem
from certify.verdict import Verdict

_INSIDE = (
    1e-9,
    1e-7,
    1e-5,
)  # shares by which the dual vector is scaled down; the search's tree is followed at first only


@dataclass(frozen=True, slots=True, eq=False)
class Written:
    """content: the certificate, accepted by the checker, or None for the reason. limited: time or size was the reason."""

    content: bytes | None
    reason: str = ""
    limited: bool = False
    leaves: int = 0


@dataclass(frozen=True, slots=True)
class Writing:
    """carried: with the arrays. bounded: with the lower bound on P* and its proof. paranoid: checked by the exact scan alone."""

    carried: bool = True
    bounded: bool = True
    paranoid: bool = False


def write_certificate(
    verdict: Verdict,
    network: Network,
    problem: TrainingProblem,
    source: Source,
    limits: Limits,
    writing: Writing = Writing(),
) -> Written:
    """The certificate of a verdict on the network, re-checked."""
    claims = claims_of(verdict, network)
    if not writing.bounded or verdict.proof is None:
        return _checked(statement(problem.objective, source, claims, writing.carried), claims, source, writing)
    if problem.objective.undecayed:
        document = statement(problem.objective, source, claims, writing.carried)
        document["claim"]["lower_bound"], document["dual"] = orthogonal_document(verdict.proof, problem.samples)
        return _checked(document, claims, source, writing)
    written = Written(None, "no attempt was made")
    for inside in _INSIDE:
        written = _attempt(claims, verdict.proof, problem, source, Budget(limits), inside, writing)
        if written.content is not None or written.limited:
            break
    return written


def _attempt(
    claims: Claims,
    lower: LowerBound,
    problem: TrainingProblem,
    source: Source,
    budget: Budget,
    inside: float,
    writing: Writing,
) -> Written:
    document = statement(problem.objective, source, claims, writing.carried)
    try:
        dual = scaled_dual(problem, lower, inside)
        proofs = _proofs(dual, lower, budget, inside)
    except OutOfRoom as reason:
        return Written(None, str(reason), limited=True)
    except (Unprovable, Rejected) as reason:
        return Written(None, str(reason))
    except (ArithmeticError, np.linalg.LinAlgError) as error:
        return Written(None, f"float64 does not suffice to write it ({error})")
    document["claim"]["lower_bound"] = dual.value.hex()
    document["dual"] = dual_document(dual, proofs)
    return _checked(document, claims, source, writing)


def _proofs(dual: ScaledDual, lower: LowerBound, budget: Budget, inside: float) -> list[Any]:
    """A proof for each sign."""
    gain = _without_tree(lower.gain) if inside > _INSIDE[0] else lower.gain
    sides = [side_of(dual.hinges, sign * dual.weights, sign * dual.linear, dual.limit) for sign in (1, -1)]
    return [
        None if side.trivial else proof_of_side(side, sign, gain, budget)
        for sign, side in zip((1, -1), sides, strict=True)
    ]


def _without_tree(gain: GainBound | None) -> GainBound | None:
    """The bound as if it came out of nowhere: a tree that has led into trouble is not asked again."""
    return None if gain is None else replace(gain, proof=None)


def _checked(document: dict[str, Any], claims: Claims, source: Source, writing: Writing) -> Written:
    content = sealed(document)
    if len(content) > MOST_BYTES:
        return Written(
            None, f"it would have {len(content)} bytes, more than the {MOST_BYTES} that are read", limited=True
        )
    try:
        accepted = decide_for(
            read_certificate(content), plain_data(source.dataset), plain_network(claims.network), writing.paranoid
        )
    except Rejected as reason:
        return Written(None, str(reason))
    except ArithmeticError as error:
        return Written(None, f"it could not be checked ({error})")
    return Written(content, leaves=accepted.leaves)
