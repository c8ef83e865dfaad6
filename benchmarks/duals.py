"""Dual vectors of optimal networks: what the gain is asked for in practice, and harder than a random vector.

Half-squared loss, summed: F = sum (f_i - y_i)^2 / 2 + beta sum |u||a|. A loss 1/(2n) sum with decay B is beta = n B.
"""

from __future__ import annotations

import time

import numpy as np

from certify.convex.blocks import blocks_of
from certify.convex.generation import ColumnGeneration
from certify.gain.engine import Question, bound_gain
from certify.gain.question import GainBound, GainProblem, Limits
from certify.problem.dataset import Dataset
from certify.problem.network import Network
from certify.problem.objective import Bias, Loss, Objective, Reduction
from certify.problem.training import TrainingProblem, training_problem

_TOLERANCE = 1e-6  # of the dual vector: M(nu) <= beta (1 + this), where the engine can tell in time
_PROOF_SECONDS = 5.0  # of the processor: what else the machine does must not change an instance
_TRAINING_SECONDS = 120.0
_PROOFS = 4


def stated(rows: np.ndarray, y: np.ndarray, beta: float) -> TrainingProblem:
    """The training problem on rows (n, D) as they are: a column of ones is a penalised bias already."""
    objective = Objective(Loss.HALF_SQUARED, Reduction.SUM, beta, beta, Bias.NONE, Bias.NONE)
    bare = Network(np.zeros((1, rows.shape[1])), np.zeros((1, 1)))
    return training_problem(bare, Dataset(rows, y[:, None]), objective)


def largest_useful_decay(rows: np.ndarray, y: np.ndarray) -> float:
    """M(y): from there on the zero network is optimal. The gain of the best direction found, 1 % of proof at most."""
    return _first_bound(rows, y).lower


def _first_bound(rows: np.ndarray, y: np.ndarray) -> GainBound:
    limits = _limits(_PROOF_SECONDS)
    return bound_gain(GainProblem(rows, y), Question(tolerance=1e-2), limits)


def optimal(rows: np.ndarray, y: np.ndarray, beta: float) -> ColumnGeneration:
    """Column generation to the optimum: by ascents while they find violators, then by the engine while it does."""
    problem = stated(rows, y, beta)
    seeds = _first_bound(rows, y).witnesses[:8]
    directions, signs = np.array([v.direction for v in seeds]), np.array([v.sign for v in seeds])
    generation = ColumnGeneration(problem, blocks_of(problem, directions, signs))
    generation.run(_TOLERANCE, _limits(_TRAINING_SECONDS))
    for _ in range(_PROOFS):
        threshold = beta * (1 + _TOLERANCE)
        question = Question(threshold, _TOLERANCE, threshold)
        limits = _limits(_PROOF_SECONDS)
        bound = bound_gain(generation.gain_problem, question, limits, generation.directions)
        if not generation.add([v for v in bound.witnesses if v.gain > threshold]):
            break
        generation.run(_TOLERANCE, _limits(_TRAINING_SECONDS))
    return generation


def optimal_dual(rows: np.ndarray, y: np.ndarray, beta: float) -> GainProblem:
    """The gain of the optimal network's dual vector."""
    return optimal(rows, y, beta).gain_problem


def _limits(seconds: float) -> Limits:
    end = time.process_time() + seconds
    return Limits(cancelled=lambda: time.process_time() >= end)
