"""`certify inspect`: what a model or data file holds, and how it is read."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from certify.cli import exit_codes
from certify.cli import options as opt
from certify.cli.choices import Format
from certify.cli.messages import say
from certify.errors import InputError
from certify.report.printable import printable
from certify.report.writing import deliver, require_writable


def inspect(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Model or data files.")],
    format: opt.FormatOption = Format.TEXT,
    output: opt.OutputOption = None,
) -> Callable[[], int]:
    """What a model or data file holds, how it is read, and which objective it states.

    A file that cannot be read is one line on stderr and exit code 2; the others are still shown.
    """
    return partial(run_inspect, files, format, output)


def run_inspect(files: list[Path], format: Format, output: Path | None) -> int:
    """Exit code after describing every file that can be described."""
    from certify.files import describe_file

    if output is not None:
        require_writable(output, "--output")
    described = []
    for path in files:
        try:
            described.append((path, describe_file(path)))
        except InputError as error:
            say(f"error: {error}")
    if described:
        deliver(_as_json(described) if format is Format.JSON else _as_text(described), output)
    return exit_codes.DONE if len(described) == len(files) else exit_codes.USAGE


def _as_text(described: list) -> str:
    blocks = ["\n".join([printable(path), *(f"  {line}" for line in each.lines())]) for path, each in described]
    return "\n\n".join(blocks) + "\n"


def _as_json(described: list) -> str:
    from certify.report.as_json import SCHEMA_VERSION, to_json

    files = [{"path": str(path), **each.as_dict()} for path, each in described]
    return to_json({"schema_version": SCHEMA_VERSION, "files": files})
