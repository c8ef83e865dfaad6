"""One file a command, which holds a function of the file's name; a new command is its file and its name here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

NAMES = (
    "check",
    "solve",
    "descend",
    "optima",
    "stationary",
    "path",
    "width",
    "inspect",
    "verify",
)  # in the order of `certify --help`


def commands() -> Iterator[Callable[..., Any]]:
    """The functions, each with the signature and the docstring that typer makes its options and its help from."""
    for name in NAMES:
        yield getattr(import_module(f"{__name__}.{name}"), name)
