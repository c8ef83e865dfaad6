"""From one optimum to another of the same width, F constant (docs/theory.md, section 7)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from certify.arrays import Bools, Floats
from certify.landscape.landscape import Landscape
from certify.landscape.path.tidy import sides
from certify.landscape.path.to.edges import edges_towards, fewest_at_once
from certify.landscape.path.to.optimum import Optimum, constant_of, equations
from certify.landscape.path.to.slots import rearranged
from certify.landscape.path.track import Move, Point, Track, predictions_at
from certify.landscape.polytope import polytope_of
from certify.linear import norm
from certify.problem.training import TrainingProblem

_SAME = 1e-6  # unit vectors this close are one optimal direction
_MOST_VERTICES = 5_000


@dataclass(frozen=True, slots=True, eq=False)
class Joined:
    """What came of it. track: to the optimum beside the target; None where none was found.

    order   where its neurons do not stand in the target's slots, as no slot is ever free for a change: slot j is the target's order[j]
    width   the least width at which the two hang together, where that was looked up among all optima
    """

    track: Track | None = None
    order: dict[int, int] | None = None
    width: int | None = None


def joined(
    problem: TrainingProblem, track: Track, target: Optimum, landscape: Callable[[], Landscape | None]
) -> Joined:
    """A track that ends at a vertex of the optima, continued to the target. landscape: asked for all optima, where edges need too many slots."""
    atoms, start, end = _atoms(problem, track.end, target.vertex)
    f, c = predictions_at(problem, track.end), track.end.c
    columns, right = equations(problem, atoms, f, c)
    walk = edges_towards(columns, right, start, end > 0)
    further = None if walk is None else _along(problem, track, atoms, walk, target.vertex)
    width = None
    if further is None:
        known = landscape()
        found = None if known is None else _by_all_optima(problem, known, track.end, target.vertex)
        if found is None:
            return Joined()
        width, atoms, walk = found
        further = _along(problem, track, atoms, walk, target.vertex) if width <= len(track.end.w) else None
    if further is None:
        return Joined(None, None, width)
    order = _order(further.end, target.vertex)
    if order is None:
        return Joined(None, None, width)
    arranged = rearranged(further, order)
    return Joined(further, order, width) if arranged is None else Joined(target.backwards(arranged), None, width)


def straight(problem: TrainingProblem, track: Track, target: Optimum) -> Track | None:
    """From the last breakpoint that leaves room for it: the straight way to the target's vertex, in slots of its own or of the same cones."""
    for last in range(len(track.points) - 1, -1, -1):
        before = Track(track.points[: last + 1], track.moves[:last])
        order = _order_in_cones(problem, before.end, target.vertex)
        arranged = None if order is None else rearranged(before, order)
        if arranged is not None:
            return target.backwards(arranged.then(Move.SEGMENT, target.vertex))
    return None


def _atoms(problem: TrainingProblem, one: Point, other: Point) -> tuple[Point, Floats, Floats]:
    """The directions of two optima, each once, as a point of unit vectors (N, D), and the masses (N,) of either."""
    units: list[Floats] = []
    signs: list[float] = []
    masses: list[list[float]] = []
    for which, point in enumerate((one, other)):
        for j in np.flatnonzero(point.used):
            size = float(problem.size(point.w[j : j + 1])[0])
            unit = point.w[j] / size
            k = _same(units, signs, unit, float(point.signs[j]))
            if k is None:
                k = len(units)
                units.append(unit)
                signs.append(float(point.signs[j]))
                masses.append([0.0, 0.0])
            masses[k][which] += size
    atoms = Point(np.array(units).reshape(-1, one.w.shape[1]), np.array(signs), one.c)
    both = np.array(masses).reshape(-1, 2)
    return atoms, both[:, 0].copy(), both[:, 1].copy()


def _same(units: Sequence[Floats], signs: Sequence[float], unit: Floats, sign: float) -> int | None:
    near = (k for k, u in enumerate(units) if signs[k] == sign and float(norm(u - unit)) <= _SAME * float(norm(unit)))
    return next(near, None)


def _along(problem: TrainingProblem, track: Track, atoms: Point, walk: Sequence[Floats], goal: Point) -> Track | None:
    """Continued through these masses (N,) of the atoms; None where the slots are too few. The first of the walk is the track's end.

    Atoms that come in take the slot that they have in the goal, where it is free.
    """
    point = track.end
    f, slots, homes = predictions_at(problem, point), _slots(problem, atoms, point), _slots(problem, atoms, goal)
    for masses in walk[1:]:
        present = [int(k) for k in np.flatnonzero(masses > 0)]
        entering, free = (
            [k for k in present if k not in slots],
            [j for j in range(len(point.w)) if j not in slots.values()],
        )
        if len(entering) > len(free):
            return None
        for k in sorted(entering, key=lambda k: homes.get(k) not in free):
            slots[k] = homes[k] if homes.get(k) in free else free[0]
            free.remove(slots[k])
        w, signs = np.zeros_like(point.w), point.signs.copy()
        for k in present:
            w[slots[k]], signs[slots[k]] = masses[k] * atoms.w[k], atoms.signs[k]
        point = Point(w, signs, point.c)
        point = point.replaced(w, constant_of(problem, point, f, track.end.c))
        track = track.then(Move.EDGE, point)
        slots = {k: slots[k] for k in present}
    return track


def _slots(problem: TrainingProblem, atoms: Point, point: Point) -> dict[int, int]:
    """In which slot each atom is that the point has."""
    found: dict[int, int] = {}
    units, signs = list(atoms.w), atoms.signs.tolist()
    for j in np.flatnonzero(point.used):
        k = _same(units, signs, point.w[j] / problem.size(point.w[j : j + 1])[0], float(point.signs[j]))
        if k is not None:
            found[k] = int(j)
    return found


def _by_all_optima(
    problem: TrainingProblem, landscape: Landscape, one: Point, other: Point
) -> tuple[int, Point, list[Floats]] | None:
    """The least width at which two vertices hang together, the optimal directions, and the masses (N,) of vertices on the way."""
    polytope = polytope_of(landscape, _MOST_VERTICES)
    if not polytope.complete or not (landscape.complete and not landscape.ambiguous):
        return None
    atoms = Point(landscape.units, landscape.signs, one.c)
    supports = polytope.vertices > 0
    places = [_place(problem, atoms, supports, point) for point in (one, other)]
    if places[0] is None or places[1] is None:
        return None
    width, way = fewest_at_once(supports, places[0], np.arange(len(supports)) == places[1])
    return width, atoms, [polytope.vertices[k] for k in way]


def _place(problem: TrainingProblem, atoms: Point, supports: Bools, point: Point) -> int | None:
    """Which vertex a point is."""
    mine = np.zeros(len(atoms.w), dtype=bool)
    slots = _slots(problem, atoms, point)
    mine[list(slots)] = True
    if len(slots) < int(np.sum(point.used)):
        return None
    found = np.flatnonzero(np.all(supports == mine, axis=1))
    return int(found[0]) if found.size else None


def _order(point: Point, other: Point) -> dict[int, int] | None:
    """Slot by slot, where each neuron of a point stands in the other one of the same neurons; None where they are not the same."""
    order: dict[int, int] = {}
    theirs = [int(k) for k in np.flatnonzero(other.used)]
    for j in np.flatnonzero(point.used):
        near = [
            k for k in theirs
            if k not in order.values() and other.signs[k] == point.signs[j]
            and float(norm(other.w[k] - point.w[j])) <= 1e-5 * float(norm(other.w[k]))
        ]  # fmt: skip
        if not near:
            return None
        order[int(j)] = near[0]
    return order if len(order) == len(theirs) else None


def _order_in_cones(problem: TrainingProblem, point: Point, other: Point) -> dict[int, int] | None:
    """Slots such that the straight way to the other point keeps to closed cones; None where they are too few."""
    side, theirs = sides(problem, point.w), sides(problem, other.w)
    order: dict[int, int] = {}
    wanted = [int(k) for k in np.flatnonzero(other.used)]
    for j in np.flatnonzero(point.used):
        fitting = [
            k for k in wanted
            if k not in order.values() and other.signs[k] == point.signs[j] and not np.any(side[j] * theirs[k] < 0)
        ]  # fmt: skip
        if fitting:
            order[int(j)] = fitting[0]
    rest = [int(j) for j in np.flatnonzero(point.used) if int(j) not in order]
    free = [k for k in range(len(point.w)) if k not in wanted]
    return None if len(rest) > len(free) else order | dict(zip(rest, free, strict=False))
