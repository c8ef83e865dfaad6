"""Generators of cones, twice: exact integers for the certificate, and floats of order one for the search for hints."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from certify import linear
from certify._core.trusted import middle_factor
from certify.arrays import Floats
from certify.certificates.side import Side, Unprovable
from certify.gain.cones.fan import Fan

_BITS = 32  # of a start generator; short dyadics of the search come out as they are
_LONGEST = 850  # bits of an integer generator
_LARGEST_FACTOR = 2**62


@dataclass(slots=True, eq=False)
class Generator:
    """vector is factor * integers, rounded, in the side's units instead of the certificate's; height: h+ at vector.

    origin: the same vector in the coordinates of the search, by which it scales the middles, and so chooses them.
    """

    integers: list[int]
    factor: Fraction
    origin: Floats
    vector: Floats
    height: float


def start_generators(side: Side, fan: Fan, images: Floats) -> list[Generator]:
    """The r + 1 generators of a fan, in the search's coordinates, of which the rows of images (r, r) are the unit vectors.

    The vectors that sum to zero are put on a grid on which they do so exactly.
    """
    mapped = linear.matmul(fan.vectors, images)
    grid = math.frexp(float(np.max(np.abs(mapped))))[1] - _BITS
    steps = [[int(x) for x in row] for row in np.rint(np.ldexp(mapped[:-1], -grid))]
    steps.append([-sum(column) for column in zip(*steps, strict=True)])
    unit = Fraction(2) ** (grid - max(-side.places, 0))
    return [
        _measured(side, side.vector(row), Fraction(float(c)) * unit, origin)
        for row, c, origin in zip(steps, fan.factors, fan.generators, strict=True)
    ]


def middle(side: Side, a: Generator, b: Generator) -> tuple[Generator, int, int]:
    """The generator at the middle of an edge, along the sum of the two vectors, and its i, j: i a + j b as integers.

    Raises Unprovable where the factors would become too large or the integers too long.
    """
    i, j = (a.factor / b.factor).as_integer_ratio()
    if max(i, j) > _LARGEST_FACTOR:
        raise Unprovable("cones became too thin")
    integers = [i * x + j * y for x, y in zip(a.integers, b.integers, strict=True)]
    if max(abs(x) for x in integers).bit_length() > _LONGEST:
        raise Unprovable("cones became too thin")
    origin = a.origin + b.origin
    # 0 where the search would have split no further
    scale = middle_factor(a.origin, b.origin) or 1 / float(np.max(np.abs(origin)))
    factor = Fraction(scale) * a.factor / i
    return _measured(side, integers, factor, scale * origin), i, j


def _measured(side: Side, integers: list[int], factor: Fraction, origin: Floats) -> Generator:
    above, below = factor.as_integer_ratio()
    vector = np.array([x * above / below for x in integers])
    if side.hinges.free:
        vector[-1] = math.ldexp(vector[-1], -side.places)
    height = float(np.sum(np.maximum(linear.matmul(side.plus, vector), 0.0)))
    return Generator(integers, factor, origin, vector, height)
