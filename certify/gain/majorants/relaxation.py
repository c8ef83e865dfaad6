"""The best quadratic majorant of a node, stated as a conic program (docs/theory.md, section 9.4).

In homogenised coordinates v = (1, [t,] z), with Z standing for v v':

    max  <Q0, Z> + sum g_i sqrt(a_i'Z a_i) - sum h_j (2 x_j - Z b_j)_1
    over Z psd, Z_11 = 1, Z_tt <= 1, trace Z_zz = 1, and x_j that stand for (b_j.v)_+ v
    with x_j, x_j - Z b_j and Z l in K for the half-spaces l.v >= 0 of the node, K the cone over its directions:
    K = { x : |x_z| <= x_1, |x_t| <= x_1, l.x >= 0 for all l }
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from certify._core import interior
from certify.arrays import Floats
from certify.linear import matmul


@dataclass(frozen=True, slots=True, eq=False)
class Multipliers:
    """What the duals of a relaxation are as a majorant (`certify/_core/relaxation.py`), in its units.

    growth (p,), slopes (q, N), above and below (q, m), normals (m, N), pairs (m, m) with a diagonal of zeros
    """

    growth: Floats
    slopes: Floats
    above: Floats
    below: Floats
    normals: Floats
    pairs: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Improved:
    """How far the interior-point method came: a bound that is not proved, infinite where there is none, and its multipliers.

    Z (N, N) | None  the last primal point, where it is finite
    resolved         the relaxation itself has no more to give
    """

    bound: float
    multipliers: Multipliers
    Z: Floats | None
    resolved: bool
    steps: int


@dataclass(frozen=True, slots=True, eq=False)
class Rules:
    """When the method may stop before it reaches a level: its optimum is above, and known to within `near` of the excess and `rough`.

    rough, resolved: relative; within `resolved` it stops in any case.
    """

    near: float
    rough: float
    resolved: float
    steps: int


@dataclass(frozen=True, slots=True, eq=False)
class Relaxation:
    """One node: linear Q0 (N, N), raising a (p, N) with weights g, lowering b (q, N) with weights h, sides l (m, N).

    The rows are scaled to size about 1 and the weights so that everything sums to 1.
    """

    heads: int
    linear: Floats
    raising: Floats
    raising_weight: Floats
    lowering: Floats
    lowering_weight: Floats
    sides: Floats

    @property
    def size(self) -> int:
        """Order N = heads + r of the matrix Z."""
        return int(self.linear.shape[0])

    def improved(self, start: Floats, mu: float, level: float, rules: Rules, stop: Callable[[], bool]) -> Improved:
        """The interior-point method from the central path of parameter mu at start (N, N), until a bound <= level or the rules end it."""
        rows = self.raising, self.raising_weight, self.lowering, self.lowering_weight
        ends = level, rules.near, rules.rough, rules.resolved
        bound, found, last, resolved, steps = interior.improve(
            self.heads, (self.linear, *rows, self.sides), start, mu, ends, rules.steps, stop
        )
        Z = last[: self.size**2].reshape(self.size, self.size)
        return Improved(bound, Multipliers(*found), Z if np.all(np.isfinite(Z)) else None, resolved, steps)


def uniform(size: int, heads: int) -> Floats:
    """Z (size, size) of the uniform distribution of directions, the centre of the relaxation."""
    return np.diag(np.concatenate([[1.0], np.full(heads - 1, 0.5), np.full(size - heads, 1 / (size - heads))]))


def block_norms(x: Floats, heads: int) -> Floats:
    """|x_k| for every head and the norm of the rest (shape (m, heads + 1))."""
    rest = np.sqrt(np.sum(x[:, heads:] * x[:, heads:], axis=1))
    return np.column_stack([np.abs(x[:, :heads]), rest])


def symmetric(Y: Floats, V: Floats) -> Floats:
    """sum_j (y_j v_j' + v_j y_j') / 2 for rows of Y and V."""
    M = matmul(Y.T, V)
    return (M + M.T) / 2
