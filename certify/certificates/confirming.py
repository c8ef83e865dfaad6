"""No verdict without the checker: what it does not accept becomes inconclusive (docs/certificate.md).

CERTIFIED and REFUTED are passed on only with a certificate that was accepted, whether or not anybody wants to have it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from certify.certificates.claims import Source, claims_of
from certify.certificates.cost import earlier, seconds_of_values
from certify.certificates.writing import Writing, Written, write_certificate
from certify.gain.question import Limits
from certify.problem.network import Network
from certify.problem.training import TrainingProblem
from certify.verdict import Bounds, Decision, Lack, Reason, Verdict


@dataclass(frozen=True, slots=True, eq=False)
class CertificateWish:
    """What is wanted of the certificate; none of it changes a verdict.

    source    the arrays as their files hold them
    wanted    the certificate itself is: also for what is inconclusive, and with all that is known
    carried   with the arrays, so that Python alone can decide it
    paranoid  checked by the exact scan alone
    """

    source: Source
    wanted: bool = False
    carried: bool = False
    paranoid: bool = False


def confirmed(
    verdict: Verdict, network: Network, problem: TrainingProblem, wish: CertificateWish, limits: Limits
) -> Verdict:
    """The verdict with its certificate, or the inconclusive one that is left where the checker does not accept it.

    limits: those of writing and checking. What would not end before their deadline is given up, and the verdict says what it lacks.
    """
    if verdict.decision is Decision.INCONCLUSIVE and not wish.wanted:
        return verdict
    written = _written(verdict, network, problem, wish, limits)
    if written.content is None and verdict.decision is not Decision.INCONCLUSIVE:
        return _withdrawn(verdict, written)
    optimum = Bounds(min(verdict.optimum.lower, written.bound_shown), verdict.optimum.upper)
    return replace(verdict, optimum=optimum, certificate=written.content, certificate_note=written.reason)


def _written(
    verdict: Verdict, network: Network, problem: TrainingProblem, wish: CertificateWish, limits: Limits
) -> Written:
    """All that is known, if that can be proved in time; else the least that carries the verdict."""
    bounded = Writing(wish.carried, True, wish.paranoid)
    unbounded = Writing(wish.carried, False, wish.paranoid)
    if verdict.decision is Decision.CERTIFIED:
        return write_certificate(verdict, network, problem, wish.source, limits, bounded)
    full = Written(None)
    if wish.wanted:
        early = earlier(limits, seconds_of_values(problem.objective, wish.source.dataset, claims_of(verdict, network)))
        full = write_certificate(verdict, network, problem, wish.source, early, bounded)
    if full.content is not None:
        return full
    least = write_certificate(verdict, network, problem, wish.source, limits, unbounded)
    return replace(least, reason=least.reason or (f"without the lower bound: {full.reason}" if full.reason else ""))


def _withdrawn(verdict: Verdict, written: Written) -> Verdict:
    """The verdict taken back. A bound that the checker has refuted goes with it; F >= 0 needs no proof."""
    reason = Reason.LIMIT if written.limited else Reason.NUMERICS
    if verdict.interrupted and written.limited:
        reason = Reason.INTERRUPTED
    said = f"{verdict.decision.value} by the search, but its certificate was not accepted: {written.reason}"
    return replace(
        verdict,
        decision=Decision.INCONCLUSIVE,
        reason=reason,
        explanation=said,
        optimum=verdict.optimum if written.limited else Bounds(0.0, verdict.optimum.upper),
        witness=None,
        certificate_note=written.reason,
        lacks=Lack(written.needs, verdict.decision) if reason is Reason.LIMIT else None,
    )
