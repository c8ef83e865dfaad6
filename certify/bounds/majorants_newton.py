"""The Newton system of the majorant relaxation: every cone eliminated into the N(N+1)/2 entries of Z.

In the basis T of the Nesterov-Todd scaling (dZ = T dY T') the semidefinite cone is the identity, a root or a pair of
sides a row of rank one, and all cones of the Z v_j together one Kronecker product and heads + 1 rows each.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.linalg.blas import dsyrk
from scipy.linalg.lapack import dpotrf, dpotrs

from certify.bounds.majorants_cones import Scaling, scaling
from certify.bounds.majorants_program import Iterate, Program, each
from certify.bounds.majorants_relaxation import Spread, symmetric


@dataclass(frozen=True, slots=True, eq=False)
class Coupling:
    """What the cones |block of Z v| <= top add, their extra tops eliminated.

    K (m, heads + 1, heads + 1)  quadratic form in the functionals (w1.x_z, x_1, [x_t]) of x = dZ v
    alpha (m,)                   times |x_z|^2
    along (m, N)                 the vectors w1, padded
    tie (m, heads + 1), pivot (m,)   dtop = (rhs - tie.functionals) / pivot
    """

    K: np.ndarray
    alpha: np.ndarray
    along: np.ndarray
    tie: np.ndarray
    pivot: np.ndarray


def coupling(spread: Spread, scalings: list[Scaling]) -> Coupling:
    """The local quadratic forms of a spread. W^-2 = (2 v v' + diag(-1, I)) / eta^2 with v = (w0, -w1)."""
    m, heads = len(spread.rows), spread.heads
    top = heads + 1 if spread.extra else 1
    whole = np.zeros((m, heads + 2, heads + 2))
    main = scalings[0]
    inverse = main.eta**-2
    whole[:, 0, 0] = 2 * inverse
    whole[:, 0, top] = whole[:, top, 0] = -2 * inverse * main.w[:, 0]
    whole[:, top, top] = inverse * (2 * main.w[:, 0] ** 2 - 1)
    for k, scale in zip(spread.blocks, scalings[1:], strict=True):
        factor, (w0, w1) = scale.eta**-2, scale.w.T
        whole[:, k + 1, k + 1] += factor * (2 * w1**2 + 1)
        whole[:, top, top] += factor * (2 * w0**2 - 1)
        whole[:, k + 1, top] -= 2 * factor * w0 * w1
        whole[:, top, k + 1] -= 2 * factor * w0 * w1
    along = np.zeros((m, spread.rows.shape[1]))
    along[:, heads:] = main.w[:, 1:]
    K, tie, pivot = whole[:, :-1, :-1], whole[:, :-1, -1], whole[:, -1, -1]
    if spread.extra:
        K = K - tie[:, :, None] * (tie / pivot[:, None])[:, None, :]
    return Coupling(K, inverse, along, tie, pivot)


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
        self.T, self.spectrum = scaling_basis(at.Z, at.S)
        self.T_inverse = (self.T.T @ at.S) / self.spectrum[:, None]
        roots, lower, side, self.pairs, self.bounded = program.split(scalings)
        self.roots = _root_forms(roots)
        self.lower, self.side = coupling(program.lower, lower), coupling(program.side, side)
        self.factor, info = dpotrf(self._matrix(), lower=1, overwrite_a=1)
        if info != 0:
            raise np.linalg.LinAlgError("the Newton system is not positive definite")
        head, rest = self.T[:1], self.T[program.heads :]
        self.normals = np.stack([program.svec(head.T @ head), program.svec(rest.T @ rest)], axis=1)
        self.solved, _ = dpotrs(self.factor, self.normals, lower=1)

    def each(self, method: str, family: list) -> list:
        """A method of the scalings on every family."""
        return each(lambda x, scale: getattr(scale, method)(x), family, self.scalings)

    def solve(self, on_Z: np.ndarray, scaled: np.ndarray, roots: np.ndarray, tops: np.ndarray) -> tuple:
        """dY, dZ, droots, dtops, dlam of  H dx + equalities' adjoint (dlam) = rhs  with no change of the equalities.

        The right-hand side on Z comes in two parts: on_Z, and `scaled`, already in the basis T.
        """
        program, r, low = self.program, self.program.relaxation, self.lower
        _, qp, pp = self.roots
        share = (tops / low.pivot)[:, None] * low.tie
        Y = share[:, :1] * low.along
        Y[:, : program.heads] += share[:, 1:]
        reduced = on_Z - (r.raising.T * (qp * roots / pp)) @ r.raising - symmetric(Y, r.lowering)
        v, _ = dpotrs(self.factor, program.svec(self.T.T @ reduced @ self.T + scaled), lower=1)
        dlam = np.linalg.solve(self.normals.T @ self.solved, self.normals.T @ v)
        dY = program.smat(v - self.solved @ dlam)
        dZ = self.T @ dY @ self.T.T
        dZ = (dZ + dZ.T) / 2
        droots = (roots - qp * np.einsum("ij,ij->i", r.raising @ dZ, r.raising)) / pp
        x = r.lowering @ dZ
        functionals = np.column_stack([np.einsum("ij,ij->i", low.along, x), x[:, : program.heads]])
        dtops = (tops - np.einsum("ij,ij->i", low.tie, functionals)) / low.pivot
        return dY, dZ, droots, dtops, dlam

    def _matrix(self) -> np.ndarray:
        """The lower triangle of the reduced Hessian, in Fortran order."""
        program, T, r = self.program, self.T, self.program.relaxation
        V = np.concatenate([r.lowering, r.sides]) @ T
        tail = T[program.heads :]
        alpha = np.concatenate([self.lower.alpha, self.side.alpha])
        H = self._kronecker(tail.T @ tail, (V.T * alpha) @ V)
        H[np.diag_indices(len(H))] += 1.0
        H = H.T
        for rows, weights in (*self._single_rows(), *self._functional_rows(V)):
            _add_weighted(H, rows, weights)
        return H

    def _single_rows(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Rows (., N(N+1)/2) and weights of the cones that see one number <M, Z> only, in portions."""
        program, T, r = self.program, self.T, self.program.relaxation
        qq, qp, pp = self.roots
        weights, raising, sides = qq - qp * qp / pp, r.raising @ T, r.sides @ T
        for part in program.portions(len(raising)):
            rows = raising[part]
            yield program.outer(rows, rows), weights[part]
        if len(program.first):
            yield program.outer(sides[program.first], sides[program.second]), self.pairs.eta**-2
        if program.heads == 2:
            bounded = T[1:2]
            yield program.outer(bounded, bounded), self.bounded.eta**-2

    def _functional_rows(self, V: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Rows and signed weights of the cones of x = Z v: the heads' functionals x_k and w1.x_z, diagonalised."""
        program, T = self.program, self.T
        along = np.concatenate([self.lower.along, self.side.along]) @ T
        K = np.roll(np.concatenate([self.lower.K, self.side.K]), -1, axis=(1, 2))
        for part in program.portions(len(V)):
            functionals = [program.outer(T[k], V[part]) for k in range(program.heads)]
            yield from _diagonalised([*functionals, program.outer(along[part], V[part])], K[part])

    def _kronecker(self, G: np.ndarray, B: np.ndarray) -> np.ndarray:
        """The form trace(G Y B Y) in svec coordinates."""
        i, j, weight = self.program.row, self.program.column, self.program.root_two
        G_i, G_j, B_i, B_j = (np.take(M, rows, axis=1) for M, rows in ((G, i), (G, j), (B, i), (B, j)))
        half = np.take(G_i, i, axis=0) * np.take(B_j, j, axis=0)
        half += np.take(G_j, i, axis=0) * np.take(B_i, j, axis=0)
        half += np.take(G_i, j, axis=0) * np.take(B_j, i, axis=0)
        half += np.take(G_j, j, axis=0) * np.take(B_i, i, axis=0)
        half *= weight[:, None]
        half *= weight / 8
        return half + half.T


def _add_weighted(H: np.ndarray, rows: np.ndarray, weights: np.ndarray) -> None:
    """H += sum_i weight_i row_i row_i', in the lower triangle of H (Fortran order), in place."""
    scaled = rows * np.sqrt(np.abs(weights))[:, None]
    negative = weights < 0
    for sign, part in ((1.0, scaled[~negative]), (-1.0, scaled[negative])):
        if len(part):
            dsyrk(sign, part.T, beta=1.0, c=H, lower=1, overwrite_c=1)


def _diagonalised(functionals: list[np.ndarray], K: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows and weights of sum_j f_j'K_j f_j, by an LDL' of every K (m, k, k); only the last weight may be negative."""
    K = K.copy()
    for k, rows in enumerate(functionals):
        pivot = K[:, k, k].copy()
        for j in range(k + 1, len(functionals)):
            ratio = K[:, k, j] / pivot
            rows = rows + ratio[:, None] * functionals[j]
            K[:, j, k + 1 :] -= ratio[:, None] * K[:, k, k + 1 :]
        yield rows, pivot


def _root_forms(scale: Scaling) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Coefficients qq, qp, pp of the quadratic form in (da'Za, droot) of the cones (a'Za + 1, a'Za - 1, 2 root)."""
    if not len(scale.w):
        return scale.eta, scale.eta, scale.eta
    inverse = scale.eta**-2
    difference, last = scale.w[:, 0] - scale.w[:, 1], scale.w[:, 2]
    return 2 * difference**2 * inverse, -4 * difference * last * inverse, (8 * last**2 + 4) * inverse
