"""Rounding, accounted for: every figure that a verdict rests on is a float and a bound on its error.

Standard model of float64 arithmetic (Higham, Accuracy and Stability of Numerical Algorithms, chapters 2-3): one operation
errs by a factor 1 + delta, |delta| <= u = 2^-53; an inner product of length k, summed in any order, errs by at most
gamma(k) |x|.|y|. Logarithms and exponentials, with the products around them, are taken to err by at most a factor
1 +- LIBM_ULPS u (docs/theory.md, section 10).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from certify.arrays import Floats

UNIT = 2.0**-53
TINY = 2.0**-1000  # covers every underflow in sums of up to 2^50 terms
LIBM_ULPS = 16.0
SLOP = 1.0 + 1e-9  # covers the rounding of the error bounds themselves


def gamma(operations: float) -> float:
    """Relative error of a chain of that many rounded operations, itself rounded up."""
    return operations * UNIT / (1.0 - operations * UNIT) * SLOP


def scaled(value: float, exponent: int) -> float:
    """value 2^exponent for value >= 0; infinite where it overflows, rounded up where it underflows."""
    try:
        result = math.ldexp(value, exponent)
    except OverflowError:
        return math.copysign(math.inf, value)
    return result + math.ulp(0.0) if 0 < value and result < 2.0**-1021 else result


@dataclass(frozen=True, slots=True)
class Enclosure:
    """A real number x with |x - value| <= error."""

    value: float
    error: float

    @property
    def lower(self) -> float:
        """A float that is at most x; -inf where nothing is known."""
        low = math.nextafter(self.value - self.error, -math.inf)
        return low if not math.isnan(low) else -math.inf

    @property
    def upper(self) -> float:
        """A float that is at least x; +inf where nothing is known."""
        high = math.nextafter(self.value + self.error, math.inf)
        return high if not math.isnan(high) else math.inf

    def __add__(self, other: Enclosure) -> Enclosure:
        value = self.value + other.value
        return Enclosure(value, (self.error + other.error + UNIT * abs(value)) * SLOP)


def enclose_sum(terms: Floats, errors: Floats | float = 0.0) -> Enclosure:
    """Sum of all the terms, each known up to its error (arrays of one shape); math.fsum rounds once."""
    if not np.all(np.isfinite(terms)):
        return Enclosure(math.nan, math.inf)
    try:
        value = math.fsum(np.ravel(terms))
    except OverflowError:
        return Enclosure(math.nan, math.inf)
    if value == 0 and not np.any(errors) and not np.any(terms):
        return Enclosure(0.0, 0.0)
    error = float(np.sum(errors)) + UNIT * abs(value) + TINY
    return Enclosure(value, error * (1.0 + gamma(np.size(errors))) * SLOP)


def sums_to_zero(values: Iterable[float]) -> bool:
    """True iff the exact sum of the floats is zero (math.fsum is correctly rounded)."""
    return math.fsum(values) == 0.0


def round_to_zero_sum(values: Floats, keeper: int, inward: bool = False) -> Floats:
    """Nearby values (n,) whose exact sum is zero: rounded to a common grid, the rest put on entry `keeper`.

    inward: the others are rounded towards zero, so that none grows.
    The grid is so fine that n entries sum without rounding, and so coarse that every partial sum is a float.
    """
    total = float(np.sum(np.abs(values)))
    if not (total > 0 and math.isfinite(total)):
        return np.zeros_like(values)
    grid = 2.0 ** (math.frexp(total)[1] + 2 - 52)
    steps = np.trunc(values / grid) if inward else np.rint(values / grid)
    steps[keeper] -= math.fsum(steps)
    return steps * grid
