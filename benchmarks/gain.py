"""The two engines on real duals: nodes, seconds and the bound reached, on one thread.

    python benchmarks/gain.py [SECONDS]         (needs the extra `bench`: scikit-learn's data sets)

Data standardised, a column of ones last (a penalised bias), class index or target standardised, half-squared loss. nu is the
dual vector of the convex program over the patterns that column generation by ascents found, at beta = M(y)/2 and M(y)/10.
The question is M(nu) <= beta (1 + 1e-3); each engine gets SECONDS (30). Writes benchmarks/results/gain.md.
"""

from __future__ import annotations

import os

for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import sys
import time
from pathlib import Path

import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine

from certify.bounds.both_signs import ConePair
from certify.bounds.compiled import KERNELS
from certify.bounds.engine import Question, bound_gain
from certify.bounds.interface import GainProblem, Limits
from certify.bounds.majorants import bound_gain_by_majorants
from certify.bounds.reduction import reduce_gain
from certify.bounds.witnesses import ascents
from certify.convex.blocks import blocks_of
from certify.convex.generation import ColumnGeneration
from certify.dataset import Dataset
from certify.network import Network
from certify.objective import Bias, Loss, Objective, Reduction
from certify.problem import TrainingProblem, training_problem

LOADERS = {"iris": load_iris, "diabetes": load_diabetes, "wine": load_wine, "breast cancer": load_breast_cancer}
TOLERANCE = 1e-3


def stated(name: str, beta: float) -> TrainingProblem:
    """The training problem of one data set at one weight decay."""
    X, y = LOADERS[name](return_X_y=True)
    X, y = (X - X.mean(axis=0)) / X.std(axis=0), (y - y.mean()) / y.std()
    bare = Network(np.zeros((1, X.shape[1])), np.zeros((1, 1)), np.zeros(1))
    objective = Objective(Loss.HALF_SQUARED, Reduction.SUM, beta, beta, Bias.PENALIZED, Bias.NONE)
    return training_problem(bare, Dataset(X, y[:, None]), objective)


def dual(problem: TrainingProblem) -> GainProblem:
    """The gain of the dual vector that column generation by ascents ends with."""
    start = GainProblem(problem.rows, problem.targets)
    reduced = reduce_gain(start)
    found = ascents(start, reduced, (), 6, 0, Limits())[:8]
    directions, signs = np.array([v.direction for v in found]), np.array([v.sign for v in found])
    generation = ColumnGeneration(problem, blocks_of(problem, directions, signs))
    generation.run(TOLERANCE / 10, Limits(time.monotonic() + 60))
    return generation.gain_problem


def by_cones(gain: GainProblem, threshold: float, seconds: float) -> tuple[int, float]:
    """Nodes and proved bound of engine C."""
    limits = Limits(time.monotonic() + seconds)
    pair = ConePair(gain, reduce_gain(gain), threshold, TOLERANCE, ())
    pair.advance(None, 1, lambda: limits.reached() or pair.upper <= threshold)
    return pair.nodes, pair.upper


def by_majorants(gain: GainProblem, threshold: float, seconds: float) -> tuple[int, float]:
    """Nodes and proved bound of engine S."""
    limits = Limits(time.monotonic() + seconds)
    bound = bound_gain_by_majorants(gain, threshold=threshold, tolerance=TOLERANCE, limits=limits)
    return bound.nodes, bound.upper


def main(seconds: float) -> None:
    """Measure, print, and write the table."""
    KERNELS.load()
    lines = [f"`python benchmarks/gain.py {seconds:g}`: upper bound / beta, cut at {seconds:g} s.", ""]
    lines += ["| instance | n x r | cones: nodes, s, bound | majorants: nodes, s, bound |", "|---|---|---|---|"]
    for name in LOADERS:
        y = stated(name, 1.0)
        limits = Limits(time.monotonic() + 10)
        largest = bound_gain(GainProblem(y.rows, y.targets), Question(tolerance=1e-2), limits).lower
        for share in (2, 10):
            problem = stated(name, largest / share)
            gain, cells = dual(problem), []
            for engine in (by_cones, by_majorants):
                started = time.perf_counter()
                nodes, upper = engine(gain, problem.beta * (1 + TOLERANCE), seconds)
                cells.append(f"{nodes}, {time.perf_counter() - started:.2f}, {upper / problem.beta:.4f}")
            n, d = problem.rows.shape
            lines.append(f"| {name}, max/{share} | {n} x {d} | {cells[0]} | {cells[1]} |")
            print(lines[-1], flush=True)
    results = Path(__file__).resolve().parent / "results"
    results.mkdir(exist_ok=True)
    (results / "gain.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 30.0)
