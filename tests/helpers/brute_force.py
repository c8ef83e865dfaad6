"""The gain of a dual vector, exactly, by all activation patterns and all faces: for a handful of samples only.

On the relative interior of a face of the arrangement the gain is g . u with g = sum of nu_i z_i over a pattern, so a
maximiser or minimiser over the unit sphere is the projection of g or -g onto the face's span. Every candidate is a direction whose
true gain is taken, so nothing but the true maximum can come out. Shares no code with certify.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations, product

Vector = list[Fraction]


def squared_gain(
    rows: Sequence[Sequence[float]], nu: Sequence[float], free_bias: bool = False, sign: int = 0
) -> Fraction:
    """max over |u|_P <= 1 of (nu . (Zu)_+)^2; with a free bias the last column is ones and nu sums to zero.

    sign: +1 or -1 to count only what has that sign.
    """
    Z = [[Fraction(x) for x in row] for row in rows]
    weights = [Fraction(x) for x in nu]
    best = Fraction(0)
    for u in _candidates(Z, weights, free_bias):
        size = _dot(u[:-1], u[:-1]) if free_bias else _dot(u, u)
        if size:
            gain = sum((w * max(_dot(z, u), Fraction(0)) for w, z in zip(weights, Z, strict=True)), Fraction(0))
            if sign * gain >= 0:
                best = max(best, gain**2 / size)
    return best


def _candidates(Z: list[Vector], nu: Vector, free_bias: bool):
    dimension = len(Z[0])
    slopes = [_pattern_slope(Z, nu, pattern) for pattern in product((0, 1), repeat=len(Z))]
    for size in range(dimension):
        for chosen in combinations(range(len(Z)), size):
            span = _null_space([Z[i] for i in chosen], dimension)
            metric = [[_dot(a[:-1], b[:-1]) if free_bias else _dot(a, b) for b in span] for a in span]
            for g in slopes:
                c = _solve(metric, [_dot(b, g) for b in span])
                if c is not None:
                    u = [sum((x * b[k] for x, b in zip(c, span, strict=True)), Fraction(0)) for k in range(dimension)]
                    yield from (u, [-x for x in u])
    if free_bias:
        yield from (_all_active(Z, nu, side) for side in (1, -1))


def _all_active(Z: list[Vector], nu: Vector, side: int) -> Vector:
    """Far out along the bias every sample is active, and the gain no longer depends on it."""
    w = [side * x for x in _pattern_slope(Z, nu, (1,) * len(Z))[:-1]]
    return [*w, 1 + sum((abs(_dot(z[:-1], w)) for z in Z), Fraction(0))]


def _pattern_slope(Z: list[Vector], nu: Vector, pattern: Sequence[int]) -> Vector:
    return [sum((t * w * z[k] for t, w, z in zip(pattern, nu, Z, strict=True)), Fraction(0)) for k in range(len(Z[0]))]


def _dot(x: Vector, y: Vector) -> Fraction:
    return sum((a * b for a, b in zip(x, y, strict=True)), Fraction(0))


def _reduced(rows: list[Vector]) -> tuple[list[Vector], list[int]]:
    """Reduced row echelon form and its pivots' columns."""
    rows, pivots = [list(row) for row in rows], []
    for column in range(len(rows[0]) if rows else 0):
        pivot = next((i for i in range(len(pivots), len(rows)) if rows[i][column]), None)
        if pivot is None:
            continue
        at = len(pivots)
        rows[at], rows[pivot] = rows[pivot], rows[at]
        rows[at] = [x / rows[at][column] for x in rows[at]]
        for i, row in enumerate(rows):
            if i != at and row[column]:
                rows[i] = [x - row[column] * y for x, y in zip(row, rows[at], strict=True)]
        pivots.append(column)
    return rows, pivots


def _null_space(rows: list[Vector], dimension: int) -> list[Vector]:
    echelon, pivots = _reduced(rows)
    basis = []
    for column in (k for k in range(dimension) if k not in pivots):
        vector = [Fraction(int(k == column)) for k in range(dimension)]
        for row, pivot in zip(echelon, pivots, strict=False):
            vector[pivot] = -row[column]
        basis.append(vector)
    return basis


def _solve(matrix: list[Vector], right: Vector) -> Vector | None:
    """The solution of a regular system; None for a singular one."""
    size = len(matrix)
    echelon, pivots = _reduced([[*row, x] for row, x in zip(matrix, right, strict=True)])
    return [row[-1] for row in echelon] if pivots == list(range(size)) else None
