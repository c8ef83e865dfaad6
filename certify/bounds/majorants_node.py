"""One node of the search: the best majorant over a part of the sphere, proved, and where to cut the part next.

A node fixes the sign of some raising hinges p_i (nu_i > 0): on it sigma_i p_i.v >= 0 (docs/theory.md, section 9).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from certify.bounds.majorants_program import Iterate, Program
from certify.bounds.majorants_quadratic import best_multipliers, proved_maximum
from certify.bounds.majorants_relaxation import Relaxation, block_norms, symmetric
from certify.bounds.majorants_solver import Residuals, improve
from certify.rounding import TINY, gamma

_INSIDE = 1 - 1e-12  # keeps |y| + |s| <= 1 whatever its rounding
_RESOLVED = 3e-8  # relative accuracy that the solver can be asked for


@dataclass(frozen=True, slots=True, eq=False)
class OneSign:
    """max sum_i (+-half_i) (p_i.v + |p_i.v|) over unit v, half = |nu| / 2; rows exact, in homogenised coordinates.

    raising (p, N) with raising_half (p,), lowering (q, N) with lowering_half (q,).
    """

    heads: int
    raising: np.ndarray
    raising_half: np.ndarray
    lowering: np.ndarray
    lowering_half: np.ndarray

    def gain(self, v: np.ndarray) -> float:
        """The signed gain at v, rounded to nearest."""
        up = self.raising_half @ np.maximum(self.raising @ v, 0.0)
        return 2 * float(up - self.lowering_half @ np.maximum(self.lowering @ v, 0.0))


@dataclass(frozen=True, slots=True, eq=False)
class Majorant:
    """The multipliers of one quadratic above the gain on a node, in the units of OneSign.

    widths (free,)  w_i of the raising hinges that are not signed
    slopes (q, N)   y_j, heads included: the blocks' norms sum to at most 1
    normals (m, N)  for sides l: kappa in entry 0 and -kappa z behind, the blocks' norms of z summing to at most 1
    pairs (m(m-1)/2,) rho >= 0
    """

    widths: np.ndarray
    slopes: np.ndarray
    normals: np.ndarray
    pairs: np.ndarray


class Node:
    """The gain on the part of the sphere where the raising hinges `which` have the signs `signs`."""

    def __init__(self, whole: OneSign, which: tuple[int, ...], signs: tuple[int, ...]) -> None:
        self.whole, self.which = whole, np.array(which, dtype=int)
        self.signs = np.array(signs, dtype=float)
        free = np.ones(len(whole.raising), dtype=bool)
        free[self.which] = False
        self.free = np.flatnonzero(free)
        self.sides = self.signs[:, None] * whole.raising[self.which]
        self.first, self.second = np.triu_indices(len(which), 1)
        self._prepare()

    def _prepare(self) -> None:
        whole, heads = self.whole, self.whole.heads
        self.raising, self.raising_half = whole.raising[self.free], whole.raising_half[self.free]
        lengths = [np.sqrt(np.einsum("ij,ij->i", x, x)) for x in (self.raising, whole.lowering, self.sides)]
        # a'Za is about 1 on the uniform distribution, so that the cones (a'Za + 1, a'Za - 1, 2 root) are round
        lengths[0] = lengths[0] / math.sqrt(whole.raising.shape[1] - heads)
        self.lengths = lengths
        weights = self.raising_half * lengths[0], whole.lowering_half * lengths[1]
        self.unit = float(sum(np.sum(w) for w in weights) + np.sum(whole.raising_half[self.which] * lengths[2]))
        self.relaxation = Relaxation(
            heads,
            self.linear() / self.unit,
            self.raising / lengths[0][:, None],
            weights[0] / self.unit,
            whole.lowering / lengths[1][:, None],
            weights[1] / self.unit,
            self.sides / lengths[2][:, None],
        )

    def linear(self) -> np.ndarray:
        """The quadratic form of the hinges' linear part, the signed hinges' absolute values included."""
        whole = self.whole
        slope = whole.raising_half @ whole.raising - whole.lowering_half @ whole.lowering
        slope = slope + whole.raising_half[self.which] @ self.sides
        Q = np.zeros((slope.size,) * 2)
        Q[0] = Q[:, 0] = slope / 2
        return Q

    def majorant(self, program: Program, at: Iterate) -> Majorant:
        """The duals of an iterate, made feasible."""
        cones, lower, side, pairs, _ = program.split(at.z)
        lengths, heads = self.lengths, self.whole.heads
        growth = np.maximum(cones[:, 0] + cones[:, 1], 2.0**-200)
        widths = self.relaxation.raising_weight / (2 * growth) * lengths[0]
        slopes = -program.lower.multiplier(lower) / self.relaxation.lowering_weight[:, None]
        slopes *= _INSIDE / np.maximum(block_norms(slopes, heads).sum(axis=1), 1.0)[:, None]
        normals = program.side.multiplier(side) * (self.unit / lengths[2])[:, None]
        kappa = np.maximum(normals[:, 0], 0.0)
        tails = normals.copy()
        tails[:, 0] = 0.0
        sizes = block_norms(tails, heads).sum(axis=1)
        tails *= (_INSIDE * np.minimum(1.0, kappa / np.maximum(sizes, 2.0**-400)))[:, None]
        tails[:, 0] = kappa
        scale = self.unit / (lengths[2][self.first] * lengths[2][self.second])
        return Majorant(widths, slopes, tails, np.maximum(pairs[:, 0], 0.0) * scale)

    def quadratic(self, m: Majorant) -> tuple[np.ndarray, float]:
        """Q of the majorant, and a bound on the spectral norm of its rounding error."""
        whole, sides = self.whole, self.sides
        weights = self.raising_half / (2 * m.widths)
        Q = self.linear() + (self.raising.T * weights) @ self.raising
        Q -= symmetric(m.slopes * whole.lowering_half[:, None], whole.lowering)
        Q[0, 0] += self.raising_half @ m.widths / 2
        length = [np.sqrt(np.einsum("ij,ij->i", x, x)) for x in (whole.raising, whole.lowering, sides)]
        mass = 2 * whole.raising_half @ length[0] + 2 * whole.lowering_half @ length[1]
        mass += self.raising_half @ m.widths / 2 + weights @ length[0][self.free] ** 2
        if len(sides):
            crossing = m.pairs * length[2][self.first] * length[2][self.second]
            Q += symmetric(m.normals, sides) + symmetric(sides[self.first] * m.pairs[:, None], sides[self.second])
            mass += np.sqrt(np.einsum("ij,ij->i", m.normals, m.normals)) @ length[2] + np.sum(crossing)
        terms = len(whole.raising) + len(whole.lowering) + len(sides) ** 2
        return Q, gamma(2 * terms + 40) * 2 * float(mass) + TINY

    def proved_bound(self, m: Majorant) -> float:
        """An upper bound on the gain over the node, from the majorant alone."""
        Q, error = self.quadratic(m)
        return proved_maximum(Q, self.whole.heads, error)


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """bound: proved, over the node. Z: the last primal point. resolved: the relaxation itself has no more to give."""

    bound: float
    Z: np.ndarray
    mu: float
    resolved: bool
    steps: int


class _Watch:
    """Keeps the best majorant seen, and stops the solver as soon as it does not matter what comes next."""

    def __init__(self, node: Node, program: Program, level: float, stop: Callable[[], bool]) -> None:
        self.node, self.program, self.level, self.stop = node, program, level, stop
        self.best, self.majorant, self.last = math.inf, None, None
        self.steps, self.mu, self.resolved = 0, 0.0, False

    def __call__(self, at: Iterate, residuals: Residuals) -> bool:
        node = self.node
        majorant = node.majorant(self.program, at)
        with np.errstate(all="ignore"):
            Q, error = node.quadratic(majorant)
            finite = bool(np.all(np.isfinite(Q)))
            bound = float(best_multipliers(Q, node.whole.heads).sum()) + 8 * error if finite else math.inf
        if bound < self.best:
            self.best, self.majorant = bound, majorant
        self.last, self.mu, self.steps = at.Z, residuals.mu, self.steps + 1
        value = node.relaxation.value(at.Z) * node.unit
        honest = residuals.infeasibility < 1e-4
        self.resolved = honest and self.best - value <= _RESOLVED * max(abs(self.best), abs(self.level))
        # once the level is out of reach, what is left to gain is a bound for the queue and a point to branch at
        enough = min(0.15 * (value - self.level), 0.01 * abs(self.best))
        hopeless = honest and value > self.level and self.best - value <= enough
        return self.best <= self.level or hopeless or self.resolved or self.stop()


def explore(node: Node, level: float, start: np.ndarray | None, mu: float, stop: Callable[[], bool]) -> Outcome:
    """Bound the gain on a node; stops early at a bound <= level, or once the relaxation cannot reach it."""
    program = Program(node.relaxation)
    Z = program.central_start() if start is None else start
    watch = _Watch(node, program, level, stop)
    try:
        improve(program, program.start(Z, mu), watch)
    except np.linalg.LinAlgError:
        return Outcome(math.inf, Z, mu, False, 0)
    bound = node.proved_bound(watch.majorant) if watch.majorant is not None else math.inf
    return Outcome(bound, watch.last, watch.mu, watch.resolved, watch.steps)


def branching_scores(node: Node, Z: np.ndarray) -> np.ndarray:
    """half_i (sqrt(p_i'Z p_i) - |p_i.u|) of the unsigned raising hinges: what their relaxation gives away at Z."""
    roots = np.sqrt(np.maximum(np.einsum("ij,ij->i", node.raising @ Z, node.raising), 0.0))
    return node.raising_half * (roots - np.abs(node.raising @ Z[0]))
