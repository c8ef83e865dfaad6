"""The proved maximum of one quadratic over unit directions: the only place where a majorant becomes a bound.

In homogenised coordinates v = (1, z) or (1, t, z) with |z| = 1 and |t| <= 1, a quadratic is v'Qv, and

    v'Qv <= sum(lam) for every such v, if Diag(lam_1 (, lam_t), lam, ..., lam) - Q is psd and lam_t >= 0

(docs/theory.md, section 9, read with the S-lemma: one multiplier for each of the constraints).
"""

from __future__ import annotations

import math

import numpy as np

from certify.gain.majorants.reduction import rounded_up
from certify.rounding import TINY, UNIT, gamma


def proved_maximum(Q: np.ndarray, heads: int, error: float) -> float:
    """An upper bound on max v'Q'v over unit directions, for every symmetric Q' with |Q' - Q|_2 <= error.

    Q (heads + r, heads + r), its lower triangle is read. Infinite where nothing could be proved.
    """
    if not (np.all(np.isfinite(Q)) and math.isfinite(error)):
        return math.inf
    multipliers = best_multipliers(Q, heads)
    scale = float(np.abs(np.diag(Q)).sum() + np.abs(multipliers).sum())
    lift = 4 * (error + gamma(3 * len(Q) + 10) * (scale + len(Q) * abs(multipliers[-1]))) + 2.0**-900
    for _ in range(60):
        raised = multipliers + lift
        if np.all(raised[1:-1] >= 0) and multipliers_prove(Q, heads, raised, error):
            return rounded_up(float(raised.sum()) + 8 * UNIT * float(np.abs(raised).sum()))
        lift *= 4
    return math.inf


def multipliers_prove(Q: np.ndarray, heads: int, multipliers: np.ndarray, error: float) -> bool:
    """True only if Diag(multipliers) - Q' is positive semidefinite for every |Q' - Q|_2 <= error.

    Rump's criterion: where the floating-point Cholesky factorisation of B runs to its end, B + c I is positive
    semidefinite for c >= gamma_{N+1} / (1 - gamma_{N+1}) trace(B) (Verification of positive definiteness, BIT 2006);
    the rounding of the diagonal of B is covered by the same multiple.
    """
    size = len(Q)
    diagonal = np.concatenate([multipliers[:-1], np.full(size - heads, multipliers[-1])])
    weight = float(np.abs(diagonal).sum() + np.abs(np.diag(Q)).sum())
    margin = rounded_up(error + gamma(2 * size + 8) * 2 * weight) + size * size * TINY
    bordered = -Q
    bordered[np.diag_indices(size)] = diagonal - np.diag(Q) - margin
    if not np.all(np.isfinite(bordered)):
        return False
    try:
        return bool(np.all(np.isfinite(np.linalg.cholesky(bordered))))
    except np.linalg.LinAlgError:
        return False


def best_multipliers(Q: np.ndarray, heads: int) -> np.ndarray:
    """Nearly the least (lam_1 (, lam_t), lam) with Diag - Q positive semidefinite; unproved.

    For fixed lam the heads are a Schur complement S of one or two rows, whose best multipliers are explicit; what is
    left is a convex function of lam above the largest eigenvalue, minimised on a grid that is refined.
    """
    values, vectors = np.linalg.eigh(Q[heads:, heads:])
    coupling = Q[:heads, :heads], Q[heads:, :heads].T @ vectors
    largest = values[-1]
    reach = np.linalg.norm(coupling[1]) + 1e-12 * (np.abs(values).max() + np.abs(coupling[0]).max()) + 2.0**-900
    low, high = math.log(reach) - 30.0, math.log(reach) + 2.0
    best = None
    for _ in range(4):
        steps = np.linspace(low, high, 33)
        tried = _head_multipliers(coupling, values, largest + np.exp(steps))
        at = int(np.argmin(tried.sum(axis=0)))
        if best is None or tried[:, at].sum() < best.sum():
            best = tried[:, at]
        low, high = steps[max(at - 1, 0)], steps[min(at + 1, 32)]
    return best


def _head_multipliers(coupling: tuple[np.ndarray, np.ndarray], values: np.ndarray, lam: np.ndarray) -> np.ndarray:
    """Rows lam_1 (, lam_t), lam for each candidate lam (shape (heads + 1, candidates))."""
    heads = coupling[0].shape[0]
    weights = 1 / np.maximum(lam[:, None] - values, 2.0**-900)
    S = coupling[0] + np.einsum("hi,ci,gi->chg", coupling[1], weights, coupling[1])
    if heads == 1:
        return np.stack([S[:, 0, 0], lam])
    cross = np.abs(S[:, 0, 1])
    second = np.maximum(S[:, 1, 1] + cross, 0.0)
    room = np.maximum(second - S[:, 1, 1], 2.0**-900)
    return np.stack([S[:, 0, 0] + np.where(cross > 0, cross * (cross / room), 0.0), second, lam])
