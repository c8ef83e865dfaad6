"""Which neuron stands in which slot: neurons change places through a free slot, at the same F."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from certify.landscape.path.track import Move, Point, Track


def rearranged(track: Track, order: Mapping[int, int]) -> Track | None:
    """The track with its end's slots in another order: what is in slot j comes to slot order[j].

    They change places at the last breakpoint with a free slot, and everything after it is the same in the other slots. None where no
    breakpoint has one. order: slots that are not named take those that are left.
    """
    moved = {j: k for j, k in order.items() if j != k}
    if not moved:
        return track
    width = len(track.end.w)
    left = [k for k in range(width) if k not in order.values()]
    whole = dict(order) | dict(zip([j for j in range(width) if j not in order], left, strict=True))
    places = [k for k, point in enumerate(track.points) if point.free]
    if not places:
        return None
    last = places[-1]
    changed = Track(track.points[: last + 1], track.moves[:last])
    used = [int(j) for j in np.flatnonzero(changed.end.used)]
    for slot, free in _exchanges({j: whole[j] for j in used}, width):
        changed = changed.then(Move.SPLIT, _moved(changed.end, slot, free))
    source = np.array([j for j, _ in sorted(whole.items(), key=lambda pair: pair[1])])
    for point, move in zip(track.points[last + 1 :], track.moves[last:], strict=True):
        changed = changed.then(move, Point(point.w[source], point.signs[source], point.c))
    return changed


def _exchanges(order: dict[int, int], width: int) -> list[tuple[int, int]]:
    """Moves (from a slot, to a free one) after which what was in slot j is in slot order[j]."""
    at = {j: j for j in order}
    moves: list[tuple[int, int]] = []
    while True:
        wrong = [j for j in order if at[j] != order[j]]
        if not wrong:
            return moves
        taken = set(at.values())
        ready = [j for j in wrong if order[j] not in taken]
        j = ready[0] if ready else wrong[0]
        to = order[j] if ready else next(k for k in range(width) if k not in taken)
        moves.append((at[j], to))
        at[j] = to


def _moved(point: Point, slot: int, free: int) -> Point:
    w, signs = point.w.copy(), point.signs.copy()
    w[free], signs[free] = w[slot], signs[slot]
    w[slot] = 0.0
    return Point(w, signs, point.c)
