"""Text that comes from outside, made safe to print."""

from __future__ import annotations


def printable(text: object) -> str:
    """The text on one line: control characters, as file names may hold them, are escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in str(text))
