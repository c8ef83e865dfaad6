"""Exact arithmetic: floats are dyadic rationals, held as Python integers over a common power of two."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction


def on_grid(values: Sequence[float]) -> tuple[list[int], int]:
    """Integers k_i and a shift s >= 0 with values_i = k_i 2^-s, exactly."""
    ratios = [value.as_integer_ratio() for value in values]
    shift = max((below.bit_length() - 1 for _, below in ratios), default=0)
    return [above << (shift - below.bit_length() + 1) for above, below in ratios], shift


def rows_on_grid(rows: Sequence[Sequence[float]]) -> tuple[list[list[int]], int]:
    """The same for a matrix, one shift for all of it."""
    width = len(rows[0]) if rows else 0
    flat, shift = on_grid([x for row in rows for x in row])
    return [flat[i * width : (i + 1) * width] for i in range(len(rows))], shift


def dot(x: Sequence[int], y: Sequence[int]) -> int:
    """x . y."""
    return sum(a * b for a, b in zip(x, y, strict=True))


def root_above(square: int) -> int:
    """The least integer r with r^2 >= square, for square >= 0."""
    return math.isqrt(square - 1) + 1 if square > 0 else 0


def root_below(square: Fraction) -> Fraction:
    """A dyadic r >= 0 with r^2 <= square, for square >= 0: within 2^-128 relative, and exact where the root is dyadic."""
    shift = 128 + square.denominator.bit_length()
    return Fraction(math.isqrt((square.numerator << 2 * shift) // square.denominator), 1 << shift)


def independent(rows: Sequence[Sequence[int]]) -> bool:
    """Whether a square integer matrix is regular, by fraction-free elimination (Bareiss)."""
    left, previous = [list(row) for row in rows], 1
    while left:
        row = next((row for row in left if row[0]), None)
        if row is None:
            return False
        left.remove(row)
        left = [[(row[0] * x - other[0] * y) // previous for x, y in zip(other[1:], row[1:])] for other in left]
        previous = row[0]
    return True


def positive_semidefinite(matrix: Sequence[Sequence[int]]) -> bool:
    """Whether a symmetric integer matrix is positive semidefinite, by the same elimination without exchanges.

    A pivot that is negative, or zero with another entry beside it, is a counterexample; else the Schur complement decides.
    """
    left, previous = [list(row) for row in matrix], 1
    while left:
        row, left = left[0], left[1:]
        if row[0] < 0 or (row[0] == 0 and any(row)):
            return False
        if row[0] == 0:
            left = [other[1:] for other in left]
            continue
        left = [[(row[0] * x - other[0] * y) // previous for x, y in zip(other[1:], row[1:])] for other in left]
        previous = row[0]
    return True
