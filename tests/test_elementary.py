"""exp, log and log(1 + x) of the core: within one unit in the last place of the truth everywhere, exact where the truth is a float."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Context, Decimal

import numpy as np
import pytest

from certify._core import elementary

_PRECISE = Context(prec=50, Emin=-(10**6), Emax=10**6)


def exact_log1p(x: Decimal) -> Decimal:
    """log(1 + x): where x is tiny, 1 + x needs more digits than its logarithm."""
    precise = Context(prec=50 + max(0, -x.adjusted()), Emin=-(10**6), Emax=10**6)
    return precise.ln(precise.add(Decimal(1), x))


TRUTHS: dict[str, Callable[[Decimal], Decimal]] = {"exp": _PRECISE.exp, "log": _PRECISE.ln, "log1p": exact_log1p}


def arguments(name: str) -> np.ndarray:
    """Arguments of every size, dense around the places where the algorithm changes, to the ends of the domain."""
    rng = np.random.default_rng(0)
    spread = 10.0 ** rng.uniform(-320, 308, 1_500)
    if name == "exp":
        usual = [rng.uniform(-745.2, 709.8, 3_000), rng.uniform(-1, 1, 2_000), rng.uniform(-746, -700, 500)]
        corners = [k * math.log(2) / 2 for k in range(-2100, 2050, 7)] + [709.782712893384, -745.1332191019411, 0.0]
        return np.concatenate([*usual, near(np.array(corners)), np.minimum(spread, 709), -np.minimum(spread, 745)])
    roots = 2.0 ** (np.arange(-2140, 2046, 5) / 2)
    usual = [
        rng.uniform(0.5, 2, 3_000),
        spread,
        near(roots[roots > 0]),
        near(np.array([1.0, math.sqrt(0.5), math.sqrt(2)])),
    ]
    if name == "log":
        return np.concatenate([*usual, 5e-324 * np.arange(1, 50), [2.0**-1022, 1.7976931348623157e308]])
    small = [
        rng.uniform(-1, 1, 3_000),
        -near(np.array([2.0**-53, 1 - math.sqrt(0.5), 0.5])),
        near(np.array([2.0**-53])),
    ]
    return np.concatenate([*usual, *small, -1 + 2.0 ** -np.arange(1, 54), -np.minimum(spread[spread < 1], 0.99)])


def near(points: np.ndarray) -> np.ndarray:
    """The points and their neighbours among the floats."""
    return np.concatenate([points, np.nextafter(points, np.inf), np.nextafter(points, -np.inf)])


@pytest.mark.parametrize("name", TRUTHS)
def test_within_one_unit_in_the_last_place(name: str) -> None:
    """On some ten thousand arguments, subnormal ones and results among them, the error is below one unit."""
    x = arguments(name)
    values = getattr(elementary, name)(x)
    for argument, value in zip(x.tolist(), values.tolist(), strict=True):
        truth = TRUTHS[name](Decimal(argument))
        if truth == 0:
            assert value == 0
            continue
        if truth > Decimal("1.7976931348623157e308"):
            assert value == math.inf
            continue
        unit = Decimal(math.ulp(min(abs(float(truth)), abs(value) if value else math.inf)))
        assert abs(Decimal(value) - truth) < unit, argument


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("exp", [0.0, -0.0, math.inf, -math.inf, 710.0, -746.0], [1.0, 1.0, math.inf, 0.0, math.inf, 0.0]),
        ("log", [1.0, 0.0, -0.0, math.inf], [0.0, -math.inf, -math.inf, math.inf]),
        ("log1p", [0.0, 5e-324, -1.0, math.inf], [0.0, 5e-324, -math.inf, math.inf]),
        ("log1p", [1e300, 2.0**60], [math.log(1e300), 60 * math.log(2)]),
    ],
)
def test_ends_of_the_domain(name: str, given: list[float], expected: list[float]) -> None:
    """Overflow, underflow, poles and infinities."""
    assert getattr(elementary, name)(given).tolist() == expected


@pytest.mark.parametrize(
    ("name", "given"),
    [("exp", [math.nan]), ("log", [math.nan, -1.0, -math.inf]), ("log1p", [math.nan, -1.5, -math.inf])],
)
def test_what_has_no_value_is_not_a_number(name: str, given: list[float]) -> None:
    """NaN stays, and what is outside the domain becomes it, without a warning."""
    assert np.isnan(getattr(elementary, name)(given)).all()


def test_shapes_are_kept() -> None:
    """Any shape, any strides; the argument stays as it was."""
    x = np.arange(24.0).reshape(2, 3, 4)[:, ::2].transpose(2, 0, 1)
    before = x.copy()
    assert elementary.exp(x).shape == x.shape
    assert np.array_equal(elementary.log1p(x)[1], elementary.log1p(x[1]))
    assert np.array_equal(x, before)
    assert elementary.log(3.0).shape == ()
