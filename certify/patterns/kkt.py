"""The paper's optimality test: the gain M(nu), pattern by pattern (docs/theory.md, sections 3 and 11).

    max { s nu . D Z u : u in K_D, |u|_P <= 1 } = |proj_{K_D}(g)|_P,   g = s Z^T D nu

and the projection is g + B^T lambda, B = (2D - I) Z, with the multipliers lambda >= 0 that minimise |g + B^T lambda|.
No answer of a solver is trusted: every lambda >= 0 whatever gives g . u <= (g + B^T lambda) . u on K_D, hence an
upper bound, and the projection is only a direction whose gain is evaluated afresh.

Free hidden bias. Write u = (w, b), |w| <= 1, and let R = max |x_i|. Then |b| <= R may be assumed: for b > R every
sample is active and the gain nu . (X w + b) does not depend on b, as sum(nu) = 0; for b < -R none is and the gain is
0, which b = -R attains too. So a residual r of g + B^T lambda in the last coordinate costs at most |r| R. It is made
small by a large weight omega on that coordinate and by one step of the method of multipliers, which adds the first
residual to g; nothing need be exact. The projection is then (the normed part, omega^2 times the shifted residual).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from certify._core.bounded import bounded_least_squares
from certify.arrays import Bools, Floats
from certify.gain.ascents import as_violator, distinct, proved_gain
from certify.gain.question import GainBound, GainProblem, Limits, Violator
from certify.gain.quick import quick_gain_bound
from certify.linear import matmul, norm
from certify.patterns.enumerate import Cones, EnumerationStopped, enumerate_cones
from certify.rounding import SLOP, TINY, gamma, sums_to_zero

if TYPE_CHECKING:
    import cvxpy as cp

_CHUNK = 512  # cones between two looks at the limits
_BIAS_WEIGHT = 1e3  # omega / R
_SAME_DIRECTION = 1e-10  # 1 - cosine, of one projection met in several closed cones
_MOST_WITNESSES = 200


def gain_by_enumeration(problem: GainProblem, limits: Limits | None = None, cones: Cones | None = None) -> GainBound:
    """Bounds on M(nu) from one projection for each pattern and sign, rounding accounted for.

    cones: those of problem.rows, where the caller has them already. Raises UsageError for too many patterns.
    At a limit, the cones not reached count with lambda = 0, and the quick bound takes over where it is smaller.
    Infinite, as M is, for a free bias and a dual vector whose sum is not exactly 0.
    """
    limits = limits or Limits()
    if problem.free_bias and not sums_to_zero(problem.nu):
        return GainBound(0.0, math.inf, (), 0, True, "enumerate")
    try:
        cones = cones or enumerate_cones(problem.rows, limits)
    except EnumerationStopped:
        return GainBound(0.0, quick_gain_bound(problem), (), 0, False, "enumerate")
    upper, nodes = 0.0, 0
    found: list[Violator] = []
    for chunk, sign in _chunks(cones):
        multipliers = np.zeros(chunk.patterns.shape)
        if not limits.reached(nodes):
            multipliers, directions = project(problem, chunk, sign)
            found = _largest(problem, found + [as_violator(problem, u) for u in directions])
            nodes += len(directions)
        upper = max(upper, float(np.max(upper_bounds(problem, chunk.patterns, sign, multipliers))))
    lower = proved_gain(problem, found[0].direction) if found else 0.0
    settled = nodes == 2 * len(cones.patterns)
    upper = upper if settled else min(upper, quick_gain_bound(problem))
    return GainBound(lower, max(upper, lower), tuple(found), nodes, settled, "enumerate")


def gain_program(problem: GainProblem, pattern: Bools, sign: int) -> cp.Problem:
    """max s nu . D Z u over u in K_D, |u|_P <= 1, for one pattern (n,): the statement that the multipliers solve."""
    import cvxpy as cp  # a second to import, and this statement is for readers and tests

    u = cp.Variable(problem.rows.shape[1], name="u")
    activations = cp.multiply(pattern.astype(float), problem.rows @ u)
    in_cone = cp.multiply(2.0 * pattern - 1.0, problem.rows @ u) >= 0
    return cp.Problem(cp.Maximize(sign * problem.nu @ activations), [in_cone, cp.norm(u[: _normed(problem)], 2) <= 1])


def project(problem: GainProblem, cones: Cones, sign: int) -> tuple[Floats, Floats]:
    """Multipliers (p, n), zero off the walls, and projections (p, D) of g onto the cones, as the solver finds them."""
    multipliers = np.zeros(cones.patterns.shape)
    directions = np.zeros((len(cones.patterns), problem.rows.shape[1]))
    for k, (pattern, walls) in enumerate(zip(cones.patterns, cones.walls, strict=True)):
        g = sign * matmul(problem.nu[pattern], problem.rows[pattern])
        B = (2.0 * pattern[walls, None] - 1.0) * problem.rows[walls]
        multipliers[k, walls], directions[k] = _project_onto_cone(B, g, _omega(problem), np.full(len(B), np.inf))
    if problem.free_bias:
        reach = _bias_reach(problem) * norm(directions[:, :-1], axis=1)
        directions[:, -1] = np.clip(directions[:, -1], -reach, reach)
    return multipliers, directions


def multipliers_of(problem: GainProblem, pattern: Bools, sign: int, most: Floats) -> Floats:
    """Multipliers (n,), each between 0 and most (n,), that make |g + B^T lambda| small for one pattern (n,), g = sign Z^T D nu.

    most is infinite for the walls of a cone; |nu_i| for an active row whose (z_i.u)_+ is replaced by t z_i.u, 0 <= t <= 1, which bounds
    sign nu_i (z_i.u)_+ wherever sign nu_i <= 0; and 0 for a row that has no say.
    """
    multipliers = np.zeros(problem.rows.shape[0])
    rows = np.flatnonzero((most > 0) & np.any(problem.rows != 0, axis=1))
    g = sign * matmul(problem.nu[pattern], problem.rows[pattern])
    B = (2.0 * pattern[rows, None] - 1.0) * problem.rows[rows]
    multipliers[rows] = np.minimum(_project_onto_cone(B, g, _omega(problem), most[rows])[0], most[rows])
    return multipliers


def upper_bounds(problem: GainProblem, patterns: Bools, sign: int, multipliers: Floats) -> Floats:
    """|g + B^T lambda|_P (+ |r| R) per pattern, rounded up: bounds on the gain over K_D for every lambda (p, n) >= 0.

    Infinite where anything is not finite.
    """
    n, normed = problem.rows.shape[0], _normed(problem)
    active = patterns.astype(float)
    coefficients = sign * active * problem.nu + (2.0 * active - 1.0) * multipliers
    sizes = active * np.abs(problem.nu) + multipliers
    with np.errstate(invalid="ignore", over="ignore"):
        errors = (gamma(n + 4) * matmul(sizes, np.abs(problem.rows)) + TINY) * SLOP
        residual = np.abs(matmul(coefficients, problem.rows)) + errors
        bounds = norm(residual[:, :normed], axis=1)
        if problem.free_bias:
            bounds = bounds + residual[:, normed] * _bias_reach(problem)
    valid = np.isfinite(bounds) & np.all(multipliers >= 0, axis=1)
    return np.where(valid, bounds * (1.0 + gamma(problem.rows.shape[1] + 8)) + TINY, np.inf)


def _normed(problem: GainProblem) -> int:
    """How many coordinates of u the norm counts."""
    return int(problem.rows.shape[1]) - int(problem.free_bias)


def _bias_reach(problem: GainProblem) -> float:
    """R = max |x_i|, rounded up."""
    reach = float(np.max(norm(problem.rows[:, :-1], axis=1), initial=0.0))
    return reach * (1.0 + gamma(problem.rows.shape[1] + 4)) + TINY


def _omega(problem: GainProblem) -> float | None:
    """Weight of the last coordinate where it is outside the norm; None where it is inside."""
    return _BIAS_WEIGHT * max(_bias_reach(problem), 1e-100) if problem.free_bias else None


def _project_onto_cone(B: Floats, g: Floats, omega: float | None, most: Floats) -> tuple[Floats, Floats]:
    """lambda (b,), at most `most`, and the projection (D,) of g onto {u : B u >= 0}, in the norm or in the semi-norm."""
    if omega is None:
        multipliers = _nonnegative_least_squares(B, g, most)
        return multipliers, g + matmul(multipliers, B)
    weight = np.append(np.ones(len(g) - 1), omega)
    shifted = g.copy()
    for _ in range(2):
        multipliers = _nonnegative_least_squares(B * weight, shifted * weight, most)
        projection = (shifted + matmul(multipliers, B)) * weight**2
        shifted[-1] += (g + matmul(multipliers, B))[-1]
    return multipliers, projection


def _nonnegative_least_squares(B: Floats, g: Floats, most: Floats) -> Floats:
    """lambda, 0 <= lambda <= most, that minimises |g + B^T lambda|; zero where anything is not finite."""
    scale = norm(B, axis=1)
    length = float(norm(g))
    if not (len(B) and 0 < length < np.inf and np.all((scale > 0) & (scale < np.inf))):
        return np.zeros(len(B))
    multipliers = bounded_least_squares(B / scale[:, None], -g / length, most * scale / length)
    return np.maximum(multipliers, 0.0) * length / scale


def _chunks(cones: Cones) -> Iterator[tuple[Cones, int]]:
    for start in range(0, len(cones.patterns), _CHUNK):
        part = slice(start, start + _CHUNK)
        for sign in (1, -1):
            yield Cones(cones.patterns[part], cones.walls[part]), sign


def _largest(problem: GainProblem, violators: Sequence[Violator]) -> list[Violator]:
    """The largest, one per pattern and sign; a direction on a wall is met once for every cone that shares it."""
    kept: list[Violator] = []
    units = np.zeros((0, problem.rows.shape[1]))
    for violator in sorted((v for v in violators if v.gain > 0), key=lambda v: -v.gain):
        unit = violator.direction / norm(violator.direction)
        if not np.any(matmul(units, unit) > 1 - _SAME_DIRECTION):
            kept.append(violator)
            units = np.vstack([units, unit])
        if len(kept) == _MOST_WITNESSES:
            break
    return distinct(problem, kept)
