"""Engine C: conical branch and bound on one sign of the gain (docs/theory.md, section 9).

A priority queue of cones, worst bound first. Each round takes the worst few, explores below each for a fixed number of
nodes, and puts back what is open; a round does not depend on how many threads ran it, so neither does the result.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from certify.bounds.compiled import KERNELS
from certify.bounds.reduction import ReducedGain
from certify.bounds.witnesses import split
from certify.rounding import UNIT

_FAN_BITS = 14  # start generators are short dyadics, so that some forty splits along one edge stay exact
_ATTAINABLE = 16.0


@dataclass(slots=True, eq=False)
class ConeSearch:
    """State of the search for max f(u), f = sum nu_i (z_i.u)_+ on one sign, over the reduced unit ball.

    upper is proved at any time; best is a value attained (to rounding) at `where`.
    """

    problem: ReducedGain
    sign: int
    threshold: float
    tolerance: float
    best: float = 0.0
    where: np.ndarray | None = None
    nodes: int = 0
    pruned: float = 0.0
    stuck: float = 0.0
    open_share: float = 0.0  # of the sphere, counting each split as a half
    candidates: list[np.ndarray] = field(default_factory=list)
    _queue: list[tuple[float, int, tuple]] = field(default_factory=list)
    _count: int = 0
    _plus: np.ndarray = field(init=False)
    _minus: np.ndarray = field(init=False)
    _slack: float = field(init=False)
    _ageing: float = field(init=False)

    def __post_init__(self) -> None:
        self._plus, self._minus = split(self.problem, self.sign)
        lost, rank = float(np.sum(np.linalg.norm(self._minus, axis=1))), self.problem.rank
        sizes = float(np.sum(np.linalg.norm(self._plus, axis=1))) + lost
        # every h+ and q below is a sum of at most N rows, each product of length r
        self._slack = 4 * UNIT * (self.problem.nu.size + rank + 16) * sizes
        # a child's q is a mixture of its parent's and of at most 2 r + 8 others, rounded once more
        self._ageing = UNIT * (4 * rank + 20) * lost * (1 + 1e-9)
        if self._plus.size:
            for cone, walls in start_fan(np.vstack([self._plus, self._minus])):
                self._push(math.inf, cone, walls, np.sum(self._minus, axis=0) * 0.5, 0.0)

    @property
    def upper(self) -> float:
        """Proved upper bound on the maximum, before the reduction's factor and error."""
        open_bound = -self._queue[0][0] if self._queue else 0.0
        return max(self.pruned, self.stuck, open_bound, 0.0)

    @property
    def finished(self) -> bool:
        """Nothing is left to explore."""
        return not self._queue

    def offer(self, direction: np.ndarray) -> None:
        """Take note of a direction (r,) that may be better than the best so far."""
        size = float(np.linalg.norm(direction / self.problem.dual_scale))
        if size > 0:
            u = direction / size
            value = float(np.sum(np.maximum(self._plus @ u, 0)) - np.sum(np.maximum(self._minus @ u, 0)))
            if value > self.best:
                self.best, self.where = value, u

    def floor(self, value: float) -> None:
        """Values up to this do not matter any more."""
        self.threshold = max(self.threshold, value * (1 + self.tolerance))
        self._drop_settled()

    def attained(self) -> list[np.ndarray]:
        """Directions (r,) that improved the best value on their way, the best one first."""
        return ([] if self.where is None else [self.where]) + self.candidates

    def round(self, pool: ThreadPoolExecutor | None, cones: int, budget: int) -> None:
        """Explore the worst `cones` cones, `budget` nodes below each."""
        kernel = KERNELS.current()
        taken = [heapq.heappop(self._queue) for _ in range(min(cones, len(self._queue)))]
        self.open_share -= sum(self._share(item[2][3]) for item in taken)
        run = self._explorer(kernel, budget)
        try:
            results = list(pool.map(run, taken)) if pool else [run(item) for item in taken]
        except BaseException:
            for item in taken:
                heapq.heappush(self._queue, item)
                self.open_share += self._share(item[2][3])
            raise
        for left, pruned, stuck, nodes, best, where in results:
            self.nodes += nodes
            KERNELS.charge(nodes, self.problem.nu.size)
            self.pruned, self.stuck = max(self.pruned, pruned), max(self.stuck, stuck)
            if best > self.best:
                self.best, self.where = best, where
            if np.any(where):
                self.candidates.append(where)
            for cone, walls, slope, bound, age in zip(*left, strict=True):
                self._push(float(bound), cone, walls, slope, float(age))
        self._drop_settled()

    def _explorer(self, kernel, budget: int) -> Callable[[tuple], tuple]:
        problem, best = self.problem, float(self.best)
        # below this much the rounded inequalities cannot tell: splitting on would not end
        threshold = max(self.threshold, best * (1 + self.tolerance)) + _ATTAINABLE * self._slack

        def run(item: tuple) -> tuple:
            cone, walls, slope, age = item[2]
            return kernel.explore(
                cone, walls, slope, -item[0], age, self._plus, self._minus, problem.dual_scale, problem.radius,
                self._slack, self._ageing, threshold, best, float(self.tolerance), budget,
            )  # fmt: skip

        return run

    def _push(self, bound: float, cone: np.ndarray, walls: np.ndarray, slope: np.ndarray, age: float) -> None:
        self._count += 1
        self.open_share += self._share(age)
        heapq.heappush(self._queue, (-bound, self._count, (cone.copy(), walls.copy(), slope.copy(), age)))

    def _drop_settled(self) -> None:
        """Once the best value has risen, whole cones may lie below what matters."""
        settled = max(self.threshold, self.best * (1 + self.tolerance))
        if self._queue and -self._queue[0][0] <= settled:
            self.pruned = max(self.pruned, -self._queue[0][0])
            self._queue.clear()
        if not self._queue:
            self.open_share = 0.0

    def _share(self, age: float) -> float:
        return 2.0**-age / (self.problem.rank + 1)


def start_fan(normals: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """r + 1 simplicial cones (generators V (r, r), walls (r, r)) that cover R^r, round in the normals' metric.

    The generators are short dyadics that sum to exactly zero and any r of them are independent, so the r + 1 cones cover.
    """
    r = normals.shape[1]
    for shape in (_whitening(normals), np.eye(r)):
        generators = _simplex(r) @ shape
        bits = _FAN_BITS + math.ceil(math.log2(np.linalg.cond(shape)))
        generators = np.rint(generators / np.max(np.abs(generators)) * 2.0**bits) * 2.0**-bits
        generators[-1] = -np.sum(generators[:-1], axis=0)
        cones = [np.ascontiguousarray(np.delete(generators, k, axis=0)) for k in range(r + 1)]
        if all(np.linalg.cond(cone) < 1e10 for cone in cones):
            return [(cone, np.ascontiguousarray(np.linalg.inv(cone).T)) for cone in cones]
    raise ArithmeticError("the start cones are not independent")


def _simplex(r: int) -> np.ndarray:
    """The r + 1 vertices of a regular simplex around 0, as rows in R^r."""
    centred = np.eye(r + 1) - 1.0 / (r + 1)
    axes = np.linalg.svd(centred)[2][:r]
    return centred @ axes.T


def _whitening(normals: np.ndarray) -> np.ndarray:
    """A symmetric matrix (r, r) that takes directions in which the hyperplanes lie evenly to the coordinates used."""
    unit = normals / np.linalg.norm(normals, axis=1, keepdims=True)
    values, vectors = np.linalg.eigh(unit.T @ unit / unit.shape[0])
    values = np.sqrt(np.maximum(values, 1e-10 * values[-1]))
    return (vectors / values) @ vectors.T
