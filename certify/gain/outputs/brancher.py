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

from certify import linear
from certify._core.cones_bound import bound_alone
from certify._core.cones_edge import edge_to_split, widest
from certify._core.least import least_majorant
from certify._core.trusted import exact_sum, first_error, middle_factor, mixing_error, proved_bound, split_error
from certify.arrays import Floats, Ints
from certify.gain.ascents import as_violator, split
from certify.gain.cones.brancher import ERROR, GAIN, LENGTH, SLOPE
from certify.gain.cones.fan import start_fan
from certify.gain.question import GainProblem, Violator
from certify.gain.reduction import ReducedGain
from certify.gain.search.queue import Expansion, Part
from certify.gain.search.snapshot import Snapshot
from certify.rounding import gamma, scaled

_ARRAYS = ("V", "E", "numbers", "bounds", "losses", "edges")
_ACCOUNTABLE = 0.5  # of the excess
_LAGGING = 1e-2  # a cone so much narrower than the other is not split further: both have to shrink
_TOLERANCE = 1e-8  # free bias: its weight costs 2^-31


@dataclass(frozen=True, slots=True, eq=False)
class _Pair:
    """A cone of u with generators V (r, r), floats near the exact ones, times one of v with exact generators E (k, k).

    numbers (k, 6, r): for each e, those of a cone for f_e (`cones/brancher.py`), all rows unsettled; bounds (k,): on f_e over unit u
    of the cone, inf where not known; losses (k,): what they exceed the best value met by, and edges (k,): the edge of V that loses
    it, a r + b.
    """

    V: Floats
    E: Floats
    numbers: Floats
    bounds: Floats
    losses: Floats
    edges: Ints


class OutputBrancher:
    """Bounds and splits pairs of cones; the shared search does the rest (`search.py`)."""

    name = "cones"

    def __init__(self, problem: GainProblem, reduced: ReducedGain) -> None:
        self.problem, self.reduced = problem, reduced
        self.stop: Callable[[], bool] = lambda: False
        self.outputs = int(reduced.nu.shape[1])
        self.node_work = self.outputs * (3e-4 + 4e-9 * reduced.nu.shape[0] * reduced.rank)
        self.least_tolerance = _TOLERANCE if problem.free_bias else 0.0
        lengths = linear.norm(reduced.nu, axis=1) * linear.norm(reduced.rows, axis=1)
        self.mass = float(np.sum(lengths)) * (1 + 1e-9)
        self.mixing = mixing_error(2 * reduced.rank + 8)
        # as for one output, and what rounding nu e costs
        self.error = first_error(reduced.nu.shape[0], reduced.rank, self.mixing) + gamma(self.outputs + 2) * (1 + 1e-9)

    def roots(self) -> list[Part]:
        """Every start cone of u with every one of v."""
        cones = [V for V, _ in start_fan(self.reduced.rows).cones()]
        outer = [E for E, _ in start_fan(np.eye(self.outputs)).cones()]
        share = 1.0 / (len(cones) * len(outer))
        unknown, none = np.full(self.outputs, math.inf), np.zeros(self.outputs, dtype=np.int64)
        errors = np.full(self.reduced.rank, self.error)
        pairs = [_Pair(V, E, self._numbers(V, E, errors), unknown, unknown, none) for V in cones for E in outer]
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
        halves = self._split(bounded, code) if code else None
        if halves is None:
            return Expansion([], leaf, bound, 1, value, where)
        parts = [Part(bound, part.share / 2, half) for half in halves]
        return Expansion(parts, np.array([code], dtype=np.uint16), 0.0, 1, value, where)

    def children(self, state: _Pair, split: int) -> tuple[_Pair, _Pair]:
        """Both halves. Raises ValueError for a split that no search makes: one whose middle is not a float."""
        halves = self._split(state, split)
        if halves is None:
            raise ValueError(f"split {split} has no middle")
        return halves

    def _split(self, state: _Pair, split: int) -> tuple[_Pair, _Pair] | None:
        """Both halves; None where there is no middle."""
        rank, k = self.reduced.rank, self.outputs
        of_u = split <= rank * rank
        a, b = divmod(split - 1 if of_u else split - 1 - rank * rank, rank if of_u else k)
        generators = state.V if of_u else state.E
        factor = (middle_factor if of_u else exact_sum)(generators[a], generators[b])
        if factor == 0.0:
            return None
        half = self._with_middle_of_u if of_u else self._with_middle_of_v
        return half(state, b, a, factor), half(state, a, b, factor)

    def hints(self, state: _Pair, level: float) -> Floats | None:
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
        return self.reduced.reduced_threshold(threshold) + 16 * self.error * self.mass

    def own_value(self, gain: float) -> float:
        """The gain in the units of the reduced problem."""
        return scaled(gain, -self.reduced.exponent)

    def snapshot(self, state: _Pair) -> Snapshot:
        """The pair's arrays."""
        return {name: getattr(state, name) for name in _ARRAYS}

    def restore(self, arrays: Snapshot) -> _Pair:
        """The pair of those arrays."""
        return _Pair(*(np.ascontiguousarray(arrays[name]) for name in _ARRAYS))

    def _with_middle_of_u(self, state: _Pair, gone: int, stays: int, factor: float) -> _Pair:
        """The pair with v_gone replaced by the middle of an edge."""
        V, numbers = state.V.copy(), state.numbers.copy()
        V[gone] = factor * (state.V[gone] + state.V[stays])
        length = math.sqrt(np.sum(V[gone] ** 2))
        for own in numbers:
            own[SLOPE, gone] = factor * (own[SLOPE, gone] + own[SLOPE, stays])
            own[ERROR, gone] = split_error(
                factor, own[ERROR, gone], own[LENGTH, gone], own[ERROR, stays], own[LENGTH, stays], length
            )
            own[LENGTH, gone] = length
        return replace(state, V=V, numbers=numbers, bounds=np.full(self.outputs, math.inf))

    def _with_middle_of_v(self, state: _Pair, gone: int, stays: int, factor: float) -> _Pair:
        """The pair with e_gone replaced by the middle of an edge; the other bounds still hold."""
        E, bounds, numbers = state.E.copy(), state.bounds.copy(), state.numbers.copy()
        E[gone], bounds[gone] = factor * (state.E[gone] + state.E[stays]), math.inf
        numbers[gone] = self._numbers(state.V, E[gone : gone + 1], state.numbers[gone, ERROR])[0]
        return replace(state, E=E, bounds=bounds, numbers=numbers)

    def _numbers(self, V: Floats, E: Floats, errors: Floats) -> Floats:
        """Numbers (., 6, r) for the f_e of each generator of v; a first slope is half of all rows that count against it."""
        numbers = np.zeros((len(E), 6, self.reduced.rank))
        numbers[:, LENGTH], numbers[:, ERROR] = np.sqrt(np.sum(V**2, axis=1)), errors
        for own, e in zip(numbers, E, strict=True):
            own[SLOPE] = 0.5 * linear.matmul(V, np.sum(self._halves(e)[1], axis=0))
        return numbers

    def _halves(self, e: Floats) -> tuple[Floats, Floats]:
        """The rows of f_e with their weights, raising and lowering."""
        return split(replace(self.reduced, nu=linear.matmul(self.reduced.nu, e)), 1)

    def _bounded(self, pair: _Pair) -> tuple[_Pair, float, Floats | None]:
        """The pair with all its bounds, and the best value of the gain that was met."""
        walls = np.ascontiguousarray(linear.inverse(pair.V).T)
        numbers, bounds, losses, edges = pair.numbers.copy(), pair.bounds.copy(), pair.losses.copy(), pair.edges.copy()
        value, where = 0.0, None
        for k in np.flatnonzero(~np.isfinite(bounds)):
            bounds[k], u, losses[k], edges[k] = self._one_output(pair.V, walls, pair.E[k], numbers[k])
            size = linear.norm(u / self.reduced.dual_scale)
            gains = linear.matmul(np.maximum(linear.matmul(self.reduced.rows, u), 0.0), self.reduced.nu)
            here = linear.norm(gains) / max(size, 1e-300)
            if here > value:
                value, where = here, u
        return replace(pair, numbers=numbers, bounds=bounds, losses=losses, edges=edges), value, where

    def _one_output(self, V: Floats, walls: Floats, e: Floats, own: Floats) -> tuple[float, Floats, float, int]:
        """Bound on f_e over unit u, the relaxation's maximiser, what is lost there, on which edge. own (6, r): updated."""
        plus, minus = self._halves(e)
        size = linear.norm(e) * (1 + 1e-9)
        own[GAIN] = [np.sum(np.maximum(linear.matmul(plus, v), 0.0)) for v in V]
        bound, own[SLOPE], alpha, value = bound_alone(
            V, walls, own, plus, minus, self.reduced.dual_scale, self.reduced.radius, size * self.mass, -math.inf
        )
        own[ERROR] += self.mixing
        a, b = edge_to_split(V, alpha, plus)
        return bound, linear.matmul(alpha, V), (bound - max(value, 0.0)) / size, a * self.reduced.rank + b

    def _joint_bound(self, pair: _Pair) -> float:
        """Least |g| with g.e_l >= b_l, proved."""
        if not np.all(np.isfinite(pair.bounds)):
            return math.inf
        k = self.outputs
        walls, ones, zero = np.ascontiguousarray(linear.inverse(pair.E).T), np.ones(k), np.zeros(k)
        levels, lengths = np.maximum(pair.bounds, 0.0), np.sqrt(np.sum(pair.E**2, axis=1))
        g, _ = least_majorant(linear.matmul(levels, walls), zero[None], 1, walls, ones, np.zeros(k + 1))
        return proved_bound(g, pair.E, walls, lengths, levels, zero, zero, 0.0, ones, 1.0)

    def _choose(self, pair: _Pair, excess: float) -> int:
        """The edge of u on which some single output loses most, where that accounts for the excess, else the widest edge of v."""
        rank, worst = self.reduced.rank, int(np.argmax(pair.losses))
        a, b = divmod(int(pair.edges[worst]), rank)
        c, d = widest(pair.E)
        narrow = _angle(pair.V, *widest(pair.V)) < _LAGGING * _angle(pair.E, c, d)
        if self.outputs == 1 or (pair.losses[worst] >= _ACCOUNTABLE * excess and not narrow):
            return 0 if a == b else 1 + a * rank + b
        return 1 + rank * rank + c * self.outputs + d


def _angle(generators: Floats, a: int, b: int) -> float:
    """1 - cosine between two generators."""
    lengths = linear.norm(generators, axis=1)
    return 1.0 - linear.inner(generators[a], generators[b]) / float(lengths[a] * lengths[b])
