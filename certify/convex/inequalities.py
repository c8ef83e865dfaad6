"""Which inequalities of the blocks' cones a solver is told of: those near the solution, and more as they turn out to be violated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import clarabel
import numpy as np

from certify.arrays import Bools, Floats, Indices
from certify.convex.blocks import Blocks
from certify.convex.solution import Active, unit_rows
from certify.gain.question import Limits
from certify.linear import matmul, norm
from certify.problem.training import TrainingProblem

_ALL_INEQUALITIES = 6_000  # below this many, every inequality is stated at once
_NEAR = 0.02  # distance from a wall, relative, within which its inequality is stated at once
_ROUNDS = 12

Entries = tuple[Indices, Indices, Floats]  # rows, columns and values (e,) of a sparse matrix


class Inequalities:
    """(2D - I) Z w_k >= 0 for every block k, of which only those in the mask `stated` (K, n) are given to the solver."""

    def __init__(self, problem: TrainingProblem, blocks: Blocks) -> None:
        self.problem, self.blocks = problem, blocks
        self.unit_rows = unit_rows(problem)
        self.walls = np.where(blocks.patterns, 1.0, -1.0)  # (2D - I)
        self.stated = self._near(blocks.hints)

    def _near(self, w: Floats) -> Bools:
        """Mask (K, n) of the inequalities stated first: those that the hints come near, or all where they are few."""
        if self.blocks.patterns.size <= _ALL_INEQUALITIES:
            return np.ones_like(self.blocks.patterns)
        margins = np.abs(matmul(w, self.unit_rows.T)) / np.maximum(norm(w, axis=1), 1e-300)[:, None]
        least, most = (min(margins.shape[1], times * w.shape[1]) - 1 for times in (4, 32))
        ordered = np.partition(margins, (least, most), axis=1)
        near: Bools = margins <= np.clip(_NEAR, ordered[:, least], ordered[:, most])[:, None]
        return near

    def solved(self, solve: Callable[[], tuple[Floats, float]], limits: Limits) -> tuple[Floats, float]:
        """What solve() returns, w (K, D) and c, called with more and more inequalities stated until w violates none."""
        for _ in range(_ROUNDS):
            w, c = solve()
            sizes = norm(w, axis=1)
            margins = self.walls * matmul(w, self.unit_rows.T)
            violated = (margins < -1e-9 * max(float(sizes.max(initial=0.0)), 1e-300)) & ~self.stated
            if not violated.any() or limits.reached():
                break
            self.stated |= violated
        return w, c

    def rows(self) -> tuple[Entries, int, list[Any]]:
        """Entries of A in A x + s = 0, how many rows it has, and the cones of s: the stated inequalities, then (t_k, w_k) in a
        second-order cone each. The variables are w (K D), a constant, and t (K)."""
        count, d = self.blocks.count, self.unit_rows.shape[1]
        block, row = np.nonzero(self.stated)
        walls = -(self.walls[block, row][:, None] * self.unit_rows[row])
        normed = d - 1 if self.problem.free_hidden_bias else d
        k, j = np.repeat(np.arange(count), normed), np.tile(np.arange(normed), count)
        first = block.size
        places = np.vstack(
            [
                np.column_stack([np.repeat(np.arange(first), d), (block[:, None] * d + np.arange(d)).ravel()]),
                np.column_stack([first + k * (normed + 1) + 1 + j, k * d + j]),
                np.column_stack([first + np.arange(count) * (normed + 1), count * d + 1 + np.arange(count)]),
            ]
        )
        values = np.concatenate([walls.ravel(), np.full(k.size + count, -1.0)])
        cones = [clarabel.NonnegativeConeT(first)] + [clarabel.SecondOrderConeT(normed + 1)] * count
        return (places[:, 0], places[:, 1], values), first + count * (normed + 1), cones

    def active(self, w: Floats, z: Floats) -> Active:
        """Which blocks are not zero and which inequalities are tight, according to the multipliers z of `rows` at block values w (K, D).

        Of a variable and its multiplier one vanishes at the optimum; each is taken relative to what it can be.
        """
        count, d = w.shape
        block, row = np.nonzero(self.stated)
        sizes, duals = self.problem.size(w), z[block.size :].reshape(count, 1 + d - self.problem.free_hidden_bias)
        limit = np.maximum(duals[:, 0], 1e-300)
        slack = 1 - norm(duals[:, 1:], axis=1) / limit
        used = sizes > float(np.max(sizes, initial=0.0)) * slack
        tight = np.zeros_like(self.stated)
        distances = np.abs(np.sum(w[block] * self.unit_rows[row], axis=1)) / np.maximum(norm(w, axis=1), 1e-300)[block]
        tight[block, row] = z[: block.size] / limit[block] > distances
        return Active(used, slack, tight)
