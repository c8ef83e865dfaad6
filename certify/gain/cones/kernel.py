"""Engine C's inner loop in numpy: bound a cone, or split it (docs/theory.md, section 9).

One algorithm, two lives: this one answers at once, and small problems altogether; long searches get `kernel_loops.py`, the same in
compiled loops (see `compiled.py`). What a bound rests on both take from `kernel_trusted.py`.

On the cone of generators v_1..v_r (rows of V), h+ lies below the linear p with p.v_k = h+(v_k), and h- above every
q = sum_j t_j b_j with t_j in [0, 1]. So f(u) <= z.u for every z with z.v_k >= h+(v_k) - q.v_k, and f <= |z|.

numbers (6, r) of a cone, by generator: length, h+, the sums of the rows that are settled as positive on the whole cone, for h+ and
for h-, the slope q.v_k inherited, the error of all these. Children inherit them, as all but h+ is linear in the generator.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from certify.gain.cones.kernel_climb import ascend, subgradient, summed_relu
from certify.gain.cones.kernel_hull import least_majorant
from certify.gain.cones.kernel_trusted import (
    cone_depth,
    exact_sum,
    middle_error,
    mixture,
    sifting_error,
    sign_margin,
    surely_negative,
    surely_positive,
)
from certify.gain.cones.kernel_trusted import proved_bound as proved

__all__ = ["ascend", "bound_cone", "explore", "least_majorant", "subgradient", "summed_relu"]

LENGTH, GAIN, PLUS_BASE, MINUS_BASE, SLOPE, ERROR = range(6)


def proved_bound(z, q, v, walls, h_plus, slack, dual_scale, radius):
    """proved_bound of `kernel_trusted.py` for a q (r,) in coordinates; slack: error of h+ and q, per |v_k|."""
    lengths = np.sqrt(np.sum(v**2, axis=1))
    errors = np.full(z.size, slack + 4e-16 * (z.size + 4) * np.sqrt(np.sum(q**2)))
    depth = cone_depth(v, walls, lengths)
    return proved(z, v, lengths, h_plus, np.dot(v, q), errors, 1.0, depth, dual_scale, radius)


def bound_cone(v, walls, h_plus, q_start, plus, minus, plus_base, minus_base, dual_scale, radius, slack, prune_at):
    """`bound_by_values` for a slope q (r,) in coordinates, of which the error is in `slack`, per |v_k|.

    Returns bound, q, maximiser (r,), its coordinates alpha (r,), f there.
    """
    r = v.shape[0]
    numbers = np.zeros((6, r))
    numbers[LENGTH], numbers[GAIN] = np.sqrt(np.sum(v**2, axis=1)), h_plus
    numbers[PLUS_BASE], numbers[MINUS_BASE], numbers[SLOPE] = v @ plus_base, v @ minus_base, v @ q_start
    numbers[ERROR] = slack + 4e-16 * (r + 4) * np.sqrt(np.sum(q_start**2))
    bound, _, alpha, value, weights, gates = bound_by_values(
        v, walls, numbers, plus @ v.T, minus @ v.T, dual_scale, radius, 1.0, prune_at
    )
    fresh = (weights[1:] @ gates) @ minus if len(weights) > 1 else np.zeros(r)
    q = (weights[0] * q_start + np.sum(weights[1:]) * minus_base + fresh) / np.sum(weights)
    return bound, q, alpha @ v, alpha, value


def bound_by_values(v, walls, numbers, plus, minus, dual_scale, radius, mass, prune_at):
    """Bound f on one cone, stopping as soon as the bound is below prune_at or the relaxation is seen to exceed it.

    walls (r, r): walls_k . v_j = 1 if j = k else 0. plus, minus (., r): values at the generators. mass: sum |a_i| + sum |b_j|.
    Returns the bound, its slopes q.v_k (r,), the relaxation's maximiser in the generators alpha (r,), f there (0 where it was of no
    interest), and the weights and gates of q: weights[0] for the inherited one, weights[j] for the rows with gates[j - 1].
    """
    r = v.shape[0]
    gains, base = numbers[GAIN], numbers[MINUS_BASE]
    depth = cone_depth(v, walls, numbers[LENGTH])
    most = 2 * r + 8
    weights = np.zeros(r + most)
    slopes, atoms, gates = np.empty((most, r)), np.empty((most, r)), np.zeros((most, len(minus)))
    nothing = np.zeros(r)
    slopes[0], gates[0] = numbers[SLOPE], minus @ np.ones(r) > 0.0
    slopes[1] = base + gates[0] @ minus
    atoms[:2] = (slopes[:2] - gains) @ walls
    alpha, mixed = np.ones(r), np.empty(r)
    bound, best, chosen = np.inf, numbers[SLOPE].copy(), np.ones(1)
    for count in range(2, most):
        z, _ = least_majorant(nothing, atoms, count, walls, dual_scale, weights)
        mixture(weights[r:], slopes, count, mixed)
        here = proved(z, v, numbers[LENGTH], gains, mixed, numbers[ERROR], mass, depth, dual_scale, radius)
        if here < bound:
            bound, best, chosen = here, mixed.copy(), weights[r : r + count].copy()
        ray = np.maximum(walls @ (z * dual_scale * dual_scale), 0.0)
        size = np.sqrt(np.sum((ray @ v / dual_scale) ** 2))
        if bound <= prune_at or not size > 0.0:
            return bound, best, alpha, 0.0, chosen, gates[: chosen.size - 1]
        alpha = ray / size
        gates[count - 1] = minus @ alpha > 0.0
        slopes[count] = base + gates[count - 1] @ minus
        atoms[count] = (slopes[count] - gains) @ walls
        lost = alpha @ slopes[count]
        relaxed = alpha @ gains - lost
        if relaxed > prune_at or relaxed >= here * (1.0 - 1e-13):
            break
    value = alpha @ numbers[PLUS_BASE] + np.sum(np.maximum(plus @ alpha, 0.0)) - lost
    return bound, best, alpha, value, chosen, gates[: chosen.size - 1]


def choose_edge(v, alpha, plus):
    """The edge whose interpolation of h+ loses most at the maximiser; the widest one where none loses anything.

    On the edge (v_a, v_b) the loss h+(v_a) + h+(v_b) - h+(v_a + v_b) is the sum of min(|s|, |t|) over the samples whose values
    s, t (rows of `plus`) have opposite signs.
    """
    used = np.flatnonzero(alpha > 1e-9 * np.max(alpha))
    best, edge = 0.0, None
    for i, a in enumerate(used):
        for b in used[:i]:
            s, t = plus[:, a], plus[:, b]
            lost = np.sum(np.minimum(np.abs(s), np.abs(t))[(s > 0.0) != (t > 0.0)])
            score = lost * alpha[a] * alpha[b] / (alpha[a] + alpha[b])
            if score > best:
                best, edge = score, (int(a), int(b))
    return widest_edge(v) if edge is None else edge


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


def compress(values, lengths, margin):
    """Which rows may change sign on the cone, and which are positive on all of it, by their values (., r) at its generators."""
    low, high = np.min(values, axis=1, initial=np.inf), np.max(values, axis=1, initial=-np.inf)
    positive = surely_positive(low, margin, lengths)
    return ~(positive | surely_negative(high, margin, lengths)), positive


@dataclass(frozen=True, slots=True, eq=False)
class _Cone:
    """A cone on the stack. plus, minus: indices of the rows that may change sign on it, and their values at its generators."""

    v: np.ndarray
    walls: np.ndarray
    numbers: np.ndarray
    bound: float
    plus: tuple[np.ndarray, np.ndarray]
    minus: tuple[np.ndarray, np.ndarray]


def sifted(cone, plus_lengths, minus_lengths):
    """The cone with lists of its own: rows of one sign on all of it are left out, or added to the settled sums."""
    numbers = cone.numbers.copy()
    margin, lists = sign_margin(numbers[ERROR], numbers[LENGTH]), []
    for (indices, values), lengths, base, safe in (
        (cone.plus, plus_lengths, PLUS_BASE, margin),  # h+ must not be underestimated: the sign has to be certain
        (cone.minus, minus_lengths, MINUS_BASE, 0.0),  # any gates in [0, 1] do for h-
    ):
        kept, positive = compress(values, lengths[indices], safe)
        numbers[base] += np.sum(values[positive], axis=0)
        numbers[ERROR] += sifting_error(np.count_nonzero(positive))
        lists.append((indices[kept], values[kept]))
    return replace(cone, numbers=numbers, plus=lists[0], minus=lists[1])


def halves(cone, a, b, scale, bound):
    """Both children of a cone split at scale (v_a + v_b): with v_b replaced, and with v_a replaced."""
    numbers = cone.numbers
    middle = scale * (cone.v[a] + cone.v[b])
    column = scale * (numbers[:, a] + numbers[:, b])
    plus, minus = (scale * (values[:, a] + values[:, b]) for _, values in (cone.plus, cone.minus))
    column[LENGTH] = np.sqrt(np.sum(middle**2))
    column[GAIN] = column[PLUS_BASE] + np.sum(np.maximum(plus, 0.0))
    column[ERROR] = middle_error(
        scale, numbers[ERROR, a], numbers[LENGTH, a], numbers[ERROR, b], numbers[LENGTH, b], column[LENGTH]
    )
    for gone, stays in ((b, a), (a, b)):
        child = replace(cone, v=cone.v.copy(), walls=cone.walls.copy(), numbers=numbers.copy(), bound=bound)
        child.v[gone], child.numbers[:, gone] = middle, column
        child.walls[gone] = cone.walls[gone] / scale
        child.walls[stays] = cone.walls[stays] - cone.walls[gone]
        lists = [(indices, values.copy()) for indices, values in (cone.plus, cone.minus)]
        lists[0][1][:, gone], lists[1][1][:, gone] = plus, minus
        yield replace(child, plus=lists[0], minus=lists[1])


def explore(
    root, root_walls, root_numbers, root_bound, plus_listed, minus_listed, plus_rows, minus_rows, plus_lengths, minus_lengths,
    dual_scale, radius, mass, mixing, threshold, best, tolerance, budget,
):  # fmt: skip
    """Depth-first search below one cone, at most `budget` nodes.

    plus_listed, minus_listed: indices of the rows that may change sign on it; lengths: of all rows, rounded up. mass: their sum.
    mixing: what one mixture of slopes adds to the errors. Returns the open cones, next to visit first: V, walls, numbers, bounds,
    their lists of rows (places where each begins, and all in one); the splits (1 + a r + b, or 0 for a leaf); the largest bound of
    what is closed; the best value found and where.
    """
    r = root.shape[0]
    lists = [(listed, rows[listed] @ root.T) for listed, rows in ((plus_listed, plus_rows), (minus_listed, minus_rows))]
    stack = [_Cone(root, root_walls, root_numbers, root_bound, *lists)]
    code, closed, where = [], 0.0, np.zeros(r)
    while stack and len(code) < budget:
        cone = stack.pop()
        prune_at = max(threshold, best * (1.0 + tolerance))
        bound, slopes, alpha, value, _, _ = bound_by_values(
            cone.v, cone.walls, cone.numbers, cone.plus[1], cone.minus[1], dual_scale, radius, mass, prune_at
        )
        bound = min(bound, cone.bound)
        code.append(0)
        if value > best:
            best, where = value, alpha @ cone.v
        if bound <= max(threshold, best * (1.0 + tolerance)):
            closed = max(closed, bound)
            continue
        cone = sifted(cone, plus_lengths, minus_lengths)
        a, b = choose_edge(cone.v, alpha, cone.plus[1])
        scale = exact_sum(cone.v[a], cone.v[b])
        if a == b or scale == 0.0:
            closed = max(closed, bound)
            continue
        code[-1] = 1 + a * r + b
        cone.numbers[SLOPE] = slopes
        cone.numbers[ERROR] += mixing
        stack.extend(reversed(list(halves(cone, a, b, scale, bound))))
    left = [sifted(cone, plus_lengths, minus_lengths) for cone in reversed(stack)]
    stacked = [np.array([getattr(cone, name) for cone in left]) for name in ("v", "walls", "numbers", "bound")]
    lists = [_concatenated([getattr(cone, name)[0] for cone in left]) for name in ("plus", "minus")]
    return (*stacked, *lists, np.array(code, dtype=np.uint16), closed, best, where)


def _concatenated(lists):
    """Where each list begins, and where the last one ends, and all of them in one."""
    cuts = np.concatenate([[0], np.cumsum([len(indices) for indices in lists], dtype=np.int64)])
    return cuts, np.concatenate([*lists, np.empty(0, np.int32)]).astype(np.int32)
