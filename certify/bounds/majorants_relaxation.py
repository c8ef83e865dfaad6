"""The best quadratic majorant of a node, stated as a conic program (docs/theory.md, section 9).

In homogenised coordinates v = (1, [t,] z), with Z standing for v v':

    max  <Q0, Z> + sum g_i sqrt(a_i'Z a_i) - sum h_j max_k |(Z b_j)_k|
    over Z psd, Z_11 = 1, Z_tt <= 1, trace Z_zz = 1
    with |(Z l)_z| <= (Z l)_1,  |(Z l)_t| <= (Z l)_1,  l_i'Z l_j >= 0   for the half-spaces l.v >= 0 of the node

k runs over the blocks of coordinates: the heads 1 and t, and z, measured by its norm.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True, eq=False)
class Relaxation:
    """One node: linear Q0 (N, N), raising a (p, N) with weights g, lowering b (q, N) with weights h, sides l (m, N).

    The rows are scaled to size about 1 and the weights so that everything sums to 1.
    """

    heads: int
    linear: np.ndarray
    raising: np.ndarray
    raising_weight: np.ndarray
    lowering: np.ndarray
    lowering_weight: np.ndarray
    sides: np.ndarray

    @property
    def size(self) -> int:
        """Order N = heads + r of the matrix Z."""
        return self.linear.shape[0]

    def value(self, Z: np.ndarray) -> float:
        """The objective at Z, extras eliminated."""
        roots = np.sqrt(np.maximum(np.einsum("ij,ij->i", self.raising @ Z, self.raising), 0.0))
        lowered = block_norms(self.lowering @ Z, self.heads).max(axis=1, initial=0.0)
        return float(np.sum(self.linear * Z) + self.raising_weight @ roots - self.lowering_weight @ lowered)


def block_norms(x: np.ndarray, heads: int) -> np.ndarray:
    """|x_k| for every head and the norm of the rest (shape (m, heads + 1))."""
    rest = np.sqrt(np.einsum("ij,ij->i", x[:, heads:], x[:, heads:]))
    return np.column_stack([np.abs(x[:, :heads]), rest])


@dataclass(frozen=True, slots=True, eq=False)
class Spread:
    """The cones |block of Z v| <= top for rows v (m, N): top is an extra variable a row, or (Z v)_1.

    Their points are a list of arrays: (m, r + 1) for the block z, then (m, 2) for each of `blocks`.
    """

    rows: np.ndarray
    heads: int
    extra: bool

    @property
    def blocks(self) -> range:
        """The heads that are bounded by the top."""
        return range(0 if self.extra else 1, self.heads)

    def point(self, Z: np.ndarray, top: np.ndarray | None) -> list[np.ndarray]:
        """The cones' points at (a displacement of) Z and of the extra variables."""
        x = self.rows @ Z
        first = x[:, 0] if top is None else top
        tails = [x[:, self.heads :], *(x[:, [k]] for k in self.blocks)]
        return [np.column_stack([first, tail]) for tail in tails]

    def multiplier(self, duals: list[np.ndarray]) -> np.ndarray:
        """Y (m, N) such that sum_j <y_j, Z v_j> is the part of the dual pairing that falls on Z."""
        Y = np.zeros_like(self.rows)
        Y[:, self.heads :] = duals[0][:, 1:]
        for k, dual in zip(self.blocks, duals[1:], strict=True):
            Y[:, k] = dual[:, 1]
        if not self.extra:
            Y[:, 0] = self.tops(duals)
        return Y

    def tops(self, duals: list[np.ndarray]) -> np.ndarray:
        """The part of the pairing that falls on the tops (m,)."""
        return sum(dual[:, 0] for dual in duals)


def symmetric(Y: np.ndarray, V: np.ndarray) -> np.ndarray:
    """sum_j (y_j v_j' + v_j y_j') / 2 for rows of Y and V."""
    M = Y.T @ V
    return (M + M.T) / 2
