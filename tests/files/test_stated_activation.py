"""An activation that is stated beside plain arrays is honoured or refused, never passed over."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
from command_line import called, only_line
from stored_files import hdf5, npz, random_network, same, torch_state

from certify.errors import ObjectiveError, UnsupportedModel
from certify.files import load_model, resolve_objective, stated_by_options
from certify.files.stated_activation import canonical
from certify.problem.objective import Loss

NET = random_network()
ARRAYS = torch_state(NET)
RELU = (
    "relu",
    "ReLU",
    "ReLU()",
    "nn.ReLU(inplace=True)",
    "torch.nn.functional.relu",
    "tf.nn.relu",
    "<function relu at 0x7f>",
    "rectifier",
)
OTHERS = (
    "tanh",
    "Tanh()",
    "logistic",
    "sigmoid",
    "gelu",
    "LeakyReLU(0.01)",
    "leaky_relu",
    "ReLU6",
    "ReLU(max_value=6)",
    "identity",
    "None",
    "relu2",
)
KEYS = (
    "activation",
    "hidden_activation",
    "act",
    "act_fn",
    "hidden_act",
    "activation_function",
    "activationFn",
    "nonlinearity",
    "Activations",
    "config/activation",
)


@pytest.mark.parametrize("words", RELU)
def test_relu_in_other_words(words: str, tmp_path: Path) -> None:
    """However ReLU is written, the network is read, and the statement is not taken for an array of it."""
    assert canonical(words) in ("relu", "rectifier")
    assert same(load_model(npz(tmp_path / "m.npz", **ARRAYS, activation=np.array(words))).network, NET)


@pytest.mark.parametrize("words", OTHERS)
def test_any_other_activation_is_refused(words: str, tmp_path: Path) -> None:
    """The message names key, words, what is supported, and the option that overrides it."""
    path = npz(tmp_path / "m.npz", **ARRAYS, activation=np.array(words))
    with pytest.raises(UnsupportedModel) as refusal:
        load_model(path)
    said = str(refusal.value)
    assert "'activation'" in said
    assert repr(words) in said
    assert "supported: relu (--activation relu overrides it)" in said


VALUES = [np.array("tanh"), np.array(["tanh"]), np.array(b"tanh"), np.array(["tanh", "identity"])]


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("values", VALUES)
def test_under_any_usual_name_and_type(key: str, values: np.ndarray, tmp_path: Path) -> None:
    """A text, bytes, or a list with the output's activation last."""
    with pytest.raises(UnsupportedModel, match="tanh"):
        load_model(npz(tmp_path / "m.npz", **ARRAYS, **{key: values}))


@pytest.mark.parametrize("values", VALUES)
def test_in_hdf5(values: np.ndarray, tmp_path: Path) -> None:
    """As a dataset, of fixed or variable length, or as an attribute."""
    with h5py.File(hdf5(tmp_path / "m.h5", ARRAYS), "a") as file:
        kept = values if values.dtype.kind == "S" else values.astype(h5py.string_dtype())
        file["net/hidden_activation"] = kept
    with pytest.raises(UnsupportedModel, match="net/hidden_activation.*tanh"):
        load_model(tmp_path / "m.h5")
    plain = values.ravel().tolist()
    with pytest.raises(UnsupportedModel, match="tanh"):
        load_model(hdf5(tmp_path / "a.h5", ARRAYS, activation=plain[0] if len(plain) == 1 else plain))


def test_what_cannot_be_an_activation_is_refused_under_its_name(tmp_path: Path) -> None:
    """A number, a text without end, a hundred of them: nobody can say that these are ReLU."""
    for values in (np.array("tanh" * 20_000), np.array(["tanh"] * 100)):
        with pytest.raises(UnsupportedModel, match="'activation' states"):
            load_model(npz(tmp_path / "m.npz", **ARRAYS, activation=values))
    for value in (2, "tanh" * 12_000, ["tanh"] * 100):
        with pytest.raises(UnsupportedModel, match="'activation' states"):
            load_model(hdf5(tmp_path / "m.h5", ARRAYS, activation=value))


def test_of_an_array_or_a_group(tmp_path: Path) -> None:
    """An attribute of a dataset or of a group counts like one of the root."""
    with h5py.File(hdf5(tmp_path / "m.h5", {f"net/{k}": v for k, v in ARRAYS.items()}), "a") as file:
        file["net"].attrs["activation"] = "relu"
        file["net/fc1.weight"].attrs["activation"] = "tanh"
    with pytest.raises(UnsupportedModel, match=r"fc1\.weight/activation.*tanh"):
        load_model(tmp_path / "m.h5")


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"model": {"width": 5, "activation": "tanh"}}),
        str({"hidden_act": "tanh"}),
        "lr=0.1, activation=tanh",
        "activation: tanh\nlr: 0.1",
    ],
)
def test_inside_a_configuration(text: str, tmp_path: Path) -> None:
    """JSON, a printed dictionary or key = value, in an array or an attribute of any name."""
    with pytest.raises(UnsupportedModel, match="tanh"):
        load_model(npz(tmp_path / "m.npz", **ARRAYS, metadata=np.array(text)))
    with pytest.raises(UnsupportedModel, match="tanh"):
        load_model(hdf5(tmp_path / "m.h5", ARRAYS, metadata=text))


def test_relu_with_a_linear_output(tmp_path: Path) -> None:
    """A list of one activation a layer is read layer by layer."""
    path = npz(tmp_path / "m.npz", **ARRAYS, activations=np.array(["relu", "linear"]))
    assert same(load_model(path).network, NET)
    with pytest.raises(UnsupportedModel, match="output activation 'relu'"):
        load_model(npz(tmp_path / "n.npz", **ARRAYS, activations=np.array(["relu", "relu"])))


def test_a_sigmoid_output_belongs_to_the_logistic_loss(tmp_path: Path) -> None:
    """As in a Keras file: any other loss is refused."""
    model = load_model(npz(tmp_path / "m.npz", **ARRAYS, out_activation=np.array("logistic")))
    stated = stated_by_options("logistic", "mean", 0.1, "all")
    assert resolve_objective(model.network, None, model.stated, stated)[0].loss is Loss.LOGISTIC
    with pytest.raises(ObjectiveError, match="--loss logistic"):
        resolve_objective(model.network, None, model.stated, stated_by_options("squared", "mean", 0.1, "all"))


@pytest.mark.parametrize("name", ["activation_energy", "actions", "reactivation_date", "exact"])
def test_other_names_state_nothing(name: str, tmp_path: Path) -> None:
    """A text under a name that only looks alike is no activation."""
    path = hdf5(tmp_path / "m.h5", ARRAYS, **{name: "tanh"})
    assert same(load_model(path).network, NET)


def test_the_option_overrides_and_says_so(tmp_path: Path) -> None:
    """--activation relu reads the file, with a note; any other word is refused in one line."""
    path = npz(tmp_path / "m.npz", **ARRAYS, activation=np.array("tanh"))
    assert any("overrides 'tanh'" in note for note in load_model(path, activation="relu").notes)
    shown = called("inspect", path, "--activation", "relu")
    assert shown.returncode == 0
    assert b"overrides 'tanh'" in shown.stdout
    refused = called("inspect", path)
    assert refused.returncode == 2
    assert "'tanh'" in only_line(refused.stderr)
    other = called("inspect", path, "--activation", "tanh")
    assert other.returncode == 2
    assert "relu" in only_line(other.stderr)
