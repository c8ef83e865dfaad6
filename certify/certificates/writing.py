"""From a finished verdict to a certificate that the checker has accepted, or the reason why there is none.

The dual vector is moved strictly inside, by more with each attempt; the hints are rounded outward; and the bytes are decided by
the same function that `python -m certify.checker` calls (docs/certificate.md).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from certify.certificates.budget import Budget, OutOfRoom
from certify.certificates.claims import Claims, Source, claims_of
from certify.certificates.cost import OutOfTime, checking_a_node, earlier, left, paced, seconds_of_values
from certify.certificates.dual import ScaledDual, dual_document, inside_to_spare, scaled_dual
from certify.certificates.orthogonal import orthogonal_document
from certify.certificates.patterns import PATTERNS, proofs_by_patterns
from certify.certificates.proofs import proof_of_side
from certify.certificates.sealing import sealed
from certify.certificates.side import Unprovable, both_sides
from certify.certificates.statement import plain_data, plain_network, statement
from certify.checker.certificate import read_certificate
from certify.checker.claims import decide_for
from certify.checker.document import MOST_BYTES
from certify.checker.rejection import Rejected
from certify.gain.question import GainBound, Limits
from certify.problem.dual import LowerBound, sufficient_gain
from certify.problem.network import Network
from certify.problem.training import TrainingProblem
from certify.rounding import UNIT
from certify.verdict import Decision, Verdict

_INSIDE = (
    1e-9,
    1e-7,
    1e-5,
)  # shares by which the dual vector is scaled down; the search's tree is followed at first only
_ROOM = (
    0.5,
    0.9,
)  # shares of what a bound is better by than eps needs, which are given up for a proof that is easier to write


@dataclass(frozen=True, slots=True, eq=False)
class Written:
    """content: the certificate, accepted by the checker, or None for the reason. limited: time or size was the reason.

    lower_bound: the one that it proves, if it proves any. needs: seconds more that would have done, where time was the
    reason and that can be told.
    """

    content: bytes | None
    reason: str = ""
    limited: bool = False
    leaves: int = 0
    lower_bound: float | None = None
    needs: float | None = None

    @property
    def bound_shown(self) -> float:
        """What may be said of P*: the bound that is proved; infinite where it is all that was asked for, but for rounding."""
        return math.inf if self.lower_bound is None else self.lower_bound * (1 + 2 * _INSIDE[0])


@dataclass(frozen=True, slots=True, eq=False)
class _Attempt:
    """The dual vector is scaled as far as the gain allows, less a share `inside`. by_patterns: the gain is proved anew, exactly."""

    lower: LowerBound
    inside: float
    by_patterns: bool = False


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
    """The certificate of a verdict on the network, re-checked, within the limits."""
    claims = claims_of(verdict, network)
    values = 0.0 if limits.deadline is None else seconds_of_values(problem.objective, source.dataset, claims)
    if values > left(limits):
        return _too_late(values - left(limits), "the time left is too short for the exact values")
    if not writing.bounded or verdict.proof is None:
        return _checked(statement(problem.objective, source, claims, writing.carried), claims, source, limits, writing)
    if problem.objective.undecayed:
        document = statement(problem.objective, source, claims, writing.carried)
        document["claim"]["lower_bound"], document["dual"] = orthogonal_document(verdict.proof, problem.samples)
        return _checked(document, claims, source, limits, writing)
    written = Written(None, "no attempt was made")
    for attempt in _attempts(verdict, verdict.proof, problem):
        written = _attempt(claims, attempt, problem, source, limits, values, writing)
        if written.content is not None or written.limited:
            break
    return written


def _attempts(verdict: Verdict, lower: LowerBound, problem: TrainingProblem) -> Iterator[_Attempt]:
    """The search's tree; small data pattern by pattern; and then without the tree, further inside.

    What is CERTIFIED needs no more than eps allows: all that the bound is better by is room for the proof.
    """
    certified = verdict.decision is Decision.CERTIFIED and lower.nu is not None
    if lower.gain is None or lower.gain.method != PATTERNS:
        yield _Attempt(lower, _INSIDE[0])
        if certified and lower.nu is not None and lower.gain is not None:
            for share in _ROOM:
                wanted = lower.value - share * (lower.value - least_bound(verdict))
                enough = sufficient_gain(problem, lower.nu, wanted)
                if enough > lower.gain.upper:
                    yield _Attempt(lower, 1 - lower.gain.upper / enough)
    bare = lower if lower.gain is None else replace(lower, gain=replace(lower.gain, proof=None))
    if certified and bare.gain is not None:
        # a gain that is proved anew need be no more than what was seen of it
        sharp = replace(bare, gain=replace(bare.gain, upper=bare.gain.lower))
        inside = inside_to_spare(problem, sharp, least_bound(verdict))
        if inside > 0:
            yield _Attempt(sharp, inside, by_patterns=True)
    for inside in _INSIDE[1:]:
        yield _Attempt(bare, inside)


def least_bound(verdict: Verdict) -> float:
    """The lower bound on P* that CERTIFIED needs, rounded up."""
    size = max(verdict.value.lower, -verdict.value.upper, 0.0)
    return verdict.value.upper - verdict.eps * size * (1 - 8 * UNIT)


def _attempt(
    claims: Claims,
    attempt: _Attempt,
    problem: TrainingProblem,
    source: Source,
    limits: Limits,
    values: float,
    writing: Writing,
) -> Written:
    document = statement(problem.objective, source, claims, writing.carried)
    gain = attempt.lower.gain
    expected, method = 0, "cones"
    if gain is not None and gain.proof is not None:
        expected, method = gain.proof.search.tree.size, gain.proof.method
    try:
        dual = scaled_dual(problem, attempt.lower, attempt.inside)
        checking = checking_a_node(method, len(dual.hinges.points), dual.hinges.rank)
        budget = Budget(earlier(limits, values), expected, checking)
        proofs = proofs_by_patterns(dual, budget) if attempt.by_patterns else _proofs(dual, gain, budget)
    except OutOfRoom as reason:
        return Written(None, str(reason), limited=True, needs=reason.needs)
    except (Unprovable, Rejected) as reason:
        return Written(None, str(reason))
    except (ArithmeticError, np.linalg.LinAlgError) as error:
        return Written(None, f"float64 does not suffice to write it ({error})")
    document["claim"]["lower_bound"] = dual.value.hex()
    document["dual"] = dual_document(dual, proofs)
    return replace(_checked(document, claims, source, limits, writing), lower_bound=dual.value)


def _proofs(dual: ScaledDual, gain: GainBound | None, budget: Budget) -> list[Any]:
    """A proof for each sign."""
    return [
        None if side.trivial else proof_of_side(side, sign, gain, budget)
        for sign, side in zip((1, -1), both_sides(dual), strict=True)
    ]


def _checked(document: dict[str, Any], claims: Claims, source: Source, limits: Limits, writing: Writing) -> Written:
    content = sealed(document)
    if len(content) > MOST_BYTES:
        return Written(
            None, f"it would have {len(content)} bytes, more than the {MOST_BYTES} that are read", limited=True
        )
    try:
        certificate = paced(read_certificate(content), limits)
        accepted = decide_for(certificate, plain_data(source.dataset), plain_network(claims.network), writing.paranoid)
    except Rejected as reason:
        return Written(None, str(reason))
    except OutOfTime as reason:
        return _too_late(reason.needs, "the time left is too short for checking it")
    except ArithmeticError as error:
        return Written(None, f"it could not be checked ({error})")
    return Written(content, leaves=accepted.leaves)


def _too_late(needs: float, reason: str) -> Written:
    return Written(None, reason, limited=True, needs=max(needs, 0.0))
