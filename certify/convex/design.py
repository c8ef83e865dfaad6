"""How predictions depend on the blocks of the convex program, without ever holding the n x KD matrix.

Column (k, j) of the design is s_k D_k z_j: predictions are sum_k s_k D_k Z w_k (docs/theory.md, section 2).
"""

from __future__ import annotations

import numpy as np

from certify.arrays import Bools, Floats
from certify.convex.blocks import Blocks
from certify.linear import matmul
from certify.problem.training import TrainingProblem

_CHUNK = 1 << 22  # entries of the design held at a time


class Design:
    """The linear map from block values w (K, D) to predictions (n,), its transpose, and its Gram matrix."""

    def __init__(self, problem: TrainingProblem, blocks: Blocks, gram: Floats | None = None) -> None:
        self.problem, self.blocks = problem, blocks
        self.gates = (blocks.patterns * blocks.signs[:, None]).T
        self._gram = gram

    @property
    def count(self) -> int:
        """Number K of blocks."""
        return self.blocks.count

    def predictions(self, w: Floats) -> Floats:
        """sum_k s_k D_k Z w_k, shape (n,)."""
        predictions: Floats = np.sum(self.gates * matmul(self.problem.rows, w.T), axis=1)
        return predictions

    def transposed(self, r: Floats) -> Floats:
        """s_k Z' D_k r for every block: (K, D)."""
        return matmul((self.gates * r[:, None]).T, self.problem.rows)

    def gram(self, weights: Floats) -> Floats:
        """A' diag(weights) A for A = [design, 1], shape (KD + 1, KD + 1); kept where the weights never change."""
        if self._gram is None or not self.problem.loss.quadratic:
            self._gram = self._weighted_gram(weights)
        return self._gram

    def _weighted_gram(self, weights: Floats) -> Floats:
        rows, d = self.problem.rows, self.problem.rows.shape[1]
        total = np.zeros((self.count * d + 1, self.count * d + 1))
        step = max(1, _CHUNK // total.shape[0])
        for start in range(0, rows.shape[0], step):
            part = slice(start, start + step)
            a = np.ones((rows[part].shape[0], total.shape[0]))
            a[:, :-1] = (self.gates[part, :, None] * rows[part, None, :]).reshape(a.shape[0], self.count * d)
            total += matmul(a.T, weights[part, None] * a)
        return total

    def keep(self, selected: Bools) -> Design:
        """The design of the selected blocks (mask); what is known of the Gram matrix goes with it."""
        if self._gram is None or not self.problem.loss.quadratic:
            return Design(self.problem, self.blocks.keep(selected))
        entries = np.append(np.repeat(selected, self.problem.rows.shape[1]), True)
        return Design(self.problem, self.blocks.keep(selected), self._gram[np.ix_(entries, entries)])
