"""Directions of large gain: the lower half of every bound on M(nu) (docs/theory.md, section 3)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import chain

import numpy as np

from certify import linear
from certify._core.ascent import Ascents
from certify.arrays import Floats
from certify.gain.question import GainProblem, Limits, Violator
from certify.gain.reduction import ReducedGain, columns
from certify.rounding import SLOP, TINY, gamma

_ASCENT_STEPS = 40
_OUTPUT_STEPS = 30
_AT_ONCE = 64  # ascents between two looks at the limits
_LEAST_SPREAD = 1e-14
_ASCENT_ROWS = 60_000  # samples in all the ascents together


def proved_gain(problem: GainProblem, direction: Floats) -> float:
    """A float at most |nu' (Z u)_+| for u = direction / |direction|_P (direction (D,), taken as exact); 0 where all is so
    small that numbers lose digits."""
    size = linear.norm(direction[:-1] if problem.free_bias else direction)
    value = _length(linear.matmul(np.maximum(linear.matmul(problem.rows, direction), 0.0), problem.nu))
    spread = _length(linear.matmul(linear.matmul(np.abs(problem.rows), np.abs(direction)), np.abs(problem.nu)))
    n, dimension = problem.rows.shape
    error = gamma(n + dimension + 4) * spread * SLOP + TINY * (1 + float(np.sum(np.abs(problem.nu))))  # TINY: underflow
    proved = (value - error) / size * (1 - gamma(dimension + problem.outputs + 8)) if size > TINY else 0.0
    return proved if TINY < proved < math.inf else 0.0


def _length(gains: Floats | float) -> float:
    """The absolute value of one gain, the norm of several; hypot neither underflows nor overflows on the way."""
    return math.hypot(*np.atleast_1d(gains))


def local_maxima(
    problem: GainProblem, reduced: ReducedGain, starts: Iterable[Floats], limits: Limits
) -> list[Violator]:
    """Ascend from every start (reduced coordinates (r,)) for both signs; distinct results, largest gain first."""
    climb = _climb_both_signs(reduced) if problem.outputs == 1 else _climb_outputs(reduced)
    found = []
    for start in starts:
        if limits.reached():
            break
        found += [as_violator(problem, reduced.lift(u)) for u in climb(start)]
    return distinct(problem, found)


def _climb_both_signs(reduced: ReducedGain) -> Callable[[Floats], list[Floats]]:
    """A local maximum for each sign of nu that has one."""
    halves = [rows for rows in (split(reduced, 1), split(reduced, -1)) if rows[0].size]
    ascents_of = [Ascents(*rows, reduced.dual_scale) for rows in halves]

    def climb(start: Floats) -> list[Floats]:
        ends = [half.ascend(start, _ASCENT_STEPS) for half in ascents_of]
        return [u for u, value in ends if value > 0]

    return climb


def maxima_from(reduced: ReducedGain, starts: Floats, limits: Limits, threads: int = 1) -> Floats:
    """The local maxima (m, r) that ascents from the starts (s, r) end in, for both signs; those of gain 0 are left out.

    threads: with two or more the signs go side by side; the answer is the same.
    """
    halves = [Ascents(*rows, reduced.dual_scale) for rows in (split(reduced, 1), split(reduced, -1)) if rows[0].size]
    starts = np.ascontiguousarray(starts)

    def climb(half: Ascents) -> list[Floats]:
        found = []
        for first in range(0, len(starts), _AT_ONCE):
            if limits.reached():
                break
            ends, values = half.ascend_all(starts[first : first + _AT_ONCE], _ASCENT_STEPS)
            found.append(ends[values > 0])
        return found

    if threads < 2 or len(starts) <= _AT_ONCE:
        found = [climb(half) for half in halves]
    else:
        with ThreadPoolExecutor(2) as pool:
            found = list(pool.map(climb, halves))
    return np.vstack([np.zeros((0, reduced.rank)), *(ends for part in found for ends in part)])


def _climb_outputs(reduced: ReducedGain) -> Callable[[Floats], list[Floats]]:
    """For k outputs: climb for the output direction v = F(u) / |F(u)|, and again with the new one while the gain rises."""

    def climb(start: Floats) -> list[Floats]:
        u, best, where = start, 0.0, start
        for _ in range(_OUTPUT_STEPS):
            gains = linear.matmul(np.maximum(linear.matmul(reduced.rows, u), 0.0), reduced.nu)
            length = linear.norm(gains)
            size = length / max(linear.norm(u / reduced.dual_scale), 2.0**-900)
            if not size > best * (1 + 1e-12):
                break
            best, where = size, u
            rows = split(replace(reduced, nu=linear.matmul(reduced.nu, gains / length)), 1)
            u, _ = Ascents(*rows, reduced.dual_scale).ascend(u, _ASCENT_STEPS)
        return [where] if best > 0 else []

    return climb


def ascents(
    problem: GainProblem,
    reduced: ReducedGain,
    known: Sequence[Floats],
    count: int,
    seed: int,
    limits: Limits,
) -> list[Violator]:
    """Local maxima from the known directions (D,) and from `count` starting points; distinct, largest gain first."""
    own = (reduced.lower(direction) for direction in known)
    return local_maxima(problem, reduced, chain(own, starting_points(reduced, count, seed)), limits)


def split(reduced: ReducedGain, sign: int) -> tuple[Floats, Floats]:
    """The rows a_i (of weight sign * nu_i > 0) and b_j of f = h+ - h-, each (., r); zero rows say nothing."""
    weighted = sign * reduced.nu[:, None] * reduced.rows
    present = np.any(weighted != 0, axis=1)
    positive = sign * reduced.nu > 0
    plus, minus = weighted[positive & present], -weighted[~positive & present]
    return np.ascontiguousarray(plus), np.ascontiguousarray(minus)


def as_violator(problem: GainProblem, direction: Floats) -> Violator:
    """The direction scaled to P-norm 1, with its sign (1 for k outputs) and gain."""
    size = linear.norm(direction[:-1] if problem.free_bias else direction)
    unit = direction / size if size > 0 else direction
    gain = problem.gain(unit)
    return Violator(unit, 1 if gain >= 0 else -1, abs(gain))


def distinct(problem: GainProblem, violators: Sequence[Violator]) -> list[Violator]:
    """One per activation pattern and sign, largest gain first."""
    best: dict[tuple[int, bytes], Violator] = {}
    for violator in sorted(violators, key=lambda v: -v.gain):
        pattern = np.packbits(linear.matmul(problem.rows, violator.direction) > 0).tobytes()
        best.setdefault((violator.sign, pattern), violator)
    return list(best.values())


def seed_count(rank: int, samples: int = 0) -> int:
    """How many ascents are worth their time: fewer where each takes long, for many samples or in high ranks."""
    by_rank = 24 if rank <= 6 else 12 if rank <= 12 else 4
    return min(by_rank, max(1, _ASCENT_ROWS // max(samples, 1)))


def starting_points(reduced: ReducedGain, count: int, seed: int) -> list[Floats]:
    """Data rows of the largest weight, both ways, then random directions of the rows' covariance; `count` in all."""
    rng = np.random.default_rng(seed)
    sizes = linear.norm(columns(reduced.nu), axis=1)
    heavy = np.argsort(-sizes * linear.norm(reduced.rows, axis=1), kind="stable")[: count // 4]
    data = [sign * reduced.rows[i] for i in heavy for sign in (1.0, -1.0)]
    values, vectors = linear.eigh(linear.gram(reduced.rows) / max(1, reduced.rows.shape[0]))
    present = values > _LEAST_SPREAD * np.max(values, initial=0.0)
    shape = linear.matmul(vectors * np.where(present, 1.0 / np.sqrt(np.where(present, values, 1.0)), 0.0), vectors.T)
    random = [linear.matmul(shape, rng.standard_normal(reduced.rank)) for _ in range(max(0, count - len(data)))]
    return data + random
