"""From a network down to a global optimum, without ever rising (docs/theory.md, section 7).

Tidy up; go straight to the optimum of the network's own cones; where a slot is free, let the best violating direction in and go
straight to the optimum of the enlarged program; and so on. Values fall strictly and programs are finitely many, so with a free slot
after every tidying, as at width R + 1 and more, this ends at P*. At smaller widths it may end in a valley: then other directions are let in
at the branches before, as long as time allows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations, islice

import numpy as np

from certify.convex.blocks import blocks_of
from certify.decide.proving import TIGHT, Proving
from certify.failures import unless_it_fails, until_it_fails
from certify.gain.question import Violator
from certify.landscape.path.segment import downhill, without
from certify.landscape.path.tidy import tidied
from certify.landscape.path.track import Point, Track, predictions_at, value_at
from certify.problem.dual import dual_vector
from certify.problem.training import TrainingProblem

_CHOICES = 6  # directions tried at a branch
_MOST_PIECES = 400
_MOST_DROPPED = 30  # pairs of neurons left out at the beginning
_VIOLATES = 1e-9  # relative; gains up to beta by this much are no reason to go on
_GAIN_SECONDS, _GAIN_NODES = 2.0, 20_000


@dataclass(frozen=True, slots=True, eq=False)
class Descent:
    """The lowest track found, whether its end is a global optimum to the tolerance, and how many dead ends were met."""

    track: Track
    reached: bool
    dead_ends: int


def descents(proving: Proving, start: Track, eps: float, elsewhere: bool = True) -> Iterator[Descent]:
    """Depth first over the directions that are let in, the most violating first; proving holds the lower bound on P*.

    Every end at a global optimum in turn, each as far beyond eps as it goes without turning back; where there is none, the lowest end.
    elsewhere: whether to begin without some of the neurons, too.
    """
    problem = proving.problem
    best, dead_ends, reached = start, 0, False
    branches: list[Iterator[Track]] = [_beginnings(proving, start) if elsewhere else iter([start])]
    while branches and not proving.limits.reached():
        track = next(until_it_fails(branches[-1]), None)
        if track is None:
            branches.pop()
            continue
        track = unless_it_fails(partial(settled, proving, track), track)
        if value_at(problem, track.end) < value_at(problem, best.end):
            best = track
        if _is_optimal(proving, track, TIGHT):
            reached = True
            yield Descent(track, True, dead_ends)
            continue
        violators: list[Violator] = []
        if len(track.moves) <= _MOST_PIECES:
            violators = unless_it_fails(partial(_violators, proving, track), violators)
        if track.end.free and violators:
            branches.append(_continued(proving, track, violators))
        elif _is_optimal(proving, track, eps):
            reached = True
            yield Descent(track, True, dead_ends)
        else:
            dead_ends += 1
    if not reached:
        yield Descent(best, _is_optimal(proving, best, eps), dead_ends)


def _beginnings(proving: Proving, start: Track) -> Iterator[Track]:
    """The start; then, with slots that are free from the beginning, what is left of it without one neuron, without two, without all.

    From there on other valleys can be reached; only those ways are kept on which F never rises, and the lowest come first.
    """
    yield start
    problem, limits = proving.problem, proving.limits
    track = tidied(problem, start)
    used = [int(j) for j in np.flatnonzero(track.end.used)]
    for size in sorted({1, 2, len(used)}):
        ways = (without(problem, track, dropped, limits) for dropped in islice(combinations(used, size), _MOST_DROPPED))
        yield from sorted((w for w in ways if w is not None), key=lambda w: value_at(problem, w.end))


def settled(proving: Proving, track: Track) -> Track:
    """Tidied up, and at the optimum of its own cones; over and over, as neurons that reach a wall can be merged there."""
    while not proving.limits.reached():
        before = len(track.moves)
        track = downhill(proving.problem, tidied(proving.problem, track), (), proving.limits)
        if len(track.moves) == before or len(track.moves) > _MOST_PIECES:
            break
    return tidied(proving.problem, track)


def _continued(proving: Proving, track: Track, violators: list[Violator]) -> Iterator[Track]:
    """The ways on: all free slots filled with the best directions at first, then one direction after the other."""
    problem, limits = proving.problem, proving.limits
    slots = len(track.end.free)
    ways = [violators[:slots]] if slots > 1 and len(violators) > 1 else []
    ways += [[violator] for violator in violators[:_CHOICES]]
    for entering in ways:
        further = downhill(problem, track, entering, limits)
        if further is not track:
            yield further


def bound_optimum(proving: Proving, points: Sequence[Point]) -> None:
    """The lower bound on P* that the path's end is held against; the points' cones are known to the program from the beginning."""
    w, signs = (np.concatenate(parts) for parts in zip(*((p.w[p.used], p.signs[p.used]) for p in points), strict=True))
    if proving.start(blocks_of(proving.problem, w, signs)):
        proving.prove(TIGHT, proving.share(0.5, proving.limits), lambda _: proving.limits)


def _is_optimal(proving: Proving, track: Track, eps: float) -> bool:
    value = value_at(proving.problem, track.end)
    return value - proving.lower.value <= eps * abs(value)


def _violators(proving: Proving, track: Track) -> list[Violator]:
    """Directions with a gain above beta at the track's end, the largest first."""
    problem: TrainingProblem = proving.problem
    nu = dual_vector(problem, predictions_at(problem, track.end)[:, None])
    known = [v.direction for v in proving.known] + list(track.end.w[track.end.used])
    if proving.generation is not None:
        known += list(proving.generation.directions)
    limits = proving.limits.within(_GAIN_SECONDS, _GAIN_NODES)
    bound = proving.bound(nu, 0.0, limits, known, stage="a direction that leads down")
    least = problem.beta * (1 + _VIOLATES)
    return [v for v in bound.witnesses if np.isfinite(v.gain) and v.gain > least]
