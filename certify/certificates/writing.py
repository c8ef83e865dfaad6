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
from certify.certificates.cost import OutOfTime, earlier, left, paced, seconds_a_node, seconds_of_values
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
_AT_LEAST = 0.5  # share of what checking a node is expected to take that it takes at least: less time than that is not begun with


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
    for inside, tree in _attempts(verdict, verdict.proof, problem):
        written = _attempt(claims, verdict.proof, problem, source, limits, inside, tree, values, writing)
        if written.content is not None or written.limited:
            break
    return written


def _attempts(verdict: Verdict, lower: LowerBound, problem: TrainingProblem) -> Iterator[tuple[float, bool]]:
    """Shares by which the dual vector is scaled down, one attempt after another, and whether the search's tree is followed.

    What is CERTIFIED needs no more than eps allows: all that the bound is better by is room for the proof.
    """
    yield _INSIDE[0], True
    if verdict.decision is Decision.CERTIFIED and lower.nu is not None and lower.gain is not None:
        for share in _ROOM:
            wanted = lower.value - share * (lower.value - least_bound(verdict))
            enough = sufficient_gain(problem, lower.nu, wanted)
            if enough > lower.gain.upper:
                yield 1 - lower.gain.upper / enough, True
    for inside in _INSIDE[1:]:
        yield inside, False


def least_bound(verdict: Verdict) -> float:
    """The lower bound on P* that CERTIFIED needs, rounded up."""
    size = max(verdict.value.lower, -verdict.value.upper, 0.0)
    return verdict.value.upper - verdict.eps * size * (1 - 8 * UNIT)


def _attempt(
    claims: Claims,
    lower: LowerBound,
    problem: TrainingProblem,
    source: Source,
    limits: Limits,
    inside: float,
    tree: bool,
    values: float,
    writing: Writing,
) -> Written:
    document = statement(problem.objective, source, claims, writing.carried)
    gain = lower.gain if tree else _without_tree(lower.gain)
    expected = 0 if gain is None or gain.proof is None else gain.proof.search.tree.size
    try:
        dual = scaled_dual(problem, lower, inside)
        after = _AT_LEAST * seconds_a_node(len(dual.hinges.points), dual.hinges.rank)
        proofs = _proofs(dual, gain, Budget(earlier(limits, values), expected, after))
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
    sides = [side_of(dual.hinges, sign * dual.weights, sign * dual.linear, dual.limit) for sign in (1, -1)]
    return [
        None if side.trivial else proof_of_side(side, sign, gain, budget)
        for sign, side in zip((1, -1), sides, strict=True)
    ]


def _without_tree(gain: GainBound | None) -> GainBound | None:
    """The bound as if it came out of nowhere: a tree that has led into trouble is not asked again."""
    return None if gain is None else replace(gain, proof=None)


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
