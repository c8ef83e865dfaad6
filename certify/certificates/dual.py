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
from certify.checker.reduction import reduced
from certify.problem.dual import LowerBound, best_scale, dual_value
from certify.problem.objective import Objective
from certify.problem.training import TrainingProblem
from certify.rounding import round_to_zero_sum


@dataclass(frozen=True, slots=True, eq=False)
class ScaledDual:
    """nu (n,), the lower bound on P* that it proves, and the hinges, their weights (N,), what is linear beside them (r,), and the limit
    of their sum, for either sign.
    """

    nu: np.ndarray
    value: float
    hinges: Hinges
    weights: np.ndarray
    linear: np.ndarray
    limit: float


def scaled_dual(problem: TrainingProblem, lower: LowerBound, inside: float) -> ScaledDual:
    """The best scaling of the dual vector, less a share `inside`. The zero vector, which needs no proof, where nothing is better.

    Raises Rejected where the hinges leave no room for any bound.
    """
    nu = np.zeros(problem.samples)
    if lower.nu is not None and lower.gain is not None:
        scale = best_scale(problem, lower.nu, lower.gain.upper) * (1 - inside)
        candidate = _feasible(problem, scale * lower.nu[:, 0])
        nu = candidate if dual_value(problem, candidate[:, None]).lower > 0 else nu
    value = max(dual_value(problem, nu[:, None]).lower, 0.0) if np.any(nu) else 0.0
    hinges = hinges_of(problem)
    return ScaledDual(nu, value, hinges, *_measured(problem, hinges, nu))


def dual_document(dual: ScaledDual, proofs: list[Any]) -> dict[str, Any]:
    """The part `dual` of a certificate."""
    return {"nu": hexadecimal(dual.nu), **dual.hinges.document(), "proofs": proofs}


def _feasible(problem: TrainingProblem, nu: np.ndarray) -> np.ndarray:
    """nu, rounded to an exact zero sum where constants are free."""
    if not problem.needs_zero_sum:
        return nu
    return round_to_zero_sum(nu, int(np.argmax(problem.loss.room(nu, problem.weights))))


def _measured(problem: TrainingProblem, hinges: Hinges, nu: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Weights, linear part and limit, by the checker's own code, as signs have to be exact; each rounded once, the limit down."""
    ratios = None if hinges.ratios is None else hinges.ratios.tolist()
    centre, basis = (None if x is None else x.tolist() for x in (hinges.centre, hinges.basis))
    dual = Dual(nu.tolist(), centre, basis, hinges.points.tolist(), hinges.members.tolist(), ratios, (None, None))
    found = reduced(training_problem(_checked(problem.objective), _inputs(problem)), dual)
    unit = 1 << found.weight_shift
    weights = np.array([w / unit for w in found.weights])
    linear = np.array([g / (unit << found.point_shift) for g in found.linear])
    limit = min(found.limit, Fraction(sys.float_info.max))
    return weights, linear, math.nextafter(float(limit), 0.0)


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
