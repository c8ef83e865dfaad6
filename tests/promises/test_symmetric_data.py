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
