"""npz: the zip directory and every array header are checked before anything is allocated."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import IO

import numpy as np

from certify.errors import UnreadableFile
from certify.files.container import BYTES_CAP, NPZ, Container, StoredArray, check_declared_size
from certify.files.statement import from_comment
from certify.files.text import path_name, printable

MEMBER_CAP = 10_000
NAME_BYTES_CAP = 1024
ENCRYPTED = 0x1
ENTRY_SIGNATURE = b"PK\x01\x02"
LEAST_ENTRY = 46  # bytes of a directory entry without its name
BLOCK = 1 << 22
OTHER_ARCHIVES = (
    (
        "data.pkl",
        "a PyTorch file is a pickle, which runs code when opened, and is refused; convert it: np.savez(path, **{k: v.numpy() for k, v in model.state_dict().items()})",
    ),
    ("model.weights.h5", "Keras .keras is not read; save it as HDF5 in Keras: model.save('model.h5')"),
    ("config.json", "Keras .keras is not read; save it as HDF5 in Keras: model.save('model.h5')"),
)


@contextmanager
def open_archive(path: Path, digest: str, size: int) -> Iterator[Container]:
    """Open an npz whose directory passes every check; members are read on demand, never unpickled."""
    refuse_crowded_directory(path, size)
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        refuse_other_archives(path, members)
        check_directory(path, members, size)
        arrays = {m.filename.removesuffix(".npy"): declare(path, archive, m) for m in members}
        yield Container(path, NPZ, digest, arrays, {"": from_comment(archive.comment)})


def refuse_crowded_directory(path: Path, size: int) -> None:
    """Bound the number of directory entries, by their signatures, before zipfile makes an object of each."""
    entries, overlap = 0, b""
    if size <= MEMBER_CAP * LEAST_ENTRY:
        return
    with open(path, "rb") as stream:
        while block := stream.read(BLOCK):
            entries += (overlap + block).count(ENTRY_SIGNATURE)
            overlap = block[1 - len(ENTRY_SIGNATURE) :]
    if entries > MEMBER_CAP:
        raise UnreadableFile(f"{path_name(path)}: {entries} members; the limit is {MEMBER_CAP}")


def refuse_other_archives(path: Path, members: list[zipfile.ZipInfo]) -> None:
    """Name the zip files that people mistake for npz."""
    names = {m.filename.rsplit("/", 1)[-1] for m in members[:MEMBER_CAP]}
    for marker, what in OTHER_ARCHIVES:
        if marker in names:
            raise UnreadableFile(f"{path_name(path)}: {what}")


def check_directory(path: Path, members: list[zipfile.ZipInfo], size: int) -> None:
    """Names, number, flags and declared sizes, by the directory alone."""
    where = path_name(path)
    if not members:
        raise UnreadableFile(f"{where}: the archive holds no arrays")
    if len(members) > MEMBER_CAP:
        raise UnreadableFile(f"{where}: {len(members)} members; the limit is {MEMBER_CAP}")
    names = [m.filename for m in members]
    if len(set(names)) < len(names):
        twice = next(name for i, name in enumerate(names) if name in names[:i])
        raise UnreadableFile(f"{where}: member {printable(twice)!r} occurs twice")
    for member in members:
        check_member(where, member, size)


def check_member(where: str, member: zipfile.ZipInfo, size: int) -> None:
    """One directory entry."""
    label = f"{where}: member {printable(member.filename)!r}"
    if not member.filename.endswith(".npy"):
        raise UnreadableFile(f"{label} is not an array (.npy); expected an npz file")
    parts = member.filename.replace("\\", "/").split("/")
    if ".." in parts or parts[0] == "" or len(member.filename) > NAME_BYTES_CAP:
        raise UnreadableFile(f"{label} has a name that is not allowed")
    if member.flag_bits & ENCRYPTED:
        raise UnreadableFile(f"{label} is encrypted")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise UnreadableFile(f"{label} uses compression method {member.compress_type}; expected stored or deflated")
    if member.compress_size > size:
        raise UnreadableFile(f"{label} claims {member.compress_size} stored bytes in a file of {size}")
    check_declared_size(label, member.file_size, member.compress_size)


def declare(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> StoredArray:
    """Read one member's header, and see that it accounts for every byte of the member."""
    key = member.filename.removesuffix(".npy")
    where = f"{path_name(path)}: {printable(key)!r}"
    with archive.open(member) as stream:
        shape, fortran, dtype = read_header(where, stream)
        offset = stream.tell()
    if dtype.hasobject:
        return StoredArray(key, shape, "object (pickle)", lambda: np.empty(0))
    declared = prod(shape) * dtype.itemsize
    if declared != member.file_size - offset or declared > BYTES_CAP:
        raise UnreadableFile(f"{where} declares {declared} bytes but holds {member.file_size - offset}")

    def fetch() -> np.ndarray:
        with archive.open(member) as stream:
            content = stream.read(member.file_size + 1)  # one byte more, so that the end and its checksum are reached
        if len(content) != member.file_size:
            raise UnreadableFile(f"{where} is truncated: {len(content)} of {member.file_size} bytes")
        return np.frombuffer(content, dtype, offset=offset).reshape(shape, order="F" if fortran else "C")

    return StoredArray(key, shape, dtype.str, fetch)


def read_header(where: str, stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    """The .npy header: shape, whether in Fortran order, dtype."""
    version = np.lib.format.read_magic(stream)
    if version == (1, 0):
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
    elif version in ((2, 0), (3, 0)):
        shape, fortran, dtype = np.lib.format.read_array_header_2_0(stream)
    else:
        raise UnreadableFile(f"{where} has .npy version {version}; expected 1.0, 2.0 or 3.0")
    if any(extent < 0 for extent in shape):
        raise UnreadableFile(f"{where} declares a negative size: {printable(shape)}")
    return shape, fortran, dtype
