"""Engine C's proof of one cone, made afresh, in numbers that exact arithmetic can check (docs/theory.md, section 9.3).

    S(u) = sum of the b_j with b_j.u > 0,   q = sum_s weights_s S(points_s),   z.v_k >= h+(v_k) - q.v_k for every generator

so f <= z.u on the cone, and f <= |z|_dual over its vectors of size 1. Points and weights are short dyadic numbers; the gates are
those of exact arithmetic; and z is moved inside by more than all roundings, so that the inequalities hold for the exact rows nu_i z_i.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from certify import linear
from certify._core.least import least_majorant
from certify._core.trusted import first_error
from certify.arrays import Floats
from certify.gain.ascents import split
from certify.gain.reduction import ReducedGain

_POINT_BITS, _WEIGHT_BITS = 32, 40
_CONVERGED = 1e-9
_INSIDE = 1e-14


@dataclass(frozen=True, slots=True, eq=False)
class ConeHints:
    """points (s, r), weights (s,) >= 0 of sum exactly 1, s <= r + 1, and z (r,); bound >= |dual_scale z|."""

    points: Floats
    weights: Floats
    z: Floats
    bound: float


@dataclass(frozen=True, slots=True, eq=False)
class Half:
    """f = h+ - h- for one sign of nu: rows a_i (., r) and b_j (., r), their lengths rounded up, and the sum of these.

    lowering: the samples' rows z_j of which the b_j are multiples, rounded.
    """

    plus: Floats
    minus: Floats
    plus_lengths: Floats
    minus_lengths: Floats
    all_plus: NDArray[np.int32]
    all_minus: NDArray[np.int32]
    mass: float
    lowering: Floats


def half_of(reduced: ReducedGain, sign: int) -> Half:
    """The rows of that sign."""
    plus, minus = split(reduced, sign)
    lengths = [linear.norm(rows, axis=1) * (1 + 1e-12) for rows in (plus, minus)]
    all_plus, all_minus = (np.arange(len(rows), dtype=np.int32) for rows in (plus, minus))
    mass = float(np.sum(lengths[0]) + np.sum(lengths[1])) * (1 + 1e-9)
    lowering = reduced.rows[(sign * reduced.nu <= 0) & np.any(reduced.nu[:, None] * reduced.rows != 0, axis=1)]
    return Half(plus, minus, lengths[0], lengths[1], all_plus, all_minus, mass, lowering)


def prove_leaf(half: Half, reduced: ReducedGain, V: Floats, walls: Floats, level: float) -> ConeHints | None:
    """Hints for f <= level on the cone of generators V (r, r), by cutting planes until they do or converge; None if they do not."""
    r, scale = reduced.rank, reduced.dual_scale
    gains = np.sum(np.maximum(linear.matmul(V, half.plus.T), 0.0), axis=1)
    most = 6 * r + 20
    points, atoms = np.empty((most, r)), np.empty((most, r))
    starts = [np.sum(V / linear.norm(V, axis=1)[:, None], axis=0), *V]
    weights, nothing, u = np.zeros(r + most), np.zeros(r), starts[0]
    for count in range(1, most + 1):
        points[count - 1] = short(u, _POINT_BITS)
        slope = subgradient(half, points[count - 1])
        atoms[count - 1] = linear.matmul(linear.matmul(V, slope) - gains, walls)
        z, _ = least_majorant(nothing, atoms, count, walls, scale, weights)
        size = linear.norm(z * scale)
        ray = np.maximum(linear.matmul(walls, z * scale * scale), 0.0)
        u = linear.matmul(ray, V)
        length = linear.norm(u / scale)
        hints = _inside(half, reduced, V, walls, gains, points[:count], weights[: r + count])
        if hints is not None and hints.bound <= level:
            return hints
        if not length > 0:
            return None
        relaxed = (linear.inner(ray, gains) - np.sum(np.maximum(linear.matmul(half.minus, u), 0.0))) / length
        if relaxed > level or relaxed >= size * (1 - _CONVERGED):
            return None
    return None


def short(values: Floats, bits: int) -> Floats:
    """The values relative to their largest, as multiples of 2^-bits."""
    steps: Floats = np.rint(values / np.max(np.abs(values)) * 2.0**bits)
    return steps * 2.0**-bits


def subgradient(half: Half, point: Floats) -> Floats:
    """S(point), each gate decided exactly."""
    values = linear.matmul(half.minus, point)
    doubt = 1e-15 * (point.size + 4) * half.minus_lengths * linear.norm(point)
    gates = values > 0
    for j in np.flatnonzero(np.abs(values) <= doubt):
        gates[j] = sum(Fraction(b) * Fraction(p) for b, p in zip(half.lowering[j], point, strict=True)) > 0
    slope: Floats = np.sum(half.minus[gates], axis=0)
    return slope


def _inside(
    half: Half,
    reduced: ReducedGain,
    V: Floats,
    walls: Floats,
    gains: Floats,
    points: Floats,
    weights: Floats,
) -> ConeHints | None:
    """Hints with weights rounded to short dyadics and z moved inside by all roundings; None where there are no weights."""
    r = V.shape[0]
    own = weights[r:]
    used = np.flatnonzero(own > 0)
    if used.size == 0 or used.size > r + 1:
        return None
    shares = np.rint(own[used] / np.sum(own[used]) * 2.0**_WEIGHT_BITS)
    shares[np.argmax(shares)] += 2.0**_WEIGHT_BITS - np.sum(shares)
    shares *= 2.0**-_WEIGHT_BITS
    q = linear.matmul(shares, np.array([subgradient(half, point) for point in points[used]]))
    needed = gains - linear.matmul(V, q)
    margin = (first_error(reduced.nu.size, r, 0.0) + _INSIDE) * half.mass * linear.norm(V, axis=1)
    atoms = -linear.matmul(needed + margin, walls)[None]
    z, _ = least_majorant(np.zeros(r), atoms, 1, walls, reduced.dual_scale, np.zeros(r + 1))
    for _ in range(2):
        missing = needed + margin + _INSIDE * linear.matmul(np.abs(V), np.abs(z)) - linear.matmul(V, z)
        z = z + linear.matmul(np.maximum(missing, 0.0), walls)
    allowed = needed + 0.5 * margin
    if not np.all(linear.matmul(V, z) >= allowed):
        return None
    return ConeHints(points[used], shares, z, linear.norm(z * reduced.dual_scale) * (1 + _INSIDE))
