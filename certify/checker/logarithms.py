"""Enclosures of the logarithm, of log(1 + exp(-m)) and of the entropy, in fixed point (docs/certificate.md, section 6)."""

from __future__ import annotations

import math
from fractions import Fraction

BITS = 192
_TERMS = 64
_MARGIN = 512  # units of 2^-BITS for each logarithm taken; 330 are needed
_FAR = 128


def log_bounds(above: int, below: int) -> tuple[int, int]:
    """Integers low <= 2^BITS log(above / below) <= high, for positive integers."""
    power = above.bit_length() - below.bit_length()
    above, below = above << max(-power, 0), below << max(power, 0)
    value = 2 * _artanh(above - below, above + below) + power * 2 * _artanh(1, 3)
    margin = _MARGIN * (abs(power) + 1)
    return value - margin, value + margin


def softplus_bounds(above: int, shift: int) -> tuple[int, int]:
    """Integers low <= 2^BITS log(1 + exp(-m)) <= high, for m = above 2^-shift.

    With 0 < p < 1, m_p = log((1-p)/p) and delta = m - m_p, Taylor's theorem puts the function between
    -log(1-p) - p delta and that plus delta^2/8. Any p will do; one near 1/(1 + exp m) is good.
    """
    if above < 0:
        low, high = softplus_bounds(-above, shift)
        return low + (-above << BITS >> shift), high - (above << BITS >> shift)
    m = above << BITS >> shift
    if m >= _FAR << BITS:
        return 0, 1 << (BITS - _FAR)
    p, one = (1 / (1 + math.exp(m / (1 << BITS)))).as_integer_ratio()
    there, base = log_bounds(one - p, p), log_bounds(one, one - p)
    low, high = m - there[1], m + 1 - there[0]
    bend = (max(abs(low), abs(high)) ** 2 >> (BITS + 3)) + 1
    return max(base[0] + -p * high // one, 0), base[1] - p * low // one + bend


def entropy_below(p: Fraction) -> Fraction:
    """A lower bound on -p log p - (1-p) log(1-p), for 0 <= p <= 1."""
    if p == 0 or p == 1:
        return Fraction(0)
    part, whole = p.numerator, p.denominator
    bits = part * log_bounds(whole, part)[0] + (whole - part) * log_bounds(whole, whole - part)[0]
    return Fraction(max(bits, 0), whole << BITS)


def _artanh(above: int, below: int) -> int:
    """2^BITS artanh(above / below), within 164 units, for |above / below| <= 1/3: the power series."""
    t = (above << BITS) // below
    square, total = t * t >> BITS, 0
    for power in range(1, 2 * _TERMS, 2):
        total += t // power
        t = t * square >> BITS
    return total
