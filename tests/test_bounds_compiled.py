"""The compiled kernel is the interpreted one, only faster; threads change nothing but the time.

The one module that compiles: some twenty seconds when numba has no cache.
"""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest
from gain_cases import DEGENERATE, gaussian, use_kernel

from certify.bounds import kernel
from certify.bounds.compiled import KERNELS
from certify.bounds.cones import ConeSearch
from certify.bounds.engine import Question, bound_gain
from certify.bounds.interface import GainProblem, Limits
from certify.bounds.reduction import reduce_gain


@pytest.fixture(scope="module")
def compiled() -> ModuleType:
    """The kernel under numba."""
    return KERNELS.load()


def test_the_kernel_is_compiled(compiled: ModuleType) -> None:
    """numba took it, and it is what a search is handed from then on."""
    assert KERNELS.ready
    assert KERNELS.current() is compiled
    assert hasattr(compiled.explore, "signatures")


@pytest.mark.parametrize("problem", DEGENERATE.values(), ids=DEGENERATE)
def test_both_kernels_explore_alike(
    problem: GainProblem, compiled: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same rounds on the same problem give the same nodes, and bounds equal up to rounding."""
    reduced = reduce_gain(problem)
    if not reduced.nu.size:
        return
    uppers, nodes = [], []
    for module in (kernel, compiled):
        use_kernel(module, monkeypatch)
        search = ConeSearch(reduced, 1, 0.0, 1e-6)
        for _ in range(4):
            search.round(None, 4, 8)
        uppers.append(search.upper)
        nodes.append(search.nodes)
    assert uppers[0] == pytest.approx(uppers[1], rel=1e-6)
    assert nodes[0] == pytest.approx(nodes[1], abs=4)


@pytest.mark.parametrize("place", range(4))
def test_nan_is_no_bound_when_compiled(place: int, compiled: ModuleType) -> None:
    """Compiled comparisons fail closed too: NaN in z, q, the cone or the values gives an infinite bound."""
    parts = [np.array([9.0, 9.0]), np.zeros(2), np.eye(2), np.ones(2)]
    parts[place].flat[1] = np.nan
    z, q, cone, h_plus = parts
    assert compiled.proved_bound(z, q, cone, np.eye(2), h_plus, 0.0, np.ones(2), 1.0) == np.inf


@pytest.mark.parametrize("free_bias", [False, True])
def test_threads_do_not_change_the_bounds(free_bias: bool, compiled: ModuleType) -> None:
    """One thread and two give the same bounds, the same nodes and the same witness."""
    problem = gaussian(21, 150, 5, free_bias)
    one, two = (bound_gain(problem, Question(starts=2, threads=t), Limits(nodes=3000)) for t in (1, 2))
    assert (one.lower, one.upper, one.nodes) == (two.lower, two.upper, two.nodes)
    assert np.array_equal(one.witnesses[0].direction, two.witnesses[0].direction)


def test_compiled_bounds_are_true_and_tight(compiled: ModuleType) -> None:
    """On a problem of thousands of nodes the bounds meet, and no sampled direction is above them."""
    problem = gaussian(22, 150, 5)
    bound = bound_gain(problem, Question(tolerance=1e-6), Limits())
    assert bound.settled
    assert bound.upper <= bound.lower * (1 + 1e-5)
    u = np.random.default_rng(0).standard_normal((20_000, 5))
    gains = np.abs(np.maximum(u @ problem.rows.T, 0) @ problem.nu) / np.linalg.norm(u, axis=1)
    assert gains.max() <= bound.upper
