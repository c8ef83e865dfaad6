"""The shared search: what any engine built on it promises, whatever the order of the work."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from certify.gain.cones.brancher import ConeBrancher
from certify.gain.engine import bound_gain
from certify.gain.majorants.brancher import MajorantBrancher
from certify.gain.outputs.brancher import OutputBrancher
from certify.gain.question import GainProblem, Limits, Question
from certify.gain.reduction import reduce_gain
from certify.gain.search import queue as search_module
from certify.gain.search.queue import Expansion, Search
from certify.gain.search.snapshot import nested, packed, unpacked, within
from certify.gain.search.tree import LEAF, Tree


def problem(seed: int = 0, n: int = 14, d: int = 3, k: int = 2) -> GainProblem:
    rng = np.random.default_rng(seed)
    return GainProblem(rng.standard_normal((n, d)), rng.standard_normal((n, k)))


def search(tolerance: float = 1e-3, seed: int = 0) -> Search:
    gain = problem(seed)
    return Search(OutputBrancher(gain, reduce_gain(gain)), 0.0, tolerance)


def run(task: Search, nodes: float = np.inf, threads: int = 1) -> Search:
    task.advance(nodes, threads, lambda: False, lambda: False)
    return task


def test_the_number_of_threads_changes_nothing() -> None:
    """One thread and three give the same bounds, the same number of nodes, and the same tree."""
    one, three = run(search(), 300), run(search(), 300, threads=3)
    assert (one.upper, one.best, one.nodes) == (three.upper, three.best, three.nodes)
    assert [list(one.tree.walk(k)) for k in range(one.tree.roots)] == [
        list(three.tree.walk(k)) for k in range(one.tree.roots)
    ]


def test_the_bound_falls_from_round_to_round() -> None:
    """The printed bound never rises, and never passes below a value that is attained."""
    task, seen = search(1e-4), []
    task.advance(np.inf, 1, lambda: seen.append(task.upper) or False, lambda: False)
    assert all(after <= before for before, after in itertools.pairwise(seen))
    assert seen[-1] >= task.best and task.finished


@pytest.mark.parametrize("nodes", [0, 40, 200])
def test_a_search_goes_on_from_its_snapshot(nodes: int) -> None:
    """Stopped, written as plain arrays, read into a new search: the end is that of the uninterrupted one."""
    whole, first, second = run(search()), run(search(), nodes), search()
    second.resume({key: np.array(array) for key, array in first.snapshot().items()})
    assert second.upper == first.upper and second.nodes == first.nodes
    assert second.proved == pytest.approx(first.proved, abs=1e-12)
    run(second)
    assert (second.upper, second.nodes) == (whole.upper, whole.nodes)
    assert [list(second.tree.walk(k)) for k in range(4)] == [list(whole.tree.walk(k)) for k in range(4)]


def test_every_tree_is_binary_and_complete() -> None:
    """In preorder each root's splits end exactly when every split has its two children."""
    task = run(search(), 150)
    for root in range(task.tree.roots):
        missing = 1
        for split in task.tree.walk(root):
            assert missing > 0
            missing += 1 if split != LEAF else -1
        assert missing == 0


def test_the_leaves_cover_every_direction() -> None:
    """Each random pair of directions lies in the two cones of some leaf that the tree leads to."""
    task = run(search(1e-2))
    rng, brancher, found = np.random.default_rng(0), task.brancher, 0
    for u, v in zip(rng.standard_normal((200, 3)), rng.standard_normal((200, 2)), strict=True):
        for k, root in enumerate(brancher.roots()):
            pending = [root.state]
            for split in task.tree.walk(k):
                state = pending.pop()
                if split == LEAF:
                    V, E = brancher.cones(state)
                    inside = np.all(np.linalg.solve(V.T, u) >= -1e-12) and np.all(np.linalg.solve(E.T, v) >= -1e-12)
                    found += bool(inside)
                else:
                    pending.extend(reversed(brancher.children(state, split)))
    assert found >= 200


def test_an_error_in_an_expansion_loses_no_part() -> None:
    """Whatever ends a round, the bound still counts the parts that were being looked at."""
    task = run(search(), 50)
    before, expand = task.upper, task.brancher.expand

    def broken(*_) -> Expansion:
        raise KeyboardInterrupt

    task.brancher.expand = broken
    with pytest.raises(KeyboardInterrupt):
        run(task)
    assert task.upper == before
    task.brancher.expand = expand
    assert run(task).upper == run(search()).upper


@pytest.mark.parametrize("part", ["expand", "found"])
def test_numerics_that_fail_leave_the_search_its_bound(part: str) -> None:
    """It gets no further turn, all parts still count, and the engine's answer is the bound reached."""
    task = run(search(), 50)
    before, unbroken = task.upper, getattr(task.brancher, part)

    def broken(*_) -> Expansion:
        raise ArithmeticError

    setattr(task.brancher, part, broken)
    run(task)
    assert (task.stuck, task.ended, task.finished) == (True, True, False)
    assert task.upper == before
    setattr(task.brancher, part, unbroken)
    assert run(task).upper == run(search()).upper


def test_an_engine_that_is_stuck_leaves_the_turns_to_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cones whose numerics fail at once: majorants prove the bound; where these fail too, a true one is left."""
    rng = np.random.default_rng(4)
    gain = GainProblem(rng.standard_normal((20, 4)), rng.standard_normal(20))
    whole = bound_gain(gain, Question(tolerance=1e-5), Limits())

    def broken(*_) -> Expansion:
        raise ArithmeticError

    monkeypatch.setattr(ConeBrancher, "expand", broken)
    other = bound_gain(gain, Question(tolerance=1e-5), Limits())
    assert (other.method, other.settled) == ("majorants", True)
    assert whole.lower <= other.upper <= whole.upper * (1 + 1e-4)
    monkeypatch.setattr(MajorantBrancher, "expand", broken)
    neither = bound_gain(gain, Question(tolerance=1e-5), Limits())
    assert neither.settled
    assert whole.lower <= neither.upper < np.inf


def test_an_expansion_that_was_stopped_keeps_its_part() -> None:
    """A brancher that returns the part unchanged changes neither bound nor tree."""
    task = run(search(), 50)
    before, leaves = task.upper, [list(task.tree.walk(k)) for k in range(task.tree.roots)]
    task.brancher.expand = lambda part, *_: Expansion([part], np.zeros(0, dtype=np.uint16), 0.0, 1)
    run(task, 5)
    assert task.upper == before
    assert [list(task.tree.walk(k)) for k in range(task.tree.roots)] == leaves


def test_the_open_parts_are_bounded_in_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the queue's limit new parts are finished first, and the result is as true as before."""
    whole = run(search(1e-4, seed=3))
    monkeypatch.setattr(search_module, "_MOST_QUEUED", 20)
    monkeypatch.setattr(search_module, "_MOST_STACKED", 10)
    task, most = search(1e-4, seed=3), [0]

    def watch() -> bool:
        most[0] = max(most[0], len(task._queue) + len(task._stack))
        return False

    task.advance(np.inf, 1, watch, lambda: False)
    assert task.finished and most[0] <= 20 + 10 + 2 * 16 + 20
    assert task.upper == pytest.approx(whole.upper, rel=1e-4)


def test_a_better_value_known_from_elsewhere_settles_parts() -> None:
    """Told of a gain, the search does not look at parts that cannot beat it, and its bound stays true."""
    whole, told = run(search()), search()
    told.attain(whole.best * (1 - 1e-9))
    run(told)
    assert told.nodes <= whole.nodes and told.upper >= whole.best


def test_trees_survive_their_snapshot() -> None:
    """Records of any shape come back the same."""
    tree = Tree(2)
    first = tree.record(0, np.array([3, 0, 5], dtype=np.uint16), 2)
    tree.record(first + 1, np.array([0], dtype=np.uint16), 0)
    again = Tree.restored(tree.snapshot())
    assert list(again.walk(0)) == list(tree.walk(0)) == [3, 0, 5, 0, 0]
    assert list(again.walk(1)) == [LEAF] and again.size == tree.size == 4


def test_arrays_of_different_shapes_are_packed_and_unpacked() -> None:
    """Lists of arrays come back shape by shape, empty ones and empty lists too, beside others of a similar name."""
    items = [
        {"a": np.arange(6).reshape(2, 3), "b": np.zeros(0)},
        {"a": np.ones((1, 1), dtype=int), "b": np.array([2.5])},
    ]
    state = {**packed("some", items), **packed("some more", []), **nested("in", {"x": np.array([1])})}
    for item, again in zip(items, unpacked("some", state), strict=True):
        assert all(np.array_equal(item[key], again[key]) and item[key].shape == again[key].shape for key in item)
    assert list(unpacked("some more", state)) == [] and list(within("in", state)) == ["x"]
