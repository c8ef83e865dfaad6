"""Engine C for k outputs: cones of directions u times cones of output directions v (docs/theory.md, section 9.7).

    |nu' (Z u)_+| = max over unit v in R^k of f_v(u),   f_v(u) = (nu v) . (Z u)_+

For v = sum gamma_l e_l, gamma >= 0, in a simplicial cone, f_v(u) = sum gamma_l f_{e_l}(u) <= sum gamma_l b_l, where b_l bounds
f_{e_l} on the cone of u, one output each: so f_v(u) <= |g| for every g with g.e_l >= b_l. It is the inequality of the cones of
u once more, in R^k, and the same code evaluates it (`_core/outputs.py`); the shared search does the rest.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from certify import linear
from certify._core.outputs import Pairs
from certify._core.trusted import first_error, mixing_error
from certify.arrays import Floats
from certify.gain.ascents import as_violator
from certify.gain.cones.brancher import open_depths
from certify.gain.cones.fan import start_fan
from certify.gain.question import GainProblem, Violator
from certify.gain.reduction import ReducedGain
from certify.gain.search.queue import Expansion, Part
from certify.gain.search.snapshot import Snapshot
from certify.rounding import gamma, scaled

_TOLERANCE = 1e-8  # free bias: its weight costs 2^-31
_ROUND_PARTS = 8
_ROUND_SECONDS = 0.05
_LEAST_NODES = 4


class OutputBrancher:
    """Bounds and splits pairs of cones. A state is a pair's numbers (.,), whose order `_core/pairs.py` knows."""

    name = "cones"

    def __init__(self, problem: GainProblem, reduced: ReducedGain) -> None:
        self.problem, self.reduced = problem, reduced
        self.stop: Callable[[], bool] = lambda: False
        self.outputs = int(reduced.nu.shape[1])
        self.node_work = self.outputs * (5.5e-6 + 5e-9 * reduced.nu.shape[0] * reduced.rank)
        self.least_tolerance = _TOLERANCE if problem.free_bias else 0.0
        self.rows, self.nu = np.ascontiguousarray(reduced.rows), np.ascontiguousarray(reduced.nu)
        lengths = linear.norm(reduced.nu, axis=1) * linear.norm(reduced.rows, axis=1)
        self.mass = float(np.sum(lengths)) * (1 + 1e-9)
        self.mixing = mixing_error(2 * reduced.rank + 8)
        # as for one output, and what rounding nu e costs
        self.error = first_error(reduced.nu.shape[0], reduced.rank, self.mixing) + gamma(self.outputs + 2) * (1 + 1e-9)

    def roots(self) -> list[Part]:
        """Every start cone of u with every one of v."""
        cones = [V for V, _ in start_fan(self.reduced.rows).cones()]
        outer = [E for E, _ in start_fan(np.eye(self.outputs)).cones()]
        share, work = 1.0 / (len(cones) * len(outer)), self._work()
        return [Part(math.inf, share, work.start(V, E, self.error)) for V in cones for E in outer]

    def round_size(self, nodes: int) -> tuple[int, int]:
        """Few nodes at first, so that a search that ends soon spends few; then so many that limits are still seen in time."""
        most = 8 if nodes < 500 else 64 if nodes < 5_000 else 512
        in_time = _ROUND_SECONDS / (_ROUND_PARTS * self.node_work)
        return _ROUND_PARTS, int(max(_LEAST_NODES, min(most, in_time)))

    def expand(self, part: Part, threshold: float, best: float, budget: int) -> Expansion:
        """Depth-first search below the pair, at most `budget` nodes."""
        if self.stop():
            return Expansion([part], np.empty(0, np.uint16), 0.0, 0)
        pairs, bounds, code, closed, found, where = self._work().explore(
            self._state(part.state), part.bound, threshold, best, budget
        )
        shares = part.share * 2.0 ** -open_depths(code, len(bounds))
        parts = [Part(float(b), float(s), pair.copy()) for b, s, pair in zip(bounds, shares, pairs, strict=True)]
        return Expansion(parts, code, closed, code.size, found, where if np.any(where) else None)

    def children(self, state: object, split: int) -> tuple[Floats, Floats]:
        """Both halves. Raises ValueError for a split that no search makes: one whose middle is not a float."""
        halves = self._work().children(self._state(state), split)
        if halves is None:
            raise ValueError(f"split {split} has no middle")
        return halves

    def cones(self, state: object) -> tuple[Floats, Floats]:
        """The generators of u (r, r) and of v (k, k)."""
        pair, rank, k = self._state(state), self.reduced.rank, self.outputs
        V, E, _ = np.split(pair, [rank * rank, rank * rank + k * k])
        return V.reshape(rank, rank), E.reshape(k, k)

    def hints(self, state: object, level: float) -> Floats | None:
        """The bounds (k,) on the generators of v, where they prove the level."""
        bound, bounds = self._work().bounded(self._state(state))
        return bounds if bound <= level else None

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

    def snapshot(self, state: object) -> Snapshot:
        """The pair's numbers."""
        return {"pair": self._state(state)}

    def restore(self, arrays: Snapshot) -> Floats:
        """The pair of those numbers."""
        return np.ascontiguousarray(arrays["pair"])

    def _work(self) -> Pairs:
        """Work space of one call: several threads call at once."""
        return Pairs(self.rows, self.nu, self.reduced.dual_scale, self.reduced.radius, self.mass, self.mixing)

    @staticmethod
    def _state(state: object) -> Floats:
        assert isinstance(state, np.ndarray)
        return state
