"""Monotone ascent of f from a direction, in numpy (docs/theory.md, section 9.6; `kernel_ascent.py` has it in loops)."""

from __future__ import annotations

import numpy as np

from certify.gain.cones.kernel_hull import least_majorant

_ASCENT_ACCURACY = 1e-7


def subgradient(rows, base, u):
    """base + sum of the rows with row.u > 0: a subgradient at u of base.u + sum (row.u)_+."""
    return base + np.dot((np.dot(rows, u) > 0.0).astype(np.float64), rows)


def summed_relu(rows, base, u):
    """base.u + sum (row.u)_+."""
    return np.dot(base, u) + np.sum(np.maximum(np.dot(rows, u), 0.0))


def ascend(u, plus, minus, dual_scale, steps):
    """Monotone ascent of f from u: linearise h+ and maximise z.u - h-(u) over the unit ball exactly, until nothing changes.

    The inner maximum is the shortest z - q with q in the zonotope of the b_j, by the same cutting planes as a cone's bound.
    Returns a unit vector and f there.
    """
    r = u.size
    nothing, no_walls = np.zeros(r), np.zeros((0, r))
    most = 3 * r + 8
    atoms = np.empty((most, r))
    best, where = -np.inf, u
    for _ in range(steps):
        z = subgradient(plus, nothing, u)
        atoms[0] = subgradient(minus, nothing, u)
        count = 1
        improved = False
        weights = np.zeros(most)
        while True:
            g, _ = least_majorant(z, atoms, count, no_walls, dual_scale, weights)
            length = np.sqrt(np.sum((g * dual_scale) ** 2))
            if not length > 0.0:
                break
            u = g * dual_scale * dual_scale / length
            atom = subgradient(minus, nothing, u)
            lost = np.dot(atom, u)
            value = summed_relu(plus, nothing, u) - lost
            if value > best + 1e-13 * np.abs(value):
                improved = True
                best, where = value, u
            if np.dot(z, u) - lost >= length * (1.0 - _ASCENT_ACCURACY) or count == most:
                break
            atoms[count] = atom
            count += 1
        if not improved:
            break
        u = where
    return where, best
