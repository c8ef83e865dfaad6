"""All optima of a small problem, by trying everything: all patterns, all faces, all supports. Shares no code with certify's search.

On the relative interior of a face of the arrangement the gain is g . u, so a direction of the largest gain is the projection of some
s Z'D nu onto the span of a face: those of all patterns and all sets of boundary rows are listed, and their true gain is taken.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, product

import numpy as np
from scipy.optimize import nnls

from certify.problem.objective import Bias, Loss
from certify.problem.training import TrainingProblem

NEAR = 1e-10  # relative; a gain this close to the largest is the largest


@dataclass(frozen=True)
class Optima:
    """units (N, D) and signs (N,) of the optimal directions, second: the largest gain of all others; A (n, N) and target (n,)."""

    units: np.ndarray
    signs: np.ndarray
    largest: float
    second: float
    columns: np.ndarray
    target: np.ndarray


def negative_slope(problem: TrainingProblem, f: np.ndarray) -> np.ndarray:
    """-grad L (n,), by the formulas of the losses."""
    y, w = problem.targets[:, 0], problem.weights
    if problem.objective.loss is Loss.LOGISTIC:
        return w * y / (1 + np.exp(y * f))
    return w * (y - f) * (2 if problem.objective.loss is Loss.SQUARED else 1)


def optima(problem: TrainingProblem, f: np.ndarray, constant: float) -> Optima:
    """From the optimal predictions f (n,), the output bias in them included."""
    Z, nu = problem.rows, negative_slope(problem, f)
    every = candidates_with_free_bias if problem.free_hidden_bias else candidates
    found = sorted(every(Z, nu), key=lambda item: -item[2])
    largest = found[0][2] if found else 0.0
    units, signs, second = [], [], 0.0
    for unit, sign, gain in found:
        if gain < problem.beta * (1 - NEAR):
            second = gain
            break
        if not any(s == sign and np.linalg.norm(u - unit) < 1e-4 for u, s in zip(units, signs, strict=True)):
            units.append(unit)
            signs.append(sign)
    units = np.array(units).reshape(-1, Z.shape[1])
    columns = np.maximum(Z @ units.T, 0.0) * np.array(signs)
    target = f - constant
    if problem.objective.output_bias is Bias.FREE:
        columns, target = columns - columns.mean(axis=0), target - target.mean()
    return Optima(units, np.array(signs), largest, second, columns, target)


def candidates(Z: np.ndarray, nu: np.ndarray) -> Iterator[tuple[np.ndarray, int, float]]:
    """Unit directions, the sign of their gain, and its size."""
    rows = np.unique(Z, axis=0)
    slopes = np.array(list(product((0.0, 1.0), repeat=len(Z)))) * nu @ Z
    for size in range(min(Z.shape[1], len(rows) + 1)):
        for chosen in combinations(range(len(rows)), size):
            onto = np.eye(Z.shape[1]) - np.linalg.pinv(rows[list(chosen)]) @ rows[list(chosen)]
            for u in np.vstack([slopes @ onto, -slopes @ onto]):
                length = np.linalg.norm(u)
                if length > 1e-9:
                    gain = nu @ np.maximum(Z @ (u / length), 0.0)
                    yield u / length, int(np.sign(gain)) or 1, abs(gain)


def candidates_with_free_bias(Z: np.ndarray, nu: np.ndarray) -> Iterator[tuple[np.ndarray, int, float]]:
    """Likewise with |w| = 1 and the bias, the last entry, outside the norm: on faces that leave no direction of it free."""
    rows = np.unique(Z, axis=0)
    slopes = np.array(list(product((0.0, 1.0), repeat=len(Z)))) * nu @ Z
    for size in range(1, Z.shape[1]):
        for chosen in combinations(range(len(rows)), size):
            _, sizes, axes = np.linalg.svd(rows[list(chosen)])
            basis = axes[int(np.sum(sizes > 1e-9)) :].T
            metric = basis[:-1].T @ basis[:-1]
            if not basis.shape[1] or np.linalg.cond(metric) > 1e10:
                continue
            best = slopes @ basis @ np.linalg.inv(metric) @ basis.T
            for u in np.vstack([best, -best]):
                length = np.linalg.norm(u[:-1])
                if length > 1e-9:
                    gain = nu @ np.maximum(Z @ (u / length), 0.0)
                    yield u / length, int(np.sign(gain)) or 1, abs(gain)


def segments(problem: TrainingProblem, known: Optima, nu: np.ndarray) -> list[list[int]]:
    """With a free bias: which of the directions are ends of one segment, whose middle has the largest gain too; and the others alone."""
    left, groups = list(range(len(known.units))), []
    while left:
        first = left.pop(0)
        mates = [
            k
            for k in left
            if known.signs[k] == known.signs[first]
            and np.linalg.norm(known.units[k][:-1] - known.units[first][:-1]) < 1e-6
            and abs(nu @ np.maximum(problem.rows @ (known.units[k] + known.units[first]) / 2, 0.0))
            > problem.beta * (1 - 1e-9)
        ]
        left = [k for k in left if k not in mates]
        groups.append([first, *mates])
    return groups


def feasible(columns: np.ndarray, target: np.ndarray) -> bool:
    """Whether the target is a nonnegative combination of the columns. (nnls aborts the interpreter where there are none.)"""
    scale = max(np.linalg.norm(target), 1e-300)
    if not columns.shape[1]:
        return bool(np.linalg.norm(target) <= 1e-9)
    return bool(nnls(columns, target)[1] <= 1e-9 * max(scale, 1.0))


def vertex_supports(columns: np.ndarray, target: np.ndarray) -> dict[frozenset[int], np.ndarray]:
    """Every vertex of {c >= 0 : columns c = target}, by its support: the independent ones that reach the target."""
    found = {}
    for size in range(columns.shape[1] + 1):
        for chosen in combinations(range(columns.shape[1]), size):
            part = columns[:, chosen]
            if size == 0:
                if np.linalg.norm(target) <= 1e-9:
                    found[frozenset()] = np.zeros(0)
                continue
            if size > len(target) or np.linalg.matrix_rank(part, tol=1e-8) < size:
                continue
            c = np.linalg.lstsq(part, target, rcond=None)[0]
            if np.all(c > 1e-8) and np.linalg.norm(part @ c - target) <= 1e-8:
                found[frozenset(chosen)] = c
    return found


def components(columns: np.ndarray, target: np.ndarray, width: int, groups_of: list[list[int]] | None = None) -> int:
    """Path components of the optimal networks of a width, by the faces of the polytope: sets of at most `width` directions that reach
    the target, joined where their common part does. groups_of: columns that count as one direction."""
    members = groups_of or [[k] for k in range(columns.shape[1])]
    count = len(members)
    faces = [
        frozenset(chosen)
        for size in range(min(width, count) + 1)
        for chosen in combinations(range(count), size)
        if feasible(columns[:, [k for block in chosen for k in members[block]]], target)
    ]
    known = set(faces)
    minimal = [face for face in faces if not any(other < face for other in known)]
    groups: list[set[frozenset[int]]] = []  # of minimal faces, which are the vertices
    for face in faces:
        inside = {vertex for vertex in minimal if vertex <= face}
        touched = [group for group in groups if group & inside]
        groups = [group for group in groups if not group & inside] + [inside.union(*touched)]
    # a class is isolated where all its points have exactly `width` atoms; the zero network is one point of any width
    alone = [group for group in groups if all(len(face) == width for face in faces if any(v <= face for v in group))]
    return len(groups) - len(alone) + len(alone) * math.factorial(width) if any(minimal) else len(groups)
