"""The interior-point method of `majorants_solver.py` once more, in loops that numba compiles: for searches that are long.

The same program and the same steps; a bounded head's cone |x_t| <= x_1 is written as two sides. Nothing here is trusted.
"""

from __future__ import annotations

import numpy as np

from certify.gain.majorants.jit_secular import compiled


@compiled
def scale(s: np.ndarray, z: np.ndarray, w: np.ndarray, eta: np.ndarray, lam: np.ndarray) -> None:
    """The Nesterov-Todd scaling of every row: w, eta, and lam = W z."""
    k = s.shape[1]
    for i in range(s.shape[0]):
        size_s, size_z = np.sqrt(margin(s[i])), np.sqrt(margin(z[i]))
        along = 0.0
        for c in range(k):
            along += s[i, c] / size_s * (z[i, c] / size_z)
        half = 2 * np.sqrt((1 + along) / 2)
        square = 0.0
        for c in range(1, k):
            w[i, c] = (s[i, c] / size_s - z[i, c] / size_z) / half
            square += w[i, c] ** 2
        w[i, 0] = np.sqrt(1 + square)
        eta[i] = np.sqrt(size_s / size_z)
        bend(w[i], 1.0, z[i], eta[i], lam[i])


@compiled
def margin(x: np.ndarray) -> float:
    """top^2 - |tail|^2."""
    tail = 0.0
    for c in range(1, x.size):
        tail += x[c] ** 2
    tail = np.sqrt(tail)
    return (x[0] - tail) * (x[0] + tail)


@compiled
def bend(w: np.ndarray, sign: float, x: np.ndarray, factor: float, out: np.ndarray) -> None:
    """factor [[w0, sign w1'], [sign w1, I + w1 w1' / (1 + w0)]] x."""
    along = 0.0
    for c in range(1, x.size):
        along += sign * w[c] * x[c]
    shift = x[0] + along / (1 + w[0])
    out[0] = factor * (w[0] * x[0] + along)
    for c in range(1, x.size):
        out[c] = factor * (x[c] + sign * w[c] * shift)


@compiled
def divide(w: np.ndarray, eta: np.ndarray, x: np.ndarray) -> np.ndarray:
    """W^-1 x, row by row."""
    out = np.empty_like(x)
    for i in range(x.shape[0]):
        bend(w[i], -1.0, x[i], 1 / eta[i], out[i])
    return out


@compiled
def corrected(lam: np.ndarray, a: np.ndarray, b: np.ndarray, centre: float) -> np.ndarray:
    """The x with lam o x = centre e - lam o lam - a o b, row by row, o the Jordan product."""
    out = np.empty_like(lam)
    k = lam.shape[1]
    for i in range(lam.shape[0]):
        first, along, square = centre, 0.0, 0.0
        for c in range(k):
            first -= lam[i, c] ** 2 + a[i, c] * b[i, c]
        for c in range(1, k):
            out[i, c] = -2 * lam[i, 0] * lam[i, c] - a[i, 0] * b[i, c] - b[i, 0] * a[i, c]
            along += lam[i, c] * out[i, c]
        square = margin(lam[i])
        out[i, 0] = (lam[i, 0] * first - along) / square
        for c in range(1, k):
            out[i, c] = (out[i, c] - out[i, 0] * lam[i, c]) / lam[i, 0]
    return out


@compiled
def lowest_rate(x: np.ndarray, dx: np.ndarray) -> float:
    """The least rate, over the rows, at which x + t dx leaves its cone: it stays inside while t > -1 / rate."""
    lowest = 0.0
    for i in range(x.shape[0]):
        size = np.sqrt(margin(x[i]))
        along = x[i, 0] * dx[i, 0]
        for c in range(1, x.shape[1]):
            along -= x[i, c] * dx[i, c]
        along /= size
        shift, tail = (along + dx[i, 0]) / (1 + x[i, 0] / size), 0.0
        for c in range(1, x.shape[1]):
            tail += (dx[i, c] - x[i, c] / size * shift) ** 2
        lowest = min(lowest, (along - np.sqrt(tail)) / size)
    return lowest


@compiled
def least_eigenvalue(D: np.ndarray, spectrum: np.ndarray) -> float:
    """Of diag(spectrum)^-1/2 D diag(spectrum)^-1/2."""
    root = np.sqrt(spectrum)
    return np.linalg.eigvalsh(D / root.reshape(-1, 1) / root)[0]


@compiled
def symmetric(Y: np.ndarray, V: np.ndarray) -> np.ndarray:
    """sum (y v' + v y') / 2 for rows of Y and V."""
    M = np.ascontiguousarray(Y.T) @ V
    return (M + M.T) / 2


@compiled
def quadratic_values(A: np.ndarray, Z: np.ndarray) -> np.ndarray:
    """a'Za for every row."""
    AZ, out = A @ Z, np.empty(A.shape[0])
    for i in range(A.shape[0]):
        total = 0.0
        for c in range(A.shape[1]):
            total += AZ[i, c] * A[i, c]
        out[i] = total
    return out


@compiled
def hessians(w: np.ndarray, eta: np.ndarray, rates: np.ndarray, R: np.ndarray, heads: int) -> np.ndarray:
    """A'W^-2 A for every point: its round cone on the head and z, and its sides."""
    count, size = w.shape[0], R.shape[1]
    products = np.empty((R.shape[0], size * size))
    for k in range(R.shape[0]):
        for a in range(size):
            for b in range(size):
                products[k, a * size + b] = R[k, a] * R[k, b]
    out = (rates @ products).reshape(count, size, size)
    full = np.zeros(size)
    for i in range(count):
        inverse = 1 / eta[i] ** 2
        full[0] = w[i, 0]
        for c in range(heads, size):
            full[c] = -w[i, c - heads + 1]
        for a in range(size):
            for b in range(size):
                out[i, a, b] += 2 * inverse * full[a] * full[b]
        out[i, 0, 0] -= inverse
        for c in range(heads, size):
            out[i, c, c] += inverse
    return out


@compiled
def eliminated(first: np.ndarray, second: np.ndarray, inverse: np.ndarray, left: np.ndarray) -> None:
    """inverse = (F + G)^-1 and left = F (F + G)^-1 G, for every point x."""
    size = first.shape[1]
    C, solved = np.empty((size, size)), np.empty((size, size))
    for j in range(first.shape[0]):
        F, G = first[j], second[j]
        for a in range(size):
            for b in range(a + 1):
                total = F[a, b] + G[a, b]
                for c in range(b):
                    total -= C[a, c] * C[b, c]
                C[a, b] = np.sqrt(total) if a == b else total / C[b, b]
        # forward substitution for the unit vectors, then inverse = C^-T C^-1
        for a in range(size):
            for b in range(size):
                solved[a, b] = 0.0
            solved[a, a] = 1.0
            for c in range(a):
                factor = C[a, c]
                for b in range(c + 1):
                    solved[a, b] -= factor * solved[c, b]
            for b in range(a + 1):
                solved[a, b] /= C[a, a]
        inverse[j] = np.dot(np.ascontiguousarray(solved.T), solved)
        product = np.dot(np.dot(F, inverse[j]), G)
        for a in range(size):
            for b in range(size):
                left[j, a, b] = (product[a, b] + product[b, a]) / 2


@compiled
def times(forms: np.ndarray, x: np.ndarray) -> np.ndarray:
    """F_j x_j for every j."""
    out = np.zeros_like(x)
    for j in range(x.shape[0]):
        for a in range(x.shape[1]):
            total = 0.0
            for b in range(x.shape[1]):
                total += forms[j, a, b] * x[j, b]
            out[j, a] = total
    return out


@compiled
def packed_products(X: np.ndarray, Y: np.ndarray, row: np.ndarray, column: np.ndarray) -> np.ndarray:
    """x_a y_b at the lower triangle's places, for every pair of rows."""
    out = np.empty((X.shape[0], row.size))
    for i in range(X.shape[0]):
        for k in range(row.size):
            out[i, k] = X[i, row[k]] * Y[i, column[k]]
    return out


@compiled
def of_vectors(
    forms: np.ndarray, V: np.ndarray, row: np.ndarray, column: np.ndarray, weight: np.ndarray, order: np.ndarray
) -> np.ndarray:
    """The form sum_i (Y v_i)'F_i (Y v_i) in svec coordinates."""
    flat = np.empty((forms.shape[0], row.size))
    for i in range(forms.shape[0]):
        for k in range(row.size):
            flat[i, k] = forms[i, row[k], column[k]]
    M = np.ascontiguousarray(flat.T) @ packed_products(V, V, row, column)
    M = M + M.T
    H = np.empty_like(M)
    for e in range(row.size):
        a, k = row[e], column[e]
        for f in range(e + 1):
            b, el = row[f], column[f]
            value = M[order[a, b], order[k, el]] + M[order[k, b], order[a, el]]
            H[e, f] = H[f, e] = value * weight[e] * weight[f] / 4
    return H
