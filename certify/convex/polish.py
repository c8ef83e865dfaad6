"""From an interior-point solution to machine precision: Newton's method on the active face of the restricted program.

A block that is zero stays zero, an inequality that is tight stays an equation; on that face the program is smooth. The
dual vector of a weakly decayed problem is small, so it needs this: an error of 1e-10 in the predictions is 1e-6 of beta = 1e-4.
"""

from __future__ import annotations

import numpy as np

from certify.bounds.interface import Limits
from certify.convex.restricted import RestrictedSolution, design_matrix, program_value
from certify.problem import TrainingProblem

_STEPS = 30
_ZERO_BLOCK = 1e-6
_TIGHT = (1e-6, 1e-8, 1e-4)


def polish(problem: TrainingProblem, solution: RestrictedSolution, limits: Limits) -> RestrictedSolution:
    """The same solution or a better one, as far as the limits allow; blocks of size zero are dropped."""
    sizes = problem.size(solution.w)
    kept = sizes > _ZERO_BLOCK * float(sizes.max(initial=0.0))
    blocks, w = solution.blocks.keep(kept), solution.w[kept]
    design = design_matrix(problem, blocks)
    f = design @ w.ravel() + solution.c
    trimmed = RestrictedSolution(blocks, w, solution.c, f, program_value(problem, w, solution.c, f))
    tries = [_on_face(problem, trimmed, design, tight, limits) for tight in _TIGHT if not limits.reached()]
    good = [t for t in tries if t is not None]
    best = min(good, key=lambda t: t.value, default=trimmed)
    # the face may be a hair above the interior point's value in the last digits, and yet be the accurate one
    return best if best.value <= solution.value + 1e-9 * abs(solution.value) else trimmed


def _on_face(
    problem: TrainingProblem, start: RestrictedSolution, design: np.ndarray, tight: float, limits: Limits
) -> RestrictedSolution | None:
    face = _Face(problem, start, tight)
    w, c = face.project(start.w), start.c
    last = np.inf
    for _ in range(_STEPS):
        step = face.newton_step(w, c, design)
        if step is None or limits.reached():
            return None
        w, c = w + step[0], c + step[1]
        size = float(np.max(np.abs(step[0]), initial=0.0)) / (float(np.max(np.abs(w), initial=0.0)) or 1.0)
        if size <= 1e-15 or (size <= 1e-9 and size > last / 2):  # rounding moves it from here on
            break
        last = size
    f = design @ w.ravel() + c
    value = program_value(problem, w, c, f)
    return RestrictedSolution(start.blocks, w, c, f, value) if face.holds(w) and np.isfinite(value) else None


class _Face:
    """The linear space of block values that keep the tight inequalities tight."""

    def __init__(self, problem: TrainingProblem, start: RestrictedSolution, tight: float) -> None:
        self.problem, self.blocks = problem, start.blocks
        lengths = np.linalg.norm(problem.rows, axis=1)
        self.unit_rows = problem.rows / np.where(lengths > 0, lengths, 1.0)[:, None]
        self.bases = [self._null_space(start.w[k], tight) for k in range(start.blocks.count)]
        self.offsets = np.cumsum([0] + [basis.shape[1] for basis in self.bases])

    def _null_space(self, w: np.ndarray, tight: float) -> np.ndarray:
        rows = self.unit_rows[np.abs(self.unit_rows @ w) <= tight * np.linalg.norm(w)]
        if rows.shape[0] == 0:
            return np.eye(w.size)
        _, sizes, axes = np.linalg.svd(rows)
        return axes[int(np.sum(sizes > 1e-9)) :].T

    def project(self, w: np.ndarray) -> np.ndarray:
        """The nearest values in the face."""
        return np.array([basis @ (basis.T @ row) for basis, row in zip(self.bases, w, strict=True)]).reshape(w.shape)

    def holds(self, w: np.ndarray) -> bool:
        """Whether every inequality of every cone still holds, to rounding."""
        walls = np.where(self.blocks.patterns, 1.0, -1.0)
        margins = walls * (w @ self.unit_rows.T)
        return bool(np.all(margins >= -1e-12 * np.linalg.norm(w, axis=1)[:, None]))

    def newton_step(self, w: np.ndarray, c: float, design: np.ndarray) -> tuple[np.ndarray, float] | None:
        """The Newton step of the smooth program on the face, of least norm where it is not unique."""
        problem, count = self.problem, w.shape[0]
        d = problem.rows.shape[1]
        sizes = problem.size(w)
        if not np.all(sizes > 0):
            return None
        f = design @ w.ravel() + c
        slope = problem.loss.slope(f, problem.targets, problem.weights)
        curvature = problem.loss.curvature(f, problem.targets, problem.weights)
        total = int(self.offsets[-1])
        m = np.zeros((problem.samples, total + 1))
        gradient, hessian = np.zeros(total + 1), np.zeros((total + 1, total + 1))
        for k in range(count):
            part = slice(int(self.offsets[k]), int(self.offsets[k + 1]))
            m[:, part] = design[:, k * d : (k + 1) * d] @ self.bases[k]
            unit = w[k] / sizes[k]
            outer = np.eye(d)
            if problem.free_hidden_bias:
                unit, outer[-1, -1] = unit.copy(), 0.0
                unit[-1] = 0.0
            gradient[part] = problem.beta * (unit @ self.bases[k])
            hessian[part, part] = (
                problem.beta / sizes[k] * self.bases[k].T @ (outer - np.outer(unit, unit)) @ self.bases[k]
            )
        if problem.has_constant:
            m[:, -1] = 1.0
        gradient += m.T @ slope
        hessian += m.T @ (curvature[:, None] * m)
        gradient[-1] += problem.constant_decay * c
        hessian[-1, -1] += problem.constant_decay
        step = -np.linalg.lstsq(hessian, gradient, rcond=1e-13)[0]
        if not np.all(np.isfinite(step)):
            return None
        moves = [self.bases[k] @ step[self.offsets[k] : self.offsets[k + 1]] for k in range(count)]
        return np.array(moves).reshape(w.shape), float(step[-1]) if problem.has_constant else 0.0
