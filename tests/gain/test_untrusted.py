"""A search that lies stays true: of the kernel, only what checks a bound is trusted.

Trusted are kernel_trusted.py, what sums and sifts the rows, the fan and the reduction. least_majorant may return any z and any
weights of its atoms. The ascents, the edges, the relaxation's maximiser and the values found on the way may be anything.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from gain_cases import gaussian, use_kernel

from certify.gain.cones import kernel
from certify.gain.engine import Question, bound_gain
from certify.gain.question import GainBound, GainProblem, Limits
from certify.gain.quick import quick_gain_bound
from certify.patterns.kkt import gain_by_enumeration

CASES = [gaussian(seed, 14, 3, free_bias) for seed in range(2) for free_bias in (False, True)]
TRUTH = [gain_by_enumeration(problem).lower for problem in CASES]
honest_bound, honest_majorant = kernel.bound_by_values, kernel.least_majorant


@pytest.fixture(autouse=True)
def interpreted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The interpreted kernel, whatever other tests have compiled, and no help from the quick bound."""
    use_kernel(kernel, monkeypatch)
    monkeypatch.setattr("certify.gain.engine.quick_gain_bound", lambda problem: np.inf)


def searched(problem: GainProblem, nodes: int = 96) -> GainBound:
    """The bound that the search reaches by itself: few starts, few nodes."""
    with np.errstate(all="ignore"):
        return bound_gain(problem, Question(starts=2), Limits(nodes=nodes))


def lying_majorant(change: Callable) -> Callable:
    """least_majorant with z replaced by change(z, rng), and the weights by those of a random combination of the atoms."""
    rng = np.random.default_rng(0)

    def lie(p, atoms, count, walls, dual_scale, weights):
        z, q = honest_majorant(p, atoms, count, walls, dual_scale, weights)
        weights[len(walls) : len(walls) + count] = rng.dirichlet(np.ones(count))
        return change(z, rng), q

    return lie


MAJORANT_LIES = {
    "zero": lambda z, rng: np.zeros_like(z),
    "too short": lambda z, rng: 0.5 * z,
    "opposite": lambda z, rng: -z,
    "noise": lambda z, rng: rng.standard_normal(z.size),
    "tiny error": lambda z, rng: z * (1 - 1e-9),
    "huge": lambda z, rng: z * 1e200,
    "NaN": lambda z, rng: np.full(z.size, np.nan),
    "one NaN": lambda z, rng: np.append(z[:-1], np.nan),
    "infinite": lambda z, rng: np.full(z.size, np.inf),
}


@pytest.mark.parametrize("change", MAJORANT_LIES.values(), ids=MAJORANT_LIES)
def test_a_wrong_majorant_never_lowers_the_bound(change: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever z and whatever mixture q the inner solver returns, the upper bound is above the maximum."""
    monkeypatch.setattr(kernel, "least_majorant", lying_majorant(change))
    for problem, truth in zip(CASES, TRUTH, strict=True):
        bound = searched(problem)
        assert truth <= bound.upper
        assert bound.lower <= truth * (1 + 1e-9)


@pytest.mark.parametrize("weight", [np.nan, np.inf, -1.0, 0.0])
def test_weights_that_are_none_never_lower_the_bound(weight: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights of NaN, infinite, negative or of sum zero beside a finite z fail closed."""

    def lie(p, atoms, count, walls, dual_scale, weights):
        weights[:] = weight
        return np.zeros(p.size), np.zeros(p.size)

    monkeypatch.setattr(kernel, "least_majorant", lie)
    for problem, truth in zip(CASES, TRUTH, strict=True):
        assert truth <= searched(problem, 30).upper


def test_values_that_were_never_attained_do_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    """A relaxation that claims a thousand times the value found prunes everything, and the bounds say so."""

    def boast(*arguments):
        bound, slopes, alpha, value, *rest = honest_bound(*arguments)
        return bound, slopes, alpha, 1000 * abs(value), *rest

    monkeypatch.setattr(kernel, "bound_by_values", boast)
    for problem, truth in zip(CASES, TRUTH, strict=True):
        bound = searched(problem)
        assert truth <= bound.upper
        assert bound.lower <= truth * (1 + 1e-9)


def test_bad_edges_cost_time_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Splitting always the first edge still leaves cones that cover."""
    monkeypatch.setattr(kernel, "choose_edge", lambda v, alpha, plus: (min(1, len(v) - 1), 0))
    for problem, truth in zip(CASES, TRUTH, strict=True):
        assert truth <= searched(problem).upper


def test_an_edge_that_is_none_leaves_the_cone_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cone that cannot be split keeps its bound for good."""
    monkeypatch.setattr(kernel, "choose_edge", lambda v, alpha, plus: (0, 0))
    for problem, truth in zip(CASES, TRUTH, strict=True):
        assert truth <= searched(problem).upper


@pytest.mark.parametrize("value", [1e30, np.nan, np.inf, -1.0])
def test_ascents_that_boast_are_not_believed(value: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lower bound is the gain evaluated afresh, whatever value an ascent claims."""
    monkeypatch.setattr(kernel, "ascend", lambda u, *_: (u, value))
    for problem, truth in zip(CASES, TRUTH, strict=True):
        bound = searched(problem)
        assert bound.lower <= truth * (1 + 1e-9)
        assert truth <= bound.upper


def test_ascents_that_return_nothing_usable_do_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    """NaN directions with a positive value neither raise the lower bound nor lower the upper one."""
    monkeypatch.setattr(kernel, "ascend", lambda u, *_: (np.full_like(u, np.nan), 1.0))
    for problem, truth in zip(CASES, TRUTH, strict=True):
        bound = searched(problem)
        assert bound.lower <= truth * (1 + 1e-9)
        assert truth <= bound.upper


def test_without_lies_the_quick_bound_is_not_needed() -> None:
    """The honest search settles the same problems by itself, below the quick bound."""
    for problem, truth in zip(CASES, TRUTH, strict=True):
        bound = bound_gain(problem, Question(tolerance=1e-6), Limits())
        assert truth <= bound.upper <= truth * (1 + 1e-5)
        assert bound.upper <= quick_gain_bound(problem)
