"""The Newton system of the majorant relaxation: every cone eliminated into the N(N+1)/2 entries of Z.

In the basis T of the Nesterov-Todd scaling (dZ = T dY T') the semidefinite cone is the identity and a root a row of rank
one. The points x_j are eliminated one by one: what they leave of their cones, and the cones of the sides, are quadratic
forms in vectors Z v, all of them together one product of two matrices.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.linalg.blas import dsyrk
from scipy.linalg.lapack import dpotrf, dpotrs

from certify.gain.majorants.cones import Scaling, scaling
from certify.gain.majorants.program import Iterate, Program, each
from certify.gain.majorants.relaxation import symmetric


def scaling_basis(Z: np.ndarray, S: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """T and the spectrum with T^-1 Z T^-T = T'S T = diag(spectrum)."""
    lower, upper = np.linalg.cholesky(Z), np.linalg.cholesky(S)
    _, spectrum, right = np.linalg.svd(upper.T @ lower)
    return lower @ (right.T / np.sqrt(spectrum)), spectrum


class NewtonSystem:
    """The factorised system at one iterate; raises LinAlgError where it is not positive definite."""

    def __init__(self, program: Program, at: Iterate) -> None:
        self.program = program
        scalings = [scaling(s, z) if len(s) else Scaling(s, s[:, 0], s) for s, z in zip(at.s, at.z, strict=True)]
        self.scalings = scalings
        self.roots = _root_forms(scalings[0])
        first, second, self.of_sides = program.parts(program.cone.hessian(scalings[1:-1]))
        self.second = second
        self.inverse = np.linalg.inv(first + second)
        self.left = first @ self.inverse @ second
        self.bounded = scalings[-1]
        self.T, self.spectrum = scaling_basis(at.Z, at.S)
        self.T_inverse = np.linalg.inv(self.T)
        self.factor, info = dpotrf(self._matrix(), lower=1, overwrite_a=1)
        if info:
            raise np.linalg.LinAlgError("the Newton system is not positive definite")
        size, heads = program.size, program.heads
        head, tail = np.zeros((size, size)), np.zeros((size, size))
        head[0, 0] = 1.0
        tail[np.arange(heads, size), np.arange(heads, size)] = 1.0
        self.normals = np.column_stack([program.svec(self.T.T @ M @ self.T) for M in (head, tail)])
        self.solved, _ = dpotrs(self.factor, self.normals, lower=1)

    def each(self, method: str, family: list) -> list:
        """Apply a method of the scalings to every family."""
        return each(lambda x, scale: getattr(scale, method)(x), family, self.scalings)

    def solve(self, on_Z: np.ndarray, scaled: np.ndarray, roots: np.ndarray, x: np.ndarray) -> tuple:
        """dY, dZ, droots, dx, dlam of  H d + equalities' adjoint (dlam) = rhs  with no change of the equalities.

        The right-hand side on Z comes in two parts: on_Z, and `scaled`, already in the basis T.
        """
        program, r = self.program, self.program.relaxation
        _, qp, pp = self.roots
        pulled = _times(self.second, _times(self.inverse, x))
        reduced = on_Z - (r.raising.T * (qp * roots / pp)) @ r.raising + symmetric(pulled, r.lowering)
        v, _ = dpotrs(self.factor, program.svec(self.T.T @ reduced @ self.T + scaled), lower=1)
        dlam = np.linalg.solve(self.normals.T @ self.solved, self.normals.T @ v)
        dY = program.smat(v - self.solved @ dlam)
        dZ = self.T @ dY @ self.T.T
        dZ = (dZ + dZ.T) / 2
        droots = (roots - qp * np.einsum("ij,ij->i", r.raising @ dZ, r.raising)) / pp
        dx = _times(self.inverse, x + _times(self.second, r.lowering @ dZ))
        return dY, dZ, droots, dx, dlam

    def _matrix(self) -> np.ndarray:
        """The lower triangle of the reduced Hessian, in Fortran order."""
        program, T, r = self.program, self.T, self.program.relaxation
        qq, qp, pp = self.roots
        forms = T.T @ np.concatenate([(self.left + self.left.transpose(0, 2, 1)) / 2, self.of_sides]) @ T
        H = self._of_vectors(forms, np.concatenate([r.lowering, r.sides]) @ T)
        H[np.diag_indices(len(H))] += 1.0
        H = H.T
        raising, weights = r.raising @ T, qq - qp * qp / pp
        for part in program.portions(len(raising)):
            _add_weighted(H, program.squares(raising[part]), weights[part])
        if program.heads == 2:
            _add_weighted(H, program.squares(T[1:2]), self.bounded.eta**-2)
        return H

    def _of_vectors(self, forms: np.ndarray, V: np.ndarray) -> np.ndarray:
        """The form sum_i (Y v_i)'F_i (Y v_i) in svec coordinates."""
        i, j, w = self.program.row, self.program.column, self.program.root_two
        first, second = _crossings(self.program.size)
        M = forms[:, i, j].T @ (V[:, i] * V[:, j])
        M = (M + M.T).ravel()
        H = np.take(M, first) + np.take(M, second)
        H *= w[:, None] * (w / 4)
        return H


@lru_cache(maxsize=4)
def _crossings(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Where M[(a, b), (k, l)] and M[(k, b), (a, l)] lie, for svec entries (a, k) and (b, l) (flat, (., .))."""
    i, j = np.tril_indices(size)
    order = np.zeros((size, size), dtype=np.int64)
    order[i, j] = order[j, i] = np.arange(len(i))
    a, k, b, l = i[:, None], j[:, None], i, j
    return order[a, b] * len(i) + order[k, l], order[k, b] * len(i) + order[a, l]


def _times(forms: np.ndarray, x: np.ndarray) -> np.ndarray:
    """F_j x_j for every j."""
    return np.einsum("jab,jb->ja", forms, x)


def _add_weighted(H: np.ndarray, rows: np.ndarray, weights: np.ndarray) -> None:
    """H += sum_i weight_i row_i row_i', in the lower triangle of H (Fortran order), in place."""
    scaled = rows * np.sqrt(np.abs(weights))[:, None]
    negative = weights < 0
    for sign, part in ((1.0, scaled[~negative]), (-1.0, scaled[negative])):
        if len(part):
            dsyrk(sign, part.T, beta=1.0, c=H, lower=1, overwrite_c=1)


def _root_forms(scale: Scaling) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Coefficients qq, qp, pp of the quadratic form in (da'Za, droot) of the cones (a'Za + 1, a'Za - 1, 2 root)."""
    if not len(scale.w):
        return scale.eta, scale.eta, scale.eta
    inverse = scale.eta**-2
    difference, last = scale.w[:, 0] - scale.w[:, 1], scale.w[:, 2]
    return 2 * difference**2 * inverse, -4 * difference * last * inverse, (8 * last**2 + 4) * inverse
