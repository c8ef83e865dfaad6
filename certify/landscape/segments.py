"""With a free hidden bias optimal directions are segments: their ends (docs/theory.md, section 12).

Per pattern and sign the unit part w of a maximiser is unique, and the bias fills an interval, of which the pattern's samples are the
ends: one, where the gain falls on either side; unbounded above, where all samples are active. The ends are directions like any other.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from certify._core.orthogonal import complement
from certify.arrays import Bools, Floats
from certify.gain.question import GainProblem
from certify.linear import gram, least_squares, matmul, norm, solve_positive

_TIGHT = 1e-6  # relative; how near a sample's hyperplane a projection is that lies on it
_MOVED = 1e-4  # how far an end may lie from where the projection has it
_INDEPENDENT = 1e-9
_IN_USE = 1e-6  # of the largest multiplier
_NEAR = 1e-3  # relative; how far refining may move the multipliers


def segment_ends(problem: GainProblem, pattern: Bools, direction: Floats, sign: int) -> Iterator[Floats]:
    """The ends (D,), |w| = 1, of the interval of biases of a cone's maximiser (D,), the lower one first; a cone of all samples has one."""
    size = float(norm(direction[:-1]))
    if not size > 0:
        return
    w = direction[:-1] / size
    heights = -matmul(problem.rows[:, :-1], w)
    low, high = np.max(heights[pattern], initial=-np.inf), np.min(heights[~pattern], initial=np.inf)
    g = sign * matmul(problem.nu[pattern], problem.rows[pattern])
    ends = []
    for bias in (low, high):
        if np.isfinite(bias):
            end = _on_its_face(problem, np.append(w, bias), g)
            if end is not None:
                ends.append(end)
    if len(ends) == 2 and float(norm(ends[0] - ends[1])) <= _TIGHT * (1 + float(norm(ends[0]))):
        ends = ends[:1]
    yield from ends


def _on_its_face(problem: GainProblem, end: Floats, g: Floats) -> Floats | None:
    """The maximiser of g . u on the face that the end lies on, nearly: all rows that vanish there are equations."""
    lengths = norm(problem.rows, axis=1)
    tight = np.abs(matmul(problem.rows, end)) <= _TIGHT * lengths * float(norm(end))
    basis = complement(problem.rows[tight] / lengths[tight, None], _INDEPENDENT)
    if not len(basis):
        return None
    try:
        u = matmul(solve_positive(gram(basis[:, :-1].T), matmul(basis, g)), basis)
    except ArithmeticError:
        return None
    size = float(norm(u[:-1]))
    u = u / size if size > 0 else u
    return u if float(norm(u - end)) <= _MOVED * (1 + float(norm(end))) else None


def refined_multipliers(problem: GainProblem, pattern: Bools, sign: int, multipliers: Floats) -> Floats:
    """The multipliers (n,) of a projection, accurate: least |g_w + sum mu_i x_i| over those in use, with sum mu_i = -g_b."""
    largest = float(np.max(multipliers, initial=0.0))
    if largest <= _IN_USE * float(np.max(np.abs(problem.nu), initial=0.0)):
        return np.zeros(multipliers.size)  # rounding
    used = np.flatnonzero(multipliers > _IN_USE * largest)
    sides = np.where(pattern[used], 1.0, -1.0)
    g = sign * matmul(problem.nu[pattern], problem.rows[pattern])
    inputs = problem.rows[used, :-1]
    even = np.full(used.size, -g[-1] / used.size)
    spread = complement(
        np.ones((1, used.size)) / np.sqrt(used.size), _INDEPENDENT
    )  # (used - 1, used), each row's sum 0
    mu = even
    if len(spread):
        try:
            mu = even + matmul(least_squares(matmul(spread, inputs).T, -(g[:-1] + matmul(even, inputs))), spread)
        except ArithmeticError:
            return multipliers
    refined = np.zeros(multipliers.size)
    refined[used] = sides * mu
    near = float(norm(refined - multipliers)) <= _NEAR * float(norm(multipliers))
    return refined if near and np.all(refined >= 0) else multipliers
