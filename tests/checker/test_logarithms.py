"""The checker's enclosures hold, and are narrow; its exact linear algebra decides what it says."""

from __future__ import annotations

import math
import random
from fractions import Fraction
from itertools import product

import pytest
from exact import natural_log, softplus

from certify.checker.logarithms import BITS, entropy_below, log_bounds, softplus_bounds
from certify.checker.numbers import independent, on_grid, positive_semidefinite, root_above, root_below

WIDTH = Fraction(1, 2**100)
LOG_DIGITS, DIGITS = Fraction(1, 10**74), Fraction(1, 10**55)  # what the reference values are good for, relative


def numbers(seed: int) -> list[Fraction]:
    """Positive rationals near 1, near 0 and far out."""
    rng = random.Random(seed)
    some = [Fraction(rng.random() + 1e-9) * Fraction(2) ** rng.randint(-200, 200) for _ in range(60)]
    near = [1 + Fraction(rng.randint(-1000, 1000), 2 ** rng.randint(20, 90)) for _ in range(60)]
    return [*some, *near, Fraction(1), Fraction(2), Fraction(1, 3), Fraction(10) ** 300]


def encloses(low: int, high: int, value: Fraction, slack: Fraction) -> bool:
    """Whether value, known up to the slack, lies between, and they are close."""
    low, high = Fraction(low, 1 << BITS), Fraction(high, 1 << BITS)
    return low <= value + slack and value - slack <= high and high - low <= WIDTH * (1 + abs(value))


@pytest.mark.parametrize("seed", range(3))
def test_logarithms_are_enclosed(seed: int) -> None:
    """log_bounds holds the logarithm of every positive rational, within 2^-100."""
    for x in numbers(seed):
        value = natural_log(x)
        assert encloses(*log_bounds(x.numerator, x.denominator), value, LOG_DIGITS * (1 + abs(value)))


@pytest.mark.parametrize("seed", range(3))
def test_softplus_is_enclosed(seed: int) -> None:
    """softplus_bounds holds log(1 + exp(-m)) for m of any sign and size."""
    rng = random.Random(seed)
    margins = [rng.gauss(0, 1) * 10.0 ** rng.randint(-20, 3) for _ in range(60)]
    margins += [0.0, -0.0, 127.9999, 128.0, -128.0, 745.0, -745.0, 1e-300, 1e5, -1e5, 2.0**-1074]
    for m in margins:
        (above,), shift = on_grid([m])
        value = softplus(-Fraction(m))
        assert encloses(*softplus_bounds(above, shift), value, DIGITS * value)


def test_softplus_is_never_negative() -> None:
    """Its lower end stays at 0 or above, where the function is tiny."""
    assert all(softplus_bounds(m << 20, 20)[0] >= 0 for m in range(0, 200, 3))


@pytest.mark.parametrize("seed", range(3))
def test_entropy_is_bounded_from_below(seed: int) -> None:
    """entropy_below is below the entropy, by less than 2^-100 of it and 2^-150."""
    rng = random.Random(seed)
    some = [Fraction(rng.random()) ** rng.randint(1, 30) for _ in range(40)]
    for p in [*some, *[1 - p for p in some], Fraction(1, 2), Fraction(1, 2**900)]:
        exact = -(p * natural_log(p) + (1 - p) * natural_log(1 - p)) if 0 < p < 1 else Fraction(0)
        below = entropy_below(p)
        slack = DIGITS * (p + DIGITS)
        assert 0 <= below <= exact + slack
        assert exact - below <= WIDTH * exact + Fraction(1, 2**150) + slack
    assert entropy_below(Fraction(0)) == entropy_below(Fraction(1)) == 0


def test_roots_are_rounded_to_the_stated_side() -> None:
    """root_above and root_below bracket the square root, and are exact on squares."""
    for x in [0, 1, 2, 3, 4, 10**40, 10**40 + 1, 10**40 - 1]:
        r = root_above(x)
        assert r * r >= x and (r == 0 or (r - 1) ** 2 < x)
        below = root_below(Fraction(x, 7))
        assert below**2 <= Fraction(x, 7) <= (below * (1 + Fraction(1, 2**120)) + Fraction(1, 2**120)) ** 2
    assert root_below(Fraction(9, 16)) == Fraction(3, 4)
    assert root_below(Fraction(0.1) ** 2) == Fraction(0.1)
    assert root_below(Fraction(1e-200) ** 2) == Fraction(1e-200)


def test_positive_semidefinite_agrees_with_minors() -> None:
    """For all symmetric 3 x 3 matrices of small entries: positive semidefinite iff no principal minor is negative."""
    for a, b, c, d, e, f in product((-1, 0, 1, 2), repeat=6):
        matrix = [[a, b, c], [b, d, e], [c, e, f]]
        minors = [a, d, f, a * d - b * b, a * f - c * c, d * f - e * e]
        minors.append(a * (d * f - e * e) - b * (b * f - c * e) + c * (b * e - c * d))
        assert positive_semidefinite(matrix) == (min(minors) >= 0)


def test_positive_semidefinite_of_gram_matrices() -> None:
    """A Gram matrix of any rank is positive semidefinite, and one unit off its diagonal is not where it is singular."""
    rng = random.Random(0)
    for _ in range(40):
        vectors = [[rng.randint(-9, 9) for _ in range(rng.randint(1, 4))] for _ in range(1)]
        vectors = [[rng.randint(-9, 9) for _ in vectors[0]] for _ in range(6)]
        gram = [[sum(x * y for x, y in zip(a, b, strict=True)) for b in vectors] for a in vectors]
        assert positive_semidefinite(gram)
        gram[3][3] -= 1
        assert not positive_semidefinite(gram)


def test_independent_agrees_with_determinants() -> None:
    """For all 3 x 3 matrices of entries -1, 0, 1: regular iff the determinant is not zero."""
    for a, b, c, d, e, f, g, h, i in product((-1, 0, 1), repeat=9):
        determinant = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)
        assert independent([[a, b, c], [d, e, f], [g, h, i]]) == (determinant != 0)


def test_grid_is_exact() -> None:
    """on_grid gives back every float, whatever their exponents."""
    values = [0.0, -0.0, 1.5, -0.1, 2.0**-1074, 1.7e308, math.pi]
    integers, shift = on_grid(values)
    assert [Fraction(k, 1 << shift) for k in integers] == [Fraction(x) for x in values]
    assert on_grid([]) == ([], 0)
