"""What can be decided so far: less than what can be stated, evaluated and bounded (certify/problem)."""

from __future__ import annotations

from certify.errors import UnsupportedModel
from certify.problem.dataset import Dataset
from certify.problem.network import Network
from certify.problem.objective import Objective
from certify.problem.training import TrainingProblem, training_problem


def decidable_problem(network: Network, dataset: Dataset, objective: Objective) -> TrainingProblem:
    """The training problem, where the convex program and the certificate of one are known: with one output.

    Raises UnsupportedModel, InputError, ObjectiveError.
    """
    if network.outputs != 1 or dataset.outputs != 1:
        found = f"the network has {network.outputs} outputs and the data {dataset.outputs}"
        raise UnsupportedModel(f"one output is supported: {found}")
    return training_problem(network, dataset, objective)
