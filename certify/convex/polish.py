"""From an interior-point solution to machine precision: Newton's method on the active face of the restricted program.

A block that is zero stays zero, an inequality that is tight stays an equation; on that face the program is smooth. The
dual vector of a weakly decayed problem is small, so it needs this: an error of 1e-10 in the predictions is 1e-6 of beta = 1e-4.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np

from certify._core.orthogonal import complement
from certify.arrays import Bools, Floats
from certify.convex.design import Design
from certify.convex.solution import RestrictedSolution, evaluated, unit_rows
from certify.gain.question import Limits
from certify.linear import cholesky, least_squares, matmul, norm, solve_positive
from certify.problem.training import TrainingProblem

_STEPS = 30
_PATIENCE, _LARGE_STEP = 8, 1e-3  # steps still this large by then lead nowhere
_ZERO_BLOCK = (1e-6, 1e-4)  # shares of the largest block, the least first
_TIGHT = (1e-6, 1e-8, 1e-4)
_DEPENDENT = 1e-9  # sine of the angle between a tight row and the span of others below which it says nothing new
_REGULAR = 1e-6  # least relative pivot of a Hessian that is solved by triangles


def polish(problem: TrainingProblem, solution: RestrictedSolution, limits: Limits) -> RestrictedSolution:
    """The same solution or a better one, as far as the limits allow; blocks of size zero are dropped."""
    trimmed = _without(solution, _ZERO_BLOCK[0])
    tries = [_on_face(face, start, limits) for start, face in _faces(trimmed) if not limits.reached()]
    good = [t for t in tries if t is not None]
    best = min(good, key=lambda t: t.value, default=trimmed)
    # the face may be a hair above the interior point's value in the last digits, and yet be the accurate one
    return best if best.value <= solution.value + 1e-9 * abs(solution.value) else trimmed


def _faces(solution: RestrictedSolution) -> Iterator[tuple[RestrictedSolution, _Face]]:
    """The faces that the solution may lie on, each once, with the solution's blocks merged that do the same there.

    A neuron on a wall is a block on either side of it, or part of it on each: the interior-point method splits it, and no
    Newton step could tell where.
    """
    rows = unit_rows(solution.design.problem)
    seen: set[tuple[bytes, bytes]] = set()
    for dust, tight in product(_ZERO_BLOCK, _TIGHT):
        start = _merged(_without(solution, dust), rows, tight)
        mask = np.abs(_distances(start, rows)) <= tight
        key = (start.w.tobytes(), mask.tobytes())
        if key not in seen:
            seen.add(key)
            yield start, _Face(start.design, rows, mask)


def _without(solution: RestrictedSolution, share: float) -> RestrictedSolution:
    """Without the blocks of at most that share of the largest one's size."""
    sizes = solution.design.problem.size(solution.w)
    kept = sizes > share * float(np.max(sizes, initial=0.0))
    return solution if np.all(kept) else evaluated(solution.design.keep(kept), solution.w[kept], solution.c)


def _distances(solution: RestrictedSolution, rows: Floats) -> Floats:
    """From each block's direction (K, n) to each row's hyperplane."""
    return matmul(solution.w, rows.T) / norm(solution.w, axis=1)[:, None]


def _merged(solution: RestrictedSolution, rows: Floats, tight: float) -> RestrictedSolution:
    """Blocks of one sign in one closed cone, to the tolerance, added up into the largest of them (merging lemma, section 2)."""
    blocks, distances = solution.blocks, _distances(solution, rows)
    walls = np.where(blocks.patterns, 1.0, -1.0)
    w, leads = solution.w.copy(), np.zeros(blocks.count, dtype=bool)
    for k in np.argsort(-solution.design.problem.size(solution.w), kind="stable"):
        inside = np.all(walls[leads] * distances[k] >= -tight, axis=1) & (blocks.signs[leads] == blocks.signs[k])
        if np.any(inside):
            w[np.flatnonzero(leads)[int(np.argmax(inside))]] += w[k]
        else:
            leads[k] = True
    return solution if np.all(leads) else evaluated(solution.design.keep(leads), w[leads], solution.c)


def _on_face(face: _Face, start: RestrictedSolution, limits: Limits) -> RestrictedSolution | None:
    w, c = face.project(start.w), start.c
    last = np.inf
    for count in range(_STEPS):
        step = face.newton_step(w, c)
        if step is None or limits.reached():
            return None
        w, c = w + step[0], c + step[1]
        size = float(np.max(np.abs(step[0]), initial=0.0)) / (float(np.max(np.abs(w), initial=0.0)) or 1.0)
        if size <= 1e-15 or (size <= 1e-9 and size > last / 2):  # rounding moves it from here on
            break
        if count >= _PATIENCE and size > _LARGE_STEP:
            return None
        last = size
    end = evaluated(start.design, w, c)
    return end if face.holds(w) and np.isfinite(end.value) else None


class _Face:
    """The linear space of block values that keep the tight inequalities (K, n) tight."""

    def __init__(self, design: Design, rows: Floats, tight: Bools) -> None:
        self.design, self.problem, self.unit_rows = design, design.problem, rows
        self.bases = [complement(rows[mask], _DEPENDENT) for mask in tight]  # rows: (q, D)
        self.offsets = np.cumsum([0] + [basis.shape[0] for basis in self.bases])

    def project(self, w: Floats) -> Floats:
        """The nearest values in the face."""
        return np.array([matmul(matmul(basis, row), basis) for basis, row in zip(self.bases, w, strict=True)]).reshape(
            w.shape
        )

    def holds(self, w: Floats) -> bool:
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
        moves = [
            matmul(step[first:last], basis)
            for basis, first, last in zip(self.bases, self.offsets, self.offsets[1:], strict=False)
        ]
        return np.array(moves).reshape(w.shape), float(step[-1]) if self.problem.has_constant else 0.0

    def _gradient(self, w: Floats, c: float, sizes: Floats, f: Floats) -> Floats:
        problem = self.problem
        slope = problem.slope(f[:, None])[:, 0]
        full = self.design.transposed(slope) + problem.beta * self._units(w, sizes)
        parts = [matmul(basis, row) for row, basis in zip(full, self.bases, strict=True)]
        constant = float(np.sum(slope)) + problem.constant_decay * c if problem.has_constant else 0.0
        return np.concatenate([*parts, [constant]])

    def _hessian(self, w: Floats, sizes: Floats, f: Floats) -> Floats:
        problem, d = self.problem, w.shape[1]
        gram = self.design.gram(problem.curvature(f[:, None])[:, 0])
        hessian = np.zeros((self.offsets[-1] + 1, self.offsets[-1] + 1))
        reduced = self._reduced(gram, d)
        hessian[:-1, :-1] = reduced[:-1]
        units = self._units(w, sizes)
        plane = np.eye(d)
        plane[-1, -1] = 0.0 if problem.free_hidden_bias else 1.0
        for k, basis in enumerate(self.bases):
            part = slice(self.offsets[k], self.offsets[k + 1])
            curved = problem.beta / sizes[k] * (plane - np.outer(units[k], units[k]))
            hessian[part, part] += matmul(matmul(basis, curved), basis.T)
        hessian[-1, -1] = 1.0
        if problem.has_constant:
            hessian[-1, :-1] = hessian[:-1, -1] = reduced[-1]
            hessian[-1, -1] = gram[-1, -1] + problem.constant_decay
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
