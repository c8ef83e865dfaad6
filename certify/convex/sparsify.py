"""The same predictions with fewer neurons, at no cost (docs/theory.md, sections 4, 5 and 7)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from certify._core.bounded import bounded_least_squares
from certify.arrays import Floats, Indices
from certify.convex.blocks import constant_left
from certify.gain.question import Limits
from certify.linear import matmul, norm, qr, svd
from certify.problem.training import TrainingProblem

_MOST_SUBSETS = 4_000
_INDEPENDENT = 1e-10  # share of the largest singular value
_SAME = 1e-9  # relative error of predictions that counts as the same


def prune(problem: TrainingProblem, w: Floats, signs: Floats) -> Floats:
    """Masses t (K,) >= 0 so that t_k w_k gives the same predictions, costs no more, and uses independent activations.

    Caratheodory: along a null vector of the activations whose cost does not rise, until a neuron vanishes.
    """
    t = (problem.size(w) > 0).astype(float)
    activations, costs = signs * problem.activations(w), problem.size(w)
    if not np.all(np.isfinite(activations)):
        return t
    columns = _triangle(activations)
    while True:
        used = np.flatnonzero(t > 0)
        if used.size == 0:
            return t
        direction = _null_vector(columns[:, used] * t[used])
        if direction is None:
            return t
        if matmul(direction, costs[used] * t[used]) > 0 or not np.any(direction < 0):
            direction = -direction
        if not np.any(direction < 0):
            return t
        step = float(np.min(-1.0 / direction[direction < 0]))
        t[used] *= np.maximum(1.0 + step * direction, 0.0)
        t[used[int(np.argmin(direction))]] = 0.0


def _null_vector(columns: Floats) -> Floats | None:
    """A vector that the columns add up to nothing with; None where they are independent, or too large to tell."""
    lengths = norm(columns, axis=0)
    lengths = np.where(lengths > 0, lengths, 1.0)
    missing = max(0, columns.shape[1] - columns.shape[0])  # rows of zeros, so that there are as many axes as columns
    try:
        _, sizes, axes = svd(np.vstack([columns / lengths, np.zeros((missing, columns.shape[1]))]))
    except ArithmeticError:
        return None
    independent = sizes[-1] > _INDEPENDENT * sizes[0]
    return None if independent else axes[-1] / lengths


def _triangle(columns: Floats) -> Floats:
    """As many rows as columns (or fewer), with the same inner products between columns: R of their QR factorisation."""
    return qr(columns)[1]


@dataclass(frozen=True, slots=True, eq=False)
class Sparse:
    """The chosen directions' indices, their masses, and the constant."""

    chosen: Indices
    masses: Floats
    constant: float


def fewest(
    problem: TrainingProblem,
    directions: Floats,
    signs: Floats,
    target: Floats,
    constant: float,
    at_most: int,
    limits: Limits,
) -> Sparse | None:
    """At most `at_most` of the directions (K, D) whose activations and the constant add up to the target (n,), or None.

    All subsets, smallest first, as long as there are few and the limits allow. A constant that costs nothing is fitted along; where it
    would take a neuron of its own, other subsets of that size are preferred.
    """
    free = problem.has_constant and problem.constant_decay == 0
    columns = [signs * problem.activations(directions), np.ones((target.size, int(free)))]
    table = np.column_stack([*columns, target - (0.0 if free else constant)])
    if not np.all(np.isfinite(table)):
        return None
    triangle = _triangle(table)
    activations, ones, aim = triangle[:, : signs.size].T, triangle[:, signs.size : -1].T, triangle[:, -1]
    scale = float(norm(aim)) or 1.0
    second: Sparse | None = None
    for subset in _subsets(signs.size, at_most):
        if limits.reached() or (second is not None and len(subset) > len(second.chosen)):
            break
        vectors = np.vstack([activations[subset], ones, -ones])
        mass = bounded_least_squares(vectors, aim, np.full(len(vectors), np.inf))
        if not norm(matmul(mass, vectors) - aim) <= _SAME * scale:
            continue
        fitted = float(mass[-2] - mass[-1]) if free else constant
        found = Sparse(np.array(subset), mass[: len(subset)], fitted)
        left = constant_left(problem, directions[subset] * found.masses[:, None], signs[subset], fitted)
        if abs(left) <= _SAME * scale:
            return found
        second = second or found
    return second


def _subsets(count: int, at_most: int) -> Iterator[list[int]]:
    """Subsets of growing size, as long as a size has few of them."""
    for size in range(1, min(at_most, count) + 1):
        if math.comb(count, size) > _MOST_SUBSETS:
            return
        yield from (list(s) for s in itertools.combinations(range(count), size))
