"""Losses and their conjugates: enclosed, conjugate to one another, closed against what is not finite."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from exact import OF_SIGNS, fractions, natural_log, sample_loss

from certify.problem.objective import Loss
from certify.rounding import enclose_sum

EVERY_LOSS = pytest.mark.parametrize("loss", list(Loss))
QUADRATIC = {Loss.HALF_SQUARED: 1, Loss.SQUARED: 2}


def sample(seed: int, loss: Loss, n: int = 40) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """f, y, w of many magnitudes; some weights are zero, some predictions are exact."""
    rng = np.random.default_rng(seed)
    y = rng.standard_normal(n) * 10.0 ** rng.integers(-100, 100, n)
    f = y * (1 + rng.standard_normal(n) * 10.0 ** rng.integers(-16, 3, n))
    if loss in OF_SIGNS:
        y, f = rng.choice([-1.0, 1.0], n), rng.standard_normal(n) * 10.0 ** rng.integers(-3, 3, n)
    f[::7] = y[::7]
    return f, y, rng.choice([0.0, 1.0, 1 / 3, 1e-30, 1e30], n)


def dual_term(loss: Loss, nu: Fraction, y: Fraction, w: Fraction) -> Fraction | None:
    """-(w loss)*(-nu), None outside the domain."""
    if loss in QUADRATIC:
        if w == 0:
            return Fraction(0) if nu == 0 else None
        return nu * y - nu**2 / (2 * QUADRATIC[loss] * w)
    p = nu * y / w if w else Fraction(0)
    if not 0 <= p <= 1 or (w == 0 and nu != 0):
        return None
    if loss is Loss.HINGE:
        return nu * y
    return -w * sum((q * natural_log(q) for q in (p, 1 - p) if q), Fraction(0))


@EVERY_LOSS
@pytest.mark.parametrize("seed", range(4))
def test_terms_are_enclosed(loss: Loss, seed: int) -> None:
    """Each sample's loss lies within its error, also at the ends of the prediction's own error."""
    f, y, w = sample(seed, loss)
    f_error = np.abs(f) * 1e-10
    terms, errors = loss.function.terms(f, f_error, y, w)
    for i in range(f.size):
        for shift in (-1, 0, 1):
            exact = Fraction(w[i]) * sample_loss(loss, Fraction(f[i]) + shift * Fraction(f_error[i]), Fraction(y[i]))
            assert abs(Fraction(terms[i]) - exact) <= Fraction(errors[i])


@EVERY_LOSS
@pytest.mark.parametrize("seed", range(4))
def test_dual_terms_are_enclosed(loss: Loss, seed: int) -> None:
    """Each finite dual term lies within its error of the exact conjugate, and none is finite outside the domain."""
    f, y, w = sample(seed, loss)
    function = loss.function
    nu = function.into_domain(-function.slope(f, y, w), y, w) * np.random.default_rng(seed).choice(
        [1.0, 0.3, 1e-9], f.size
    )
    if loss in OF_SIGNS:
        nu[::5] = w[::5] * y[::5] * 1.01
        nu[1::5] = w[1::5] * y[1::5] * np.nextafter(1.0, 0.0)
    terms, errors = function.dual_terms(nu, y, w)
    for i in range(f.size):
        exact = dual_term(loss, *fractions([nu[i], y[i], w[i]]))
        if exact is None:
            assert terms[i] == -np.inf
        elif np.isfinite(terms[i]):
            assert abs(Fraction(terms[i]) - exact) <= Fraction(errors[i])


@EVERY_LOSS
@pytest.mark.parametrize("seed", range(4))
def test_fenchel_young(loss: Loss, seed: int) -> None:
    """loss(f) + nu f is at least the dual term, with equality where nu is minus the slope, but for what keeps it in the domain."""
    rng = np.random.default_rng(seed)
    n = 30
    y = rng.choice([-1.0, 1.0], n) if loss in OF_SIGNS else rng.standard_normal(n)
    f, other, w = rng.standard_normal(n), rng.standard_normal(n), rng.uniform(0.1, 2.0, n)
    function = loss.function
    nu = function.into_domain(-function.slope(f, y, w), y, w)
    dual = function.dual_terms(nu, y, w)[0]
    assert function.terms(f, 0 * f, y, w)[0] + nu * f == pytest.approx(dual, rel=1e-12, abs=1e-12)
    assert np.all(function.terms(other, 0 * f, y, w)[0] + nu * other >= dual - 1e-12)


@EVERY_LOSS
def test_slope_and_curvature_are_derivatives(loss: Loss) -> None:
    """Central differences of the terms give the slope, and those of the slope the curvature."""
    rng = np.random.default_rng(0)
    y, f, w, h = rng.choice([-1.0, 1.0], 20), rng.standard_normal(20) * 3, rng.uniform(0, 2, 20), 1e-5
    function, zero = loss.function, np.zeros(20)
    rise = function.terms(f + h, zero, y, w)[0] - function.terms(f - h, zero, y, w)[0]
    assert rise / (2 * h) == pytest.approx(function.slope(f, y, w), rel=1e-6, abs=1e-8)
    bend = function.slope(f + h, y, w) - function.slope(f - h, y, w)
    assert bend / (2 * h) == pytest.approx(function.curvature(f, y, w), rel=1e-6, abs=1e-8)


@EVERY_LOSS
def test_the_largest_scale_keeps_the_domain(loss: Loss) -> None:
    """Every dual term is finite up to the largest scale; a vector of the wrong sign, or on weight zero, has scale 0."""
    rng = np.random.default_rng(1)
    y, f, w = rng.choice([-1.0, 1.0], 30), rng.standard_normal(30), rng.uniform(0.1, 2, 30)
    function = loss.function
    nu = -function.slope(f, y, w)
    scale = min(function.largest_scale(nu, y, w), 1e6)
    assert scale >= 1 - 1e-13
    assert np.all(np.isfinite(function.dual_terms(scale * nu, y, w)[0]))
    w[3] = 0.0
    assert function.largest_scale(nu, y, w) == 0
    if loss in OF_SIGNS:
        assert function.largest_scale(-nu, y, np.ones(30)) == 0


@EVERY_LOSS
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_gives_no_bound(loss: Loss, bad: float) -> None:
    """A NaN or infinite dual entry, prediction, target or weight never yields a finite lower bound; +inf is no value."""
    good = np.ones(3)
    spoilt = np.array([1.0, bad, 1.0])
    function = loss.function
    with np.errstate(all="ignore"):
        cases = [
            function.dual_terms(0.5 * spoilt, good, good),
            function.dual_terms(0.5 * good, spoilt, good),
            function.terms(spoilt, 0 * good, -good, good),
            function.terms(good, 0 * good, good, spoilt),
        ]
        bounds = [enclose_sum(*case) for case in cases]
    finite = [bound.lower for bound in bounds[:2]] + [bound.upper for bound in bounds[2:] if bad != -np.inf]
    assert not np.any(np.isfinite(finite))


def test_tiny_weights_do_not_lose_the_square() -> None:
    """nu^2 / (2 w) counts where nu^2 alone underflows: dropping it would double the lower bound."""
    nu, y, w = np.array([1e-170]), np.array([1e30]), np.array([1e-200])
    terms, _ = Loss.HALF_SQUARED.function.dual_terms(nu, y, w)
    assert terms[0] == pytest.approx(0.5e-140)


@pytest.mark.parametrize("labels", [(0.0, 1.0), (-1.0, 1.0)])
def test_two_classes_become_signs(labels: tuple[float, float]) -> None:
    """The losses of two classes take {0, 1} and {-1, +1} as -1 and +1; the squared losses take targets as they are."""
    y = np.array(labels)[[0, 1, 1, 0]].reshape(4, 1)
    for loss in OF_SIGNS:
        assert np.array_equal(loss.function.canonical_targets(y), [[-1.0], [1.0], [1.0], [-1.0]])
    assert Loss.SQUARED.function.canonical_targets(y) is y
