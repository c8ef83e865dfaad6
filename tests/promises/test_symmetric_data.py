"""No data set defeats the proof: on cubes, grids and mirrored rows training ends CERTIFIED, with a certificate that was accepted."""

from __future__ import annotations

import pytest
from symmetric import stated, trained

from certify.problem.objective import Bias, Loss
from certify.verdict import Decision

NONE, PENALIZED, FREE = Bias.NONE, Bias.PENALIZED, Bias.FREE


@pytest.mark.parametrize("share", [2, 100, 10000])
@pytest.mark.parametrize("task", ["parity", "and", "or", "majority"])
@pytest.mark.parametrize("corners", ["cube2", "cube3", "signs3"])
def test_logical_functions_with_free_biases_are_certified(corners: str, task: str, share: int) -> None:
    """XOR, AND, OR and majority on the corners of a cube, both biases free: what is tried first is proved to 1e-6."""
    name = f"{corners} {task}"
    goal = stated(name, Loss.HALF_SQUARED, FREE, FREE, share)
    verdict = trained(name, goal).verdict
    assert verdict.decision is Decision.CERTIFIED, verdict.explanation
    assert verdict.certificate is not None


@pytest.mark.parametrize("share", [10, 1000])
@pytest.mark.parametrize("loss", Loss)
@pytest.mark.parametrize(
    "name", ["signs3 and", "signs4 majority", "centred grid 5x5 drawn", "opposite, real", "opposite, whole"]
)
def test_opposite_rows_without_hidden_bias_are_certified(name: str, loss: Loss, share: int) -> None:
    """x and -x, one raising the gain and one lowering it, meet on the hyperplane where the optimum's neurons lie."""
    verdict = trained(name, stated(name, loss, NONE, PENALIZED, share)).verdict
    assert verdict.decision is Decision.CERTIFIED, verdict.explanation
    assert verdict.certificate is not None
