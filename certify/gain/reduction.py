"""From the data to the r-dimensional row space, every rounding kept as an error of the bound (docs/theory.md, section 9).

    M(nu) <= 2^exponent (factor * M(reduced) + error)

Powers of two bring rows and nu to order one, exactly, so that no square below can underflow or overflow. Rows whose nu
or length is zero, or nearly, are dropped, positively parallel rows are merged, opposite ones that count with different signs are
made one, and where the rows span less than R^D they are written in an orthonormal basis of their span. With a free hidden bias the inputs are centred (the bias absorbs the
shift at no cost), and the bias is measured in units R = power of two above max |x_i|, so that |b| <= 1 without loss
(sum(nu) = 0: past |b| = max |x_i| every sample is on or every sample is off, and the gain is constant in b); giving it
the tiny weight 2^-15 in the norm changes M by at most the factor sqrt(1 + 2^-30).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from certify import linear
from certify.arrays import Floats, Indices
from certify.gain.question import GainProblem
from certify.rounding import SLOP, UNIT, gamma, scaled, sums_to_zero

FREE_BIAS_WEIGHT = 2.0**-15
_UNDERFLOW = 2.0**-900  # more than one entry of order one loses when the others are scaled to order one
_SHADOW = 1e-10  # products of opposite unit rows with one vector differ by less, but for the sign
_NEGLIGIBLE = 2.0**-100  # rows of less weight than this, relative, are left out and counted as error


@dataclass(frozen=True, slots=True, eq=False)
class ReducedGain:
    """rows (N, r) and nu (N,) or (N, k) of the same sign structure, norm |u / dual_scale|, and the way back to R^D.

    dual_scale (r,): 1, or 1/FREE_BIAS_WEIGHT for a free bias; the dual norm of g is |dual_scale * g|.
    radius: every direction that matters has Euclidean length at most this.
    reach: a free bias need not go beyond the height where the last column's entry makes this much; 0 without one.
    """

    rows: Floats
    nu: Floats
    dual_scale: Floats
    radius: float
    basis: Floats  # (D, r): u = basis u_reduced
    factor: float
    error: float
    exponent: int = 0
    reach: float = 0.0

    @property
    def rank(self) -> int:
        """Dimension r of the search."""
        return int(self.rows.shape[1])

    def original_bound(self, bound: float) -> float:
        """The bound on M(nu) that a bound on M(reduced) proves; infinite where anything is not finite."""
        proved = scaled((bound * self.factor + self.error) * (1 + 1e-15), self.exponent)
        return proved if proved >= 0 else math.inf

    def original_value(self, value: float) -> float:
        """A gain of the reduced problem in the original units, rounded to nearest."""
        return scaled(value, self.exponent)

    def reduced_threshold(self, threshold: float) -> float:
        """What M(reduced) may reach so that M(nu) <= threshold is still proved; 0 where that is impossible."""
        return max(0.0, (scaled(threshold, -self.exponent) - self.error) / self.factor * (1 - 1e-15))

    def lift(self, direction: Floats) -> Floats:
        """A reduced direction (r,) in the original coordinates (D,)."""
        return linear.matmul(self.basis, direction)

    def lower(self, direction: Floats) -> Floats:
        """An original direction (D,) in the reduced coordinates (r,)."""
        heights = np.ones(direction.size)
        if self.dual_scale[-1] > 1:
            heights[-1] = np.max(np.abs(self.basis[-1]))  # a free bias has its own units
        return linear.least_squares(self.basis / heights[:, None], direction / heights)


def reduce_gain(problem: GainProblem) -> ReducedGain:
    """The reduced problem. Raises ValueError where a free bias meets a nu that does not sum to exactly zero."""
    if problem.free_bias and not all(sums_to_zero(column) for column in columns(problem.nu).T):
        raise ValueError("with a free hidden bias the dual vector must sum to exactly zero")
    rows, nu, exponent, bias_exponent = _of_order_one(problem)
    centre, unit, reach, shift_error = np.zeros(max(rows.shape[1] - 1, 0)), 1.0, 0.0, 0.0
    if problem.free_bias:
        centre = enclosing_centre(rows[:, :-1])
        inputs = rows[:, :-1] - centre
        lengths = linear.norm(inputs, axis=1)
        shift_error = 2 * UNIT * linear.inner(_sizes(nu), lengths)
        reach = float(np.max(lengths, initial=0.0)) * (1 + 1e-9)
        unit = _power_above(reach)
        rows = np.column_stack([inputs, np.full(rows.shape[0], unit)])
    lengths = linear.norm(rows, axis=1)
    weights = _sizes(nu) * lengths
    used = weights > _NEGLIGIBLE * float(np.max(weights, initial=0.0))
    dropped_error = float(np.sum(weights[~used])) + (rows.size * _UNDERFLOW if np.any(used) else 0.0)
    rows, nu, merge_error = merge_parallel(rows[used], nu[used])
    if not problem.free_bias and nu.ndim == 1:  # with a hidden bias no two rows are opposite
        rows, nu, turn_error = turn_opposite(rows, nu)
        merge_error += turn_error
    rows, basis, factor, span_error = _to_row_space(rows, nu, problem.free_bias)
    scale, radius = np.ones(rows.shape[1]), 1.0
    if problem.free_bias:
        scale[-1] = 1 / FREE_BIAS_WEIGHT
        factor *= 1 + FREE_BIAS_WEIGHT**2
        radius = math.sqrt(2.0) * (1 + 1e-9)
        basis = np.vstack([basis[:-1], np.ldexp(unit * basis[-1:] - linear.matmul(centre, basis[:-1]), bias_exponent)])
    error = (dropped_error + merge_error + span_error + shift_error) * radius * SLOP
    return ReducedGain(rows, nu, scale, radius, basis, factor, error, exponent, reach)


def _of_order_one(problem: GainProblem) -> tuple[Floats, Floats, int, int]:
    """Rows (n, D) and nu (n,) with largest entries in [1/2, 1), and the exponents taken out of the gain and of the bias.

    Each row has its own power of two, moved into nu; with a free bias, whose column must stay ones, the inputs have a common one.
    """
    rows, nu = problem.rows, problem.nu
    # one exponent a sample, that of its largest entry
    exponents = np.frexp(np.max(np.abs(columns(nu)), axis=1, initial=0.0))[1]
    moved, common = np.zeros(rows.shape[0], dtype=exponents.dtype), 0
    if problem.free_bias:
        inputs = rows[:, :-1]
        common = int(np.frexp(np.max(np.abs(inputs), initial=0.0))[1])
        rows = np.column_stack([np.ldexp(inputs, -common), rows[:, -1]])
    else:
        own = np.frexp(np.max(np.abs(rows), axis=1, initial=0.0))[1]
        rows, moved = np.ldexp(rows, -own[:, None]), own
    present = np.any(columns(nu) != 0, axis=1) & np.any(rows != 0, axis=1)
    top = int(np.max((exponents + moved)[present], initial=-(2**30)))
    shifts = np.where(present, moved - top, 0).reshape((-1,) + (1,) * (nu.ndim - 1))
    nu = np.ldexp(np.where(present.reshape(shifts.shape), nu, 0.0), shifts)
    return rows, nu, top + common, common


def columns(nu: Floats) -> Floats:
    """nu as (n, k), one column an output."""
    return nu if nu.ndim == 2 else nu[:, None]


def _sizes(nu: Floats) -> Floats:
    """|nu_i| for each sample, over the outputs (a free rounding upward is left to SLOP)."""
    return np.abs(nu) if nu.ndim == 1 else np.sqrt(np.sum(nu**2, axis=1))


def enclosing_centre(points: Floats, steps: int = 100) -> Floats:
    """Centre (d,) of a nearly smallest enclosing ball, by Badoiu and Clarkson's steps to the farthest of the points (n, d)."""
    mean: Floats = np.mean(points, axis=0)
    centre = mean
    for k in range(steps if points.size < 1_000_000 else 5):
        farthest = points[np.argmax(row_norms(points - centre))]
        centre = centre + (farthest - centre) / (k + 3)
    better = np.max(row_norms(points - centre)) < np.max(row_norms(points - mean))
    return centre if better else mean


def row_norms(rows: Floats) -> Floats:
    """Euclidean norms of the rows, to a few roundings even where squares would underflow."""
    largest: Floats = np.abs(rows).max(axis=1, initial=0.0)
    unit = rows / np.where(largest > 0, largest, 1.0)[:, None]
    norms: Floats = largest * np.sqrt(np.sum(unit * unit, axis=1))
    return norms


def _power_above(x: float) -> float:
    """A power of two in [x, 2x], and 1 for x = 0."""
    return 2.0 ** math.frexp(x)[1] if x > 0 else 1.0


def merge_parallel(rows: Floats, nu: Floats) -> tuple[Floats, Floats, float]:
    """Merge positively parallel rows: nu_i (c x.u)_+ = c nu_i (x.u)_+. Returns rows, nu, and sum |nu_i| |c x_ref - x_i|.

    rows (N, D) nonzero, nu (N,) or (N, k). The representative of a group is its first row.
    """
    lengths = linear.norm(rows, axis=1)
    keys = np.round(rows / lengths[:, None], 12) + 0.0
    _, first, group = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    group = group.reshape(-1)
    if first.size == rows.shape[0]:
        return rows, nu, 0.0
    ratio = lengths / lengths[first][group]
    drift = linear.norm(rows - ratio[:, None] * rows[first][group], axis=1) + 8 * UNIT * lengths
    same = np.all(rows == rows[first][group], axis=1)
    ratio, drift = np.where(same, 1.0, ratio), np.where(same, 0.0, drift)
    members = np.bincount(group)
    merged = np.zeros((first.size, *nu.shape[1:]))
    np.add.at(merged, group, nu * ratio.reshape((-1,) + (1,) * (nu.ndim - 1)))
    sizes = np.bincount(group, weights=_sizes(nu) * ratio)
    each = np.array([gamma(float(count + 2)) for count in members])
    rounding = np.sum(each * sizes * lengths[first] * (members > 1))
    error = float(np.sum(_sizes(nu) * drift) + rounding) * SLOP
    keep = np.any(columns(merged) != 0, axis=1)
    return rows[first][keep], merged[keep], error


def turn_opposite(rows: Floats, nu: Floats) -> tuple[Floats, Floats, float]:
    """Of two opposite rows, one raising the gain and one lowering it, the second is turned: (-x.u)_+ = (x.u)_+ - x.u.

    Else a maximiser on x.u = 0 would lie on a kink of h+, which no cone around it bounds well. rows (N, r) nonzero, no two of them
    parallel, nu (N,). What is linear becomes two opposite rows, g.u = (g.u)_+ - (-g.u)_+. Returns rows, nu, error.
    """
    pairs = _opposite_pairs(rows, nu)
    if len(pairs) < 2:  # one alone would only be written in another way
        return rows, nu, 0.0
    stays, turned = pairs.T
    lengths = linear.norm(rows, axis=1)
    exact = np.all(rows[turned] == -rows[stays], axis=1)
    ratio = np.where(exact, 1.0, lengths[turned] / lengths[stays])
    drift = linear.norm(rows[turned] + ratio[:, None] * rows[stays], axis=1) + 8 * UNIT * lengths[turned]
    moved = ratio * nu[turned]
    error = linear.inner(np.abs(nu[turned]), np.where(exact, 0.0, drift))
    # of the products, of the sums with them, and of the sum of all of them
    error += gamma(len(pairs) + 8) * linear.inner(np.abs(nu[stays]) + 2 * np.abs(moved), lengths[stays])
    merged = nu.copy()
    merged[stays] += moved
    merged[turned] = 0.0
    line = -linear.matmul(moved, rows[stays])
    keep = merged != 0
    exponent = math.frexp(float(np.max(np.abs(line))))[1]  # of order one, like all rows
    line = np.ldexp(line, -exponent)
    both = np.array([1.0, -1.0]) if np.any(line != 0) else np.zeros(0)
    rows = np.vstack([rows[keep], both[:, None] * line])
    return rows, np.concatenate([merged[keep], np.ldexp(both, exponent)]), error * SLOP


def _opposite_pairs(rows: Floats, nu: Floats) -> Indices:
    """Indices (m, 2) of opposite rows whose nu have different signs; each row is in one pair at most."""
    unit = rows / linear.norm(rows, axis=1)[:, None]
    shadows = np.abs(linear.matmul(unit, np.random.default_rng(0).standard_normal(rows.shape[1])))
    order = np.argsort(shadows, kind="stable")
    close = np.flatnonzero(np.diff(shadows[order]) <= _SHADOW)  # few of a million rows have to be looked up
    keys = {int(k): np.round(unit[k], 12) + 0.0 for k in order[np.union1d(close, close + 1)]}
    places = {key.tobytes(): k for k, key in keys.items()}
    found = [(k, places.get((0.0 - key).tobytes(), -1)) for k, key in sorted(keys.items())]
    return np.array([(k, j) for k, j in found if k < j and nu[k] * nu[j] < 0], dtype=np.intp).reshape(-1, 2)


def _to_row_space(rows: Floats, nu: Floats, free_bias: bool) -> tuple[Floats, Floats, float, float]:
    """Coordinates in an orthonormal basis of the rows' span, the free bias kept as the last one.

    Returns rows (N, r), basis (D, r), factor, error with M <= factor M(reduced) + error: x.u = (x B).(B^T u) + e.u, where
    e = x - B B^T x is bounded from the computed residual, and |B^T u| <= |B| |u|.
    """
    dimension = rows.shape[1]
    inputs = rows[:, :-1] if free_bias else rows
    if rows.shape[0] == 0 or inputs.shape[1] == 0:
        return rows, np.eye(dimension), 1.0, 0.0
    _, sizes, axes = linear.svd(inputs)
    rank = max(1, int(np.sum(sizes > 1e-12 * sizes[0])))
    if rank == inputs.shape[1]:
        return rows, np.eye(dimension), 1.0, 0.0
    basis = axes[:rank].T
    reduced = linear.matmul(inputs, basis)
    lengths = linear.norm(inputs, axis=1)
    residual = linear.norm(inputs - linear.matmul(reduced, basis.T), axis=1)
    residual += 4 * gamma(inputs.shape[1] + rank + 4) * lengths * math.sqrt(inputs.shape[1])
    gram_error = linear.norm(linear.gram(basis) - np.eye(rank)) + gamma(inputs.shape[1] + 2) * rank
    factor = 1.0 + gram_error
    error = linear.inner(_sizes(nu), residual) * SLOP
    if not free_bias:
        return reduced, basis, factor, error
    full = np.zeros((dimension, rank + 1))
    full[:-1, :-1], full[-1, -1] = basis, 1.0
    return np.column_stack([reduced, rows[:, -1]]), full, factor, error
