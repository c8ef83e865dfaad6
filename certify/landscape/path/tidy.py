"""The moves that free slots at no cost: shrink what is dead, recentre, merge, prune (docs/theory.md, section 7)."""

from __future__ import annotations

import numpy as np

from certify.arrays import Floats
from certify.landscape.path.track import Move, Point, Track
from certify.linear import matmul, norm, svd
from certify.problem.objective import Bias
from certify.problem.training import TrainingProblem

_ON_WALL = 1e-10  # |z.w| below this times |z||w| is on no side
_DEPENDENT = 1e-12  # singular value over the largest, of activations of length 1, below which they count as dependent


def tidied(problem: TrainingProblem, track: Track) -> Track:
    """As few neurons as these moves leave: at the end no two of one sign share a closed cone, and activations are independent."""
    track = _shrunk(problem, track)
    track = _recentred(problem, track)
    track = _merged(problem, track)
    return _pruned(problem, track)


def sides(problem: TrainingProblem, w: Floats) -> Floats:
    """-1, 0 or 1 (m, n): on which side of each sample's hyperplane each w lies, 0 to rounding."""
    values = matmul(w, problem.rows.T)
    room = _ON_WALL * norm(w, axis=1)[:, None] * norm(problem.rows, axis=1)
    return np.where(np.abs(values) <= room, 0.0, np.sign(values))


def _shrunk(problem: TrainingProblem, track: Track) -> Track:
    point = track.end
    dead = point.used & ~np.any(matmul(point.w, problem.rows.T) > 0, axis=1)
    if not np.any(dead):
        return track
    return track.then(Move.SHRINK, point.replaced(np.where(dead[:, None], 0.0, point.w)))


def _recentred(problem: TrainingProblem, track: Track) -> Track:
    """With both biases free: neurons active on every sample give up as much of their bias as they can."""
    if not (problem.free_hidden_bias and problem.objective.output_bias is Bias.FREE):
        return track
    point = track.end
    values = matmul(point.w, problem.rows.T)
    least = np.min(values, axis=1, initial=np.inf)
    excess = np.where(point.used & (least > _ON_WALL * norm(point.w, axis=1)), least, 0.0)
    if not np.any(excess > 0):
        return track
    w = point.w.copy()
    w[:, -1] -= excess
    return track.then(Move.RECENTRE, point.replaced(w, point.c + float(np.sum(point.signs * excess))))


def _merged(problem: TrainingProblem, track: Track) -> Track:
    point = track.end
    side = sides(problem, point.w)
    j = 0
    while j < len(point.w):
        k = _partner(point, side, j)
        if k is None:
            j += 1
            continue
        w = point.w.copy()
        w[j] += w[k]
        w[k] = 0.0
        point = point.replaced(w)
        track = track.then(Move.MERGE, point)
        side[[j, k]] = sides(problem, w[[j, k]])
        j = 0
    return track


def _partner(point: Point, side: Floats, j: int) -> int | None:
    """A later neuron of the same sign that no sample separates from neuron j."""
    if not point.used[j]:
        return None
    together = point.used & (point.signs == point.signs[j]) & ~np.any(side * side[j] < 0, axis=1)
    together[: j + 1] = False
    return int(np.argmax(together)) if np.any(together) else None


def _pruned(problem: TrainingProblem, track: Track) -> Track:
    while True:
        point = track.end
        used = np.flatnonzero(point.used)
        found = _dependency(problem, point, used)
        if found is None:
            return track
        shares, constant = found
        costs = problem.size(point.w[used])
        if matmul(shares, costs) > 0 or not np.any(shares < 0):
            shares, constant = -shares, -constant
        if not np.any(shares < 0):
            return track
        first = int(np.argmin(shares))
        step = -1.0 / float(shares[first])
        w = point.w.copy()
        w[used] *= np.maximum(1.0 + step * shares, 0.0)[:, None]
        w[used[first]] = 0.0
        track = track.then(Move.PRUNE, point.replaced(w, point.c + step * constant))


def _dependency(
    problem: TrainingProblem, point: Point, used: np.ndarray[tuple[int, ...], np.dtype[np.intp]]
) -> tuple[Floats, float] | None:
    """Shares x (q,) and a constant with sum x_j s_j (Z w_j)_+ + constant = 0; None where the activations are independent."""
    columns = problem.activations(point.w[used]) * point.signs[used]
    if problem.objective.output_bias is Bias.FREE:
        columns = np.column_stack([columns, np.ones(problem.samples)])
    lengths = norm(columns, axis=0)
    lengths = np.where(lengths > 0, lengths, 1.0)
    missing = max(0, columns.shape[1] - columns.shape[0])
    if not columns.shape[1]:
        return None
    _, sizes, axes = svd(np.vstack([columns / lengths, np.zeros((missing, columns.shape[1]))]))
    if sizes[-1] > _DEPENDENT * sizes[0]:
        return None
    vector = axes[-1] / lengths
    shares = vector[: len(used)]
    constant = float(vector[-1]) if len(vector) > len(used) else 0.0
    return (shares, constant) if np.any(shares) else None
