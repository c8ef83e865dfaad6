"""Enclosures hold the exact value, whatever the floats do."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from exact import encloses, fractions

from certify.rounding import TINY, UNIT, Enclosure, enclose_sum, gamma, round_to_zero_sum, scaled, sums_to_zero

NASTY_SUMS = {
    "cancelling": [1e16, 1.0, -1e16, 1e-16, -1.0],
    "huge": [1e150, -1e150, 1e134, 3.0],
    "tiny": [1e-150, -1e-150, 1e-166, 3e-300],
    "denormal": [5e-324, 5e-324, -1e-323, 1e-310],
    "mixed": [1e150, 1e-150, -1e150, 2e-150],
    "many tiny": [1.0] + [1e-17] * 20_000,
    "alternating": [0.1, -0.1] * 5_000 + [0.3],
    "largest": [1.7e308, -1.7e308, 1.0],
    "none": [],
}


@pytest.mark.parametrize("terms", NASTY_SUMS.values(), ids=NASTY_SUMS)
def test_a_sum_is_enclosed(terms: list[float]) -> None:
    """The exact sum lies inside, however much cancels, overflows on the way or vanishes."""
    assert encloses(enclose_sum(np.array(terms)), sum(fractions(terms), Fraction(0)))


@pytest.mark.parametrize("seed", range(20))
def test_errors_of_the_terms_are_carried(seed: int) -> None:
    """With terms known up to errors, both extreme sums lie inside."""
    rng = np.random.default_rng(seed)
    terms = rng.standard_normal(50) * 10.0 ** rng.integers(-150, 150, 50)
    errors = np.abs(terms) * 10.0 ** rng.integers(-16, 0, 50)
    enclosure = enclose_sum(terms, errors)
    total, spread = sum(fractions(terms)), sum(fractions(errors))
    assert encloses(enclosure, total - spread)
    assert encloses(enclosure, total + spread)


@pytest.mark.parametrize("seed", range(20))
def test_enclosures_add(seed: int) -> None:
    """The sum of two enclosures holds the sums of all their members."""
    values, errors = np.random.default_rng(seed).standard_normal((2, 2)) * np.array([[1e10, 1.0], [1e-6, 1e-12]])
    first, second = (Enclosure(float(v), abs(float(e))) for v, e in zip(values, errors, strict=True))
    for sign in (-1, 1):
        ends = [Fraction(e.value) + sign * Fraction(e.error) for e in (first, second)]
        assert encloses(first + second, sum(ends))


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_gives_no_bound(bad: float) -> None:
    """A NaN or infinite term, or error, leaves (-inf, inf), also after more is added."""
    for enclosure in (enclose_sum(np.array([1.0, bad])), enclose_sum(np.ones(2), np.array([0.0, abs(bad)]))):
        for each in (enclosure, enclosure + Enclosure(1.0, 0.0), Enclosure(1.0, 0.0) + enclosure):
            assert (each.lower, each.upper) == (-math.inf, math.inf)


def test_an_exact_zero_stays_one() -> None:
    """Terms that are all exactly zero sum to zero without an error, so that a perfect fit can be recognised."""
    assert enclose_sum(np.zeros(9), np.zeros(9)) == Enclosure(0.0, 0.0)
    assert enclose_sum(np.zeros(9), np.full(9, TINY)).error >= 9 * TINY


@pytest.mark.parametrize("k", [1, 3, 100, 10**6])
def test_gamma_is_rounded_up(k: int) -> None:
    """gamma(k) is at least k u / (1 - k u)."""
    u = Fraction(UNIT)
    assert Fraction(gamma(k)) >= k * u / (1 - k * u)


@pytest.mark.parametrize("seed", range(30))
def test_rounding_to_a_zero_sum_is_exact_and_close(seed: int) -> None:
    """The exact sum is zero, and no entry but the keeper moves by more than the grid."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 400))
    values = rng.standard_normal(n) * 10.0 ** rng.integers(-12, 1, n) * 10.0 ** rng.integers(-140, 140)
    keeper = int(rng.integers(n))
    rounded = round_to_zero_sum(values, keeper)
    assert sum(fractions(rounded)) == 0
    assert sums_to_zero(rounded)
    assert all(np.abs(np.delete(rounded - values, keeper)) <= 8 * UNIT * np.sum(np.abs(values)))


def test_rounding_inward_lets_nothing_grow() -> None:
    """Inward, every entry but the keeper stays between 0 and what it was, and the sum is exactly zero all the same."""
    rng = np.random.default_rng(0)
    values = rng.standard_normal(50) * 10.0 ** rng.integers(-12, 1, 50)
    rounded = round_to_zero_sum(values, 7, inward=True)
    assert sums_to_zero(rounded)
    others, before = np.delete(rounded, 7), np.delete(values, 7)
    assert np.all(np.abs(others) <= np.abs(before)) and np.all(others * before >= 0)


def test_a_sum_that_only_rounds_to_zero_is_not_zero() -> None:
    """sums_to_zero sees what naive summation loses, and NaN is never zero."""
    assert not sums_to_zero([1e16, 1.0, -1e16])
    assert not sums_to_zero([1e150, 5e-324, -1e150])
    assert not sums_to_zero([math.nan, 0.0])
    assert sums_to_zero([1e16, 1.0, -1e16, -1.0])


@pytest.mark.parametrize("value", [0.5, 0.75, 1.0, 3.7, 1 - UNIT])
@pytest.mark.parametrize("exponent", [-2000, -1080, -1074, -1050, -3, 0, 5, 1000, 1024, 2000])
def test_scaling_never_rounds_down(value: float, exponent: int) -> None:
    """value 2^exponent is at most the result, where it underflows and where it overflows too."""
    result = scaled(value, exponent)
    assert result == math.inf or Fraction(result) >= Fraction(value) * Fraction(2) ** exponent
    assert scaled(0.0, exponent) == 0.0
