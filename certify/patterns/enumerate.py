"""All activation patterns 1[Z u >= 0] whose cone has an interior (docs/theory.md, sections 2 and 11), exactly.

Floats are dyadic rationals, so each row is turned into a primitive integer vector and every sign below is exact: no
thin cell is missed and none is invented. Parallel rows share a hyperplane, zero rows have none.

The method. Within the row space the arrangement of the hyperplanes z_i . u = 0 is essential: every closed cell is a
pointed cone with at least one extreme ray, and that ray lies on a line in which rank - 1 independent hyperplanes meet.
Around such a ray the hyperplanes that miss it keep their sign, and those through it form an arrangement of lower rank
whose cells are found the same way. All cells are therefore the unions, over all lines and both ends, of these local
cells.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from math import gcd, lcm

import numpy as np

from certify.arrays import Bools, Floats
from certify.errors import UsageError
from certify.gain.question import Limits

MOST_PATTERNS = 20_000

Vector = tuple[int, ...]
Guard = Callable[[int], None]


class EnumerationStopped(Exception):
    """A limit was reached before all patterns were known."""


@dataclass(frozen=True, slots=True, eq=False)
class Cones:
    """K_D = {u : (2D - I) Z u >= 0} for every pattern D.

    patterns  (p, n) bool  the diagonals of D
    walls     (p, n) bool  the samples that carry a facet of K_D; their inequalities imply all others
    """

    patterns: Bools
    walls: Bools


def enumerate_cones(rows: Floats, limits: Limits | None = None, most: int = MOST_PATTERNS) -> Cones:
    """All cones with an interior of the rows Z (n, D), patterns sorted; a zero row is active in each, as 0 >= 0.

    In general position there are 2 * sum_{k < rank} C(n - 1, k). A hyperplane is a facet of a cone iff the pattern on
    its other side is a pattern too; of parallel rows the first stands for the facet.
    Raises UsageError beyond `most` patterns, EnumerationStopped when a limit is reached.
    """
    normals, sides = hyperplanes(rows)
    cells = _cells(normals, _guard(limits or Limits(), most))
    ahead, facet = np.zeros((2, len(cells), len(normals)), dtype=bool)
    for k, cell in enumerate(cells):
        ahead[k] = [cell >> h & 1 for h in normals]
        facet[k] = [cell ^ (1 << h) in cells for h in normals]
    patterns, walls = np.ones((len(cells), len(rows)), dtype=bool), np.zeros((len(cells), len(rows)), dtype=bool)
    for i, (hyperplane, sign) in sides.items():
        patterns[:, i] = ahead[:, hyperplane] if sign > 0 else ~ahead[:, hyperplane]
    for hyperplane in normals:
        first = next(i for i, (h, _) in sides.items() if h == hyperplane)
        walls[:, first] = facet[:, hyperplane]
    order = np.lexsort(patterns.T[::-1])
    return Cones(patterns[order], walls[order])


def _guard(limits: Limits, most: int) -> Guard:
    def check(found: int) -> None:
        if found > most:
            raise UsageError(
                f"the data has more than {most} activation patterns, too many for --engine enumerate: use --engine auto"
            )
        if limits.reached():
            raise EnumerationStopped

    return check


def hyperplanes(rows: Floats) -> tuple[dict[int, Vector], dict[int, tuple[int, int]]]:
    """Distinct hyperplanes as {index: normal}, and for each nonzero row i: (index, side +1 or -1)."""
    index: dict[Vector, int] = {}
    sides = {}
    for i, row in enumerate(rows):
        vector = _integer_row(row)
        if any(vector):
            sign = _leading_sign(vector)
            normal = tuple(sign * t for t in vector)
            sides[i] = (index.setdefault(normal, len(index)), sign)
    return {h: normal for normal, h in index.items()}, sides


def _integer_row(row: Floats) -> Vector:
    """The primitive integer vector that is a positive multiple of a row of floats."""
    exact = [Fraction(float(t)) for t in row]
    scale = lcm(*(t.denominator for t in exact))
    return _primitive([int(t * scale) for t in exact])


def _primitive(vector: Sequence[int]) -> Vector:
    divisor = gcd(*vector)
    return tuple(t // divisor for t in vector) if divisor > 1 else tuple(vector)


def _leading_sign(vector: Vector) -> int:
    return 1 if next(t for t in vector if t) > 0 else -1


def _dot(a: Vector, b: Vector) -> int:
    return sum(s * t for s, t in zip(a, b, strict=True))


def _slice(basis: Sequence[Vector], normal: Vector) -> list[Vector]:
    """A basis of span(basis) within the hyperplane; as long as `basis` where the hyperplane contains the span."""
    heights = [_dot(b, normal) for b in basis]
    pivot = next((k for k, height in enumerate(heights) if height), None)
    if pivot is None:
        return list(basis)
    b, height = basis[pivot], heights[pivot]
    return [
        _primitive([height * s - heights[k] * t for s, t in zip(basis[k], b, strict=True)])
        for k in range(len(basis))
        if k != pivot
    ]


def _independent(normals: Mapping[int, Vector]) -> list[Vector]:
    """A largest independent subset of the normals; it spans the row space, a complement of {u : Z u = 0}."""
    dimension = len(next(iter(normals.values()), ()))
    rest = [tuple(int(j == k) for j in range(dimension)) for k in range(dimension)]
    kept = []
    for normal in normals.values():
        smaller = _slice(rest, normal)
        if len(smaller) < len(rest):
            kept.append(normal)
            rest = smaller
    return kept


def _lines(normals: Sequence[Vector], basis: Sequence[Vector]) -> Iterator[Vector]:
    """Every line, as a direction up to sign and with repetitions, in which hyperplanes meet within span(basis)."""
    if len(basis) == 1:
        yield tuple(_leading_sign(basis[0]) * t for t in basis[0])
        return
    for k, normal in enumerate(normals):
        flat = _slice(basis, normal)
        if len(flat) < len(basis):
            yield from _lines(normals[k + 1 :], flat)


def _cells(normals: Mapping[int, Vector], guard: Guard) -> set[int]:
    """Cells of an arrangement; bit h of a cell is set where normals[h] . u > 0 in its interior."""
    basis = _independent(normals)
    # An arrangement of rank r has at least 2^r cells: refuse before the first of them is written down.
    guard(2 ** len(basis))
    if len(basis) == len(normals):
        return {sum(1 << h for h in ahead) for k in range(len(normals) + 1) for ahead in combinations(normals, k)}
    found: set[int] = set()
    seen: set[Vector] = set()
    for line in _lines(list(normals.values()), basis):
        if line not in seen:
            seen.add(line)
            found |= _cells_around(line, normals, guard)
        guard(len(found))
    return found


def _cells_around(line: Vector, normals: Mapping[int, Vector], guard: Guard) -> set[int]:
    """Cells whose closure holds the line's one end or the other."""
    heights = {h: _dot(normal, line) for h, normal in normals.items()}
    ends = [sum(1 << h for h, height in heights.items() if s * height > 0) for s in (1, -1)]
    through = {h: normals[h] for h, height in heights.items() if height == 0}
    return {end | cell for cell in _cells(through, guard) for end in ends}
