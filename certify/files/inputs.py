"""Files of new inputs: the samples alone, no targets asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from certify.errors import AmbiguousFile, UnreadableFile, UsageError
from certify.files.container import Container
from certify.files.data import PAIRS, as_samples
from certify.files.opening import open_container
from certify.files.text import listing, path_name, printable


@dataclass(frozen=True, slots=True, eq=False)
class StoredInputs:
    """Inputs X (q, d) as a file stores them, and cautions."""

    path: Path
    X: np.ndarray
    key: str
    format: str
    file_sha256: str
    notes: tuple[str, ...]


def load_inputs(path: Path, inputs: int, x_key: str | None = None) -> StoredInputs:
    """Read X (q, d) with d = inputs: by --x, else under one of the usual names, else the file's only array.

    Raises UnreadableFile, AmbiguousFile or UsageError, each with one line.
    """
    path = Path(path)
    with open_container(path) as container:
        key = _chosen(container, x_key)
        X, notes = as_samples(container, key)
        if X.shape[1] != inputs:
            where = f"{path_name(path)}: {printable(key)!r}"
            raise UnreadableFile(f"{where} has {X.shape[1]} columns; the training data has {inputs}")
        return StoredInputs(path, X, key, container.kind, container.sha256, notes)


def _chosen(container: Container, x_key: str | None) -> str:
    where, held = path_name(container.path), listing(sorted(container.arrays))
    if x_key is not None and x_key.strip("/") in container.arrays:
        return x_key.strip("/")
    usual = [name for name in dict.fromkeys(x for x, _ in PAIRS) if name in container.arrays]
    found = usual or list(container.arrays)
    if len(found) == 1:
        return found[0]
    if x_key is not None:
        raise UsageError(f"{where}: --x {printable(x_key)}: no such array; the file holds {held}")
    raise AmbiguousFile(f"{where}: which array holds the inputs is open; the file holds {held}; name it: --x KEY")
