"""What cannot be decided yet is refused in one line, whichever way it is asked."""

from __future__ import annotations

import numpy as np
import pytest
from oracles import objective

from certify.decide.check import check_network
from certify.decide.descend import descend_network
from certify.decide.solve import solve_dataset
from certify.errors import UnsupportedModel
from certify.problem.dataset import Dataset
from certify.problem.network import Network

WIDE = Network(np.ones((1, 1)), np.ones((1, 2)))
DATA = Dataset(np.ones((3, 1)), np.ones((3, 2)))


@pytest.mark.parametrize(
    ("network", "dataset", "found"),
    [
        (WIDE, DATA, "the network has 2 outputs and the data 2"),
        (WIDE, Dataset(np.ones((3, 1)), np.ones((3, 1))), "the network has 2 outputs and the data 1"),
    ],
)
def test_several_outputs_are_refused(network: Network, dataset: Dataset, found: str) -> None:
    """The message counts both sides' outputs."""
    for decide in (check_network, descend_network):
        with pytest.raises(UnsupportedModel, match=f"one output is supported: {found}"):
            decide(network, dataset, objective(0.1))


def test_several_targets_cannot_be_trained_for() -> None:
    """A data set of two targets has no solution of one output."""
    with pytest.raises(UnsupportedModel, match="one output is supported"):
        solve_dataset(DATA, objective(0.1))
