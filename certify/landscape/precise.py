"""The optimum to forty digits: Newton's steps with residuals in decimal arithmetic (docs/theory.md, section 12).

What a direction's gain is known up to is the square root of F - D, so that 1e-16 in the values would leave 1e-8 in the gains, and
next to a small weight decay far more. The Hessian is that of floats, which costs a digit or so a step and nothing else. Decimal
arithmetic is correctly rounded, and _DIGITS of it leave more than ten spare ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Any

import numpy as np
from numpy.typing import NDArray

from certify._core.orthogonal import complement
from certify.arrays import Bools, Floats
from certify.linear import gram, matmul, norm, solve_positive
from certify.problem.objective import Bias, Loss
from certify.problem.training import TrainingProblem

Decimals = NDArray[Any]  # of Decimal

_DIGITS = 50
_STEPS = 12
_CONVERGED = 1e-34  # of beta
_WRONG = 1e-3  # of beta; a residual this large at the start is that of no optimum
_INDEPENDENT = 1e-9
_NOTHING = 1e-20  # of the largest mass: an atom that has gone to zero

_as_decimals = np.frompyfunc(Decimal, 1, 1)


def decimals(values: Floats) -> Decimals:
    """The floats, exactly."""
    return np.asarray(_as_decimals(values.astype(object)), dtype=object)


@dataclass(frozen=True, slots=True, eq=False)
class PreciseOptimum:
    """A network and its dual vector. w (K, D), constant, f (n,), nu = -grad L(f) (n,), and the rows Z: all decimals."""

    problem: TrainingProblem
    rows: Decimals
    w: Decimals
    signs: Floats
    constant: Decimal
    f: Decimals
    nu: Decimals

    def bound(self, pattern: Bools, sign: int, multipliers: Floats) -> tuple[Decimal, Floats]:
        """p = s Z'D nu + Z'(2D - I) lambda, lambda (n,) >= 0: |p|, at least the largest gain on the cone, and the unit vector along
        it (D,), where it is attained if lambda is right (section 11); infinite where lambda or the data are beyond decimals."""
        try:
            return self._bound(pattern, sign, multipliers)
        except ArithmeticError:
            return Decimal("Infinity"), np.zeros(self.w.shape[1])

    def _bound(self, pattern: Bools, sign: int, multipliers: Floats) -> tuple[Decimal, Floats]:
        with localcontext(prec=_DIGITS):
            used = np.flatnonzero(pattern | (multipliers > 0))
            gates = decimals(np.where(pattern, 1.0, -1.0)[used] * multipliers[used])
            weights = gates + self.nu[used] * decimals(sign * pattern[used].astype(float))
            point = np.sum(self.rows[used] * weights[:, None], axis=0)
            if self.problem.free_hidden_bias:
                return self._semi_bound(point, self.rows[used], gates), np.zeros(0)
            length = _length(point)
            return length, (point / length if length else point).astype(float)

    def _semi_bound(self, point: Decimals, rows: Decimals, gates: Decimals) -> Decimal:
        """|p_w|, once the multipliers are moved so that p_b = 0, by as much each; or |p_w| + |p_b| R where they cannot be."""
        moved = [k for k, gate in enumerate(gates) if gate]
        share = point[-1] / len(moved) if moved else Decimal(0)
        if moved and all((gates[k] - share) * gates[k] >= 0 for k in moved):
            return _length((point - np.sum(rows[moved], axis=0) * share)[:-1])
        reach: Decimal = max((_length(row[:-1]) for row in self.rows), default=Decimal(0))
        return _length(point[:-1]) + reach * Decimal(abs(point[-1]))

    def gain(self, unit: Floats, sign: int) -> Decimal:
        """s nu . (Z u)_+ / |u|_P of a direction (D,) as it is."""
        with localcontext(prec=_DIGITS):
            u = decimals(unit)
            heights = np.dot(self.rows, u)
            total = sum((n * h for n, h in zip(self.nu, heights, strict=True) if h > 0), Decimal(0))
            return Decimal(total * sign / _size(self.problem, u))

    def gap(self, gain: Decimal) -> float:
        """F - D(s nu), s = beta/gain, for a gain that is at least M(nu); rounded up by far more than its error."""
        problem = self.problem
        with localcontext(prec=_DIGITS):
            beta = Decimal(problem.beta)
            mass = sum((_size(problem, w) for w in self.w), Decimal(0))
            decay = Decimal(problem.constant_decay)
            value = sum(_losses(problem, self.f), Decimal(0)) + beta * mass + decay * self.constant**2 / 2
            scaled = self.nu * (beta / gain)
            dual = sum(_dual_terms(problem, scaled), Decimal(0))
            if problem.objective.output_bias is Bias.PENALIZED:
                dual -= sum(scaled, Decimal(0)) ** 2 / (2 * beta)
            return max(float(value - dual), 0.0) * (1 + 1e-9) + 1e-30 * float(value)


def precise_optimum(
    problem: TrainingProblem, units: Floats, signs: Floats, masses: Floats, constant: float
) -> PreciseOptimum | None:
    """From unit directions (K, D) and masses (K,) > 0 whose activations are independent; None where the steps do not converge."""
    with localcontext(prec=_DIGITS):
        refined = _Refinement(problem, units, signs, masses, constant)
        return refined.optimum() if refined.run() else None


class _Refinement:
    """The neurons as they are refined, each within the span of its face, the rows that vanish on it being equations."""

    def __init__(self, problem: TrainingProblem, units: Floats, signs: Floats, masses: Floats, constant: float) -> None:
        self.problem, self.signs = problem, signs
        self.rows = decimals(problem.rows)
        self.constant = Decimal(constant) if problem.has_constant else Decimal(0)
        lengths = norm(problem.rows, axis=1)
        unit_rows = problem.rows / np.where(lengths > 0, lengths, 1.0)[:, None]
        heights = matmul(units, unit_rows.T)
        self.active = heights > _INDEPENDENT
        self.bases = [complement(unit_rows[np.abs(row) <= _INDEPENDENT], _INDEPENDENT) for row in heights]
        self.exact = [
            _within(decimals(basis), self.rows[(np.abs(row) <= _INDEPENDENT) & (lengths > 0)], unit_rows.shape[1])
            for basis, row in zip(self.bases, heights, strict=True)
        ]
        # the neurons, moved into their exact faces by their coordinates there
        coordinates = [matmul(basis, w) for basis, w in zip(self.bases, units * masses[:, None], strict=True)]
        self.w = np.array(
            [np.dot(decimals(x), basis) for x, basis in zip(coordinates, self.exact, strict=True)], dtype=object
        ).reshape(units.shape)

    def run(self) -> bool:
        """Whether the residual became nothing, but for rounding."""
        try:
            hessian = self._hessian()
        except ArithmeticError:
            return False
        last = _WRONG
        for _ in range(_STEPS):
            residual = self._residual()
            size = float(max((abs(r) for r in residual), default=Decimal(0))) / self.problem.beta
            if not size < last:
                return size <= _CONVERGED * 1e6
            if size <= _CONVERGED:
                return True
            last = size
            unit = Decimal(size * self.problem.beta)
            step = [
                Decimal(float(x)) * unit for x in solve_positive(hessian, np.array([float(r / unit) for r in residual]))
            ]
            self._move(step)
        return last <= _CONVERGED * 1e6

    def optimum(self) -> PreciseOptimum:
        """Where it has come to; neurons that have gone to zero are left out."""
        f = self._predictions()
        nu = -_slopes(self.problem, f)
        sizes = np.array([float(_size(self.problem, w)) for w in self.w])
        kept = sizes > _NOTHING * np.max(sizes, initial=0.0)
        return PreciseOptimum(self.problem, self.rows, self.w[kept], self.signs[kept], self.constant, f, nu)

    def _predictions(self) -> Decimals:
        f = np.full(self.problem.samples, self.constant, dtype=object)
        for w, sign, active in zip(self.w, self.signs, self.active, strict=True):
            heights = np.dot(self.rows[active], w)
            f[active] = f[active] + (heights if sign > 0 else -heights)
        return f

    def _residual(self) -> list[Decimal]:
        """The gradient along the faces' bases, and by the constant."""
        slope, beta = _slopes(self.problem, self._predictions()), Decimal(self.problem.beta)
        parts: list[Decimal] = []
        for w, sign, active, basis in zip(self.w, self.signs, self.active, self.exact, strict=True):
            unit = w * (beta / _size(self.problem, w))
            if self.problem.free_hidden_bias:
                unit[-1] = Decimal(0)
            pull = np.dot(slope[active], self.rows[active]) * int(sign) + unit
            parts += list(np.dot(basis, pull))
        if self.problem.has_constant:
            parts.append(sum(slope, Decimal(0)) + Decimal(self.problem.constant_decay) * self.constant)
        return parts

    def _hessian(self) -> Floats:
        """Of the same function, in floats; ArithmeticError where it is singular."""
        problem = self.problem
        f = self._predictions().astype(float)
        curvature = problem.curvature(f[:, None])[:, 0]
        columns = [
            sign * active[:, None] * matmul(problem.rows, basis.T)
            for sign, active, basis in zip(self.signs, self.active, self.bases, strict=True)
        ]
        columns += [np.ones((problem.samples, 1))] * problem.has_constant
        design = np.hstack([np.zeros((problem.samples, 0)), *columns])
        hessian = gram(np.sqrt(curvature)[:, None] * design)
        first = 0
        for w, basis in zip(self.w.astype(float), self.bases, strict=True):
            normed = slice(None, -1) if problem.free_hidden_bias else slice(None)
            size, part = float(problem.size(w)), slice(first, first + len(basis))
            u = matmul(basis[:, normed], w[normed]) / size
            hessian[part, part] += problem.beta / size * (gram(basis[:, normed].T) - np.outer(u, u))
            first += len(basis)
        if problem.has_constant:
            hessian[-1, -1] += problem.constant_decay
        solve_positive(hessian, np.ones(len(hessian)))
        return hessian

    def _move(self, step: list[Decimal]) -> None:
        first = 0
        for k, basis in enumerate(self.exact):
            self.w[k] = self.w[k] - np.dot(np.array(step[first : first + len(basis)], dtype=object), basis)
            first += len(basis)
        if self.problem.has_constant:
            self.constant -= step[-1]


def _within(basis: Decimals, tight: Decimals, dimension: int) -> Decimals:
    """The basis (q, D), moved into the exact complement of the rows that are tight (b, D): Gram and Schmidt in decimals."""
    axes: list[Decimals] = []
    for row in tight:
        left = row
        for axis in axes:
            left = left - axis * np.dot(left, axis)
        length, before = _length(left), _length(row)
        if length > before * Decimal(_INDEPENDENT):
            axes.append(left / length)
    for axis in axes:
        basis = basis - np.outer(np.dot(basis, axis), axis)
    return basis.reshape(-1, dimension)


def _length(vector: Decimals) -> Decimal:
    return Decimal(sum((x * x for x in vector), Decimal(0))).sqrt()


def _size(problem: TrainingProblem, w: Decimals) -> Decimal:
    """|w|_P."""
    return _length(w[:-1] if problem.free_hidden_bias else w)


def _factor(problem: TrainingProblem) -> Decimal:
    return Decimal(2 if problem.objective.loss is Loss.SQUARED else 1)


def _losses(problem: TrainingProblem, f: Decimals) -> Decimals:
    """The terms (n,) of L."""
    y, w = decimals(problem.targets[:, 0]), decimals(problem.weights)
    if problem.objective.loss is Loss.LOGISTIC:
        return np.array([wi * (1 + (-yi * fi).exp()).ln() for fi, yi, wi in zip(f, y, w, strict=True)], dtype=object)
    return np.asarray(w * (f - y) ** 2 * (_factor(problem) / 2), dtype=object)


def _slopes(problem: TrainingProblem, f: Decimals) -> Decimals:
    """grad L (n,)."""
    y, w = decimals(problem.targets[:, 0]), decimals(problem.weights)
    if problem.objective.loss is Loss.LOGISTIC:
        return np.array([-wi * yi / (1 + (yi * fi).exp()) for fi, yi, wi in zip(f, y, w, strict=True)], dtype=object)
    return np.asarray(w * (f - y) * _factor(problem), dtype=object)


def _dual_terms(problem: TrainingProblem, nu: Decimals) -> Decimals:
    """-(w_i loss)*(-nu_i) (n,)."""
    y, w = decimals(problem.targets[:, 0]), decimals(problem.weights)
    if problem.objective.loss is Loss.LOGISTIC:
        shares = nu * y / w
        return np.array(
            [wi * -(p * p.ln() + (1 - p) * (1 - p).ln()) for p, wi in zip(shares, w, strict=True)], dtype=object
        )
    return np.asarray(nu * y - nu * nu / (w * (2 * _factor(problem))), dtype=object)
