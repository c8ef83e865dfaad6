"""How near a network that was not certified is to the optimum all the same, and the eps that would certify it.

Both are proved: they follow from the upper bound on F and the lower bound on P* (docs/theory.md, section 4).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from certify.report.numbers import GAP_DIGITS, rounded_up, shortest
from certify.verdict import NEAR, Decision, Reason, Verdict

_ROUNDING = 1 + Fraction(1, 2**48)  # more than the comparison that certifies can lose by rounding
_STEPS = (1, 2, 5)


@dataclass(frozen=True, slots=True)
class Near:
    """F <= (1 + excess) P*, excess rounded up; and with `eps` the bounds at hand certify.

    eps is None where they do already: it was not the bounds that kept the network from being certified.
    """

    excess: Fraction
    eps: float | None


def near(verdict: Verdict) -> Near | None:
    """How near, where the network is refuted or left open and F is proved to be at most 5 % above P*."""
    upper, lower = verdict.value.upper, verdict.optimum.lower
    if verdict.decision is Decision.CERTIFIED or not (math.isfinite(upper) and 0 < lower <= upper):
        return None
    gap = Fraction(upper) - Fraction(lower)
    excess = gap / Fraction(lower)
    if excess > NEAR or not verdict.value.lower > 0:
        return None
    needed = gap / Fraction(verdict.value.lower) * _ROUNDING
    return Near(excess, _next_step(needed) if needed > verdict.eps else None)


def near_as_dict(verdict: Verdict) -> dict[str, float | None] | None:
    """For JSON: `excess`, rounded up, and `eps`; None where the network is not near."""
    found = near(verdict)
    return None if found is None else {"excess": _float_above(found.excess), "eps": found.eps}


def near_entries(verdict: Verdict, width_asked: int | None = None) -> Iterator[tuple[str, str]]:
    """Label and text for the report; nothing where the network is not near. width_asked: of `solve --width`."""
    found = near(verdict)
    if found is None:
        return
    yield "near", f"within {rounded_up(100 * found.excess, GAP_DIGITS)} % of the proved optimum of every width"
    if found.eps is not None:
        yield "", f"--eps {shortest(found.eps)} would certify it"
    yield "", _remedy(verdict, width_asked)


def _remedy(verdict: Verdict, width_asked: int | None) -> str:
    """The command that gives a network, or bounds, to be certified at the eps that was asked for."""
    if verdict.decision is Decision.REFUTED:
        return "certify descend ... --output FILE writes a better network"
    if verdict.reason is Reason.WIDTH and width_asked is not None:
        return "certify solve with a larger --width, or without, writes a better one"
    if verdict.reason is Reason.WIDTH:
        return "certify solve --like MODEL ... --output FILE writes a wider one"
    if verdict.reason is Reason.NUMERICS:
        return "double precision allows no more"
    return "a longer --time-limit brings the bounds closer"


def _float_above(value: Fraction) -> float:
    nearest = float(value)
    return nearest if Fraction(nearest) >= value else math.nextafter(nearest, math.inf)


def _next_step(least: Fraction) -> float:
    """The first of 1, 2, 5, 10, ... times a power of ten whose float is at least that."""
    exponent = math.floor(math.log10(least)) - 1
    while True:
        for step in _STEPS:
            candidate = float(f"{step}e{exponent}")
            if Fraction(candidate) >= least:
                return candidate
        exponent += 1
