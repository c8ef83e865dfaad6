"""Engine C for k outputs: cones of directions u times cones of output directions v (docs/theory.md, section 9).

    |nu' (Z u)_+| = max over unit v in R^k of f_v(u),   f_v(u) = (nu v) . (Z u)_+

For v = sum gamma_l e_l, gamma >= 0, in a simplicial cone, f_v(u) = sum gamma_l f_{e_l}(u) <= sum gamma_l b_l, where b_l bounds
f_{e_l} on the cone of u, one output each: so f_v(u) <= |g| for every g with g.e_l >= b_l. It is the inequality of the cones of
u once more, in R^k, and the same code evaluates it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from certify.gain.ascents import as_violator, split
from certify.gain.cones import kernel
from certify.gain.cones.brancher import start_fan
from certify.gain.question import GainProblem, Violator
from certify.gain.reduction import ReducedGain
from certify.gain.search.queue import Expansion, Part
from certify.rounding import UNIT, gamma, scaled

_ARRAYS = ("V", "E", "slopes", "bounds", "losses", "edges")
_ACCOUNTABLE = 0.5  # of the excess
_LAGGING = 1e-2  # a cone so much narrower than the other is not split further: both have to shrink
_TOLERANCE = 1e-8  # free bias: its weight costs 2^-31


@dataclass(frozen=True, slots=True, eq=False)
class _Pair:
    """A cone of u with generators V (r, r) times one of v with generators E (k, k), both exact; slopes q (k, r).

    bounds (k,): on f_e over unit u of the cone, inf where not known; losses (k,): what they exceed the best value met by, and
    edges (k,): the edge of V that loses it, a r + b. age: how many generations the slopes have gone through.
    """

    V: np.ndarray
    E: np.ndarray
    slopes: np.ndarray
    bounds: np.ndarray
    losses: np.ndarray
    edges: np.ndarray
    age: int


class OutputBrancher:
    """Bounds and splits pairs of cones; the shared search does the rest (`search.py`)."""

    name = "cones"

    def __init__(self, problem: GainProblem, reduced: ReducedGain) -> None:
        self.problem, self.reduced = problem, reduced
        self.stop: Callable[[], bool] = lambda: False
        self.outputs = reduced.nu.shape[1]
        self.node_work = self.outputs * (3e-4 + 4e-9 * reduced.nu.shape[0] * reduced.rank)
        self.least_tolerance = _TOLERANCE if problem.free_bias else 0.0
        lengths = np.linalg.norm(reduced.nu, axis=1) * np.linalg.norm(reduced.rows, axis=1)
        self.mass = float(np.sum(lengths)) * (1 + 1e-9)
        terms = reduced.nu.shape[0] + reduced.rank + 16
        # per unit of |e|: as in `cones.py`, and what rounding nu e costs
        self.slack = (4 * UNIT * terms + gamma(self.outputs + 2)) * self.mass
        self.ageing = UNIT * (4 * reduced.rank + 20) * self.mass

    def roots(self) -> list[Part]:
        """Every start cone of u with every one of v."""
        cones = [V for V, _ in start_fan(self.reduced.rows)]
        outer = [E for E, _ in start_fan(np.eye(self.outputs))]
        share = 1.0 / (len(cones) * len(outer))
        nothing = np.zeros((self.outputs, self.reduced.rank))
        unknown = np.full(self.outputs, math.inf)
        none = np.zeros(self.outputs, dtype=int)
        pairs = [_Pair(V, E, self._start(E, nothing), unknown, unknown, none, 0) for V in cones for E in outer]
        return [Part(math.inf, share, pair) for pair in pairs]

    def round_size(self, nodes: int) -> tuple[int, int]:
        """Few at a time: each costs a fraction of a millisecond."""
        return (4, 1) if nodes < 200 else (16, 1)

    def expand(self, part: Part, threshold: float, best: float, budget: int) -> Expansion:
        """Bound one pair of cones, and split the cone that its bound suffers from most."""
        bounded, value, where = self._bounded(part.state)
        bound = min(part.bound, self._joint_bound(bounded))
        leaf = np.array([0], dtype=np.uint16)
        if bound <= threshold:
            return Expansion([], leaf, bound, 1, value, where)
        code = self._choose(bounded, bound - value)
        halves = self.children(bounded, code) if code else None
        if halves is None:
            return Expansion([], leaf, bound, 1, value, where)
        parts = [Part(bound, part.share / 2, half) for half in halves]
        return Expansion(parts, np.array([code], dtype=np.uint16), 0.0, 1, value, where)

    def children(self, state: _Pair, split: int) -> tuple[_Pair, _Pair] | None:
        """Both halves; None where the middle of the edge is not a float."""
        rank, k = self.reduced.rank, self.outputs
        of_u = split <= rank * rank
        a, b = divmod(split - 1 if of_u else split - 1 - rank * rank, rank if of_u else k)
        generators = state.V if of_u else state.E
        scale = kernel.exact_sum(generators[a], generators[b])
        if scale == 0.0:
            return None
        middle = scale * (generators[a] + generators[b])
        return self._with(state, of_u, b, middle), self._with(state, of_u, a, middle)

    def hints(self, state: _Pair, level: float) -> np.ndarray | None:
        """The bounds (k,) on the generators of v, where they prove the level."""
        bounded, _, _ = self._bounded(replace(state, bounds=np.full(self.outputs, math.inf)))
        return bounded.bounds if self._joint_bound(bounded) <= level else None

    def found(self, expansion: Expansion) -> Violator | None:
        """The direction met, in the original coordinates."""
        return None if expansion.where is None else as_violator(self.problem, self.reduced.lift(expansion.where))

    def original_bound(self, bound: float) -> float:
        """What a bound on the reduced gain proves."""
        return self.reduced.original_bound(bound)

    def own_bound(self, threshold: float) -> float:
        """What the reduced gain may reach to prove the threshold."""
        return self.reduced.reduced_threshold(threshold) + 16 * self.slack

    def own_value(self, gain: float) -> float:
        """The gain in the units of the reduced problem."""
        return scaled(gain, -self.reduced.exponent)

    def snapshot(self, state: _Pair) -> dict[str, np.ndarray]:
        """The pair's arrays."""
        arrays = {name: getattr(state, name) for name in _ARRAYS}
        return {**arrays, "age": np.array([state.age])}

    def restore(self, arrays: dict[str, np.ndarray]) -> _Pair:
        """The pair of those arrays."""
        return _Pair(*(arrays[name] for name in _ARRAYS), int(arrays["age"][0]))

    def _with(self, state: _Pair, of_u: bool, k: int, middle: np.ndarray) -> _Pair:
        """The pair with one generator replaced; bounds stay where they still hold."""
        if of_u:
            V = state.V.copy()
            V[k] = middle
            return replace(state, V=V, bounds=np.full(self.outputs, math.inf), age=state.age + 1)
        E, bounds, slopes = state.E.copy(), state.bounds.copy(), state.slopes.copy()
        E[k], bounds[k] = middle, math.inf
        slopes[k] = self._start(middle[None], slopes[:1])[0]
        return replace(state, E=E, bounds=bounds, slopes=slopes, age=state.age + 1)

    def _start(self, E: np.ndarray, like: np.ndarray) -> np.ndarray:
        """A first slope for every generator: half of all rows that count against it."""
        return np.array([np.sum(self._halves(e)[1], axis=0) * 0.5 for e in E]).reshape(-1, like.shape[1])

    def _halves(self, e: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The rows of f_e with their weights, raising and lowering."""
        return split(replace(self.reduced, nu=self.reduced.nu @ e), 1)

    def _bounded(self, pair: _Pair) -> tuple[_Pair, float, np.ndarray | None]:
        """The pair with all its bounds, and the best value of the gain that was met."""
        walls = np.ascontiguousarray(np.linalg.inv(pair.V).T)
        slopes, bounds, losses, edges = (x.copy() for x in (pair.slopes, pair.bounds, pair.losses, pair.edges))
        value, where = 0.0, None
        for k in np.flatnonzero(~np.isfinite(bounds)):
            bounds[k], slopes[k], u, losses[k], edges[k] = self._one_output(pair, int(k), walls)
            size = float(np.linalg.norm(u / self.reduced.dual_scale))
            here = float(np.linalg.norm(np.maximum(self.reduced.rows @ u, 0.0) @ self.reduced.nu)) / max(size, 1e-300)
            if here > value:
                value, where = here, u
        return replace(pair, slopes=slopes, bounds=bounds, losses=losses, edges=edges), value, where

    def _one_output(self, pair: _Pair, k: int, walls: np.ndarray) -> tuple[float, np.ndarray, np.ndarray, float, int]:
        """Bound on f_e for generator k of v over unit u, its slope, the relaxation's maximiser, what is lost there, on which edge."""
        plus, minus = self._halves(pair.E[k])
        size = float(np.linalg.norm(pair.E[k])) * (1 + 1e-9)
        nothing = np.zeros(self.reduced.rank)
        h_plus = np.array([kernel.summed_relu(plus, nothing, v) for v in pair.V])
        slack = size * (self.slack + (pair.age + 1) * self.ageing)
        bound, q, u, alpha, value = kernel.bound_cone(
            pair.V, walls, h_plus, pair.slopes[k], plus, minus, nothing, nothing, self.reduced.dual_scale,
            self.reduced.radius, slack, -math.inf,
        )  # fmt: skip
        a, b = kernel.choose_edge(pair.V, alpha, plus @ pair.V.T)
        return bound, q, u, (bound - max(value, 0.0)) / size, a * self.reduced.rank + b

    def _joint_bound(self, pair: _Pair) -> float:
        """Least |g| with g.e_l >= b_l, proved."""
        if not np.all(np.isfinite(pair.bounds)):
            return math.inf
        k = self.outputs
        walls, ones, zero = np.ascontiguousarray(np.linalg.inv(pair.E).T), np.ones(k), np.zeros(k)
        level = np.maximum(pair.bounds, 0.0) @ walls
        g, _ = kernel.least_majorant(level, zero[None], 1, walls, ones, np.zeros(k + 1))
        return kernel.proved_bound(g, zero, pair.E, walls, np.maximum(pair.bounds, 0.0), 0.0, ones, 1.0)

    def _choose(self, pair: _Pair, excess: float) -> int:
        """The edge of u on which some single output loses most, where that accounts for the excess, else the widest edge of v."""
        rank, worst = self.reduced.rank, int(np.argmax(pair.losses))
        a, b = divmod(int(pair.edges[worst]), rank)
        c, d = kernel.widest_edge(pair.E)
        narrow = _angle(pair.V, *kernel.widest_edge(pair.V)) < _LAGGING * _angle(pair.E, c, d)
        if self.outputs == 1 or (pair.losses[worst] >= _ACCOUNTABLE * excess and not narrow):
            return 0 if a == b else 1 + a * rank + b
        return 1 + rank**2 + c * self.outputs + d


def _angle(generators: np.ndarray, a: int, b: int) -> float:
    """1 - cosine between two generators."""
    lengths = np.linalg.norm(generators, axis=1)
    return 1.0 - float(generators[a] @ generators[b] / (lengths[a] * lengths[b]))
