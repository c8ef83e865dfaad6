"""A proof by quadratic majorants for one sign: cut by hinges until each part has a majorant below the limit.

A given tree is followed; what its leaves do not prove is cut further. Without one all cuts are found here. The majorants are the
engine's; their numbers are rounded to the feasible side, and the multipliers chosen afresh for what rounding made of them
(docs/certificate.md, section 5).

Where all raising hinges are cut, pattern by pattern, no engine is needed: with L the sum of those that are positive, L.t <= h+(t)
everywhere, so the largest L.t - h-(t) is at most that of the gain, and it is the length of the shortest L - q, q the lowering
hinges with gates in [0, 1]. So the walk ends, and succeeds, wherever the gain is below the limit by a little more than rounding.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from certify._core.bounded import bounded_least_squares
from certify.arrays import Floats
from certify.certificates.budget import Budget
from certify.certificates.majorant_units import RoundedMajorant, engine_side
from certify.certificates.side import Side, Unprovable
from certify.gain.majorants.bounding import Outcome, branching_scores, explore
from certify.gain.majorants.brancher import unit_direction
from certify.gain.majorants.node import Cuts, Majorant, Node
from certify.gain.majorants.quadratic import best_multipliers, multipliers_prove
from certify.gain.majorants.relaxation import uniform
from certify.gain.search.tree import LEAF
from certify.linear import matmul, norm

_BEYOND = 1e-9
_BLEND = 0.1  # how much of the uniform distribution a child's start takes in
_START_MU = 2e-4
_FIRST_LIFT, _LIFTS = 1e-13, 14
_HEAVY = 2.0**15  # what a free bias counts more than the rest, where the shortest L - q is sought
_ROUNDINGS = 2.0**-8  # of what was summed up to Q, beside its size: what the weights' own rounding counts for
_ROOM = 2.0**-48
_SHARPER = (0.0, 1e-8, 1e-6)  # how far below the limit the solver is sent, should the rounded majorant fail


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """The hinges whose signs are fixed, and where the parent's relaxation was left."""

    cuts: Cuts = ()
    start: np.ndarray | None = None


def majorant_proof(side: Side, splits: Iterable[int], budget: Budget) -> dict[str, Any]:
    """The proof as the certificate has it; splits: 1 + k for a cut by point k, in preorder, 0 for a leaf.

    Raises Unprovable where no proof was found.
    """
    walk = _Walk(side, budget)
    walk.follow(splits)
    return {"kind": "majorants", "normals": [], "nodes": walk.nodes}


class _Walk:
    """The nodes written so far, in preorder."""

    def __init__(self, side: Side, budget: Budget) -> None:
        self.side, self.budget = side, budget
        self.nodes: list[Any] = []
        self.half, self.units = engine_side(side)
        self.uniform = uniform(self.half.points.shape[1], self.half.heads)

    def follow(self, splits: Iterable[int]) -> None:
        """Write the given cuts, and a proof of each leaf; what is proved above a cut does without it."""
        pending: list[_Part | None] = [_Part()]
        for code in splits:
            if not pending:
                raise Unprovable("the search's tree is malformed")
            part = pending.pop()
            if part is None:  # below something that is proved already
                pending += [] if code == LEAF else [None, None]
                continue
            rest = self._proved_or_cut(part, None if code == LEAF else code - 1)
            if code == LEAF:
                self._settle(rest)
            else:
                pending += rest or [None, None]
        self._settle([part for part in pending if part is not None])

    def _settle(self, pending: list[_Part]) -> None:
        while pending:
            pending += self._proved_or_cut(pending.pop(), None)

    def _proved_or_cut(self, part: _Part, suggested: int | None) -> list[_Part]:
        """Write a leaf, and nothing is left; or a cut, by the hinge that is suggested or else the worst, and two parts are."""
        node = Node(self.half, part.cuts)
        if not len(node.raising):
            self._write(self._pattern(node))
            return []
        leaf, outcome = self._attempt(node, part)
        if leaf is not None:
            self._write(leaf)
            return []
        k = self._worst(node, outcome) if suggested is None else suggested
        if not 0 <= k < len(self.half.half) or k in dict(part.cuts):
            raise Unprovable("the search's tree is malformed")
        self._write(k)
        return [_Part((*part.cuts, (k, sign)), outcome.Z) for sign in (-1, 1)]

    def _attempt(self, node: Node, part: _Part) -> tuple[dict[str, Any] | None, Outcome]:
        """The leaf, if the part has a majorant that still proves the limit once it is rounded, and what the engine found."""
        for sharper in _SHARPER:
            outcome = self._explored(node, part, self.side.level * (1 - sharper))
            self.budget.ask()
            if outcome.majorant is None or not outcome.bound <= self.side.level:
                break
            leaf = self._leaf(node, outcome.majorant)
            if leaf is not None:
                return leaf, outcome
        return None, outcome

    def _explored(self, node: Node, part: _Part, level: float) -> Outcome:
        stop = self.budget.limits.reached
        if part.start is None:
            return explore(node, level, None, 0.3 / (len(self.half.half) * self.half.heads + self.side.rank), stop)
        return explore(node, level, (1 - _BLEND) * part.start + _BLEND * self.uniform, _START_MU, stop)

    def _pattern(self, node: Node) -> dict[str, Any]:
        """The leaf of a part on which every raising hinge has its sign. Raises Unprovable where the gain itself is above the limit."""
        half = self.half
        lowered = half.points[node.lowering] * half.half[node.lowering, None]
        target = 2 * node.linear[0] - np.sum(lowered, axis=0)
        metric = np.concatenate([[0.0], np.full(half.heads - 1, _HEAVY), np.ones(target.size - half.heads)])
        gates = bounded_least_squares(
            np.ascontiguousarray(-2 * lowered * metric), target * metric, np.ones(len(lowered))
        )
        rounded = self.units.constant_slopes(2 * np.clip(gates, 0.0, 1.0) - 1, len(node.sides))
        Q = np.zeros((target.size,) * 2)
        Q[0] = (2 * node.linear[0] + matmul(rounded.engine.slopes[:, 0], lowered)) / 2
        Q[:, 0] = Q[0]
        leaf = self._lifted(rounded, Q, node.mass)
        if leaf is None:
            raise Unprovable("a direction above the limit was met")
        return leaf

    def _leaf(self, node: Node, majorant: Majorant) -> dict[str, Any] | None:
        rounded = self.units.rounded(majorant, node)
        return self._lifted(rounded, node.quadratic(rounded.engine)[0], node.mass)

    def _lifted(self, rounded: RoundedMajorant, Q: Floats, mass: float) -> dict[str, Any] | None:
        """The leaf with the least multipliers that prove Q, raised as long as rounding asks for it; None where they reach the level."""
        best = best_multipliers(Q, self.half.heads)
        scale = float(np.abs(np.diag(Q)).sum() + np.abs(best).sum()) + _ROUNDINGS * mass
        for k in range(_LIFTS):
            raised = best + _FIRST_LIFT * 4**k * scale
            if float(raised.sum()) + _ROOM * scale > self.side.level:
                return None
            if np.all(raised[1:-1] >= 0) and multipliers_prove(Q, self.half.heads, raised, _FIRST_LIFT * scale / 4):
                return {**rounded.grids, "multipliers": self.units.multipliers(raised)}
        return None

    def _worst(self, node: Node, outcome: Outcome) -> int:
        """The hinge whose unknown sign costs most. Raises Unprovable where the gain itself is above the limit."""
        if self.half.gain(unit_direction(outcome.Z[0], self.half.heads)) > self.side.level * (1 + _BEYOND):
            raise Unprovable("a direction above the limit was met")
        hinges, scores = branching_scores(node, outcome.Z)
        if not scores.max() > 0:  # all signs seem to be known, and yet the bound is too high: the least certain one
            points = self.half.points[hinges]
            scores = -np.abs(matmul(points, outcome.Z[0])) / norm(points, axis=1)
        return int(hinges[np.argmax(np.nan_to_num(scores, nan=-np.inf))])

    def _write(self, node: Any) -> None:
        self.nodes.append(node)
        self.budget.spend(len(str(node)))
