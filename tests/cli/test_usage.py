"""Usage: every mistake is one line that says what was found and what was expected, and exits 2."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from command_line import certify, environment, only_line

from certify import __version__
from certify.cli.app import run


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "Missing command"),
        (["chek"], "No such command 'chek'"),
        (["check"], "Missing argument 'MODEL'"),
        (["check", "m"], "Missing argument 'DATA'"),
        (["check", "m", "d", "--lss", "squared"], "--loss"),
        (
            ["check", "m", "d", "--loss", "absolute"],
            "'absolute' is not one of 'half-squared', 'squared', 'logistic', 'hinge'",
        ),
        (["check", "m", "d", "--eps", "0"], "--eps"),
        (["check", "m", "d", "--eps", "nan"], "nan is not above 0 and below 1"),
        (["check", "m", "d", "--eps", "inf"], "inf is not above 0 and below 1"),
        (["check", "m", "d", "--eps", "tiny"], "--eps"),
        (["check", "m", "d", "--time-limit", "0"], "0 is not a positive number of seconds"),
        (["check", "m", "d", "--time-limit", "nan"], "nan is not a positive number of seconds"),
        (["check", "m", "d", "--threads", "0"], "0 is not between 1 and"),
        (["check", "m", "d", "--seed", "-1"], "-1 is not between 0 and"),
        (["check", "m", "d", "--fail-on", "certified"], "'certified' is not one of"),
        (["check", "m", "d", "-q", "-v"], "-q and -v exclude one another"),
        (["check", "m", "d", "--map", "hidden=W"], "expected ROLE=KEY[:T]"),
        (["check", "m", "d", "--output", "nowhere/r.txt"], "the directory nowhere does not exist"),
        (["check", "m", "d", "--witness", "."], "this is a directory"),
        (["check", "m", "d", "--witness", "./m"], "would overwrite MODEL"),
        (["check", "m", "d", "--witness", "w", "--output", "w"], "would overwrite --output"),
        (["check", "-", "-"], "can stand for one file only"),
        (["check", "no-such-model.npz", "no-such-data.npz"], "no-such-"),
        (["inspect", "no-such-model.npz"], "no-such-model.npz"),
    ],
)
def test_a_mistake_is_one_line_and_exit_2(
    arguments: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Nothing reaches stdout, and stderr holds one line that begins with the command's name."""
    monkeypatch.chdir(tmp_path)
    assert run(arguments) == 2
    captured = capsys.readouterr()
    line = only_line(captured.err.encode())
    assert line.startswith("certify: error: ")
    assert words in line
    assert captured.out == ""


@pytest.mark.parametrize("arguments", [["check", "m", "d", "--eps", "0"], ["solve", "no-such-data.npz"], []])
def test_a_mistake_from_outside(arguments: list[str], tmp_path: Path) -> None:
    """The same of a real process: the exit code, one line, nothing else."""
    outcome = certify(*arguments, cwd=tmp_path, stdin=b"")
    assert only_line(outcome.stderr).startswith("certify: error: ")
    assert (outcome.returncode, outcome.stdout) == (2, b"")


def test_closed_standard_input_is_named(tmp_path: Path) -> None:
    """`certify check - DATA <&-` has nothing to read, and says so."""
    np.savez(tmp_path / "data.npz", X=np.ones((2, 1)), y=np.ones(2))
    command = f"{shlex.quote(sys.executable)} -m certify check - data.npz <&-"
    outcome = subprocess.run(
        ["sh", "-c", command], cwd=tmp_path, env=environment(), capture_output=True, timeout=60, check=False
    )
    assert outcome.returncode == 2
    assert "standard input, which is closed" in only_line(outcome.stderr)


def test_json_does_not_change_an_error(tmp_path: Path) -> None:
    """With --format json an error is still one line on stderr, and stdout stays empty."""
    outcome = certify("check", "no-model.npz", "no-data.npz", "--format", "json", cwd=tmp_path)
    assert only_line(outcome.stderr).startswith("certify: error: ")
    assert (outcome.returncode, outcome.stdout) == (2, b"")


def test_version_is_that_of_the_package() -> None:
    """`certify --version` says the version, alone on stdout."""
    outcome = certify("--version")
    assert (outcome.returncode, outcome.stdout, outcome.stderr) == (0, f"certify {__version__}\n".encode(), b"")


@pytest.mark.parametrize("command", [(), ("check",), ("inspect",)])
def test_help_is_plain_and_fits_80_columns(command: tuple[str, ...]) -> None:
    """Help names the exit codes, has no colour even on a build server, and no line beyond 80 columns."""
    outcome = certify(*command, "--help", GITHUB_ACTIONS="true", FORCE_COLOR="1", COLUMNS="80")
    text = outcome.stdout.decode()
    assert (outcome.returncode, outcome.stderr) == (0, b"")
    assert "Exit codes: 0 certified" in text
    assert "\033" not in text
    assert all(len(line) <= 80 for line in text.splitlines())
