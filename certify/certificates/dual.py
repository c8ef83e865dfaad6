"""The dual vector of a certificate: the search's, scaled strictly inside what its gain allows (docs/certificate.md, section 3)."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from certify.certificates.hinges import Hinges, hinges_of
from certify.certificates.statement import hexadecimal
from certify.checker.certificate import Data, Dual
from certify.checker.certificate import Objective as CheckedObjective
from certify.checker.objective import training_problem
from certify.checker.reduction import Hinges as ExactHinges
from certify.checker.reduction import reduced
from certify.problem.dual import LowerBound, dual_value, feasible_scaling
from certify.problem.objective import Objective
from certify.problem.training import TrainingProblem

_SHARES = tuple(10.0**-k for k in range(4, 12))


@dataclass(frozen=True, slots=True, eq=False)
class ScaledDual:
    """nu (n,), the lower bound on P* that it proves, and the hinges, their weights (N,), what is linear beside them (r,), and the limit
    of their sum, for either sign. exact: the same as the checker has it.
    """

    nu: np.ndarray
    value: float
    hinges: Hinges
    weights: np.ndarray
    linear: np.ndarray
    limit: float
    exact: ExactHinges


def scaled_dual(problem: TrainingProblem, lower: LowerBound, inside: float) -> ScaledDual:
    """The best scaling of the dual vector, less a share `inside`. The zero vector, which needs no proof, where nothing is better.

    Raises Rejected where the hinges leave no room for any bound.
    """
    candidate = feasible_scaling(problem, lower, inside)
    worthless = not dual_value(problem, candidate).lower > 0
    return measured_dual(problem, np.zeros(problem.samples) if worthless else candidate[:, 0])


def measured_dual(problem: TrainingProblem, nu: np.ndarray) -> ScaledDual:
    """What nu (n,), of exactly zero sum where constants are free, proves if its gain is at most the weight decay. Raises Rejected."""
    value = max(dual_value(problem, nu[:, None]).lower, 0.0) if np.any(nu) else 0.0
    hinges = hinges_of(problem)
    return ScaledDual(nu, value, hinges, *_measured(problem, hinges, nu))


def inside_to_spare(problem: TrainingProblem, lower: LowerBound, needed: float) -> float:
    """The largest of a few shares `inside` that leave two thirds of what the dual vector proves beyond `needed`; 0 for none."""
    most, *values = (dual_value(problem, feasible_scaling(problem, lower, inside)).lower for inside in (0.0, *_SHARES))
    spare = [inside for inside, value in zip(_SHARES, values, strict=True) if value > needed + (most - needed) / 3]
    return max(spare, default=0.0) if most > needed else 0.0


def dual_document(dual: ScaledDual, proofs: list[Any]) -> dict[str, Any]:
    """The part `dual` of a certificate."""
    return {"nu": hexadecimal(dual.nu), **dual.hinges.document(), "proofs": proofs}


def _measured(
    problem: TrainingProblem, hinges: Hinges, nu: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float, ExactHinges]:
    """Weights, linear part and limit, by the checker's own code, as signs have to be exact; each rounded once, the limit down."""
    ratios = None if hinges.ratios is None else hinges.ratios.tolist()
    centre, basis = (None if x is None else x.tolist() for x in (hinges.centre, hinges.basis))
    dual = Dual(nu.tolist(), centre, basis, hinges.points.tolist(), hinges.members.tolist(), ratios, (None, None))
    found = reduced(training_problem(_checked(problem.objective), _inputs(problem)), dual)
    unit = 1 << found.weight_shift
    weights = np.array([w / unit for w in found.weights])
    linear = np.array([g / (unit << found.point_shift) for g in found.linear])
    limit = min(found.limit, Fraction(sys.float_info.max))
    return weights, linear, math.nextafter(float(limit), 0.0), found


def _checked(objective: Objective) -> CheckedObjective:
    return CheckedObjective(
        "half-squared",  # the limit does not depend on the loss
        objective.reduction.value,
        objective.hidden_decay,
        objective.output_decay,
        objective.hidden_bias.value,
        objective.output_bias.value,
    )


def _inputs(problem: TrainingProblem) -> Data:
    """The inputs; what else there is plays no part in the limit."""
    has_bias = problem.objective.hidden_bias.value != "none"
    rows = problem.rows[:, :-1] if has_bias else problem.rows
    return Data(rows.tolist(), problem.targets[:, 0].tolist(), None)
