"""Walks on the vertices of a polytope of masses {c >= 0 : A c = f}: along edges by the simplex method, or with the fewest atoms at a time.

On an edge at most rank(A) + 1 atoms have mass, and between two vertices as many as the union of their supports has.
"""

from __future__ import annotations

import numpy as np

from certify.arrays import Bools, Floats
from certify.linear import inverse, least_squares, matmul, norm, qr

_NOTHING = 1e-9  # columns at length 1: reduced costs and pivots this small are 0, and masses, of the largest
_MISSED = 1e-9  # of the target: what a vertex may miss
_INDEPENDENT = 1e-8
_BITS = np.array([k.bit_count() for k in range(256)], dtype=np.int64)


def edges_towards(columns: Floats, target: Floats, start: Floats, wanted: Bools) -> list[Floats] | None:
    """Vertices (N,), the start first, each an edge from the one before; the last has no mass outside the columns wanted (N,).

    columns (n, N), target (n,); start (N,): a vertex. The simplex method for the least mass outside, by Bland's rule, which ends on
    degenerate polytopes too. None where the start is no vertex to rounding, or the wanted columns alone do not reach the target.
    """
    lengths = norm(columns, axis=0)
    if not np.all(lengths > 0) or not float(norm(target)) > 0:
        return None
    unit, scale = columns / lengths, float(norm(target))
    order = np.argsort(np.where(start > 0, 0, np.where(wanted, 1, 2)), kind="stable")
    basis = _independent(unit[:, order])
    basis = [int(order[k]) for k in basis]
    if not set(np.flatnonzero(start > 0)) <= set(basis):
        return None
    system = _orthonormal(unit[:, basis])
    table, right = matmul(system, unit), matmul(system, target / scale)
    costs = np.where(wanted, 0.0, 1.0)
    support, walk = start > 0, [start]
    while True:
        at = inverse(table[:, basis])
        reduced = costs - matmul(matmul(costs[basis], at), table)
        reduced[basis] = 0.0
        entering = np.flatnonzero(reduced < -_NOTHING)
        if not entering.size:
            return walk if not np.any(support & ~wanted) else None
        masses, falls = matmul(at, right), matmul(at, table[:, entering[0]])
        pivots = np.flatnonzero(falls > _NOTHING)
        if not pivots.size:
            return None
        ratios = np.where(support[basis], np.maximum(masses, 0.0), 0.0)[pivots] / falls[pivots]
        least = float(np.min(ratios))
        leaving = min(pivots[ratios <= least + _NOTHING * least], key=lambda k: basis[k])
        basis[int(leaving)] = int(entering[0])
        if least > 0:
            vertex = _vertex(unit, target / scale, np.isin(np.arange(len(costs)), basis))
            if vertex is None:
                return None
            support = vertex > 0
            walk.append(vertex * scale / lengths)


def fewest_at_once(supports: Bools, start: int, ends: Bools) -> tuple[int, list[int]]:
    """From a vertex to one of the ends (V,): the least width at which they hang together, and vertices on the way, both included.

    supports (V, N). The width is the largest union of the supports of two that follow one another: Prim's spanning tree from the start.
    """
    packed = np.packbits(supports, axis=1)
    outside = np.ones(len(supports), dtype=bool)
    least = np.full(len(supports), np.iinfo(np.int64).max)
    before = np.full(len(supports), -1, dtype=np.int64)
    width, newest = int(np.sum(supports[start])), start
    while not ends[newest]:
        outside[newest] = False
        unions = np.sum(_BITS[packed | packed[newest]], axis=1)
        nearer = outside & (unions < least)
        least[nearer], before[nearer] = unions[nearer], newest
        newest = int(np.argmin(np.where(outside, least, np.iinfo(np.int64).max)))
        width = max(width, int(least[newest]))
    way = [newest]
    while way[-1] != start:
        way.append(int(before[way[-1]]))
    return width, way[::-1]


def _vertex(unit: Floats, target: Floats, basis: Bools) -> Floats | None:
    part = unit[:, basis]
    masses = least_squares(part, target)
    if float(norm(matmul(part, masses) - target)) > _MISSED or np.any(masses < -_NOTHING):
        return None
    point = np.zeros(basis.size)
    point[basis] = np.where(masses > _NOTHING * np.max(masses), masses, 0.0)
    kept = point > 0
    if np.any(kept != basis):  # once more without those that are 0
        point[kept] = np.maximum(least_squares(unit[:, kept], target), 0.0)
    return point


def _independent(columns: Floats) -> list[int]:
    """The columns that are independent of those before them."""
    chosen: list[int] = []
    axes: list[Floats] = []
    for k in range(columns.shape[1]):
        left = columns[:, k].copy()
        for _ in range(2):  # once more: what rounding left
            for axis in axes:
                left -= axis * float(np.sum(axis * left))
        length = float(norm(left))
        if length > _INDEPENDENT:
            chosen.append(k)
            axes.append(left / length)
    return chosen


def _orthonormal(columns: Floats) -> Floats:
    """Axes (r, n) of the span of independent columns (n, r)."""
    return qr(columns)[0].T
