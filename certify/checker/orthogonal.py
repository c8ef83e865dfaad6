"""Without weight decay a dual vector counts where it is orthogonal to the activations of every neuron, in exact rationals
(docs/certificate.md, section 3).

    nu . (Zu)_+ = 0 for all u   iff   sum nu_i z_i = 0, and sum of nu_i |z_i| = 0 over the rows on each line through 0
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from fractions import Fraction

from certify.checker.numbers import on_grid
from certify.checker.objective import Problem
from certify.checker.rejection import require

_MOST_BITS = 1 << 15

Line = tuple[int, ...]  # coprime integers, the first that is not 0 positive


def on_line(row: Sequence[float]) -> tuple[Line | None, Fraction]:
    """The line through 0 that a row lies on, and the t with row = t line, exactly; None and 0 for the zero row."""
    integers, shift = on_grid(row)
    common = math.gcd(*integers)
    if common == 0:
        return None, Fraction(0)
    first = next(x for x in integers if x)
    signed = common if first > 0 else -common
    return tuple(x // signed for x in integers), Fraction(signed, 1 << shift)


def require_orthogonal(problem: Problem, nu: Sequence[Fraction]) -> None:
    """Raise Rejected unless nu . f = 0 for the predictions f of every network, whatever its width."""
    even: dict[Line, Fraction] = {}
    odd: dict[Line, Fraction] = {}
    for row, v in zip(problem.rows, nu, strict=True):
        line, t = on_line(row) if v else (None, Fraction(0))
        if line is not None:
            even[line] = _short(even.get(line, Fraction(0)) + v * abs(t))
            odd[line] = _short(odd.get(line, Fraction(0)) + v * t)
    require(
        all(total == 0 for total in even.values()), "dual.nu: not orthogonal to the neurons with a kink on one line"
    )
    for k in range(len(problem.rows[0])):
        total = _sum(t * line[k] for line, t in odd.items() if t)
        require(total == 0, f"dual.nu: not orthogonal to the linear functions of column {k}")
    if problem.objective.output_bias != "none":
        require(_sum(nu) == 0, "dual.nu: constants are free, so the dual vector must sum to exactly zero")


def _sum(values: Iterable[Fraction]) -> Fraction:
    total = Fraction(0)
    for value in values:
        total = _short(total + value)
    return total


def _short(x: Fraction) -> Fraction:
    """x, if sums like it stay quick to take; the denominators of hostile fractions have a common one without bound."""
    require(x.denominator.bit_length() <= _MOST_BITS, f"dual.nu: a common denominator has more than {_MOST_BITS} bits")
    return x
