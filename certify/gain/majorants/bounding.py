"""Bounding a node: the interior-point method, watched, and its duals made into a majorant that proves something."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from certify.gain.majorants.node import Majorant, Node
from certify.gain.majorants.program import Iterate, Program
from certify.gain.majorants.quadratic import best_multipliers
from certify.gain.majorants.relaxation import block_norms
from certify.gain.majorants.solver import Residuals, improve

_INSIDE = 1 - 1e-11  # keeps |y.v| <= 1 whatever its rounding
_RESOLVED = 3e-8  # relative accuracy that the solver can be asked for
_NEAR = 0.5  # of the excess over the level: as near as this the relaxation's optimum is known well enough
_ROUGH = 0.03  # relative, likewise
_RULES = _NEAR, _ROUGH, _RESOLVED
_STEPS = 40


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What is known of a node: a bound that is not yet proved, the majorant that proves it, the last primal point Z.

    resolved: the relaxation itself has no more to give.
    """

    bound: float
    majorant: Majorant | None
    Z: np.ndarray
    resolved: bool
    steps: int

    def proved(self, node: Node) -> float:
        """The bound that the majorant proves; infinite where there is none."""
        return node.proved_bound(self.majorant) if self.majorant is not None else math.inf


def explore(
    node: Node,
    level: float,
    start: np.ndarray | None,
    mu: float,
    stop: Callable[[], bool],
    compiled: Callable | None = None,
) -> Outcome:
    """Bound the gain on a node; stops early at a bound <= level, or once the relaxation cannot reach it.

    start (N, N), mu: where the central path is joined. compiled: the method of `majorants_compiled.py`, where it is loaded.
    """
    program = Program(node.relaxation)
    Z = program.central_start() if start is None else start
    try:
        at = program.start(Z, mu)
        if compiled is not None:
            at, bound, Z, resolved, steps = compiled(program, at, level / node.unit, _RULES, _STEPS)
            return Outcome(bound * node.unit, majorant_of(node, program, at), Z, resolved, steps)
        watch = _Watch(node, program, level, stop)
        improve(program, at, watch, _STEPS)
    except np.linalg.LinAlgError:
        return Outcome(math.inf, None, Z, False, 0)
    return Outcome(watch.best, watch.majorant, watch.last, watch.resolved, watch.steps)


def majorant_of(node: Node, program: Program, at: Iterate) -> Majorant:
    """The duals of an iterate, made feasible."""
    cone, duals = program.cone, at.z[1:-1]
    raised, _, across = node.lengths
    growth = np.maximum(at.z[0][:, 0] + at.z[0][:, 1], 2.0**-200)
    widths = node.relaxation.raising_weight / (2 * growth) * raised
    multipliers, tilts = cone.multiplier(duals), np.maximum(cone.tilts(duals), 0.0)
    _, other, side = program.parts(multipliers)
    above, below, crossing = program.parts(tilts)
    weight = node.relaxation.lowering_weight[:, None]
    slopes, above, below = _bounded(other / weight, above / weight, below / weight, node)
    normals = _nonnegative(side - crossing @ cone.sides, node.whole.heads) * (node.unit / across)[:, None]
    crossing = crossing * (node.unit / np.outer(across, across))
    pairs = crossing[node.first, node.second] + crossing[node.second, node.first]
    return Majorant(widths, slopes, above / across, below / across, normals, pairs)


def _bounded(D: np.ndarray, above: np.ndarray, below: np.ndarray, node: Node) -> tuple[np.ndarray, ...]:
    """y and tilts from duals D = 1 + y of x - Z b (q, N), drawn towards 0 until they prove |y.v| <= 1."""
    heads, sides = node.whole.heads, node.relaxation.sides
    head, y = D[:, 0], D.copy()
    y[:, 0] = 0.0
    excess = block_norms(y - below @ sides, heads).sum(axis=1) - head
    excess = np.maximum(excess, block_norms(y + above @ sides, heads).sum(axis=1) + head - 2)
    factor = (_INSIDE / (1 + np.maximum(excess, 0.0)))[:, None]
    y[:, 0] = head - 1
    return factor * y, factor * above, factor * below


def _nonnegative(D: np.ndarray, heads: int) -> np.ndarray:
    """The rows (m, N) with their tails drawn in until every unit direction pairs with them to at least 0."""
    head = np.maximum(D[:, 0], 0.0)
    tails = block_norms(D, heads)[:, 1:].sum(axis=1)
    out = D * (_INSIDE * np.minimum(1.0, head / np.maximum(tails, 2.0**-400)))[:, None]
    out[:, 0] = head
    return out


class _Watch:
    """Keeps the best majorant seen, and stops the solver as soon as it does not matter what comes next."""

    def __init__(self, node: Node, program: Program, level: float, stop: Callable[[], bool]) -> None:
        self.node, self.program, self.level, self.stop = node, program, level, stop
        self.best, self.majorant, self.last = math.inf, None, None
        self.steps, self.resolved = 0, False

    def __call__(self, at: Iterate, residuals: Residuals) -> bool:
        node = self.node
        majorant = majorant_of(node, self.program, at)
        with np.errstate(all="ignore"):
            Q, error = node.quadratic(majorant)
            finite = bool(np.all(np.isfinite(Q)))
            bound = float(best_multipliers(Q, node.whole.heads).sum()) + 8 * error if finite else math.inf
        if bound < self.best:
            self.best, self.majorant = bound, majorant
        self.last, self.steps = at.Z, self.steps + 1
        value = node.relaxation.value(at.Z, at.x) * node.unit
        honest = residuals.infeasibility < 1e-4
        self.resolved = honest and self.best - value <= _RESOLVED * max(abs(self.best), abs(self.level))
        # once the level is out of reach, what is left to gain is a bound for the queue and a point to branch at
        enough = min(_NEAR * (value - self.level), _ROUGH * abs(self.best))
        hopeless = honest and value > self.level and self.best - value <= enough
        return self.best <= self.level or hopeless or self.resolved or self.stop()


def branching_scores(node: Node, Z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The free raising hinges and half_i sqrt(p_i'Z p_i) (1 - |p_i.u| / sqrt(p_i'Z p_i))^2.

    What the relaxation gives away on a hinge is the same with the power 1; the square prefers hinges that both halves share.
    """
    rows = node.whole.points[node.raising]
    roots = np.sqrt(np.maximum(np.einsum("ij,ij->i", rows @ Z, rows), 2.0**-900))
    evenness = np.maximum(1 - np.abs(rows @ Z[0]) / roots, 0.0)
    return node.raising, node.whole.half[node.raising] * roots * evenness**2
