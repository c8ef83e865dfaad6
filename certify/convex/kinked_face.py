"""A face of the restricted program of a loss with kinks: samples at their kink stay there, the others on their side of it.

On it the loss is linear, and the program smooth: Newton's method on its optimality conditions, in which the slopes at the kinks
are multipliers of the equations f_i = y_i, gives the dual vector to machine precision (docs/theory.md, section 2).
"""

from __future__ import annotations

import numpy as np

from certify.arrays import Bools, Floats
from certify.convex.face import Face
from certify.convex.solution import RestrictedSolution
from certify.linear import least_squares, matmul, solve
from certify.problem.losses.kinked import Kinked

_AT_ITS_END = 1e-9  # of the interval of slopes, or of a prediction's way to its kink: rounding
_SHORT = 1e-2  # share of the largest block that a step close to the solution may have
_NEGLIGIBLE = 1e-13  # relative singular values


class KinkedFace(Face):
    """Tight inequalities (K, n) of the solution's cones, and the samples that its multipliers say are at their kink."""

    def __init__(self, start: RestrictedSolution, loss: Kinked, rows: Floats, tight: Bools) -> None:
        super().__init__(start.design, rows, tight)
        problem = self.problem
        self.targets = problem.targets[:, 0]
        self.low, self.high = loss.sides(self.targets, problem.weights)
        nu = start.nu[:, 0]
        width = self.high - self.low
        room = np.minimum(-nu - self.low, self.high + nu)
        residual = start.f - self.targets
        # of the two one vanishes at the optimum: the distance from the kink, or that of the slope from its interval's ends
        self.kinks = np.flatnonzero((room > np.abs(residual) * width) & (width > 0))
        self.slope = np.where(residual > 0, self.high, self.low)
        self.slope[self.kinks] = -nu[self.kinks]
        self.equations = self._equations()

    @property
    def multipliers(self) -> Floats:
        return -self.slope

    def _equations(self) -> Floats:
        """The predictions of the samples at their kink (q,) in the face's coordinates and the constant."""
        design, rows = self.design, self.problem.rows[self.kinks]
        columns = [matmul(design.gates[self.kinks, k, None] * rows, basis.T) for k, basis in enumerate(self.bases)]
        constant = np.full((self.kinks.size, 1), float(self.problem.has_constant))
        return np.hstack([*columns, constant])

    def holds(self, w: Floats, c: float) -> bool:
        """Also whether every slope at a kink lies between the sides', and every other sample on its side."""
        residual = self.design.predictions(w) + c - self.targets
        residual[self.kinks] = 0.0
        width = self.high - self.low
        inside = np.minimum(self.slope - self.low, self.high - self.slope) >= -_AT_ITS_END * width
        stay = np.where(self.slope == self.high, residual, -residual)
        stay[(self.low == self.high) | (residual == 0)] = 0.0
        return super().holds(w, c) and bool(np.all(inside)) and bool(np.all(stay >= -_AT_ITS_END))

    def newton_step(self, w: Floats, c: float) -> tuple[Floats, float] | None:
        """The Newton step for block values, constant and slopes at the kinks, of least norm where it is not unique."""
        sizes, problem = self.problem.size(w), self.problem
        if not np.all(sizes > 0):
            return None
        f = self.design.predictions(w) + c
        size, q = int(self.offsets[-1]) + 1, self.kinks.size
        system = np.zeros((size + q, size + q))
        system[:size, :size] = self._curved_sizes(w, sizes) / problem.beta  # slopes are of the size of beta
        system[size - 1, size - 1] = problem.constant_decay / problem.beta if problem.has_constant else 1.0
        system[size:, :size], system[:size, size:] = self.equations, self.equations.T
        gradient = self._gradient_of(self.slope, w, c, sizes) / problem.beta
        right = np.concatenate([gradient, (f - self.targets)[self.kinks]])
        try:
            step = -_solved(system, right, _SHORT * float(np.max(np.abs(w), initial=0.0)))
        except ArithmeticError:
            return None
        if not np.all(np.isfinite(step)):
            return None
        self.slope[self.kinks] += problem.beta * step[size:]
        return self._moved(step[:size], w)


def _solved(system: Floats, right: Floats, short: float) -> Floats:
    """A solution, the one of least norm where it is not unique; by elimination where that gives a short one, which is much faster."""
    try:
        step = solve(system, right)
        if float(np.max(np.abs(step), initial=0.0)) <= short:
            return step
    except ArithmeticError:
        pass
    return least_squares(system, right, rcond=_NEGLIGIBLE)
