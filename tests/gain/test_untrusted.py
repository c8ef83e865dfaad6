"""A search that lies stays true: of the core, only what checks a bound is trusted.

Trusted are _core/trusted.py, what sums and sifts the rows, the fan and the reduction. Walls may be anything, and with them every
majorant, weight, maximiser and edge that comes of them; so may the ascents and the values found on the way.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from gain_cases import boasting, gaussian, with_walls

from certify._core.cones_search import explore
from certify.gain.engine import Question, bound_gain
from certify.gain.question import GainBound, GainProblem, Limits
from certify.gain.quick import quick_gain_bound
from certify.patterns.kkt import gain_by_enumeration

CASES = [gaussian(seed, 14, 3, free_bias) for seed in range(2) for free_bias in (False, True)]
TRUTH = [gain_by_enumeration(problem).lower for problem in CASES]
EXPLORE, ASCENTS = "certify.gain.cones.brancher.explore", "certify.gain.ascents.Ascents"


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No help from the quick bound."""
    monkeypatch.setattr("certify.gain.engine.quick_gain_bound", lambda problem: np.inf)


def searched(problem: GainProblem, nodes: int = 96) -> GainBound:
    """The bound that the search reaches by itself: few starts, few nodes."""
    return bound_gain(problem, Question(starts=2), Limits(nodes=nodes))


WALL_LIES = {
    "zero": np.zeros_like,
    "half as long": lambda walls: 0.5 * walls,
    "opposite": lambda walls: -walls,
    "another basis": lambda walls: np.random.default_rng(walls.size).standard_normal(walls.shape),
    "tiny error": lambda walls: walls * (1 - 1e-9),
    "exchanged": lambda walls: walls[::-1],
    "equal": lambda walls: np.ones_like(walls),
    "huge": lambda walls: walls * 1e200,
    "tiny": lambda walls: walls * 1e-200,
    "NaN": lambda walls: np.full_like(walls, np.nan),
    "one NaN": lambda walls: np.where(np.arange(walls.size).reshape(walls.shape) == 1, np.nan, walls),
    "infinite": lambda walls: np.full_like(walls, np.inf),
}


@pytest.mark.parametrize("change", WALL_LIES.values(), ids=WALL_LIES)
def test_a_wrong_majorant_never_lowers_the_bound(change: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever z and whatever mixture q come of wrong walls, the upper bound is above the maximum."""
    monkeypatch.setattr(EXPLORE, with_walls(change))
    for problem, truth in zip(CASES, TRUTH, strict=True):
        bound = searched(problem)
        assert truth <= bound.upper
        assert bound.lower <= truth * (1 + 1e-9)


@pytest.mark.parametrize("factor", [1000.0, np.inf, np.nan])
def test_values_that_were_never_attained_do_no_harm(factor: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """A search that claims a thousand times the value found is not believed: the direction it names is evaluated afresh."""

    def boast(*arguments):
        *rest, best, where = explore(*arguments)
        return *rest, factor * abs(best), where

    monkeypatch.setattr(EXPLORE, boast)
    for problem, truth in zip(CASES, TRUTH, strict=True):
        bound = searched(problem)
        assert truth <= bound.upper
        assert bound.lower <= truth * (1 + 1e-9)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_cones_of_numbers_that_are_none_stay_open(value: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a row or a length is not finite, nothing is proved and nothing is lost."""
    for place in (2, 6, 8):  # the numbers, the rows of h+, their lengths

        def spoilt(*arguments, place=place):
            changed = np.array(arguments[place])
            changed.flat[1] = value
            return explore(*arguments[:place], changed, *arguments[place + 1 :])

        monkeypatch.setattr(EXPLORE, spoilt)
        for problem, truth in zip(CASES, TRUTH, strict=True):
            assert truth <= searched(problem, 30).upper


@pytest.mark.parametrize("value", [1e30, np.nan, np.inf, -1.0])
def test_ascents_that_boast_are_not_believed(value: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lower bound is the gain evaluated afresh, whatever value an ascent claims."""
    monkeypatch.setattr(ASCENTS, boasting(value))
    for problem, truth in zip(CASES, TRUTH, strict=True):
        bound = searched(problem)
        assert bound.lower <= truth * (1 + 1e-9)
        assert truth <= bound.upper


def test_ascents_that_return_nothing_usable_do_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    """NaN directions with a positive value neither raise the lower bound nor lower the upper one."""
    nowhere = boasting(1.0)
    monkeypatch.setattr(nowhere, "ascend", lambda self, start, steps: (np.full_like(start, np.nan), 1.0))
    monkeypatch.setattr(ASCENTS, nowhere)
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
