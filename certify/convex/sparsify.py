"""The same predictions with fewer neurons, at no cost (docs/theory.md, sections 4, 5 and 7)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import numpy as np

from certify.gain.question import Limits
from certify.problem.training import TrainingProblem

_MOST_SUBSETS = 4_000
_SAME = 1e-9  # relative error of predictions that counts as the same


def prune(problem: TrainingProblem, w: np.ndarray, signs: np.ndarray) -> np.ndarray:
    """Masses t (K,) >= 0 so that t_k w_k gives the same predictions, costs no more, and uses independent activations.

    Caratheodory: along a null vector of the activations whose cost does not rise, until a neuron vanishes.
    """
    t = (problem.size(w) > 0).astype(float)
    columns, costs = _triangle(signs * problem.activations(w)), problem.size(w)
    while True:
        used = np.flatnonzero(t > 0)
        scaled = columns[:, used] * t[used]
        lengths = np.linalg.norm(scaled, axis=0)
        if used.size == 0:
            return t
        _, sizes, axes = np.linalg.svd(
            scaled / np.where(lengths > 0, lengths, 1.0), full_matrices=used.size > columns.shape[0]
        )
        rank = int(np.sum(sizes > 1e-10 * sizes[0]))
        if rank == used.size:
            return t
        direction = axes[-1] / np.where(lengths > 0, lengths, 1.0)
        if direction @ (costs[used] * t[used]) > 0 or not np.any(direction < 0):
            direction = -direction
        if not np.any(direction < 0):
            return t
        step = float(np.min(-1.0 / direction[direction < 0]))
        t[used] *= np.maximum(1.0 + step * direction, 0.0)
        t[used[int(np.argmin(direction))]] = 0.0


def _triangle(columns: np.ndarray) -> np.ndarray:
    """As many rows as columns (or fewer), with the same inner products between columns: R of their QR factorisation."""
    return np.linalg.qr(columns, mode="r")


def fewest(
    problem: TrainingProblem,
    directions: np.ndarray,
    signs: np.ndarray,
    target: np.ndarray,
    at_most: int,
    limits: Limits,
) -> tuple[np.ndarray, np.ndarray] | None:
    """Indices and masses of at most `at_most` directions (K, D) whose activations add up to the target (n,), or None.

    All subsets, smallest first, as long as there are few and the limits allow; a constant is fitted along where it costs
    nothing.
    """
    free_constant = problem.has_constant and problem.constant_decay == 0
    constant = np.ones((target.size, 1 if free_constant else 0))
    triangle = _triangle(np.column_stack([signs * problem.activations(directions), constant, target]))
    columns, constant, target = triangle[:, : signs.size], triangle[:, signs.size : -1], triangle[:, -1]
    scale = float(np.linalg.norm(target)) or 1.0
    for subset in _subsets(signs.size, at_most):
        if limits.reached():
            return None
        a = np.column_stack([columns[:, subset], constant])
        mass = np.linalg.lstsq(a, target, rcond=None)[0]
        fits = np.linalg.norm(a @ mass - target) <= _SAME * scale
        if fits and np.all(mass[: len(subset)] >= -_SAME * scale):
            return np.array(subset), np.maximum(mass[: len(subset)], 0.0)
    return None


def _subsets(count: int, at_most: int) -> Iterator[list[int]]:
    """Subsets of growing size, as long as a size has few of them."""
    for size in range(1, min(at_most, count) + 1):
        if math.comb(count, size) > _MOST_SUBSETS:
            return
        yield from (list(s) for s in itertools.combinations(range(count), size))
