"""Quasi-Newton descent with limited memory, the same on every processor.

Directions by the two-loop recursion (Nocedal and Wright, Numerical Optimization, algorithm 7.4); steps by the bisection of Lewis and
Overton (Nonsmooth optimization via quasi-Newton methods, 2013) for the weak Wolfe conditions, which kinks do not upset.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from certify.arrays import Floats
from certify.linear import matmul, norm

_MEMORY = 12
_ENOUGH, _FLAT = 1e-4, 0.9  # of the initial slope: the fall that a step must give, and the slope that it must leave
_TRIALS = 40
_LEAST_FALL = 1e-15  # relative
_CURVED = 1e-12  # cosine between a step and the change of the gradient, below which the pair tells nothing

Function = Callable[[Floats], tuple[float, Floats]]


@dataclass(frozen=True, slots=True, eq=False)
class Point:
    """x (N,) with the function's value and gradient (N,) there."""

    x: Floats
    value: float
    gradient: Floats


def minimized(function: Function, start: Floats, steps: int, stopped: Callable[[], bool]) -> Point:
    """The lowest point that the descent from start (N,) comes to within so many steps; never above the start."""
    memory = _Memory()
    here = Point(start, *function(start))
    if not bool(np.all(np.isfinite(here.gradient))):
        return here
    for _ in range(steps):
        direction = memory.direction(here.gradient)
        following = _step(function, here, direction, stopped)
        if following is None and memory.pairs and not stopped():
            memory.pairs.clear()  # what it remembers misleads: once more along the gradient
            following = _step(function, here, memory.direction(here.gradient), stopped)
        if following is None:
            break
        fall = here.value - following.value
        memory.remember(following.x - here.x, following.gradient - here.gradient)
        here = following
        if stopped() or not fall > _LEAST_FALL * abs(here.value):
            break
    return here


class _Memory:
    """The last steps and changes of the gradient: an approximate inverse Hessian."""

    def __init__(self) -> None:
        self.pairs: deque[tuple[Floats, Floats, float]] = deque(maxlen=_MEMORY)

    def remember(self, step: Floats, change: Floats) -> None:
        """Take note of a step, if the gradient has grown along it."""
        product = float(matmul(step, change))
        if product > _CURVED * norm(step) * norm(change):
            self.pairs.append((step, change, product))

    def direction(self, gradient: Floats) -> Floats:
        """Minus the inverse Hessian times the gradient; of length 1 at most while nothing is remembered."""
        if not self.pairs:
            return -gradient / max(1.0, norm(gradient))
        q, shares = gradient, []
        for step, change, product in reversed(self.pairs):
            shares.append(float(matmul(step, q)) / product)
            q = q - shares[-1] * change
        _, change, product = self.pairs[-1]
        r = q * (product / float(matmul(change, change)))
        for (step, change, product), share in zip(self.pairs, reversed(shares), strict=True):
            r = r + (share - float(matmul(change, r)) / product) * step
        return -r


def _step(function: Function, here: Point, direction: Floats, stopped: Callable[[], bool]) -> Point | None:
    """A step along the direction that falls enough and leaves the slope flat enough, or the longest tried that falls enough."""
    slope = float(matmul(here.gradient, direction))
    if not slope < 0:
        return None
    best: Point | None = None
    size, low, high = 1.0, 0.0, math.inf
    for _ in range(_TRIALS):
        if stopped():
            break
        x = here.x + size * direction
        trial = Point(x, *function(x))
        if not trial.value <= here.value + _ENOUGH * size * slope:
            high = size
        else:
            low, best = size, trial
            if float(matmul(trial.gradient, direction)) >= _FLAT * slope:
                break
        size = (low + high) / 2 if high < math.inf else 2 * size
    return best if best is not None and bool(np.all(np.isfinite(best.gradient))) else None
