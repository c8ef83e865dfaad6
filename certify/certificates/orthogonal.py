"""Without weight decay: a dual vector near the best one that is exactly orthogonal to all that networks predict, its bound,
and their part of a certificate (docs/theory.md, section 13). Nothing here is trusted: the checker decides."""

from __future__ import annotations

import itertools
import math
import sys
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from certify.arrays import Floats, Indices
from certify.certificates.statement import checked_objective, plain_data
from certify.checker.objective import conjugate_below, training_problem
from certify.checker.orthogonal import require_orthogonal
from certify.checker.rejection import Rejected
from certify.linear import inner, norm
from certify.problem.attainable import Attainable, Lines
from certify.problem.dataset import Dataset
from certify.problem.dual import LowerBound
from certify.problem.objective import Bias
from certify.problem.training import TrainingProblem

_BITS = 50  # of the dual vector, beside the sum of its entries
_SMALL = (1e-13, 1e-7)  # entries this small beside the largest are 0: a correction could turn their sign
_SHARES = (1.0, 1 - 1e-9)  # of the dual vector: entries at the upper ends of their domain need room as well
_LONGEST = 10**319  # an integer of a certificate has at most 320 digits
_DEPENDENT = 1e-9  # a line this near the span of others, relative to its length, is not solved for
_MOST_WORK = 3_000_000  # exact products when lines are solved for


@dataclass(frozen=True, slots=True, eq=False)
class _Group:
    """The samples on one side of one line, the one among them whose entry is solved for, and its |t|."""

    members: Indices
    pivot: int


def orthogonal_bound(problem: TrainingProblem, dataset: Dataset, best: Attainable) -> LowerBound:
    """The lower bound on the infimum over all widths that the slopes at nearly the best predictions prove; at least 0."""
    zero = LowerBound(0.0, np.zeros((problem.samples, 1)), None, (Fraction(0),) * problem.samples)
    nu = problem.loss.into_domain(-best.slope[:, None], problem.targets, problem.weights[:, None])[:, 0]
    if not (np.all(np.isfinite(nu)) and np.any(nu)):
        return zero
    checked = training_problem(checked_objective(problem.objective), plain_data(dataset))
    for sides, least, share in itertools.product((True, False), _SMALL, _SHARES):
        near = share * np.where(np.abs(nu) > least * np.max(np.abs(nu)), nu, 0.0)
        exact = _orthogonal(problem, best.lines, near, sides)
        if exact is None or any(max(abs(v.numerator), v.denominator) >= _LONGEST for v in exact):
            continue
        try:
            require_orthogonal(checked, exact)
            value = _rounded_down(conjugate_below(checked, exact))
        except Rejected:
            continue
        if value > 0:
            return LowerBound(value, np.array([float(v) for v in exact])[:, None], None, tuple(exact))
    return zero


def orthogonal_document(lower: LowerBound, samples: int) -> tuple[str, dict[str, Any]]:
    """claim.lower_bound and `dual` of a certificate about n samples; P* >= 0 where nothing more is known."""
    value, nu = (0.0, (Fraction(0),) * samples) if lower.exact is None else (lower.value, lower.exact)
    return float(value).hex(), {"nu": [[v.numerator, v.denominator] for v in nu]}


def _rounded_down(x: Fraction) -> float:
    if not 0 < x <= Fraction(sys.float_info.max):
        return 0.0 if x <= 0 else sys.float_info.max
    value = float(x)
    return value if Fraction(value) <= x else math.nextafter(value, 0.0)


def _orthogonal(problem: TrainingProblem, lines: Lines, nu: Floats, sides: bool) -> list[Fraction] | None:
    """nu, moved a little: the sums over each side of each line become what they have to be, exactly.

    sides: the sums on the two sides of a line may be opposite numbers that are not 0, as far as the linear functions allow.
    """
    grid = 2.0 ** (math.frexp(float(np.sum(np.abs(nu))))[1] - _BITS)
    exact = [Fraction(int(step)) * Fraction(grid) for step in np.rint(nu / grid)]
    groups = _groups(problem, lines, nu)
    ratios = {i: abs(lines.ratio(i)) for group in groups.values() for i in group.members.tolist()}
    mirrored = [k for k, side in groups if side > 0 and (k, -1) in groups]
    goals = dict.fromkeys(mirrored, Fraction(0))
    if sides and mirrored:
        sums = [inner(nu[g.members], np.abs(lines.t[g.members])) for g in (groups[k, 1] for k in mirrored)]
        goals = _without_linear_part(lines, mirrored, np.array(sums), grid)
    for (k, side), group in groups.items():
        rest = sum((exact[i] * ratios[i] for i in group.members.tolist() if i != group.pivot), Fraction(0))
        exact[group.pivot] = (side * goals.get(k, Fraction(0)) - rest) / ratios[group.pivot]
    if problem.objective.output_bias is not Bias.NONE and problem.objective.hidden_bias is Bias.NONE:
        return _with_zero_sum(problem, lines, exact, groups, ratios)
    return exact


def _groups(problem: TrainingProblem, lines: Lines, nu: Floats) -> dict[tuple[int, int], _Group]:
    """By line and side: the samples of positive weight that are about more than themselves."""
    room = problem.loss.room(nu[:, None], problem.weights[:, None])[:, 0] * np.abs(lines.t)
    used = np.flatnonzero((problem.weights > 0) & (lines.line >= 0) & (nu != 0))
    key = 2 * lines.line[used] + (lines.t[used] > 0)
    order = np.argsort(key, kind="stable")
    used, key = used[order], key[order]
    parts = np.split(used, np.flatnonzero(np.diff(key)) + 1) if used.size else []
    return {
        (int(lines.line[part[0]]), 1 if lines.t[part[0]] > 0 else -1): _Group(part, int(part[np.argmax(room[part])]))
        for part in parts
    }


def _without_linear_part(lines: Lines, mirrored: list[int], sums: Floats, grid: float) -> dict[int, Fraction]:
    """Numbers near the sums (P,) with sum_k number_k y_k = 0 exactly; all 0 where float64 does not find out how."""
    goals = {k: Fraction(int(step)) * Fraction(grid) for k, step in zip(mirrored, np.rint(sums / grid), strict=True)}
    rows = lines.rows[lines.first[mirrored]]
    basis = _independent(rows)
    if not len(rows) * rows.shape[1] * len(basis) <= _MOST_WORK:
        return dict.fromkeys(mirrored, Fraction(0))
    exact = [[Fraction(x) for x in row] for row in rows.tolist()]
    total = [sum((goals[k] * row[j] for k, row in zip(mirrored, exact)), Fraction(0)) for j in range(rows.shape[1])]
    change = _solution([[exact[b][j] for b in basis] for j in range(rows.shape[1])], total)
    if change is None:
        return dict.fromkeys(mirrored, Fraction(0))
    for b, x in zip(basis, change, strict=True):
        goals[mirrored[b]] -= x
    return goals


def _independent(rows: Floats) -> list[int]:
    """Rows that span all of them, in floats: the longest remainder first."""
    left, chosen = rows / np.maximum(norm(rows, axis=1), 1e-300)[:, None], []
    for _ in range(min(rows.shape)):
        lengths = norm(left, axis=1)
        best = int(np.argmax(lengths))
        if lengths[best] <= _DEPENDENT:
            break
        chosen.append(best)
        unit = left[best] / lengths[best]
        left = left - np.sum(left * unit, axis=1)[:, None] * unit
    return chosen


def _solution(matrix: list[list[Fraction]], right: list[Fraction]) -> list[Fraction] | None:
    """x with matrix x = right, exactly, for a matrix of full column rank; None where there is none."""
    left = [[*row, b] for row, b in zip(matrix, right, strict=True)]
    columns, solved = len(matrix[0]), []
    for j in range(columns):
        pivot = next((row for row in left if row[j]), None)
        if pivot is None:
            return None
        left.remove(pivot)
        left = [[x - row[j] / pivot[j] * p for x, p in zip(row, pivot)] if row[j] else row for row in left]
        solved.append(pivot)
    if any(row[-1] for row in left):
        return None
    x = [Fraction(0)] * columns
    for j in reversed(range(columns)):
        rest = sum((solved[j][k] * x[k] for k in range(j + 1, columns)), Fraction(0))
        x[j] = (solved[j][-1] - rest) / solved[j][j]
    return x


def _with_zero_sum(
    problem: TrainingProblem,
    lines: Lines,
    exact: list[Fraction],
    groups: dict[tuple[int, int], _Group],
    ratios: dict[int, Fraction],
) -> list[Fraction] | None:
    """The sum of all entries taken off where that changes no other sum: on a zero row, or on two samples of one side."""
    total = sum(exact, Fraction(0))
    if total == 0:
        return exact
    room = problem.loss.room(np.array([float(v) for v in exact])[:, None], problem.weights[:, None])[:, 0]
    zeros = np.flatnonzero((lines.line < 0) & (problem.weights > 0))
    zero = int(zeros[np.argmax(room[zeros])]) if zeros.size else None
    if zero is not None and room[zero] > abs(total):
        exact[zero] -= total
        return exact
    shares = [
        (float(abs(1 - ratios[i] / ratios[g.pivot])) * min(room[i], room[g.pivot]), i, g.pivot)
        for g in groups.values()
        for i in g.members.tolist()
    ]
    share, i, pivot = max(shares, default=(0.0, 0, 0))
    if not share > 0:
        if zero is None:
            return None
        exact[zero] -= total
        return exact
    ratio = ratios[i] / ratios[pivot]
    step = total / (1 - ratio)
    exact[i] -= step
    exact[pivot] += step * ratio
    return exact
