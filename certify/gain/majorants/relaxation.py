"""The best quadratic majorant of a node, stated as a conic program (docs/theory.md, section 9).

In homogenised coordinates v = (1, [t,] z), with Z standing for v v':

    max  <Q0, Z> + sum g_i sqrt(a_i'Z a_i) - sum h_j (2 x_j - Z b_j)_1
    over Z psd, Z_11 = 1, Z_tt <= 1, trace Z_zz = 1, and x_j that stand for (b_j.v)_+ v
    with x_j, x_j - Z b_j and Z l in K for the half-spaces l.v >= 0 of the node, K the cone over its directions:
    K = { x : |x_z| <= x_1, |x_t| <= x_1, l.x >= 0 for all l }
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from certify.gain.majorants.cones import Scaling

Families = list[np.ndarray]  # one array (m, k) of cones a family


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

    def value(self, Z: np.ndarray, x: np.ndarray) -> float:
        """The objective at Z and x (q, N)."""
        roots = np.sqrt(np.maximum(np.einsum("ij,ij->i", self.raising @ Z, self.raising), 0.0))
        lowered = 2 * x[:, 0] - self.lowering @ Z[0]
        return float(np.sum(self.linear * Z) + self.raising_weight @ roots - self.lowering_weight @ lowered)


@dataclass(frozen=True, slots=True, eq=False)
class DirectionCone:
    """K, for many points V (m, N) at once, as families of second-order cones: z against the head, t, the sides."""

    heads: int
    sides: np.ndarray

    def point(self, V: np.ndarray) -> Families:
        """The cones' points at V: (m, r + 1), then (m, 2) for t, then (m sides, 1)."""
        tails = [V[:, self.heads :], *(V[:, [k]] for k in range(1, self.heads))]
        return [*(np.column_stack([V[:, 0], tail]) for tail in tails), (V @ self.sides.T).reshape(-1, 1)]

    def multiplier(self, duals: Families) -> np.ndarray:
        """D (m, N) such that sum_i <D_i, V_i> is the dual pairing."""
        D = self.tilts(duals) @ self.sides
        D[:, self.heads :] += duals[0][:, 1:]
        for k, dual in enumerate(duals[:-1]):
            D[:, 0] += dual[:, 0]
            if k:
                D[:, k] += dual[:, 1]
        return D

    def tilts(self, duals: Families) -> np.ndarray:
        """The duals (m, sides) of l.V >= 0."""
        return duals[-1].reshape(len(duals[0]), len(self.sides))

    def hessian(self, scalings: list[Scaling]) -> np.ndarray:
        """A'W^-2 A (m, N, N) for the map A from V to its cones; W^-2 = (2 w w' + diag(-1, I)) / eta^2, w = (w0, -w1)."""
        main, size, heads = scalings[0], self.sides.shape[1], self.heads
        m = len(main.w)
        weights = (scalings[-1].eta ** -2).reshape(m, len(self.sides))
        out = (weights @ (self.sides[:, :, None] * self.sides[:, None, :]).reshape(-1, size * size)).reshape(
            m, size, size
        )
        for k, scale in enumerate(scalings[:-1]):
            w = np.zeros((m, size))
            own = slice(heads, None) if k == 0 else slice(k, k + 1)
            w[:, 0], w[:, own] = scale.w[:, 0], -scale.w[:, 1:]
            inverse = scale.eta**-2
            out += (2 * inverse[:, None] * w)[:, :, None] * w[:, None, :]
            out[:, 0, 0] -= inverse
            tail = np.arange(size)[own]
            out[:, tail, tail] += inverse[:, None]
        return out


def block_norms(x: np.ndarray, heads: int) -> np.ndarray:
    """|x_k| for every head and the norm of the rest (shape (m, heads + 1))."""
    rest = np.sqrt(np.einsum("ij,ij->i", x[:, heads:], x[:, heads:]))
    return np.column_stack([np.abs(x[:, :heads]), rest])


def symmetric(Y: np.ndarray, V: np.ndarray) -> np.ndarray:
    """sum_j (y_j v_j' + v_j y_j') / 2 for rows of Y and V."""
    M = Y.T @ V
    return (M + M.T) / 2
