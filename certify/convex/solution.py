"""A solution of the restricted program: block values, and what follows from them (docs/theory.md, section 2)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from certify.arrays import Bools, Floats
from certify.convex.blocks import Blocks
from certify.convex.design import Design
from certify.linear import norm
from certify.problem.dual import dual_vector, feasible_dual
from certify.problem.training import TrainingProblem


@dataclass(frozen=True, slots=True, eq=False)
class Active:
    """What the multipliers of a solver say of its solution.

    used (K,)      blocks that are not zero
    slack (K,)     how far the largest gain in a block's cone is below beta, relative to beta
    tight (K, n)   inequalities that are equations
    """

    used: Bools
    slack: Floats
    tight: Bools


@dataclass(frozen=True, slots=True, eq=False)
class RestrictedSolution:
    """Blocks' values w (K, D), constant c, predictions f (n,), and the program's value.

    multipliers (n,): the dual vector that the solver came to, where the loss has kinks and the predictions do not tell; with it
    comes `active`.
    """

    blocks: Blocks
    w: Floats
    c: float
    f: Floats
    value: float
    design: Design
    multipliers: Floats | None = None
    active: Active | None = None

    @property
    def nu(self) -> Floats:
        """The dual vector (n, 1), in the domain of the dual function."""
        problem = self.design.problem
        if self.multipliers is None:
            return dual_vector(problem, self.f[:, None])
        return feasible_dual(problem, self.multipliers[:, None])


def evaluated(
    design: Design, w: Floats, c: float, multipliers: Floats | None = None, active: Active | None = None
) -> RestrictedSolution:
    """The solution with these block values: its predictions and its value."""
    f = design.predictions(w) + c
    value = program_value(design.problem, w, c, f)
    return RestrictedSolution(design.blocks, w, c, f, value, design, multipliers, active)


def program_value(problem: TrainingProblem, w: Floats, c: float, f: Floats) -> float:
    """The restricted program's objective, rounded to nearest."""
    penalty = problem.beta * float(np.sum(problem.size(w)))
    return problem.data_loss(f[:, None]) + penalty + 0.5 * problem.constant_decay * c * c


def unit_rows(problem: TrainingProblem) -> Floats:
    """The rows at length 1; zero rows stay."""
    lengths = norm(problem.rows, axis=1)
    return problem.rows / np.where(lengths > 0, lengths, 1.0)[:, None]
