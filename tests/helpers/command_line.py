"""Runs the command: in a process of its own, as a user would, or in this one, which costs a tenth of it."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from unittest.mock import patch

from certify.cli.app import run

ROOT = Path(__file__).resolve().parents[2]
SILENT = ("NO_COLOR", "FORCE_COLOR", "GITHUB_ACTIONS", "COLUMNS")


def environment(**extra: str) -> dict[str, str]:
    """This process's environment without CERTIFY_* and what steers colour, plus `extra`; certify is this checkout's."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("CERTIFY_") and k not in SILENT}
    return kept | {"PYTHONPATH": str(ROOT)} | extra


def certify(
    *arguments: object, cwd: Path | None = None, stdin: bytes | None = None, **extra: str
) -> subprocess.CompletedProcess[bytes]:
    """`certify ARGUMENTS` with the environment variables `extra`; the outcome has bytes in stdout and stderr."""
    command = [sys.executable, "-m", "certify", *map(str, arguments)]
    return subprocess.run(
        command, cwd=cwd, input=stdin, capture_output=True, env=environment(**extra), timeout=120, check=False
    )


def called(*arguments: object) -> subprocess.CompletedProcess[bytes]:
    """The same outcome, of a call in this process, whose environment is put back afterwards."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), patch.dict(os.environ):
        code = run([str(argument) for argument in arguments])
    return subprocess.CompletedProcess(arguments, code, out.getvalue().encode(), err.getvalue().encode())


def only_line(stream: bytes) -> str:
    """The one line that the stream holds."""
    lines = stream.decode().splitlines()
    assert len(lines) == 1, lines
    return lines[0]
