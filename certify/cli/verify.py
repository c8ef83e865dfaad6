"""`certify verify`: the options."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from certify.cli import options as opt
from certify.cli.choices import Format
from certify.cli.verifying import VerifyRequest, run_verify


def verify(
    certificate: Annotated[
        Path, typer.Argument(metavar="CERT", help="The certificate: JSON, or JSON in gzip; - reads standard input.")
    ],
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="The network that it is about.")],
    data: Annotated[Path, typer.Argument(metavar="DATA", help="The training set that it is about.")],
    mapping: opt.MapOption = None,
    x: opt.XOption = None,
    y: opt.YOption = None,
    paranoid: opt.ParanoidOption = False,
    format: opt.FormatOption = Format.TEXT,
    output: opt.OutputOption = None,
) -> Callable[[], int]:
    """Re-decide a certificate from the three files alone.

    The answer is ACCEPTED, with the claims that are proved, or REJECTED
    and the reason (exit code 5). Nothing of the search takes part.
    """
    return partial(
        run_verify, VerifyRequest(certificate, model, data, tuple(mapping or ()), x, y, paranoid, format, output)
    )
