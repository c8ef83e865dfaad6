"""The proved maximum of one quadratic over unit directions: the only place where a majorant becomes a bound.

In homogenised coordinates v = (1, z) or (1, t, z) with |z| = 1 and |t| <= 1, a quadratic is v'Qv, and

    v'Qv <= sum(lam) for every such v, if Diag(lam_1 (, lam_t), lam, ..., lam) - Q is psd and lam_t >= 0

(docs/theory.md, section 9, read with the S-lemma: one multiplier for each of the constraints).
"""

from __future__ import annotations

import math

import numpy as np

from certify._core.factors import factor_positive
from certify._core.secular import best_multipliers as best_scaled_multipliers
from certify.arrays import Floats
from certify.gain.majorants.reduction import rounded_up
from certify.rounding import TINY, UNIT, gamma


def proved_maximum(Q: Floats, heads: int, error: float) -> float:
    """An upper bound on max v'Q'v over unit directions, for every symmetric Q' with |Q' - Q|_2 <= error.

    Q (heads + r, heads + r), its lower triangle is read. Infinite where nothing could be proved.
    """
    if not (np.all(np.isfinite(Q)) and math.isfinite(error)):
        return math.inf
    multipliers = best_multipliers(Q, heads)
    scale = float(np.sum(np.abs(np.diag(Q))) + np.sum(np.abs(multipliers)))
    lift = 4 * (error + gamma(3 * len(Q) + 10) * (scale + len(Q) * abs(multipliers[-1]))) + 2.0**-900
    for _ in range(60):
        raised = multipliers + lift
        if np.all(raised[1:-1] >= 0) and multipliers_prove(Q, heads, raised, error):
            return rounded_up(float(raised.sum()) + 8 * UNIT * float(np.abs(raised).sum()))
        lift *= 4
    return math.inf


def multipliers_prove(Q: Floats, heads: int, multipliers: Floats, error: float) -> bool:
    """True only if Diag(multipliers) - Q' is positive semidefinite for every |Q' - Q|_2 <= error.

    Rump's criterion: where the floating-point Cholesky factorisation of B runs to its end, in any order of its sums, B + c I is
    positive semidefinite for c >= gamma_{N+1} / (1 - gamma_{N+1}) trace(B) (Verification of positive definiteness, BIT 2006);
    the rounding of the diagonal of B is covered by the same multiple.
    """
    size = len(Q)
    diagonal = np.concatenate([multipliers[:-1], np.full(size - heads, multipliers[-1])])
    weight = float(np.abs(diagonal).sum() + np.abs(np.diag(Q)).sum())
    margin = rounded_up(error + gamma(2 * size + 8) * 2 * weight) + size * size * TINY
    bordered = np.ascontiguousarray(-Q.T)  # the lower triangle of Q above the diagonal, where the factorisation reads
    bordered[np.diag_indices(size)] = diagonal - np.diag(Q) - margin
    if not np.all(np.isfinite(bordered)):
        return False
    return factor_positive(bordered)


def best_multipliers(Q: Floats, heads: int) -> Floats:
    """Nearly the least (lam_1 (, lam_t), lam) with Diag - Q positive semidefinite; unproved, NaN where there are none."""
    largest = float(np.max(np.abs(Q), initial=0.0))
    exponent = math.frexp(largest)[1] if largest < math.inf else 0
    # entries of about 1: squares neither overflow nor vanish
    found: Floats = np.ldexp(best_scaled_multipliers(np.ldexp(Q, -exponent), heads), exponent)
    return found
