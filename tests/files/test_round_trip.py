"""What is written is read: in every layout, of any width, with the keys and shapes that the model's own program would write."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from model_layouts import HDF5_LAYOUTS, NPZ_LAYOUTS, contents, store, typed_map
from stored_files import npz, random_network, same

from certify.errors import AmbiguousFile, UnreadableFile
from certify.files import StoredModel, load_model, parse_map, save_network
from certify.problem.network import Network

SIZES = tuple((d, m) for d in (1, 2, 3) for m in (1, 2, 3, 5))
WIDE = 6


def read_as(path: Path, network: Network) -> StoredModel:
    """The model in a file, with one of the options that its refusal names where it is refused as ambiguous."""
    typed = typed_map(path, network)
    model = load_model(path, parse_map(typed[1:]) or None, network.inputs)
    assert same(model.network, network)
    return model


def written_like(folder: Path, layout: str, d: int, m: int, biases: bool, model_width: int = WIDE) -> None:
    """A network of m neurons, written like a model of `model_width`, comes back bit for bit, stored as that layout stores it."""
    (folder / "given").mkdir(exist_ok=True)
    given = random_network(d, model_width, biases=biases, seed=1)
    model = read_as(store(folder / "given", layout, given), given)
    network = random_network(d, m, biases=biases, seed=2)
    path = folder / model.path.name
    save_network(network, path, model)
    for inputs in (d, None):
        again = load_model(path, inputs=inputs)
        assert same(again.network, network)
        assert again.format == model.format or model.format.startswith("mapped")
        assert [(r.role, r.key) for r in again.reading] == [(r.role, r.key) for r in model.reading]
    (folder / "own").mkdir(exist_ok=True)
    found, expected = contents(path), contents(store(folder / "own", layout, network))
    assert list(found) == list(expected)
    for key, values in expected.items() if model_width > 1 else ():
        assert found[key].shape == values.shape
        assert np.array_equal(found[key], values)


@pytest.mark.parametrize("biases", [True, False])
@pytest.mark.parametrize("layout", NPZ_LAYOUTS)
def test_every_npz_layout_of_any_size(tmp_path: Path, layout: str, biases: bool) -> None:
    """m = d, m = 1, d = 1 and all else: the same numbers, keys, order and shapes as the layout's own program writes."""
    for d, m in SIZES:
        written_like(tmp_path, layout, d, m, biases)


@pytest.mark.slow
@pytest.mark.parametrize("biases", [True, False])
@pytest.mark.parametrize("layout", HDF5_LAYOUTS)
def test_every_hdf5_layout_of_any_size(tmp_path: Path, layout: str, biases: bool) -> None:
    """The same of HDF5."""
    for d, m in ((1, 1), (2, 2), (3, 1), (1, 3)):
        written_like(tmp_path, layout, d, m, biases)


@pytest.mark.parametrize("layout", ["Keras weights", "columns in HDF5"])
def test_hdf5_where_as_many_neurons_as_inputs_are_left(tmp_path: Path, layout: str) -> None:
    """The sizes at which HDF5 layouts leave two readings: one neuron of one input, and m = d."""
    for size in (1, 2):
        written_like(tmp_path, layout, size, size, biases=True)


@pytest.mark.parametrize("layout", [name for name in NPZ_LAYOUTS if name != "torch in reverse"])
def test_a_model_of_one_neuron_serves_for_wider_networks(tmp_path: Path, layout: str) -> None:
    """Shapes that one neuron leaves open are written in one way or another, under the same keys, and read back."""
    for d, m in SIZES:
        written_like(tmp_path, layout, d, m, biases=True, model_width=1)


@pytest.mark.parametrize("name", ["W1", "b1", "W2", "b2"])
def test_a_statement_is_for_the_file_that_it_is_in(tmp_path: Path, name: str) -> None:
    """Arrays saved again by another program carry no statement, and arrays of other shapes contradict it."""
    network = random_network(3, 3, seed=1)
    save_network(network, tmp_path / "n.npz", load_model(store(tmp_path, "rows", random_network(3, 5))))
    arrays = contents(tmp_path / "n.npz")
    with pytest.raises(AmbiguousFile):
        load_model(npz(tmp_path / "saved_again.npz", **arrays))
    comment = zipfile.ZipFile(tmp_path / "n.npz").comment
    with zipfile.ZipFile(npz(tmp_path / "other.npz", **(arrays | {name: np.ones((3, 7))})), "a") as archive:
        archive.comment = comment
    with pytest.raises(UnreadableFile, match="do not chain"):
        load_model(tmp_path / "other.npz")


ROLES = '"hidden.weight": "W1", "hidden.bias": "b1", "output.weight": "W2", "output.bias": "b2"'


def stated(orders: str, roles: str = ROLES) -> str:
    """A statement in JSON."""
    return "{" + roles + ", " + orders + "}"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not JSON"),
        ("{" * 100_000, "not a short text"),
        ("[" * 50_000, "not JSON"),
        ("[]", "not a JSON object"),
        ("{}", "missing entry 'hidden.weight'"),
        (f"{{{ROLES}}}", "missing entry 'hidden.order'"),
        (
            stated('"hidden.order": "in-out", "output.order": "up"'),
            "output.order is 'up'; expected in-out or out-in",
        ),
        (stated('"hidden.order": "in-out", "output.order": 1'), "not a JSON object of texts"),
        (stated('"hidden.order": {"a": "b"}, "output.order": "in-out"'), "not a JSON object of texts"),
        (stated('"hidden.order": "in-out", "hidden.order": "out-in", "output.order": "in-out"'), "twice"),
        (stated('"hidden.order": "in-out", "output.order": "in-out", "a\\u0007": ""'), "unknown entry 'a"),
        (stated('"hidden.order": "in-out", "output.order": "out-in"'), "do not chain"),
        (stated('"hidden.order": "in-out", "output.order": "in-out"', ROLES.replace("b2", "b1")), "two roles"),
        (stated('"hidden.order": "in-out", "output.order": "in-out"', ROLES.replace("W2", "../W2")), "not an array"),
        (stated('"hidden.order": "in-out", "output.order": "in-out"', ROLES.replace("W2", "\\ud800")), "not an array"),
    ],
)
def test_nonsense_in_place_of_a_layout_is_one_line(tmp_path: Path, text: str, words: str) -> None:
    """A statement that is not a layout of the file's arrays refuses the file, which --map still reads."""
    path = store(tmp_path, "rows", random_network(3, 3))
    with zipfile.ZipFile(path, "a") as archive:
        archive.comment = b"certify/layout=" + text.encode()[:65_000]
    with pytest.raises(UnreadableFile, match=words) as refusal:
        load_model(path)
    assert str(refusal.value).isprintable()
    mapping = parse_map(["hidden.weight=W1:T output.weight=W2 hidden.bias=b1 output.bias=b2"])
    assert same(load_model(path, mapping).network, random_network(3, 3))


@pytest.mark.parametrize("value", [7, [1.5, 2.5], "{}", b"\xff\xfe", ["a", "b"], np.zeros((2, 2))])
def test_nonsense_in_an_attribute_is_one_line(tmp_path: Path, value: object) -> None:
    """The same of HDF5, whatever the attribute's type."""
    path = store(tmp_path, "columns in HDF5", random_network(2, 5))
    with h5py.File(path, "r+") as file:
        file.attrs["certify/layout"] = value
    with pytest.raises(UnreadableFile, match="certify/layout in this file") as refusal:
        load_model(path)
    assert str(refusal.value).isprintable()


def test_keras_says_more_than_a_statement(tmp_path: Path) -> None:
    """A statement cannot turn the layers of a Keras file round."""
    path = store(tmp_path, "Keras model", random_network(2, 2))
    keys = {"hidden": "model_weights/first/first/kernel:0", "output": "model_weights/last/last/kernel:0"}
    text = json.dumps({f"{k}.weight": v for k, v in keys.items()} | {f"{k}.order": "in-out" for k in keys})
    with h5py.File(path, "r+") as file:
        file.attrs["certify/layout"] = text
    with pytest.raises(UnreadableFile, match="contradicts"):
        load_model(path)


def test_a_comment_of_somebody_else_is_none_of_ours(tmp_path: Path) -> None:
    """Any other comment of an archive is ignored."""
    path = store(tmp_path, "rows", random_network(3, 5))
    with zipfile.ZipFile(path, "a") as archive:
        archive.comment = b"\xff made by hand; certify/layout={"
    assert same(load_model(path).network, random_network(3, 5))


def test_a_file_that_cannot_be_read_back_is_not_put_in_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is read back under its temporary name; where that fails, nothing is left."""
    model = load_model(store(tmp_path, "rows", random_network(3, 5)))
    monkeypatch.setattr("certify.files.writer.comment_of", lambda text: b"")
    (tmp_path / "out").mkdir()
    with pytest.raises(UnreadableFile, match="could not be read back"):
        save_network(random_network(3, 3), tmp_path / "out" / "n.npz", model)
    assert list((tmp_path / "out").iterdir()) == []
