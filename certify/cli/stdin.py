"""`-` as MODEL or DATA: standard input, kept in a temporary file while it is read."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from certify.errors import InputError, UsageError

STDIN = Path("-")
LARGEST = 2**30
CHUNK = 2**20


@contextmanager
def files_or_stdin(paths: tuple[Path, ...]) -> Iterator[tuple[Path, ...]]:
    """The paths, with `-` replaced by a file that holds what standard input gave.

    Raises UsageError where `-` is named twice, and InputError where the input is too large.
    """
    if STDIN not in paths:
        yield paths
        return
    if paths.count(STDIN) > 1:
        raise UsageError("- (standard input) can stand for one file only; name the other one")
    if sys.stdin is None:
        raise UsageError("- stands for standard input, which is closed; name a file")
    import tempfile

    with tempfile.TemporaryDirectory(prefix="certify-") as folder:
        spooled = Path(folder) / "stdin"
        _spool(sys.stdin.buffer, spooled)
        try:
            yield tuple(spooled if path == STDIN else path for path in paths)
        except InputError as error:
            raise type(error)(str(error).replace(str(spooled), "standard input")) from error


def _spool(source: BinaryIO, target: Path) -> None:
    size = 0
    with target.open("wb") as stream:
        while chunk := source.read(CHUNK):
            size += len(chunk)
            if size > LARGEST:
                raise InputError(f"standard input: more than {LARGEST // 2**20} MiB, which is the limit")
            stream.write(chunk)
