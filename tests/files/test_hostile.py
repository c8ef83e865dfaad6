"""Hostile and broken files: each gives one line, fast, in bounded memory, and never another exception."""

from __future__ import annotations

import gzip
import io
import os
import pickle
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from stored_files import SAMPLES, hdf5, keras, npz, random_network, torch_state, two_layers

from certify.errors import InputError, UnreadableFile
from certify.files import load_dataset, load_model

STATE = torch_state(random_network())


def refused(path: Path, words: str, load: Callable = load_model) -> None:
    """The file gives an UnreadableFile of one printable line that names it."""
    with pytest.raises(UnreadableFile, match=words) as caught:
        load(path)
    assert str(caught.value).isprintable()
    assert path.name in str(caught.value)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("torch_fc.pt", "pickle.*np.savez"),
        ("skobj.npz", "unpickled"),
        ("keras3.keras", r"model\.save\('model\.h5'\)"),
        ("torch_fc.safetensors", "safetensors.*np.savez"),
        ("mlp.onnx", "ONNX.*np.savez"),
    ],
)
def test_formats_that_are_not_read_say_how_to_convert(name: str, words: str) -> None:
    """One line names the format and the conversion."""
    refused(SAMPLES / name, words)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (pickle.dumps({"a": 1}), "run code"),
        (pickle.dumps({"a": 1}, protocol=2), "run code"),
        (pickle.dumps({"a": 1}, protocol=0), "run code"),
        (zlib.compress(pickle.dumps([1])), "joblib"),
        (gzip.compress(b"x", mtime=0), "gzip"),
        (b"\x93NUMPY\x01\x00v\x00", "single .npy array"),
        (b"x1,x2,y\n1,2,3\n", "not an npz or HDF5 file"),
        (b"PK\x03\x04" + bytes(40), "truncated or garbled"),
        (b"PK\x05\x06" + bytes(18), "no arrays"),
        (b"\x89HDF\r\n\x1a\n", "truncated or garbled"),
        (b"\x89HDF\r\n\x1a\n" + bytes(4000), "truncated or garbled"),
    ],
)
@pytest.mark.parametrize("suffix", [".npz", ".h5"])
def test_content_decides_not_the_suffix(tmp_path: Path, content: bytes, words: str, suffix: str) -> None:
    """Whatever the file is called, its first bytes say what it is."""
    path = tmp_path / f"file{suffix}"
    path.write_bytes(content)
    refused(path, words)


def test_a_misnamed_file_is_read_all_the_same(tmp_path: Path) -> None:
    """An npz called .h5 and an HDF5 file called .npz are what they are."""
    (tmp_path / "m.h5").write_bytes((SAMPLES / "torch_fc.npz").read_bytes())
    (tmp_path / "m.npz").write_bytes((SAMPLES / "torch_fc.h5").read_bytes())
    assert load_model(tmp_path / "m.h5").canonical_sha256 == load_model(tmp_path / "m.npz").canonical_sha256


def test_what_is_no_regular_file_is_refused_without_waiting(tmp_path: Path) -> None:
    """Missing files, folders, fifos and devices give one line at once."""
    os.mkfifo(tmp_path / "fifo")
    refused(tmp_path / "fifo", "not a regular file")
    refused(tmp_path, "not a regular file")
    refused(tmp_path / "missing.npz", "No such file")
    refused(Path("/dev/zero"), "not a regular file")


def test_names_with_control_characters_stay_on_one_line(tmp_path: Path) -> None:
    """Line breaks and escapes in keys and paths are shown escaped."""
    path = npz(tmp_path / "a\nb\x1b[31m.npz", **{"k\n\x1b": np.array([np.nan, 1.0]), "W2": np.ones((2, 1))})
    with pytest.raises(InputError) as caught:
        load_model(path)
    assert str(caught.value).isprintable()


def archive(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> Path:
    """A zip file of raw members."""
    with zipfile.ZipFile(path, "w", method) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return path


def npy(values: np.ndarray, **header: object) -> bytes:
    """The bytes of a .npy, with parts of its header replaced."""
    stream = io.BytesIO()
    fields = {"descr": values.dtype.str, "fortran_order": False, "shape": values.shape} | header
    np.lib.format.write_array_header_1_0(stream, fields)
    return stream.getvalue() + values.tobytes()


ONES = np.ones((2, 3))


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"W1.npy": npy(ONES, shape=(2, 30))}, "declares 480 bytes but holds 48"),
        ({"W1.npy": npy(ONES, shape=(10**9, 10**9))}, "declares"),
        ({"W1.npy": npy(ONES, shape=(-1, 3))}, "negative|declares"),
        ({"W1.npy": npy(ONES)[:-8]}, "declares 48 bytes but holds 40"),
        ({"W1.npy": b"\x93NUMPY\x09\x00\x00\x00"}, "garbled|version"),
        ({"W1.npy": b"no array"}, "garbled"),
        ({"../W1.npy": npy(ONES)}, "name that is not allowed"),
        ({"/etc/W1.npy": npy(ONES)}, "name that is not allowed"),
        ({"W1.txt": b"1 2 3"}, "not an array"),
    ],
)
def test_members_that_lie_are_refused(tmp_path: Path, members: dict[str, bytes], words: str) -> None:
    """Header, directory and content of each member must agree."""
    refused(archive(tmp_path / "m.npz", members), words)


def test_zip_bombs_are_refused_before_they_expand(tmp_path: Path) -> None:
    """A small member that declares a great deal is refused by its directory entry."""
    bomb = npy(np.zeros(0), shape=(1 << 22,)) + bytes(1 << 25)
    refused(archive(tmp_path / "m.npz", {"W1.npy": bomb}, zipfile.ZIP_DEFLATED), "decompression bomb")


def test_a_directory_that_declares_gigabytes_is_refused(tmp_path: Path) -> None:
    """The cap is on the claim, so nothing has to be there."""
    path = archive(tmp_path / "m.npz", {"W1.npy": npy(ONES)})
    content = bytearray(path.read_bytes())
    entry = content.rindex(b"PK\x01\x02")
    content[entry + 24 : entry + 28] = struct.pack("<I", 3 << 30)
    path.write_bytes(content)
    refused(path, "the limit is 1073741824")


def test_duplicate_and_encrypted_members_are_refused(tmp_path: Path) -> None:
    """Two members of one name, and encryption, are refused."""
    with zipfile.ZipFile(tmp_path / "m.npz", "w") as file:
        file.writestr("W1.npy", npy(ONES))
        with pytest.warns(UserWarning, match="Duplicate"):
            file.writestr("W1.npy", npy(2 * ONES))
    refused(tmp_path / "m.npz", "occurs twice")
    path = archive(tmp_path / "e.npz", {"W1.npy": npy(ONES)})
    content = bytearray(path.read_bytes())
    content[content.rindex(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    refused(path, "encrypted")


def test_crowded_archives_are_refused(tmp_path: Path) -> None:
    """The number of members is bounded before the directory is read."""
    refused(archive(tmp_path / "m.npz", {f"{index}.npy": b"" for index in range(10_001)}), "10001 members")


def test_other_compression_is_refused(tmp_path: Path) -> None:
    """Only what NumPy writes is read."""
    refused(archive(tmp_path / "m.npz", {"W1.npy": npy(ONES)}, zipfile.ZIP_LZMA), "compression method 14")


def soft_link(file: h5py.File) -> None:
    file["fc1.weight"] = h5py.SoftLink("/fc2.weight")


def external_link(file: h5py.File) -> None:
    file["fc1.weight"] = h5py.ExternalLink("other.h5", "/fc1.weight")


def cycle(file: h5py.File) -> None:
    group = file.create_group("fc1.weight")
    group["again"] = group


def two_names(file: h5py.File) -> None:
    file["copy"] = file["fc2.weight"]


def virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout(shape=(5, 3), dtype="f8")
    layout[:] = h5py.VirtualSource("other.h5", "d", shape=(5, 3))
    file.create_virtual_dataset("fc1.weight", layout)


def external_storage(file: h5py.File) -> None:
    file.create_dataset("fc1.weight", (5, 3), "f8", external=[("/etc/passwd", 0, 120)])


def unwritten(file: h5py.File) -> None:
    file.create_dataset("fc1.weight", (5, 100), "f2")


def unwritten_chunks(file: h5py.File) -> None:
    file.create_dataset("fc1.weight", (5, 1 << 24), "f4", chunks=(5, 64))[:, :64] = 1.0


def compressed_bomb(file: h5py.File) -> None:
    file.create_dataset("fc1.weight", data=np.zeros((5, 1 << 20)), compression="gzip")


def over_the_cap(file: h5py.File) -> None:
    file.create_dataset("fc1.weight", (1 << 18, 1 << 18), "f2")


def compound(file: h5py.File) -> None:
    file["fc1.weight"] = np.zeros((5, 3), dtype=[("re", "f8"), ("im", "f8")])


def complex_values(file: h5py.File) -> None:
    file["fc1.weight"] = np.zeros((5, 3), dtype=complex)


def strings(file: h5py.File) -> None:
    file["fc1.weight"] = np.full((5, 3), b"1.0")


def objects(file: h5py.File) -> None:
    file.create_dataset("fc1.weight", (5, 3), h5py.string_dtype())


def references(file: h5py.File) -> None:
    file.create_dataset("fc1.weight", (5, 3), h5py.ref_dtype)


def named_type(file: h5py.File) -> None:
    file["kind"] = np.dtype("f8")


def deep(file: h5py.File) -> None:
    file.create_group("/".join("g" * 200))


def crowded(file: h5py.File) -> None:
    for index in range(10_001):
        file.create_group(f"g{index}")


def not_finite(file: h5py.File) -> None:
    file["fc1.weight"] = np.where(np.arange(15).reshape(5, 3) == 7, np.nan, 1.0)


def empty(file: h5py.File) -> None:
    file["fc1.weight"] = np.zeros((5, 0))


def null_space(file: h5py.File) -> None:
    file["fc1.weight"] = h5py.Empty("f8")


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (soft_link, "soft or external link"),
        (external_link, "soft or external link"),
        (cycle, "linked twice or in a cycle"),
        (two_names, "linked twice"),
        (virtual, "virtual"),
        (external_storage, "external file"),
        (unwritten, "stores no data"),
        (unwritten_chunks, "decompression bomb"),
        (compressed_bomb, "decompression bomb"),
        (over_the_cap, "the limit is 1073741824"),
        (compound, "compound"),
        (complex_values, "<c16"),
        (strings, "S3"),
        (objects, "string"),
        (references, "reference"),
        (named_type, "named datatype"),
        (deep, "levels of groups"),
        (crowded, "more than 10000 objects"),
        (not_finite, r"nan at index \(2, 1\)"),
        (empty, "empty"),
        (null_space, "null|empty"),
    ],
)
def test_hdf5_features_that_do_harm_are_refused(tmp_path: Path, harm: Callable, words: str) -> None:
    """Links, external and virtual storage, bombs, other types and endless structures: one line each."""
    path = tmp_path / "m.h5"
    with h5py.File(path, "w", libver="latest") as file:
        for key, values in STATE.items():
            if key != "fc1.weight":
                file[key] = values
        harm(file)
        if "fc1.weight" not in file and file.get("fc1.weight", getlink=True) is None:
            file["fc1.weight"] = STATE["fc1.weight"]
    refused(path, words)


def test_an_external_link_is_not_followed_even_to_a_good_file(tmp_path: Path) -> None:
    """The target of a link is never opened."""
    hdf5(tmp_path / "other.h5", STATE)
    with h5py.File(tmp_path / "m.h5", "w") as file:
        for key in STATE:
            file[key] = h5py.ExternalLink(str(tmp_path / "other.h5"), key)
    refused(tmp_path / "m.h5", "soft or external link")


def test_deep_json_and_large_attributes_are_refused(tmp_path: Path) -> None:
    """A configuration nested beyond reason, or of many megabytes, is one line."""
    path = keras(tmp_path / "m.h5", random_network(), two_layers())
    with h5py.File(path, "r+") as file:
        file.attrs["model_config"] = "[" * 60_000
    refused(path, "nested too deeply|not valid JSON")
    with h5py.File(tmp_path / "n.h5", "w", libver="latest") as file:
        file.attrs["layer_names"] = np.zeros(1 << 22, dtype="S8")
    refused(tmp_path / "n.h5", "too large")


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("layer_names", ["first", "first"]),
        ("layer_names", ["../first", "last"]),
        ("layer_names", 3),
        ("layer_names", [[1, 2]]),
    ],
)
def test_lying_keras_attributes_are_refused(tmp_path: Path, attribute: str, value: object) -> None:
    """Names that lead nowhere, or are no names, are damage."""
    path = keras(tmp_path / "m.h5", random_network(), two_layers())
    with h5py.File(path, "r+") as file:
        file["model_weights"].attrs[attribute] = value
    refused(path, "layer_names|weight_names")


@pytest.mark.parametrize("name", ["keras2.h5", "torch_fc.npz", "data_keras.npz"])
def test_every_truncation_is_refused(tmp_path: Path, name: str) -> None:
    """A file cut anywhere is refused; none is read as something else."""
    content, path = (SAMPLES / name).read_bytes(), tmp_path / name
    load = load_dataset if name.startswith("data") else load_model
    step = len(content) // (8 if name.endswith("h5") else 200)
    for length in range(0, len(content) - 1, step):
        path.write_bytes(content[:length])
        refused(path, "empty|truncated|garbled|not an npz", load)
