"""The cones of a majorant relaxation, and the linear maps between the matrix Z and their points."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from certify.bounds.majorants_cones import margin
from certify.bounds.majorants_quadratic import best_multipliers
from certify.bounds.majorants_relaxation import Relaxation, Spread, symmetric

_PORTION = 4_000_000  # entries of svec rows that are held at once

Families = list[np.ndarray]  # one array (m, k) of cones a family; see Program


def each(function: Callable, *families: list) -> list:
    """function on corresponding members; empty families pass through."""
    return [function(*members) if len(members[0]) else members[0] for members in zip(*families, strict=True)]


@dataclass(frozen=True, slots=True, eq=False)
class Iterate:
    """Primal Z, roots, tops with cone points s; dual S and lam (of the equalities) with cone duals z."""

    Z: np.ndarray
    roots: np.ndarray
    tops: np.ndarray
    s: Families
    S: np.ndarray
    lam: np.ndarray
    z: Families


class Program:
    """min -<Q0, Z> - g.roots + h.tops  with  A (Z, roots, tops) + b  in the cones, Z psd, Z_11 = 1, trace Z_zz = 1.

    Families of cones, in order: the roots (a'Za + 1, a'Za - 1, 2 root); the lowering spread; the sides' spread; the
    pairs of sides; the bounded head 1 - Z_tt.
    """

    def __init__(self, relaxation: Relaxation) -> None:
        self.relaxation = relaxation
        self.size, self.heads = relaxation.size, relaxation.heads
        self.lower = Spread(relaxation.lowering, self.heads, extra=True)
        self.side = Spread(relaxation.sides, self.heads, extra=False)
        self.first, self.second = np.triu_indices(len(relaxation.sides), 1)
        self.row, self.column = np.tril_indices(self.size)
        self.root_two = np.where(self.row == self.column, 1.0, np.sqrt(2.0))

    def split(self, families: list) -> tuple:
        """(roots, lowering list, sides list, pairs, bounded)."""
        middle = 2 + self.heads
        return families[0], families[1:middle], families[middle:-2], families[-2], families[-1]

    def points(self, Z: np.ndarray, roots: np.ndarray, tops: np.ndarray, constant: float) -> Families:
        """A x + constant b."""
        r = self.relaxation
        squares = np.einsum("ij,ij->i", r.raising @ Z, r.raising)
        cones = np.stack([squares + constant, squares - constant, 2 * roots], axis=1)
        pairs = np.einsum("ij,ij->i", r.sides[self.first] @ Z, r.sides[self.second])[:, None]
        bounded = np.full((self.heads - 1, 1), constant - Z[1, 1])
        return [cones, *self.lower.point(Z, tops), *self.side.point(Z, None), pairs, bounded]

    def adjoint(self, z: Families) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """A'z on Z, on the roots and on the tops."""
        r = self.relaxation
        cones, lower, side, pairs, bounded = self.split(z)
        M = (r.raising.T * (cones[:, 0] + cones[:, 1])) @ r.raising
        M += symmetric(self.lower.multiplier(lower), r.lowering)
        if len(r.sides):
            M += symmetric(self.side.multiplier(side), r.sides)
            M += symmetric(r.sides[self.first] * pairs, r.sides[self.second])
        if len(bounded):
            M[1, 1] -= bounded[0, 0]
        return M, 2 * cones[:, 2], self.lower.tops(lower)

    def diagonal(self, lam: np.ndarray) -> np.ndarray:
        """The equalities' adjoint: diag(lam_1, [0,] lam, ..., lam)."""
        D = np.zeros((self.size, self.size))
        D[0, 0] = lam[0]
        tail = np.arange(self.heads, self.size)
        D[tail, tail] = lam[1]
        return D

    def portions(self, count: int) -> list[slice]:
        """Slices of that many rows, each so few that their svec rows stay within memory."""
        step = max(64, _PORTION // self.row.size)
        return [slice(k, k + step) for k in range(0, count, step)]

    def svec(self, M: np.ndarray) -> np.ndarray:
        """Symmetric matrix to vector, inner products kept."""
        return M[self.row, self.column] * self.root_two

    def smat(self, v: np.ndarray) -> np.ndarray:
        """Inverse of svec."""
        M = np.empty((self.size, self.size))
        M[self.row, self.column] = v / self.root_two
        M[self.column, self.row] = M[self.row, self.column]
        return M

    def outer(self, X: np.ndarray, Y: np.ndarray) -> np.ndarray:
        """Rows svec((x y' + y x') / 2) for rows y of Y and the rows x of X, or one x (N,) for all."""
        i, j = self.row, self.column
        if X is Y:
            return np.take(X, i, axis=-1) * np.take(X, j, axis=-1) * self.root_two
        half = self.root_two / 2
        rows = np.take(Y, j, axis=-1) * (np.take(X, i, axis=-1) * half)
        rows += np.take(Y, i, axis=-1) * (np.take(X, j, axis=-1) * half)
        return rows

    def central_start(self) -> np.ndarray:
        """The Z of the uniform distribution of directions."""
        r = self.size - self.heads
        return np.diag(np.concatenate([[1.0], np.full(self.heads - 1, 0.5), np.full(r, 1 / r)]))

    def start(self, Z: np.ndarray, mu: float) -> Iterate:
        """An interior iterate near the central path of parameter mu at Z (positive definite, equalities met).

        The cones of the sides may be off Z: their points are pushed inside, and the method removes the difference.
        """
        r = self.relaxation
        squares = np.einsum("ij,ij->i", r.raising @ Z, r.raising)
        shift = mu / (2 * r.raising_weight)
        roots = squares / (shift + np.sqrt(shift**2 + squares))
        tails = self.lower.point(Z, np.zeros(len(r.lowering)))
        largest = np.max([np.einsum("ij,ij->i", s[:, 1:], s[:, 1:]) for s in tails], axis=0)
        shift = (self.heads + 1) * mu / (2 * r.lowering_weight)
        tops = shift + np.sqrt(shift**2 + largest)
        s = self.points(Z, roots, tops, 1.0)
        for cones in s[self.heads + 2 :]:
            tail = np.sqrt(np.einsum("ij,ij->i", cones[:, 1:], cones[:, 1:]))
            cones[:, 0] = np.maximum(cones[:, 0], 1.1 * tail + 0.05)
        z = each(lambda x: mu * np.column_stack([x[:, :1], -x[:, 1:]]) / margin(x)[:, None], s)
        lower = slice(1, 2 + self.heads)
        balance = r.lowering_weight / self.lower.tops(z[lower])
        z[lower] = [x * balance[:, None] for x in z[lower]]
        return Iterate(Z, roots, tops, s, *self._dual_slack(z, mu), z)

    def _dual_slack(self, z: Families, mu: float) -> tuple[np.ndarray, np.ndarray]:
        """S positive definite and lam that satisfy the dual equation on Z; raises the bounded head's dual for that."""
        Q = self.relaxation.linear + self.adjoint(z)[0]
        multipliers = best_multipliers(Q, self.heads)
        lam = multipliers[[0, -1]] + 3 * mu * np.array([1.0, self.size - self.heads])
        for k in range(1, self.heads):
            z[-1] = z[-1] + multipliers[k] + 3 * mu
            Q[k, k] -= multipliers[k] + 3 * mu
        return self.diagonal(lam) - Q, lam
