"""Standard streams that are closed, full, or read by nobody: one clear line, the right exit code, never a traceback."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from command_line import environment, only_line

pytestmark = pytest.mark.slow  # together: `make test-fast` leaves them out

OBJECTIVE = ("--loss", "half-squared", "--reduction", "sum", "--weight-decay", "0.1", "--penalize", "all")
COMMANDS = {
    "help": ("--help",),
    "version": ("--version",),
    "help of a command": ("check", "--help"),
    "check": ("check", "model.npz", "data.npz", *OBJECTIVE),
    "solve": ("solve", "data.npz", *OBJECTIVE, "-q"),
    "descend": ("descend", "model.npz", "data.npz", *OBJECTIVE),
    "verify": ("verify", "proof.json", "model.npz", "data.npz"),
    "inspect": ("inspect", "model.npz"),
}
CASES = [(name, "") for name in COMMANDS] + [("help", "1"), ("check", "1")]  # with PYTHONUNBUFFERED unset and set
FULL = "certify: error: standard output cannot be written: No space left on device"
CLOSED = "certify: error: standard output is closed, and the result was to be shown there"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network of one neuron, at the optimum of its one sample (oracle O1), and the certificate of that."""
    folder = tmp_path_factory.mktemp("streams")
    weight = np.array([[np.sqrt(1.9)]])
    np.savez(folder / "model.npz", **{"fc1.weight": weight, "fc2.weight": weight})
    np.savez(folder / "data.npz", X=np.array([[1.0]]), y=np.array([2.0]))
    done = shell(("check", "model.npz", "data.npz", *OBJECTIVE, "--certificate", "proof.json", "-q"), "", folder)
    assert (done.returncode, done.stderr) == (0, b"")
    return folder


def shell(
    arguments: tuple[str, ...], redirection: str, folder: Path, unbuffered: str = ""
) -> subprocess.CompletedProcess[bytes]:
    """`certify ARGUMENTS REDIRECTION`, as a shell does it. An empty PYTHONUNBUFFERED is as good as none."""
    command = f"{shlex.join((sys.executable, '-m', 'certify', *arguments))} {redirection}"
    return subprocess.run(
        ["sh", "-c", command],
        cwd=folder,
        env=environment(PYTHONUNBUFFERED=unbuffered),
        capture_output=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(("redirection", "words"), [(">/dev/full", FULL), (">&-", CLOSED)])
@pytest.mark.parametrize(("name", "unbuffered"), CASES)
def test_a_result_that_cannot_be_shown_is_an_error(
    name: str, unbuffered: str, redirection: str, words: str, folder: Path
) -> None:
    """A full disk or a closed stdout is exit code 3 and one line; a verdict that nobody saw is not a verdict."""
    done = shell(COMMANDS[name], redirection, folder, unbuffered)
    assert (done.returncode, only_line(done.stderr)) == (3, words)


@pytest.mark.parametrize(("name", "unbuffered"), CASES)
def test_a_reader_who_has_gone_away_is_no_error(name: str, unbuffered: str, folder: Path) -> None:
    """`certify ... | head -0` is silent, and keeps the exit code of the answer."""
    gone = subprocess.Popen(["true"], stdin=subprocess.PIPE)
    gone.wait(timeout=60)
    command = [sys.executable, "-m", "certify", *COMMANDS[name]]
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment(PYTHONUNBUFFERED=unbuffered),
        stdout=gone.stdin,
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
    )
    assert gone.stdin is not None
    gone.stdin.close()
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("redirection", ["2>/dev/full", "2>&-"])
@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (COMMANDS["solve"][:-1], 0),  # it has a note to say
        (("check", "model.npz", "missing.npz"), 2),
        (("chek",), 2),
        (("inspect", "model.npz", "missing.npz"), 2),
    ],
)
def test_what_cannot_be_said_changes_nothing(
    arguments: tuple[str, ...], code: int, redirection: str, unbuffered: str, folder: Path
) -> None:
    """Without a stderr the result and the exit code are the same, and no message strays into stdout."""
    done, usual = shell(arguments, redirection, folder, unbuffered), shell(arguments, "", folder, unbuffered)
    assert usual.stderr.startswith(b"certify: ")
    assert done.returncode == usual.returncode == code
    assert b"certify: " not in done.stdout
    assert done.stdout.count(b"\n") == usual.stdout.count(b"\n")


def test_a_file_does_not_take_the_place_of_a_closed_stdout(folder: Path) -> None:
    """With stdout closed the first file opened would be descriptor 1: the certificate must not be what is printed to."""
    done = shell((*COMMANDS["check"], "--certificate", "again.json", "--output", "report.txt"), ">&- 2>&- <&-", folder)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert (folder / "report.txt").read_bytes().startswith(b"CERTIFIED ")
    assert shell(("verify", "again.json", "model.npz", "data.npz"), "", folder).returncode == 0
