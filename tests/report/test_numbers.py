"""Printed numbers never claim more than was proved."""

from __future__ import annotations

import math
import random
import struct
from fractions import Fraction

import pytest

from certify.report.numbers import difference, ratio, rounded_down, rounded_up, shortest, with_error


def random_floats(count: int) -> list[float]:
    """Floats of every size: random bit patterns, the finite ones."""
    generator = random.Random(20240101)
    floats = [struct.unpack("<d", generator.randbytes(8))[0] for _ in range(count)]
    return [number for number in floats if math.isfinite(number)]


@pytest.mark.parametrize("digits", [1, 2, 5, 12])
def test_decimals_enclose_the_float(digits: int) -> None:
    """The decimal below is at most the float, the one above at least, and they are one unit apart at most."""
    for number in [*random_floats(500), 0.0, 0.1, -0.1, 1.0, 5e-324, 1.7976931348623157e308]:
        low, high = Fraction(rounded_down(number, digits)), Fraction(rounded_up(number, digits))
        exact = Fraction(number)
        assert low <= exact <= high
        assert high - low <= abs(exact) * Fraction(10) ** (1 - digits)


@pytest.mark.parametrize(
    ("number", "below", "above"),
    [
        (math.inf, "inf", "inf"),
        (-math.inf, "-inf", "-inf"),
        (math.nan, "-inf", "inf"),
        (2.0**-22, "2.3e-07", "2.4e-07"),
        (1e-4, "1e-04", "1.1e-04"),
        (0.5, "0.5", "0.5"),
        (1200.0, "1200", "1200"),
        (-1 / 3, "-0.34", "-0.33"),
    ],
)
def test_known_decimals(number: float, below: str, above: str) -> None:
    """Both roundings of numbers that can be checked by eye; what is not a number bounds nothing."""
    assert (rounded_down(number, 2), rounded_up(number, 2)) == (below, above)


def test_shortest_reads_back() -> None:
    """The shortest decimal of a float is that float."""
    for number in random_floats(500):
        assert float(shortest(number)) == number


def test_value_is_within_the_error_shown() -> None:
    """Both ends of an interval lie within the printed error of the printed number."""
    for number in random_floats(500):
        upper = math.nextafter(math.nextafter(number, math.inf), math.inf)
        shown, error = with_error(number, upper).rstrip(")").split(" (+- ")
        assert all(abs(Fraction(shown) - Fraction(end)) <= Fraction(error) for end in (number, upper))


def test_gaps_and_ratios_are_exact() -> None:
    """A gap too small for float subtraction against a large number is not lost, and dividing by 0 bounds nothing."""
    assert difference(1e16, 0.1) == Fraction(10**16) - Fraction(0.1)
    assert difference(1e308, -1e308) == 2 * Fraction(1e308)
    assert rounded_up(difference(1e308, -1e308), 2) == "2.1e+308"
    assert ratio(Fraction(1), 0.0) == math.inf
    assert ratio(0.0, 0.0) == 0.0
    assert ratio(1.0, -3.0) == Fraction(1, 3)
