"""Mutated files: whatever bytes change, the outcome is a network, a data set or one line."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import h5py
import pytest
from stored_files import READABLE_MODELS, SAMPLES

from certify.errors import CertifyError, InputError
from certify.files import load_dataset, load_model
from certify.files.keras_config import parse_architecture
from certify.files.keras_objective import stated_by_keras

pytestmark = pytest.mark.slow  # together: `make test-fast` leaves them out

NPZ = (*(name for name in READABLE_MODELS if name.endswith("npz")), "data_keras.npz", "skobj.npz", "torch_fc.pt")
HDF5 = tuple(name for name in READABLE_MODELS if name.endswith("h5"))
JUNK = (None, True, -1, 1e308, "", "relu", [], {}, [[]], {"class_name": "Dense"}, "x" * 1000)


def mutated(content: bytes, rng: random.Random) -> bytes:
    """A few bytes changed, and now and then the end cut off."""
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        place = rng.randrange(len(changed))
        changed[place] = rng.choice((0, 255, rng.randrange(256), changed[place] ^ (1 << rng.randrange(8))))
    return bytes(changed[: rng.randrange(len(changed))] if rng.random() < 0.1 else changed)


def outcome(load: Callable, path: Path) -> bool:
    """Whether the file was refused; a refusal is one printable line."""
    try:
        load(path)
    except InputError as error:
        assert str(error).isprintable()
        return True
    return False


@pytest.mark.parametrize("name", NPZ)
def test_mutated_npz(tmp_path: Path, name: str) -> None:
    """Hundreds of mutations of each sample end in a result or one line, and nearly all in the line (CRC-32)."""
    rng, content = random.Random(name), (SAMPLES / name).read_bytes()
    load = load_dataset if name.startswith("data") else load_model
    refusals = 0
    for _ in range(400):
        (tmp_path / name).write_bytes(mutated(content, rng))
        refusals += outcome(load, tmp_path / name)
    assert refusals > 300


@pytest.mark.parametrize("name", HDF5)
def test_mutated_hdf5(tmp_path: Path, name: str) -> None:
    """HDF5 has no checksums and its library can crash; here that is one line too."""
    rng, content = random.Random(name), (SAMPLES / name).read_bytes()
    for _ in range(6):
        (tmp_path / name).write_bytes(mutated(content, rng))
        outcome(load_model, tmp_path / name)
    (tmp_path / name).write_bytes(content[: len(content) // 2])
    assert outcome(load_model, tmp_path / name)


def configurations() -> list[tuple[str, str]]:
    """(model_config, training_config) of the samples that have them."""
    found = []
    for name in ("keras2.h5", "keras2_func.h5", "keras3_legacy.h5"):
        with h5py.File(SAMPLES / name) as file:
            found.append((file.attrs["model_config"], file.attrs.get("training_config", '{"loss": "mse"}')))
    return found


def places(value: object) -> list[tuple[object, object]]:
    """Every (container, key) in a JSON value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    own = [(value, key) for key, _ in items]
    return own + [deeper for container, key in own for deeper in places(container[key])]


def with_junk(text: str, rng: random.Random) -> str:
    """The JSON text with one value replaced by junk, or one entry removed."""
    value = json.loads(text)
    container, key = rng.choice(places(value))
    if rng.random() < 0.2:
        del container[key]
    else:
        container[key] = rng.choice(JUNK)
    return json.dumps(value)


def test_mutated_configurations() -> None:
    """Thousands of configurations with one value replaced are read or refused, by our own errors only."""
    rng, refusals, originals = random.Random(7), 0, configurations()
    for _ in range(1000):
        for model, training in originals:
            try:
                stated_by_keras(parse_architecture(with_junk(model, rng)), with_junk(training, rng))
            except CertifyError as error:
                refusals += 1
                assert "\n" not in str(error)
    assert refusals > 300
