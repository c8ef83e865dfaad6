"""The compiled kernel is the interpreted one, only faster; threads change nothing but the time.

The one module that compiles: some twenty seconds when numba has no cache.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from gain_cases import DEGENERATE, gaussian, use_kernel

from certify.gain.cones import kernel
from certify.gain.cones.brancher import ConeBrancher
from certify.gain.cones.compiled import KERNELS, compiled_kernel
from certify.gain.engine import Question, bound_gain
from certify.gain.question import GainProblem, Limits
from certify.gain.reduction import reduce_gain
from certify.gain.search.queue import Search


@pytest.fixture(scope="module")
def compiled() -> ModuleType:
    """The kernel under numba."""
    return KERNELS.load()


def test_the_kernel_is_compiled(compiled: ModuleType) -> None:
    """numba took it, and it is what a search is handed from then on."""
    assert KERNELS.ready
    assert KERNELS.current() is compiled
    assert hasattr(compiled.explore, "signatures")


@pytest.mark.parametrize("free_bias", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_both_kernels_explore_alike(
    seed: int, free_bias: bool, compiled: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From every start cone the two lives make the same splits, and their bounds and numbers are equal up to rounding."""
    problem = gaussian(seed, 50, 3 + seed, free_bias)
    brancher = ConeBrancher(problem, reduce_gain(problem))
    for root in brancher.roots():
        answers = []
        for module in (kernel, compiled):
            use_kernel(module, monkeypatch)
            answers.append(brancher.expand(root, 0.5, 0.5, 6))
        one, two = answers
        assert np.array_equal(one.code, two.code)
        assert (one.closed, one.best) == pytest.approx((two.closed, two.best), rel=1e-6, abs=1e-12)
        assert [p.bound for p in one.open] == pytest.approx([p.bound for p in two.open], rel=1e-6)
        for a, b in zip(one.open, two.open, strict=True):
            assert np.array_equal(a.state.V, b.state.V)
            assert a.state.numbers == pytest.approx(b.state.numbers, rel=1e-6, abs=1e-9)
            assert np.array_equal(a.state.plus, b.state.plus)


@pytest.mark.parametrize("problem", DEGENERATE.values(), ids=DEGENERATE)
def test_both_kernels_come_to_the_same_bound(
    problem: GainProblem, compiled: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where ties are decided by roundings the searches may differ; the bounds that they end with do not."""
    uppers = []
    for module in (kernel, compiled):
        use_kernel(module, monkeypatch)
        uppers.append(bound_gain(problem, Question(tolerance=1e-6), Limits()).upper)
    assert uppers[0] == pytest.approx(uppers[1], rel=2e-6, abs=1e-14 * np.abs(problem.nu).sum())


@pytest.mark.parametrize("free_bias", [False, True])
def test_a_search_may_change_lives_on_the_way(
    free_bias: bool, compiled: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rounds of either kernel in turn end with bounds that meet, as those of one kernel do."""
    problem = gaussian(23, 60, 3, free_bias)
    search = Search(ConeBrancher(problem, reduce_gain(problem)), 0.0, 1e-6)
    for turn in range(60):
        use_kernel((kernel, compiled)[turn % 2], monkeypatch)
        search.advance(1, 1, lambda: False, lambda: False)
    assert search.finished
    assert search.best <= search.upper <= search.best * (1 + 1e-5)


@pytest.mark.parametrize("seed", range(4))
def test_both_kernels_ascend_to_maxima(seed: int, compiled: ModuleType) -> None:
    """The compiled ascent attains what it says, and nothing below its start; a start of length zero gives nothing."""
    problem = gaussian(seed, 40, 4)
    weighted = problem.nu[:, None] * problem.rows
    plus, minus = weighted[problem.nu > 0], -weighted[problem.nu < 0]
    start = np.random.default_rng(seed).standard_normal(4)
    u, value = compiled.ascend(start, plus, minus, np.ones(4), 40)
    assert np.linalg.norm(u) == pytest.approx(1.0)
    assert problem.gain(u) == pytest.approx(value)
    assert value >= problem.gain(start) - 1e-12
    assert not compiled.ascend(np.zeros(4), plus, minus, np.ones(4), 40)[1] > 0


def test_a_cache_of_other_sources_is_not_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The cache's folder is named after every source of the kernel: a change in any one of them asks for another folder."""
    for source in Path(kernel.__file__).parent.glob("kernel*.py"):
        shutil.copy(source, tmp_path)
    monkeypatch.setattr("certify.gain.compiling._HERE", tmp_path)
    module = compiled_kernel()
    module.keep()
    assert module.is_kept()
    for source in sorted(tmp_path.glob("kernel*.py")):
        original, date = source.read_text(), source.stat()
        source.write_text(original + "\n")
        assert not module.is_kept()
        source.write_text(original)
        os.utime(source, ns=(date.st_atime_ns, date.st_mtime_ns))
        assert module.is_kept()


@pytest.mark.parametrize("place", range(6))
def test_nan_is_no_bound_when_compiled(place: int, compiled: ModuleType) -> None:
    """Compiled comparisons fail closed too: NaN in z, the cone, the lengths, h+, q or the errors gives an infinite bound."""
    parts = [np.array([9.0, 9.0]), np.eye(2), np.ones(2), np.ones(2), np.zeros(2), np.zeros(2)]
    assert compiled.proved_bound(*parts, 1.0, 0.5, np.ones(2), 1.0) < np.inf
    parts[place].flat[1] = np.nan
    assert compiled.proved_bound(*parts, 1.0, 0.5, np.ones(2), 1.0) == np.inf


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
