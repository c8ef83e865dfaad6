"""What is said on stderr, one line a message; stdout is the result's alone."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TextIO

from certify.files.text import printable

LONGEST = 4096


def say(message: str) -> None:
    """`certify: MESSAGE` on stderr; a closed or full one is no reason to stop, nor to change the exit code."""
    if sys.stderr is None:  # print would take standard output for it
        return
    with contextlib.suppress(OSError, ValueError):
        print(f"certify: {printable(' '.join(message.split()), LONGEST)}", file=sys.stderr, flush=True)


def wants_colour() -> bool:
    """True where stdout is a terminal that shows colour, and the user has not declined it (https://no-color.org)."""
    return is_terminal(sys.stdout) and not os.environ.get("NO_COLOR") and os.environ.get("TERM", "") != "dumb"


def is_terminal(stream: TextIO | None) -> bool:
    """Whether someone is looking at it; Python has None for a stream that is closed."""
    return stream is not None and stream.isatty()
