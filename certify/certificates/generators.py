"""The start generators of a proof by cones: exact integers for the certificate, and floats of order one for the search for hints."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from certify import linear
from certify.arrays import Floats
from certify.certificates.side import Side
from certify.gain.cones.fan import Fan

_BITS = 32  # of a start generator; short dyadics of the search come out as they are


@dataclass(frozen=True, slots=True, eq=False)
class StartGenerator:
    """vector (r,), in the side's units, is odd 2^power times the integers, which are in the certificate's and have so many bits.

    origin: the same vector in the coordinates of the search, by which it scales the middles, and so chooses them.
    """

    integers: list[int]
    odd: int
    power: int
    bits: int
    origin: Floats
    vector: Floats


def start_generators(side: Side, fan: Fan, images: Floats) -> list[StartGenerator]:
    """The r + 1 generators of a fan, in the search's coordinates, of which the rows of images (r, r) are the unit vectors.

    The vectors that sum to zero are put on a grid on which they do so exactly.
    """
    mapped = linear.matmul(fan.vectors, images)
    grid = math.frexp(float(np.max(np.abs(mapped))))[1] - _BITS
    steps = [[int(x) for x in row] for row in np.rint(np.ldexp(mapped[:-1], -grid))]
    steps.append([-sum(column) for column in zip(*steps, strict=True)])
    unit = grid - max(-side.places, 0)
    return [
        _start_generator(side, row, float(factor), unit, origin)
        for row, factor, origin in zip(steps, fan.factors, fan.generators, strict=True)
    ]


def _start_generator(side: Side, steps: list[int], factor: float, unit: int, origin: Floats) -> StartGenerator:
    integers = side.vector(steps)
    odd, denominator = factor.as_integer_ratio()
    power = unit - (denominator.bit_length() - 1)
    while odd % 2 == 0:
        odd, power = odd // 2, power + 1
    length = Fraction(odd) * Fraction(2) ** power
    vector = np.array([float(x * length) for x in integers])
    if side.hinges.free:
        vector[-1] = math.ldexp(vector[-1], -side.places)
    return StartGenerator(integers, odd, power, max(abs(x) for x in integers).bit_length(), origin, vector)
