"""The compiled interior-point method: one call a node (see `majorants_solver.py` for the method, `majorants_jit_loops.py` for why)."""

from __future__ import annotations

import numpy as np

from certify.gain.majorants.jit_loops import (
    corrected,
    divide,
    eliminated,
    hessians,
    least_eigenvalue,
    lowest_rate,
    of_vectors,
    packed_products,
    quadratic_values,
    scale,
    symmetric,
    times,
)
from certify.gain.majorants.jit_maps import adjoint_on_Z, cone_points, dual_bound, pairing, points_of
from certify.gain.majorants.jit_secular import compiled

_DAMPING = 0.98


@compiled
def unsettled(data: tuple, at: tuple, heads: int) -> tuple:
    """Residuals on Z, roots and x, the gaps of the cones, mu, and the largest gap."""
    linear, g, h = data[0], data[2], data[4]
    Z, S, roots, x, lam, sr, sz, sl, sb, zr, zz, zl, zb = at
    q, N = x.shape[0], Z.shape[0]
    D = pairing(zz, zl, data[6], heads)
    pr, pz, pl = cone_points(data, Z, roots, points_of(data, Z, x), 1.0, heads)
    gaps = (pr - sr, pz - sz, pl - sl, 1 - Z[1, 1] - sb if heads == 2 else 0.0)
    on_Z = -linear - adjoint_on_Z(data, zr, D, zb, heads) - S
    on_Z[0, 0] += lam[0]
    for c in range(heads, N):
        on_Z[c, c] += lam[1]
    on_x = -D[:q] - D[q : 2 * q]
    on_x[:, 0] += 2 * h
    pairs = np.sum(Z * S) + np.sum(sr * zr) + np.sum(sz * zz) + np.sum(sl * zl) + (sb * zb if heads == 2 else 0.0)
    mu = pairs / (N + sr.shape[0] + sz.shape[0] + sl.size + heads - 1)
    worst = abs(gaps[3])
    for gap in gaps[:3]:
        for value in gap.flat:
            worst = max(worst, abs(value))
    return (on_Z, -g - 2 * zr[:, 2], on_x), gaps, mu, worst


@compiled
def primal_value(data: tuple, Z: np.ndarray, x: np.ndarray) -> float:
    """The objective at Z and x, the roots eliminated."""
    roots = np.sqrt(np.maximum(quadratic_values(data[1], Z), 0.0))
    return np.sum(data[0] * Z) + np.sum(data[2] * roots) - 2 * np.sum(data[4] * x[:, 0])


@compiled
def scaled_at(at: tuple) -> tuple:
    """The scalings of the round cones: w, eta and lam of the roots' and of the points', rates and lam of the sides, of the head."""
    sr, sz, sl, sb, zr, zz, zl, zb = at[5:]
    wr, er, lr = np.empty_like(sr), np.empty(sr.shape[0]), np.empty_like(sr)
    wz, ez, lz = np.empty_like(sz), np.empty(sz.shape[0]), np.empty_like(sz)
    scale(sr, zr, wr, er, lr)
    scale(sz, zz, wz, ez, lz)
    return wr, er, lr, wz, ez, lz, np.sqrt(zl / sl), np.sqrt(sl * zl), np.sqrt(zb / sb), np.sqrt(sb * zb)


@compiled
def newton_system(data: tuple, places: tuple, at: tuple, scales: tuple, heads: int) -> tuple:
    """The factorised system in the basis T, and what is needed to get back the points x and the roots."""
    A, B, L, R = data[1], data[3], data[5], data[6]
    row, column, weight, order = places
    wr, er, _, wz, ez, _, root_l, _, root_b, _ = scales
    q, N = B.shape[0], B.shape[1]
    forms = hessians(wz, ez, root_l * root_l, R, heads)
    inverse, left = np.empty((q, N, N)), np.empty((q, N, N))
    eliminated(forms[:q], forms[q : 2 * q], inverse, left)
    lower, upper = np.linalg.cholesky(at[0]), np.linalg.cholesky(at[1])
    _, spectrum, right = np.linalg.svd(np.ascontiguousarray(upper.T) @ lower)
    T = lower @ (np.ascontiguousarray(right.T) / np.sqrt(spectrum))
    stacked, vectors = np.empty((q + L.shape[0], N, N)), np.empty((q + L.shape[0], N))
    stacked[:q], stacked[q:], vectors[:q], vectors[q:] = left, forms[2 * q :], B, L
    turned = (stacked.reshape(-1, N) @ T).reshape(-1, N, N).transpose(0, 2, 1).copy().reshape(-1, N) @ T
    H = of_vectors(turned.reshape(-1, N, N), vectors @ T, row, column, weight, order)
    difference, last, inverse_r = wr[:, 0] - wr[:, 1], wr[:, 2], 1 / (er * er)
    qq, qp, pp = 2 * difference**2 * inverse_r, -4 * difference * last * inverse_r, (8 * last**2 + 4) * inverse_r
    AT = A @ T
    squares = packed_products(AT, AT, row, column) * weight
    H += np.ascontiguousarray(squares.T) @ (squares * (qq - qp * qp / pp).reshape(-1, 1))
    if heads == 2:
        bounded = packed_products(T[1:2], T[1:2], row, column)[0] * weight
        H += root_b * root_b * bounded.reshape(-1, 1) * bounded
    normals = np.empty((row.size, 2))
    for e in range(row.size):
        H[e, e] += 1.0
        normals[e, 0] = weight[e] * T[0, row[e]] * T[0, column[e]]
        normals[e, 1] = weight[e] * np.sum(T[heads:, row[e]] * T[heads:, column[e]])
    C = np.linalg.cholesky(H)
    Ct = np.ascontiguousarray(C.T)
    solved = np.linalg.solve(Ct, np.linalg.solve(C, normals))
    return C, Ct, normals, solved, T, spectrum, forms[q : 2 * q], inverse, qp, pp


@compiled
def direction(
    data: tuple,
    places: tuple,
    at: tuple,
    scales: tuple,
    system: tuple,
    residuals: tuple,
    gaps: tuple,
    cones: tuple,
    scaled: np.ndarray,
    heads: int,
) -> tuple:
    """The Newton direction with W^-1 ds + W dz = cones and dY + dX = scaled, and how far it stays inside."""
    A, B = data[1], data[3]
    row, column, weight, _ = places
    wr, er, _, wz, ez, _, root_l, _, root_b, _ = scales
    C, Ct, normals, solved, T, spectrum, second, inverse, qp, pp = system
    q, N = B.shape[0], B.shape[1]
    cr, cz, cl, cb = cones
    gr, gz, gl, gb = gaps
    to_r, to_z = divide(wr, er, cr - divide(wr, er, gr)), divide(wz, ez, cz - divide(wz, ez, gz))
    D = pairing(to_z, root_l * (cl - root_l * gl), data[6], heads)
    on_Z = adjoint_on_Z(data, to_r, D, root_b * (cb - root_b * gb), heads) - residuals[0]
    on_roots, on_x = 2 * to_r[:, 2] - residuals[1], D[:q] + D[q : 2 * q] - residuals[2]
    on_Z += symmetric(times(second, times(inverse, on_x)), B)
    on_Z -= np.ascontiguousarray(A.T) @ (A * (qp * on_roots / pp).reshape(-1, 1))
    Tt = np.ascontiguousarray(T.T)
    turned, rhs = Tt @ on_Z @ T + scaled, np.empty(row.size)
    for e in range(row.size):
        rhs[e] = turned[row[e], column[e]] * weight[e]
    v = np.linalg.solve(Ct, np.linalg.solve(C, rhs))
    flat = np.ascontiguousarray(normals.T)
    dlam = np.linalg.solve(flat @ solved, flat @ v)
    v = v - solved @ dlam
    dY = np.empty((N, N))
    for e in range(row.size):
        dY[row[e], column[e]] = dY[column[e], row[e]] = v[e] / weight[e]
    dX, dZ = scaled - dY, T @ dY @ Tt
    dZ = (dZ + dZ.T) / 2
    droots = (on_roots - qp * quadratic_values(A, dZ)) / pp
    dx = times(inverse, on_x + times(second, B @ dZ))
    mr, mz, ml = cone_points(data, dZ, droots, points_of(data, dZ, dx), 0.0, heads)
    ds = (mr + gr, mz + gz, ml + gl, gb - dZ[1, 1] if heads == 2 else 0.0)
    near = (divide(wr, er, ds[0]), divide(wz, ez, ds[1]), root_l * ds[2], root_b * ds[3])
    far = (cr - near[0], cz - near[1], cl - near[2], cb - near[3])
    dz = (divide(wr, er, far[0]), divide(wz, ez, far[1]), root_l * far[2], root_b * far[3])
    primal = min(least_eigenvalue(dY, spectrum), least_rate(at[5:9], ds, heads))
    dual = min(least_eigenvalue(dX, spectrum), least_rate(at[9:], dz, heads))
    return (dX, dY, dZ, droots, dx, dlam, ds, dz), near, far, primal, dual


@compiled
def least_rate(inside: tuple, step: tuple, heads: int) -> float:
    """The least rate at which any cone is left."""
    lowest = min(lowest_rate(inside[0], step[0]), lowest_rate(inside[1], step[1]))
    for i in range(inside[2].shape[0]):
        for k in range(inside[2].shape[1]):
            lowest = min(lowest, step[2][i, k] / inside[2][i, k])
    return min(lowest, step[3] / inside[3]) if heads == 2 else lowest


@compiled
def stepped(data: tuple, places: tuple, at: tuple, residuals: tuple, gaps: tuple, mu: float, heads: int) -> tuple:
    """The next iterate by predictor and corrector, and the shorter of the two steps."""
    scales = scaled_at(at)
    system = newton_system(data, places, at, scales, heads)
    lr, lz, ll, lb = scales[2], scales[5], scales[7], scales[9]
    T, spectrum = system[4], system[5]
    cones, scaled = (-lr, -lz, -ll, -lb), -np.diag(spectrum)
    move, near, far, primal, dual = direction(data, places, at, scales, system, residuals, gaps, cones, scaled, heads)
    reach = min(1.0, 1 / max(-min(primal, dual), 1e-300))
    centre = max((1 - reach) ** 3, 1e-8) * mu
    of_sides, of_head = (centre - ll * ll - near[2] * far[2]) / ll, (centre - lb * lb - near[3] * far[3]) / lb
    cones = (corrected(lr, near[0], far[0], centre), corrected(lz, near[1], far[1], centre), of_sides, of_head)
    cross = move[1] @ move[0]
    target = centre * np.eye(spectrum.size) - np.diag(spectrum**2) - (cross + cross.T) / 2
    scaled = 2 * target / (spectrum.reshape(-1, 1) + spectrum)
    move, _, _, primal, dual = direction(data, places, at, scales, system, residuals, gaps, cones, scaled, heads)
    p, d = min(1.0, _DAMPING / max(-primal, 1e-300)), min(1.0, _DAMPING / max(-dual, 1e-300))
    dX, _, dZ, droots, dx, dlam, ds, dz = move
    Z, S, roots, x, lam, sr, sz, sl, sb, zr, zz, zl, zb = at
    T_inverse = np.linalg.inv(T)
    dS = np.ascontiguousarray(T_inverse.T) @ dX @ T_inverse
    primal_part = (sr + p * ds[0], sz + p * ds[1], sl + p * ds[2], sb + p * ds[3])
    dual_part = (zr + d * dz[0], zz + d * dz[1], zl + d * dz[2], zb + d * dz[3])
    matrices = (Z + p * dZ, S + d / 2 * (dS + dS.T), roots + p * droots, x + p * dx, lam + d * dlam)
    return matrices + primal_part + dual_part, min(p, d)


@compiled
def improve(
    data: tuple,
    places: tuple,
    heads: int,
    at: tuple,
    level: float,
    near: float,
    rough: float,
    resolved: float,
    most: int,
) -> tuple:
    """The best bound seen, its duals zr, zz, zl, the last Z, whether nothing is left to gain, and the steps taken.

    data    linear, A, g, B, h, L, R: the program; R has the sides L and, for a bounded head, (1, -1) and (1, 1) on the heads
    places  row, column, weight, order: the lower triangle
    at      Z, S, roots, x, lam, sr, sz, sl, sb, zr, zz, zl, zb: the start
    level, near, rough, resolved, most: when to stop, in the units of the program
    """
    best, done, steps = np.inf, False, 0
    kept_r, kept_z, kept_l = at[9], at[10], at[11]
    for _ in range(most):
        residuals, gaps, mu, worst = unsettled(data, at, heads)
        bound = dual_bound(data, at[9], at[10], at[11], heads)
        if bound < best:
            best, kept_r, kept_z, kept_l = bound, at[9], at[10], at[11]
        steps += 1
        value = primal_value(data, at[0], at[3])
        honest = worst < 1e-4
        done = honest and best - value <= resolved * max(abs(best), abs(level))
        hopeless = honest and value > level and best - value <= min(near * (value - level), rough * abs(best))
        if best <= level or done or hopeless or not (mu > 0 and np.isfinite(mu)):
            break
        following, length = stepped(data, places, at, residuals, gaps, mu, heads)
        if not length > 1e-6:
            break
        at = following
    return best, kept_r, kept_z, kept_l, at[0], done, steps
