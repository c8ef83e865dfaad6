"""Engine C: cones, bounded and split (docs/theory.md, section 9.3); the shared search does the rest (`search.py`).

A cone keeps the lists of the rows that may change sign on it, so that nothing is ever asked of all rows again; where a list would
be longer than the cone's share of what is kept in all, it is dropped, and all rows are sifted anew when the cone's turn comes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from certify import linear
from certify._core.cones_search import explore
from certify._core.trusted import first_error, middle_factor, mixing_error
from certify.arrays import Floats, Ints
from certify.gain.ascents import as_violator
from certify.gain.cones.fan import Fan, start_fan
from certify.gain.cones.hints import ConeHints, Half, half_of, prove_leaf
from certify.gain.question import GainProblem, Violator
from certify.gain.reduction import ReducedGain
from certify.gain.search.queue import Expansion, Part
from certify.gain.search.snapshot import Snapshot
from certify.rounding import scaled

_ATTAINABLE = 16.0
_FREE_BIAS_TOLERANCE = 1e-8
_KEPT_ROWS = 50_000_000  # indices in lists, in all: 200 MB
_ROUND_PARTS = 8
_ROUND_SECONDS = 0.05
_LEAST_NODES = 4

LENGTH, GAIN, PLUS_BASE, MINUS_BASE, SLOPE, ERROR = range(6)  # the rows of a cone's numbers


@dataclass(frozen=True, slots=True, eq=False)
class ConeState:
    """A cone with generators V (r, r) for one sign of nu; walls (r, r): walls_k . v_j is 1 if j = k else 0.

    The generators are those that the splits above make, exactly; V are their floats. numbers (6, r): values at them, see
    `_core/cones_bound.py`, the errors counting what the floats are off; None: not evaluated yet (a start cone, whose floats are
    exact). plus, minus: indices of the rows that may change sign on it; None: all rows, and no settled sums in the numbers.
    """

    sign: int
    V: Floats
    walls: Floats
    numbers: Floats | None = None
    plus: NDArray[np.int32] | None = None
    minus: NDArray[np.int32] | None = None


class ConeBrancher:
    """Bounds and splits cones; a bound is in the units of the reduced problem. problem.nu has one column of outputs."""

    name = "cones"

    def __init__(
        self, problem: GainProblem, reduced: ReducedGain, signs: tuple[int, ...] = (1, -1), kept_rows: int = _KEPT_ROWS
    ) -> None:
        self.problem, self.reduced, self.signs, self.kept_rows = problem, reduced, signs, kept_rows
        self.stop: Callable[[], bool] = lambda: False
        # the weight of a free bias costs 2^-31 relative: asking for much less than ten times that would not end
        self.least_tolerance = _FREE_BIAS_TOLERANCE if problem.free_bias else 0.0
        samples, rank = reduced.nu.size, reduced.rank
        self.node_work = 1e-6 + 4e-7 * rank + 3.5e-10 * samples * rank
        self.halves: dict[int, Half] = {sign: half_of(reduced, sign) for sign in (1, -1)}
        self.fans = {
            sign: start_fan(np.vstack([h.plus, h.minus])) if h.plus.size else None for sign, h in self.halves.items()
        }
        self.mixing = mixing_error(2 * rank + 8)
        self.error = first_error(samples, rank, self.mixing)

    def fan(self, sign: int) -> Fan | None:
        """The start cones for one sign of nu; None where nothing is to be gained."""
        return self.fans[sign]

    def roots(self) -> list[Part]:
        """The start cones of both signs."""
        states = [state for sign in self.signs for state in self._start(sign)]
        return [Part(math.inf, 1.0 / len(states), state) for state in states]

    def round_size(self, nodes: int) -> tuple[int, int]:
        """Few nodes at first, so that a search that ends soon spends few; then so many that limits are still seen in time."""
        most = 64 if nodes < 500 else 512 if nodes < 10_000 else 4096
        in_time = _ROUND_SECONDS / (_ROUND_PARTS * self.node_work)
        return _ROUND_PARTS, int(max(_LEAST_NODES, min(most, in_time)))

    def expand(self, part: Part, threshold: float, best: float, budget: int) -> Expansion:
        """Depth-first search below the cone, at most `budget` nodes."""
        if self.stop():
            return Expansion([part], np.empty(0, np.uint16), 0.0, 0)
        state, numbers = self._evaluated(part.state)
        half, reduced = self.halves[state.sign], self.reduced
        plus = half.all_plus if state.plus is None else state.plus
        minus = half.all_minus if state.minus is None else state.minus
        cones, walls, numbers, bounds, plus_lists, minus_lists, code, closed, found, where = explore(
            state.V, state.walls, numbers, part.bound, plus, minus, half.plus, half.minus, half.plus_lengths,
            half.minus_lengths, reduced.dual_scale, reduced.radius, half.mass, self.mixing, threshold, best, budget,
        )  # fmt: skip
        shares = part.share * 2.0 ** -open_depths(code, len(bounds))
        states = [
            self._open(ConeState(state.sign, v.copy(), w.copy(), own.copy(), raising, lowering), float(share))
            for v, w, own, raising, lowering, share in zip(
                cones, walls, numbers, _cut(*plus_lists), _cut(*minus_lists), shares, strict=True
            )
        ]
        parts = [Part(float(b), float(s), child) for b, s, child in zip(bounds, shares, states, strict=True)]
        met = where if np.any(where) else None
        return Expansion(parts, code, closed, code.size, found, met, state.sign)

    def children(self, state: ConeState, split: int) -> tuple[ConeState, ConeState]:
        """Both halves: v_b replaced by the middle of the edge (v_a, v_b), and v_a, for split = 1 + a r + b."""
        a, b = divmod(split - 1, self.reduced.rank)
        factor = middle_factor(state.V[a], state.V[b])
        return self._child(state, b, a, factor), self._child(state, a, b, factor)

    def hints(self, state: ConeState, level: float) -> ConeHints | None:
        """A proof of f <= level on the cone, made afresh; None where there is none to be had."""
        return prove_leaf(self.halves[state.sign], self.reduced, state.V, state.walls, level)

    def leaf_hints(self, V: Floats, sign: int, level: float) -> ConeHints | None:
        """`hints` for generators V (r, r) alone."""
        return prove_leaf(self.halves[sign], self.reduced, V, np.ascontiguousarray(linear.inverse(V).T), level)

    def found(self, expansion: Expansion) -> Violator | None:
        """The direction met, in the original coordinates."""
        return None if expansion.where is None else as_violator(self.problem, self.reduced.lift(expansion.where))

    def original_bound(self, bound: float) -> float:
        """What a bound on the reduced gain proves."""
        return self.reduced.original_bound(bound)

    def own_bound(self, threshold: float) -> float:
        """What the reduced gain may reach to prove the threshold; no less than rounding can tell from 0."""
        floor = _ATTAINABLE * self.error * max(half.mass for half in self.halves.values())
        return self.reduced.reduced_threshold(threshold) + floor

    def own_value(self, gain: float) -> float:
        """The gain in the units of the reduced problem."""
        return scaled(gain, -self.reduced.exponent)

    def snapshot(self, state: ConeState) -> Snapshot:
        """The cone's arrays, without the lists."""
        state, numbers = self._evaluated(state)
        numbers = unsettled(numbers)
        return {"sign": np.array([state.sign]), "V": state.V, "walls": state.walls, "numbers": numbers}

    def restore(self, arrays: Snapshot) -> ConeState:
        """The cone of those arrays; all rows are sifted when its turn comes."""
        V, walls, numbers = (np.ascontiguousarray(arrays[name]) for name in ("V", "walls", "numbers"))
        return ConeState(int(arrays["sign"][0]), V, walls, numbers)

    def _start(self, sign: int) -> Iterator[ConeState]:
        fan = self.fans[sign]
        for V, walls in fan.cones() if fan is not None else ():
            yield ConeState(sign, V, walls)

    def _evaluated(self, state: ConeState) -> tuple[ConeState, Floats]:
        """The state and its numbers, from all rows where it has none; the slope is then half of all that counts against."""
        if state.numbers is not None:
            return state, state.numbers
        half, numbers = self.halves[state.sign], np.zeros((6, self.reduced.rank))
        numbers[LENGTH] = np.sqrt(np.sum(state.V**2, axis=1))
        numbers[GAIN] = [np.sum(np.maximum(linear.matmul(half.plus, v), 0.0)) for v in state.V]
        numbers[SLOPE] = 0.5 * linear.matmul(state.V, np.sum(half.minus, axis=0))
        numbers[ERROR] = self.error
        return replace(state, numbers=numbers), numbers

    def _open(self, state: ConeState, share: float) -> ConeState:
        """The state, its lists dropped where they are longer than its share of what is kept allows."""
        small = 4 * self.reduced.rank**2 + 64  # no longer than the cone itself
        if state.plus is None or state.minus is None or state.numbers is None:
            return state
        if state.plus.size + state.minus.size <= max(small, self.kept_rows * share):
            return state
        return replace(state, numbers=unsettled(state.numbers), plus=None, minus=None)

    def _child(self, state: ConeState, gone: int, stays: int, factor: float) -> ConeState:
        V, walls = state.V.copy(), state.walls.copy()
        V[gone] = factor * (state.V[gone] + state.V[stays])
        walls[gone] /= factor
        walls[stays] -= state.walls[gone]
        return ConeState(state.sign, V, walls)


def unsettled(numbers: Floats) -> Floats:
    """The numbers of the same cone with all rows to be sifted anew."""
    numbers = numbers.copy()
    numbers[[PLUS_BASE, MINUS_BASE]] = 0.0
    return numbers


def open_depths(code: NDArray[np.uint16], count: int) -> Floats:
    """How many splits lie above each of the `count` open parts that fill the places left by a record in preorder."""
    pending = [0]
    for split in code.tolist():
        depth = pending.pop()
        if split:
            pending += [depth + 1, depth + 1]
    return np.array(pending[::-1][:count], dtype=float)


def _cut(cuts: Ints, listed: NDArray[np.int32]) -> Iterator[NDArray[np.int32]]:
    """The single lists of several in one."""
    return (listed[first:last].copy() for first, last in pairwise(cuts))
