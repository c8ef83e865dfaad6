"""The tree of a search: which part was split how, in a byte or two a node.

A part's record is the splits below it in preorder, a number a node: 0 for a leaf, anything else as the brancher likes, for
two children. Where a record ends before all places are filled, open parts fill them in order; they have numbers of their own,
and records of their own once they have been explored.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from certify.gain.search.snapshot import Snapshot, packed, unpacked

LEAF = 0


@dataclass(slots=True)
class Tree:
    """roots: how many parts there were at first, numbered from 0."""

    roots: int
    _records: dict[int, tuple[NDArray[np.uint16], int]] = field(default_factory=dict)
    _next: int = -1

    def __post_init__(self) -> None:
        self._next = max(self._next, self.roots)

    def record(self, place: int, code: NDArray[np.uint16], open_parts: int) -> int:
        """Note the splits below a part; the number of its first open part, the others follow."""
        first = self._next
        self._next += open_parts
        self._records[place] = (code, first)
        return first

    @property
    def size(self) -> int:
        """Splits and leaves recorded."""
        return sum(len(code) for code, _ in self._records.values())

    def walk(self, root: int) -> Iterator[int]:
        """The splits below a root in preorder; what is open, or was settled without being looked at, is a leaf."""
        pending = [root]
        while pending:
            place = pending.pop()
            if place not in self._records:
                yield LEAF
                continue
            code, following = self._records[place]
            # a record that is not complete is continued by its open parts, which come next in preorder
            missing = 1
            for split in code:
                yield int(split)
                missing += 1 if split else -1
            pending.extend(range(following + missing - 1, following - 1, -1))

    def snapshot(self) -> Snapshot:
        """The tree as arrays."""
        records = [{"code": code, "place": np.array([place, first])} for place, (code, first) in self._records.items()]
        return {"tree": np.array([self.roots, self._next]), **packed("records", records)}

    @classmethod
    def restored(cls, state: Snapshot) -> Tree:
        """The tree of a snapshot."""
        roots, following = (int(x) for x in state["tree"])
        records = {}
        for arrays in unpacked("records", state):
            place, first = (int(x) for x in arrays["place"])
            records[place] = (arrays["code"], first)
        return cls(roots, records, following)
