"""The activation patterns around a point, and what they make of a sum of hinges there (docs/theory.md, section 6).

Around a point only the rows that vanish at it can change their sign: S(d) = sum_i w_i (z_i . d)_+ over these rows is what
they add to a function when the point moves by a small d. Rows that share a hyperplane change together, as (-t)_+ = (t)_+ - t:

    S(d) = slope . d + sum_h weight_h (normal_h . d)_+        one hinge for each hyperplane

The gradients that S shows around 0 are slope + sum_h g_h weight_h normal_h for the patterns g of the cells that the hyperplanes
cut the space into. A hyperplane independent of all others is on or off as it likes. The others fall into circuits, sets with
a linear dependence; the cells of the sets that circuits tie together are listed, exactly, by `enumerate.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from certify._core.bounded import bounded_least_squares
from certify.arrays import Bools, Floats
from certify.errors import InputError
from certify.gain.question import Limits
from certify.linear import matmul, matrix_rank, norm
from certify.patterns.enumerate import EnumerationStopped, Vector, enumerate_cones, hyperplanes

_MOST_MERGED = 1_000  # rows; beyond, they are not merged: their patterns are too many in any case
_PARALLEL = 1e-9  # 1 - cosine, of rows that may be parallel; whether they are is told exactly
_MOST_DEPENDENT = 64  # hyperplanes whose circuits are looked for
_MOST_LISTED = 2_000  # patterns of one set
_LISTING_SECONDS = 0.3
_SAMPLED = 256  # directions that stand in for a list that is too long
_AT_THE_NEAREST = 1e-10  # relative gap that ends the search for the nearest gradient


@dataclass(frozen=True, slots=True, eq=False)
class Hinges:
    """S(d) = slope . d + sum_h weights_h (normals_h . d)_+, slope (D,), normals (h, D), no two of them parallel."""

    slope: Floats
    normals: Floats
    weights: Floats

    @property
    def kinks(self) -> Floats:
        """What the gradient jumps by at each hyperplane (h, D)."""
        return self.normals * self.weights[:, None]

    def value(self, d: Floats) -> float:
        """S(d)."""
        heights = np.maximum(matmul(self.normals, d), 0.0)
        return float(matmul(self.slope, d) + np.sum(self.weights * heights))


def merged(rows: Floats, weights: Floats) -> Hinges:
    """The hinges of rows (b, D) and weights (b,), one a hyperplane; rows and hyperplanes of weight 0 say nothing."""
    said = (weights != 0) & np.any(rows != 0, axis=1)
    rows, weights = rows[said], weights[said]
    slope = np.zeros(rows.shape[1])
    if rows.shape[0] > _MOST_MERGED or not _some_parallel(rows):
        return Hinges(slope, rows, weights)
    _, sides = hyperplanes(rows)
    first: dict[int, int] = {}
    totals: list[float] = []
    for i, (hyperplane, sign) in sides.items():
        leader = first.setdefault(hyperplane, i)
        if leader == i:
            totals.append(float(weights[i]))
            continue
        size = float(np.max(np.abs(rows[i])) / np.max(np.abs(rows[leader])))
        totals[hyperplane] += float(weights[i]) * size
        if sign != sides[leader][1]:
            slope = slope + weights[i] * rows[i]
    normals, total = rows[list(first.values())], np.array(totals)
    return Hinges(slope, normals[total != 0], total[total != 0])


def _some_parallel(rows: Floats) -> bool:
    units = rows / norm(rows, axis=1)[:, None]
    cosines = np.abs(matmul(units, units.T))
    return bool(np.count_nonzero(cosines > 1 - _PARALLEL) > len(rows))


@dataclass(frozen=True, slots=True, eq=False)
class Gradients:
    """The hull of the gradients of S around 0: start + sum of t_s segments_s, 0 <= t <= 1, + one point of each polytope's hull.

    start (D,), segments (s, D); each polytope (p, D) by its vertices, or points that stand for them where not `listed`.
    """

    start: Floats
    segments: Floats
    polytopes: Sequence[Floats]
    listed: bool

    def furthest(self, z: Floats) -> Floats:
        """The gradient (D,) furthest in direction z."""
        on = (matmul(self.segments, z) > 0).astype(float)
        tips = [p[int(np.argmax(matmul(p, z)))] for p in self.polytopes]
        total: Floats = self.start + matmul(on, self.segments) + np.sum(tips, axis=0)
        return total

    def shortest(self, target: Floats) -> Floats:
        """The shortest target - g over the gradients g; the hull of the points known, where they are not all listed."""
        if not self.polytopes:
            rest = target - self.start
            return rest - matmul(bounded_least_squares(self.segments, rest, np.ones(len(self.segments))), self.segments)
        return self._nearest(target)

    def _nearest(self, target: Floats) -> Floats:
        """Wolfe's method (Mathematical Programming 11, 1976): the nearest of the vertices' hull, and the vertex beyond it.

        The shortest point of a hull is a nonnegative least squares problem: sum x_k (target - v_k, 1) close to (0, 1), x scaled
        to sum 1 afterwards, which changes nothing about the least ratio of the two parts.
        """
        vertex = self.furthest(target)
        unit = float(norm(target - vertex)) or 1.0
        atoms = np.append((target - vertex) / unit, 1.0)[None]
        aim = np.append(np.zeros(target.size), 1.0)
        best = target - vertex
        for _ in range(6 * target.size + 20):
            vertex = self.furthest(best)
            gap = float(matmul(best, best - (target - vertex)))
            if not gap > _AT_THE_NEAREST * float(matmul(best, best)):
                break
            atoms = np.vstack([atoms, np.append((target - vertex) / unit, 1.0)])
            x = bounded_least_squares(atoms, aim, np.full(len(atoms), np.inf))
            z = unit * matmul(x / np.sum(x), atoms[:, :-1])
            if not norm(z) < norm(best):  # rounding decides from here on
                break
            best, atoms = z, atoms[x > 0]
        return best


def gradients(hinges: Hinges, limits: Limits | None = None) -> Gradients:
    """The gradients that S has around 0; where they are too many to list, or a limit is reached, a sample stands in."""
    kinks = hinges.kinks
    segments, polytopes, listed = [], [], True
    for group in _tied(hinges.normals):
        if len(group) == 1:
            segments.append(kinks[group[0]])
            continue
        patterns, complete = _patterns(hinges.normals[group], (limits or Limits()).within(_LISTING_SECONDS))
        listed = listed and complete
        polytopes.append(matmul(patterns.astype(float), kinks[group]))
    return Gradients(hinges.slope, np.array(segments).reshape(-1, hinges.slope.size), polytopes, listed)


def _patterns(rows: Floats, limits: Limits) -> tuple[Bools, bool]:
    """Patterns (p, h) of the rows, and whether these are all."""
    if not limits.reached() and len(rows) <= _MOST_DEPENDENT:
        try:
            return enumerate_cones(rows, limits, _MOST_LISTED).patterns, True
        except (InputError, EnumerationStopped):
            pass
    rng = np.random.default_rng(0)
    around = np.vstack([rng.standard_normal((_SAMPLED, rows.shape[1])), rows[:_SAMPLED], -rows[:_SAMPLED]])
    return np.unique(matmul(around, rows.T) > 0, axis=0), False


def _tied(normals: Floats) -> list[list[int]]:
    """The hyperplanes in the groups that circuits tie together; one by itself is independent of all others."""
    count = len(normals)
    if count <= 1 or matrix_rank(normals / norm(normals, axis=1)[:, None]) == count:
        return [[h] for h in range(count)]
    if count > _MOST_DEPENDENT:
        return [list(range(count))]
    group = list(range(count))  # of each hyperplane: the least one it is tied to so far
    for circuit in _circuits(list(hyperplanes(normals)[0].values())):
        tied = {group[h] for h in circuit}
        group = [min(tied) if g in tied else g for g in group]
    return [[h for h in range(count) if group[h] == g] for g in sorted(set(group))]


def _circuits(normals: Sequence[Vector]) -> list[list[int]]:
    """A circuit for every normal that depends on the ones before it: itself and those it is a combination of.

    They connect what any circuits connect (Oxley, Matroid Theory, 4.3). Exact: Gauss and Jordan's elimination over fractions.
    """
    columns = [[Fraction(t) for t in normal] for normal in normals]
    pivots: dict[int, int] = {}  # row: the column that has its 1 there
    circuits = []
    for k, column in enumerate(columns):
        row = next((i for i, t in enumerate(column) if t and i not in pivots), None)
        if row is None:
            circuits.append([k, *(pivots[i] for i, t in enumerate(column) if t)])
            continue
        pivots[row] = k
        for other in columns[k:]:
            factor = other[row] / column[row] if other is not column else Fraction(0)
            for i, t in enumerate(column) if factor else ():
                other[i] = factor if i == row else other[i] - factor * t
        columns[k] = [Fraction(int(i == row)) for i in range(len(column))]
    return circuits
