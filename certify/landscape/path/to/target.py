"""The last part of a path to an optimum of one's choice: from the optimum that was reached to it, if the width allows (docs/theory.md, section 7)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from certify.decide.proving import Proving
from certify.landscape.finding import find_landscape
from certify.landscape.landscape import Landscape
from certify.landscape.path.search import Descent
from certify.landscape.path.to.joining import Joined, joined, straight
from certify.landscape.path.to.optimum import Optimum, equations, optimum_beside
from certify.landscape.path.track import Move, Point, Track, predictions_at, value_at
from certify.landscape.polytope import rank_of
from certify.linear import norm
from certify.problem.training import TrainingProblem

_MOST_ENDS = 12
_LOWEST = 1e-11  # relative; a network that is no higher than an optimum by more is one
_ROUNDING = 1e-9  # relative; so near, the target takes the place of the path's last point
_THERE = 1e-5  # relative; neurons this near to the target's may be them


@dataclass(frozen=True, slots=True, eq=False)
class Meeting:
    """descent: the way to the target where there is one, else to some optimum, or to the lowest place met.

    distance  from its end to the target, relative, where the target was reached; ordered: whether slot by slot
    apart     why no path leads there at this width, where that is proved
    width     the least width at which the optimum reached and the target hang together, where that is known
    """

    descent: Descent
    distance: float | None = None
    ordered: bool = True
    apart: str | None = None
    width: int | None = None


def meet(
    proving: Proving,
    start: Track,
    height: float,
    given: Point,
    descents: Iterator[Descent],
    accepted: Callable[[Track], bool],
) -> Meeting:
    """The start itself, or else one optimum after the other that the descents from it end at, continued to the target.

    height: F of the network that they begin at. given: the target, of the same width. accepted: whether the checker passes a track.
    """
    problem = proving.problem

    @cache
    def landscape() -> Landscape | None:
        if proving.limits.reached() or problem.free_hidden_bias:
            return None
        found = find_landscape(problem, proving.options)
        proving.interruption.wished |= found.interrupted
        return found if found.complete and not found.ambiguous else None

    if np.array_equal(start.end.w, given.w) and start.end.c == given.c and accepted(start):
        return Meeting(Descent(start, True, 0), 0.0)
    best: Meeting | None = None
    for number, descent in enumerate(descents):
        if not descent.reached:
            return best or Meeting(descent)
        end = descent.track.end
        lowest = height <= value_at(problem, end) * (1 + _LOWEST)
        target = optimum_beside(proving, given, end)
        met = joined(problem, descent.track, target, landscape)
        for track, order in _ways(problem, descent.track, target, met, lowest):
            distance = _distance(track.end, order)
            if not proving.limits.reached() and accepted(track):
                way = Descent(track, True, descent.dead_ends)
                return Meeting(way, distance, order is given, None, met.width)
        if best is None:
            best = Meeting(descent, None, True, _apart(problem, target, end, met) if lowest else None, met.width)
        if lowest or number + 1 >= _MOST_ENDS or proving.limits.reached():
            break
    assert best is not None  # descents yield one at least
    return best


def _ways(
    problem: TrainingProblem, before: Track, target: Optimum, met: Joined, lowest: bool
) -> Iterator[tuple[Track, Point]]:
    """Tracks to the target, and what they are to end at: it, exactly or nearly, and at last with its neurons in another order."""
    given = target.given
    if met.track is not None and met.order is None:
        yield from _ends(met.track, given)
    track = straight(problem, before, target)
    if track is not None:
        yield from _ends(track, given)
    if met.track is not None and met.order is not None and not lowest:
        source = np.array([met.order[j] for j in range(len(given.w))])
        yield from _ends(met.track, replace(given, w=given.w[source], signs=given.signs[source]))


def _ends(track: Track, goal: Point) -> Iterator[tuple[Track, Point]]:
    """With the goal itself for the end, with another piece to it, and as it is."""
    if np.array_equal(track.end.w, goal.w) and track.end.c == goal.c:
        yield track, goal
        return
    if track.moves and _distance(track.end, goal) <= _ROUNDING:
        yield Track((*track.points[:-1], goal), track.moves), goal
    yield track.then(Move.SEGMENT, goal), goal
    yield track, goal


def _apart(problem: TrainingProblem, target: Optimum, end: Point, met: Joined) -> str | None:
    """Why no way of constant F joins two optima, where that is proved."""
    width = len(end.w)
    if problem.free_hidden_bias or _distance(end, target.vertex) <= _THERE:
        return None
    if met.order is not None:
        return "the target is this network with its neurons in another order, and at this width every order is isolated"
    if met.width is not None and met.width > width:
        return (
            f"the network and the target are optima that hang together from width {met.width} on only, and every path from an optimum "
            "to another component rises"
        )
    for name, point in (("network", end), ("target", target.vertex)):
        if _isolated(problem, point):
            return f"the {name} is an isolated optimum of this width, and every path between it and another one rises"
    return None


def _isolated(problem: TrainingProblem, point: Point) -> bool:
    """Whether an optimum uses all slots for independent activations: then no other one is joined to it (section 12)."""
    columns, _ = equations(problem, point, predictions_at(problem, point), point.c)
    return not point.free and rank_of(columns).rank == len(point.w)


def _distance(point: Point, other: Point) -> float:
    """The largest |w_j - w'_j|, relative to the largest |w'_j|."""
    signs = np.where(point.signs == other.signs, 1.0, -1.0)[:, None]
    size = float(np.max(norm(other.w, axis=1), initial=0.0)) or 1.0
    return float(np.max(norm(point.w * signs - other.w, axis=1), initial=0.0)) / size
