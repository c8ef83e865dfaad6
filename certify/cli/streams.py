"""Standard streams that may be closed, full, or a pipe that nobody reads: none of that may become a traceback or a verdict.

Python flushes stdout and stderr once more when it ends, and where that fails says so in three lines and exits with 120. So
whatever can fail is tried here first, and a stream that has failed is sent to nowhere.
"""

from __future__ import annotations

import io
import os
import sys

from certify.report.writing import discard


def prepare_streams() -> None:
    """Before anything is opened: what cannot be encoded is escaped, and a closed descriptor is not given to another file.

    After `certify ... >&-` the next file opened would be descriptor 1, and what is printed would end up in it.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def settle_streams() -> None:
    """After all is said: whatever is still buffered goes out or nowhere, so that the exit code stays what it is."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except (OSError, ValueError):
            discard(stream)
