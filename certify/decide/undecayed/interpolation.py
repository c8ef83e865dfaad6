"""A network with given predictions, wherever networks can have them at all (docs/theory.md, section 13).

Where all rows lie on one side of a hyperplane, as with a hidden bias, one neuron a line; else two a line, and two for the linear
part. Both are read off a plane through 0, on which the lines are in order.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from certify.arrays import Floats
from certify.linear import matmul, norm
from certify.problem.attainable import Attainable
from certify.problem.objective import Bias
from certify.problem.training import Neurons, TrainingProblem

_TRIALS = 16  # planes; the one that misses the predictions least is taken
_WORK = 200_000_000  # products that trials may cost
_DIGITS = (40, 30, 20, 10, 4)  # binary ones behind the point, of weights that may be simple numbers


def interpolating(problem: TrainingProblem, best: Attainable, seed: int) -> Neurons | None:
    """Neurons that predict what `best` says, up to rounding; None where float64 is no help, or the lines are too many."""
    rng = np.random.default_rng(seed)
    rows, d = problem.rows[best.lines.first], problem.rows.shape[1]
    if not len(rows):
        return Neurons(np.zeros((0, d)), np.zeros((0, 1)), np.array([best.constant]))
    goals = best.even + matmul(rows, best.linear)
    upright = _upright(problem)
    found: list[tuple[float, Neurons]] = []
    with np.errstate(all="ignore"):
        for trial in range(min(_TRIALS, _WORK // (2 * len(rows) ** 2 * d))):
            across, beside = _plane(rng, rows, trial)
            if upright is None:
                u, a = _by_lines(rows, best.even, across, beside)
                u, a = np.vstack([u, best.linear, -best.linear]), np.concatenate([a, [1.0, -1.0]])
            else:
                u, a = _by_halfline(rows, goals, upright, across)
            neurons = _tidied(problem, u, a, best.constant)
            hidden = np.maximum(matmul(rows, neurons.u.T), 0.0)
            miss = float(norm(matmul(hidden, neurons.a)[:, 0] + neurons.c - (goals + best.constant)))
            if np.isfinite(miss):
                found.append((miss, neurons))
    return min(found, key=lambda pair: pair[0])[1] if found else None


def _plane(rng: np.random.Generator, rows: Floats, trial: int) -> tuple[Floats, Floats]:
    """Two directions (D,): first powers of two, with which data of few digits are fitted without rounding; then small integers, and
    at last random ones in the columns' units."""
    d = rows.shape[1]
    if trial == 0:
        powers = np.ldexp(1.0, np.arange(d) % 30)
        return powers, powers[::-1].copy()
    if trial < _TRIALS // 2:
        whole = rng.integers(-4 * trial, 4 * trial + 1, (2, d)).astype(float)
        return whole[0], whole[1]
    first, second = rng.standard_normal((2, d)) / np.maximum(np.max(np.abs(rows), axis=0), 1e-300)
    return first, second


def _upright(problem: TrainingProblem) -> Floats | None:
    """A v (D,) with v . z > 0 for all rows but those that are zero, where one is at hand."""
    rows = problem.rows[np.any(problem.rows != 0, axis=1)]
    unit = np.zeros(rows.shape[1])
    unit[-1] = 1.0
    if problem.objective.hidden_bias is not Bias.NONE:
        return unit
    lengths = np.max(np.abs(rows), axis=1)
    middle = np.sum(rows / lengths[:, None], axis=0)
    return middle if np.all(matmul(rows, middle) > 1e-6 * lengths * norm(middle)) else None


def _by_halfline(rows: Floats, goals: Floats, upright: Floats, across: Floats) -> tuple[Floats, Floats]:
    """Neurons (K, D) and output weights (K,): along p = (z.across)/(z.upright) a line broken at the rows but the last."""
    height = matmul(rows, upright)
    p, g = matmul(rows, across) / height, goals / height
    order = np.argsort(p, kind="stable")
    p, g = p[order], g[order]
    slopes = np.diff(g) / np.diff(p)
    u = np.vstack([upright[None, :], across - p[:-1, None] * upright])
    return u, np.concatenate([g[:1], np.diff(slopes, prepend=0.0)])


def _by_lines(rows: Floats, even: Floats, first: Floats, second: Floats) -> tuple[Floats, Floats]:
    """Neurons (2K, D) and output weights (2K,) of an even function with these values at the rows: sum_k a_k |z . n_k|, n_k
    in a plane and orthogonal there to row k. Between two lines it is a sinusoid of the angle; a_k is half the change of its slope."""
    if len(rows) == 1:
        square = float(np.sum(rows[0] ** 2))
        return np.vstack([rows, -rows]) / square, np.repeat(even, 2)
    plane = np.column_stack([matmul(rows, first), matmul(rows, second)])
    plane *= np.where((plane[:, 0] < 0) | ((plane[:, 0] == 0) & (plane[:, 1] < 0)), -1.0, 1.0)[:, None]
    size = norm(plane, axis=1)
    unit, value = plane / size[:, None], even / size
    order = np.argsort(unit[:, 1], kind="stable")
    unit, value = unit[order], value[order]
    after, ahead = np.roll(unit, -1, axis=0), np.roll(value, -1)
    after[-1] *= -1.0  # the first line again, half a turn on
    sine = unit[:, 0] * after[:, 1] - unit[:, 1] * after[:, 0]
    cosine = np.sum(unit * after, axis=1)
    leaving, arriving = (ahead - value * cosine) / sine, (ahead * cosine - value) / sine
    a = (leaving - np.roll(arriving, 1)) / 2
    normals = unit[:, :1] * second - unit[:, 1:] * first
    return np.vstack([normals, -normals]), np.concatenate([a, a])


def _tidied(problem: TrainingProblem, u: Floats, a: Floats, constant: float) -> Neurons:
    """Without neurons that do nothing, and both layers of about one size; a constant neuron becomes the output bias where there is
    one."""
    c = np.array([constant])
    if problem.objective.output_bias is not Bias.NONE and problem.objective.hidden_bias is not Bias.NONE:
        c, u, a = a[:1] * u[0, -1], u[1:], a[1:]
    alive = (a != 0) & np.any(u != 0, axis=1)
    u, a = u[alive], a[alive]
    ratio = np.frexp(np.sqrt(np.abs(a) / np.maximum(norm(u, axis=1), 1e-300)))[1] - 1  # powers of two change no digit
    return Neurons(np.ldexp(u, ratio[:, None]), np.ldexp(a, -ratio)[:, None], c)


def with_fewer_digits(neurons: Neurons) -> Iterator[Neurons]:
    """The network with its largest hidden weights 1, rounded to fewer and fewer digits: where exact weights are simple, these."""
    size = np.max(np.abs(neurons.u), axis=1)
    alive = (size > 0) & np.any(neurons.a != 0, axis=1)
    u, a, c = neurons.u[alive] / size[alive, None], neurons.a[alive] * size[alive, None], neurons.c
    for bits in _DIGITS:
        fewer = Neurons(*(np.ldexp(np.rint(np.ldexp(x, bits)), -bits) for x in (u, a, c)))
        kept = np.any(fewer.a != 0, axis=1)
        yield Neurons(fewer.u[kept], fewer.a[kept], fewer.c)
