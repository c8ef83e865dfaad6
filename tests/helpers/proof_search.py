"""Plain searches for the two kinds of proof, in floats, rounded outward; for a handful of hinges only."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.optimize import nnls

_Z_BITS, _POINT_BITS, _WEIGHT_BITS = 40, 18, 16
_TOLERANCE = 0.03
_MOST_NODES = 4000


class _Exceeded(Exception):
    """The gain, or what can be proved of it, is above the limit."""


def homogeneous(points: np.ndarray, free: bool) -> np.ndarray:
    """Points with the free bias' one behind."""
    return np.column_stack([points, np.ones(len(points))]) if free else points


def radius_of(points: np.ndarray, free: bool) -> float:
    """The largest |p|, where a bias is free."""
    return float(np.linalg.norm(points, axis=1).max()) * (1 + 1e-12) if free else 0.0


def sampled_gain(
    points: np.ndarray, weights: np.ndarray, free: bool, count: int = 4000, line: np.ndarray | float = 0.0
) -> float:
    """A lower bound on the largest sum of weights_k (p_k . t)_+ and of line . t, from random and from natural directions."""
    rows = homogeneous(points, free)
    rng = np.random.default_rng(0)
    t = np.vstack(
        [
            rng.standard_normal((count, rows.shape[1])),
            rows,
            (rows @ rng.standard_normal((rows.shape[1], count)) > 0).T * weights @ rows,
        ]
    )
    if free:
        t[:, -1] = rng.uniform(-1, 1, len(t)) * radius_of(points, True) * np.linalg.norm(t[:, :-1], axis=1)
    size = np.linalg.norm(t[:, :-1] if free else t, axis=1)
    values = (np.maximum(t @ rows.T, 0) @ weights + np.sum(t * line, axis=1)) / np.where(size > 0, size, np.inf)
    return float(max(values.max(), 0.0))


def cone_proof(
    points: np.ndarray,
    weights: np.ndarray,
    free: bool,
    cuts: int = 0,
    limit: float | None = None,
    line: np.ndarray | float = 0.0,
) -> tuple[dict[str, Any] | None, float]:
    """A proof by cones, and what it proves; without a limit the least one that is easily proved is taken. line (r,): linear part."""
    if not (np.any(weights > 0) or np.any(line)):
        return None, 0.0
    if limit is not None:
        return _ConeSearch(points, weights, free, limit, line).proof(), limit
    limit = sampled_gain(points, weights, free, line=line) * (1 + _TOLERANCE) + 1e-6
    while True:
        try:
            return _ConeSearch(points, weights, free, limit, line).proof(), limit
        except _Exceeded:
            limit *= 1 + _TOLERANCE


class _ConeSearch:
    def __init__(
        self, points: np.ndarray, weights: np.ndarray, free: bool, limit: float, line: np.ndarray | float = 0.0
    ) -> None:
        rows, self.line = homogeneous(points, free), line
        self.plus = rows[weights > 0] * weights[weights > 0, None]
        self.minus = rows[weights < 0] * -weights[weights < 0, None]
        self.free, self.limit, self.radius = free, limit, radius_of(points, free)
        self.rank = rows.shape[1]
        self.scale = np.ones(self.rank)
        if free:
            self.scale[-1] = 2.0**8 * max(self.radius, 1e-3)
        self.points: dict[tuple[int, ...], int] = {}
        self.nodes: list[Any] = []
        self.exponent = math.frexp(limit)[1] - _Z_BITS

    def proof(self) -> dict[str, Any]:
        start = self._start()
        for k in range(self.rank + 1):
            self._cone(start[:k] + start[k + 1 :])
        return {
            "kind": "cones",
            "start": start,
            "points": [list(point) for point in self.points],
            "exponent": self.exponent,
            "nodes": self.nodes,
        }

    def _start(self) -> list[list[int]]:
        shape = np.eye(self.rank) - 1 / (self.rank + 1 + math.sqrt(self.rank + 1))
        if self.free:
            shape[:, -1] *= max(self.radius, 1e-3)
        start = [[round(x * 1024) for x in row] for row in shape]
        return [*start, [-sum(column) for column in zip(*start, strict=True)]]

    def _cone(self, cone: list[list[int]]) -> None:
        if len(self.nodes) > _MOST_NODES:
            raise _Exceeded
        V = np.array([[float(x) for x in v] for v in cone])
        heights = np.maximum(V @ self.plus.T, 0).sum(axis=1) + np.sum(V * self.line, axis=1)
        leaf, alpha = self._leaf(V, heights)
        if leaf is not None:
            self.nodes.append(leaf)
            return
        a, b = self._edge(V, heights, alpha)
        lengths = np.linalg.norm(V[[a, b]], axis=1)
        i, j = (
            (1, max(round(lengths[0] / lengths[1]), 1))
            if lengths[0] > lengths[1]
            else (max(round(lengths[1] / lengths[0]), 1), 1)
        )
        self.nodes.append([a, b, i, j])
        middle = [i * x + j * y for x, y in zip(cone[a], cone[b], strict=True)]
        for gone in (b, a):
            self._cone([middle if k == gone else v for k, v in enumerate(cone)])

    def _leaf(self, V: np.ndarray, heights: np.ndarray) -> tuple[list | None, np.ndarray]:
        walls = np.linalg.inv(V).T
        walls_scaled = walls / np.linalg.norm(walls, axis=1, keepdims=True)
        p = heights @ walls
        centre = (V / np.linalg.norm(V, axis=1, keepdims=True)).sum(axis=0)
        u, atoms, alpha = centre, [], np.ones(self.rank)
        for _ in range(3 * self.rank + 4):
            atoms.append(self._short(u))
            slopes = np.array([self._slope(point) for point in atoms])
            z, shares = self._shortest(p, slopes, walls_scaled)
            leaf = self._rounded(z, shares, atoms, slopes, V, walls, heights)
            if leaf is not None:
                return leaf, alpha
            ray = z * self.scale**2
            alpha = np.maximum(walls @ ray, 0)
            u = alpha @ V
            if not np.linalg.norm(u) > 0:
                break
            gain = np.maximum(self.plus @ u, 0).sum() - np.maximum(self.minus @ u, 0).sum() + np.sum(u * self.line)
            size = np.linalg.norm(u[:-1] if self.free else u)
            if size > 1e-9 and gain > self.limit * size and (not self.free or abs(u[-1]) <= self.radius * size):
                raise _Exceeded
        return None, alpha

    def _short(self, u: np.ndarray) -> tuple[int, ...]:
        return tuple(round(x) for x in u / np.abs(u).max() * 2.0**_POINT_BITS)

    def _slope(self, point: tuple[int, ...]) -> np.ndarray:
        return ((self.minus @ np.array(point, dtype=float)) > 0) @ self.minus

    def _shortest(self, p: np.ndarray, slopes: np.ndarray, walls: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The shortest p - q + sum mu walls, q in the hull of the slopes."""
        size = np.abs((p - slopes) * self.scale).max() + 1e-300
        columns = np.vstack(
            [
                np.column_stack([(p - slopes) * self.scale / size, np.ones(len(slopes))]),
                np.column_stack([walls * self.scale, np.zeros(len(walls))]),
            ]
        )
        x = nnls(columns.T, np.append(np.zeros(self.rank), 1.0), maxiter=1000)[0]
        shares = x[: len(slopes)]
        if not shares.sum() > 0:
            shares = np.eye(len(slopes))[-1]
        total = shares.sum()
        return p - shares / total @ slopes + x[len(slopes) :] * size / total @ walls, shares / total

    def _rounded(
        self,
        z: np.ndarray,
        shares: np.ndarray,
        atoms: list,
        slopes: np.ndarray,
        V: np.ndarray,
        walls: np.ndarray,
        heights: np.ndarray,
    ) -> list | None:
        counts = np.rint(shares * 2.0**_WEIGHT_BITS)
        q = counts @ slopes / counts.sum()
        slack = 1e-9 * np.linalg.norm(V, axis=1) * self.limit
        missing = np.maximum(heights - V @ q - V @ z, 0) + slack
        units = np.rint((z + missing @ walls) * 2.0**-self.exponent)
        z = units * 2.0**self.exponent
        fits = np.all(V @ z >= heights - V @ q + slack / 4)
        size = np.linalg.norm(z[:-1]) + self.radius * abs(z[-1]) if self.free else np.linalg.norm(z)
        if not (fits and size <= self.limit * (1 - 1e-12)):
            return None
        gates = []
        for count, atom in zip(counts, atoms, strict=True):
            if count:
                gates += [self.points.setdefault(atom, len(self.points)), int(count)]
        return [[int(x) for x in units], gates]

    def _edge(self, V: np.ndarray, heights: np.ndarray, alpha: np.ndarray) -> tuple[int, int]:
        unit = V / np.linalg.norm(V, axis=1, keepdims=True)
        h = heights / np.linalg.norm(V, axis=1)
        share = alpha * np.linalg.norm(V, axis=1)
        share = share / max(share.max(), 1e-300) + 1e-6
        best, edge = -1.0, (1, 0)
        for a in range(len(V)):
            for b in range(a):
                middle = unit[a] + unit[b]
                lost = h[a] + h[b] - np.maximum(self.plus @ middle, 0).sum() - np.sum(middle * self.line)
                score = max(lost, 1e-9) * share[a] * share[b] / (share[a] + share[b]) + 1e-9 * np.linalg.norm(
                    unit[a] - unit[b]
                )
                if score > best:
                    best, edge = score, (a, b)
        return edge


def majorant_proof(
    points: np.ndarray,
    weights: np.ndarray,
    free: bool,
    cuts: int = 0,
    limit: float | None = None,
    line: np.ndarray | float = 0.0,
) -> tuple[dict[str, Any] | None, float]:
    """A proof by simple majorants: the first `cuts` raising hinges, and one normal, are cut by; and what it proves."""
    if not (np.any(weights > 0) or np.any(line)):
        return None, 0.0
    rank = points.shape[1] + free
    normals = [[1.0] + [0.5] * (rank - 1)] if cuts else []
    planes = [*np.flatnonzero(weights > 0)[:cuts].tolist(), *([len(points)] if cuts else [])]
    search = _MajorantSearch(points, weights, free, np.array(normals), limit, line)
    nodes = search.tree(planes, ())
    kind = {"kind": "majorants", "normals": [[x.hex() for x in n] for n in normals], "nodes": nodes}
    return kind, search.bound


class _MajorantSearch:
    def __init__(
        self,
        points: np.ndarray,
        weights: np.ndarray,
        free: bool,
        normals: np.ndarray,
        limit: float | None,
        line: np.ndarray | float = 0.0,
    ):
        rows = homogeneous(points, free)
        self.line = np.append(0.0, np.broadcast_to(line, rows.shape[1]))
        self.points, self.weights, self.free, self.limit = points, weights, free, limit
        self.rows = np.column_stack([np.zeros(len(rows)), rows])
        self.planes = np.vstack([self.rows, *[np.append(0.0, n) for n in normals]])
        self.radius, self.bound = radius_of(points, free), 0.0

    def tree(self, planes: list[int], cuts: tuple[tuple[int, int], ...]) -> list[Any]:
        """The nodes of the complete tree over these planes."""
        if not planes:
            return [self._leaf(cuts)]
        return [planes[0], *(node for side in (1, -1) for node in self.tree(planes[1:], (*cuts, (planes[0], side))))]

    def _leaf(self, cuts: tuple[tuple[int, int], ...]) -> dict[str, Any]:
        known, N = dict(cuts), self.rows.shape[1]
        free = np.array([k not in known for k in range(len(self.rows))])
        up, down = free & (self.weights > 0), free & (self.weights < 0)
        sizes = np.linalg.norm(self.rows, axis=1)
        curvatures = np.maximum(np.rint(2.0**20 * math.sqrt(N) / (2 * sizes[up] + 1e-6)), 1)
        sides = np.array([side * self.planes[k] for k, side in cuts]).reshape(len(cuts), N)
        slopes, tilts = self._slopes(self.rows[down], sides)
        scale = np.abs(self.weights).max()
        kappa = np.array(
            [[math.ceil(2.0**30 * scale * 0.05)] + [math.trunc(2.0**30 * scale * 0.01)] + [0] * (N - 2)] * len(cuts)
        )
        pairs = np.full(len(cuts) * (len(cuts) - 1) // 2, math.ceil(2.0**30 * scale * 0.02))
        Q = self._quadratic(
            known, up, down, curvatures / 2**20, slopes / 2**20, sides, kappa.reshape(-1, N) / 2**30, pairs / 2**30
        )
        multipliers = self._multipliers(Q)
        return {
            "curvatures": _grid(20, curvatures),
            "slopes": _grid(20, slopes.ravel()),
            "tilts": _grid(30, tilts.ravel()),
            "sides": _grid(30, kappa.ravel()),
            "pairs": _grid(30, pairs),
            "multipliers": _grid(40, multipliers),
        }

    def _slopes(self, lowered: np.ndarray, sides: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Slopes along the points in units of 2^-20, their tilts in units of 2^-30.

        Below a cut they lean away from the first side, or towards it, and leave the unit ball: y = +-(0.1 - tilt L) + rest.
        """
        tails = lowered.copy()
        tails[:, -1] *= not self.free
        tails /= np.maximum(np.linalg.norm(tails, axis=1, keepdims=True), 1e-12)
        tilts = np.zeros((len(tails), 2, len(sides)))
        if not len(sides):
            return np.trunc(2.0**20 * 0.999 * tails), tilts
        first = sides[0, : sides.shape[1] - self.free]
        size = np.linalg.norm(first) + self.radius * abs(sides[0, -1])
        signs = (-1.0) ** np.arange(len(tails))
        tilt = 0.19 / max(size, 1e-12)
        tilts[signs > 0, 0, 0] = tilts[signs < 0, 1, 0] = tilt
        slopes = 0.899 * tails + signs[:, None] * (0.1 * np.eye(1, sides.shape[1]) - tilt * sides[:1])
        return np.trunc(2.0**20 * slopes), np.trunc(2.0**30 * tilts)

    def _quadratic(self, known, up, down, curvatures, slopes, sides, kappa, pairs) -> np.ndarray:
        signs = np.array([known.get(k, 0) for k in range(len(self.rows))])
        line = (self.weights * (1 + signs)) @ self.rows / 2 + self.line
        Q = np.zeros((self.rows.shape[1],) * 2)
        Q[0] += line / 2
        Q[:, 0] += line / 2
        Q[0, 0] += self.weights[up] @ (1 / (4 * curvatures)) / 2
        Q += (self.rows[up].T * (self.weights[up] * curvatures / 2)) @ self.rows[up]
        for w, y, p in zip(self.weights[down], slopes, self.rows[down], strict=True):
            Q += w / 4 * (np.outer(y, p) + np.outer(p, y))
        for eta, side in zip(kappa, sides, strict=True):
            Q += (np.outer(eta, side) + np.outer(side, eta)) / 2
        first, second = np.triu_indices(len(sides), 1)
        for rho, a, b in zip(pairs, sides[first], sides[second], strict=True):
            Q += rho / 2 * (np.outer(a, b) + np.outer(b, a))
        return Q

    def _multipliers(self, Q: np.ndarray) -> np.ndarray:
        """lam_1, lam (, lam_b) in units of 2^-40, by a grid search; the least sum found, or the first below the limit."""
        body = list(range(1, len(Q) - self.free))
        scale = np.abs(Q).max() + 1e-9
        top = np.linalg.eigvalsh(Q[np.ix_(body, body)])[-1]
        best = None
        for bias in np.append(0.0, np.geomspace(1e-3, 1e1, 12) * scale) if self.free else [None]:
            for lift in np.geomspace(1e-3, 1e1, 24) * scale:
                diagonal = np.full(len(Q) - 1, top + lift)
                if self.free:
                    diagonal[-1] = bias
                rest = np.diag(diagonal) - Q[1:, 1:]
                if np.linalg.eigvalsh(rest)[0] < 1e-9 * scale:
                    continue
                constant = Q[0, 0] + Q[0, 1:] @ np.linalg.solve(rest, Q[0, 1:]) + 1e-7 * scale
                total = constant + top + lift + (bias * self.radius**2 if self.free else 0.0)
                if best is None or total < best[0]:
                    best = total, [constant, top + lift, *([bias] if self.free else [])]
        assert best is not None
        self.bound = max(self.bound, best[0])
        return np.ceil(np.array(best[1]) * 2.0**40)


def _grid(shift: int, values: np.ndarray) -> dict[str, Any]:
    return {"shift": shift, "integers": [int(x) for x in values]}
