"""What lies beside the weights: records, names and data are left out with a note, normalisers and the unknown are refused."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from command_line import called
from model_layouts import contents, in_out, store
from stored_files import hdf5, npz, random_network, same, torch_state

from certify.errors import UnreadableFile, UnsupportedModel
from certify.files import describe_contents, load_dataset, load_model, parse_map, save_network

NET = random_network()
PLAIN = in_out(NET, ("W1", "b1", "W2", "b2"))
TORCH = torch_state(NET)
HARMLESS = {
    "classes": np.array(["low", "high"]),
    "class_names": np.array(["low", "high"], dtype=object),
    "feature_names": np.array([b"a", b"b", b"c"]),
    "val_acc": np.array(0.97),
    "step": np.array(1000),
    "loss_history": np.full(500, np.nan),
    "history/val_loss": np.ones((500, 2)),
    "trainLosses": np.ones(7),
    "best_epoch": np.array([3]),
    "run/epoch": np.array(3),
    "learning_rate": np.array(1e-3),
    "weight_decay": np.array([0.1, 0.1]),
    "hidden_size": np.array(5),
    "layer_sizes": np.array([3, 5, 1]),
    "random_state": np.array(0),
    "saved_on": np.array("2026-11-26", dtype="M8[D]"),
    "comment": np.array("a first try"),
    "X": np.ones((4, 3)),
    "y_train": np.ones(4),
    "sample_weight": np.ones(4),
    "val_idx": np.arange(3),
}
NORMALISERS = (
    "x_mean",
    "X_std",
    "scaler.mean",
    "scaler/scale_",
    "xmean",
    "mu",
    "input_min",
    "y_scale",
    "featureOffsets",
    "normalizer/variance",
)
UNKNOWN = (
    "temperature",
    "slope",
    "skip",
    "W3_",
    "W1_best",
    "alpha",
    "embedding",
    "dropout_rate",
    "dropout/rate",
    "gate",
    "m_W1",
)


@pytest.mark.parametrize("key", HARMLESS)
def test_what_is_no_part_of_the_network_is_left_out_with_a_note(tmp_path: Path, key: str) -> None:
    """Among plain and PyTorch names alike, the network is read, and the note names what was not."""
    for arrays in (PLAIN, TORCH):
        model = load_model(npz(tmp_path / "m.npz", **arrays, **{key: HARMLESS[key]}))
        assert same(model.network, NET)
        assert [note for note in model.notes if repr(key) in note]


def test_texts_and_records_in_hdf5(tmp_path: Path) -> None:
    """The same of HDF5, where texts have a type of their own."""
    beside = {
        "classes": np.array([b"low", b"high"]),
        "log/loss": np.ones(9),
        "net/comment": np.array("x", dtype=object),
    }
    model = load_model(hdf5(tmp_path / "m.h5", {f"net/{k}": v for k, v in PLAIN.items()} | beside))
    assert same(model.network, NET)
    assert all(repr(key) in model.notes[-1] for key in beside)


@pytest.mark.parametrize("key", NORMALISERS)
def test_normalisers_are_refused_with_the_reason_and_the_way_out(tmp_path: Path, key: str) -> None:
    """The weights alone are another function than the one that was trained: the refusal says so, and what reads them."""
    for arrays in (PLAIN, TORCH):
        for values in (np.ones(3), np.array(1.0), np.array("standard")):
            path = npz(tmp_path / "m.npz", **arrays, **{key: values})
            with pytest.raises(UnsupportedModel, match="looks like a normaliser.*transformed data") as refusal:
                load_model(path)
            typed = re.search('--map "(.*?)"', str(refusal.value))
            assert typed is not None
            assert same(load_model(path, parse_map([typed[1]])).network, NET)


@pytest.mark.parametrize("key", UNKNOWN)
def test_what_may_be_a_part_of_the_function_is_refused_with_the_way_out(tmp_path: Path, key: str) -> None:
    """An array of unknown role is never passed over; the option that does is written out."""
    path = npz(tmp_path / "m.npz", **PLAIN, **{key: np.ones((3, 1))})
    with pytest.raises(UnsupportedModel, match=f"the role of '{key}' is unknown") as refusal:
        load_model(path)
    typed = re.search('--map "(.*?)"', str(refusal.value))
    assert typed is not None
    assert same(load_model(path, parse_map([typed[1]])).network, NET)


def test_an_array_of_unknown_role_is_never_a_bias(tmp_path: Path) -> None:
    """Where both weights have their names, shapes alone make no bias of another array: here its length is that of one."""
    weights = {"W1": np.ones((1, 5)), "b1": np.ones(5), "W2": np.ones((5, 1))}
    for key, words in (("temperature", "unknown"), ("x_mean", "normaliser")):
        with pytest.raises(UnsupportedModel, match=words):
            load_model(npz(tmp_path / "m.npz", **weights, **{key: np.ones(1)}))


def test_what_names_do_not_settle_is_not_read_beside_data(tmp_path: Path) -> None:
    """Data and weights of unknown names in one file cannot be told apart."""
    unknown = in_out(NET, ("p", "q", "r", "s"))
    with pytest.raises(UnsupportedModel, match="look like data"):
        load_model(npz(tmp_path / "m.npz", **unknown, X=np.ones((4, 3)), y=np.ones(4)))
    assert same(load_model(npz(tmp_path / "m.npz", **unknown, classes=np.array(["a", "b"]))).network, NET)


@pytest.mark.parametrize("values", [np.array(["x"], dtype=object), np.ones(5, complex), np.array(["x"])])
def test_a_parameter_of_another_type_is_not_left_out(tmp_path: Path, values: np.ndarray) -> None:
    """The name of a bias is the name of a bias, whatever is stored there."""
    with pytest.raises(UnreadableFile, match="'b1'"):
        load_model(npz(tmp_path / "m.npz", **(PLAIN | {"b1": values})))


def test_an_object_of_unknown_name_is_refused(tmp_path: Path) -> None:
    """What would have to be unpickled may be anything."""
    with pytest.raises(UnreadableFile, match="unpickled"):
        load_model(npz(tmp_path / "m.npz", **PLAIN, params=np.array([{"a": 1}])))


def test_model_and_data_in_one_file(tmp_path: Path) -> None:
    """Each reader finds its part, `inspect` shows both, and `check` takes the file twice."""
    rng = np.random.default_rng(0)
    path = npz(tmp_path / "one.npz", **PLAIN, X=rng.normal(size=(8, 3)), y=rng.normal(size=8))
    assert same(load_model(path, inputs=3).network, NET)
    assert load_dataset(path).dataset.samples == 8
    assert [each.kind for each in describe_contents(path)] == ["data", "model"]
    assert [each.kind for each in describe_contents(npz(tmp_path / "d.npz", X=np.ones((4, 3)), y=np.ones(4)))] == [
        "data"
    ]
    outcome = called("check", path, path, "--convention", "keras", "--weight-decay", "0.1", "--time-limit", "5")
    assert outcome.returncode == 1
    assert outcome.stdout.startswith(b"REFUTED")
    assert b"note: not read, being no part of the network: 'X', 'y'" in outcome.stderr


def test_names_and_classes_go_along_and_records_do_not(tmp_path: Path) -> None:
    """What is written like a model keeps what other weights do not change, in the file's order."""
    keys = ("classes", "val_acc", "loss_history", "feature_names", "X")
    beside = {key: HARMLESS[key] for key in keys}
    model = load_model(npz(tmp_path / "m.npz", **beside, **PLAIN, labels=np.array([0, 1])))
    network = random_network(m=3, seed=1)
    save_network(network, tmp_path / "n.npz", model)
    written = contents(tmp_path / "n.npz")
    assert list(written) == ["classes", "feature_names", "W1", "b1", "W2", "b2"]
    assert written["classes"].tolist() == ["low", "high"]
    assert same(load_model(tmp_path / "n.npz").network, network)


def test_the_same_of_hdf5(tmp_path: Path) -> None:
    """Texts at the root and in the weights' group go along; records and data do not."""
    texts = {"classes": np.array([b"low", b"high"]), "net/units": np.array("mm", dtype=object)}
    other = {"net/val_loss": np.ones(4), "loss": np.ones(4), "X": np.ones((4, 3)), "y": np.ones(4)}
    plain = {f"net/{key}": values for key, values in PLAIN.items()}
    model = load_model(hdf5(tmp_path / "m.h5", plain | texts | other))
    network = random_network(m=3, seed=1)
    save_network(network, tmp_path / "n.h5", model)
    assert set(contents(tmp_path / "n.h5")) == {*plain, *texts}
    assert contents(tmp_path / "n.h5")["classes"].tolist() == [b"low", b"high"]
    assert same(load_model(tmp_path / "n.h5").network, network)


def test_a_file_in_which_nothing_is_a_parameter(tmp_path: Path) -> None:
    """Texts alone make no network."""
    for arrays in ({"classes": np.array(["a"])}, {"loss": np.ones(3), "step": np.array(1)}):
        with pytest.raises(UnsupportedModel, match="no array of the file may be a weight"):
            load_model(npz(tmp_path / "m.npz", **arrays))


def test_one_layout_with_everything_beside_it(tmp_path: Path) -> None:
    """All that is harmless at once."""
    arrays = contents(store(tmp_path, "Haiku", NET))
    assert same(load_model(npz(tmp_path / "all.npz", **arrays, **HARMLESS)).network, NET)
