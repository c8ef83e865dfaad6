"""Engine S for the shared search: parts of the sphere on which some hinges have a known sign (docs/theory.md, section 9)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from certify.arrays import AnyArray, Floats
from certify.gain.ascents import as_violator
from certify.gain.majorants.ascent import ascend
from certify.gain.majorants.bounding import Outcome, branching_scores, explore
from certify.gain.majorants.node import Cuts, Majorant, Node, one_sign
from certify.gain.majorants.reduction import homogenised
from certify.gain.majorants.relaxation import uniform
from certify.gain.majorants.size import node_work
from certify.gain.question import GainProblem, Violator
from certify.gain.reduction import ReducedGain
from certify.gain.search.queue import Expansion, Part
from certify.linear import norm
from certify.rounding import gamma, scaled

_BLEND = 0.1  # how much of the uniform distribution a child's start takes in
_START_MU = 2e-4  # a child's central path is joined here, however far its parent's was followed
_NUMERICS = 3e-8  # relative: asking a node for more would not end
_FAR = 0.9  # of the best gain: from a direction below it no ascent is tried

Singles: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Portion:
    """A part of the sphere for one sign of nu: the cuts' hinges are those of the merged reduction, in order.

    start (N(N+1)/2,) | None: where the parent's relaxation was left; in single precision, it only starts the solver.
    """

    sign: int
    cuts: Cuts
    start: Singles | None = None


@dataclass(frozen=True, slots=True, eq=False)
class LeafHints:
    """What proves a leaf: its majorant and the node it belongs to, and the bound that comes of them (own units)."""

    node: Node
    majorant: Majorant
    bound: float


class MajorantBrancher:
    """Bounds parts by quadratic majorants, and splits them by the sign of a hinge; the shared search does the rest.

    A split k + 1 in the tree's code gives hinge k its sign, positive in the first half. Raises ValueError for values that
    are not finite, and for a free bias whose nu does not sum to exactly 0.
    """

    name = "majorants"
    least_tolerance = _NUMERICS

    def __init__(self, problem: GainProblem, reduced: ReducedGain | None = None) -> None:
        self.problem = problem
        self.stop: Callable[[], bool] = lambda: False
        self.hinges = homogenised(problem, reduced)
        self.node_work = node_work(len(problem.nu), problem.rows.shape[1], problem.free_bias)
        if self.hinges is not None:
            self.halves = {sign: one_sign(self.hinges, sign) for sign in (1, -1)}
            points, nu = self.hinges.points, self.hinges.nu
            self.node_work = node_work(len(nu), self.hinges.rank, problem.free_bias)
            mass = float(np.sum(np.abs(nu) * norm(points, axis=1)))
            self.floor = gamma(4 * len(nu) + 80) * 4 * mass

    def roots(self) -> list[Part]:
        """The whole sphere, for each sign of nu that has a raising hinge; nothing beyond the ranks that are affordable."""
        if self.hinges is None or self.hinges.rank == 0:
            return []
        signs = [sign for sign in (1, -1) if np.any(sign * self.hinges.nu > 0)]
        return [Part(math.inf, 1 / len(signs), Portion(sign, ())) for sign in signs]

    def round_size(self, nodes: int) -> tuple[int, int]:
        """Few at a time: each takes milliseconds and more."""
        return (2, 1) if nodes < 16 else (4, 1)

    def expand(self, part: Part, threshold: float, best: float, budget: int) -> Expansion:
        """Bound one part, and split it where its relaxation gives most away."""
        portion, nothing = _portion(part.state), np.zeros(0, dtype=np.uint16)
        if self.stop():
            return Expansion([part], nothing, 0.0, 0)
        node = self._node(portion)
        outcome = self._explored(node, portion, threshold)
        bound = min(outcome.proved(node), part.bound)
        if self.stop() and bound > threshold:
            return Expansion([Part(bound, part.share, portion)], nothing, 0.0, 0)
        value, where = self._climbed(portion.sign, outcome.Z, best)
        split = self._worst_hinge(node, outcome.Z) if bound > threshold else None
        code: AnyArray = np.array([0 if split is None else split + 1], dtype=self._code_type)
        if split is None:
            return Expansion([], code, bound, 1, value, where, portion.sign)
        start = _packed(outcome.Z)
        halves = [Portion(portion.sign, (*portion.cuts, (split, sign)), start) for sign in (1, -1)]
        return Expansion(
            [Part(bound, part.share / 2, half) for half in halves], code, 0.0, 1, value, where, portion.sign
        )

    def children(self, state: object, split: int) -> tuple[Portion, Portion]:
        """The halves where the hinge is positive and where it is negative."""
        portion = _portion(state)
        first, second = (Portion(portion.sign, (*portion.cuts, (split - 1, sign))) for sign in (1, -1))
        return first, second

    def hints(self, state: object, level: float) -> LeafHints | None:
        """A majorant that proves the level on the part, made afresh; None where there is none."""
        portion = _portion(state)
        node = self._node(portion)
        for sharper in (level, level - _NUMERICS * abs(level)):
            outcome = self._explored(node, portion, sharper)
            bound = outcome.proved(node)
            if outcome.majorant is not None and bound <= level:
                return LeafHints(node, outcome.majorant, bound)
        return None

    def found(self, expansion: Expansion) -> Violator | None:
        """The direction that an expansion climbed to."""
        if expansion.where is None or self.hinges is None:
            return None
        return as_violator(self.problem, self.hinges.original_direction(expansion.where))

    def original_bound(self, bound: float) -> float:
        """What a bound on the hinges proves for the problem."""
        return 0.0 if self.hinges is None else self.hinges.original_bound(max(bound, 0.0))

    def own_bound(self, threshold: float) -> float:
        """What a bound on the hinges may be at most to prove the threshold."""
        return threshold if self.hinges is None else self.hinges.reduced_threshold(threshold)

    def own_value(self, gain: float) -> float:
        """A gain in the units of the hinges; a hair more, so that rounding cannot keep apart what is equal."""
        return (
            gain
            if self.hinges is None
            else scaled(gain, -self.hinges.reduced.exponent) + self.hinges.slack + self.floor
        )

    def snapshot(self, state: object) -> dict[str, AnyArray]:
        """The part's arrays."""
        portion = _portion(state)
        start = np.zeros(0, dtype=np.float32) if portion.start is None else portion.start
        return {
            "sign": np.array([portion.sign]),
            "cuts": np.array(portion.cuts, dtype=np.int64).reshape(-1, 2),
            "start": start,
        }

    def restore(self, arrays: dict[str, AnyArray]) -> Portion:
        """The part of those arrays."""
        cuts = tuple((int(hinge), int(sign)) for hinge, sign in arrays["cuts"])
        return Portion(int(arrays["sign"][0]), cuts, arrays["start"] if arrays["start"].size else None)

    @property
    def _code_type(self) -> type[np.unsignedinteger[Any]]:
        return np.uint16 if len(self.halves[1].half) < np.iinfo(np.uint16).max else np.uint32

    def _node(self, portion: Portion) -> Node:
        return Node(self.halves[portion.sign], portion.cuts)

    def _explored(self, node: Node, portion: Portion, level: float) -> Outcome:
        (count, size), heads = node.whole.points.shape, node.whole.heads
        if portion.start is None:
            return explore(node, level, None, 0.3 / (count * heads + size - heads), self.stop)
        start = (1 - _BLEND) * _unpacked(portion.start) + _BLEND * uniform(size, heads)
        return explore(node, level, start, _START_MU, self.stop)

    def _worst_hinge(self, node: Node, Z: Floats) -> int | None:
        hinges, scores = branching_scores(node, Z)
        if not (scores.size and scores.max() > 0):
            return None
        return int(hinges[np.argmax(scores)])

    def _climbed(self, sign: int, Z: Floats, best: float) -> tuple[float, Floats | None]:
        """Round a relaxation's point to a direction and climb from it, where that looks worth it."""
        half = self.halves[sign]
        v = unit_direction(Z[0], half.heads)
        gain = half.gain(v)
        if gain <= _FAR * best:
            return 0.0, None
        v = ascend(half, v, self.stop)
        return half.gain(v), v


def unit_direction(v: Floats, heads: int) -> Floats:
    """v scaled to a homogenised unit direction."""
    size = norm(v[heads:])
    unit: Floats = v / size if size > 0 else np.zeros_like(v)
    unit[0] = 1.0
    unit[1:heads] = np.clip(unit[1:heads], -1.0, 1.0)
    return unit


def _portion(state: object) -> Portion:
    """What the search handed back: a state of this brancher."""
    return cast(Portion, state)


def _packed(Z: Floats) -> Singles:
    """The lower triangle in single precision."""
    return Z[np.tril_indices(len(Z))].astype(np.float32)


def _unpacked(packed: Singles) -> Floats:
    size = (math.isqrt(8 * packed.size + 1) - 1) // 2
    Z = np.zeros((size, size))
    Z[np.tril_indices(size)] = packed
    return Z + np.tril(Z, -1).T
