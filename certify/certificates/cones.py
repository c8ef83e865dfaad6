"""A proof by cones for one sign: a given tree is followed, its leaves get hints, and what they do not prove is split further.

Without a tree the splits are all found here. So the tree is a suggestion, and a wrong one costs time, not truth.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from certify._core.cones_edge import edge_to_split
from certify.certificates.cone_leaves import ConeLeaves
from certify.certificates.generators import Generator, middle, start_generators
from certify.certificates.side import Side, Unprovable
from certify.gain.cones.fan import Fan
from certify.gain.search.tree import LEAF


@dataclass(frozen=True, slots=True, eq=False)
class SuggestedTree:
    """fan: the start generators in the coordinates of a search, whose unit vectors are the rows of images (r, r) in t.

    For each start cone, without generator k, its splits in preorder. A split is 1 + a r + b: the edge from v_a to v_b, of the
    cone's generators in order; the first child has lost v_b.
    """

    fan: Fan
    images: np.ndarray
    splits: Sequence[Iterable[int]]


def cone_proof(side: Side, tree: SuggestedTree, spend: Callable[[int], None]) -> dict[str, Any]:
    """The proof as the certificate has it. spend: told of every node with its size in characters, to stop what grows too far.

    Raises Unprovable where no proof was found.
    """
    walk = _Walk(side, spend)
    images = tree.images.copy()
    if side.hinges.free:
        images[:, -1] /= side.unit
    start = start_generators(side, tree.fan, images)
    for k, splits in enumerate(tree.splits):
        walk.follow([*start[:k], *start[k + 1 :]], splits)
    return {
        "kind": "cones",
        "start": [g.integers for g in start],
        "points": walk.leaves.points.integers,
        "exponent": walk.leaves.exponent,
        "nodes": walk.nodes,
    }


class _Walk:
    """The nodes written so far, in preorder."""

    def __init__(self, side: Side, spend: Callable[[int], None]) -> None:
        self.side, self.spend = side, spend
        self.leaves, self.nodes = ConeLeaves(side), []

    def follow(self, root: list[Generator], splits: Iterable[int]) -> None:
        """Write the splits of a tree below a start cone, and a proof of each leaf."""
        pending, rank = [root], self.side.rank
        for code in splits:
            if not pending:
                raise Unprovable("the search's tree is malformed")
            cone = pending.pop()
            if code == LEAF:
                self._settle(cone)
            else:
                a, b = divmod(code - 1, rank)
                pending += self._split(cone, a, b)
        for cone in reversed(pending):
            self._settle(cone)

    def _settle(self, cone: list[Generator]) -> None:
        """Prove the cone, splitting it as long as that is needed."""
        pending = [cone]
        while pending:
            cone = pending.pop()
            attempt = self.leaves.attempt(cone)
            if attempt.leaf is None:
                pending += self._split(cone, *self._edge(cone, attempt.alpha))
            else:
                self._write(attempt.leaf)

    def _split(self, cone: list[Generator], a: int, b: int) -> list[list[Generator]]:
        """The two halves, the one that is visited first last."""
        if not (0 <= a < len(cone) and 0 <= b < len(cone) and a != b):
            raise Unprovable("the search's tree is malformed")
        between, i, j = middle(self.side, cone[a], cone[b])
        self._write([a, b, i, j])
        first, second = cone.copy(), cone.copy()
        first[b] = second[a] = between
        return [second, first]

    def _write(self, node: list) -> None:
        self.nodes.append(node)
        self.spend(len(str(node)))

    def _edge(self, cone: list[Generator], alpha: np.ndarray) -> tuple[int, int]:
        vectors = np.array([g.vector for g in cone])
        if len(cone) < 2:
            raise Unprovable("a ray is above the limit")
        return edge_to_split(vectors, alpha, self.side.plus)
