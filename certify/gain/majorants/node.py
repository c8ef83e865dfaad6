"""One node of the search: the gain on a part of the sphere, its relaxation, and what a majorant proves about it.

A node fixes the signs of some hinges p_k: on it sigma_k p_k.v >= 0 (docs/theory.md, section 9).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from certify.arrays import Bools, Floats
from certify.gain.majorants.quadratic import proved_maximum
from certify.gain.majorants.reduction import Hinges
from certify.gain.majorants.relaxation import Relaxation, block_norms, symmetric
from certify.linear import inner, matmul, norm
from certify.rounding import SLOP, TINY, gamma

Cuts = tuple[tuple[int, int], ...]  # hinges and the signs that they have on the node


@dataclass(frozen=True, slots=True, eq=False)
class OneSign:
    """max sum_k half_k (p_k.v + |p_k.v|) + linear.v over unit v; points (n, N) exact, in homogenised coordinates, half (n,) signed,
    linear (N,).
    """

    heads: int
    points: Floats
    half: Floats
    linear: Floats

    def gain(self, v: Floats) -> float:
        """The signed gain at v, rounded to nearest."""
        return 2 * inner(self.half, np.maximum(matmul(self.points, v), 0.0)) + inner(self.linear, v)


def one_sign(hinges: Hinges, sign: int) -> OneSign:
    """The gain for one sign of nu: hinges with sign * nu > 0 raise it, the others lower it."""
    return OneSign(hinges.heads, hinges.points, sign * hinges.nu / 2, np.zeros(hinges.points.shape[1]))


@dataclass(frozen=True, slots=True, eq=False)
class Majorant:
    """The multipliers of one quadratic above the gain on a node, in the units of OneSign.

    widths (p,)            w_i > 0 of the raising hinges that are free, in order
    slopes (q, N)          y_j of the free lowering hinges, in order: |b_j.v| >= (y_j.v)(b_j.v)
    above, below (q, m)    >= 0, why |y_j.v| <= 1 on the node: |y_j + above_j L| and |y_j - below_j L| leave room for y_j's head
    normals (m, N)         for sides l: kappa in entry 0 and -kappa z behind, the blocks' norms of z summing to at most 1
    pairs (m(m-1)/2,)      rho >= 0
    """

    widths: Floats
    slopes: Floats
    above: Floats
    below: Floats
    normals: Floats
    pairs: Floats


class Node:
    """The gain on the part of the sphere where some hinges have the signs that the cuts give them."""

    def __init__(self, whole: OneSign, cuts: Cuts) -> None:
        self.whole, self.cuts = whole, cuts
        which = np.array([k for k, _ in cuts], dtype=int)
        signs = np.array([sign for _, sign in cuts], dtype=float)
        unknown = np.ones(len(whole.half), dtype=bool)
        unknown[which] = False
        self.raising = np.flatnonzero(unknown & (whole.half > 0))
        self.lowering = np.flatnonzero(unknown & (whole.half < 0))
        self.sides = signs[:, None] * whole.points[which]
        self.first, self.second = np.triu_indices(len(which), 1)
        slope = matmul(whole.half, whole.points) + matmul(whole.half[which], self.sides) + whole.linear
        self.linear = np.zeros((slope.size,) * 2)
        self.linear[0] = self.linear[:, 0] = slope / 2
        self._prepare()

    def _prepare(self) -> None:
        whole = self.whole
        size = norm(whole.points, axis=1)
        # a'Za is about 1 on the uniform distribution, so that the cones (a'Za + 1, a'Za - 1, 2 root) are round
        raised = size[self.raising] / math.sqrt(whole.points.shape[1] - whole.heads)
        self.lengths = raised, size[self.lowering], norm(self.sides, axis=1)
        weights = whole.half[self.raising] * raised, -whole.half[self.lowering] * self.lengths[1]
        self.mass = 2 * inner(np.abs(whole.half), size) + norm(whole.linear)
        self.unit = max(self.mass / 2, 2.0**-900)
        self.relaxation = Relaxation(
            whole.heads,
            self.linear / self.unit,
            whole.points[self.raising] / raised[:, None],
            weights[0] / self.unit,
            whole.points[self.lowering] / self.lengths[1][:, None],
            weights[1] / self.unit,
            self.sides / self.lengths[2][:, None],
        )

    def quadratic(self, m: Majorant) -> tuple[Floats, float]:
        """Q of the majorant, and a bound on the spectral norm of its rounding error; multipliers that fail count as 0."""
        points, half, sides = self.whole.points, self.whole.half, self.sides
        slopes = np.where(self.slopes_hold(m)[:, None], m.slopes, 0.0)
        normals = np.where(self.normals_hold(m)[:, None], m.normals, 0.0)
        widths, pairs = np.maximum(m.widths, TINY), np.maximum(m.pairs, 0.0)
        raised, lowered = points[self.raising], points[self.lowering]
        weights = half[self.raising] / (2 * widths)
        Q = (
            self.linear
            + symmetric(raised * weights[:, None], raised)
            + symmetric(slopes * half[self.lowering, None], lowered)
        )
        height = inner(half[self.raising], widths) / 2
        Q[0, 0] += height
        squares = np.sum(raised * raised, axis=1)
        mass = self.mass + height + inner(weights, squares)
        mass -= inner(half[self.lowering], _sizes(slopes) * _sizes(lowered))
        if len(sides):
            crossing = sides[self.first] * pairs[:, None]
            Q += symmetric(normals, sides) + symmetric(crossing, sides[self.second])
            mass += inner(_sizes(normals), _sizes(sides)) + inner(_sizes(crossing), _sizes(sides[self.second]))
        terms = len(half) + len(sides) ** 2
        return Q, gamma(2 * terms + 40) * 2 * float(mass) + TINY

    def slopes_hold(self, m: Majorant) -> Bools:
        """Whether |y_j.v| <= 1 on the node is proved, rounding included (shape (q,)).

        1 -+ y.v = (1 -+ s) -+ (y +- tilt L).v + tilt L.v, the last term at least 0 and the others by the norms of v's blocks.
        """
        heads, size = self.whole.heads, self.whole.points.shape[1]
        room, y = m.slopes[:, 0], m.slopes.copy()
        y[:, 0] = 0.0
        holds = np.ones(len(y), dtype=bool)
        for sign, tilts in ((1.0, m.above), (-1.0, m.below)):
            used = block_norms(y + sign * matmul(tilts, self.sides), heads).sum(axis=1)
            lost = gamma(4 * (size + len(self.sides)) + 40) * (_sizes(y) + matmul(tilts, _sizes(self.sides)) + 2)
            holds &= (used + 3 * lost <= 1 - sign * room) & np.all(tilts >= 0, axis=1)
        return holds

    def normals_hold(self, m: Majorant) -> Bools:
        """Whether each normal pairs to at least 0 with every unit direction, rounding included (shape (m,))."""
        tails = np.sum(block_norms(m.normals, self.whole.heads)[:, 1:], axis=1)
        holds: Bools = tails * (1 + gamma(4 * m.normals.shape[1] + 40)) <= m.normals[:, 0]
        return holds

    def proved_bound(self, m: Majorant) -> float:
        """An upper bound on the gain over the node, from the majorant alone."""
        Q, error = self.quadratic(m)
        return proved_maximum(Q, self.whole.heads, error)


def _sizes(rows: Floats) -> Floats:
    """Euclidean norms, raised by more than their rounding."""
    sizes: Floats = np.sqrt(np.sum(rows * rows, axis=1)) * SLOP
    return sizes
