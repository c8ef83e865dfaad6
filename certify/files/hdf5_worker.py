"""The separate process in which HDF5 files are opened: garbled ones can crash or stall the HDF5 library itself.

Run as `python -m certify.files.hdf5_worker FILE`. On stdout: a sign of life, the catalogue, then one answer per key asked on
stdin (a JSON string a line). An answer is 8 bytes of length (little-endian), a JSON object, and for an array its raw bytes.
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Iterator
from typing import BinaryIO

import h5py
import numpy as np

from certify.errors import UnreadableFile
from certify.files.container import BYTES_CAP, check_declared_size
from certify.files.stated_activation import NAME
from certify.files.text import printable, reading

OBJECT_CAP = 10_000
DEPTH_CAP = 32
ATTRIBUTE_BYTES_CAP = 1 << 24
TEXTS_CAP, TEXT_CAP = 64, 1 << 16  # texts of one array, and characters of a text, that may state something
MEMORY_CAP = 3 << 30
CPU_SECONDS = 2
CPU_BYTES_PER_SECOND = 1 << 24
READ_ATTRIBUTES = re.compile(
    r"(model_config|training_config|keras_version|name|(layer|weight)_names\d*|certify/.*)", re.DOTALL
)


def main(path: str) -> None:
    """Serve one file until stdin closes. Failures are answers too: {"error": text}."""
    answers = sys.stdout.buffer
    send(answers, {"ready": True})
    try:
        limit_resources(CPU_SECONDS)
        with reading(None), h5py.File(path, "r", locking=False) as file:
            send(answers, catalogue(file))
            for line in sys.stdin.buffer:
                send_array(answers, file, json.loads(line))
    except UnreadableFile as error:
        send(answers, {"error": str(error)})


def limit_resources(cpu_seconds: int) -> None:
    """Let the kernel end this process when the HDF5 library loops or allocates without end (POSIX only)."""
    try:
        import resource
    except ImportError:
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    soft = int(used.ru_utime + used.ru_stime) + 1 + cpu_seconds
    resource.setrlimit(resource.RLIMIT_CPU, (soft if hard < 0 else min(soft, hard), hard))
    memory_hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(
        resource.RLIMIT_AS, (MEMORY_CAP if memory_hard < 0 else min(MEMORY_CAP, memory_hard), memory_hard)
    )


def send(answers: BinaryIO, content: dict[str, object]) -> None:
    """Write one frame."""
    text = json.dumps(content).encode("ascii")
    answers.write(len(text).to_bytes(8, "little") + text)
    answers.flush()


def send_array(answers: BinaryIO, file: h5py.File, key: str) -> None:
    """Check a dataset's declared size against what is stored, then read and send it."""
    dataset = file[key]
    check_storage(key, dataset)
    limit_resources(CPU_SECONDS + dataset.nbytes // CPU_BYTES_PER_SECOND)
    values = np.ascontiguousarray(dataset[()])
    send(answers, {"dtype": values.dtype.str, "shape": list(dataset.shape), "bytes": values.nbytes})
    answers.write(values.tobytes() if values.ndim == 0 else values.data.cast("B"))
    answers.flush()


def check_storage(key: str, dataset: h5py.Dataset) -> None:
    """Declared against stored bytes, before any allocation; a chunk is what the filters expand at a time."""
    label = printable(repr(key))
    stored = dataset.id.get_storage_size()
    if stored == 0:
        raise UnreadableFile(f"{label} declares shape {dataset.shape} but stores no data")
    check_declared_size(label, dataset.nbytes, stored)
    if dataset.chunks is None and stored < dataset.nbytes:
        raise UnreadableFile(f"{label} declares {dataset.nbytes} bytes but stores only {stored}")
    chunk = math.prod(dataset.chunks or (0,)) * dataset.dtype.itemsize
    if chunk > BYTES_CAP:
        raise UnreadableFile(f"{label} declares chunks of {chunk} bytes; the limit is {BYTES_CAP}")


def catalogue(file: h5py.File) -> dict[str, object]:
    """Every array's key, shape and dtype, every group, the attributes that readers look at, and all short texts."""
    arrays, groups, attributes = {}, [], {}
    texts: dict[str, list[str]] = {}
    for path, item in walk(file):
        texts |= read_texts(path, item)
        if isinstance(item, h5py.Group):
            groups.append(path)
            attributes[path] = read_attributes(path, item)
        elif isinstance(item, h5py.Dataset):
            arrays[path] = declare(path, item)
        else:
            raise UnreadableFile(f"{printable(repr(path))} is a named datatype; expected groups and arrays only")
    return {"arrays": arrays, "groups": groups, "attributes": attributes, "texts": texts}


def walk(file: h5py.File) -> Iterator[tuple[str, h5py.HLObject]]:
    """Every object once, following hard links only; cycles, soft and external links are refused."""
    seen = {h5py.h5o.get_info(file.id).addr}
    pending: list[tuple[str, h5py.Group, int]] = [("", file, 0)]
    yield "", file
    while pending:
        prefix, group, depth = pending.pop()
        for name in sorted(group):
            path = f"{prefix}/{name}" if prefix else name
            item = resolve(path, group, name)
            address = h5py.h5o.get_info(item.id).addr
            if address in seen:
                raise UnreadableFile(f"{printable(repr(path))} is linked twice or in a cycle")
            seen.add(address)
            if len(seen) > OBJECT_CAP or depth >= DEPTH_CAP:
                raise UnreadableFile(f"more than {OBJECT_CAP} objects or {DEPTH_CAP} levels of groups")
            if isinstance(item, h5py.Group):
                pending.append((path, item, depth + 1))
            yield path, item


def resolve(path: str, group: h5py.Group, name: str) -> h5py.HLObject:
    """The object behind a hard link."""
    if not isinstance(group.get(name, getlink=True), h5py.HardLink):
        raise UnreadableFile(f"{printable(repr(path))} is a soft or external link; only hard links are followed")
    return group[name]


def declare(path: str, dataset: h5py.Dataset) -> dict[str, object]:
    """Shape and dtype as declared. External raw storage and virtual datasets reach outside the file: refused."""
    if dataset.id.get_create_plist().get_external_count() > 0:
        raise UnreadableFile(f"{printable(repr(path))} keeps its data in an external file; refused")
    if dataset.is_virtual:
        raise UnreadableFile(f"{printable(repr(path))} is a virtual dataset; refused")
    if dataset.shape is None:
        return {"shape": [0], "dtype": "null"}
    return {"shape": list(dataset.shape), "dtype": dtype_name(dataset)}


def dtype_name(dataset: h5py.Dataset) -> str:
    """numpy's type string, or a word that no reader accepts."""
    try:
        dtype = dataset.dtype
    except TypeError as error:
        return f"unknown ({printable(error)})"
    if h5py.check_enum_dtype(dtype) is not None:
        return "enum"
    if dtype.kind == "O":
        return "reference" if h5py.check_ref_dtype(dtype) else "string"
    return dtype.str if dtype.names is None else "compound"


def read_attributes(path: str, group: h5py.Group) -> dict[str, object]:
    """The attributes that a reader knows; the others are left alone."""
    found = {}
    for name in group.attrs:
        if READ_ATTRIBUTES.fullmatch(name):
            identifier = group.attrs.get_id(name)
            count = math.prod(identifier.shape or ())
            if count * identifier.dtype.itemsize > ATTRIBUTE_BYTES_CAP:
                raise UnreadableFile(f"attribute {printable(repr(name))} of {printable(repr('/' + path))} is too large")
            found[name] = plain(group.attrs[name]) if count else []
    return found


def read_texts(path: str, item: h5py.HLObject) -> dict[str, list[str]]:
    """Short texts: the object itself, where it is one, and its attributes but those of `read_attributes`.

    Of an attribute that is to state an activation and is no short text, what it is instead.
    """
    found = {}
    if isinstance(item, h5py.Dataset) and is_short_text(item.id.get_type(), item.shape) and item.id.get_storage_size():
        found[path] = words(item[()])
    for name in getattr(item, "attrs", ()):
        identifier = item.attrs.get_id(name)
        if READ_ATTRIBUTES.fullmatch(name):
            continue
        label = f"{path}/{name}" if path else name
        if is_short_text(identifier.get_type(), identifier.shape):
            found[label] = words(item.attrs[name])
        elif NAME.search(name):
            found[label] = [f"something of shape {identifier.shape} and type {identifier.dtype}"]
    return found


def is_short_text(kind: h5py.h5t.TypeID, shape: tuple[int, ...] | None) -> bool:
    """A text, or a few of them, of at most TEXT_CAP characters where the length is declared."""
    count = math.prod(shape) if shape is not None else 0
    return isinstance(kind, h5py.h5t.TypeStringID) and 0 < count <= TEXTS_CAP and count * kind.get_size() <= TEXT_CAP


def words(value: object) -> list[str]:
    """The texts in one list, each cut at TEXT_CAP characters."""
    listed = value.ravel().tolist() if isinstance(value, np.ndarray) else [value]
    return [(v.decode("utf-8", "replace") if isinstance(v, bytes) else str(v))[:TEXT_CAP] for v in listed]


def plain(value: object) -> object:
    """An attribute as JSON can hold it: text, number, flag or list of them; anything else as its type's name."""
    if isinstance(value, np.ndarray):
        return [plain(item) for item in value.tolist()] if value.ndim <= 1 else f"array of shape {value.shape}"
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value if isinstance(value, (str, int, float, bool)) else f"value of type {type(value).__name__}"


if __name__ == "__main__":
    main(sys.argv[1])
