"""From an interior-point solution to machine precision: Newton's method on the active face of the restricted program.

A block that is zero stays zero, an inequality that is tight stays an equation; on that face the program is smooth. The
dual vector of a weakly decayed problem is small, so it needs this: an error of 1e-10 in the predictions is 1e-6 of beta = 1e-4.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np

from certify.arrays import Bools, Floats
from certify.convex.face import Face
from certify.convex.kinked_face import KinkedFace
from certify.convex.solution import Active, RestrictedSolution, evaluated, unit_rows
from certify.gain.question import Limits
from certify.linear import matmul, norm
from certify.problem.losses.kinked import Kinked
from certify.problem.training import TrainingProblem

_STEPS = 30
_PATIENCE, _LARGE_STEP = 8, 1e-3  # steps still this large by then lead nowhere
_SAME = 1e-9  # relative difference of values that is rounding
_ZERO_BLOCK = (1e-6, 1e-4)  # shares of the largest block, the least first
_TIGHT = (1e-6, 1e-8, 1e-4)


def polish(problem: TrainingProblem, solution: RestrictedSolution, limits: Limits) -> RestrictedSolution:
    """The same solution or a better one, as far as the limits allow; blocks of size zero are dropped."""
    trimmed = _without(solution, _of_size(solution, _ZERO_BLOCK[0]))
    if solution.active is not None:
        face = _face_of_multipliers(solution, solution.active)
        best = _on_face(*face, limits)
        if best is not None and best.value <= solution.value + _SAME * abs(solution.value):
            return best
        if trimmed.value > solution.value + _SAME * abs(solution.value):  # with a kink, what is dropped counts at once
            trimmed = solution
    tries = [_on_face(start, face, limits) for start, face in _faces(trimmed) if not limits.reached()]
    good = [t for t in tries if t is not None]
    best = min(good, key=lambda t: t.value, default=trimmed)
    # the face may be a hair above the interior point's value in the last digits, and yet be the accurate one
    allowed = solution.value + _SAME * abs(solution.value)
    return next((s for s in (best, trimmed) if s.value <= allowed), solution)


def _faces(solution: RestrictedSolution) -> Iterator[tuple[RestrictedSolution, Face]]:
    """The faces that the solution may lie on, each once, with the solution's blocks merged that do the same there.

    A neuron on a wall is a block on either side of it, or part of it on each: the interior-point method splits it, and no
    Newton step could tell where.
    """
    rows = unit_rows(solution.design.problem)
    seen: set[tuple[bytes, bytes]] = set()
    for dust, tight in product(_ZERO_BLOCK, _TIGHT):
        start, _ = _merged(_without(solution, _of_size(solution, dust)), rows, tight)
        mask = np.abs(_distances(start, rows)) <= tight
        key = (start.w.tobytes(), mask.tobytes())
        if key not in seen:
            seen.add(key)
            yield start, _face(start, rows, mask)


def _face_of_multipliers(solution: RestrictedSolution, active: Active) -> tuple[RestrictedSolution, Face]:
    """The face on which the solution lies according to its multipliers, its blocks merged as in `_faces`."""
    rows = unit_rows(solution.design.problem)
    start, groups = _merged(_without(solution, active.used), rows, _TIGHT[0])
    tight, patterns = active.tight[active.used], solution.blocks.patterns[active.used]
    # what one of the blocks says of a wall holds for their sum, and a wall between two of them is tight
    masks = [np.any(tight[g], axis=0) | (np.any(patterns[g], axis=0) & ~np.all(patterns[g], axis=0)) for g in groups]
    return start, _face(start, rows, np.array(masks).reshape(start.blocks.patterns.shape))


def _face(start: RestrictedSolution, rows: Floats, tight: Bools) -> Face:
    loss = start.design.problem.loss
    if isinstance(loss, Kinked):
        return KinkedFace(start, loss, rows, tight)
    return Face(start.design, rows, tight)


def _of_size(solution: RestrictedSolution, share: float) -> Bools:
    """Mask (K,) of the blocks of more than that share of the largest one's size."""
    sizes = solution.design.problem.size(solution.w)
    kept: Bools = sizes > share * float(np.max(sizes, initial=0.0))
    return kept


def _without(solution: RestrictedSolution, kept: Bools) -> RestrictedSolution:
    """Without the blocks outside the mask (K,); what they are of a free constant stays."""
    if np.all(kept):
        return solution
    c = solution.c
    if solution.design.problem.free_hidden_bias:
        # of no size, a block is its own free bias, which its cone lets differ from 0 only where all samples are active
        everywhere = ~kept & np.all(solution.blocks.patterns, axis=1)
        c += float(np.sum(solution.blocks.signs[everywhere] * solution.w[everywhere, -1]))
    return evaluated(solution.design.keep(kept), solution.w[kept], c, solution.multipliers)


def _distances(solution: RestrictedSolution, rows: Floats) -> Floats:
    """From each block's direction (K, n) to each row's hyperplane."""
    return matmul(solution.w, rows.T) / norm(solution.w, axis=1)[:, None]


def _merged(solution: RestrictedSolution, rows: Floats, tight: float) -> tuple[RestrictedSolution, list[list[int]]]:
    """Blocks of one sign in one closed cone, to the tolerance, added up into the largest of them (merging lemma, section 2).

    Returns also, for each block that is left, which ones it is the sum of.
    """
    blocks, distances = solution.blocks, _distances(solution, rows)
    walls = np.where(blocks.patterns, 1.0, -1.0)
    w, leads = solution.w.copy(), np.zeros(blocks.count, dtype=bool)
    groups: dict[int, list[int]] = {}
    for k in np.argsort(-solution.design.problem.size(solution.w), kind="stable"):
        inside = np.all(walls[leads] * distances[k] >= -tight, axis=1) & (blocks.signs[leads] == blocks.signs[k])
        if np.any(inside):
            lead = int(np.flatnonzero(leads)[int(np.argmax(inside))])
            w[lead] += w[k]
            groups[lead].append(int(k))
        else:
            leads[k] = True
            groups[int(k)] = [int(k)]
    left = [groups[k] for k in sorted(groups)]
    if np.all(leads):
        return solution, left
    return evaluated(solution.design.keep(leads), w[leads], solution.c, solution.multipliers), left


def _on_face(start: RestrictedSolution, face: Face, limits: Limits) -> RestrictedSolution | None:
    w, c = face.project(start.w), start.c
    last = np.inf
    for count in range(_STEPS):
        step = face.newton_step(w, c)
        if step is None or limits.reached():
            return None
        w, c = w + step[0], c + step[1]
        size = float(np.max(np.abs(step[0]), initial=0.0)) / (float(np.max(np.abs(w), initial=0.0)) or 1.0)
        if size <= 1e-15 or (size <= 1e-9 and size > last / 2):  # rounding moves it from here on
            break
        if count >= _PATIENCE and size > _LARGE_STEP:
            return None
        last = size
    end = evaluated(start.design, w, c, face.multipliers)
    return end if face.holds(w, c) and np.isfinite(end.value) else None
