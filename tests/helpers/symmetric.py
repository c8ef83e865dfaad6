"""Small data sets full of symmetry, which people try first: cubes, grids, single ones, repeated and opposite rows.

Their optima lie where many hyperplanes meet, and many at once. Decays are shares of the largest useful one, above which the best
network is a constant (docs/theory.md, section 3).
"""

from __future__ import annotations

from itertools import product

import numpy as np
from exact import OF_SIGNS
from oracles import dataset

from certify.decide.options import CheckOptions
from certify.decide.solve import Solution, solve_dataset
from certify.gain.ascents import ascents
from certify.gain.question import Limits
from certify.gain.reduction import reduce_gain
from certify.problem.dual import dual_vector, gain_problem
from certify.problem.network import Network
from certify.problem.objective import Bias, Loss, Objective, Reduction
from certify.problem.training import training_problem

EPS = 1e-6
_TOLD = {
    "parity": lambda ones, n: ones % 2,
    "and": lambda ones, n: ones == n,
    "or": lambda ones, n: ones > 0,
    "majority": lambda ones, n: 2 * ones > n,
}


def grid(*sizes: int) -> np.ndarray:
    """All points with 0 <= x_k < sizes_k."""
    return np.array(list(product(*map(range, sizes))), dtype=float)


def _cubes() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    found = {}
    for n, (name, told) in product(range(2, 6), _TOLD.items()):
        corners = grid(*[2] * n)
        y = np.array(told(corners.sum(axis=1), n), dtype=float)
        found[f"cube{n} {name}"] = corners, y
        found[f"signs{n} {name}"] = 2 * corners - 1, y
    return found


def _others() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(0)
    found = {}
    for sizes in ((17, 3), (5, 5), (3, 3, 3)):
        points, name = grid(*sizes), "x".join(map(str, sizes))
        drawn = rng.integers(0, 2, len(points)).astype(float)
        found[f"grid {name} parity"] = points, points.sum(axis=1) % 2
        found[f"grid {name} drawn"] = points, drawn
        found[f"centred grid {name} drawn"] = points - points.mean(axis=0), drawn
    for n in (3, 8):
        found[f"single ones {n}"] = np.eye(n), np.arange(n) % 2.0
        found[f"single ones {n} twice"] = np.vstack([np.eye(n)] * 2), (np.arange(2 * n) % 3 == 0) * 1.0
    corners, parity = grid(2, 2, 2), grid(2, 2, 2).sum(axis=1) % 2
    found["repeated"] = np.vstack([corners] * 2), np.concatenate([parity, parity])
    found["repeated, contradictory"] = np.vstack([corners] * 2), np.concatenate([parity, corners[:, 0]])
    for name, rows in (("real", rng.standard_normal((10, 3))), ("whole", grid(3, 3) + 1)):
        found[f"opposite, {name}"] = np.vstack([rows, -rows]), rng.integers(0, 2, 2 * len(rows)).astype(float)
    return found


SYMMETRIC = _cubes() | _others()


def stated(name: str, loss: Loss, hidden: Bias, output: Bias, share: float) -> Objective:
    """The objective whose decay is the largest useful one over `share`, and 1 over it where none is useful."""
    X, y = SYMMETRIC[name]
    unit = Objective(loss, Reduction.SUM, 1.0, 1.0, hidden, output)
    biases = [np.zeros(1) if bias is not Bias.NONE else None for bias in (hidden, output)]
    problem = training_problem(Network(np.zeros((1, X.shape[1])), np.zeros((1, 1)), *biases), dataset(X, y), unit)
    constant = np.zeros_like(problem.targets)
    if problem.has_constant and loss not in OF_SIGNS:
        constant += np.mean(y)
    nu = dual_vector(problem, constant)
    gain = gain_problem(problem, nu)
    met = ascents(gain, reduce_gain(gain), (), 24, 0, Limits())
    largest = met[0].gain if met and met[0].gain > 1e-9 else 1.0
    decay = float(f"{largest / share:.4g}")
    return Objective(loss, Reduction.SUM, decay, decay, hidden, output)


def trained(name: str, goal: Objective, seconds: float = 60.0) -> Solution:
    """`certify solve` on one of them, to 1e-6, with the certificate that was accepted."""
    return solve_dataset(dataset(*SYMMETRIC[name]), goal, CheckOptions(eps=EPS, time_limit=seconds))
