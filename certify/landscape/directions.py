"""Every direction of nearly the largest gain, and proof that there is no other (docs/theory.md, section 12).

Per activation pattern D and sign s the gain s nu.(Zu)_+ over the unit directions of the closed cone K_D has one maximiser, the
projection p of s Z'D nu onto K_D, and |p| is its gain. All pairs (D, s) with |p| >= floor are listed; a direction on a wall lies in
several closed cones, and counts once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from certify.arrays import Bools, Floats
from certify.gain.question import GainProblem, Limits
from certify.landscape.segments import refined_multipliers, segment_ends
from certify.linear import matmul, norm
from certify.patterns.enumerate import Cones
from certify.patterns.kkt import project, upper_bounds

_INSIDE = 1e-9  # relative; how far a direction may lie outside its cone


@dataclass(frozen=True, slots=True, eq=False)
class TightCone:
    """A cone whose maximiser may reach the floor: pattern (n,), sign, multipliers (n,) of the projection, and the maximiser's place in
    the list; None where its own gain does not reach it."""

    pattern: Bools
    sign: int
    multipliers: Floats
    direction: int | None


@dataclass(frozen=True, slots=True)
class Segment:
    """The places in the list of a segment's ends; high is None where it goes on for ever."""

    low: int
    high: int | None


@dataclass(frozen=True, slots=True, eq=False)
class Maximisers:
    """The cone maximisers of gain at least `floor`, one a direction, largest gain first.

    units (N, D), signs (N,), gains (N,)   the gains rounded to nearest
    upper      a float that is at least M(nu), rounding accounted for
    next_best  every maximiser that is not listed has at most this gain, proved
    segments   with a free bias: the ends of a cone's maximisers
    cones      those that may reach the floor, several for a direction on a wall
    settled    False where a limit came first: then the list may be incomplete, and next_best is infinite
    method     how it was found out     nodes  how many cones were looked at
    """

    units: Floats
    signs: Floats
    gains: Floats
    upper: float
    next_best: float
    cones: tuple[TightCone, ...]
    segments: tuple[Segment, ...]
    settled: bool
    method: str
    nodes: int


def maximisers_by_patterns(problem: GainProblem, cones: Cones, floor: float, same: float, limits: Limits) -> Maximisers:
    """From all patterns of the problem's rows; the largest gain left out is then exact to rounding.

    same: unit vectors this close are taken for one direction.

    A cone is projected on only where |s Z'D nu|, the bound without its inequalities, says that it could matter.
    """
    found, upper, next_best, nodes = Found(problem, same), 0.0, 0.0, 0
    ceilings = [(sign, upper_bounds(problem, cones.patterns, sign, np.zeros(cones.patterns.shape))) for sign in (1, -1)]
    order = sorted(((-float(b), sign, k) for sign, bounds in ceilings for k, b in enumerate(bounds)), key=lambda x: x)
    for ceiling, sign, k in order:
        if -ceiling <= next_best:
            break
        if limits.reached(nodes):
            return found.listed(float("inf"), float("inf"), False, "patterns", nodes)
        nodes += 1
        bound, direction, multipliers = projected(problem, cones.patterns[k], cones.walls[k], sign)
        upper = max(upper, bound)
        if not found.note(cones.patterns[k], sign, multipliers, bound, direction, floor):
            next_best = max(next_best, bound)
    return found.listed(max(upper, next_best), next_best, True, "patterns", nodes)


def projected(problem: GainProblem, pattern: Bools, walls: Bools, sign: int) -> tuple[float, Floats, Floats]:
    """A proved bound on the gain over K_D, pattern (n,), the projection (D,) of s Z'D nu that attains it, nearly, and its multipliers."""
    bound, direction, multipliers = _projected(problem, Cones(pattern[None], walls[None]), sign)
    heights = np.where(pattern, 1.0, -1.0) * matmul(problem.rows, direction)
    if np.any(heights < -_INSIDE * norm(problem.rows, axis=1) * norm(direction)):
        # a cone so thin that its walls, as floats, hold a line instead: the other inequalities tell its ends apart
        bound, direction, multipliers = _projected(
            problem, Cones(pattern[None], np.any(problem.rows != 0, axis=1)[None]), sign
        )
    return bound, direction, multipliers


def _projected(problem: GainProblem, cone: Cones, sign: int) -> tuple[float, Floats, Floats]:
    multipliers, directions = project(problem, cone, sign)
    return float(upper_bounds(problem, cone.patterns, sign, multipliers)[0]), directions[0], multipliers[0]


class Found:
    """Directions as they are met, with those that are the same left out."""

    def __init__(self, problem: GainProblem, same: float) -> None:
        self.problem, self.same = problem, same
        self.units: list[Floats] = []
        self.signs: list[int] = []
        self.gains: list[float] = []
        self.cones: list[TightCone] = []
        self.segments: list[Segment] = []

    def note(
        self, pattern: Bools, sign: int, multipliers: Floats, bound: float, direction: Floats, floor: float
    ) -> bool:
        """Keep a cone whose bound reaches the floor, and its maximiser where it does too; whether that was so."""
        if not bound >= floor:
            return False
        if self.problem.free_bias:
            place = self._add_ends(pattern, direction, sign, floor)
            multipliers = refined_multipliers(self.problem, pattern, sign, multipliers)
        else:
            place = self.add(direction, sign, floor)
        self.cones.append(TightCone(pattern, sign, multipliers, place))
        return place is not None

    def _add_ends(self, pattern: Bools, direction: Floats, sign: int, floor: float) -> int | None:
        """Both ends of the maximisers' segment; the place of one that reaches the floor."""
        ends = list(segment_ends(self.problem, pattern, direction, sign))
        places = [self.add(end, sign, floor) for end in ends]
        found = [place for place in places if place is not None]
        if len(places) == 2 and len(found) == 2 and found[0] != found[1]:
            self.segments.append(Segment(found[0], found[1]))
        elif found and bool(np.all(pattern)):
            self.segments.append(Segment(found[0], None))
        return found[0] if found else None

    def add(self, direction: Floats, sign: int, floor: float) -> int | None:
        """Keep it where its gain reaches the floor, and say where; None where it does not."""
        size = float(norm(direction[:-1] if self.problem.free_bias else direction))
        gain = sign * self.problem.gain(direction) if size > 0 else 0.0
        # what is proved about the cone is a bound, and this the gain of its maximiser: rounding apart the same
        if not (size > 0 and gain >= floor * (1 - 1e-12)):
            return None
        unit = direction / size
        for k, (other, its) in enumerate(zip(self.units, self.signs, strict=True)):
            if its == sign and float(norm(unit - other)) <= self.same * float(norm(other)):
                if gain > self.gains[k]:
                    self.units[k], self.gains[k] = unit, gain
                return k
        self.units.append(unit)
        self.signs.append(sign)
        self.gains.append(gain)
        return len(self.gains) - 1

    def listed(self, upper: float, next_best: float, settled: bool, method: str, nodes: int) -> Maximisers:
        """All of them, largest gain first; equal ones in the order of their entries, so that the order is always the same."""
        order = sorted(
            range(len(self.gains)), key=lambda k: (-self.signs[k], *(-t for t in np.round(self.units[k], 9)))
        )
        units = np.array([self.units[k] for k in order]).reshape(-1, self.problem.rows.shape[1])
        signs, gains = (np.array([values[k] for k in order], dtype=float) for values in (self.signs, self.gains))
        place = {k: at for at, k in enumerate(order)}
        cones = tuple(replace(c, direction=None if c.direction is None else place[c.direction]) for c in self.cones)
        segments = tuple(
            dict.fromkeys(Segment(place[s.low], None if s.high is None else place[s.high]) for s in self.segments)
        )
        return Maximisers(units, signs, gains, upper, next_best, cones, segments, settled, method, nodes)
