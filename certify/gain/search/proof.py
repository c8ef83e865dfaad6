"""The proof behind a bound: a tree of splits that covers the sphere, and for each leaf the hints that bound it.

The search keeps the tree alone, a byte or two a node. Hints are made afresh, leaf by leaf, when somebody wants them: that costs
about what the search did, and no memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from certify.gain.search.queue import Brancher, Search
from certify.gain.search.tree import LEAF


@dataclass(frozen=True, slots=True, eq=False)
class Leaf:
    """A part of the sphere that is not split any further: which root it lies under, its state, its hints.

    hints is the brancher's own (see its `hints`); None where the leaf could not be proved at the level asked for.
    """

    root: int
    state: Any
    hints: Any | None


@dataclass(frozen=True, slots=True, eq=False)
class GainProof:
    """What proves M(nu) <= upper. brancher: knows roots, splits and hints; search: holds the tree."""

    search: Search
    upper: float

    @property
    def brancher(self) -> Brancher:
        """The engine that made the proof."""
        return self.search.brancher

    @property
    def method(self) -> str:
        """Its name."""
        return self.brancher.name

    def leaves(self, threshold: float | None = None) -> Iterator[Leaf]:
        """Every leaf with hints for M(nu) <= threshold (None: the bound proved), in preorder, root after root."""
        level = self.brancher.own_bound(self.upper if threshold is None else threshold)
        for k, root in enumerate(self.brancher.roots()):
            pending = [root.state]
            for split in self.search.tree.walk(k):
                state = pending.pop()
                if split == LEAF:
                    yield Leaf(k, state, self.brancher.hints(state, level))
                else:
                    pending.extend(reversed(self.brancher.children(state, split)))
