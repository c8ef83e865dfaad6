"""Bounding a node: the relaxation's duals made into a majorant that proves something."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from certify.arrays import Floats, Indices
from certify.gain.majorants.node import Majorant, Node
from certify.gain.majorants.relaxation import Multipliers, Rules, uniform
from certify.linear import matmul

_RULES = Rules(
    near=0.5,  # of the excess over the level: as near as this the relaxation's optimum is known well enough
    rough=0.012,  # of the bound: the last steps cost less than the order of the queue gains by them
    resolved=3e-8,  # accuracy that the method can be asked for
    steps=40,
)

_KNOWN = 1e-12  # of a hinge's size: where the relaxation gives away no more, its sign is known to it


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What is known of a node: a bound that is not yet proved, the majorant that proves it, the last primal point Z.

    resolved: the relaxation itself has no more to give.
    """

    bound: float
    majorant: Majorant | None
    Z: Floats
    resolved: bool
    steps: int

    def proved(self, node: Node) -> float:
        """The bound that the majorant proves; infinite where there is none."""
        return node.proved_bound(self.majorant) if self.majorant is not None else math.inf


def explore(node: Node, level: float, start: Floats | None, mu: float, stop: Callable[[], bool]) -> Outcome:
    """Bound the gain on a node; stops early at a bound <= level, or once the relaxation cannot reach it.

    start (N, N), mu: where the central path is joined; without a start at the uniform distribution.
    """
    relaxation = node.relaxation
    centre = uniform(relaxation.size, relaxation.heads)
    found = relaxation.improved(centre if start is None else start, mu, level / node.unit, _RULES, stop)
    Z = centre if found.Z is None else found.Z
    majorant = majorant_of(node, found.multipliers) if found.bound < math.inf else None
    return Outcome(found.bound * node.unit, majorant, Z, found.resolved, found.steps)


def majorant_of(node: Node, found: Multipliers) -> Majorant:
    """The multipliers of a relaxation in the node's own units."""
    raised, _, across = node.lengths
    return Majorant(
        widths=node.relaxation.raising_weight / (2 * found.growth) * raised,
        slopes=found.slopes,
        above=found.above / across,
        below=found.below / across,
        normals=found.normals * (node.unit / across)[:, None],
        pairs=(found.pairs + found.pairs.T)[node.first, node.second]
        * (node.unit / (across[node.first] * across[node.second])),
    )


def branching_scores(node: Node, Z: Floats) -> tuple[Indices, Floats]:
    """The free raising hinges and half_i sqrt(p_i'Z p_i) (1 - |p_i.u| / sqrt(p_i'Z p_i))^(1/2).

    What the relaxation gives away on a hinge is the same with the power 1; the root prefers hinges whose sign matters much to some
    directions of the node, be they few: in as much time its bounds came out lowest (powers 2 to 1/5 were tried). 0: the sign is known.
    """
    rows = node.whole.points[node.raising]
    spread = matmul(rows, Z)
    roots = np.sqrt(np.maximum(np.sum(spread * rows, axis=1), 2.0**-900))
    evenness = 1 - np.abs(spread[:, 0]) / roots
    evenness = np.where(evenness > _KNOWN, evenness, 0.0)
    return node.raising, node.whole.half[node.raising] * roots * np.sqrt(evenness)
