"""The cones of a majorant relaxation, and the linear maps between the matrix Z and their points."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from certify.gain.majorants.cones import margin
from certify.gain.majorants.quadratic import best_multipliers
from certify.gain.majorants.relaxation import DirectionCone, Families, Relaxation, symmetric

_PORTION = 4_000_000  # entries of svec rows that are held at once
_PUSH = 0.05  # how far inside the cones of the sides a start begins


def each(function: Callable, *families: list) -> list:
    """function on corresponding members; empty families pass through."""
    return [function(*members) if len(members[0]) else members[0] for members in zip(*families, strict=True)]


@dataclass(frozen=True, slots=True, eq=False)
class Iterate:
    """Primal Z, roots, x with cone points s; dual S and lam (of the equalities) with cone duals z."""

    Z: np.ndarray
    roots: np.ndarray
    x: np.ndarray
    s: Families
    S: np.ndarray
    lam: np.ndarray
    z: Families


class Program:
    """min -<Q0, Z> - g.roots + h.(2 x - Z b)_1  with  A (Z, roots, x) + b  in the cones, Z psd, Z_11 = 1, trace Z_zz = 1.

    Families of cones, in order: the roots (a'Za + 1, a'Za - 1, 2 root); those of K for the points x, then x - Z b, then
    Z l; the bounded head 1 - Z_tt.
    """

    def __init__(self, relaxation: Relaxation) -> None:
        self.relaxation = r = relaxation
        self.size, self.heads = r.size, r.heads
        self.cone = DirectionCone(r.heads, r.sides)
        self.target = np.zeros((len(r.lowering), r.size))
        self.target[:, 0] = 2 * r.lowering_weight
        first = np.zeros(r.size)
        first[0] = 1.0
        self.linear = r.linear + symmetric((r.lowering_weight @ r.lowering)[None], first[None])
        self.row, self.column = np.tril_indices(self.size)
        self.root_two = np.where(self.row == self.column, 1.0, np.sqrt(2.0))

    def points(self, Z: np.ndarray, roots: np.ndarray, x: np.ndarray, constant: float) -> Families:
        """A (Z, roots, x) + constant b."""
        r = self.relaxation
        squares = np.einsum("ij,ij->i", r.raising @ Z, r.raising)
        cones = np.stack([squares + constant, squares - constant, 2 * roots], axis=1)
        bounded = np.full((self.heads - 1, 1), constant - Z[1, 1])
        V = np.concatenate([x, x - r.lowering @ Z, r.sides @ Z])
        return [cones, *self.cone.point(V), bounded]

    def parts(self, D: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """What belongs to x, to x - Z b, and to Z l."""
        q = len(self.relaxation.lowering)
        return D[:q], D[q : 2 * q], D[2 * q :]

    def adjoint(self, z: Families) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """A'z on Z, on the roots and on x."""
        r = self.relaxation
        cones, bounded = z[0], z[-1]
        M = (r.raising.T * (cones[:, 0] + cones[:, 1])) @ r.raising
        one, other, side = self.parts(self.cone.multiplier(z[1:-1]))
        M += symmetric(np.concatenate([-other, side]), np.concatenate([r.lowering, r.sides]))
        if len(bounded):
            M[1, 1] -= bounded[0, 0]
        return M, 2 * cones[:, 2], one + other

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

    def squares(self, rows: np.ndarray) -> np.ndarray:
        """Rows svec(x x') for the rows x (m, N)."""
        return np.take(rows, self.row, axis=1) * np.take(rows, self.column, axis=1) * self.root_two

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
        x = r.lowering @ Z / 2
        shift = (self.heads + 1) * mu / (2 * r.lowering_weight)
        x += (shift + np.sqrt(shift**2 + np.einsum("ij,ij->i", x, x)))[:, None] * Z[0]
        s = self.points(Z, roots, x, 1.0)
        for cones in s[1:-1]:
            tail = np.sqrt(np.einsum("ij,ij->i", cones[:, 1:], cones[:, 1:]))
            cones[:, 0] = np.maximum(cones[:, 0], 1.1 * tail + _PUSH)
        z = each(lambda x: mu * np.column_stack([x[:, :1], -x[:, 1:]]) / margin(x)[:, None], s)
        one, other, _ = self.parts(self.cone.multiplier(z[1:-1]))
        balance = self.target[:, 0] / (one + other)[:, 0]
        balance = np.concatenate([balance, balance, np.ones(len(r.sides))])
        z[1:-1] = [cones * np.repeat(balance, len(cones) // max(len(balance), 1))[:, None] for cones in z[1:-1]]
        return Iterate(Z, roots, x, s, *self._dual_slack(z, mu), z)

    def _dual_slack(self, z: Families, mu: float) -> tuple[np.ndarray, np.ndarray]:
        """S positive definite and lam that satisfy the dual equation on Z; raises the bounded head's dual for that."""
        Q = self.linear + self.adjoint(z)[0]
        multipliers = best_multipliers(Q, self.heads)
        lam = multipliers[[0, -1]] + 3 * mu * np.array([1.0, self.size - self.heads])
        for k in range(1, self.heads):
            z[-1] = z[-1] + multipliers[k] + 3 * mu
            Q[k, k] -= multipliers[k] + 3 * mu
        return self.diagonal(lam) - Q, lam
