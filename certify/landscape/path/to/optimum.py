"""The target of a path, as the exact point of the polytope of optima that stands beside it, and the way back from its vertex to it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from certify.arrays import Bools, Floats
from certify.decide.proving import TIGHT, Proving
from certify.landscape.directions import projected
from certify.landscape.landscape import positive_part
from certify.landscape.path.search import descents
from certify.landscape.path.tidy import tidied
from certify.landscape.path.track import Move, Point, Track, predictions_at, value_at
from certify.linear import least_squares, matmul, norm
from certify.problem.dual import dual_vector, gain_problem
from certify.problem.objective import Bias
from certify.problem.training import TrainingProblem

_OPTIMAL = 1e-9  # relative; a gain that is less than beta by more is not that of an optimal direction
_REACHED = 1e-9  # relative to f; what masses may miss the optimal predictions by
_BACKWARDS = {Move.MERGE: Move.SPLIT, Move.PRUNE: Move.EDGE}


@dataclass(frozen=True, slots=True, eq=False)
class Optimum:
    """given: the target as it was given. ways: from the optimum beside it, in the same slots, to its vertex, whose activations are
    independent; to be walked backwards."""

    given: Point
    way: Track

    @property
    def vertex(self) -> Point:
        """Where its way begins, walked backwards."""
        return self.way.end

    def backwards(self, track: Track) -> Track:
        """A track that ends at the vertex, slot by slot, continued to the optimum beside the target."""
        for point, move in zip(self.way.points[-2::-1], self.way.moves[::-1], strict=True):
            track = track.then(_BACKWARDS.get(move, Move.SEGMENT), point)
        return track


def optimum_beside(proving: Proving, given: Point, known: Point) -> Optimum:
    """The optimum nearest to a network that is nearly one. known: another optimum, as exact as can be."""
    problem = proving.problem
    beside = None if problem.free_hidden_bias else _moved_into(problem, given, known)
    if beside is None and value_at(problem, given) <= value_at(problem, known) * (1 + 1e-12):
        beside = given
    track = Track((given,), ()) if beside is None else Track((beside,), ())
    if beside is None:  # where a way down from it ends, then
        track = Track((next(descents(proving, track, TIGHT, elsewhere=False)).track.end,), ())
    return Optimum(given, tidied(problem, track))


def _moved_into(problem: TrainingProblem, given: Point, known: Point) -> Point | None:
    """Its neurons turned to the optimal directions of their cones, with the masses nearest to theirs that give the predictions.

    None where that is no optimum: where neurons that matter lie in cones without an optimal direction.
    """
    f = predictions_at(problem, known)
    gain = gain_problem(positive_part(problem)[0], dual_vector(problem, f[:, None])[problem.weights > 0])
    w = given.w.copy()
    for j in np.flatnonzero(given.used):
        pattern = matmul(gain.rows, w[j]) > 0
        bound, direction, _ = projected(gain, pattern, np.any(gain.rows != 0, axis=1), int(given.signs[j]))
        size = float(norm(direction))
        right = size > 0 and abs(bound - problem.beta) <= _OPTIMAL * problem.beta
        w[j] = direction * (float(norm(w[j])) / size) if right else 0.0
    point = replace(given, w=w)
    columns, target = equations(problem, point, f, known.c)
    masses = _nearest(columns, target, np.any(w != 0, axis=1))
    if masses is None:
        return None
    point = point.replaced(w * masses[:, None], known.c)
    return point.replaced(point.w, constant_of(problem, point, f, known.c))


def equations(problem: TrainingProblem, point: Point, f: Floats, c: float) -> tuple[Floats, Floats]:
    """Columns (n', m) and target (n',) such that multiples x >= 0 of the point's neurons are optimal iff columns x = target.

    f (n,): the predictions of the optima, c their output bias; modulo constants where it is free. n': samples of positive weight.
    """
    weighted = problem.weights > 0
    columns = (problem.activations(point.w) * point.signs)[weighted]
    target = f[weighted] - c
    if problem.objective.output_bias is Bias.FREE:
        return columns - np.mean(columns, axis=0), target - np.mean(target)
    return columns, target


def constant_of(problem: TrainingProblem, point: Point, f: Floats, c: float) -> float:
    """The output bias with which the point's neurons predict f (n,), where it is free; else c."""
    if problem.objective.output_bias is not Bias.FREE:
        return c
    weighted = problem.weights > 0
    return float(np.mean((f - predictions_at(problem, point.replaced(point.w, 0.0)))[weighted]))


def _nearest(columns: Floats, target: Floats, used: Bools) -> Floats | None:
    """The multiples (m,) nearest to 1 that reach the target, those that would be negative 0; None where they do not."""
    multiples, size = used.astype(float), float(norm(target))
    for _ in range(len(used) + 1):
        kept = multiples > 0
        if not np.any(kept):
            break
        multiples[kept] += least_squares(columns[:, kept], target - matmul(columns, multiples))
        if np.all(multiples >= 0):
            break
        multiples = np.maximum(multiples, 0.0)
    missed = float(norm(matmul(columns, multiples) - target))
    return multiples if missed <= _REACHED * size and np.all(multiples >= 0) else None
