"""Small training problems of every degenerate kind, and planted ones whose optima are many and known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from exact import OF_SIGNS
from optima_brute_force import optima
from oracles import bare_network, dataset, objective, stated

from certify.problem.dataset import Dataset
from certify.problem.objective import Bias, Loss, Objective, Reduction
from certify.problem.training import TrainingProblem, training_problem

KINDS = ("general", "duplicate", "parallel", "antipodal", "dependent", "zero", "grid", "orthogonal", "line", "thin")
OBJECTIVES = ((Loss.HALF_SQUARED, Reduction.SUM), (Loss.SQUARED, Reduction.MEAN), (Loss.LOGISTIC, Reduction.SUM))
BIASES = ((Bias.NONE, Bias.NONE), (Bias.PENALIZED, Bias.NONE), (Bias.NONE, Bias.PENALIZED), (Bias.NONE, Bias.FREE))


def rows_of(kind: str, n: int, d: int, rng: np.random.Generator) -> np.ndarray:
    """n rows in R^d with the named degeneracy."""
    X = rng.standard_normal((n, d))
    if kind == "duplicate":
        X[-1] = X[0]
    elif kind == "parallel":
        X[-1] = 2 * X[0]
    elif kind == "antipodal":
        X[-1], X[1] = -X[0], -2 * X[0]
    elif kind == "thin":  # opposite to rounding only
        X[-1], X[1] = -X[0], -3 * X[0]
    elif kind == "dependent":
        X = np.round(X[:, :1] * 2 + 1) * np.round(2 * rng.standard_normal(d)) + np.round(X[:, -1:]) * np.eye(d)[0]
    elif kind == "zero":
        X[-1] = 0.0
    elif kind == "grid":
        X = rng.integers(-1, 2, (n, d)).astype(float)
    elif kind == "orthogonal":
        X = np.vstack([np.eye(d), -np.eye(d), np.ones((n, d))])[:n]
    elif kind == "line":
        X = np.outer(rng.integers(-2, 3, n), np.ones(d)).astype(float)
    return X


def random_problem(kind: str, seed: int) -> tuple[Dataset, Objective, TrainingProblem]:
    """A problem with 3 to 6 samples and 2 or 3 inputs; loss, reduction and biases by the seed, the decay below the largest useful one."""
    rng = np.random.default_rng((KINDS.index(kind), seed))
    n, d = int(rng.integers(3, 7)), int(rng.integers(2, 4))
    (loss, reduction), (hidden, output) = OBJECTIVES[seed % 3], BIASES[seed // 3 % 4]
    X = rows_of(kind, n, d, rng)
    y = rng.standard_normal(n) if seed % 2 else rng.integers(-2, 3, n).astype(float)
    if loss in OF_SIGNS:
        y = np.where(y >= 0, 1.0, -1.0)
    data = Dataset(X, y[:, None])
    beta = float(rng.uniform(0.02, 0.4)) / (n if reduction is Reduction.MEAN else 1)
    goal = Objective(loss, reduction, beta, beta, hidden, output)
    return data, goal, training_problem(bare_network(d, goal), data, goal)


def polygon(corners: int) -> np.ndarray:
    """Unit rows at equal angles."""
    angles = 2 * np.pi * np.arange(corners) / corners
    return np.column_stack([np.cos(angles), np.sin(angles)])


def polygons(*corners: int) -> np.ndarray:
    """Polygons in planes of their own: with equal weights, their optimal directions are the products of each one's."""
    X = np.zeros((sum(corners), 2 * len(corners)))
    first = 0
    for k, count in enumerate(corners):
        X[first : first + count, 2 * k : 2 * k + 2] = polygon(count)
        first += count
    return X


def with_many_optima(X: np.ndarray, seed: int = 1) -> tuple[Dataset, Objective]:
    """Targets for which nu = 1 and a random point of the polytope are optimal: all its optimal directions are known to be many."""
    problem = stated(dataset(X, np.ones(len(X))), objective(1.0))
    beta = optima(replace(problem, targets=np.ones((len(X), 1))), np.zeros(len(X)), 0.0).largest
    ones = optima(replace(problem, objective=objective(beta)), np.zeros(len(X)), 0.0)
    masses = np.random.default_rng(seed).uniform(0.5, 1.5, len(ones.units))
    return dataset(X, ones.columns @ masses + 1), objective(beta)
