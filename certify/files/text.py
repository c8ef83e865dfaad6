"""One-line messages: whatever a hostile file puts into a name, an error stays one printable line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from certify.errors import CertifyError, UnreadableFile

NAME_LIMIT = 120
MESSAGE_LIMIT = 300


def printable(text: object, limit: int = NAME_LIMIT) -> str:
    """The text with control characters, line breaks and lone surrogates escaped, cut at `limit` characters."""
    raw = str(text)
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in raw[: limit + 1])
    return shown if len(raw) <= limit else shown[: limit - 1] + "…"


def path_name(path: object) -> str:
    """A path as it appears in messages."""
    return printable(path, 4096)


def shape_text(shape: tuple[int, ...]) -> str:
    """A shape as (5, 3); the vector's comma is kept: (5,)."""
    return printable(str(tuple(shape)))


def listing(keys: Iterable[str], limit: int = 6) -> str:
    """The keys, shortened when there are many."""
    shown = list(keys)
    text = ", ".join(repr(printable(key, 60)) for key in shown[:limit])
    return text + (f" and {len(shown) - limit} more" if len(shown) > limit else "")


def vocabulary(*lines: str) -> frozenset[str]:
    """The words of some lines."""
    return frozenset(" ".join(lines).split())


@contextmanager
def reading(path: Path | None) -> Iterator[None]:
    """Turn whatever a damaged file makes a library raise into one UnreadableFile; it names the file where one is given.

    Our own errors pass unchanged. MemoryError and RecursionError are what oversized or deeply nested content raises, so
    they count as damage too.
    """
    try:
        yield
    except CertifyError:
        raise
    except Exception as error:
        cause = printable(" ".join(str(error).split()) or type(error).__name__, MESSAGE_LIMIT)
        prefix = "" if path is None else f"{path_name(path)}: "
        raise UnreadableFile(f"{prefix}truncated or garbled file ({cause})") from error
