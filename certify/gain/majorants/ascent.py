"""Local maxima of one sign of the gain, by difference-of-convex ascent (docs/theory.md, section 9).

With z the sum of the raising hinges active at u, max z.u - h-(u) is a convex problem whose dual is the distance of z
to the zonotope {sum t_j b_j, 0 <= t <= 1}; its solution never lowers the gain. The inner problem is solved roughly by
projected gradients and then exactly on the t_j that are neither 0 nor 1. Unproved: who uses a direction evaluates it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from certify._core.zonotope import nearest_in_zonotope
from certify.arrays import Floats
from certify.gain.majorants.node import OneSign
from certify.linear import eigvalsh, gram, matmul, norm, solve_positive

_INNER = 80
_RIDGE = 1e-14  # of the trace: rows that depend on one another leave a system that can be solved
_FREE_BIAS_WEIGHT = 30.0  # stands for infinity in the dual norm of a free bias, which is then optimised exactly


def ascend(whole: OneSign, v: Floats, stop: Callable[[], bool], steps: int = 15) -> Floats:
    """A unit direction (N,) at least as good as v; a local maximum as a rule."""
    weighted, up = whole.points * np.abs(2 * whole.half)[:, None], whole.half > 0
    raising, lowering = weighted[up], weighted[~up]
    best = with_best_bias(whole, v)
    value = whole.gain(best)
    t = (matmul(lowering, best) > 0).astype(np.float64)
    metric = _metric(whole.heads, v.size)
    measured = lowering * metric
    rate = 1 / max(float(eigvalsh(gram(measured))[-1]), 2.0**-900)
    for _ in range(steps):
        if stop():
            break
        z = np.sum(raising[matmul(raising, best) > 0], axis=0)
        t = nearest_in_zonotope(measured, z * metric, t, rate, _INNER)
        candidates = [_unit(whole, z - matmul(t, lowering)), _unit(whole, _exact_on_kinks(z, lowering, t, whole.heads))]
        following = max((with_best_bias(whole, u) for u in candidates), key=whole.gain)
        if not whole.gain(following) > value * (1 + 1e-13):
            break
        best, value = following, whole.gain(following)
    return best


def _metric(heads: int, size: int) -> Floats:
    """Square roots of the dual norm's weights: 0 for the constant, 1 for the normed coordinates."""
    weights = np.ones(size)
    weights[:heads] = [0.0, _FREE_BIAS_WEIGHT][:heads]
    return weights


def _unit(whole: OneSign, residual: Floats) -> Floats:
    """The homogenised unit direction that pairs best with the residual."""
    weights = _metric(whole.heads, residual.size)
    v = residual * weights**2
    size = norm(v[whole.heads :])
    v = v / size if size > 0 else np.zeros_like(v)
    v[0] = 1.0
    v[1 : whole.heads] = np.clip(v[1 : whole.heads], -1.0, 1.0)
    return v


def _exact_on_kinks(z: Floats, lowering: Floats, t: Floats, heads: int) -> Floats:
    """The residual z - sum t_j b_j with the t_j strictly inside (0, 1) solved for exactly."""
    weights = _metric(heads, z.size)
    free = (t > 1e-3) & (t < 1 - 1e-3)
    fixed = z - matmul(np.where(free, 0.0, np.round(t)), lowering)
    if not np.any(free):
        return fixed
    rows = lowering[free] * weights
    products = matmul(rows, rows.T)
    products[np.diag_indices(len(rows))] += _RIDGE * float(np.trace(products)) + 2.0**-900
    try:
        inside = solve_positive(products, matmul(rows, fixed * weights))
    except ArithmeticError:
        return fixed - matmul(t[free], lowering[free])
    return fixed - matmul(np.clip(inside, 0.0, 1.0), lowering[free])


def with_best_bias(whole: OneSign, v: Floats) -> Floats:
    """v with its free bias, if there is one, at the best of the gain's breakpoints along it."""
    if whole.heads == 1:
        return v
    rows = whole.points
    slopes = whole.half * rows[:, 1]
    rest = matmul(rows, np.concatenate([[0.0, 0.0], v[2:]]))
    breaks = np.append(-rest / rows[:, 1], v[1])
    order = np.argsort(-rest / rows[:, 1], kind="stable")
    knots = (-rest / rows[:, 1])[order]
    # the gain at t is the sum of slope_i (t - knot_i) over the knots below t
    slope_below = np.concatenate([[0.0], np.cumsum(slopes[order])])
    shift_below = np.concatenate([[0.0], np.cumsum((slopes[order]) * knots)])
    below = np.searchsorted(knots, breaks)
    values = np.where(np.abs(breaks) <= 1, slope_below[below] * breaks - shift_below[below], -np.inf)
    best = v.copy()
    best[1] = breaks[int(np.argmax(values))]
    return best
