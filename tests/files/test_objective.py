"""The objective: options, else the file, else the convention; nothing is ever guessed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from stored_files import hdf5, keras, l2, npz, random_network, torch_state, two_layers

from certify.errors import InputError, ObjectiveError, UnreadableFile, UsageError
from certify.files import StatedObjective, load_model, resolve_objective, stated_by_options
from certify.problem.dataset import Dataset
from certify.problem.objective import Bias, Loss, Objective, Reduction

NET, BARE = random_network(), random_network(biases=False)
SILENT = StatedObjective()


def test_all_that_is_missing_is_listed_at_once() -> None:
    """One message names every option that is still needed, and --penalize only where there is a bias."""
    with pytest.raises(
        ObjectiveError, match=r"missing: --loss, --reduction, --weight-decay, --penalize weights\|all \("
    ):
        resolve_objective(NET, None, SILENT, SILENT)
    with pytest.raises(ObjectiveError, match=r"missing: --loss, --weight-decay \("):
        resolve_objective(BARE, None, SILENT, stated_by_options(reduction="sum"))


@pytest.mark.parametrize(
    ("convention", "expected"),
    [
        ("keras", (Loss.SQUARED, Reduction.MEAN, Bias.FREE)),
        ("torch", (Loss.SQUARED, Reduction.MEAN, Bias.PENALIZED)),
        ("sklearn", (Loss.HALF_SQUARED, Reduction.MEAN, Bias.FREE)),
    ],
)
def test_conventions_set_all_but_the_decay(convention: str, expected: tuple) -> None:
    """A convention fixes loss, reduction and biases; --weight-decay stays beta itself."""
    objective, notes = resolve_objective(NET, None, SILENT, stated_by_options(weight_decay=0.5), convention)
    loss, reduction, bias = expected
    assert objective == Objective(loss, reduction, 0.5, 0.5, bias, bias)
    assert notes == ()
    with pytest.raises(ObjectiveError, match=r"missing: --weight-decay \("):
        resolve_objective(NET, None, SILENT, SILENT, convention)


def test_options_win_over_convention_and_file() -> None:
    """What is overridden is said in a note."""
    file = StatedObjective(Loss.SQUARED, hidden_decay=0.1, output_decay=0.1, sources=(("loss", "training_config"),))
    options = stated_by_options("logistic", "sum", 0.5, "weights")
    objective, notes = resolve_objective(NET, None, file, options, "torch")
    assert objective == Objective(Loss.LOGISTIC, Reduction.SUM, 0.5, 0.5, Bias.FREE, Bias.FREE)
    assert "loss: logistic (the options) overrides squared (training_config)" in notes
    assert "hidden bias: free (the options) overrides penalized (--convention torch)" in notes


def test_the_file_wins_over_the_convention() -> None:
    """`--convention keras` on a file that states another loss keeps the file's."""
    file = StatedObjective(Loss.LOGISTIC, Reduction.MEAN, 0.1, 0.1, Bias.FREE, Bias.FREE)
    objective, notes = resolve_objective(NET, None, file, SILENT, "keras")
    assert objective.loss is Loss.LOGISTIC
    assert len(notes) == 1


def test_without_decay_the_biases_part_makes_no_difference() -> None:
    """Decay 0 is an objective, for which nobody has to say --penalize; who says it is heard."""
    objective, _ = resolve_objective(NET, None, SILENT, stated_by_options("squared", "sum", 0.0))
    assert objective == Objective(Loss.SQUARED, Reduction.SUM, 0.0, 0.0, Bias.FREE, Bias.FREE)
    said, _ = resolve_objective(NET, None, SILENT, stated_by_options("squared", "sum", 0.0, "all"))
    assert said.hidden_bias is said.output_bias is Bias.PENALIZED
    with pytest.raises(ObjectiveError, match="--penalize"):
        resolve_objective(NET, None, SILENT, stated_by_options("squared", "sum", 1e-300))


@pytest.mark.parametrize("value", [-1.0, -5e-324, float("nan"), float("inf")])
def test_the_decay_is_no_less_than_0_and_finite(value: float) -> None:
    """Other values of beta are refused."""
    with pytest.raises(ObjectiveError, match="weight.decay"):
        resolve_objective(BARE, None, SILENT, stated_by_options("squared", "sum", value))


@pytest.mark.parametrize("wrong", [{"loss": "huber"}, {"reduction": "none"}, {"penalize": "biases"}])
def test_words_outside_the_lists_are_refused(wrong: dict[str, str]) -> None:
    """The message lists what is allowed."""
    with pytest.raises(ObjectiveError, match="expected one of"):
        stated_by_options(**wrong)


def test_an_unknown_convention_is_refused() -> None:
    """The message lists the conventions."""
    with pytest.raises(UsageError, match="keras, torch, sklearn"):
        resolve_objective(NET, None, SILENT, SILENT, "jax")


@pytest.mark.parametrize(("y", "index"), [([0, 1, 2], 2), ([1, 0.5, 1], 1), ([-1, 1, 0], 2)])
def test_other_labels_are_refused_with_their_index(y: list[float], index: int) -> None:
    """The first label outside the two classes of the logistic loss is named when the objective is resolved."""
    targets = np.array(y, dtype=float).reshape(-1, 1)
    options = stated_by_options("logistic", "sum", 1.0)
    with pytest.raises(UnreadableFile, match=rf"index \({index}, 0\)"):
        resolve_objective(BARE, Dataset(np.ones((3, 3)), targets), SILENT, options)


def test_a_sidecar_states_the_objective(tmp_path: Path) -> None:
    """certify.toml beside the model is enough for a gate without options."""
    (tmp_path / "certify.toml").write_text('[objective]\nloss = "half-squared"\nreduction = "sum"\nweight-decay = 2\n')
    model = load_model(npz(tmp_path / "m.npz", **torch_state(BARE)))
    objective, _ = resolve_objective(model.network, None, model.stated, SILENT)
    assert objective == Objective(Loss.HALF_SQUARED, Reduction.SUM, 2.0, 2.0, Bias.NONE, Bias.NONE)


@pytest.mark.parametrize(
    "text",
    [
        '[objective]\nlos = "squared"',
        '[objectives]\nloss = "squared"',
        "[objective]\nweight_decay = true",
        "[objective]\nweight_decay = 1\nhidden_decay = 1",
        '[objective]\nactivation = "tanh"',
        'objective = "squared"',
        "[objective",
        "[objective]\nweight_decay = 1\nweight-decay = 2",
    ],
)
def test_mistakes_in_a_sidecar_are_errors(tmp_path: Path, text: str) -> None:
    """An unknown key, a wrong value or broken TOML is refused, naming the sidecar."""
    (tmp_path / "certify.toml").write_text(text)
    with pytest.raises(InputError, match=r"certify\.toml") as caught:
        load_model(npz(tmp_path / "m.npz", **torch_state(BARE)))
    assert "\n" not in str(caught.value)


def test_attributes_win_over_keras_configuration(tmp_path: Path) -> None:
    """certify/* in the h5 is what its author says of it; the options still win."""
    layers = two_layers(use_bias=False, kernel_regularizer=l2(0.01))
    attributes = {"certify/loss": "half-squared", "certify/weight_decay": np.float64(0.5)}
    model = load_model(keras(tmp_path / "m.h5", BARE, layers, {"loss": "mse"}, **attributes))
    objective, _ = resolve_objective(model.network, None, model.stated, stated_by_options(weight_decay=0.25))
    assert objective == Objective(Loss.HALF_SQUARED, Reduction.MEAN, 0.25, 0.25, Bias.NONE, Bias.NONE)


@pytest.mark.parametrize(
    "attribute", [{"certify/lss": "squared"}, {"certify/weight_decay": "much"}, {"certify/loss": 3}]
)
def test_mistakes_in_attributes_are_errors(tmp_path: Path, attribute: dict[str, object]) -> None:
    """An unknown attribute or a value of the wrong kind is refused."""
    with pytest.raises(ObjectiveError, match=r"certify/\*"):
        load_model(hdf5(tmp_path / "m.h5", torch_state(BARE), **attribute))
