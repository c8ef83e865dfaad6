"""The least multipliers above a quadratic, in loops that numba compiles (see `majorants_quadratic.best_multipliers`)."""

from __future__ import annotations

import numpy as np
from numba import njit

compiled = njit(cache=True, nogil=True, error_model="numpy")


@compiled
def best_sum(Q: np.ndarray, heads: int) -> float:
    """Nearly the least sum of multipliers (lam_1 (, lam_t), lam) with Diag - Q positive semidefinite."""
    values, vectors = np.linalg.eigh(np.ascontiguousarray(Q[heads:, heads:]))
    coupling = np.ascontiguousarray(Q[heads:, :heads].T) @ vectors
    corner = Q[:heads, :heads]
    scale = 1e-12 * (np.abs(values).max() + np.abs(corner).max()) + 2.0**-900
    reach = np.sqrt(np.sum(coupling**2)) + scale
    low, high, best = np.log(reach) - 30.0, np.log(reach) + 2.0, np.inf
    for _ in range(4):
        at, width = 0, (high - low) / 32
        least = np.inf
        for k in range(33):
            total = _sum_at(corner, coupling, values, np.exp(low + k * width))
            if total < least:
                at, least = k, total
        best = min(best, least)
        low, high = low + max(at - 1, 0) * width, low + min(at + 1, 32) * width
    return best


@compiled
def _sum_at(corner: np.ndarray, coupling: np.ndarray, values: np.ndarray, above: float) -> float:
    """The sum for lam = the largest eigenvalue + above."""
    lam = values[-1] + above
    first, cross, second = corner[0, 0], 0.0, 0.0
    for i in range(values.size):
        first += coupling[0, i] ** 2 / max(lam - values[i], 2.0**-900)
    if coupling.shape[0] == 1:
        return first + lam
    cross, second = corner[0, 1], corner[1, 1]
    for i in range(values.size):
        weight = 1 / max(lam - values[i], 2.0**-900)
        cross += coupling[0, i] * coupling[1, i] * weight
        second += coupling[1, i] ** 2 * weight
    bound = max(second + abs(cross), 0.0)
    room = max(bound - second, 2.0**-900)
    return first + (cross * cross / room if cross != 0 else 0.0) + bound + lam
