"""No data set defeats the proof: on cubes, grids and mirrored rows training ends CERTIFIED, with a certificate that was accepted."""

from __future__ import annotations

from itertools import product

import pytest
from symmetric import SYMMETRIC, stated, trained

from certify.problem.objective import Bias, Loss, Objective
from certify.verdict import Decision

NONE, PENALIZED, FREE = Bias.NONE, Bias.PENALIZED, Bias.FREE
LOSSES = (Loss.HALF_SQUARED, Loss.SQUARED, Loss.LOGISTIC)
SHARES = (2, 10, 100, 1000, 10000)
COMBINATIONS = list(product(Bias, Bias, LOSSES, SHARES))
STEP = 52  # has no factor in common with the 135 combinations, so that every one has its turn
# the proof takes minutes; what is answered is true, and says how much longer it needs
TOO_LONG = {
    ("grid 3x3x3 parity", FREE, NONE, Loss.HALF_SQUARED, 10),
    ("grid 3x3x3 parity", FREE, FREE, Loss.SQUARED, 1000),
    ("signs5 parity", PENALIZED, NONE, Loss.SQUARED, 100),
}
LARGE = [name for name in SYMMETRIC if name.startswith(("cube5", "signs5", "grid 17x3", "centred grid 17x3"))]


def turn(k: int) -> tuple[Bias, Bias, Loss, int]:
    """The combination of biases, loss and share whose turn it is."""
    return COMBINATIONS[STEP * k % len(COMBINATIONS)]


def assert_certified(name: str, goal: Objective) -> None:
    """Training ends CERTIFIED to 1e-6, and the checker has accepted a certificate of it."""
    verdict = trained(name, goal).verdict
    assert verdict.decision is Decision.CERTIFIED, verdict.explanation
    assert verdict.value.upper - verdict.optimum.lower <= 1e-6 * verdict.value.upper
    assert verdict.certificate is not None


def cases(names: list[str], rounds: range) -> list[pytest.param]:
    """Each data set with another combination in each round."""
    chosen = [(name, *turn(k + len(names) * number)) for number in rounds for k, name in enumerate(names)]
    return [pytest.param(*case, id="-".join(map(str, case))) for case in chosen if case not in TOO_LONG]


SMALL = [name for name in SYMMETRIC if name not in LARGE]


@pytest.mark.parametrize("share", [2, 10000])
@pytest.mark.parametrize("task", ["parity", "and", "or", "majority"])
@pytest.mark.parametrize("corners", ["cube2", "cube3", "signs3"])
def test_logical_functions_with_free_biases_are_certified(corners: str, task: str, share: int) -> None:
    """XOR, AND, OR and majority on the corners of a cube, both biases free: what is tried first is proved to 1e-6."""
    name = f"{corners} {task}"
    assert_certified(name, stated(name, Loss.HALF_SQUARED, FREE, FREE, share))


@pytest.mark.parametrize("name", ["signs3 and", "centred grid 5x5 drawn", "opposite, whole"])
def test_opposite_rows_without_hidden_bias_are_certified(name: str) -> None:
    """x and -x, one raising the gain and one lowering it, meet on the hyperplane where the optimum's neurons lie."""
    assert_certified(name, stated(name, Loss.SQUARED, NONE, PENALIZED, 1000))


@pytest.mark.parametrize(("name", "hidden", "output", "loss", "share"), cases(SMALL, range(1)))
def test_every_small_data_set_is_certified(name: str, hidden: Bias, output: Bias, loss: Loss, share: int) -> None:
    """Cubes, grids, single ones, repeated and opposite rows, each with some biases, loss and decay in turn."""
    assert_certified(name, stated(name, loss, hidden, output, share))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "hidden", "output", "loss", "share"), cases(SMALL, range(1, 3)) + cases(LARGE, range(1))
)
def test_every_data_set_is_certified(name: str, hidden: Bias, output: Bias, loss: Loss, share: int) -> None:
    """The same with more combinations, and with the corners of five dimensions and a grid of 17 x 3 points."""
    assert_certified(name, stated(name, loss, hidden, output, share))
