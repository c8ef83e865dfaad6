"""The gain over the cones around a neuron is bounded from above, and closely, also where dependent samples meet at its boundary."""

from __future__ import annotations

import numpy as np
import pytest
from oracles import dataset, objective

from certify.gain.question import GainProblem
from certify.landscape.stationary.adjacent import Reach, distances, gain_over, reach_of
from certify.problem.network import Network
from certify.problem.training import training_problem


def sampled_gain(gain: GainProblem, reach: Reach, rng: np.random.Generator) -> float:
    """The largest gain of many unit vectors that lie in the cones, some of them on its walls."""
    best = 0.0
    for _ in range(1_000):
        u = rng.normal(size=gain.rows.shape[1])
        values = gain.rows @ u
        off = ~reach.boundary & np.any(gain.rows != 0, axis=1)
        if np.all((values > 0)[off] == reach.pattern[off]):
            best = max(best, float(reach.sign * gain.nu @ np.maximum(values, 0.0)) / float(np.linalg.norm(u)))
    return best


def degenerate_rows(rng: np.random.Generator, kind: int) -> np.ndarray:
    rows = rng.normal(size=(6, 2))
    rows[1] = {0: rows[1], 1: rows[0], 2: -rows[0], 3: 2 * rows[0]}[kind % 4]
    rows[2] = 0.0 if kind >= 4 else rows[2]
    return rows


@pytest.mark.parametrize("kind", range(8))
def test_no_direction_in_the_cones_has_more_gain(kind: int) -> None:
    """Duplicates, opposite, parallel and zero rows; neurons inside a cone and on the boundary of one or several samples."""
    rng = np.random.default_rng(kind)
    for trial in range(10):
        rows = degenerate_rows(rng, kind)
        data = dataset(rows, list(rng.normal(size=6)))
        u = rng.normal(size=2)
        if trial % 2:
            u = np.array([-rows[0][1], rows[0][0]])  # on the boundary of the first sample, and of its parallels
        problem = training_problem(Network(u[None], np.ones((1, 1))), data, objective(0.1))
        gain = GainProblem(problem.rows, rng.normal(size=6))
        for sign in (1, -1):
            reach = reach_of(problem, u, sign)
            assert np.any(reach.boundary) == bool(trial % 2)
            upper, found = gain_over(gain, reach), sampled_gain(gain, reach, rng)
            assert upper >= found
            assert upper <= found + 0.05 * np.sum(np.abs(gain.nu) * np.linalg.norm(rows, axis=1))


def test_distances_are_rounded_down_and_leave_the_boundary_out() -> None:
    """From (1, 0): the kink of (3, 4) is 3/5 away, that of (0, 1) is where it stands, a zero row has none."""
    X = np.array([[3.0, 4.0], [0.0, 1.0], [0.0, 0.0]])
    problem = training_problem(
        Network(np.array([[1.0, 0.0]]), np.ones((1, 1))), dataset(X, [1.0, 1.0, 1.0]), objective(0.1)
    )
    u = np.array([1.0, 0.0])
    reach = reach_of(problem, u, 1)
    far = distances(problem, u, reach.boundary)
    assert far[0] == pytest.approx(0.6)
    assert far[0] <= 0.6
    assert list(np.isinf(far)) == [False, True, True]
