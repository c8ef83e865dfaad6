"""A path as a file, and back: an npz of plain numbers and short texts, nothing to be unpickled (docs/landscape.md).

W (K, m, D)      breakpoints w = u |a|, a hidden bias last          sign (K, m)   of a; of a zero w, of the neuron that comes or went
constant (K,)    output bias                                        kind (K,)     of the pieces, the first from the network to W[0]
F (K + 1,)       at the network and at the breakpoints              interpolation the rule in between, in words
allowed          how much F may rise in all, relative to F          objective, data_sha256, model_sha256, checksum
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np

from certify.arrays import Floats
from certify.certificates.statement import checked_objective
from certify.checker.certificate import Objective as CheckedObjective
from certify.checker.descents import Way
from certify.errors import UnreadableFile, UsageError
from certify.files.container import Container, read_float64
from certify.files.opening import open_container
from certify.files.replacing import replacing
from certify.files.text import path_name, printable
from certify.files.writer import write_npz
from certify.problem.objective import Objective

FORMAT = "certify path 1"
ALLOWED = 1e-12
INTERPOLATION = (
    "piece 0 balances the network, |u| = |a|, at constant u|a|; on piece k > 0, at time t in [0, 1], w = (1-t) W[k-1] + t W[k], and so the "
    "constant; the network is u = w / sqrt|w|, a = sign sqrt|w|, |w| without a free hidden bias"
)
_NUMBERS = ("W", "sign", "constant", "F", "allowed")
_TEXTS = ("certify_path", "kind", "interpolation", "objective", "data_sha256", "model_sha256", "checksum")
_MOST_LETTERS = 4_096
_FIELDS = ("loss", "reduction", "hidden_decay", "output_decay", "hidden_bias", "output_bias")


@dataclass(frozen=True, slots=True, eq=False)
class SavedPath:
    """What a path's file holds; nothing of it has been believed yet."""

    way: Way
    objective: CheckedObjective
    data_sha256: str
    model_sha256: str
    sha256: str


def save_path(path: Path, way: Way, objective: Objective, data_sha256: str, model_sha256: str) -> None:
    """Write the file, replacing `path` at once. Raises UsageError where it cannot be written."""
    checked = checked_objective(objective)
    arrays: dict[str, np.ndarray] = {
        "W": np.array(way.vectors, dtype=np.float64),
        "sign": np.array(way.signs, dtype=np.int8),
        "constant": np.array(way.constants),
        "kind": np.array(way.kinds, dtype=np.str_),
        "F": np.array(way.values),
        "allowed": np.array(way.allowed),
        "certify_path": np.array(FORMAT),
        "interpolation": np.array(INTERPOLATION),
        "objective": np.array(json.dumps({name: getattr(checked, name) for name in _FIELDS})),
        "data_sha256": np.array(data_sha256),
        "model_sha256": np.array(model_sha256),
    }
    arrays["checksum"] = np.array(_checksum(arrays))
    try:
        with replacing(path) as temporary, open(temporary, "wb") as stream:
            write_npz(stream, arrays)
    except OSError as error:
        raise UsageError(f"{path_name(path)}: cannot be written ({printable(error.strerror or error)})") from error


def load_path(path: Path) -> SavedPath:
    """Read a path's file. Raises UnreadableFile, in one line, for anything that save_path does not write."""
    with open_container(path) as container:
        missing = [key for key in (*_NUMBERS, *_TEXTS) if key not in container.arrays]
        if missing:
            raise UnreadableFile(
                f"{path_name(path)}: not a path: it has no {missing[0]}; certify path --output writes one"
            )
        arrays: dict[str, np.ndarray] = {key: read_float64(container, key) for key in _NUMBERS}
        arrays |= {key: _text(container, key) for key in _TEXTS}
        if str(arrays["certify_path"]) != FORMAT:
            raise UnreadableFile(
                f"{path_name(path)}: a path of another version; write it again with certify path --output"
            )
        if str(arrays["checksum"]) != _checksum(arrays):
            raise UnreadableFile(f"{path_name(path)}: damaged: its checksum is of other arrays")
        return SavedPath(
            _way(path, arrays),
            _objective(path, str(arrays["objective"])),
            str(arrays["data_sha256"]),
            str(arrays["model_sha256"]),
            container.sha256,
        )


def _way(path: Path, arrays: dict[str, np.ndarray]) -> Way:
    w, kinds = arrays["W"], arrays["kind"]
    shapes = (arrays["sign"].shape == w.shape[:2], arrays["constant"].shape == w.shape[:1], kinds.shape == w.shape[:1])
    if w.ndim != 3 or not all(shapes) or arrays["F"].shape != (len(w) + 1,) or arrays["allowed"].shape != ():
        raise UnreadableFile(f"{path_name(path)}: W, sign, constant, kind and F do not have the shapes of one path")
    signs = [[int(s) for s in row] for row in arrays["sign"]]
    return Way(
        w.tolist(), signs, arrays["constant"].tolist(), arrays["F"].tolist(), kinds.tolist(), float(arrays["allowed"])
    )


def _objective(path: Path, text: str) -> CheckedObjective:
    try:
        fields = json.loads(text)
        values = [fields[name] for name in _FIELDS]
        right = all(
            isinstance(value, float if "decay" in name else str) for name, value in zip(_FIELDS, values, strict=True)
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        right = False
    if not right:
        raise UnreadableFile(f"{path_name(path)}: objective is not one that certify writes: {printable(text)}")
    return CheckedObjective(*values)


def _text(container: Container, key: str) -> np.ndarray:
    stored = container.arrays[key]
    kind = np.dtype(stored.dtype) if stored.dtype.startswith(("<U", ">U")) else None
    if kind is None or kind.itemsize > 4 * _MOST_LETTERS or len(stored.shape) > 1:
        raise UnreadableFile(f"{path_name(container.path)}: {key} is not a text")
    return stored.fetch()


def _checksum(arrays: dict[str, np.ndarray]) -> str:
    """Over names, shapes and contents."""
    digest = hashlib.sha256()
    for key in sorted(arrays):
        if key == "checksum":
            continue
        content = arrays[key]
        digest.update(f"{key} {content.shape} ".encode())
        listed = (
            cast(Floats, content).astype("<f8").tobytes()
            if key in _NUMBERS
            else "\0".join(content.ravel().tolist()).encode()
        )
        digest.update(listed)
    return digest.hexdigest()
