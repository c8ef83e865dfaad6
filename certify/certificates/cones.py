"""A proof by cones for one sign: a given tree is followed, its leaves get hints, and what they do not prove is split further.

Without a tree the splits are all found here. So the tree is a suggestion, and a wrong one costs time, not truth.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from certify._core.cone_proofs import Z_BITS, ConeProofs
from certify.certificates.generators import start_generators
from certify.certificates.side import Side, Unprovable
from certify.gain.cones.fan import Fan


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
    images = tree.images.copy()
    if side.hinges.free:
        images[:, -1] /= side.unit
    reach = side.hinges.radius / side.unit if side.hinges.free else -1.0
    proofs = ConeProofs(
        side.plus, side.minus, side.linear, side.lowering, side.dual_scale, side.level, reach, side.places, spend
    )
    start = start_generators(side, tree.fan, images)
    numbers = [proofs.generator(g.vector, g.origin, g.odd, g.power, g.bits) for g in start]
    try:
        for k, splits in enumerate(tree.splits):
            proofs.follow([*numbers[:k], *numbers[k + 1 :]], splits)
    except ArithmeticError as reason:
        raise Unprovable(str(reason)) from reason
    points, nodes = proofs.written()
    exponent = side.exponent - Z_BITS - max(side.places, 0)
    return {
        "kind": "cones",
        "start": [g.integers for g in start],
        "points": points,
        "exponent": exponent,
        "nodes": nodes,
    }
