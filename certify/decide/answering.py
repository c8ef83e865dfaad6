"""From a finished search to the answer: the certificate of exactly what it claims, and what is lacking where time was too short."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Protocol

from certify.certificates import CertificateWish, confirmed
from certify.certificates.cost import seconds_of_proof
from certify.decide.proving import Proving
from certify.gain.question import GainBound
from certify.gain.search.portfolio import MOST_RANK, searchable
from certify.problem.dual import LowerBound
from certify.problem.network import Network
from certify.verdict import Decision, Lack, Reason, Verdict

_TIGHTER = (
    0.5,
    0.9,
)  # shares of what is possible beyond eps that are proved where no certificate could be written for less
_LONGER = 1.5  # times the seconds that are lacking: they are an estimate
_LONGEST = 1e6  # seconds; what is expected to take longer than that is not expected at all
_MUCH = (
    0.3  # share of the time that a certificate of the bounds at hand must not exceed if they are to do for a larger eps
)
_TEN = 10  # times the limit, where nothing tells how much longer it takes
_WIDER_EPS = 0.5  # a relative gap above this is no tolerance that anybody would ask for


class Search(Protocol):
    """A search that has ended (`check.py`). decisive: a bound that the verdict may also rest on, with less to write down."""

    network: Network
    proving: Proving
    decisive: LowerBound | None

    def verdict(self, proof: LowerBound | None = None) -> Verdict:
        """What follows from all that was found, or with that lower bound in place of the best one."""

    def tighten(self, room: float) -> bool:
        """Go on until the lower bound is better than needed by this share of all that is possible; False where it got no better."""


def answered(search: Search, wish: CertificateWish) -> Verdict:
    """The verdict, as far as the checker accepts a certificate of it within the time limit."""
    found = search.verdict()
    answer = _confirmed(search, found, wish)
    if answer.lacks is not None and search.decisive is not None:
        answer = _confirmed(search, search.verdict(search.decisive), wish)
    for room in _TIGHTER:
        unwritten = found.decision is Decision.CERTIFIED and answer.reason is Reason.NUMERICS
        if unwritten and search.tighten(room):
            answer = _confirmed(search, search.verdict(), wish)
    return _with_remedy(answer, search.proving)


def _confirmed(search: Search, verdict: Verdict, wish: CertificateWish) -> Verdict:
    return confirmed(verdict, search.network, search.proving.problem, wish, search.proving.last_limits)


def _with_remedy(verdict: Verdict, proving: Proving) -> Verdict:
    """What an answer that is inconclusive for lack of time lacks, and the options that would do."""
    limit = proving.options.time_limit
    if verdict.decision is not Decision.INCONCLUSIVE or verdict.reason is not Reason.LIMIT or limit is None:
        return verdict
    lack = verdict.lacks or Lack(proving.forecast)
    seconds = lack.seconds if lack.seconds is not None and lack.seconds <= _LONGEST else None
    if lack.unproved is None and not searchable(verdict.rank):
        return replace(
            verdict, lacks=Lack(None, None, f"data of rank {verdict.rank} are not searched, only up to {MOST_RANK}")
        )
    if seconds is not None:
        remedy = f"--time-limit {_round(max(limit, proving.elapsed) + _LONGER * seconds)}"
    elif verdict.relative_gap < _WIDER_EPS and lack.unproved is None:
        checking = (
            0.0
            if verdict.proof is None or verdict.proof.gain is None
            else _seconds_of_proof(proving, verdict.proof.gain)
        )
        longer = f" --time-limit {_round(limit + _LONGER * checking)}" if checking > _MUCH * limit else ""
        remedy = f"--eps {_two_digits(verdict.relative_gap)}{longer}"
    else:
        remedy = f"--time-limit {_round(_TEN * limit)}"
    return replace(verdict, lacks=Lack(seconds, lack.unproved, remedy))


def _seconds_of_proof(proving: Proving, gain: GainBound) -> float:
    return seconds_of_proof(gain, *proving.problem.rows.shape)


def _round(seconds: float) -> int:
    """Upwards, to two digits."""
    unit: int = 10 ** max(len(str(math.ceil(seconds))) - 2, 0)
    return -(-math.ceil(seconds) // unit) * unit


def _two_digits(value: float) -> str:
    """Upwards."""
    digits = 1 - math.floor(math.log10(value))
    return f"{math.ceil(value * 10**digits) / 10**digits:.2g}"
