"""What a cone's test needs of the hinges: h+ at a generator and subgradients of h- at a point, by one of two scans.

ExactSums works in integers. FastSums works in float64 and is one-sided: it gives an upper bound on h+ by a forward error
bound, and it settles every sign that rounding could have changed in integers. So what passes with FastSums passes with
ExactSums, and a cone that does not pass is put to the exact sum (docs/certificate.md, section 4).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import compress
from operator import add
from typing import Any

from certify.checker.numbers import dot

Vector = Sequence[int]
_UNIT = 2.0**-53


class Generator:
    """A generator of a cone: its integer vector, row . vector for every row of h+, and a bound on their errors.

    error: in units of |row|_1; 0 in integers.
    """

    __slots__ = ("error", "exact", "top", "values", "vector")

    def __init__(self, vector: list[int], values: list[Any], error: float) -> None:
        self.vector, self.values, self.error = vector, values, error
        self.top: int | None = None
        self.exact: int | None = None


class ExactSums:
    """h+(v) = sum (row . v)_+ over plus, and the sum of the rows of minus with row . u > 0; rows (., r) of integers."""

    def __init__(self, plus: list[list[int]], minus: list[list[int]], rank: int) -> None:
        self.plus, self.minus = plus, minus
        self.plus_columns: list[list[Any]] = [[row[c] for row in plus] for c in range(rank)]
        self.minus_columns = [[row[c] for row in minus] for c in range(rank)]

    def generator(self, vector: list[int]) -> Generator:
        """A generator from its vector alone."""
        return Generator(vector, _combined(self.plus_columns, vector), 0.0)

    def middle(self, a: Generator, b: Generator, i: int, j: int) -> Generator:
        """The generator i a + j b."""
        return Generator(_mixed(a.vector, i, b.vector, j), _mixed(a.values, i, b.values, j), 0.0)

    def above(self, g: Generator) -> int:
        """A number >= h+ at the generator; computed once."""
        if g.top is None:
            g.top = self._above(g)
        return g.top

    def exactly(self, g: Generator) -> int:
        """h+ at the generator; computed once."""
        if g.exact is None:
            g.exact = sum(x for row in self.plus if (x := dot(row, g.vector)) > 0)
        return g.exact

    def slope(self, point: Vector) -> list[int]:
        """The sum of the rows of minus that are positive at the point: h-(u) >= slope . u for every u."""
        gates = self._gates(point)
        return [sum(compress(column, gates)) for column in self.minus_columns]

    def _above(self, g: Generator) -> int:
        return sum(x for x in g.values if x > 0)

    def _gates(self, point: Vector) -> list[bool]:
        return [x > 0 for x in _combined(self.minus_columns, point)]


class FastSums(ExactSums):
    """The same in float64, rows divided by a power of two that brings the sum of all |row|_1 to at most 1."""

    def __init__(self, plus: list[list[int]], minus: list[list[int]], rank: int) -> None:
        super().__init__(plus, minus, rank)
        self.shift = sum(abs(x) for row in plus for x in row).bit_length()
        self.plus_columns = [_as_floats(column, self.shift) for column in self.plus_columns]
        largest = max((sum(map(abs, row)) for row in minus), default=0).bit_length()
        self.minus_floats = [_as_floats(column, largest) for column in self.minus_columns]
        # a product of two rounded factors, summed r times: less than (r + 4) units of |row|_1 |v|_max
        self.relative = (rank + 4) * _UNIT * (1 + 2.0**-40)

    def generator(self, vector: list[int]) -> Generator:
        size = float(max(map(abs, vector)))
        return Generator(vector, _combined(self.plus_columns, [float(x) for x in vector]), self.relative * size)

    def middle(self, a: Generator, b: Generator, i: int, j: int) -> Generator:
        vector = _mixed(a.vector, i, b.vector, j)
        weights = float(i), float(j)
        error = weights[0] * a.error + weights[1] * b.error
        size = weights[0] * max(map(abs, a.vector)) + weights[1] * max(map(abs, b.vector))
        values = _mixed(a.values, weights[0], b.values, weights[1])
        # weights, two products and their sum: four more roundings of values that are at most size + error
        return Generator(vector, values, (error + 8 * _UNIT * (size + error)) * (1 + 2.0**-40))

    def _above(self, g: Generator) -> int:
        if not g.values:
            return 0
        total = math.fsum([x for x in g.values if x > 0])
        bound = (total * (1 + 4 * _UNIT) + g.error + 2.0**-1000) * (1 + 2.0**-40)
        if not bound < math.inf:
            return self.exactly(g)
        above, below = bound.as_integer_ratio()
        return (above << self.shift) // below + 1

    def _gates(self, point: Vector) -> list[bool]:
        margin = self.relative * float(max(map(abs, point))) + 2.0**-1000
        values = _combined(self.minus_floats, [float(x) for x in point])
        gates = [x > margin for x in values]
        for j, x in enumerate(values):
            if not abs(x) > margin:
                gates[j] = dot(self.minus[j], point) > 0
        return gates


def _combined(columns: list[list[Any]], vector: Sequence[Any]) -> list[Any]:
    """row . vector for every row, column by column."""
    total = [x * vector[0] for x in columns[0]]
    for column, factor in zip(columns[1:], vector[1:], strict=True):
        total = [t + x * factor for t, x in zip(total, column, strict=True)]
    return total


def _mixed(x: list[Any], i: float, y: list[Any], j: float) -> list[Any]:
    if i == 1 and j == 1:
        return list(map(add, x, y))
    return [i * a + j * b for a, b in zip(x, y, strict=True)]


def _as_floats(column: list[int], shift: int) -> list[float]:
    return [x / (1 << shift) for x in column]
