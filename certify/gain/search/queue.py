"""One best-first search for every engine: the parts of the sphere, worst bound first (docs/theory.md, section 9).

What a part is, how it is bounded and how it is split, the brancher knows; this file knows the queue, rounds, threads, memory,
the tree and its checkpoints. A round is fixed before it runs, whatever the number of threads, and so is its result.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from certify.arrays import Floats
from certify.gain.question import Violator
from certify.gain.search.snapshot import Snapshot, packed, unpacked
from certify.gain.search.tree import Tree

_MOST_QUEUED = 100_000  # parts; beyond, new ones go on a stack and are finished first, so that memory stays bounded
_MOST_STACKED = 1_000
_MOST_CANDIDATES = 256


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A part of the sphere that is open. bound: proved on it, inf at first; share: of all directions, each split a half."""

    bound: float
    share: float
    state: Any


@dataclass(frozen=True, slots=True, eq=False)
class Expansion:
    """What became of a part.

    open    what is left, in preorder; just the part itself where the work was stopped
    code    its splits, in preorder, one number a node; the open parts fill the places that are left (`tree.py`)
    closed  the largest bound of what was settled or cannot be split any further
    best    the largest value met, at `where` (the brancher's coordinates) for that sign of nu
    """

    open: list[Part]
    code: NDArray[np.uint16]
    closed: float
    nodes: int
    best: float = 0.0
    where: Floats | None = None
    sign: int = 1


class Brancher(Protocol):
    """An engine: bounds and splits parts. Everything here is called from several threads at once, except set-up."""

    name: str
    node_work: float  # about how many seconds a node costs here: a formula of the sizes, never measured at run time
    least_tolerance: float  # relative accuracy that can be asked for
    stop: Callable[[], bool]  # set by the search; an expansion that sees it true may return its part unchanged

    def roots(self) -> list[Part]:
        """Parts that cover the sphere, for every sign of nu."""

    def round_size(self, nodes: int) -> tuple[int, int]:
        """Parts a round and nodes a part, once so many nodes have been explored."""

    def expand(self, part: Part, threshold: float, best: float, budget: int) -> Expansion:
        """Explore below the part; what is bounded by `threshold` is settled. best: the largest value known, own units."""

    def children(self, state: Any, split: int) -> tuple[Any, Any]:
        """The two states that a split in the tree's code makes, in the order of the tree."""

    def hints(self, state: Any, level: float) -> Any | None:
        """A proof that the part is bounded by the level (own units), made afresh; None where there is none to be had."""

    def found(self, expansion: Expansion) -> Violator | None:
        """The direction that an expansion met, in the original coordinates."""

    def original_bound(self, bound: float) -> float:
        """What a bound in the brancher's units proves about M(nu)."""

    def own_bound(self, threshold: float) -> float:
        """What a bound in the brancher's units may be at most to prove the threshold for M(nu)."""

    def own_value(self, gain: float) -> float:
        """A gain in the brancher's units."""

    def snapshot(self, state: Any) -> Snapshot:
        """A part's state as arrays."""

    def restore(self, arrays: Snapshot) -> Any:
        """The state of those arrays."""


class Search:
    """The open parts of one engine. upper is proved at any moment; values are in the original units."""

    def __init__(self, brancher: Brancher, threshold: float, tolerance: float) -> None:
        self.brancher, self.threshold = brancher, threshold
        self.tolerance = max(tolerance, brancher.least_tolerance)
        self.best, self.closed, self.nodes, self.open_share = 0.0, 0.0, 0, 0.0
        self.before = (0.0, 0.0)  # work and share settled when the last turn began
        self.stuck = False  # numerics have failed: the bound stays as it is
        self.candidates: list[Violator] = []
        self._queue: list[tuple[float, int, Part]] = []
        self._stack: list[tuple[float, int, Part]] = []
        roots = brancher.roots()
        self.tree = Tree(len(roots))
        for place, part in enumerate(roots):
            self._push(place, part)

    @property
    def finished(self) -> bool:
        """Nothing is left to explore."""
        return not (self._queue or self._stack)

    @property
    def ended(self) -> bool:
        """Its bound comes no closer: finished, or stuck."""
        return self.finished or self.stuck

    @property
    def open_bound(self) -> float:
        """The largest bound of an open part, in the brancher's units."""
        tops = [-key for key, _, _ in [*self._queue[:1], *self._stack]]
        return max(tops, default=0.0)

    @property
    def upper(self) -> float:
        """Proved upper bound on M(nu)."""
        return self.brancher.original_bound(max(self.closed, self.open_bound, 0.0))

    @property
    def proved(self) -> float:
        """Share of the directions that is settled."""
        return min(max(1.0 - self.open_share, 0.0), 1.0)

    @property
    def work(self) -> float:
        """Seconds spent, as far as a formula can tell."""
        return self.nodes * self.brancher.node_work

    def attain(self, value: float) -> None:
        """A gain of this value is known: parts that cannot beat it by more than the tolerance do not matter."""
        if value > self.best:
            self.best = value
            self._drop_settled()

    def advance(self, nodes: float, threads: int, done: Callable[[], bool], stop: Callable[[], bool]) -> None:
        """Explore at least so many nodes more, until `done`, which is asked between rounds, or finished."""
        self.brancher.stop = stop
        self.before = self.work, self.proved
        until = self.nodes + nodes
        pool = ThreadPoolExecutor(threads) if threads > 1 else None
        try:
            while not self.finished and self.nodes < until and not done():
                self._round(pool)
        except ArithmeticError:
            self.stuck = True
        finally:
            if pool:
                pool.shutdown()

    @property
    def level(self) -> float:
        """Bounds up to here settle a part, in the brancher's units."""
        worthless = self.brancher.own_value(self.best * (1 + self.tolerance))
        return max(self.brancher.own_bound(self.threshold), worthless)

    def _round(self, pool: ThreadPoolExecutor | None) -> None:
        count, budget = self.brancher.round_size(self.nodes)
        source = self._stack if len(self._stack) > _MOST_STACKED else None
        taken = [self._take(source) for _ in range(min(count, len(self._queue) + len(self._stack)))]
        level, best = self.level, self.brancher.own_value(self.best)

        def expand(item: tuple[float, int, Part]) -> Expansion:
            return self.brancher.expand(item[2], level, best, budget)

        try:
            results = list(pool.map(expand, taken)) if pool and len(taken) > 1 else [expand(item) for item in taken]
            violators = [self.brancher.found(expansion) for expansion in results]
        except BaseException:
            for _, place, part in taken:  # a bound must never forget a part
                self._push(place, part)
            raise
        for (_, place, _), expansion, violator in zip(taken, results, violators, strict=True):
            self._note(place, expansion, violator)
        self._drop_settled()

    def _take(self, source: list[tuple[float, int, Part]] | None) -> tuple[float, int, Part]:
        """The worst part, or the newest of the stack where that is too long or the queue empty."""
        item = self._stack.pop() if source or not self._queue else heapq.heappop(self._queue)
        self.open_share -= item[2].share
        return item

    def _note(self, place: int, expansion: Expansion, violator: Violator | None) -> None:
        self.nodes += expansion.nodes
        self.closed = max(self.closed, expansion.closed)
        first = self.tree.record(place, expansion.code, len(expansion.open))
        for k, part in enumerate(expansion.open):
            self._push(first + k, part)
        if violator is not None:
            self.best = max(self.best, violator.gain)
            self.candidates.append(violator)
            if len(self.candidates) > 2 * _MOST_CANDIDATES:
                self.candidates = sorted(self.candidates, key=lambda v: -v.gain)[:_MOST_CANDIDATES]

    def _push(self, place: int, part: Part) -> None:
        self.open_share += part.share
        item = (-part.bound, place, part)
        if len(self._queue) < _MOST_QUEUED:
            heapq.heappush(self._queue, item)
        else:
            self._stack.append(item)

    def _drop_settled(self) -> None:
        """Once the level has risen, whole parts may lie below it: they are leaves of the tree as they are."""
        if not self.finished and self.open_bound <= self.level:
            self.closed = max(self.closed, self.open_bound)
            self._queue.clear()
            self._stack.clear()
        if self.finished:
            self.open_share = 0.0

    def snapshot(self) -> Snapshot:
        """All that is needed to go on later, as arrays."""
        items = [*self._queue, *self._stack]
        scalars = np.array([self.best, self.closed, self.nodes, self.open_share])
        parts = [
            {
                **self.brancher.snapshot(part.state),
                "part": np.array([part.bound, part.share]),
                "place": np.array([place]),
            }
            for _, place, part in items
        ]
        return {"scalars": scalars, **packed("parts", parts), **self.tree.snapshot()}

    def resume(self, state: Snapshot) -> None:
        """Go back to a snapshot of a search for the same question."""
        self.best, self.closed, nodes, _ = (float(x) for x in state["scalars"])
        self.nodes, self.open_share = int(nodes), 0.0
        self._queue, self._stack = [], []
        self.tree = Tree.restored(state)
        for arrays in unpacked("parts", state):
            bound, share = arrays["part"]
            part = Part(float(bound), float(share), self.brancher.restore(arrays))
            self._push(int(arrays["place"][0]), part)
