"""Engine S: a proved bound on the gain by quadratic majorants, for ranks where cones are too many.

For one sign of nu, with a_i = nu_i z_i (nu_i > 0) and b_j = |nu_j| z_j (nu_j < 0), the gain on unit u is

    1/2 c.u + 1/2 sum |a_i.u| - 1/2 sum |b_j.u|,
    |a_i.u| <= w_i/2 + (a_i.u)^2/(2 w_i),    |b_j.u| >= (y_j.u + s_j)(b_j.u)

for all w > 0 and |y_j| + |s_j| <= 1: a quadratic, whose maximum is one eigenvalue problem. The best such majorant is
the dual of a semidefinite program in r^2/2 variables; where it is too high, the sign of one a_i.u is fixed, both ways.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from certify.bounds.interface import GainBound, GainProblem, Limits, Violator
from certify.bounds.majorants_ascent import ascend
from certify.bounds.majorants_node import Node, OneSign, Outcome, branching_scores, explore
from certify.bounds.majorants_reduction import Hinges, merge_hinges, reduce_problem
from certify.bounds.quick import quick_gain_bound
from certify.bounds.witnesses import as_violator, distinct, proved_gain
from certify.rounding import gamma

GainProgress = Callable[[float, float, int], None]  # lower, upper, nodes

_STARTS = 8  # ascents a sign beside the given ones, where an ascent is cheap
_CHEAP = 100_000  # entries of the hinges
_BLEND = 0.1  # how much of the uniform distribution a child's start takes in
_START_MU = 1e-4  # a child's central path is joined here, however far its parent's was followed
_LARGEST_RANK = 64  # beyond it one Newton system takes seconds and hundreds of megabytes
_NUMERICS = 3e-8  # relative: asking a node for more would not end
_KEPT_WITNESSES = 64


def bound_gain_by_majorants(
    problem: GainProblem,
    *,
    threshold: float,
    tolerance: float,
    limits: Limits,
    start: Sequence[np.ndarray] = (),
    progress: GainProgress | None = None,
) -> GainBound:
    """Bounds on M(nu), rounding accounted for; for ranks of about 6 to 40, any limits.

    Beyond rank 64 no node is explored: the quick bound and the witnesses are all there is.

    threshold  the search ends once M <= threshold is proved; a larger M is bounded to within
    tolerance  (relative; where it is below 1e-7, to about 1e-7)
    start      directions (D,) worth trying first
    Raises ValueError for values that are not finite, and for a free bias whose nu does not sum to exactly 0.
    """
    if math.isnan(threshold) or not 0 <= tolerance < math.inf:
        raise ValueError(f"threshold {threshold} and tolerance {tolerance} must be numbers, the tolerance at least 0")
    hinges = reduce_problem(problem)
    if hinges is None or hinges.rank == 0:
        return GainBound(0.0, 0.0 if hinges is None else quick_gain_bound(problem), (), 0, True, "majorants")
    search = _Search(problem, merge_hinges(hinges), threshold, tolerance, limits)
    search.seed(start)
    return search.run(progress)


@dataclass(frozen=True, slots=True, eq=False)
class _Open:
    """An open node: its proved bound, its cuts, and where its relaxation was when it was left."""

    bound: float
    half: OneSign
    which: tuple[int, ...]
    signs: tuple[int, ...]
    Z: np.ndarray | None
    mu: float


class _Search:
    """Best-first search over both signs at once; all bounds in the units of the hinges."""

    def __init__(
        self, problem: GainProblem, hinges: Hinges, threshold: float, tolerance: float, limits: Limits
    ) -> None:
        self.problem, self.hinges, self.limits = problem, hinges, limits
        self.threshold, self.tolerance = threshold, tolerance
        self.halves = [half for half in (one_sign(hinges, 1), one_sign(hinges, -1)) if len(half.raising)]
        self.quick = quick_gain_bound(problem)
        self.out_of_reach = hinges.rank > _LARGEST_RANK
        self.witnesses: list[Violator] = []
        self.best, self.closed, self.nodes = 0.0, 0.0, 0
        self.count = itertools.count()
        self.queue: list[tuple[float, int, _Open]] = []
        length = np.sqrt(np.einsum("ij,ij->i", hinges.points, hinges.points))
        self.floor = gamma(4 * len(hinges.nu) + 80) * 4 * float(np.abs(hinges.nu) @ length)
        for half in () if self.out_of_reach else self.halves:
            self._push(_Open(math.inf, half, (), (), None, 0.3 / (len(hinges.nu) * hinges.heads + hinges.rank)))

    @property
    def level(self) -> float:
        """Bounds up to here settle a node, in the units of the hinges."""
        wanted = max(self.threshold, self.best * (1 + self.tolerance))
        return self.hinges.reduced_threshold(wanted * (1 + _NUMERICS * (wanted > self.threshold))) + self.floor

    @property
    def upper(self) -> float:
        """Proved upper bound on M(nu), at any time."""
        open_bound = -self.queue[0][0] if self.queue else 0.0
        open_bound = math.inf if self.out_of_reach else open_bound
        proved = self.hinges.original_bound(max(self.closed, open_bound, 0.0))
        return max(min(self.quick, proved), self.best)

    def seed(self, start: Sequence[np.ndarray]) -> None:
        """Ascend from the given directions, the heaviest rows and some random ones."""
        start = [direction for direction in start if np.all(np.isfinite(direction))]
        for direction in start:
            self._offer_original(direction)
        rng = np.random.default_rng(0)
        points, heads = self.hinges.points, self.hinges.heads
        weight = np.abs(self.hinges.nu) * np.sqrt(np.einsum("ij,ij->i", points[:, heads:], points[:, heads:]))
        seeds = [self.hinges.reduced_direction(direction) for direction in start]
        count = _STARTS if points.size <= _CHEAP else 2
        seeds += [_unit(sign * points[i], heads) for i in np.argsort(-weight)[: count // 4] for sign in (1, -1)]
        seeds += [_unit(rng.standard_normal(points.shape[1]), heads) for _ in range(count // 2)]
        for half, v in itertools.product(self.halves, seeds):
            if self.limits.reached():
                return
            self._offer(ascend(half, v, self.limits.reached))

    def run(self, progress: GainProgress | None) -> GainBound:
        """Search until nothing is open above the level, or a limit is reached."""
        while self.queue and self.upper > self.threshold and not self.limits.reached(self.nodes):
            if -self.queue[0][0] <= self.level:
                self.closed = max(self.closed, -self.queue[0][0])
                self.queue.clear()
                break
            self._expand(heapq.heappop(self.queue)[2])
            if progress:
                progress(self.best, self.upper, self.nodes)
        witnesses = tuple(distinct(self.problem, self.witnesses))
        settled = self.upper <= self.threshold or not (self.queue or self.out_of_reach)
        return GainBound(self.best, self.upper, witnesses, self.nodes, settled, "majorants")

    def _expand(self, item: _Open) -> None:
        """Explore a root; split any other node where its relaxation gives most away."""
        if item.Z is None:
            self._settle(item, item.which, item.signs)
            return
        node = Node(item.half, item.which, item.signs)
        Z = _unpacked(item.Z, item.half.raising.shape[1])
        scores = branching_scores(node, Z)
        if not (scores.size and scores.max() > 1e-12 * node.unit):
            self.closed = max(self.closed, item.bound)
            return
        worst = int(node.free[np.argmax(scores)])
        for sign in _nearer_first(item.half.raising[worst] @ Z[0]):
            self._settle(item, (*item.which, worst), (*item.signs, sign))

    def _settle(self, parent: _Open, which: tuple[int, ...], signs: tuple[int, ...]) -> None:
        """Bound one node; keep it open only if that is above the level."""
        if self.limits.reached():
            self._push(_Open(parent.bound, parent.half, which, signs, parent.Z, parent.mu))
            return
        node = Node(parent.half, which, signs)
        outcome = self._explore(node, parent)
        self.nodes += 1
        bound = min(outcome.bound, parent.bound)
        self._offer_relaxed(parent.half, outcome.Z)
        if bound <= self.level:
            self.closed = max(self.closed, bound)
        else:
            self._push(_Open(bound, parent.half, which, signs, _packed(outcome.Z), outcome.mu))

    def _explore(self, node: Node, parent: _Open) -> Outcome:
        start = None
        if parent.Z is not None:
            uniform = _uniform(node.whole)
            start = (1 - _BLEND) * _unpacked(parent.Z, len(uniform)) + _BLEND * uniform
        return explore(node, self.level, start, max(parent.mu, _START_MU), self.limits.reached)

    def _push(self, item: _Open) -> None:
        heapq.heappush(self.queue, (-item.bound, next(self.count), item))

    def _offer_relaxed(self, half: OneSign, Z: np.ndarray) -> None:
        """Round a relaxation's point to a direction and climb from it, where that looks worth it."""
        v = _unit(Z[0], half.heads)
        gain = self.hinges.original_bound(half.gain(v))
        if gain > 0.5 * self.best or self.nodes < 20:
            self._offer(ascend(half, v, self.limits.reached, steps=3 if gain < 0.9 * self.best else 15))

    def _offer(self, v: np.ndarray) -> None:
        self._offer_original(self.hinges.original_direction(v))

    def _offer_original(self, direction: np.ndarray) -> None:
        violator = as_violator(self.problem, direction)
        if violator.gain > 0:
            self.best = max(self.best, proved_gain(self.problem, violator.direction))
            self.witnesses.append(violator)
            if len(self.witnesses) > 2 * _KEPT_WITNESSES:
                self.witnesses = distinct(self.problem, self.witnesses)[:_KEPT_WITNESSES]


def one_sign(hinges: Hinges, sign: int) -> OneSign:
    """The hinges with sign * nu > 0 as raising ones, the others as lowering ones."""
    up, halves = sign * hinges.nu > 0, np.abs(hinges.nu) / 2
    return OneSign(hinges.heads, hinges.points[up], halves[up], hinges.points[~up], halves[~up])


def _uniform(half: OneSign) -> np.ndarray:
    """Z of the uniform distribution of directions."""
    size, heads = half.raising.shape[1], half.heads
    return np.diag(np.concatenate([[1.0], np.full(heads - 1, 0.5), np.full(size - heads, 1 / (size - heads))]))


def _unit(v: np.ndarray, heads: int) -> np.ndarray:
    """v scaled to a homogenised unit direction."""
    size = np.linalg.norm(v[heads:])
    unit = v / size if size > 0 else np.zeros_like(v)
    unit[0] = 1.0
    unit[1:heads] = np.clip(unit[1:heads], -1.0, 1.0)
    return unit


def _nearer_first(value: float) -> tuple[int, int]:
    return (1, -1) if value >= 0 else (-1, 1)


def _packed(Z: np.ndarray) -> np.ndarray:
    """The lower triangle in single precision: it only starts children and chooses cuts."""
    return Z[np.tril_indices(len(Z))].astype(np.float32)


def _unpacked(packed: np.ndarray, size: int) -> np.ndarray:
    Z = np.zeros((size, size))
    Z[np.tril_indices(size)] = packed
    Z = Z + np.tril(Z, -1).T
    return Z
