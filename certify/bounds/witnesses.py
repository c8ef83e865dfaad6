"""Directions of large gain: the lower half of every bound on M(nu) (docs/theory.md, section 3)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from certify.bounds.compiled import KERNELS
from certify.bounds.interface import GainProblem, Limits, Violator
from certify.bounds.reduction import ReducedGain
from certify.rounding import SLOP, gamma

_ASCENT_STEPS = 40
_ASCENT_NODES = 12  # what an ascent costs, in nodes


def proved_gain(problem: GainProblem, direction: np.ndarray) -> float:
    """A float at most |nu . (Z u)_+| for u = direction / |direction|_P (direction (D,), taken as exact)."""
    size = float(np.linalg.norm(direction[:-1] if problem.free_bias else direction))
    value = abs(float(problem.nu @ np.maximum(problem.rows @ direction, 0.0)))
    spread = float(np.abs(problem.nu) @ (np.abs(problem.rows) @ np.abs(direction)))
    n, dimension = problem.rows.shape
    proved = (value - gamma(n + dimension + 4) * spread * SLOP) / size if size > 0 else 0.0
    return max(proved * (1 - gamma(dimension + 8)), 0.0) if np.isfinite(proved) else 0.0


def local_maxima(
    problem: GainProblem, reduced: ReducedGain, starts: Iterable[np.ndarray], limits: Limits
) -> list[Violator]:
    """Ascend from every start (reduced coordinates (r,)) for both signs; distinct results, largest gain first."""
    halves = [split(reduced, sign) for sign in (1, -1)]
    found = []
    for start in starts:
        if limits.reached():
            break
        for plus, minus in halves:
            if plus.size:
                KERNELS.charge(_ASCENT_NODES, reduced.nu.size)
                u, value = KERNELS.current().ascend(start, plus, minus, reduced.dual_scale, _ASCENT_STEPS)
                if value > 0:
                    found.append(as_violator(problem, reduced.lift(u)))
    return distinct(problem, found)


def ascents(
    problem: GainProblem,
    reduced: ReducedGain,
    known: Sequence[np.ndarray],
    count: int,
    seed: int,
    limits: Limits,
) -> list[Violator]:
    """Local maxima from the known directions (D,) and from `count` starting points; distinct, largest gain first."""
    starts = [reduced.lower(direction) for direction in known]
    return local_maxima(problem, reduced, starts + starting_points(reduced, count, seed), limits)


def split(reduced: ReducedGain, sign: int) -> tuple[np.ndarray, np.ndarray]:
    """The rows a_i (of weight sign * nu_i > 0) and b_j of f = h+ - h-, each (., r); zero rows say nothing."""
    weighted = sign * reduced.nu[:, None] * reduced.rows
    present = np.any(weighted != 0, axis=1)
    positive = sign * reduced.nu > 0
    plus, minus = weighted[positive & present], -weighted[~positive & present]
    return np.ascontiguousarray(plus), np.ascontiguousarray(minus)


def as_violator(problem: GainProblem, direction: np.ndarray) -> Violator:
    """The direction scaled to P-norm 1, with its sign and gain."""
    size = float(np.linalg.norm(direction[:-1] if problem.free_bias else direction))
    unit = direction / size if size > 0 else direction
    gain = problem.gain(unit)
    return Violator(unit, 1 if gain >= 0 else -1, abs(gain))


def distinct(problem: GainProblem, violators: Sequence[Violator]) -> list[Violator]:
    """One per activation pattern and sign, largest gain first."""
    best: dict[tuple[int, bytes], Violator] = {}
    for violator in sorted(violators, key=lambda v: -v.gain):
        pattern = np.packbits(problem.rows @ violator.direction > 0).tobytes()
        best.setdefault((violator.sign, pattern), violator)
    return list(best.values())


def seed_count(rank: int) -> int:
    """How many ascents are worth their time: in high ranks each takes long, and majorants bring their own."""
    return 24 if rank <= 6 else 12 if rank <= 12 else 4


def starting_points(reduced: ReducedGain, count: int, seed: int) -> list[np.ndarray]:
    """Data rows of the largest weight, both ways, then random directions of the rows' covariance; `count` in all."""
    rng = np.random.default_rng(seed)
    heavy = np.argsort(-np.abs(reduced.nu) * np.linalg.norm(reduced.rows, axis=1), kind="stable")[: count // 4]
    data = [sign * reduced.rows[i] for i in heavy for sign in (1.0, -1.0)]
    spread = np.linalg.pinv(reduced.rows.T @ reduced.rows / max(1, reduced.nu.size), hermitian=True)
    values, vectors = np.linalg.eigh(spread)
    shape = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    random = [shape @ rng.standard_normal(reduced.rank) for _ in range(max(0, count - len(data)))]
    return data + random
