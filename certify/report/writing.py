"""Where a result goes: a file, replaced in one step, or standard output."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import TextIO

from certify.errors import CertifyError, UsageError
from certify.files.replacing import replacing


def require_writable(path: Path, option: str) -> None:
    """Raise UsageError now, before hours of search, where `path` could not be written afterwards."""
    folder = path.parent
    if path.is_dir():
        raise UsageError(f"{option} {path}: this is a directory; name a file")
    if not folder.is_dir():
        raise UsageError(f"{option} {path}: the directory {folder} does not exist; create it first")
    if path.exists() and not path.is_file():
        raise UsageError(f"{option} {path}: this is not a regular file; name another one")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UsageError(f"{option} {path}: the directory {folder} is not writable; name another one")


def write_atomically(path: Path, text: str) -> None:
    """Write UTF-8 text so that a reader sees the old file or the whole new one.

    Raises UsageError where the system refuses.
    """
    try:
        with replacing(path) as temporary:
            temporary.write_text(text, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from error


def deliver(text: str, path: Path | None) -> None:
    """The result, to the file where one is named, else to standard output."""
    if path is None:
        write_to_stdout(text)
    else:
        write_atomically(path, text)


def write_to_stdout(text: str) -> None:
    """Print the result; a reader who has gone away (`| head -1`) is no error, and the exit code stays the verdict's.

    Raises CertifyError where standard output is closed or refuses: a result that nobody can see is no success.
    """
    if sys.stdout is None:
        raise CertifyError("standard output is closed, and the result was to be shown there")
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        discard(sys.stdout)
    except OSError as error:
        discard(sys.stdout)
        raise CertifyError(f"standard output cannot be written: {error.strerror or error}") from error


def discard(stream: TextIO) -> None:
    """Send a stream nowhere from here on: Python flushes it once more when it ends, and would complain."""
    with contextlib.suppress(OSError, ValueError):  # a stream without a descriptor has nothing that could fail
        nowhere = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, stream.fileno())
        finally:
            os.close(nowhere)
