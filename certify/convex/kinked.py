"""The restricted program of a loss with a kink, stated as it is (docs/theory.md, section 2):

    min  sum_i m_i t_i + beta sum_k |w_k|_P (+ beta/2 c^2)      m_i t_i >= low_i (f_i - y_i), m_i t_i >= high_i (f_i - y_i)

over w_k in the cone of pattern k, f as in convex/restricted.py, m_i the steeper of the two slopes. The multipliers of the two
inequalities say which slope between low and high belongs to the optimum: that is the dual vector, which f does not tell.
"""

from __future__ import annotations

import clarabel
import numpy as np

from certify.arrays import Floats
from certify.convex.blocks import Blocks
from certify.convex.design import Design
from certify.convex.inequalities import Entries, Inequalities
from certify.convex.interior import TOLERANCE, minimise
from certify.convex.solution import Active, RestrictedSolution, evaluated
from certify.convex.sparse import from_entries
from certify.gain.question import Limits
from certify.problem.losses.kinked import Kinked
from certify.problem.training import TrainingProblem

_ROUGH = 1e-3  # accuracy that is enough to learn the size of the value
_ROUGH_SOLVES, _MUCH = 4, 10.0  # how often it is sought, and by what factor it falls if it is worth seeking again
_STEEPEST = 2.5
_HAIR = 1e-4  # relative distance from the kink that rounding may have made


def solve_kinked(problem: TrainingProblem, loss: Kinked, blocks: Blocks, limits: Limits) -> RestrictedSolution:
    """Minimise over the given blocks, as far as the limits allow."""
    master = _KinkedMaster(Design(problem, blocks), loss, limits)
    w, c = master.inequalities.solved(master.solve, limits)
    return evaluated(master.design, w, c, master.multipliers, master.active)


class _KinkedMaster:
    """The program in Clarabel's form; the stated inequalities are remembered between calls.

    multipliers (n,), active: the dual vector of the last solve, and what it says of the blocks.
    """

    def __init__(self, design: Design, loss: Kinked, limits: Limits) -> None:
        problem = design.problem
        self.problem, self.design, self.limits = problem, design, limits
        self.inequalities = Inequalities(problem, design.blocks)
        self.targets = problem.targets[:, 0]
        self.sides = loss.sides(self.targets, problem.weights)
        self.steeper = np.maximum(-self.sides[0], self.sides[1])
        self.counted = np.flatnonzero(self.steeper > 0)
        self.multipliers = np.zeros(problem.samples)
        self.active: Active | None = None
        self.row_scale = float(np.sqrt(np.mean(np.sum(problem.rows**2, axis=1)))) or 1.0
        self.reach = float(np.sqrt(np.mean(self.targets**2))) or 1.0
        self.least = float(np.sum(self.steeper)) * self.reach or 1.0  # a value that the program attains, about
        self.rough = True

    def solve(self) -> tuple[Floats, float]:
        """w (K, D) and c. At first roughly, in units of what the zero network loses; then in units of the value found, since multipliers
        have to be right relative to themselves."""
        if self.rough:
            self.rough = False
            for _ in range(_ROUGH_SOLVES):
                w, c = self._solved(_ROUGH)
                before, found = self.least, evaluated(self.design, w, c).value
                self.least = found if 0 < found < before else before
                if not found < before / _MUCH:
                    break
        return self._solved(TOLERANCE)

    def _solved(self, tolerance: float) -> tuple[Floats, float]:
        problem, count, d = self.problem, self.design.count, self.problem.rows.shape[1]
        value = self.least / max(self.counted.size, 1)
        # no multiplier is larger: sum |nu_i y_i| is P*, and where a constant is penalised at most twice that
        steepest = _STEEPEST * self.least / self.reach
        unit = self.reach / self.row_scale
        bend = problem.constant_decay * self.reach**2 / value if problem.has_constant else 1.0
        slacks = np.minimum(self.steeper[self.counted], steepest) * self.reach / value
        costs = np.concatenate([np.zeros(count * d + 1), np.full(count, problem.beta * unit / value), slacks])
        entries, first, cones = self.inequalities.rows()
        more, b = self._kinks(first, count * (d + 1) + 1)
        shape = (first + b.size, costs.size)
        rows, columns, values = (np.concatenate(pair) for pair in zip(entries, more, strict=True))
        a = from_entries(rows, columns, values, shape)
        cones.append(clarabel.NonnegativeConeT(b.size))
        constant = np.array([count * d])
        quadratic = from_entries(constant, constant, np.array([bend]), (costs.size, costs.size))
        found = minimise(quadratic, costs, a, np.concatenate([np.zeros(first), b]), cones, self.limits, tolerance)
        z = found.z[first:].reshape(2, self.counted.size) * (value / self.reach)
        self.multipliers[self.counted] = -np.sum(z * self._shares(), axis=0)
        x = found.x * np.append(np.full(count * d, unit), np.full(costs.size - count * d, self.reach))
        w = x[: count * d].reshape(count, d)
        self.active = self.inequalities.active(w, found.z[:first])
        return w, float(x[count * d]) if problem.has_constant else 0.0

    def _shares(self) -> Floats:
        """low and high (2, s) as shares of the steeper one."""
        return np.array(self.sides)[:, self.counted] / self.steeper[self.counted]

    def _kinks(self, first: int, column: int) -> tuple[Entries, Floats]:
        """Rows -t + share (f - y) + s = 0, from row `first` on, for both shares of every sample; t from `column` on. In the units."""
        problem, gates, size = self.problem, self.design.gates[self.counted], self.counted.size
        rows = problem.rows[self.counted] / self.row_scale
        gated = (gates[:, :, None] * rows[:, None, :]).reshape(size, gates.shape[1] * rows.shape[1])
        dense = np.hstack([gated, np.ones((size, 1))])
        dense[:, -1] *= problem.has_constant
        both = (self._shares()[:, :, None] * dense).reshape(2 * size, dense.shape[1])
        row, place = np.nonzero(both)
        slack = np.arange(2 * size)
        entries = (
            first + np.concatenate([row, slack]),
            np.concatenate([place, column + slack % max(size, 1)]),
            np.concatenate([both[row, place], np.full(2 * size, -1.0)]),
        )
        return entries, (self._shares() * (self.targets[self.counted] / self.reach)).ravel()


def rescaled(problem: TrainingProblem, loss: Kinked, w: Floats, signs: Floats, c: float) -> tuple[Floats, float]:
    """Block values w (K, D) and c, multiplied by the factor near 1 that makes the program's value least.

    Where rounding has left samples a hair on the wrong side of their kink, which costs their weight, a factor takes them back.
    """
    f, targets = np.sum(signs * problem.activations(w), axis=1) + c, problem.targets[:, 0]
    factors = np.divide(targets, f, out=np.ones_like(f), where=f != 0)
    factors = np.append(1.0, np.unique(factors[np.abs(factors - 1) < _HAIR]))
    losses = loss.terms(factors[:, None] * f, np.zeros((1, f.size)), targets, problem.weights)[0]
    mass = problem.beta * float(np.sum(problem.size(w)))
    values = np.sum(losses, axis=1) + factors * mass + 0.5 * problem.constant_decay * (factors * c) ** 2
    best = float(factors[int(np.argmin(values))])
    return best * w, best * c
