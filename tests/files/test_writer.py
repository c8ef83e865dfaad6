"""The writer: what it writes is read back as exactly the same network, in the format of the model it came from."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
from stored_files import READABLE_MODELS, SAMPLES, npz, random_network, same

from certify.errors import UnreadableFile, UsageError
from certify.files import load_model, parse_map, save_network
from certify.problem.network import padded


@pytest.mark.parametrize("name", READABLE_MODELS)
def test_any_width_is_read_back_exactly(tmp_path: Path, name: str) -> None:
    """Narrower and wider networks survive the round trip with format, keys and stated objective unchanged."""
    model = load_model(SAMPLES / name)
    for width in (1, 8):
        network = random_network(m=width, k=model.network.outputs, seed=width)
        save_network(network, tmp_path / name, model)
        again = load_model(tmp_path / name)
        assert same(again.network, network)
        assert (again.format, again.stated) == (model.format, model.stated)
        assert [(r.role, r.key) for r in again.reading] == [(r.role, r.key) for r in model.reading]


@pytest.mark.parametrize("name", READABLE_MODELS)
def test_a_network_without_neurons_is_written_with_one_that_is_zero(tmp_path: Path, name: str) -> None:
    """The best network may have none, and no reader takes such a file."""
    model = load_model(SAMPLES / name)
    network = random_network(m=0, k=model.network.outputs)
    save_network(network, tmp_path / name, model)
    assert same(load_model(tmp_path / name).network, padded(network, 1))


@pytest.mark.parametrize("output", [(5,), (1, 5), (5, 1)])
def test_vectors_stay_vectors(tmp_path: Path, output: tuple[int, ...]) -> None:
    """An output stored as vector, row or column is written as such, and the keys are the same."""
    model = load_model(npz(tmp_path / "m.npz", W=np.ones((5, 3)), alpha=np.ones(output)))
    save_network(random_network(m=2, biases=False), tmp_path / "n.npz", model)
    with np.load(tmp_path / "n.npz") as file:
        assert sorted(file.files) == ["W", "alpha"]
        assert file["alpha"].ndim == len(output)
    assert load_model(tmp_path / "n.npz").network.width == 2


def test_a_mapped_model_is_written_under_the_same_map(tmp_path: Path) -> None:
    """A square W1 that needed --map is written in the orientation that the map stated."""
    mapping = parse_map(["hidden.weight=A:T", "output.weight=B"])
    model = load_model(npz(tmp_path / "m.npz", A=np.eye(3) + 1, B=np.ones(3)), mapping)
    network = random_network(m=3, biases=False)
    save_network(network, tmp_path / "n.npz", model)
    assert same(load_model(tmp_path / "n.npz", mapping).network, network)


def test_keras_files_keep_their_configuration_and_lose_optimizer_state(tmp_path: Path) -> None:
    """units follows the width, other settings stay, the optimizer's arrays go."""
    model = load_model(SAMPLES / "keras2.h5")
    save_network(random_network(m=7), tmp_path / "n.h5", model)
    with h5py.File(SAMPLES / "keras2.h5") as before, h5py.File(tmp_path / "n.h5") as after:
        old, new = (json.loads(file.attrs["model_config"])["config"]["layers"] for file in (before, after))
        assert new[1]["config"].pop("units") == 7
        old[1]["config"].pop("units")
        assert old == new
        assert after.attrs["training_config"] == before.attrs["training_config"]
        assert list(after["model_weights"].attrs["layer_names"]) == list(before["model_weights"].attrs["layer_names"])
        assert "optimizer_weights" not in after
        assert after["model_weights/dense/dense/kernel:0"].dtype == np.float64


def test_the_model_itself_may_be_replaced(tmp_path: Path) -> None:
    """Writing over the source is safe, and leaves no temporary file behind."""
    path = tmp_path / "m.h5"
    path.write_bytes((SAMPLES / "keras3_legacy.h5").read_bytes())
    network = random_network(m=2)
    save_network(network, path, load_model(path))
    assert same(load_model(path).network, network)
    assert list(tmp_path.iterdir()) == [path]


def test_failures_leave_nothing_behind(tmp_path: Path) -> None:
    """A missing folder, a changed source and other biases are refused, and no file appears."""
    path = tmp_path / "m.h5"
    path.write_bytes((SAMPLES / "torch_fc.h5").read_bytes())
    model = load_model(path)
    with pytest.raises(UsageError, match="cannot be written"):
        save_network(random_network(), tmp_path / "nowhere" / "n.h5", model)
    with pytest.raises(ValueError, match="biases"):
        save_network(random_network(biases=False), tmp_path / "n.h5", model)
    path.write_bytes((SAMPLES / "keras2.h5").read_bytes())
    with pytest.raises(UnreadableFile, match="changed since"):
        save_network(random_network(), tmp_path / "n.h5", model)
    assert list(tmp_path.iterdir()) == [path]
