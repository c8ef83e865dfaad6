"""What a command hands over: notes on the way, the report at the end, and the exit code."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from certify import __version__
from certify.cli.choices import Format
from certify.cli.exit_codes import exit_code, worst
from certify.cli.messages import say, wants_colour
from certify.cli.request import Request
from certify.errors import InputError, UsageError
from certify.report.writing import deliver, require_writable

if TYPE_CHECKING:
    from certify.files import StoredDataset, StoredModel
    from certify.report.record import CheckRecord, FileRecord

    # A record, and what could not be written of it: handed on, so that the verdict is shown first.
    Outcome = tuple[CheckRecord, InputError | None]


def require_sensible_output(request: Request, read: dict[str, Path], written: dict[str, Path | None]) -> None:
    """Raise UsageError now, before hours of search, where a file could not be written afterwards, or would overwrite another.

    Both dictionaries are by the name under which the user knows the file: "MODEL", "--output".
    """
    if request.quiet and request.verbose:
        raise UsageError("-q and -v exclude one another; give one of them")
    taken = {os.path.realpath(path): name for name, path in read.items()}
    for option, path in written.items():
        if path is None:
            continue
        require_writable(path, option)
        other = taken.setdefault(os.path.realpath(path), option)
        if other != option:
            raise UsageError(f"{option} {path} would overwrite {other}; name another file")


def remark(text: str, request: Request) -> None:
    """A note on stderr, unless -q was given."""
    if not request.quiet:
        say(f"note: {text}")


def file_record(path: Path, stored: StoredModel | StoredDataset) -> FileRecord:
    """The file under the name that the user gave it."""
    from certify.report.record import FileRecord

    return FileRecord(str(path), stored.format, stored.file_sha256, stored.canonical_sha256)


def finish(outcomes: Sequence[Outcome], request: Request, path: bool = False) -> int:
    """Exit code, once the result is delivered; of several the worst. `path`: they are a path of weight decays."""
    records = [record for record, _ in outcomes]
    text = _path_rendered(records, request) if path else _rendered(records[0], request)
    deliver(text, request.output)
    for _, failure in outcomes:
        if failure is not None:
            raise failure
    return worst(exit_code(record.verdict, request.fail_on, request.exit_zero) for record in records)


def _rendered(record: CheckRecord, request: Request) -> str:
    if request.format is Format.JSON:
        from certify.report.as_json import check_as_dict, to_json

        return to_json(check_as_dict(record, __version__))
    from certify.report.as_text import text_report, verdict_line

    colour = request.output is None and wants_colour()
    if request.quiet:
        return verdict_line(record.verdict, colour) + "\n"
    return text_report(record, request.verbose, colour)


def _path_rendered(records: list[CheckRecord], request: Request) -> str:
    if request.format is Format.JSON:
        from certify.report.as_json import path_as_dict, to_json

        return to_json(path_as_dict(records, __version__))
    from certify.report.as_table import path_table, path_verdicts

    return path_verdicts(records) if request.quiet else path_table(records)
