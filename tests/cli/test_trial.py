"""What a stranger tries on the whole command: his own files in, and what was said held against plain arithmetic."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from exact import OF_SIGNS
from oracles import objective_value

from certify.cli.app import run
from certify.cli.inputs import THREAD_VARIABLES
from certify.problem.dataset import Dataset
from certify.problem.network import Network
from certify.problem.objective import Bias, Loss, Objective, Reduction

pytestmark = pytest.mark.slow  # together: `make test-fast` leaves them out

DECAY = 0.3
ARRAYS = ("fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory, and an environment that is put back afterwards."""
    monkeypatch.chdir(tmp_path)
    for variable in THREAD_VARIABLES:
        monkeypatch.setenv(variable, "1")
    return tmp_path


def write(scale: float = 1.0, loss: Loss = Loss.HALF_SQUARED) -> Dataset:
    """Random files model.npz (4 neurons, both biases) and data.npz (12 x 2, weighted samples); the data set is returned."""
    rng = np.random.default_rng(20)
    shapes = ((4, 2), (4,), (1, 4), (1,))
    np.savez("model.npz", **{k: scale * rng.standard_normal(s) for k, s in zip(ARRAYS, shapes, strict=True)})
    X, y = rng.standard_normal((12, 2)), rng.standard_normal(12)
    y = np.sign(y) if loss in OF_SIGNS else y
    weight = rng.uniform(0.5, 2.0, 12)
    np.savez("data.npz", X=X, y=y, sample_weight=weight)
    return Dataset(X, y[:, None], weight)


def stored(path: str) -> Network:
    """The network of a file with PyTorch's names."""
    with np.load(path) as arrays:
        hidden, bias, output, constant = (arrays[key] for key in ARRAYS)
    return Network(hidden, output.T.copy(), bias, constant)


def report(
    capsys: pytest.CaptureFixture[str], model: str, *options: str, loss: Loss = Loss.HALF_SQUARED,
    reduction: Reduction = Reduction.SUM, penalize: str = "all",
) -> tuple[int, dict, str]:  # fmt: skip
    """Exit code, JSON and stderr of one check."""
    goal = ("--loss", loss, "--reduction", reduction, "--penalize", penalize, "--weight-decay", str(DECAY))
    code = run(["check", model, "data.npz", *goal, "--format", "json", *options])
    captured = capsys.readouterr()
    return code, json.loads(captured.out), captured.err


@pytest.mark.parametrize(
    ("loss", "reduction", "penalize"),
    [
        (Loss.HALF_SQUARED, Reduction.SUM, "all"),
        (Loss.SQUARED, Reduction.MEAN, "weights"),
        (Loss.LOGISTIC, Reduction.SUM, "weights"),
        (Loss.HINGE, Reduction.MEAN, "all"),
    ],
)
def test_written_witness_has_the_value_that_was_said(
    loss: Loss, reduction: Reduction, penalize: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file of --witness, checked in turn, has bit for bit the value reported for it, and plain arithmetic agrees."""
    data = write(loss=loss)
    goal = {"loss": loss, "reduction": reduction, "penalize": penalize}
    code, first, _ = report(capsys, "model.npz", "--witness", "better.npz", **goal)
    assert (code, first["witness"]["file"]) == (1, "better.npz")
    _, second, _ = report(capsys, "better.npz", **goal)
    assert second["value"] == first["witness"]["value"]
    bias = Bias.PENALIZED if penalize == "all" else Bias.FREE
    objective = Objective(loss, reduction, DECAY, DECAY, bias, bias)
    assert objective_value(stored("better.npz"), data, objective) == pytest.approx(second["value"], rel=1e-13)
    assert objective_value(stored("model.npz"), data, objective) == pytest.approx(first["value"], rel=1e-13)


def test_threads_change_no_answer(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One thread or two: the same verdict, bounds and better network."""
    write()
    one, two = (report(capsys, "model.npz", "--threads", count)[1] for count in ("1", "2"))
    for key in ("verdict", "value", "optimum", "gain", "stationarity", "witness"):
        assert one[key] == two[key]


def test_overflow_is_named_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A network whose objective overflows is inconclusive for numerical reasons, without a warning beside the report."""
    write(scale=1e160)
    code, said, stderr = report(capsys, "model.npz")
    assert (code, said["verdict"], said["reason"], stderr) == (4, "inconclusive", "numerics", "")
    assert "overflows" in said["explanation"]
