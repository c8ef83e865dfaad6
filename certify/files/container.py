"""What every container format (npz, HDF5) offers to the readers: named arrays, attributes, and the file's hash."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from pathlib import Path

import numpy as np

from certify.errors import UnreadableFile
from certify.files.text import path_name, printable, shape_text

NPZ, HDF5 = "npz", "HDF5"

BYTES_CAP = 1 << 30  # of one array, in memory
RATIO_CAP = 200  # declared over stored bytes, for anything above RATIO_FLOOR
RATIO_FLOOR = 1 << 24
EXACT_INTEGER = 1 << 53  # the largest magnitude up to which float64 holds every integer


@dataclass(frozen=True, slots=True, eq=False)
class StoredArray:
    """An array that the file declares; `fetch` reads it after its declared size was checked.

    shape, dtype  as declared; dtype is numpy's type string ("<f4"), or a word for what numpy cannot hold
    """

    key: str
    shape: tuple[int, ...]
    dtype: str
    fetch: Callable[[], np.ndarray]


@dataclass(frozen=True, slots=True, eq=False)
class Container:
    """An open file. attributes[object path][name]; the root's path is "". Arrays can be read while it is open.

    texts: of HDF5, every short text outside the attributes above, by the path of its dataset or of its attribute.
    """

    path: Path
    kind: str  # NPZ or HDF5
    sha256: str
    arrays: Mapping[str, StoredArray]
    attributes: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    groups: tuple[str, ...] = ()
    texts: Mapping[str, Sequence[str]] = field(default_factory=dict)


def check_declared_size(where: str, declared: int, stored: int) -> None:
    """Refuse a claim above the cap, or one far beyond what the stored bytes can honestly expand to."""
    if not 0 <= declared <= BYTES_CAP:
        raise UnreadableFile(f"{where} declares {declared} bytes; the limit is {BYTES_CAP} (1 GiB)")
    if declared > RATIO_FLOOR and declared > RATIO_CAP * stored:
        raise UnreadableFile(
            f"{where} declares {declared} bytes but stores only {stored}: refused as a decompression bomb"
        )


def numeric_dtype(stored: StoredArray, path: Path) -> np.dtype:
    """The array's dtype, when it is one that converts to float64: bool, integers, float16, float32, float64."""
    try:
        dtype = np.dtype(stored.dtype)
    except TypeError:
        dtype = None
    if "object" in stored.dtype:
        raise UnreadableFile(
            f"{path_name(path)}: {printable(stored.key)!r} is an array of objects, which would have to be unpickled; refused:"
            " save every array under a name of its own, np.savez(path, W1=…, b1=…, W2=…, b2=…)"
        )
    if dtype is None or dtype.kind not in "biuf" or dtype.itemsize > 8 or dtype.names or dtype.subdtype:
        raise UnreadableFile(
            f"{path_name(path)}: {printable(stored.key)!r} has dtype {printable(stored.dtype)};"
            " expected bool, integer or float of at most 64 bits"
        )
    return dtype


def read_float64(container: Container, key: str) -> np.ndarray:
    """Read one array and convert it to float64 exactly, or refuse.

    Raises UnreadableFile for other dtypes, zero sizes, integers that float64 cannot hold, and NaN or infinity (with the
    first offending index).
    """
    stored, where = container.arrays[key], f"{path_name(container.path)}: {printable(key)!r}"
    dtype = numeric_dtype(stored, container.path)
    if 0 in stored.shape:
        raise UnreadableFile(f"{where} is empty: its shape is {shape_text(stored.shape)}")
    check_float64_size(where, stored.shape)
    values = stored.fetch()
    if dtype.kind in "iu" and dtype.itemsize == 8:
        refuse_large_integers(where, values)
    exact = values.astype(np.float64, order="C").reshape(stored.shape)
    refuse_not_finite(where, exact)
    return exact


def check_float64_size(where: str, shape: tuple[int, ...]) -> None:
    """The float64 copy obeys the cap too (a bool array grows eightfold)."""
    if 8 * prod(shape) > BYTES_CAP:
        raise UnreadableFile(f"{where} needs {8 * prod(shape)} bytes as float64; the limit is {BYTES_CAP} (1 GiB)")


def refuse_large_integers(where: str, values: np.ndarray) -> None:
    """Integers beyond 2^53 have no exact float64."""
    inside = values <= EXACT_INTEGER
    if values.dtype.kind == "i":
        inside &= values >= -EXACT_INTEGER
    if not inside.all():
        raise UnreadableFile(
            f"{where} holds an integer beyond 2^53 at index {first_index(~inside)}: not exact in float64"
        )


def refuse_not_finite(where: str, values: np.ndarray) -> None:
    """NaN and infinities make every later statement void."""
    finite = np.isfinite(values)
    if not finite.all():
        index = first_index(~finite)
        raise UnreadableFile(f"{where} holds {values[index]} at index {index}; every value must be finite")


def first_index(mask: np.ndarray) -> tuple[int, ...]:
    """Index of the first True, in C order."""
    return tuple(int(i) for i in np.unravel_index(int(np.argmax(mask)), mask.shape))
