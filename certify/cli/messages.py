"""What is said on stderr, one line a message; stdout is the result's alone."""

from __future__ import annotations

import contextlib
import os
import sys

from certify.files.text import printable

LONGEST = 4096


def say(message: str) -> None:
    """`certify: MESSAGE` on stderr; a closed stderr is no reason to stop, nor to change the exit code."""
    with contextlib.suppress(OSError, ValueError):
        print(f"certify: {printable(' '.join(message.split()), LONGEST)}", file=sys.stderr, flush=True)


def wants_colour() -> bool:
    """True where stdout is a terminal that shows colour, and the user has not declined it (https://no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM", "") != "dumb"
