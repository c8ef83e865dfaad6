"""Engine C's inner loop: bound a cone, or split it (docs/theory.md, section 9).

One source, two lives: imported plainly it runs as interpreted numpy, at once; loaded by certify/bounds/compiled.py under
the module name KERNEL_NAME it is compiled by numba. So only what numba understands is used, on contiguous arrays. It is
one long file because numba's cache goes by a file's date: compiled code that calls into another file would not notice
that one's changes.

On the cone of generators v_1..v_r (rows of V), h+ lies below the linear p with p.v_k = h+(v_k), and h- above every
q = sum_j t_j b_j with t_j in [0, 1]. So f(u) <= z.u for every z with z.v_k >= h+(v_k) - q.v_k, and f <= |z|.
"""

from __future__ import annotations

import numpy as np

KERNEL_NAME = "certify.bounds.kernel_compiled"

if __name__ == KERNEL_NAME:
    from numba import njit

    kernel = njit(cache=True, nogil=True, error_model="numpy")
else:

    def kernel(function):
        return function


_ASCENT_ACCURACY = 1e-7


@kernel
def passive_solution(columns, indices, heavy):
    """Least-squares weights that bring the chosen columns to the last unit vector.

    heavy: a coordinate that weighs 2^15 times the others (a free bias), or -1. Its row is eliminated first, by the column where
    it is largest; what is left has no large numbers, so that normal equations, refined from the residual, lose nothing.
    """
    chosen = columns[indices]
    last, count = columns.shape[1] - 1, indices.size
    pivot, ratios = -1, np.zeros(count)
    if heavy >= 0:
        pivot = np.argmax(np.abs(chosen[:, heavy]))
        if chosen[pivot, heavy] != 0.0:
            ratios = chosen[:, heavy] / chosen[pivot, heavy]
            ratios[pivot] = 0.0
            for i in range(count):
                if i != pivot:
                    chosen[i] -= ratios[i] * chosen[pivot]
                    chosen[i, heavy] = 0.0
    lengths = np.sqrt(np.sum(chosen**2, axis=1)) + 1e-300
    for i in range(count):
        chosen[i] /= lengths[i]
    gram = np.dot(chosen, chosen.T)
    for i in range(count):
        gram[i, i] += 1e-13
    inverse = np.linalg.inv(gram)
    x = np.dot(inverse, np.ascontiguousarray(chosen[:, last]))
    for _ in range(2):
        residual = -np.dot(x, chosen)
        residual[last] += 1.0
        x = x + np.dot(inverse, np.dot(chosen, residual))
    x = x / lengths
    if pivot >= 0:
        x[pivot] -= np.dot(ratios, x)
    return x


@kernel
def nonnegative_least_squares(columns, x, heavy):
    """min |sum x_k columns_k - (0, ..., 0, 1)| over x >= 0 by Lawson and Hanson's active set, from and into x >= 0."""
    size = columns.shape[0]
    last = columns.shape[1] - 1
    passive = x > 0.0
    entering = -1
    for _ in range(3 * size + 10):
        indices = np.flatnonzero(passive)
        while indices.size > 0:
            candidate = passive_solution(columns, indices, heavy)
            if np.min(candidate) > 0.0:
                x[:] = 0.0
                x[indices] = candidate
                break
            step, leaving = 1.0, -1
            for i in range(indices.size):
                if not candidate[i] > 0.0:
                    here = x[indices[i]]
                    ratio = here / (here - candidate[i]) if here > 0.0 else 0.0
                    if leaving < 0 or ratio < step:
                        step, leaving = ratio, i
            for i in range(indices.size):
                x[indices[i]] += step * (candidate[i] - x[indices[i]])
            x[indices[leaving]] = 0.0
            passive[indices[leaving]] = False
            if indices[leaving] == entering:
                return  # what should enter cannot: rounding decides from here on
            indices = np.flatnonzero(passive)
        residual = -np.dot(x, columns)
        residual[last] += 1.0
        slack = np.dot(columns, residual)
        best, entering = 1e-14, -1
        for k in range(size):
            if not passive[k] and slack[k] > best:
                best, entering = slack[k], k
        if entering < 0:
            return
        passive[entering] = True


@kernel
def least_majorant(p, atoms, count, walls, dual_scale, weights):
    """The shortest z = p - q + sum mu_k walls_k with q in the hull of the first `count` atoms and mu >= 0.

    weights: of walls, then atoms, in the last solution of a similar problem; updated.

    The sum-to-one of the hull's weights is solved exactly by one more row: min |M x|^2 + (sum lambda - 1)^2, then x is divided
    by sum lambda. Returns z, q.
    """
    r, first = p.size, walls.shape[0]
    columns = np.zeros((first + count, r + 1))
    columns[:first, :r] = walls * dual_scale
    columns[first:, :r] = (p - atoms[:count]) * dual_scale
    lengths = np.sqrt(np.sum((columns[:, :r] / dual_scale) ** 2, axis=1))
    scale = np.max(lengths[first:])
    if not scale > 0.0:
        return p - atoms[0], atoms[0].copy()
    lengths[first:] = scale
    heavy = r - 1 if dual_scale[r - 1] > 1.0 else -1
    for k in range(first + count):
        columns[k] /= lengths[k]
    columns[first:, r] = 1.0
    x = weights[: first + count]
    nonnegative_least_squares(columns, x, heavy)
    mass = np.sum(x[first:])
    if not mass > 0.0:
        return p - atoms[count - 1], atoms[count - 1].copy()
    q = np.dot(x[first:], atoms[:count]) / mass
    z = p - q
    if first > 0:
        z = z + np.dot(x[:first] / lengths[:first] * (scale / mass), walls)
    return z, q


@kernel
def subgradient(rows, base, u):
    """base + sum of the rows with row.u > 0: a subgradient at u of base.u + sum (row.u)_+."""
    return base + np.dot((np.dot(rows, u) > 0.0).astype(np.float64), rows)


@kernel
def summed_relu(rows, base, u):
    """base.u + sum (row.u)_+."""
    return np.dot(base, u) + np.sum(np.maximum(np.dot(rows, u), 0.0))


@kernel
def depth(c, v, lengths):
    """A float at most the least cosine between c and a generator; NaN where one is."""
    least = 1.0
    size = np.sqrt(np.sum(c**2))
    for k in range(lengths.size):
        cosine = np.dot(c, v[k]) / (lengths[k] * size)
        if not cosine >= least:
            least = cosine
    return least - 1e-14 * lengths.size


@kernel
def proved_bound(z, q, v, walls, h_plus, slack, dual_scale, radius):
    """A float above max f over the cone's unit vectors, or inf: |z|, plus what the rounded inequalities may miss.

    Missing z.v_k >= h+(v_k) - q.v_k by miss |v_k| costs at most miss * sum alpha_k |v_k|, u = sum alpha_k v_k, and
    sum alpha_k |v_k| <= radius / t where some unit vector c has c.v_k >= t |v_k| for every k.
    """
    r = z.size
    lengths = np.sqrt(np.sum(v**2, axis=1))
    size = np.sqrt(np.sum(z**2)) + np.sqrt(np.sum(q**2))
    miss = 0.0
    centre, level = np.zeros(r), np.zeros(r)
    for k in range(r):
        short = (h_plus[k] - np.dot(q, v[k]) - np.dot(z, v[k])) / lengths[k]
        short += slack + 4e-16 * (r + 4) * size + 4e-16 * np.abs(h_plus[k]) / lengths[k]
        miss = np.maximum(miss, short)  # unlike max, this passes NaN on
        centre += v[k] / lengths[k]
        level += walls[k] * lengths[k]
    t = max(depth(centre, v, lengths), depth(level, v, lengths))
    bound = np.sqrt(np.sum((z * dual_scale) ** 2)) * (1.0 + 4e-16 * (r + 8))
    if not miss <= 0.0:
        bound = bound + miss * radius / t * (1.0 + 1e-9) if t > 1e-12 else np.inf
    if not bound >= 0.0:
        bound = np.inf
    return bound


@kernel
def bound_cone(v, walls, h_plus, q_start, plus, minus, plus_base, minus_base, dual_scale, radius, slack, prune_at):
    """Bound f on one cone, stopping as soon as the bound is below prune_at or the relaxation is seen to exceed it.

    walls (r, r): walls_k . v_j = 1 if j = k else 0. Returns bound, q, maximiser (r,), its coordinates alpha (r,), f there.
    """
    r = v.shape[0]
    alpha = np.ones(r)
    u = np.sum(v, axis=0)
    p = np.dot(h_plus, walls)
    most = 2 * r + 8
    weights = np.zeros(r + most)
    atoms = np.empty((most, r))
    atoms[0] = q_start
    atoms[1] = subgradient(minus, minus_base, u)
    count = 2
    bound, q = np.inf, q_start.copy()
    value, where = -np.inf, u
    for _ in range(most):
        z, hull_q = least_majorant(p, atoms, count, walls, dual_scale, weights)
        here = proved_bound(z, hull_q, v, walls, h_plus, slack, dual_scale, radius)
        if here < bound:
            bound, q = here, hull_q
        ray = z * dual_scale * dual_scale
        alpha = np.maximum(np.dot(walls, ray), 0.0)
        u = np.dot(alpha, v)
        size = np.sqrt(np.sum((u / dual_scale) ** 2))
        if not size > 0.0:
            break
        alpha /= size
        u /= size
        atom = subgradient(minus, minus_base, u)
        lost = np.dot(atom, u)
        found = summed_relu(plus, plus_base, u) - lost
        if found > value:
            value, where = found, u
        relaxed = np.dot(alpha, h_plus) - lost
        if bound <= prune_at or relaxed > prune_at or relaxed >= here * (1.0 - 1e-13) or count == most:
            break
        atoms[count] = atom
        count += 1
    return bound, q, where, alpha, value


@kernel
def choose_edge(v, alpha, plus):
    """The edge whose interpolation of h+ loses most at the maximiser; (-1, -1) where no edge loses anything.

    On the edge (v_a, v_b) the loss h+(v_a) + h+(v_b) - h+(v_a + v_b) is the sum of min(|s|, |t|) over the samples whose values
    s, t have opposite signs.
    """
    r = v.shape[0]
    values = np.dot(plus, np.ascontiguousarray(v.T))
    heaviest = np.max(alpha)
    best, first, second = 0.0, -1, -1
    for a in range(r):
        if not alpha[a] > 1e-9 * heaviest:
            continue
        for b in range(a):
            if not alpha[b] > 1e-9 * heaviest:
                continue
            s, t = values[:, a], values[:, b]
            crossing = (s > 0.0) != (t > 0.0)
            lost = np.sum(np.where(crossing, np.minimum(np.abs(s), np.abs(t)), 0.0))
            score = lost * alpha[a] * alpha[b] / (alpha[a] + alpha[b])
            if score > best:
                best, first, second = score, a, b
    return first, second


@kernel
def widest_edge(v):
    """The pair of generators at the largest angle."""
    r = v.shape[0]
    least, first, second = 2.0, 0, 0
    for a in range(r):
        for b in range(a):
            cosine = np.dot(v[a], v[b]) / np.sqrt(np.sum(v[a] ** 2) * np.sum(v[b] ** 2))
            if cosine < least:
                least, first, second = cosine, a, b
    return first, second


@kernel
def exact_sum(x, y):
    """The power of two s that brings s (x + y) to max-norm in [1/2, 1), or 0 where an entry was rounded (Knuth's two-sum)."""
    total = x + y
    shift = total - x
    rest = (x - (total - shift)) + (y - shift)
    largest = np.max(np.abs(total))
    if np.any(rest != 0.0) or not largest > 0.0:
        return 0.0
    return 2.0 ** (-np.floor(np.log2(largest)) - 1.0)


@kernel
def compress(rows, v, accuracy):
    """Rows whose sign changes on the cone, and the sum of those that are nonnegative on all of it.

    accuracy: a row whose products come within accuracy |row| |v_k| of changing sign counts as changing.
    """
    values = np.dot(v, np.ascontiguousarray(rows.T))
    low, high = values[0].copy(), values[0].copy()
    for k in range(1, v.shape[0]):
        low, high = np.minimum(low, values[k]), np.maximum(high, values[k])
    longest = np.sqrt(np.max(np.sum(v**2, axis=1)))
    margin = accuracy * longest * np.sqrt(np.sum(rows**2, axis=1))
    always = (low >= margin).astype(np.float64)
    return rows[(low < margin) & (high > -margin)], np.dot(always, rows)


@kernel
def explore(
    root, root_walls, root_q, root_bound, root_age, plus, minus, dual_scale, radius, slack, ageing, threshold, best,
    tolerance, budget,
):  # fmt: skip
    """Depth-first search below one cone, at most `budget` nodes.

    age: how many roundings the inherited q has gone through, each worth `ageing` of slack.
    Returns the open cones (V, walls, q, bound, age), the largest bound of a pruned one, the largest of one that cannot be split further,
    nodes done, the best value found and where.
    """
    r = root.shape[0]
    # h+ must not be underestimated, so the sign of a row in it has to be certain; h- may use any gates in [0, 1]
    plus_here, plus_base = compress(plus, root, 4e-16 * (r + 4))
    minus_here, minus_base = compress(minus, root, 0.0)
    cones = np.empty((budget + 2, r, r))
    walls = np.empty((budget + 2, r, r))
    gains = np.empty((budget + 2, r))
    slopes = np.empty((budget + 2, r))
    bounds, ages = np.empty(budget + 2), np.empty(budget + 2)
    cones[0], walls[0], slopes[0], bounds[0], ages[0] = root, root_walls, root_q, root_bound, root_age
    for k in range(r):
        gains[0, k] = summed_relu(plus_here, plus_base, root[k])
    height, nodes = 1, 0
    pruned, stuck = 0.0, 0.0
    where = np.zeros(r)
    while height > 0 and nodes < budget:
        height -= 1
        nodes += 1
        v, w, h_plus = cones[height].copy(), walls[height].copy(), gains[height].copy()
        age = ages[height] + 1.0
        prune_at = max(threshold, best * (1.0 + tolerance))
        bound, q, u, alpha, value = bound_cone(
            v, w, h_plus, slopes[height], plus_here, minus_here, plus_base, minus_base, dual_scale, radius,
            slack + age * ageing, prune_at,
        )  # fmt: skip
        bound = min(bound, bounds[height])
        if value > best:
            best, where = value, u.copy()
        if bound <= max(threshold, best * (1.0 + tolerance)):
            pruned = max(pruned, bound)
            continue
        a, b = choose_edge(v, alpha, plus_here)
        if a < 0:
            a, b = widest_edge(v)
        scale = exact_sum(v[a], v[b])
        if a == b or scale == 0.0:
            stuck = max(stuck, bound)
            continue
        middle = scale * (v[a] + v[b])
        gain = summed_relu(plus_here, plus_base, middle)
        for side in range(2):
            gone, stays = (a, b) if side == 0 else (b, a)
            cones[height], walls[height], gains[height], slopes[height] = v, w, h_plus, q
            bounds[height], ages[height] = bound, age
            cones[height, gone], gains[height, gone] = middle, gain
            walls[height, gone] = w[gone] / scale
            walls[height, stays] = w[stays] - w[gone]
            height += 1
    left = (cones[:height], walls[:height], slopes[:height], bounds[:height], ages[:height])
    return left, pruned, stuck, nodes, best, where


@kernel
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
