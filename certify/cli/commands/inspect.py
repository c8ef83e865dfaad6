"""`certify inspect`: what a model or data file holds, how it is read, and what decay a network's weights imply on its data."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from certify.cli import exit_codes
from certify.cli.choices import Format
from certify.cli.doubts import doubt_about, said
from certify.cli.inputs import array_roles, load_pair
from certify.cli.messages import say
from certify.cli.options import FilesArgument
from certify.cli.parsing import options
from certify.cli.request import KEYS, Request
from certify.errors import InputError, ObjectiveError
from certify.report.writing import deliver, require_writable

if TYPE_CHECKING:
    from certify.decide.doubt import Fit
    from certify.files import Description
    from certify.report.cautions import Caution


@dataclass(frozen=True, slots=True)
class Together:
    """What a model and a data file tell together: the implied decays, best first, and cautions about a stated objective."""

    ranked: list[Fit]
    cautions: tuple[Caution, ...]


@options(*KEYS, "format", "output")
def inspect(files: FilesArgument, request: Request) -> int:
    """What a model or data file holds, how it is read, and which objective it states.

    With a model and a data file: also the weight decay that the weights imply, for each
    loss and treatment of the biases, and how well it fits.

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
    together = _together(readable, request)
    if readable:
        as_json = request.format is Format.JSON
        deliver(_as_json(readable, together) if as_json else _as_text(readable, together), request.output)
    for each in described:
        if each.error is not None:
            say(f"error: {each.error}")
    return exit_codes.DONE if len(readable) == len(described) else exit_codes.USAGE


def _together(readable: list[Description], request: Request) -> Together | None:
    """Of the one model and the one data set that the files hold, where they fit together; a note where they do not."""
    from certify.files.describe import FileKind

    models = {each.path for each in readable if each.kind is FileKind.MODEL}
    datas = {each.path for each in readable if each.kind is FileKind.DATA}
    if len(models) != 1 or len(datas) != 1:
        return None
    try:
        return _implied(Path(*models), Path(*datas), request)
    except InputError as error:
        say(f"note: no implied decay is shown: {error}")
        return None


def _implied(model: Path, data: Path, request: Request) -> Together:
    import numpy as np

    from certify.decide.doubt import fits
    from certify.files import StatedObjective, resolve_objective
    from certify.problem.training import require_shapes

    stored, samples = load_pair(model, data, request)
    require_shapes(stored.network, samples.dataset)
    try:
        with np.errstate(all="ignore"):
            ranked = fits(stored.network, samples.dataset)
    except ArithmeticError:  # numbers so large that nothing can be told
        ranked = []
    cautions: tuple[Caution, ...] = ()
    try:
        objective, _ = resolve_objective(stored.network, samples.dataset, stored.stated, StatedObjective())
        cautions = said(doubt_about(stored, samples, objective), stored, request)
    except ObjectiveError:  # the file does not state one in full
        pass
    return Together(ranked, cautions)


def _as_text(described: list[Description], together: Together | None) -> str:
    parts = ["\n".join(map(_wrapped, each.lines())) for each in described]
    if together is not None and together.ranked:
        from certify.report.stated_fit import implied_lines

        head = "both together: the weight decay B that the weights imply, grad L + B theta = 0"
        parts.append("\n".join([head, *(f"  {line}" for line in implied_lines(together.ranked))]))
    return "\n\n".join(parts) + "\n"


def _wrapped(line: str) -> str:
    return textwrap.fill(line, 80, subsequent_indent=" " * 6, break_long_words=False, break_on_hyphens=False)


def _as_json(described: list[Description], together: Together | None) -> str:
    from certify.report.as_json import SCHEMA_VERSION, to_json

    content: dict[str, Any] = {"schema_version": SCHEMA_VERSION, "files": [each.as_dict() for each in described]}
    if together is not None:
        from certify.report.stated_fit import implied_rows

        content["implied"] = implied_rows(together.ranked)
        content["cautions"] = [caution.as_dict() for caution in together.cautions]
    return to_json(content)
