"""The straight way to the optimum of the program on given cones, each neuron in its own slot (docs/theory.md, section 7, step 4a)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from certify.arrays import Floats
from certify.convex.blocks import Blocks
from certify.convex.polish import polish
from certify.convex.restricted import solve_restricted
from certify.gain.question import Limits, Violator
from certify.landscape.path.track import Move, Point, Track, predictions_at, value_at
from certify.linear import matmul
from certify.problem.training import TrainingProblem

_FALLS = 1e-13  # relative; a segment that gains less is not worth its piece


def downhill(problem: TrainingProblem, track: Track, entering: Sequence[Violator], limits: Limits) -> Track:
    """A segment to the optimum of the cones of the track's end, and of the entering directions in its free slots.

    The track itself where that is no lower. No two used slots of one sign share a closed cone, as `tidied` leaves them.
    """
    point = track.end
    signs, hints = point.signs.copy(), point.w.copy()
    slots = [int(j) for j in np.flatnonzero(point.used)]
    for slot, violator in zip(point.free, entering, strict=False):
        signs[slot], hints[slot] = float(violator.sign), violator.direction
        slots.append(slot)
    slots = _of_different_pairs(problem, slots, hints, signs)
    if not slots:
        return track
    patterns = (matmul(problem.rows, hints[slots].T) > 0).T
    blocks = Blocks(patterns, signs[slots], hints[slots])
    solved = polish(problem, solve_restricted(problem, blocks, limits), limits)
    w = np.zeros_like(point.w)
    for block, sign, pattern in zip(solved.w, solved.blocks.signs, solved.blocks.patterns, strict=True):
        slot = next(
            k for k, s, p in zip(slots, signs[slots], patterns, strict=True) if s == sign and np.array_equal(p, pattern)
        )
        w[slot] = block
    end = Point(w, signs, solved.c)
    before = value_at(problem, point)
    if not value_at(problem, end) < before - _FALLS * abs(before):
        return track
    return track.then(Move.SEGMENT, end)


def without(problem: TrainingProblem, track: Track, dropped: Sequence[int], limits: Limits) -> Track | None:
    """The straight way to the optimum of the cones of the track's end without the neurons in these slots; None where F rises on it."""
    point = track.end
    left = replace(point, w=np.where(np.isin(np.arange(len(point.w)), dropped)[:, None], 0.0, point.w))
    end = downhill(problem, Track((left,), ()), (), limits).end
    if not value_at(problem, end) < value_at(problem, point) or _slope(problem, point, end) > 0:
        return None
    return track.then(Move.SEGMENT, end)


def _slope(problem: TrainingProblem, start: Point, end: Point) -> float:
    """Of F at the end of the straight piece, in a pair of points whose neurons stay in their cones."""
    f, before = predictions_at(problem, end), predictions_at(problem, start)
    sizes = problem.size(end.w)
    steps = end.w - start.w
    if problem.free_hidden_bias:
        steps[:, -1] = 0.0
    inner = np.sum(end.w * steps, axis=1)
    masses = np.where(sizes > 0, inner / np.where(sizes > 0, sizes, 1.0), -problem.size(start.w))
    decay = problem.constant_decay * end.c * (end.c - start.c)
    return float(np.sum(problem.slope(f[:, None])[:, 0] * (f - before)) + problem.beta * np.sum(masses)) + decay


def _of_different_pairs(problem: TrainingProblem, slots: Sequence[int], hints: Floats, signs: Floats) -> list[int]:
    """The slots without those that repeat the pattern and the sign of an earlier one."""
    first: dict[tuple[float, bytes], int] = {}
    for slot in slots:
        first.setdefault((float(signs[slot]), (matmul(problem.rows, hints[slot]) > 0).tobytes()), slot)
    return list(first.values())
