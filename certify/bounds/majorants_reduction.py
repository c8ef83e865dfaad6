"""From a gain problem to hinges in few coordinates, with every rounding kept as a proved error term.

Homogenised coordinates (docs/theory.md, section 9; the quadratic majorants live in them): a direction u becomes
(1, v), or (1, b / R, v) where the hidden bias b is free; |v| <= 1, and |b| <= R = the largest |z_i| loses nothing then,
because for larger |b| all samples are on one side and sum(nu) = 0 leaves a linear function of v.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from certify.bounds.interface import GainProblem
from certify.bounds.reduction import merge_parallel
from certify.rounding import UNIT, gamma, scaled, sums_to_zero


def rounded_up(value: float, roundings: int = 8) -> float:
    """value, raised by more than so many relative roundings."""
    return math.inf if math.isnan(value) else value + abs(value) * 2 * roundings * UNIT


@dataclass(frozen=True, slots=True, eq=False)
class Hinges:
    """sum_i nu_i (p_i . v)_+ in homogenised coordinates, v = (1, [b/R,] z-part), exact numbers.

    points (n, heads + r)  rows p_i = (0, [R,] z_i); heads = 1, or 2 with a free bias
    nu (n,)                nonzero
    basis (d, r) | None    v = basis' w for a direction w of the data's own coordinates (None: v = w)
    centre (d,) | None     subtracted from the rows, free bias only
    M(original) <= 2^exponent (stretch M(these hinges) + slack), for either sign of nu.
    """

    points: np.ndarray
    nu: np.ndarray
    heads: int
    radius: float
    basis: np.ndarray | None
    centre: np.ndarray | None
    stretch: float
    slack: float
    exponent: int

    @property
    def rank(self) -> int:
        """Number r of coordinates whose norm is bounded."""
        return self.points.shape[1] - self.heads

    def original_bound(self, bound: float) -> float:
        """The bound on the original gain that a bound on this one proves."""
        return scaled(rounded_up(self.stretch * bound + self.slack), self.exponent)

    def reduced_threshold(self, threshold: float) -> float:
        """The largest bound (approximately) that proves the threshold for the original gain."""
        lowered = scaled(threshold, -self.exponent) - self.slack
        return lowered / self.stretch - 8 * UNIT * abs(lowered)

    def original_direction(self, v: np.ndarray) -> np.ndarray:
        """A direction of the data's own coordinates (bias last) from homogenised v, of any length."""
        tail = v[self.heads :]
        w = tail if self.basis is None else self.basis @ tail
        if self.heads == 1:
            return w
        return np.append(w, v[1] * self.radius - w @ self.centre)

    def reduced_direction(self, direction: np.ndarray) -> np.ndarray:
        """The homogenised unit direction of one in the data's own coordinates; the bias is clipped to its range."""
        w = direction if self.heads == 1 else direction[:-1]
        tail = w if self.basis is None else self.basis.T @ w
        size = np.linalg.norm(tail)
        if not size > 0:
            return np.append(np.ones(self.heads), tail)
        if self.heads == 1:
            return np.append(1.0, tail / size)
        bias = (direction[-1] + w @ self.centre) / (size * self.radius)
        return np.concatenate([[1.0, np.clip(bias, -1.0, 1.0)], tail / size])


def reduce_problem(problem: GainProblem) -> Hinges | None:
    """The hinges of a finite problem; None where the gain is zero in every direction.

    Raises ValueError for values that are not finite, and for a free bias whose nu does not sum to exactly zero.
    """
    check_problem(problem)
    keep = (problem.nu != 0) & np.any(problem.rows != 0, axis=1)
    if not np.any(keep):
        return None
    nu, nu_exponent = _scaled_to_one(problem.nu[keep])
    rows, row_exponent = _scaled_to_one(problem.rows[keep][:, : -1 if problem.free_bias else None])
    # what falls below the smallest float when it is scaled is at most this, summed over all samples and columns
    slack = rows.size * 2.0**-900
    centre = None
    errors = np.zeros(len(nu))
    if problem.free_bias:
        centre = enclosing_centre(rows)
        rows = rows - centre
        errors = 2 * UNIT * row_norms(rows)
    rows, basis, stretch, lost = _to_row_space(rows, np.abs(nu))
    slack += float(np.abs(nu) @ (errors + lost)) * (1 + 1e-9)
    if rows.shape[1] == 0 and slack <= rows.size * 2.0**-900:
        return None
    heads, radius = 1, 0.0
    if problem.free_bias:
        heads, radius = 2, float(row_norms(rows).max(initial=0.0)) * (1 + 1e-12)
        centre = np.ldexp(centre, row_exponent)
    points = np.column_stack([np.zeros(len(nu)), *[np.full(len(nu), radius)] * (heads - 1), rows])
    points, nu, dropped = _balanced(points, nu)
    radius = math.ldexp(radius, row_exponent)
    return Hinges(points, nu, heads, radius, basis, centre, stretch, slack + dropped, nu_exponent + row_exponent)


def merge_hinges(hinges: Hinges) -> Hinges:
    """The same hinges with positively parallel ones made one; what that moves goes into the slack."""
    points, nu, error = merge_parallel(hinges.points, hinges.nu)
    # |(t, v)| <= sqrt(2), and the constant's entry of every point is zero
    return replace(hinges, points=points, nu=nu, slack=hinges.slack + 1.5 * error)


def _balanced(points: np.ndarray, nu: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Rows with largest entries in [1/2, 1), powers of two moved into nu; what cannot matter is dropped and bounded."""
    exponents = np.frexp(np.abs(points).max(axis=1))[1]
    points, nu = np.ldexp(points, -exponents[:, None]), np.ldexp(nu, exponents)
    sizes = np.abs(nu) * np.abs(points).sum(axis=1)
    keep = sizes > 2.0**-60 / len(nu) * sizes.max(initial=0.0)
    return points[keep], nu[keep], float(np.sum(sizes[~keep])) * (1 + 1e-9) + len(nu) * 2.0**-900


def check_problem(problem: GainProblem) -> None:
    """Refuse what has no finite gain; raises ValueError with what was found."""
    if not (np.all(np.isfinite(problem.rows)) and np.all(np.isfinite(problem.nu))):
        raise ValueError("the rows and the dual vector of a gain problem must be finite")
    if problem.free_bias and not sums_to_zero(problem.nu):
        raise ValueError(f"with a free bias nu must sum to exactly 0, not {math.fsum(problem.nu):.3g}")


def enclosing_centre(rows: np.ndarray, steps: int = 100) -> np.ndarray:
    """Centre (d,) of a nearly smallest enclosing ball of the rows, by Badoiu and Clarkson's steps to the farthest."""
    centre = rows.mean(axis=0)
    for k in range(steps if rows.size < 1_000_000 else 5):
        farthest = rows[np.argmax(row_norms(rows - centre))]
        centre = centre + (farthest - centre) / (k + 3)
    better = row_norms(rows - centre).max() < row_norms(rows - rows.mean(axis=0)).max()
    return centre if better else rows.mean(axis=0)


def row_norms(rows: np.ndarray) -> np.ndarray:
    """Euclidean norms of the rows, to a few roundings even where squares would underflow."""
    largest = np.abs(rows).max(axis=1, initial=0.0)
    unit = rows / np.where(largest > 0, largest, 1.0)[:, None]
    return largest * np.sqrt(np.einsum("ij,ij->i", unit, unit))


def _scaled_to_one(array: np.ndarray) -> tuple[np.ndarray, int]:
    """The array times the power of two that brings its largest entry into [1/2, 1), and the exponent taken out."""
    exponent = int(np.frexp(np.abs(array).max(initial=0.0))[1])
    return np.ldexp(array, -exponent), exponent


def _to_row_space(
    rows: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray | None, float, np.ndarray | float]:
    """Coordinates z (n, r), basis V (d, r) | None, stretch >= |V'w| / |w|, and per row a bound on |x - V z|.

    x.w = z.(V'w) + (x - V z).w holds for any V and z, so that neither the rotation nor the rank has to be exact.
    """
    weighted = rows * weights[:, None]
    triangle = np.linalg.qr(weighted, mode="r") if len(rows) > rows.shape[1] else weighted
    _, values, right = np.linalg.svd(triangle, full_matrices=False)
    rank = int(np.sum(values > 4 * UNIT * math.sqrt(rows.size) * values.max(initial=0.0)))
    if rank == rows.shape[1]:
        return rows, None, 1.0, 0.0
    basis = np.ascontiguousarray(right[:rank].T)
    z = rows @ basis
    r, d = rank, rows.shape[1]
    excess = np.linalg.norm(basis.T @ basis - np.eye(r)) + gamma(d + 2) * (r + 1) * 2
    rounding = gamma(r + d + 4) * (row_norms(rows) + 2 * math.sqrt(r + 1) * row_norms(z))
    lost = (row_norms(rows - z @ basis.T) + rounding) * (1 + 1e-9)
    return z, basis, rounded_up(math.sqrt(1 + excess)), lost
