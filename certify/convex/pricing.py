"""Directions of large gain, from many starts: the pricing step of column generation (docs/theory.md, sections 3 and 9.6).

Each ascent ends in a local maximum. The maxima above beta are near the present columns as a rule, or far from all data: so half of the
starts are columns moved a little, the others are data rows, both ways, and random directions in the row space's own
metric. Cheap and incomplete: that nothing was missed is for the engine to prove.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from certify.arrays import Floats
from certify.gain.ascents import as_violator, distinct, maxima_from
from certify.gain.question import GainProblem, Limits, Violator
from certify.gain.reduction import ReducedGain, reduce_gain
from certify.linear import eigh, gram, matmul, norm

_MOST_SAMPLES = 4_096  # more than these are seen by the last ascents only
_MOST_REFINED = 12  # ascents over all the samples, after those over some
_NUDGES = (0.3, 0.03)  # shares of a column's length
_FLAT = 1e-12  # of the largest spread: along directions of less, rows do not spread at all
_ROUNDING = 1e-9  # relative, of a gain in the reduced problem
_MOST_ENDS = 500


def climbed(
    problem: GainProblem,
    known: Floats,
    count: int,
    rng: np.random.Generator,
    above: float,
    limits: Limits,
    threads: int = 1,
) -> list[Violator]:
    """Directions of gain above `above`, one per pattern and sign, largest first.

    known: directions (K, D) to start from, besides about `count` others. None where the dual vector is no dual vector (with a free
    bias its sum has to be 0), or is not finite.
    """
    try:
        whole = reduce_gain(problem)
        return _climbed(problem, whole, known, count, rng, above, limits, threads) if whole.rank else []
    except (ValueError, ArithmeticError):
        return []


def _climbed(
    problem: GainProblem,
    whole: ReducedGain,
    known: Floats,
    count: int,
    rng: np.random.Generator,
    above: float,
    limits: Limits,
    threads: int,
) -> list[Violator]:
    some = _some_samples(whole, rng)
    columns = np.array([whole.lower(direction) for direction in known]).reshape(-1, whole.rank)
    ends = maxima_from(some, _starts(some, columns, count, rng), limits, threads)
    if some is not whole:
        best = ends[np.argsort(-_gains(some, ends), kind="stable")[:_MOST_REFINED]]
        ends = maxima_from(whole, np.vstack([columns, best]), limits, threads)
    found = [as_violator(problem, whole.lift(u)) for u in _largest(whole, ends, above)]
    return [v for v in distinct(problem, found) if v.gain > above]


def _starts(reduced: ReducedGain, columns: Floats, count: int, rng: np.random.Generator) -> Floats:
    """The columns (K, r), as they are and moved; data rows, the heaviest first; Gaussian directions seen through the inverse of the
    rows' spread. In reduced coordinates."""
    rows = reduced.rows
    lengths = norm(columns, axis=1)
    moved = []
    if len(columns):
        chosen = rng.integers(len(columns), size=count // 2)
        step = rng.standard_normal((chosen.size, reduced.rank)) / np.sqrt(reduced.rank)
        size = np.where(np.arange(chosen.size) % 2, *_NUDGES) * lengths[chosen]
        moved = [columns, columns[chosen] + size[:, None] * step / reduced.dual_scale]
    weight = np.abs(reduced.nu) * norm(rows, axis=1)
    heavy = rows[np.argsort(-weight, kind="stable")[: count // 8]]
    values, vectors = eigh(gram(rows) / max(1, rows.shape[0]))
    kept = values > _FLAT * max(float(values[-1]), 1e-300)
    wide = max(count - count // 2 - 2 * len(heavy), count // 4)
    random = matmul(rng.standard_normal((wide, int(kept.sum()))), (vectors[:, kept] / np.sqrt(values[kept])).T)
    return np.vstack([*moved, heavy, -heavy, random])


def _some_samples(reduced: ReducedGain, rng: np.random.Generator) -> ReducedGain:
    n = reduced.rows.shape[0]
    if n <= _MOST_SAMPLES:
        return reduced
    chosen = rng.choice(n, _MOST_SAMPLES, replace=False)
    return replace(reduced, rows=reduced.rows[chosen], nu=reduced.nu[chosen])


def _gains(reduced: ReducedGain, ends: Floats) -> Floats:
    """The gains (s,) of unit directions (s, r), in the units of the reduced problem."""
    return np.abs(matmul(np.maximum(matmul(ends, reduced.rows.T), 0.0), reduced.nu))


def _largest(reduced: ReducedGain, ends: Floats, above: float) -> Floats:
    """Those of gain above `above`, to rounding, largest first, as long as there are not too many."""
    gains = _gains(reduced, ends)
    order = np.argsort(-gains, kind="stable")[:_MOST_ENDS]
    return ends[order[gains[order] >= reduced.reduced_threshold(above) * (1 - _ROUNDING)]]
