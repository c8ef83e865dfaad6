"""The vertices of {c >= 0 : M c = b}, bounded: the extreme rays of its homogenisation, by double description.

x = (c, t) >= 0 with M c = b t is a cone in the null space of [M, -b]; its extreme rays with t > 0 are the vertices. Inequalities are
added one by one; a new ray arises between a ray on the good side and one on the bad side that are adjacent, that is, no third ray
is 0 wherever both are (Fukuda and Prodon, Double description method revisited, 1996).
"""

from __future__ import annotations

import numpy as np

from certify.arrays import Bools, Bytes, Floats, Indices
from certify.linear import inverse, matmul, norm, svd

_ZERO = 1e-9  # of a ray's largest entry, columns at length 1
_PAIRS_AT_ONCE = 1 << 14
_MOST_WORK = 4e8  # bytes of zero sets compared, in all
_BITS = np.array([k.bit_count() for k in range(256)], dtype=np.int64)


def vertices_of(columns: Floats, target: Floats, rank: int, most: int) -> Floats | None:
    """All vertices (V, N) of {c >= 0 : columns c = target}, columns (r, N) of that rank; None beyond `most`, or too much work.

    Empty where the target cannot be reached. Vertices come in the lexicographic order of their supports, largest first.
    """
    count = columns.shape[1]
    lengths = norm(columns, axis=0)
    scale = float(norm(target))
    if scale == 0:
        return np.zeros((1, count))
    system = np.column_stack([columns / np.where(lengths > 0, lengths, 1.0), -target / scale])
    rays = _extreme_rays(system, rank, most)
    if rays is None:
        return None
    rays = rays[rays[:, -1] > 0]
    masses = rays[:, :-1] / rays[:, -1:] * scale / np.where(lengths > 0, lengths, 1.0)
    order = sorted(range(len(masses)), key=lambda k: tuple(~(masses[k] > 0)))
    return masses[order]


def _extreme_rays(system: Floats, rank: int, most: int) -> Floats | None:
    """Extreme rays (V, N) of {x >= 0 : system x = 0}, entries that are 0 exactly so, the largest 1."""
    _, _, axes = svd(np.vstack([system, np.zeros((max(0, system.shape[1] - system.shape[0]), system.shape[1]))]))
    basis = axes[rank:].T  # (N, q)
    first = _independent_rows(basis)
    if first.size < basis.shape[1]:
        return None
    rays = _cleaned(matmul(basis, inverse(basis[first])).T)
    seen, work = [int(k) for k in first], 0.0
    rest = [k for k in range(system.shape[1]) if k not in set(seen)]
    while rest:
        # the inequality that makes the fewest pairs is the next
        pairs = [int(np.sum(rays[:, k] > 0)) * int(np.sum(rays[:, k] < 0)) for k in rest]
        row = rest.pop(int(np.argmin(pairs)))
        zero = _packed(rays[:, seen] == 0)
        good, bad = np.flatnonzero(rays[:, row] > 0), np.flatnonzero(rays[:, row] < 0)
        work += good.size * bad.size * (zero.shape[1] + 1)
        if work > _MOST_WORK:
            return None
        pairs_found = _adjacent(zero, good, bad, basis.shape[1] - 2)
        g, b = pairs_found[:, 0], pairs_found[:, 1]
        between = rays[g] * -rays[b, row][:, None] + rays[b] * rays[g, row][:, None]
        between[:, row] = 0.0
        between[:, seen] = np.where((rays[g] == 0) & (rays[b] == 0), 0.0, between)[:, seen]
        rays = np.vstack([rays[rays[:, row] >= 0], _cleaned(between)])
        seen.append(row)
        if len(rays) > 2 * most + 64:
            return None
    return rays if len(rays) <= most else None


def _independent_rows(basis: Floats) -> Indices:
    """Rows of an orthonormal basis (N, q) that are independent, chosen one by one, each the farthest from the span of those before."""
    left, chosen = basis.copy(), []
    for _ in range(basis.shape[1]):
        lengths = norm(left, axis=1)
        k = int(np.argmax(lengths))
        if lengths[k] < _ZERO:
            break
        chosen.append(k)
        axis = left[k] / lengths[k]
        left = left - np.outer(matmul(left, axis), axis)
    return np.array(chosen, dtype=np.intp)


def _cleaned(rays: Floats) -> Floats:
    """With the largest entry 1, and what is rounding set to 0."""
    largest = np.max(np.abs(rays), axis=1, initial=0.0, keepdims=True)
    rays = rays / np.where(largest > 0, largest, 1.0)
    return np.where(np.abs(rays) <= _ZERO, 0.0, rays)


def _packed(flags: Bools) -> Bytes:
    return np.packbits(flags, axis=1)


def _adjacent(zero: Bytes, good: Indices, bad: Indices, least: int) -> Indices:
    """The pairs (k, 2) of a good and a bad ray between which there is an edge."""
    found = []
    step = max(1, _PAIRS_AT_ONCE // max(1, bad.size))
    for start in range(0, good.size, step):
        g = np.repeat(good[start : start + step], bad.size)
        b = np.tile(bad, good[start : start + step].size)
        common = zero[g] & zero[b]
        likely = np.sum(_BITS[common], axis=1) >= least
        g, b, common = g[likely], b[likely], common[likely]
        edge = edges_among(zero, common)
        found.append(np.column_stack([g[edge], b[edge]]))
    return np.vstack([np.zeros((0, 2), dtype=np.intp), *found])


def edges_among(zero: Bytes, common: Bytes) -> Bools:
    """For the common zero sets (p, w) of pairs of rays: whether just two of all zero sets (V, w) hold them."""
    edge = np.zeros(len(common), dtype=bool)
    step = max(1, (1 << 22) // max(1, zero.size))
    for start in range(0, len(common), step):
        part = common[start : start + step]
        holds = np.all((part[:, None, :] & ~zero[None, :, :]) == 0, axis=2)
        edge[start : start + step] = np.sum(holds, axis=1) == 2
    return edge


def edges_of(vertices: Floats) -> Indices:
    """The edges (E, 2) of the polytope with these vertices (V, N): pairs with a common zero set that no third one has."""
    zero = _packed(vertices == 0)
    first, second = np.triu_indices(len(vertices), 1)
    common = zero[first] & zero[second]
    edge = edges_among(zero, common)
    return np.column_stack([first[edge], second[edge]])
