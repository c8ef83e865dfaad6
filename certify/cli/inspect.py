"""`certify inspect`: what a model or data file holds, and how it is read."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from certify.cli import exit_codes
from certify.cli import options as opt
from certify.cli.choices import Format
from certify.cli.messages import say
from certify.report.writing import deliver, require_writable

if TYPE_CHECKING:
    from certify.files import Description


def inspect(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Model or data files.")],
    mapping: opt.MapOption = None,
    x: opt.XOption = None,
    y: opt.YOption = None,
    format: opt.FormatOption = Format.TEXT,
    output: opt.OutputOption = None,
) -> Callable[[], int]:
    """What a model or data file holds, how it is read, and which objective it states.

    A file that cannot be read is one line on stderr and exit code 2; the others are still shown.
    """
    return partial(run_inspect, files, tuple(mapping or ()), (x, y), format, output)


def run_inspect(
    files: list[Path],
    mapping: tuple[str, ...],
    keys: tuple[str | None, str | None],
    format: Format,
    output: Path | None,
) -> int:
    """Exit code after describing every file that can be described."""
    from certify.files import describe_file, parse_map

    if output is not None:
        require_writable(output, "--output")
    roles = parse_map(mapping) or None
    described = [describe_file(path, roles, x_key=keys[0], y_key=keys[1]) for path in files]
    readable = [each for each in described if each.error is None]
    if readable:
        deliver(_as_json(readable) if format is Format.JSON else _as_text(readable), output)
    for each in described:
        if each.error is not None:
            say(f"error: {each.error}")
    return exit_codes.DONE if len(readable) == len(described) else exit_codes.USAGE


def _as_text(described: list[Description]) -> str:
    return "\n\n".join("\n".join(map(_wrapped, each.lines())) for each in described) + "\n"


def _wrapped(line: str) -> str:
    return textwrap.fill(line, 80, subsequent_indent=" " * 6, break_long_words=False, break_on_hyphens=False)


def _as_json(described: list[Description]) -> str:
    from certify.report.as_json import SCHEMA_VERSION, to_json

    return to_json({"schema_version": SCHEMA_VERSION, "files": [each.as_dict() for each in described]})
