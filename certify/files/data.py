"""Data files: which arrays are the samples and which the targets."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from certify.errors import AmbiguousFile, UnreadableFile, UsageError
from certify.files.container import Container, first_index, read_float64
from certify.files.opening import open_container
from certify.files.text import listing, path_name, printable, shape_text
from certify.problem.dataset import Dataset, canonical_sha256

PAIRS = (
    ("X", "y"),
    ("x", "y"),
    ("X", "Y"),
    ("X_train", "y_train"),
    ("x_train", "y_train"),
    ("features", "targets"),
    ("features", "labels"),
    ("inputs", "targets"),
    ("data", "target"),
)
WEIGHT_KEY = "sample_weight"


@dataclass(frozen=True, slots=True, eq=False)
class StoredDataset:
    """A training set as its file stores it. dtypes: (key, dtype) of every array in use.

    canonical_sha256 is over X, y, sample_weight (certify/dataset.py).
    """

    path: Path
    dataset: Dataset
    x_key: str
    y_key: str
    weight_key: str | None
    dtypes: tuple[tuple[str, str], ...]
    format: str
    file_sha256: str
    canonical_sha256: str
    notes: tuple[str, ...]


def load_dataset(path: Path, x_key: str | None = None, y_key: str | None = None) -> StoredDataset:
    """Read X (n, d), y (n, k) and an optional sample_weight (n,) from npz or HDF5 (docs/formats.md, section 2).

    y of shape (n,) becomes (n, 1). Raises UnreadableFile, AmbiguousFile or UsageError, each with one line.
    """
    path = Path(path)
    with open_container(path) as container:
        keys = (*choose_keys(container, x_key, y_key), WEIGHT_KEY if WEIGHT_KEY in container.arrays else None)
        samples, notes = as_samples(container, keys[0])
        targets = as_targets(container, keys[1], samples.shape[0])
        weights = as_weights(container, keys[2], samples.shape[0])
        return StoredDataset(
            path=path,
            dataset=Dataset(samples, targets, weights),
            x_key=keys[0],
            y_key=keys[1],
            weight_key=keys[2],
            dtypes=tuple((key, container.arrays[key].dtype) for key in keys if key is not None),
            format=container.kind,
            file_sha256=container.sha256,
            canonical_sha256=canonical_sha256(samples, targets, weights),
            notes=notes,
        )


def choose_keys(container: Container, x_key: str | None, y_key: str | None) -> tuple[str, str]:
    """The keys of X and y: as given by --x and --y, else the one known pair of names that the file holds."""
    where = path_name(container.path)
    for option, key in (("--x", x_key), ("--y", y_key)):
        if key is not None and key.strip("/") not in container.arrays:
            held = listing(sorted(container.arrays))
            raise UsageError(f"{where}: {option} {printable(key)}: no such array; the file holds {held}")
    x_key, y_key = (key.strip("/") if key is not None else None for key in (x_key, y_key))
    pairs = [
        pair
        for pair in known_pairs(container)
        if (x_key is None or pair[0] == x_key) and (y_key is None or pair[1] == y_key)
    ]
    if x_key is not None and y_key is not None:
        pairs = [(x_key, y_key)]
    elif not pairs:
        pairs = half_given(container, x_key, y_key)
    if len(pairs) != 1:
        found = f"several pairs ({', '.join(map('/'.join, pairs))})" if pairs else "no X and y"
        error = AmbiguousFile if pairs else UnreadableFile
        held = listing(sorted(container.arrays))
        raise error(f"{where}: {found} among {held}; name them: --x KEY --y KEY")
    return pairs[0]


def known_pairs(container: Container) -> list[tuple[str, str]]:
    """The pairs of names that people use and that the file holds."""
    return [pair for pair in PAIRS if pair[0] in container.arrays and pair[1] in container.arrays]


def half_given(container: Container, x_key: str | None, y_key: str | None) -> list[tuple[str, str]]:
    """One key given, the other under any of the usual names."""
    if x_key is not None:
        usual = dict.fromkeys(y for _, y in PAIRS)
        return [(x_key, y) for y in usual if y in container.arrays and y != x_key]
    if y_key is not None:
        usual = dict.fromkeys(x for x, _ in PAIRS)
        return [(x, y_key) for x in usual if x in container.arrays and x != y_key]
    return []


def as_samples(container: Container, key: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """X as (n, d); a vector is n samples of one input."""
    shape = container.arrays[key].shape
    if len(shape) not in (1, 2):
        where = f"{path_name(container.path)}: {printable(key)!r}"
        raise UnreadableFile(f"{where} has shape {shape_text(shape)}; expected (n, d): flatten every sample to a row")
    samples = read_float64(container, key)
    if samples.ndim == 2:
        return samples, ()
    note = f"{printable(key)} is a vector: read as {samples.size} samples of one input"
    return samples.reshape(-1, 1), (note,)


def as_targets(container: Container, key: str, n: int) -> np.ndarray:
    """y as (n, k)."""
    shape = container.arrays[key].shape
    if len(shape) not in (1, 2) or shape[0] != n:
        where = f"{path_name(container.path)}: {printable(key)!r}"
        raise UnreadableFile(
            f"{where} has shape {shape_text(shape)}; expected ({n},) or ({n}, k), a row for each of {n} samples"
        )
    return read_float64(container, key).reshape(n, -1)


def as_weights(container: Container, key: str | None, n: int) -> np.ndarray | None:
    """Sample weights (n,): nonnegative, and not all zero."""
    if key is None:
        return None
    where, shape = f"{path_name(container.path)}: {printable(key)!r}", container.arrays[key].shape
    if shape not in ((n,), (n, 1)):
        raise UnreadableFile(f"{where} has shape {shape_text(shape)}; expected ({n},)")
    weights = read_float64(container, key).reshape(n)
    if not np.all(weights >= 0):
        index = first_index(~(weights >= 0))
        raise UnreadableFile(f"{where} holds {weights[index]} at index {index}; sample weights must not be negative")
    if not np.any(weights > 0):
        raise UnreadableFile(f"{where} is zero for every sample; there is nothing to fit")
    return weights
