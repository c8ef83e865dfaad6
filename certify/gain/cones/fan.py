"""The start cones of engine C: r + 1 simplicial cones that cover R^r (docs/theory.md, section 9.3)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from certify import linear
from certify.arrays import Floats

_BITS = 14  # of the generators: integers that follow from them in a certificate stay short
_FACTOR_BITS = 4
_LEAST_SPREAD = 1e-10
_WORST_CONDITION = 1e10
_CLEAR_RANK = 64  # up to which the rounding of the start generators is small beside their angles


@dataclass(frozen=True, slots=True, eq=False)
class Fan:
    """Vectors (r + 1, r) that sum to exactly zero, any r of them independent, and factors (r + 1,) > 0 that bring them to length 1.

    Vectors and factors are short dyadics, so that their products are exact; the lengths come out to a sixteenth.
    """

    vectors: Floats
    factors: Floats

    @property
    def generators(self) -> Floats:
        """The vectors of about length 1 (r + 1, r)."""
        return self.factors[:, None] * self.vectors

    def cones(self) -> list[tuple[Floats, Floats]]:
        """The cones that cover: generators V and walls (r, r), walls_k . v_j = 1 if j = k else 0; cone k is without generator k."""
        cones = [np.ascontiguousarray(np.delete(self.generators, k, axis=0)) for k in range(len(self.factors))]
        return [(cone, np.ascontiguousarray(linear.inverse(cone).T)) for cone in cones]


def start_fan(normals: Floats) -> Fan:
    """r + 1 generators, round in the metric of the normals (., r). Raises ArithmeticError where they cannot be told apart."""
    r = normals.shape[1]
    for shape in (_whitening(normals), np.eye(r)):
        vectors, stretch = linear.matmul(_simplex(r), shape), linear.condition(shape)
        bits = _BITS + math.frexp(stretch)[1]
        vectors = np.rint(vectors / np.max(np.abs(vectors)) * 2.0**bits) * 2.0**-bits
        vectors[-1] = -np.sum(vectors[:-1], axis=0)
        # r of the simplex' vertices have the condition sqrt(r + 1), and rounding moves them by 2^-_BITS of the least stretch
        safe = r <= _CLEAR_RANK and 2 * math.sqrt(r + 1) * stretch < _WORST_CONDITION
        if safe or all(linear.condition(np.delete(vectors, k, axis=0)) < _WORST_CONDITION for k in range(r + 1)):
            mantissas, exponents = np.frexp(1.0 / np.sqrt(np.sum(vectors**2, axis=1)))
            return Fan(vectors, np.ldexp(np.rint(np.ldexp(mantissas, _FACTOR_BITS)), exponents - _FACTOR_BITS))
    raise ArithmeticError("the start cones are not independent")


def _simplex(r: int) -> Floats:
    """The r + 1 vertices of a regular simplex around 0, as rows in R^r (Helmert's matrix without its constant row)."""
    vertices = np.zeros((r + 1, r))
    for k in range(1, r + 1):
        vertices[:k, k - 1] = 1.0 / math.sqrt(k * (k + 1.0))
        vertices[k, k - 1] = -k / math.sqrt(k * (k + 1.0))
    return vertices


def _whitening(normals: Floats) -> Floats:
    """A symmetric matrix (r, r) that takes directions in which the hyperplanes lie evenly to the coordinates used."""
    unit = normals / linear.norm(normals, axis=1)[:, None]
    values, vectors = linear.eigh(linear.matmul(unit.T, unit) / unit.shape[0])
    values = np.sqrt(np.maximum(values, _LEAST_SPREAD * values[-1]))
    return linear.matmul(vectors / values, vectors.T)
