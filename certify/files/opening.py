"""Recognise a file by its first bytes, never by its name, and open the container that it is."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from certify.errors import UnreadableFile
from certify.files.archive import open_archive
from certify.files.container import HDF5, NPZ, Container
from certify.files.text import path_name, printable, reading

FILE_CAP = 4 << 30
HEAD = 4096
HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
HDF5_OFFSETS = (0, 512, 1024, 2048)  # a user block may come first
UNPICKLE = (
    "pickled files run code when opened and are refused; convert it where it was made:"
    " np.savez(path, **{k: v.numpy() for k, v in model.state_dict().items()})"
)
COMPRESSED = "compressed file; decompress it, then give the npz or HDF5 file inside"
OTHER_FORMATS: tuple[tuple[bytes, str], ...] = (
    (b"\x93NUMPY", "a single .npy array; expected npz or HDF5 with named arrays: np.savez(path, W1=…, W2=…)"),
    (b"\x1f\x8b", f"gzip-{COMPRESSED}"),
    (b"BZh", f"bzip2-{COMPRESSED}"),
    (b"\xfd7zXZ", f"xz-{COMPRESSED}"),
    (b"\x28\xb5\x2f\xfd", f"zstandard-{COMPRESSED}"),
    (b"\x80\x02", UNPICKLE),
    (b"\x80\x03", UNPICKLE),
    (b"\x80\x04", UNPICKLE),
    (b"\x80\x05", UNPICKLE),
    (b"(", UNPICKLE),
    (b"c__", UNPICKLE),
    (b"ccopy_reg", UNPICKLE),
    (b"x\x9c", f"zlib-{COMPRESSED}; joblib files are pickles: {UNPICKLE}"),
)


@contextmanager
def open_container(path: Path) -> Iterator[Container]:
    """Open an npz or HDF5 file for reading. Raises UnreadableFile, in one line, for everything else."""
    with reading(path):
        head, size = read_head(path)
        kind = recognise(path, head)
        digest = file_sha256(path)
        with opener_of(kind)(path, digest, size) as container:
            yield container


def opener_of(kind: str) -> Callable[[Path, str, int], AbstractContextManager[Container]]:
    """What opens a file of this kind, given its SHA-256 and its size."""
    if kind == NPZ:
        return open_archive
    from certify.files.hdf5 import open_hdf5  # only for HDF5: it brings all that starts a process

    return open_hdf5


def read_head(path: Path) -> tuple[bytes, int]:
    """The first bytes and the size of a regular file."""
    try:
        # O_NONBLOCK: opening a fifo that nobody writes to would otherwise wait for ever
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except OSError as error:
        raise UnreadableFile(f"{path_name(path)}: {error.strerror or 'cannot be opened'}") from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise UnreadableFile(f"{path_name(path)}: not a regular file; expected an npz or HDF5 file")
        if status.st_size > FILE_CAP:
            raise UnreadableFile(f"{path_name(path)}: {status.st_size} bytes; the limit is {FILE_CAP} (4 GiB)")
        return os.read(descriptor, HEAD), status.st_size
    finally:
        os.close(descriptor)


def recognise(path: Path, head: bytes) -> str:
    """NPZ or HDF5 by magic bytes; anything else is refused with what it is and how to convert it."""
    if not head:
        raise UnreadableFile(f"{path_name(path)}: the file is empty; expected npz or HDF5")
    if any(head[k : k + 8] == HDF5_SIGNATURE for k in HDF5_OFFSETS):
        return HDF5
    if head[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return NPZ
    raise UnreadableFile(f"{path_name(path)}: {foreign_format(path, head)}")


def foreign_format(path: Path, head: bytes) -> str:
    """What a file that we do not read seems to be, and what to do about it."""
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") < 1 << 32:
        return "safetensors is not read; convert it: np.savez(path, **safetensors.numpy.load_file('…'))"
    for magic, what in OTHER_FORMATS:
        if head.startswith(magic):
            return what
    if head[:1] == b"\x08" and (path.suffix == ".onnx" or b"onnx" in head or b"pytorch" in head):
        return "ONNX is not read; save the weights: np.savez(path, W1=…, b1=…, W2=…, b2=…)"
    if head[257:262] == b"ustar":
        return f"tar archive; {UNPICKLE}"
    return f"not an npz or HDF5 file (it begins with {printable(ascii(head[:8])[1:])})"


def file_sha256(path: Path) -> str:
    """SHA-256 of the file's bytes, in hexadecimal."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
