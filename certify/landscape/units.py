"""Rows and targets of order one, exactly: powers of two moved into the weight decay (docs/theory.md, section 12).

With rows z/s (inputs x/s, beside a free bias) and targets y/t: u becomes s u, f becomes f/t, F (of a squared loss) F/t^2, and beta beta/(s t).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from certify.landscape.landscape import Landscape
from certify.problem.objective import Bias
from certify.problem.training import TrainingProblem


@dataclass(frozen=True, slots=True)
class Units:
    """Powers of two: of the rows, and of the targets."""

    rows: float
    targets: float


def in_units(problem: TrainingProblem) -> tuple[TrainingProblem, Units]:
    """The problem in units in which its largest entries are of order one, where its form allows that."""
    objective = problem.objective
    if objective.output_bias is Bias.PENALIZED or objective.undecayed:
        return problem, Units(1.0, 1.0)
    free = problem.free_hidden_bias
    units = Units(
        _power(problem.rows[:, :-1] if free else problem.rows),
        _power(problem.targets) if problem.loss.homogeneous else 1.0,
    )
    decay = units.rows * units.targets
    hidden, output = objective.hidden_decay / decay, objective.output_decay / decay
    if not (0 < hidden < math.inf and 0 < output < math.inf):
        return problem, Units(1.0, 1.0)
    # a free bias costs nothing, and its column stays as it is
    rows = (
        np.column_stack([problem.rows[:, :-1] / units.rows, problem.rows[:, -1]]) if free else problem.rows / units.rows
    )
    scaled = replace(
        problem,
        objective=replace(objective, hidden_decay=hidden, output_decay=output),
        rows=rows,
        targets=problem.targets / units.targets,
    )
    return scaled, units


def in_own_units(found: Landscape, units: Units, problem: TrainingProblem) -> Landscape:
    """The landscape of the problem itself."""
    t, gain, own = units.targets, units.targets * units.rows, found.units.copy()
    if problem.free_hidden_bias:
        own[:, -1] *= units.rows
    return replace(
        found,
        problem=problem,
        lower=found.lower * t * t,
        upper=found.upper * t * t,
        nu=found.nu * t,
        radius=found.radius * t,
        slack=found.slack * gain,
        predictions=found.predictions * t,
        constant=found.constant * t,
        units=own,
        gains=found.gains * gain,
        next_best=found.next_best * gain,
    )


def _power(values: np.ndarray) -> float:
    """The power of two above the largest entry; 1 where all are 0."""
    largest = float(np.max(np.abs(values), initial=0.0))
    return math.ldexp(1.0, math.frexp(largest)[1]) if largest > 0 else 1.0
