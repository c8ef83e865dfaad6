"""Dual vectors of optimal networks: what the gain is asked for in practice, and harder than a random vector.

Half-squared loss, summed: F = sum (f_i - y_i)^2 / 2 + beta sum |u||a|. A loss 1/(2n) sum with decay B is beta = n B.
"""

from __future__ import annotations

import numpy as np

from certify.convex.blocks import blocks_of
from certify.convex.generation import ColumnGeneration
from certify.convex.pricing import climbed
from certify.gain.engine import Question, bound_gain
from certify.gain.question import GainBound, GainProblem, Limits, Violator
from certify.problem.dataset import Dataset
from certify.problem.network import Network
from certify.problem.objective import Bias, Loss, Objective, Reduction
from certify.problem.training import TrainingProblem, training_problem

OPTIMAL = 1e-6  # a dual vector is called optimal where no gain above beta (1 + this) is found
_GENERATED = 1e-8  # what column generation aims at, so that OPTIMAL is well within
_LOOKED_AT = 400  # starts a dimension, of other seeds than the generation's, that look for a gain above
_NODES = 10_000  # of the engine's searches; nodes, not seconds: an instance does not depend on the machine
_ROUNDS = 8


class NotOptimal(Exception):
    """A direction of gain above beta (1 + OPTIMAL) was found for a dual vector that should be optimal."""


def stated(rows: np.ndarray, y: np.ndarray, beta: float) -> TrainingProblem:
    """The training problem on rows (n, D) as they are: a column of ones is a penalised bias already."""
    objective = Objective(Loss.HALF_SQUARED, Reduction.SUM, beta, beta, Bias.NONE, Bias.NONE)
    bare = Network(np.zeros((1, rows.shape[1])), np.zeros((1, 1)))
    return training_problem(bare, Dataset(rows, y[:, None]), objective)


def largest_useful_decay(rows: np.ndarray, y: np.ndarray) -> float:
    """M(y): from there on the zero network is optimal. The gain of the best direction found, 1 % of proof at most."""
    return _first_bound(rows, y).lower


def _first_bound(rows: np.ndarray, y: np.ndarray) -> GainBound:
    return bound_gain(GainProblem(rows, y), Question(tolerance=1e-2), Limits(nodes=_NODES))


def optimal(rows: np.ndarray, y: np.ndarray, beta: float) -> ColumnGeneration:
    """Column generation to the optimum: by ascents while they find violators, then by the engine while it does.

    Raises NotOptimal where at the end there is a gain above beta (1 + OPTIMAL) still.
    """
    problem = stated(rows, y, beta)
    seeds = _first_bound(rows, y).witnesses[:8]
    directions, signs = np.array([v.direction for v in seeds]), np.array([v.sign for v in seeds])
    generation = ColumnGeneration(problem, blocks_of(problem, directions, signs))
    generation.run(_GENERATED, Limits())
    for _ in range(_ROUNDS):
        if not generation.add(violators(generation)):
            break
        generation.run(_GENERATED, Limits())
    excess = excess_found(generation)
    if not excess < OPTIMAL:
        raise NotOptimal(f"a direction of gain {excess:.1e} above beta was found")
    return generation


def violators(generation: ColumnGeneration) -> list[Violator]:
    """Directions of gain above beta: what the engine meets, and ascents from starts that the generation has not seen."""
    above = generation.problem.beta * (1 + OPTIMAL / 2)
    question = Question(above, OPTIMAL / 2, above)
    bound = bound_gain(generation.gain_problem, question, Limits(nodes=_NODES), generation.directions)
    met = [v for v in bound.witnesses if v.gain > above]
    return met or _climbed(generation, above)


def excess_found(generation: ColumnGeneration) -> float:
    """The largest gain that is found for the dual vector, over beta, minus 1."""
    beta = generation.problem.beta
    found = _climbed(generation, beta * (1 - 1e-3))
    return found[0].gain / beta - 1 if found else 0.0


def _climbed(generation: ColumnGeneration, above: float) -> list[Violator]:
    rng = np.random.default_rng(1)
    count = _LOOKED_AT * generation.problem.rows.shape[1]
    return climbed(generation.gain_problem, np.array(generation.directions), count, rng, above, Limits())


def optimal_dual(rows: np.ndarray, y: np.ndarray, beta: float) -> GainProblem:
    """The gain of the optimal network's dual vector."""
    return optimal(rows, y, beta).gain_problem
