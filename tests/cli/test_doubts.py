"""Cautions where the weights contradict the objective: on stderr and in JSON, and never a part of the answer."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from command_line import ROOT, called, certify
from stored_files import dense, keras, l2, npz
from trained import broadcast, noisy_curve, start, trained

from certify.problem.dataset import Dataset
from certify.problem.network import Network
from certify.problem.objective import Bias, Loss, Objective, Reduction
from certify.problem.other_activations import OTHERS

FIXTURES = ROOT / "fixtures"
WIDE = (FIXTURES / "iris_torch_wide.npz", FIXTURES / "iris.npz")
PAIR = (FIXTURES / "iris_pair_sklearn_wide.npz", FIXTURES / "iris_pair.npz")
LIMIT = ("--time-limit", 40)
FREE = Objective(Loss.SQUARED, Reduction.MEAN, 0.02, 0.02, Bias.FREE, Bias.FREE)


def iris(reduction: str = "sum", decay: float = 15, penalize: str = "all") -> tuple[object, ...]:
    return ("--loss", "half-squared", "--reduction", reduction, "--weight-decay", decay, "--penalize", penalize)


def cautions(stderr: bytes) -> list[str]:
    """The cautions on stderr, without their mark."""
    lines = stderr.decode().splitlines()
    return [line.removeprefix("certify: caution: ") for line in lines if line.startswith("certify: caution: ")]


def stored(folder: Path, net: Network, data: Dataset) -> tuple[Path, Path]:
    """Both as npz, with PyTorch's names."""
    parts = {"fc1.weight": net.hidden_weights, "fc2.weight": net.output_weights.T, "fc1.bias": net.hidden_bias}
    parts["fc2.bias"] = net.output_bias
    return npz(folder / "m.npz", **parts), npz(folder / "d.npz", X=data.X, y=data.y[:, 0])


@pytest.mark.parametrize(
    ("options", "words", "remedy"),
    [
        (iris(decay=0.15), "weight decay 15 with penalised biases, not 0.15;", "--weight-decay 15 --penalize all"),
        (iris(decay=1500), "weight decay 15 with penalised biases, not 1500;", "--weight-decay 15 --penalize all"),
        (
            iris("mean"),
            "the sum over the samples, weight decay 15 with penalised biases",
            "--reduction sum --weight-decay 15 --penalize all",
        ),
        (iris(penalize="weights"), "weight decay 15 with penalised biases, not free biases;", "--penalize all"),
    ],
)
def test_a_wrong_statement_is_met_with_what_the_weights_look_like(
    options: tuple[object, ...], words: str, remedy: str
) -> None:
    """REFUTED, and a caution that names the truth, what contradicts it, and the options that state it."""
    answer = called("check", *WIDE, *options, *LIMIT)
    assert answer.returncode == 1
    told = cautions(answer.stderr)
    assert told[0].startswith(f"these weights look like {words}")
    assert told[0].endswith(remedy)
    assert b"caution" not in answer.stdout


def test_the_remedy_is_certified() -> None:
    """The options that the caution names certify the network."""
    answer = called("check", *WIDE, *iris("mean"), *LIMIT, "--format", "json")
    caution = json.loads(answer.stdout)["cautions"][0]
    assert caution["kind"] == "implied-decay"
    assert caution["residual"] < 1e-3
    assert caution["stated_residual"] > 0.9
    again = called("check", *WIDE, *caution["options"].split())
    assert again.returncode == 0
    assert cautions(again.stderr) == []


def test_a_caution_is_no_part_of_the_answer() -> None:
    """In a process of its own: one line a caution, nothing of it on stdout, and with -q nothing at all on stderr."""
    loud, quiet = (certify("check", *WIDE, *iris(decay=0.15), *LIMIT, *more) for more in ((), ("-q",)))
    assert quiet.stderr == b""
    assert len(cautions(loud.stderr)) == 2
    assert loud.returncode == quiet.returncode == 1
    assert loud.stdout.splitlines()[0] == quiet.stdout.splitlines()[0]


def test_a_logistic_network_under_the_squared_loss() -> None:
    """The loss is named, and the negative decay and the large decrease each ask whether this was trained."""
    options = ("--loss", "squared", "--reduction", "mean", "--weight-decay", 0.064, "--penalize", "weights")
    answer = called("check", *PAIR, *options, *LIMIT, "--format", "json")
    told = json.loads(answer.stdout)["cautions"]
    assert [caution["kind"] for caution in told] == ["implied-decay", "negative-decay", "large-decrease"]
    assert told[0]["loss"] == "logistic"
    assert told[1]["implied_decay"] < 0
    assert told[2]["decrease"] > 0.5
    assert all("what the network was trained on?" in caution["message"] for caution in told[1:])


def test_the_right_statement_brings_none() -> None:
    """Certified, refuted or too narrow: no caution, and an empty list in JSON."""
    for name in ("wide", "one_sign", "early"):
        answer = called("check", FIXTURES / f"iris_torch_{name}.npz", WIDE[1], *iris(), *LIMIT, "--format", "json")
        assert cautions(answer.stderr) == json.loads(answer.stdout)["cautions"] == []


def test_an_untrained_network_is_asked_about(tmp_path: Path) -> None:
    """Nothing that it looks like, but a question where a better network takes more than half of F away."""
    net, data = start(noisy_curve(), FREE, 5, 0, scale=3.0), noisy_curve()
    options = ("--convention", "keras", "--weight-decay", 0.02)
    answer = called("check", *stored(tmp_path, net, data), *options, *LIMIT, "--format", "json")
    told = json.loads(answer.stdout)["cautions"]
    assert "large-decrease" in [caution["kind"] for caution in told]
    assert not any("look like" in caution["message"] for caution in told)


def test_a_tanh_network_is_named(tmp_path: Path) -> None:
    """Its weights alone say that it was not trained with ReLU."""
    data = noisy_curve(n=100)
    net = trained(data, FREE, steps=1500, curve=OTHERS["tanh"])
    answer = called("check", *stored(tmp_path, net, data), "--convention", "keras", "--weight-decay", 0.02, *LIMIT)
    assert cautions(answer.stderr)[0].startswith("these weights look like a tanh network, not like one with ReLU")


def test_broadcasting_is_named(tmp_path: Path) -> None:
    """Predictions (n, 1) against targets (n,): the network predicts the mean."""
    data = noisy_curve()
    net = trained(broadcast(data), FREE, steps=600)
    answer = called("check", *stored(tmp_path, net, data), "--convention", "keras", "--weight-decay", 0.02, *LIMIT)
    assert any(
        "PyTorch's broadcasting of predictions (n, 1) against targets (n,)" in told for told in cautions(answer.stderr)
    )


def in_keras(path: Path, net: Network, decay: float) -> Path:
    """A Keras file that states this decay, mse and reduction `sum`."""
    layers = [
        dense(name, units, way, kernel_regularizer=l2(decay / 2))
        for name, units, way in (("first", net.width, "relu"), ("last", 1, "linear"))
    ]
    loss = {"class_name": "MeanSquaredError", "module": "keras.losses", "config": {"reduction": "sum"}}
    return keras(path, net, layers, {"loss": loss})


@pytest.mark.parametrize(("batch", "words"), [(16, "batches of 16"), (32, "batches of 32"), (None, None)])
def test_keras_sums_within_each_batch(batch: int | None, words: str | None, tmp_path: Path) -> None:
    """The number of batches multiplies the decay of the file; the weights tell it, and full-batch training is left in peace."""
    data = noisy_curve(n=100)
    goal = Objective(Loss.SQUARED, Reduction.SUM, 0.5, 0.5, Bias.FREE, Bias.FREE)
    model = in_keras(tmp_path / "m.h5", trained(data, goal, 6, steps=2500, batch=batch), 0.5)
    samples = npz(tmp_path / "d.npz", X=data.X, y=data.y[:, 0])
    for answer in (called("check", model, samples, *LIMIT), called("inspect", model, samples)):
        told = cautions(answer.stderr)
        assert [caution for caution in told if "batches" in caution] == ([told[0]] if words else [])
        assert words is None or told[0].startswith(f"these weights look like {words}: ")
    if batch is not None:
        caution = json.loads(called("check", model, samples, *LIMIT, "--format", "json").stdout)["cautions"][0]
        assert caution["batch_size"] == batch
        assert caution["factor"] == pytest.approx(-(-100 // batch), rel=0.1)


def test_keras_sums_where_the_weights_tell_nothing(tmp_path: Path) -> None:
    """Far from stationary, the rule is given with its usual batch size; other decays on the command line end it."""
    data = noisy_curve(n=100)
    model = in_keras(tmp_path / "m.h5", start(data, FREE, 4, 1), 0.5)
    samples = npz(tmp_path / "d.npz", X=data.X, y=data.y[:, 0])
    told = cautions(called("check", model, samples, *LIMIT).stderr)
    assert "n/b times the file's decay" in told[0]
    assert "for the usual 32 and n = 100, 4 times: --weight-decay 2" in told[0]
    assert not any("n/b" in t for t in cautions(called("check", model, samples, "--weight-decay", 2, *LIMIT).stderr))


def test_inspect_shows_what_decay_the_weights_imply() -> None:
    """Without any statement: the fits, best first, and the options to type; at most 80 columns."""
    text = called("inspect", *WIDE).stdout.decode()
    table = text[text.index("both together") :].splitlines()
    assert all(len(line) <= 80 for line in text.splitlines())
    assert table[2].split() == ["0.014", "%", "half-squared", "15", "0.1", "hidden", "penalized"]
    assert "    --loss half-squared --reduction sum --weight-decay 15 --penalize all" in table
    shown = json.loads(called("inspect", *WIDE[::-1], "--format", "json").stdout)
    best = shown["implied"][0]
    assert (best["loss"], best["reduction"], best["hidden_bias"], best["plausible"]) == (
        "half-squared",
        "sum",
        "penalized",
        True,
    )
    assert best["hidden_decay"] == pytest.approx(15, rel=1e-3)
    residuals = [row["residual"] for row in shown["implied"]]
    assert residuals == sorted(residuals)
    assert {row["loss"] for row in shown["implied"]} == {"half-squared", "squared"}


def test_inspect_guesses_nothing_far_from_stationary() -> None:
    """No options are named, and it says why."""
    early = (FIXTURES / "iris_pair_sklearn_early.npz", PAIR[1])
    assert b"none of them is near enough to stationary" in called("inspect", *early).stdout
    rows = json.loads(called("inspect", *early, "--format", "json").stdout)["implied"]
    assert {row["loss"] for row in rows} == {"half-squared", "squared", "logistic"}
    assert all(row["options"] is None for row in rows)


def test_inspect_of_files_that_do_not_belong_together() -> None:
    """Both are described, a note says why there is no decay, and the exit code is 0."""
    answer = called("inspect", WIDE[0], FIXTURES / "diabetes.npz", "--y", "nothing")
    assert answer.returncode == 2
    data = FIXTURES / "petal.npz"
    answer = called("inspect", WIDE[0], data)
    assert answer.returncode == 0
    assert b"no implied decay is shown" in answer.stderr
    assert np.load(data)["X"].shape[1] != 4
