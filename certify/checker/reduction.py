"""From the samples to hinges in a few coordinates, with an error that is added to the gain (docs/certificate.md, section 3).

    M(nu) <= |E| M(hinges) + sum_i |nu_i| |e_i|          z_i - (centre) = ratio_i E' p_member(i) + e_i

E and the points are hints: whatever they are, the inequality holds with the residuals that they leave.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from certify.checker.certificate import Dual
from certify.checker.numbers import dot, on_grid, root_above, root_below, rows_on_grid
from certify.checker.objective import Problem, beta_below
from certify.checker.rejection import require


@dataclass(frozen=True, slots=True)
class Hinges:
    """sum_k w_k (p_k . t)_+ + linear . t over |t| = 1, or over |tau| = 1 and |b| <= R for t = (tau, b) with a free bias.

    points (N, r), in units of 2^-point_shift, a free bias' ones last; weights (N,), in units of 2^-weight_shift; linear (r,), in
    units of 2^-(weight_shift + point_shift).
    radius: R in the points' units, 0 without a free bias. limit: what the sum must not exceed, for either sign
    of w and linear.
    """

    points: list[list[int]]
    point_shift: int
    weights: list[int]
    weight_shift: int
    linear: list[int]
    free: bool
    radius: int
    limit: Fraction

    @property
    def rank(self) -> int:
        """Number r of coordinates."""
        return len(self.points[0])

    def within(self, bound: int, vector: list[int]) -> bool:
        """Whether vector . t <= bound for all t above, both in the same units: |tau part| + R |bias part| <= bound."""
        tail = vector[:-1] if self.free else vector
        room = (bound << self.point_shift) - (self.radius * abs(vector[-1]) if self.free else 0)
        return room >= 0 and room * room >= dot(tail, tail) << 2 * self.point_shift


def reduced(problem: Problem, dual: Dual) -> Hinges:
    """The hinges, and the limit that proves M(nu) <= beta. Raises Rejected where the residuals leave no limit."""
    free = problem.free_hidden_bias
    nu, nu_shift = on_grid(dual.nu)
    ratios, ratio_shift = on_grid(dual.ratios if dual.ratios is not None else [1.0] * len(nu))
    weights, turned = [0] * len(dual.points), [0] * len(dual.points)
    for v, ratio, k in zip(nu, ratios, dual.members, strict=True):
        weights[k] += v * abs(ratio)
        turned[k] += v * min(ratio, 0)  # (-x)_+ = (x)_+ - x
    points, point_shift = rows_on_grid([[*p, 1.0] for p in dual.points])
    lengths = [root_above(dot(p[:-1], p[:-1])) for p in points]
    norm = _squared_norm(dual.basis)
    require(norm > 0, "dual.basis: all zero")
    room = beta_below(problem.objective) - _residual(problem, dual)
    require(room > 0, "dual: the points are too far from the data for any bound below the weight decay")
    rows = points if free else [p[:-1] for p in points]
    return Hinges(
        rows,
        point_shift,
        weights,
        nu_shift + ratio_shift,
        [dot(turned, column) for column in zip(*rows, strict=True)],
        free,
        max(lengths) if free else 0,
        root_below(room**2 / norm),
    )


def _residual(problem: Problem, dual: Dual) -> Fraction:
    """sum |nu_i| |e_i|, each length rounded up."""
    rows = [row[:-1] for row in problem.rows] if problem.free_hidden_bias else problem.rows
    z, z_shift = rows_on_grid([*rows, dual.centre if dual.centre is not None else [0.0] * len(rows[0])])
    centre = z.pop()
    images, image_shift = _images(dual)
    ratios, ratio_shift = on_grid(dual.ratios if dual.ratios is not None else [1.0] * len(rows))
    nu, nu_shift = on_grid(dual.nu)
    shift = max(z_shift, image_shift + ratio_shift)
    total = 0
    for row, v, ratio, k in zip(z, nu, ratios, dual.members, strict=True):
        if v:
            near = ratio << (shift - image_shift - ratio_shift)
            e = [((x - c) << (shift - z_shift)) - near * y for x, c, y in zip(row, centre, images[k], strict=True)]
            total += abs(v) * root_above(dot(e, e))
    return Fraction(total, 1 << (shift + nu_shift))


def _images(dual: Dual) -> tuple[list[list[int]], int]:
    """E' p for every point p."""
    points, point_shift = rows_on_grid(dual.points)
    if dual.basis is None:
        return points, point_shift
    basis, basis_shift = rows_on_grid(dual.basis)
    columns = list(zip(*basis, strict=True))
    return [[dot(p, column) for column in columns] for p in points], point_shift + basis_shift


def _squared_norm(basis: list[list[float]] | None) -> Fraction:
    """A number >= |E|^2: the largest absolute row sum of E E'; 1 for the identity."""
    if basis is None:
        return Fraction(1)
    rows, shift = rows_on_grid(basis)
    return Fraction(max(sum(abs(dot(x, y)) for y in rows) for x in rows), 1 << 2 * shift)
