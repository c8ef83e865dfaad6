"""A solution of the restricted program: block values, and what follows from them (docs/theory.md, section 2)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from certify.arrays import Floats
from certify.convex.blocks import Blocks
from certify.convex.design import Design
from certify.linear import norm
from certify.problem.training import TrainingProblem


@dataclass(frozen=True, slots=True, eq=False)
class RestrictedSolution:
    """Blocks' values w (K, D), constant c, predictions f (n,), and the program's value."""

    blocks: Blocks
    w: Floats
    c: float
    f: Floats
    value: float
    design: Design


def evaluated(design: Design, w: Floats, c: float) -> RestrictedSolution:
    """The solution with these block values: its predictions and its value."""
    f = design.predictions(w) + c
    return RestrictedSolution(design.blocks, w, c, f, program_value(design.problem, w, c, f), design)


def program_value(problem: TrainingProblem, w: Floats, c: float, f: Floats) -> float:
    """The restricted program's objective, rounded to nearest."""
    penalty = problem.beta * float(np.sum(problem.size(w)))
    return problem.data_loss(f[:, None]) + penalty + 0.5 * problem.constant_decay * c * c


def unit_rows(problem: TrainingProblem) -> Floats:
    """The rows at length 1; zero rows stay."""
    lengths = norm(problem.rows, axis=1)
    return problem.rows / np.where(lengths > 0, lengths, 1.0)[:, None]
