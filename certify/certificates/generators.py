"""Generators of cones, twice: exact integers for the certificate, and floats of order one for the search for hints."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from certify.certificates.side import Side, Unprovable
from certify.gain.cones.kernel_trusted import exact_sum

_BITS = 32  # of a start generator; short dyadics of the search come out as they are
_LONGEST = 850  # bits of an integer generator
_LARGEST_FACTOR = 62


@dataclass(slots=True, eq=False)
class Generator:
    """integers, in the certificate's units, are 2^exponent * vector, which is in the side's units; height: h+ at vector.

    origin: the same vector in the coordinates of the search, by which it scales the middles, and so chooses them.
    """

    integers: list[int]
    exponent: int
    origin: np.ndarray
    vector: np.ndarray
    height: float


def start_generators(side: Side, fan: np.ndarray, images: np.ndarray) -> list[Generator]:
    """The r + 1 vectors of a fan (r + 1, r), in the search's coordinates, of which the rows of images (r, r) are the unit vectors.

    They are put on a grid on which they sum to exactly zero.
    """
    mapped = fan @ images
    grid = math.frexp(float(np.max(np.abs(mapped))))[1] - _BITS
    steps = [[int(x) for x in row] for row in np.rint(np.ldexp(mapped[:-1], -grid))]
    steps.append([-sum(column) for column in zip(*steps, strict=True)])
    generators = []
    for row, origin in zip(steps, fan, strict=True):
        vector = np.ldexp(np.array([float(x) for x in row]), grid)
        generators.append(_measured(side, side.vector(row), max(-side.places, 0) - grid, origin, vector))
    return generators


def middle(side: Side, a: Generator, b: Generator) -> tuple[Generator, int, int]:
    """The generator at the middle of an edge, along the sum of the two vectors, and its i, j: i a + j b as integers.

    Raises Unprovable where the factors would become too large or the integers too long.
    """
    i, j = max(b.exponent - a.exponent, 0), max(a.exponent - b.exponent, 0)
    if max(i, j) > _LARGEST_FACTOR:
        raise Unprovable("cones became too thin")
    integers = [(x << i) + (y << j) for x, y in zip(a.integers, b.integers, strict=True)]
    if max(abs(x) for x in integers).bit_length() > _LONGEST:
        raise Unprovable("cones became too thin")
    origin = a.origin + b.origin
    # 0 where the search would have split no further
    scale = exact_sum(a.origin, b.origin) or 1 / float(np.max(np.abs(origin)))
    moved = 1 - math.frexp(scale)[1]
    vector = np.ldexp(a.vector + b.vector, -moved)
    between = _measured(side, integers, max(a.exponent, b.exponent) + moved, np.ldexp(origin, -moved), vector)
    return between, 1 << i, 1 << j


def _measured(side: Side, integers: list[int], exponent: int, origin: np.ndarray, vector: np.ndarray) -> Generator:
    height = float(np.sum(np.maximum(side.plus @ vector, 0.0)))
    return Generator(integers, exponent, origin, vector, height)
