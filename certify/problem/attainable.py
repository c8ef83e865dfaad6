"""What networks of every width can predict, and the least loss over it: the problem without weight decay (docs/theory.md, section 13).

    f_i = |t_i| e_k + w . z_i + c          row i is z_i = t_i y_k, on the line through 0 along y_k; t_i may be negative

e_k is a number for each line, w any vector, c the output bias where there is one: a linear space of predictions.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import partial

import numpy as np

from certify._core.elementary import exp, log1p
from certify.arrays import Bools, Floats, Indices
from certify.failures import unless_it_fails
from certify.linear import matmul, pinv
from certify.problem.losses.function import LossFunction
from certify.problem.losses.kinked import Kinked
from certify.problem.objective import Bias
from certify.problem.training import TrainingProblem

_MARGIN = 50.0  # f y of a sample whose loss has no minimum: exp(-50) is left of it
_MOST_STEPS = 200
_WIDTHS = tuple(2.0**-k for k in range(31))  # of rounded kinks, in the largest target
_REACH = 30.0  # widths that one step may move a prediction by: beyond there is no curvature to go by
_FLAT = 1e-100
_ARMIJO = 1e-4
_LEAST_FALL = 1e-17  # relative


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """The lines through 0 on which the rows lie; two rows share one exactly where they are proportional in real arithmetic.

    line (n,): which one, -1 for a zero row. t (n,): row i is t_i times the line's row. first (K,): which row that is.
    """

    rows: Floats
    line: Indices
    t: Floats
    first: Indices

    @property
    def count(self) -> int:
        """Number K of lines."""
        return int(self.first.size)

    def ratio(self, i: int) -> Fraction:
        """t_i, exactly."""
        return _ratio(self.rows[i], self.rows[self.first[self.line[i]]])


@dataclass(frozen=True, slots=True, eq=False)
class Attainable:
    """Predictions by their parameters: even (K,), linear (D,), constant.

    coupled (n,): samples that share a parameter with another one. slope (n,): that of L there, nearly orthogonal to what networks
    predict; at a kink of the loss one of many. 0 for the other samples.
    """

    lines: Lines
    even: Floats
    linear: Floats
    constant: float
    coupled: Bools
    slope: Floats

    @property
    def predictions(self) -> Floats:
        """f (n,), rounded to nearest."""
        lines = self.lines
        even = np.where(lines.line >= 0, self.even[lines.line], 0.0) if lines.count else np.zeros(len(lines.t))
        return np.abs(lines.t) * even + matmul(lines.rows, self.linear) + self.constant


def lines_of(rows: Floats) -> Lines:
    """The lines of rows (n, D). Proportional rows have equal quotients by their largest entry, so equal floats: these are
    compared first, and the equality is then decided exactly."""
    column = np.argmax(np.abs(rows), axis=1)
    pivot = rows[np.arange(len(rows)), column]
    alive = pivot != 0
    unit = rows / np.where(alive, pivot, 1.0)[:, None] + 0.0
    _, first, line = np.unique(unit, axis=0, return_index=True, return_inverse=True)
    line = line.reshape(-1)
    t = np.divide(pivot, pivot[first][line], out=np.zeros_like(pivot), where=alive)
    apart = [
        i
        for i in np.flatnonzero(alive & (first[line] != np.arange(len(rows))))
        if not _parallel(rows, i, first[line[i]])
    ]
    line[apart] = len(first) + np.arange(len(apart))
    first, t[apart] = np.concatenate([first, np.array(apart, dtype=first.dtype)]), 1.0
    kept = np.flatnonzero(alive[first])
    number = np.full(len(first), -1, dtype=line.dtype)
    number[kept] = np.arange(len(kept))
    return Lines(rows, number[line], t, first[kept])


def _parallel(rows: Floats, i: int | np.intp, j: int | np.intp) -> bool:
    if np.array_equal(rows[i], rows[j]):
        return True
    t = _ratio(rows[i], rows[j])
    return all(Fraction(x) == t * Fraction(y) for x, y in zip(rows[i].tolist(), rows[j].tolist(), strict=True))


def _ratio(row: Floats, reference: Floats) -> Fraction:
    column = int(np.argmax(np.abs(reference)))
    return Fraction(float(row[column])) / Fraction(float(reference[column]))


@np.errstate(all="ignore")
def best_attainable(problem: TrainingProblem) -> Attainable:
    """Predictions (of one output) of nearly the least loss that networks of any width can come to; not proved to be.

    Samples that share no parameter with another one get their best prediction; the others, Newton's method.
    """
    lines, weights, y = lines_of(problem.rows), problem.weights, problem.targets[:, 0]
    used = weights > 0
    members = np.bincount(lines.line[used & (lines.line >= 0)], minlength=lines.count)
    coupled = used & ((lines.line < 0) | (members[lines.line] > 1 if lines.count else False))
    own = _alone(problem.loss, y)
    free_constant = problem.objective.output_bias is not Bias.NONE and problem.objective.hidden_bias is Bias.NONE
    shared = _shared_columns(problem.rows, lines, coupled, free_constant)
    even, x, slope = _solved(problem, lines, coupled, shared)
    d = problem.rows.shape[1]
    linear = x[:d] if shared.shape[1] >= d and _mirrored(lines, coupled).any() else np.zeros(d)
    constant = float(x[-1]) if free_constant else 0.0
    alone = used & ~coupled
    rest = own - matmul(problem.rows, linear) - constant
    even[lines.line[alone]] = rest[alone] / np.abs(lines.t[alone])
    return Attainable(lines, even, linear, constant, coupled, slope)


def _alone(loss: LossFunction, y: Floats) -> Floats:
    """The best predictions (n,) of samples that share nothing: well within the side where a kinked loss is 0."""
    if isinstance(loss, Kinked):
        low, high = loss.sides(y, np.ones_like(y))
        return np.asarray(y + 1.0 * (high == 0) - 1.0 * (low == 0))
    return y if loss.quadratic else _MARGIN * y


def _mirrored(lines: Lines, coupled: Bools) -> Bools:
    """(K,): lines with samples on either side of 0."""
    sides = [np.bincount(lines.line[coupled & (s * lines.t > 0)], minlength=lines.count) > 0 for s in (1, -1)]
    both: Bools = sides[0] & sides[1]
    return both


def _shared_columns(rows: Floats, lines: Lines, coupled: Bools, free_constant: bool) -> Floats:
    """(N, D + 1 at most), of the coupled samples: the coordinates, where some line is mirrored, and the constant."""
    n = int(np.sum(coupled))
    parts = [rows[coupled]] if _mirrored(lines, coupled).any() else []
    return np.column_stack([np.zeros((n, 0)), *parts, *([np.ones(n)] if free_constant else [])])


def _solved(problem: TrainingProblem, lines: Lines, coupled: Bools, shared: Floats) -> tuple[Floats, Floats, Floats]:
    """The lines' numbers (K,), the factors of the shared columns, and the slopes (n,): of a kinked loss by rounder and rounder
    kinks, each from the solution before."""
    even, x, slope = np.zeros(max(lines.count, 1)), np.zeros(shared.shape[1]), np.zeros(len(coupled))
    if not np.any(coupled):
        return even[: lines.count], x, slope
    y, w = problem.targets[coupled, 0], problem.weights[coupled]
    widths = _WIDTHS if isinstance(problem.loss, Kinked) else (0.0,)
    for width in widths:
        local = _Local(problem.loss, y, w, width * float(np.max(np.abs(y))))
        even, x, slope[coupled] = _newton(local, lines, coupled, shared, even, x)
    return even[: lines.count], x, slope


@dataclass(frozen=True, slots=True, eq=False)
class _Local:
    """L on the coupled samples, targets y and weights w (N,), as a function of their predictions f (N,).

    width: a kink becomes width log(1 + exp((f - y)/width)) steep, which is at most width log 2 above it.
    """

    loss: LossFunction
    y: Floats
    w: Floats
    width: float

    def value(self, f: Floats) -> float:
        """L."""
        if isinstance(self.loss, Kinked):
            low, high = self.loss.sides(self.y, self.w)
            s = f - self.y
            rounded = self.width * log1p(exp(-np.abs(s) / self.width))
            return float(np.sum(np.maximum(low * s, high * s) + (high - low) * rounded))
        f, y, w = f[:, None], self.y[:, None], self.w[:, None]
        return float(np.sum(self.loss.terms(f, np.zeros_like(f), y, w)[0]))

    def longest(self, moved: Floats) -> float:
        """The largest step, at most 1, of which a move of the predictions makes sense."""
        return 1.0 if self.width == 0 else min(1.0, _REACH * self.width / max(float(np.max(np.abs(moved))), 1e-300))

    def slopes(self, f: Floats) -> tuple[Floats, Floats]:
        """The first and the second derivative by each prediction."""
        if isinstance(self.loss, Kinked):
            low, high = self.loss.sides(self.y, self.w)
            e = exp(-np.abs(f - self.y) / self.width)
            on = np.where(f > self.y, 1.0, e) / (1.0 + e)
            return low + (high - low) * on, (high - low) / self.width * e / (1.0 + e) ** 2
        f, y, w = f[:, None], self.y[:, None], self.w[:, None]
        return self.loss.slope(f, y, w)[:, 0], self.loss.curvature(f, y, w)[:, 0]


def _newton(
    local: _Local, lines: Lines, coupled: Bools, shared: Floats, even: Floats, x: Floats
) -> tuple[Floats, Floats, Floats]:
    """From even (K,) and x (p,) by damped steps, of which `even` is eliminated; with the slopes (N,) at the end."""
    size, line = np.abs(lines.t[coupled]), np.maximum(lines.line[coupled], 0)
    f = size * even[line] + matmul(shared, x)
    least = local.value(f)
    for _ in range(_MOST_STEPS):
        slope, curvature = local.slopes(f)
        own = np.bincount(line, slope * size, len(even))
        curved = np.bincount(line, curvature * size**2, len(even))
        inverse = np.divide(1.0, curved, out=np.zeros_like(curved), where=curved > _FLAT)
        mixed = np.zeros((len(even), shared.shape[1]))
        np.add.at(mixed, line, (curvature * size)[:, None] * shared)
        move_x = np.zeros(shared.shape[1])
        if shared.shape[1]:
            schur = matmul((curvature[:, None] * shared).T, shared) - matmul((inverse[:, None] * mixed).T, mixed)
            inverted = unless_it_fails(partial(pinv, schur, 1e-12, hermitian=True), None)
            if inverted is None:
                break
            move_x = -matmul(inverted, matmul(slope, shared) - matmul(inverse * own, mixed))
        move = -(own + matmul(mixed, move_x)) * inverse
        moved = size * move[line] + matmul(shared, move_x)
        rate, step = float(np.sum(slope * moved)), local.longest(moved)
        while step > 1e-15 and not local.value(f + step * moved) <= least + _ARMIJO * step * rate:
            step /= 2
        trial = local.value(f + step * moved)
        if not trial < least:
            break
        even, x = even + step * move, x + step * move_x
        f = size * even[line] + matmul(shared, x)
        fall, least = least - trial, local.value(f)
        if fall <= _LEAST_FALL * trial:
            break
    return even, x, local.slopes(f)[0]
