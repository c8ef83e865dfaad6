"""A face of the restricted program, on which it is smooth: blocks that are zero stay zero, tight inequalities stay equations.
Newton's method on it (docs/theory.md, section 2)."""

from __future__ import annotations

import numpy as np

from certify._core.orthogonal import complement
from certify.arrays import Bools, Floats
from certify.convex.design import Design
from certify.linear import cholesky, least_squares, matmul, norm, solve_positive

_DEPENDENT = 1e-9  # sine of the angle between a tight row and the span of others below which it says nothing new
_REGULAR = 1e-6  # least relative pivot of a Hessian that is solved by triangles


class Face:
    """The linear space of block values that keep the tight inequalities (K, n) tight."""

    def __init__(self, design: Design, rows: Floats, tight: Bools) -> None:
        self.design, self.problem, self.unit_rows = design, design.problem, rows
        self.bases = [complement(rows[mask], _DEPENDENT) for mask in tight]  # rows: (q, D)
        self.offsets = np.cumsum([0] + [basis.shape[0] for basis in self.bases])

    @property
    def multipliers(self) -> Floats | None:
        """The dual vector (n,) that belongs to the last step, where the predictions do not tell."""
        return None

    def project(self, w: Floats) -> Floats:
        """The nearest values in the face."""
        return np.array([matmul(matmul(basis, row), basis) for basis, row in zip(self.bases, w, strict=True)]).reshape(
            w.shape
        )

    def holds(self, w: Floats, c: float) -> bool:
        """Whether every inequality of every cone still holds, to rounding."""
        walls = np.where(self.design.blocks.patterns, 1.0, -1.0)
        margins = walls * matmul(w, self.unit_rows.T)
        return bool(np.all(margins >= -1e-12 * norm(w, axis=1)[:, None]))

    def newton_step(self, w: Floats, c: float) -> tuple[Floats, float] | None:
        """The Newton step of the smooth program on the face, of least norm where it is not unique."""
        sizes = self.problem.size(w)
        if not np.all(sizes > 0):
            return None
        f = self.design.predictions(w) + c
        try:
            step = -_solved(self._hessian(w, sizes, f), self._gradient(w, c, sizes, f))
        except ArithmeticError:
            return None
        if not np.all(np.isfinite(step)):
            return None
        return self._moved(step, w)

    def _moved(self, step: Floats, w: Floats) -> tuple[Floats, float]:
        """A step in the face's coordinates, the constant last, as one of w and c."""
        moves = [
            matmul(step[first:last], basis)
            for basis, first, last in zip(self.bases, self.offsets, self.offsets[1:], strict=False)
        ]
        return np.array(moves).reshape(w.shape), float(step[-1]) if self.problem.has_constant else 0.0

    def _gradient(self, w: Floats, c: float, sizes: Floats, f: Floats) -> Floats:
        return self._gradient_of(self.problem.slope(f[:, None])[:, 0], w, c, sizes)

    def _gradient_of(self, slope: Floats, w: Floats, c: float, sizes: Floats) -> Floats:
        """The program's gradient, where that of the loss is slope (n,)."""
        problem = self.problem
        full = self.design.transposed(slope) + problem.beta * self._units(w, sizes)
        parts = [matmul(basis, row) for row, basis in zip(full, self.bases, strict=True)]
        constant = float(np.sum(slope)) + problem.constant_decay * c if problem.has_constant else 0.0
        return np.concatenate([*parts, [constant]])

    def _hessian(self, w: Floats, sizes: Floats, f: Floats) -> Floats:
        problem = self.problem
        gram = self.design.gram(problem.curvature(f[:, None])[:, 0])
        reduced = self._reduced(gram, w.shape[1])
        hessian = self._curved_sizes(w, sizes)
        hessian[:-1, :-1] += reduced[:-1]
        hessian[-1, -1] = 1.0
        if problem.has_constant:
            hessian[-1, :-1] = hessian[:-1, -1] = reduced[-1]
            hessian[-1, -1] = gram[-1, -1] + problem.constant_decay
        return hessian

    def _curved_sizes(self, w: Floats, sizes: Floats) -> Floats:
        """The Hessian of beta sum |w_k|_P; nothing in the constant's row and column."""
        problem, d = self.problem, w.shape[1]
        hessian = np.zeros((self.offsets[-1] + 1, self.offsets[-1] + 1))
        units = self._units(w, sizes)
        plane = np.eye(d)
        plane[-1, -1] = 0.0 if problem.free_hidden_bias else 1.0
        for k, basis in enumerate(self.bases):
            part = slice(self.offsets[k], self.offsets[k + 1])
            curved = problem.beta / sizes[k] * (plane - np.outer(units[k], units[k]))
            hessian[part, part] = matmul(matmul(basis, curved), basis.T)
        return hessian

    def _reduced(self, gram: Floats, d: int) -> Floats:
        """The Gram matrix in the face's coordinates, and below it the constant's row."""
        columns = [matmul(gram[:, k * d : (k + 1) * d], basis.T) for k, basis in enumerate(self.bases)]
        right = np.hstack(columns) if columns else np.zeros((1, 0))
        left = [matmul(basis, right[k * d : (k + 1) * d]) for k, basis in enumerate(self.bases)]
        return np.vstack([*left, right[-1:]])

    def _units(self, w: Floats, sizes: Floats) -> Floats:
        """The gradients of |w_k|_P."""
        units = w / sizes[:, None]
        if self.problem.free_hidden_bias:
            units[:, -1] = 0.0
        return units


def _solved(hessian: Floats, gradient: Floats) -> Floats:
    """The solution of least norm; by triangles where the Hessian is clearly regular, which is ten times as fast."""
    try:
        pivots = np.diag(cholesky(hessian))
        if np.min(pivots) > _REGULAR * np.max(pivots):
            return solve_positive(hessian, gradient)
    except ArithmeticError:
        pass
    return least_squares(hessian, gradient, rcond=1e-13)
