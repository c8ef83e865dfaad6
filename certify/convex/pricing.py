"""Directions of large gain, many at once: the pricing step of column generation (docs/theory.md, section 3).

Within a cone the gain is linear, so `u <- g / |g|_P`, `g = s Z'D(u) nu`, reaches the cone's own best direction or
passes its walls; all starts move together, as matrix products. Across walls the gain may fall: a start that loses is
moved half as far the next time. Cheap and incomplete: that nothing was missed is for the engine to prove.
"""

from __future__ import annotations

import numpy as np

from certify.gain.ascents import as_violator, distinct
from certify.gain.question import GainProblem, Limits, Violator

_STEPS = 30
_MOST_SAMPLES = 4_096  # more than these are seen by the last steps only
_MOST_REFINED, _REFINING_STEPS = 12, 5  # climbs over all the samples, after those over some
_NUDGES = (1e-1, 1e-3)  # known directions lie on walls, with something to gain beyond


def climbed(
    problem: GainProblem, known: np.ndarray, count: int, rng: np.random.Generator, above: float, limits: Limits
) -> list[Violator]:
    """Directions of gain above `above`, one per pattern and sign, largest first.

    known: directions (K, D) to start from, besides `count` random ones.
    """
    starts = _units(problem, _starts(problem, known, count, rng))
    some = _some_samples(problem, rng)
    found: list[Violator] = []
    for sign in (1.0, -1.0):
        if limits.reached() or not starts.size:
            break
        ends, gains = _climb(some, starts, sign, _STEPS)
        if some is not problem:
            best = np.argsort(-gains, kind="stable")[:_MOST_REFINED]
            ends, gains = _climb(problem, np.vstack([starts[: known.shape[0]], ends[best]]), sign, _REFINING_STEPS)
        found += [as_violator(problem, direction) for direction in ends[gains > 0]]
    return [v for v in distinct(problem, found) if v.gain > above]


def _starts(problem: GainProblem, known: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """The known ones, as they are and nudged; data rows of large weight both ways; Gaussian ones seen through the
    inverse of the rows' spread."""
    rows = problem.rows
    nudged = [known + size * np.linalg.norm(known, axis=1)[:, None] * _gaussian(rng, known.shape) for size in _NUDGES]
    weight = np.abs(problem.nu) * np.linalg.norm(rows, axis=1)
    heavy = rows[np.argpartition(-weight, min(count // 8, weight.size - 1))[: count // 8]]
    values, vectors = np.linalg.eigh(rows.T @ rows / max(1, rows.shape[0]))
    kept = values > 1e-12 * max(float(values[-1]), 1e-300)
    random = rng.standard_normal((count, int(kept.sum()))) @ (vectors[:, kept] / np.sqrt(values[kept])).T
    return np.vstack([known, *nudged, heavy, -heavy, random])


def _gaussian(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Directions of expected length 1."""
    return rng.standard_normal(shape) / np.sqrt(shape[-1])


def _some_samples(problem: GainProblem, rng: np.random.Generator) -> GainProblem:
    n = problem.rows.shape[0]
    if n <= _MOST_SAMPLES:
        return problem
    chosen = rng.choice(n, _MOST_SAMPLES, replace=False)
    return GainProblem(problem.rows[chosen], problem.nu[chosen], problem.free_bias)


def _units(problem: GainProblem, u: np.ndarray) -> np.ndarray:
    sizes = np.linalg.norm(u[:, :-1] if problem.free_bias else u, axis=1)
    return u[sizes > 0] / sizes[sizes > 0][:, None]


def _climb(problem: GainProblem, starts: np.ndarray, sign: float, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """The best directions (S, D) that the starts, of P-norm 1, got to, and their gains (S,)."""
    rows, nu = problem.rows, sign * problem.nu
    u, best, gains, reach = starts, starts, np.full(starts.shape[0], -np.inf), np.ones(starts.shape[0])
    slopes = np.zeros_like(starts)
    for _ in range(steps):
        values = rows @ u.T
        if problem.free_bias:
            u, values = _with_best_bias(u, values, nu)
        slope = ((values > 0) * nu[:, None]).T @ rows
        here = np.einsum("sd,sd->s", slope, u)
        better = here > gains
        best, slopes = np.where(better[:, None], u, best), np.where(better[:, None], slope, slopes)
        reach, gains = np.where(better, 1.0, reach / 2), np.where(better, here, gains)
        u = _moved(problem, best, slopes, reach)
    return best, gains


def _moved(problem: GainProblem, u: np.ndarray, slope: np.ndarray, reach: np.ndarray) -> np.ndarray:
    """u moved by the share `reach` (S,) of the way to the best unit direction for the slope."""
    aim = slope.copy()
    if problem.free_bias:
        aim[:, -1] = 0.0
    sizes = np.linalg.norm(aim, axis=1)
    aim = np.divide(aim, sizes[:, None], out=np.zeros_like(aim), where=sizes[:, None] > 0)
    moved = u + reach[:, None] * (aim - u)
    if problem.free_bias:
        moved[:, -1] = u[:, -1]
    sizes = np.linalg.norm(moved[:, :-1] if problem.free_bias else moved, axis=1)
    return np.divide(moved, sizes[:, None], out=u.copy(), where=sizes[:, None] > 0)


def _with_best_bias(u: np.ndarray, values: np.ndarray, nu: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The free bias that is best for each direction's weights: the gain is linear between the samples' own values.

    values (n, S) are those of u (S, D); both are returned for the new bias.
    """
    plain = values - u[:, -1]
    order = np.argsort(-plain, axis=0, kind="stable")
    sorted_values = np.take_along_axis(plain, order, axis=0)
    weights = nu[order]
    # with b = -t for the sorted value t of one sample: the sum of nu (value - t) over the samples above it
    gains = np.cumsum(weights * sorted_values, axis=0) - sorted_values * np.cumsum(weights, axis=0)
    bias = -np.take_along_axis(sorted_values, np.argmax(gains, axis=0)[None], axis=0)[0]
    moved = u.copy()
    moved[:, -1] = bias
    return moved, plain + bias
