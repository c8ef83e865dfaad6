"""Numbers as a reader sees them: decimals that never state more than was proved.

Every float is a dyadic rational, so both directions are exact: the decimal is rounded once, away from the claim.
"""

from __future__ import annotations

import math
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction

Number = float | Fraction

BOUND_DIGITS = 12
GAP_DIGITS = 2
FIXED_FROM, FIXED_TO = -3, 9  # decimal exponents that are written without `e`


def rounded_down(value: Number, digits: int = BOUND_DIGITS) -> str:
    """The largest decimal of so many digits that is at most `value`; NaN reads as -inf, as nothing is known."""
    return _rounded(value, digits, ROUND_FLOOR, "-inf")


def rounded_up(value: Number, digits: int = BOUND_DIGITS) -> str:
    """The smallest decimal of so many digits that is at least `value`; NaN reads as inf, as nothing is known."""
    return _rounded(value, digits, ROUND_CEILING, "inf")


def rounded(value: float, digits: int) -> str:
    """The nearest decimal of so many digits, for figures that nothing rests on."""
    return _rounded(value, digits, ROUND_HALF_EVEN, "nan")


def shortest(value: float) -> str:
    """The shortest decimal that reads back as this float."""
    if not math.isfinite(value):
        return str(value)
    return written(Decimal(repr(float(value))))


def midpoint(lower: float, upper: float) -> float:
    """The middle of two bounds, without overflow."""
    return lower if lower == upper else lower / 2 + upper / 2


def with_error(lower: float, upper: float) -> str:
    """`1.25 (+- 3e-16)`: the middle of the bounds, and how far the number can be from the decimal shown."""
    middle = midpoint(lower, upper)
    if not math.isfinite(middle):
        return f"in [{rounded_down(lower)}, {rounded_up(upper)}]"
    shown = Fraction(Decimal(repr(middle)))
    error = max(shown - Fraction(lower), Fraction(upper) - shown)
    return f"{shortest(middle)} (+- {rounded_up(error, GAP_DIGITS)})"


def difference(upper: float, lower: float) -> Number:
    """upper - lower, exactly; infinite or NaN where a bound is missing."""
    if math.isfinite(upper) and math.isfinite(lower):
        return Fraction(upper) - Fraction(lower)
    return upper - lower


def excess(upper: float, lower: float) -> Number:
    """upper - lower, exactly, and not below 0."""
    return max(difference(upper, lower), 0.0)


def ratio(part: Number, whole: float) -> Number:
    """part / |whole|, exactly; infinite where the whole is 0 and the part is not."""
    if _is_finite(part) and math.isfinite(whole) and whole != 0:
        return Fraction(part) / abs(Fraction(whole))
    return 0.0 if part == 0 else math.inf


def written(number: Decimal) -> str:
    """A decimal in fixed notation where that is short, else as 1.5e-07."""
    if not number:
        return "0"
    exponent = number.adjusted()
    if FIXED_FROM <= exponent < FIXED_TO:
        text = f"{number:f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    mantissa = f"{number.scaleb(-exponent):f}"
    mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    return f"{mantissa}e{exponent:+03d}"


def _is_finite(value: Number) -> bool:
    return isinstance(value, Fraction) or math.isfinite(value)


def _rounded(value: Number, digits: int, rounding: str, unknown: str) -> str:
    if not _is_finite(value):
        return unknown if math.isnan(value) else str(float(value))
    exact = Fraction(value)
    context = Context(prec=digits, rounding=rounding)
    return written(context.divide(Decimal(exact.numerator), Decimal(exact.denominator)))
