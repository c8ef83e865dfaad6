"""Second-order cones |tail| <= top, many of one dimension at a time: arrays (m, k), one cone a row, the top first.

The algebra of a primal-dual interior-point method with Nesterov-Todd scaling, W z = W^-1 s = lam, for the solver of the
majorant relaxation. Every function is exact mathematics in floats; nothing here is trusted by a bound.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True, eq=False)
class Scaling:
    """W = eta [[w0, w1'], [w1, I + w1 w1' / (1 + w0)]] a row: w (m, k), eta (m,), and lam (m, k)."""

    w: np.ndarray
    eta: np.ndarray
    lam: np.ndarray

    def times(self, x: np.ndarray) -> np.ndarray:
        """W x."""
        return self.eta[:, None] * self._bend(x, self.w[:, 1:])

    def divide(self, x: np.ndarray) -> np.ndarray:
        """W^-1 x."""
        return self._bend(x, -self.w[:, 1:]) / self.eta[:, None]

    def _bend(self, x: np.ndarray, side: np.ndarray) -> np.ndarray:
        along = np.einsum("ij,ij->i", side, x[:, 1:])
        out = np.empty_like(x)
        out[:, 0] = self.w[:, 0] * x[:, 0] + along
        out[:, 1:] = x[:, 1:] + side * (x[:, 0] + along / (1 + self.w[:, 0]))[:, None]
        return out


def scaling(s: np.ndarray, z: np.ndarray) -> Scaling:
    """The Nesterov-Todd scaling of interior points s and z."""
    size_s, size_z = np.sqrt(margin(s)), np.sqrt(margin(z))
    unit_s, unit_z = s / size_s[:, None], z / size_z[:, None]
    half = np.sqrt((1 + np.einsum("ij,ij->i", unit_s, unit_z)) / 2)
    w = unit_s - unit_z
    w[:, 0] += 2 * unit_z[:, 0]
    w /= 2 * half[:, None]
    w[:, 0] = np.sqrt(1 + np.einsum("ij,ij->i", w[:, 1:], w[:, 1:]))
    half_way = Scaling(w, np.sqrt(size_s / size_z), w)
    return Scaling(w, half_way.eta, half_way.times(z))


def margin(x: np.ndarray) -> np.ndarray:
    """top^2 - |tail|^2, without cancellation of the squares."""
    tail = np.sqrt(np.einsum("ij,ij->i", x[:, 1:], x[:, 1:]))
    return (x[:, 0] - tail) * (x[:, 0] + tail)


def product(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The Jordan product (x.y, x0 y1 + y0 x1)."""
    out = x[:, :1] * y + y[:, :1] * x
    out[:, 0] = np.einsum("ij,ij->i", x, y)
    return out


def quotient(lam: np.ndarray, d: np.ndarray) -> np.ndarray:
    """The x with product(lam, x) = d."""
    out = np.empty_like(d)
    along = np.einsum("ij,ij->i", lam[:, 1:], d[:, 1:])
    out[:, 0] = (lam[:, 0] * d[:, 0] - along) / margin(lam)
    out[:, 1:] = (d[:, 1:] - out[:, :1] * lam[:, 1:]) / lam[:, :1]
    return out


def longest_step(x: np.ndarray, dx: np.ndarray) -> float:
    """The largest t with x + t dx in every cone, x interior; infinite where there is none."""
    if x.shape[0] == 0:
        return np.inf
    # in the frame where x is the unit (1, 0): the smallest eigenvalue of the scaled dx decides
    size = np.sqrt(margin(x))
    unit = x / size[:, None]
    along = unit[:, 0] * dx[:, 0] - np.einsum("ij,ij->i", unit[:, 1:], dx[:, 1:])
    tail = dx[:, 1:] - unit[:, 1:] * ((along + dx[:, 0]) / (1 + unit[:, 0]))[:, None]
    lowest = float(np.min((along - np.sqrt(np.einsum("ij,ij->i", tail, tail))) / size))
    return -1 / lowest if lowest < 0 else np.inf
