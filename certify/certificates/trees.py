"""The tree of a search in the coordinates of a certificate. It is a suggestion: what it gets wrong is found out leaf by leaf."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

import numpy as np

from certify.arrays import Floats
from certify.certificates.cones import SuggestedTree
from certify.certificates.hinges import Hinges
from certify.certificates.side import Side
from certify.gain.cones.fan import start_fan
from certify.gain.question import GainBound
from certify.gain.search.tree import LEAF
from certify.linear import matmul, norm

_SAME = 1e-9  # distance of normalised values at a few directions, below which two hinges are one


def tree_of_cones(side: Side, sign: int, gain: GainBound | None) -> SuggestedTree:
    """The search's start cones and splits for one sign; where there are none, a fan that is round, to be split from scratch."""
    search = _search("cones", gain)
    if search is not None and search.brancher.reduced.rank == side.rank:
        brancher = search.brancher
        fan, other = brancher.fan(sign), brancher.fan(1)
        if fan is not None:
            first = 0 if sign > 0 or other is None else side.rank + 1
            images = side.hinges.lowered(brancher.reduced.basis.T)
            tree = search.tree
            return SuggestedTree(fan, images, [tree.walk(first + k) for k in range(side.rank + 1)])
    fan = start_fan(_of_order_one(np.vstack([side.plus, side.minus, side.linear])))
    images = np.eye(side.rank)
    images[-1, -1] = side.unit
    return SuggestedTree(fan, images, [()] * (side.rank + 1))


def tree_of_cuts(side: Side, sign: int, gain: GainBound | None) -> Iterable[int]:
    """The search's cuts for one sign, by the numbers of this side's points; a single leaf where there are none."""
    search = _search("majorants", gain)
    roots = [] if search is None else [part.state.sign for part in search.brancher.roots()]
    if search is None or sign not in roots:
        return (LEAF,)
    places = _same_hinges(side.hinges, search.brancher.hinges)
    splits = list(search.tree.walk(roots.index(sign)))
    if not all(code == LEAF or code - 1 in places for code in splits):
        return (LEAF,)
    return [code if code == LEAF else places[code - 1] + 1 for code in splits]


def _search(name: str, gain: GainBound | None) -> Any:
    """The search behind a bound, if its brancher is the one of that name."""
    proof = None if gain is None else gain.proof
    return proof.search if proof is not None and proof.method == name else None


def _of_order_one(rows: Floats) -> Floats:
    """The rows that are not zero, each times a power of two."""
    largest = np.max(np.abs(rows), axis=1, initial=0.0)
    scaled: Floats = np.ldexp(rows, -np.frexp(largest)[1][:, None])
    kept: Floats = scaled[largest > 0]
    return kept


def _same_hinges(own: Hinges, others: Any) -> dict[int, int]:
    """Which of our points each of the engine's hinges is: their values agree at a few directions, but for a factor."""
    rng = np.random.default_rng(0)
    dimension = own.points.shape[1] if own.basis is None else own.basis.shape[1]
    w = rng.standard_normal((own.rank + 3, dimension))
    directions = w
    if own.free:
        heights = rng.uniform(-0.5, 0.5, len(w)) * own.radius * norm(w, axis=1)
        directions = np.column_stack([w, heights - matmul(w, cast(Floats, own.centre))])
    lowered = own.lowered(directions)
    lengths = norm(lowered[:, :-1] if own.free else lowered, axis=1)
    ours = _normalised(matmul(own.rows(), (lowered / lengths[:, None]).T))
    theirs = _normalised(matmul(others.points, np.array([others.reduced_direction(u) for u in directions]).T))
    places = {}
    for k, values in enumerate(theirs):
        distance = np.max(np.abs(ours - values), axis=1)
        nearest = int(np.argmin(distance))
        if distance[nearest] <= _SAME:
            places[k] = nearest
    return places


def _normalised(values: Floats) -> Floats:
    """Rows of length 1; zero rows stay."""
    sizes = norm(values, axis=1)[:, None]
    unit: Floats = values / np.where(sizes > 0, sizes, 1.0)
    return unit
