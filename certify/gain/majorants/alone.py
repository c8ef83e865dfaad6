"""Engine S: a proved bound on the gain by quadratic majorants, for ranks where cones are too many.

For one sign of nu, with a_i = nu_i z_i (nu_i > 0) and b_j = |nu_j| z_j (nu_j < 0), the gain on unit u is

    1/2 c.u + 1/2 sum |a_i.u| - 1/2 sum |b_j.u|,
    |a_i.u| <= w_i/2 + (a_i.u)^2/(2 w_i),    |b_j.u| >= (y_j.u + s_j)(b_j.u)

for all w > 0 and all y_j, s_j with |y_j.u + s_j| <= 1 on the part of the sphere at hand: a quadratic, whose maximum is one
eigenvalue problem. The best such majorant is the dual of a semidefinite program; where it is too high, the sign of one a_i.u
is fixed, both ways.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

import numpy as np

from certify.arrays import Floats
from certify.gain.ascents import as_violator, distinct, proved_gain
from certify.gain.majorants.ascent import ascend
from certify.gain.majorants.brancher import MajorantBrancher, unit_direction
from certify.gain.majorants.size import affordable
from certify.gain.question import GainBound, GainProblem, Limits, Violator
from certify.gain.quick import quick_gain_bound
from certify.gain.search.queue import Search
from certify.linear import norm

GainProgress = Callable[[float, float, int], None]  # lower, upper, nodes

_STARTS = 8  # ascents a sign beside the given ones, where an ascent is cheap
_CHEAP = 100_000  # entries of the hinges


def bound_gain_by_majorants(
    problem: GainProblem,
    *,
    threshold: float,
    tolerance: float,
    limits: Limits,
    start: Sequence[Floats] = (),
    progress: GainProgress | None = None,
    threads: int = 1,
) -> GainBound:
    """Bounds on M(nu), rounding accounted for; for ranks of about 6 to 40, any limits.

    Beyond rank 64 no node is explored: the quick bound and the witnesses are all there is.

    threshold  the search ends once M <= threshold is proved; a larger M is bounded to within
    tolerance  (relative; where it is below 1e-7, to about 1e-7)
    start      directions (D,) worth trying first
    Raises ValueError for values that are not finite, and for a free bias whose nu does not sum to exactly 0.
    """
    if math.isnan(threshold) or not 0 <= tolerance < math.inf:
        raise ValueError(f"threshold {threshold} and tolerance {tolerance} must be numbers, the tolerance at least 0")
    brancher, quick = MajorantBrancher(problem), quick_gain_bound(problem)
    search = Search(brancher, threshold, tolerance)
    best = 0.0
    witnesses: list[Violator] = []

    def attain(violators: Sequence[Violator]) -> None:
        nonlocal best, witnesses
        best = max([best, *(proved_gain(problem, v.direction) for v in violators)])
        witnesses = distinct(problem, [*witnesses, *violators])
        search.attain(best)

    attain([as_violator(problem, u) for u in first_directions(brancher, start, limits)])
    reach = affordable(0 if brancher.hinges is None else brancher.hinges.rank)

    def upper() -> float:
        return max(min(quick, search.upper if reach else math.inf), best)

    while reach and not search.ended and upper() > threshold and not limits.reached(search.nodes):
        search.advance(1, threads, lambda: False, limits.reached)
        attain(search.candidates)
        search.candidates.clear()
        if progress:
            progress(best, upper(), search.nodes)
    settled = upper() <= threshold or (reach and search.ended)
    found = tuple(v for v in witnesses if v.gain > 0)
    return GainBound(best, upper(), found, search.nodes, settled, "majorants")


def first_directions(brancher: MajorantBrancher, start: Sequence[Floats], limits: Limits) -> list[Floats]:
    """The given directions, and where ascents from them, from the heaviest rows and from some random ones end."""
    start = [direction for direction in start if np.all(np.isfinite(direction))]
    hinges, found = brancher.hinges, list(start)
    if hinges is None or hinges.rank == 0:
        return found
    rng, points, heads = np.random.default_rng(0), hinges.points, hinges.heads
    weight = np.abs(hinges.nu) * norm(points[:, heads:], axis=1)
    seeds = [hinges.reduced_direction(direction) for direction in start]
    count = _STARTS if points.size <= _CHEAP else 2
    seeds += [
        unit_direction(sign * points[i], heads)
        for i in np.argsort(-weight, kind="stable")[: count // 4]
        for sign in (1, -1)
    ]
    seeds += [unit_direction(rng.standard_normal((points.shape[1],)), heads) for _ in range(count // 2)]
    for half, v in itertools.product(brancher.halves.values(), seeds):
        if limits.reached():
            break
        found.append(hinges.original_direction(ascend(half, v, limits.reached)))
    return found
