"""An oracle's networks as the files that a user would have, and the options that state its objective."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from oracles import ORACLES, Oracle

from certify.problem.network import Network
from certify.problem.objective import Bias


def write_files(oracle: Oracle, network: Network, folder: Path) -> list[str]:
    """Write model and data, and return the arguments that state the oracle's objective."""
    arrays = {"fc1.weight": network.hidden_weights, "fc2.weight": network.output_weights.T}
    biases = {"fc1.bias": network.hidden_bias, "fc2.bias": network.output_bias}
    np.savez(folder / "model.npz", **arrays, **{key: bias for key, bias in biases.items() if bias is not None})
    np.savez(folder / "data.npz", X=oracle.dataset.X, y=oracle.dataset.y[:, 0])
    goal = oracle.objective
    free = Bias.FREE in (goal.hidden_bias, goal.output_bias)
    stated = ["--loss", goal.loss, "--reduction", goal.reduction, "--weight-decay", repr(goal.hidden_decay)]
    return [str(folder / "model.npz"), str(folder / "data.npz"), *stated, "--penalize", "weights" if free else "all"]


def known_files(oracle: str, name: str, folder: Path) -> tuple[list[str], list[str]]:
    """Model and data of one of an oracle's networks, by name, and the options."""
    problem = ORACLES[oracle]
    net = next(k for k in problem.networks if k.name == name).network
    model, data, *stated = write_files(problem, net, folder)
    return [model, data], stated
