"""Engine C's search as a whole: its bounds are true and tight, threads and limits change nothing but the time."""

from __future__ import annotations

import numpy as np
import pytest
from gain_cases import DEGENERATE, gaussian

from certify._core.cones_search import explore
from certify.gain.cones.brancher import ConeBrancher
from certify.gain.engine import Question, bound_gain
from certify.gain.question import GainProblem, Limits
from certify.gain.reduction import reduce_gain


@pytest.mark.parametrize("free_bias", [False, True])
def test_threads_do_not_change_the_bounds(free_bias: bool) -> None:
    """One thread and two give the same bounds, the same nodes and the same witness."""
    problem = gaussian(21, 150, 5, free_bias)
    one, two = (bound_gain(problem, Question(starts=2, threads=t), Limits(nodes=3000)) for t in (1, 2))
    assert (one.lower, one.upper, one.nodes) == (two.lower, two.upper, two.nodes)
    assert np.array_equal(one.witnesses[0].direction, two.witnesses[0].direction)


def test_bounds_are_true_and_tight() -> None:
    """On a problem of thousands of nodes the bounds meet, and no sampled direction is above them."""
    problem = gaussian(22, 150, 5)
    bound = bound_gain(problem, Question(tolerance=1e-6), Limits())
    assert bound.settled
    assert bound.upper <= bound.lower * (1 + 1e-5)
    u = np.random.default_rng(0).standard_normal((20_000, 5))
    gains = np.abs(np.maximum(u @ problem.rows.T, 0) @ problem.nu) / np.linalg.norm(u, axis=1)
    assert gains.max() <= bound.upper


@pytest.mark.parametrize("problem", DEGENERATE.values(), ids=DEGENERATE)
def test_small_budgets_end_where_one_large_one_does(problem: GainProblem) -> None:
    """Explored in one go or five nodes at a time, a cone is split as often, and every leaf is below the level."""
    reduced = reduce_gain(problem)
    if not reduced.nu.size:
        return
    brancher = ConeBrancher(problem, reduced)
    for root in brancher.roots():
        level = brancher.own_bound(1.02 * bound_gain(problem, Question(tolerance=1e-3), Limits()).upper)
        whole = brancher.expand(root, level, level, 4000)
        assert not whole.open
        pending, nodes, closed = [root], 0, 0.0
        while pending:
            piece = brancher.expand(pending.pop(), level, level, 5)
            nodes, closed = nodes + piece.nodes, max(closed, piece.closed)
            pending += piece.open[::-1]
        assert nodes == whole.nodes
        assert max(closed, whole.closed) <= level


def test_rows_that_do_not_fit_are_refused() -> None:
    """Indices outside the rows, rows of another dimension: the loops inside check nothing."""
    eye, ones, listed = np.eye(2), np.ones(2), np.arange(2, dtype=np.int32)
    good = [eye, eye, np.ones((6, 2)), np.inf, listed, listed, eye, -eye, ones, ones, ones, 1.0, 4.0, 0.0, 0.0, 0.0, 4]
    assert explore(*good)[6].size > 0
    for place, bad in ((4, listed + 1), (5, listed - 1), (6, np.eye(3)), (8, np.ones(1)), (10, np.ones(3))):
        with pytest.raises(ValueError):
            explore(*good[:place], bad, *good[place + 1 :])
