"""The linear maps of a node's program, and the bound that its duals come to, in loops that numba compiles.

As in `majorants_program.py` and `majorants_bounding.py`. Nothing here is trusted: the bound is proved anew from the majorant.
"""

from __future__ import annotations

import numpy as np

from certify.gain.majorants.jit_loops import quadratic_values, symmetric
from certify.gain.majorants.jit_secular import best_sum, compiled

_INSIDE = 1 - 1e-11


@compiled
def pairing(zz: np.ndarray, zl: np.ndarray, R: np.ndarray, heads: int) -> np.ndarray:
    """D (P, N) such that sum_i <D_i, V_i> is the dual pairing."""
    D = zl @ R
    D[:, 0] += zz[:, 0]
    D[:, heads:] += zz[:, 1:]
    return D


@compiled
def dual_bound(data: tuple, zr: np.ndarray, zz: np.ndarray, zl: np.ndarray, heads: int) -> float:
    """What the majorant of these duals comes to, made feasible as in `majorant_of`."""
    linear, A, g, B, h, L, R = data
    q, m = B.shape[0], L.shape[0]
    growth = np.maximum(zr[:, 0] + zr[:, 1], 2.0**-200)
    Q = linear + np.ascontiguousarray(A.T) @ (A * growth.reshape(-1, 1))
    Q[0, 0] += np.sum(g * g / (4 * growth))
    D = pairing(zz, zl, R, heads)
    tilts = np.ascontiguousarray(zl[:, :m]) @ L
    Y = np.empty_like(B)
    for j in range(q):
        room, other = D[q + j] - tilts[q + j], D[q + j] + tilts[j]
        excess = max(tail_size(room, heads) - room[0], tail_size(other, heads) + other[0] - 2 * h[j], 0.0)
        factor = _INSIDE / (1 + excess / h[j])
        Y[j] = -factor * D[q + j]
        Y[j, 0] -= (1 - factor) * h[j]
    Q += symmetric(Y, B)
    normals = np.empty_like(L)
    for i in range(m):
        tail = D[2 * q + i] - tilts[2 * q + i]
        shrink = _INSIDE * min(1.0, max(tail[0], 0.0) / max(tail_size(tail, heads), 2.0**-400))
        normals[i] = tail * shrink + tilts[2 * q + i] - zl[2 * q + i, i] * L[i]
        normals[i, 0] = max(tail[0], 0.0)
    return best_sum(Q + symmetric(normals, L), heads)


@compiled
def tail_size(x: np.ndarray, heads: int) -> float:
    """Sum of the norms of x's blocks, the first head left out."""
    square = 0.0
    for c in range(heads, x.size):
        square += x[c] ** 2
    return np.sqrt(square) + (abs(x[1]) if heads == 2 else 0.0)


@compiled
def points_of(data: tuple, Z: np.ndarray, x: np.ndarray) -> np.ndarray:
    """V: x, x - Z b and Z l."""
    B, L = data[3], data[5]
    q = B.shape[0]
    V = np.empty((2 * q + L.shape[0], B.shape[1]))
    V[:q], V[q : 2 * q] = x, x - B @ Z
    V[2 * q :] = L @ Z
    return V


@compiled
def cone_points(data: tuple, Z: np.ndarray, roots: np.ndarray, V: np.ndarray, constant: float, heads: int) -> tuple:
    """The points of the roots' cones and of the round cones, and of the sides."""
    A, R = data[1], data[6]
    squares = quadratic_values(A, Z)
    sr = np.empty((A.shape[0], 3))
    sr[:, 0], sr[:, 1], sr[:, 2] = squares + constant, squares - constant, 2 * roots
    sz = np.empty((V.shape[0], V.shape[1] - heads + 1))
    sz[:, 0], sz[:, 1:] = V[:, 0], V[:, heads:]
    return sr, sz, V @ np.ascontiguousarray(R.T)


@compiled
def adjoint_on_Z(data: tuple, zr: np.ndarray, D: np.ndarray, zb: float, heads: int) -> np.ndarray:
    """A'z on Z."""
    A, B, L = data[1], data[3], data[5]
    q = B.shape[0]
    M = np.ascontiguousarray(A.T) @ (A * (zr[:, 0] + zr[:, 1]).reshape(-1, 1))
    M += symmetric(D[2 * q :], L) - symmetric(D[q : 2 * q], B)
    if heads == 2:
        M[1, 1] -= zb
    return M
