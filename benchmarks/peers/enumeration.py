"""The paper's polynomial check done the plain way: every activation pattern by linear programs, one projection each.

    python -m benchmarks.peers.enumeration MODEL DATA BETA   (fc1.weight, fc2.weight; X, y; half-squared sum, no biases)

Patterns are found sample by sample: a pattern of the first k rows is extended both ways by row k + 1. The side on
which the pattern's known inner point lies needs no program; the other one is a linear program (HiGHS, through
scipy):

    max t    s_i z_i.u >= |z_i| t,  |u_l| <= 1          the cone has an interior iff t > 0

The largest gain over a cone is then |proj(g)|, g = sign Z'D nu, the residual of one nonnegative least squares
problem. The solvers are believed, as a user would believe them; nothing of the package's own search or reference
engine is used.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog, nnls

_INTERIOR = 1e-9  # HiGHS solves to 1e-7; thinner cones are missed by it, and by this method
_EPS = 1e-4


class TimeIsUp(Exception):
    """The limit came before the last pattern."""


@dataclass(frozen=True, slots=True, eq=False)
class Enumeration:
    """The largest gain, the direction that has it, how many cones there are and how many programs it took."""

    gain: float
    direction: np.ndarray
    cones: int
    programs: int


def enumerate_gain(rows: np.ndarray, nu: np.ndarray, seconds: float = np.inf) -> Enumeration:
    """M(nu) over all patterns of the rows (n, D) without zero rows. Raises TimeIsUp."""
    deadline = time.perf_counter() + seconds
    signs, programs = _patterns(rows, deadline)
    best, direction = 0.0, np.zeros(rows.shape[1])
    for pattern in signs:
        if time.perf_counter() > deadline:
            raise TimeIsUp
        gradient = (nu * (pattern > 0)) @ rows
        for sign in (1, -1):
            multipliers, gain = nnls((pattern[:, None] * rows).T, -sign * gradient)
            if gain > best:
                best, direction = gain, sign * gradient + multipliers @ (pattern[:, None] * rows)
    return Enumeration(best, direction / (np.linalg.norm(direction) or 1.0), len(signs), programs)


def _patterns(rows: np.ndarray, deadline: float) -> tuple[list[np.ndarray], int]:
    """The sign vectors (n,) of all cones with an interior, and the number of linear programs."""
    scaled = rows / np.linalg.norm(rows, axis=1)[:, None]
    cones = [(np.array([side]), side * scaled[0]) for side in (1.0, -1.0)]
    programs = 0
    for k in range(1, len(scaled)):
        grown = []
        for signs, inner in cones:
            if time.perf_counter() > deadline:
                raise TimeIsUp
            known = float(np.sign(scaled[k] @ inner))
            for side in (1.0, -1.0):
                extended = np.append(signs, side)
                point = inner if side == known else _inner_point(extended[:, None] * scaled[: k + 1])
                programs += side != known
                if point is not None:
                    grown.append((extended, point))
        cones = grown
    return [signs for signs, _ in cones], programs


def _inner_point(inward: np.ndarray) -> np.ndarray | None:
    """A point u with inward (k, D) u > 0, or None where there is none."""
    d = inward.shape[1]
    rows = np.column_stack([-inward, np.ones(len(inward))])
    bounds = [(-1.0, 1.0)] * d + [(None, 1.0)]
    answer = linprog(np.append(np.zeros(d), -1.0), rows, np.zeros(len(inward)), bounds=bounds, method="highs")
    return answer.x[:d] if answer.status == 0 and -answer.fun > _INTERIOR else None


def main(model: str, data: str, beta: float) -> None:
    """Is the network stationary as balanced active neurons, and does no neuron gain more than beta?"""
    with np.load(model) as weights, np.load(data) as samples:
        u, a = weights["fc1.weight"], weights["fc2.weight"][0]
        rows, y = samples["X"], samples["y"]
    activations = np.maximum(rows @ u.T, 0)
    nu = y - activations @ a
    active = np.abs(activations.T @ nu - beta * a) <= _EPS * beta * np.abs(a).max()
    balanced = np.abs(np.linalg.norm(u, axis=1) - np.abs(a)) <= _EPS * np.abs(a).max()
    found = enumerate_gain(rows, nu)
    optimal = np.all(active) and np.all(balanced) and found.gain <= beta * (1 + _EPS)
    verdict = "OPTIMAL" if optimal else "NOT OPTIMAL"
    print(f"{verdict} M(nu)={found.gain:.9g} beta={beta:g} cones={found.cones} programs={found.programs}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
