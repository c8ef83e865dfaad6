"""One sign of the gain in the certificate's coordinates, in floats: what hints are sought for.

sum_k w_k (p_k . t)_+ + g . t <= limit        t as in docs/certificate.md, section 3
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from certify.certificates.dual import ScaledDual
from certify.certificates.hinges import Hinges
from certify.linear import matmul

BIAS_WEIGHT = 2.0**-15  # of a free bias beside |tau| when z is sought: R |z_b| then adds 2^-30 at most


class Unprovable(Exception):
    """No hints will do; the message says why."""


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """weights (N,) of the points, sign included, and the limit of the sum.

    plus (P, r), minus (Q, r): |w_k| (p_k, unit) in units of 2^exponent, where a free bias counts in units of `unit`, a power
    of two near R; linear (r,): g in the same units. In these units the limit is `level`, between 1/2 and 1. lowering (Q, r): (p_k, unit) of minus, not rounded.
    """

    hinges: Hinges
    weights: np.ndarray
    limit: float
    plus: np.ndarray
    minus: np.ndarray
    linear: np.ndarray
    lowering: np.ndarray
    exponent: int
    unit: float

    @property
    def trivial(self) -> bool:
        """Whether the sum is at most 0 in every direction, at sight."""
        return not len(self.plus) and not np.any(self.linear)

    @property
    def level(self) -> float:
        """The limit in units of 2^exponent."""
        return math.ldexp(self.limit, -self.exponent)

    @property
    def rank(self) -> int:
        """Number r of coordinates."""
        return self.hinges.rank

    @property
    def dual_scale(self) -> np.ndarray:
        """(r,): |dual_scale z| <= level implies the size that the checker measures, but for 2^-30."""
        scale = np.ones(self.rank)
        if self.hinges.free:
            scale[-1] = 1 / BIAS_WEIGHT
        return scale

    @property
    def places(self) -> int:
        """log2 of the bias' unit."""
        return math.frexp(self.unit)[1] - 1

    def vector(self, steps: list[int]) -> list[int]:
        """Integers along t (r,) in these units, as integers along t in the certificate's."""
        return self._moved(steps, max(self.places, 0), max(-self.places, 0))

    def covector(self, steps: list[int]) -> list[int]:
        """z (r,) in units 2^(exponent - k) of these, as the certificate has it in units 2^(exponent - k - max(places, 0))."""
        return self._moved(steps, max(-self.places, 0), max(self.places, 0))

    def _moved(self, steps: list[int], bias: int, others: int) -> list[int]:
        last = self.rank - 1 if self.hinges.free else -1
        return [x << (bias if k == last else others) for k, x in enumerate(steps)]

    def size(self, z: np.ndarray) -> float:
        """|z_tau| + R |z_b|, rounded up."""
        if not self.hinges.free:
            return float(np.sqrt(matmul(z, z))) * (1 + 1e-15)
        bias = abs(float(z[-1])) * (self.hinges.radius / self.unit)
        return (float(np.sqrt(matmul(z[:-1], z[:-1]))) + bias) * (1 + 1e-15)

    def gain(self, t: np.ndarray) -> float:
        """The sum at t (r,) over the length of tau, at most; infinite bias directions count as nothing."""
        length = float(np.sqrt(np.sum((t[:-1] if self.hinges.free else t) ** 2)))
        if not length > 0 or (self.hinges.free and abs(t[-1]) > length * self.hinges.radius / self.unit):
            return -math.inf
        up, down = np.maximum(matmul(self.plus, t), 0.0), np.maximum(matmul(self.minus, t), 0.0)
        return float(np.sum(up) - np.sum(down) + np.sum(self.linear * t)) / length


def both_sides(dual: ScaledDual) -> tuple[Side, Side]:
    """What has to be proved of a dual vector, for nu and for -nu."""
    plus, minus = (side_of(dual.hinges, sign * dual.weights, sign * dual.linear, dual.limit) for sign in (1, -1))
    return plus, minus


def side_of(hinges: Hinges, weights: np.ndarray, linear: np.ndarray, limit: float) -> Side:
    """The sum with these weights (N,) and the linear part (r,), to be kept below the limit."""
    unit = 2.0 ** math.frexp(hinges.radius)[1] if hinges.free and hinges.radius > 0 else 1.0
    rows = hinges.rows()
    if hinges.free:
        rows = np.column_stack([hinges.points, np.full(len(rows), unit)])
    exponent = math.frexp(limit)[1]
    weighted = np.ldexp(np.abs(weights)[:, None] * rows, -exponent)
    plus, minus, linear = weighted[weights > 0], weighted[weights < 0], np.ldexp(linear, -exponent)
    if not (np.all(np.isfinite(weighted)) and np.all(np.isfinite(linear)) and limit > 0):
        raise Unprovable("the hinges overflow float64")
    lowering = np.ascontiguousarray(rows[weights < 0])
    return Side(
        hinges,
        weights,
        limit,
        np.ascontiguousarray(plus),
        np.ascontiguousarray(minus),
        linear,
        lowering,
        exponent,
        unit,
    )
