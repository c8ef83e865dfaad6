"""`certify inspect`: what a model or data file holds, and how it is read."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from certify.cli import exit_codes
from certify.cli.choices import Format
from certify.cli.inputs import array_roles
from certify.cli.messages import say
from certify.cli.options import FilesArgument
from certify.cli.parsing import options
from certify.cli.request import KEYS, Request
from certify.report.writing import deliver, require_writable

if TYPE_CHECKING:
    from certify.files import Description


@options(*KEYS, "format", "output")
def inspect(files: FilesArgument, request: Request) -> int:
    """What a model or data file holds, how it is read, and which objective it states.

    A file that cannot be read is one line on stderr and exit code 2; the others are still shown.
    """
    from certify.files import describe_contents

    if request.output is not None:
        require_writable(request.output, "--output")
    roles = array_roles(request)
    described = [
        each for path in files for each in describe_contents(path, roles, request.x, request.y, request.activation)
    ]
    readable = [each for each in described if each.error is None]
    if readable:
        deliver(_as_json(readable) if request.format is Format.JSON else _as_text(readable), request.output)
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
