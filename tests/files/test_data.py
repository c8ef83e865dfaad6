"""Data files: which arrays are X and y, converted exactly, or one line that says what is wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from stored_files import SAMPLES, hdf5, npz

from certify.errors import AmbiguousFile, InputError, UnreadableFile, UsageError
from certify.files import load_dataset
from certify.problem.dataset import canonical_sha256

X = np.arange(12.0).reshape(4, 3)
Y = np.array([1.0, 0.0, 2.0, 3.0])


def test_the_sample_is_read_exactly() -> None:
    """float32 data arrive as the same numbers in float64."""
    stored = load_dataset(SAMPLES / "data_keras.npz")
    with np.load(SAMPLES / "data_keras.npz") as file:
        assert np.array_equal(stored.dataset.X, file["X"].astype(float))
    assert stored.dataset.X.dtype == np.float64
    assert stored.dtypes == (("X", "<f4"), ("y", "<f4"))


@pytest.mark.parametrize(
    "names", [("X", "y"), ("x", "y"), ("x_train", "y_train"), ("features", "targets"), ("data", "target")]
)
def test_usual_names_in_both_containers(tmp_path: Path, names: tuple[str, str]) -> None:
    """The usual pairs of names need no option, and the container does not change the hash."""
    arrays = dict(zip(names, (X, Y), strict=True))
    stored = load_dataset(npz(tmp_path / "d.npz", **arrays))
    assert (stored.x_key, stored.y_key) == names
    assert stored.dataset.y.shape == (4, 1)
    assert stored.canonical_sha256 == canonical_sha256(X, Y.reshape(4, 1), None)
    assert load_dataset(hdf5(tmp_path / "d.h5", arrays)).canonical_sha256 == stored.canonical_sha256


def test_two_pairs_are_ambiguous_until_options_choose(tmp_path: Path) -> None:
    """X/y beside x_train/y_train is refused; --x and --y, or one of them, settle it."""
    path = npz(tmp_path / "d.npz", X=X, y=Y, x_train=2 * X, y_train=Y)
    with pytest.raises(AmbiguousFile, match="--x KEY --y KEY"):
        load_dataset(path)
    assert load_dataset(path, x_key="x_train").y_key == "y_train"
    assert load_dataset(path, "x_train", "y").dataset.X[3, 2] == 22.0


def test_unusual_names_need_options(tmp_path: Path) -> None:
    """Names outside the list are named by --x and --y, in HDF5 by their path."""
    path = hdf5(tmp_path / "d.h5", {"train/inputs": X, "train/t": Y})
    with pytest.raises(UnreadableFile, match="no X and y among 'train/inputs', 'train/t'"):
        load_dataset(path)
    assert load_dataset(path, "/train/inputs", "train/t").dataset.samples == 4
    with pytest.raises(UsageError, match="--y nope: no such array"):
        load_dataset(path, "train/inputs", "nope")


@pytest.mark.parametrize("shape", [(4,), (4, 1), (2, 2), (4, 2)])
def test_target_shapes(tmp_path: Path, shape: tuple[int, ...]) -> None:
    """(n,) and (n, 1) are one output, (n, k) is kept, other lengths are refused."""
    path = npz(tmp_path / "d.npz", X=X, y=np.ones(shape))
    if shape[0] != 4:
        with pytest.raises(UnreadableFile, match=r"expected \(4,\) or \(4, k\)"):
            load_dataset(path)
    else:
        assert load_dataset(path).dataset.y.shape == (4, int(np.prod(shape)) // 4)


def test_one_input_may_be_a_vector(tmp_path: Path) -> None:
    """X of shape (n,) is n samples of one input, and it is said."""
    stored = load_dataset(npz(tmp_path / "d.npz", X=Y, y=Y))
    assert stored.dataset.X.shape == (4, 1)
    assert "4 samples of one input" in stored.notes[0]


@pytest.mark.parametrize("dtype", ["<f2", ">f2", ">f4", ">f8", "|b1", "|u1", ">i4", "<i8", ">u8"])
def test_number_types_convert_exactly(tmp_path: Path, dtype: str) -> None:
    """Every plain number type arrives as the same value."""
    values = X.astype(dtype)
    assert np.array_equal(load_dataset(npz(tmp_path / "d.npz", X=values, y=Y)).dataset.X, values.astype(float))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.where(X == 7, np.nan, X), r"nan at index \(2, 1\)"),
        (np.where(X == 7, -np.inf, X), r"-inf at index \(2, 1\)"),
        (X.astype(complex), "<c16"),
        (X.astype(np.longdouble), "f16|f12|g"),
        (X.astype("U3"), "U3"),
        (X.astype("datetime64[s]"), "M8"),
        (np.array([[1, 2], [3, 2**53 + 1]]), r"beyond 2\^53 at index \(1, 1\)"),
        (np.array([[1, -(2**63)]]), r"beyond 2\^53 at index \(0, 1\)"),
        (np.array([[2**64 - 1]], dtype=np.uint64), r"beyond 2\^53 at index \(0, 0\)"),
        (np.zeros((0, 3)), r"empty: its shape is \(0, 3\)"),
        (np.zeros((4, 0)), "empty"),
        (np.zeros((4, 3, 2)), "flatten"),
        (np.array(3.0), r"shape \(\)"),
        (np.array([{"a": 1}]), "unpickled"),
        (np.zeros(4, dtype=[("a", "f8")]), "dtype"),
    ],
)
def test_values_that_cannot_be_used(tmp_path: Path, values: np.ndarray, words: str) -> None:
    """NaN, infinities, other types and empty arrays are refused with key and first offending index."""
    with pytest.raises(UnreadableFile, match=f"'X'.*({words})"):
        load_dataset(npz(tmp_path / "d.npz", X=values, y=Y))


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        (np.array([1, 1, -0.5, 1]), r"-0.5 at index \(2,\)"),
        (np.zeros(4), "zero for every sample"),
        (np.ones(3), r"expected \(4,\)"),
        (np.array([1, np.nan, 1, 1]), r"nan at index \(1,\)"),
    ],
)
def test_sample_weights_are_checked(tmp_path: Path, weights: np.ndarray, words: str) -> None:
    """Weights that are negative, all zero, of the wrong length or not finite are refused."""
    with pytest.raises(UnreadableFile, match=words):
        load_dataset(npz(tmp_path / "d.npz", X=X, y=Y, sample_weight=weights))


def test_sample_weights_are_part_of_the_data(tmp_path: Path) -> None:
    """Weights are read and hashed."""
    stored = load_dataset(npz(tmp_path / "d.npz", X=X, y=Y, sample_weight=Y.reshape(4, 1)))
    assert np.array_equal(stored.dataset.sample_weight, Y)
    assert stored.canonical_sha256 == canonical_sha256(X, Y.reshape(4, 1), Y)


def test_strings_beside_the_data_do_not_matter(tmp_path: Path) -> None:
    """Arrays that are not used may be of any type."""
    arrays = {"X": X, "y": Y, "names": np.array([b"a", b"b"])}
    assert load_dataset(hdf5(tmp_path / "d.h5", arrays)).dataset.samples == 4
    assert load_dataset(npz(tmp_path / "d.npz", **arrays)).dataset.samples == 4


def test_a_model_is_not_data() -> None:
    """Giving the model twice is one clear line."""
    with pytest.raises(InputError, match="no X and y"):
        load_dataset(SAMPLES / "torch_fc.npz")
