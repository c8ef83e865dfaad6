"""Terminals and signals, each with the real process."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from command_line import certify, environment

from certify.cli.progress import fitted, progress_line
from certify.decide.options import Progress

OBJECTIVE = ("--loss", "half-squared", "--reduction", "sum", "--weight-decay", "0.1", "--penalize", "all")
SLOW = """
import sys, time
import certify.decide.check
from certify.decide.options import Progress

def search(network, dataset, objective, options, progress, wish=None):
    print("searching", flush=True)
    for step in range(1, 300):
        if progress is not None:
            progress(Progress("cones", step / 10, 0.3, 0.2, 0.25, 0.1, 0.12, 0.1, 100 * step, step / 300, "open", 60.0))
        time.sleep(0.1)

certify.decide.check.check_network = search
from certify.cli.app import main
main()
"""


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """A network of one neuron, at the optimum of its one sample, and that sample (oracle O1)."""
    model, data = tmp_path / "model.npz", tmp_path / "data.npz"
    np.savez(model, **{"fc1.weight": np.array([[np.sqrt(1.9)]]), "fc2.weight": np.array([[np.sqrt(1.9)]])})
    np.savez(data, X=np.array([[1.0]]), y=np.array([2.0]))
    return model, data


def on_a_terminal(*arguments: object, stream: str, **extra: str) -> tuple[str, int]:
    """What the command writes to `stream` when that is a terminal, and its exit code."""
    ours, theirs = pty.openpty()
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | {stream: theirs}
    command = [sys.executable, "-m", "certify", *map(str, arguments)]
    process = subprocess.Popen(command, env=environment(TERM="xterm", **extra), **streams)
    os.close(theirs)
    text = b""
    while True:
        try:
            chunk = os.read(ours, 4096)
        except OSError:
            break
        if not chunk:
            break
        text += chunk
    os.close(ours)
    process.communicate(timeout=60)
    return text.decode(), process.returncode


@pytest.mark.parametrize(
    ("extra", "coloured"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"GITHUB_ACTIONS": "true"}, True)],
)
def test_colour_on_a_terminal(extra: dict[str, str], coloured: bool, files: tuple[Path, Path]) -> None:
    """A terminal shows the verdict in colour, unless NO_COLOR is set and not empty."""
    text, code = on_a_terminal("check", *files, *OBJECTIVE, "-q", stream="stdout", **extra)
    assert code == 0
    assert ("\033[" in text) is coloured
    assert "CERTIFIED" in text


@pytest.mark.parametrize("extra", [{}, {"GITHUB_ACTIONS": "true"}, {"FORCE_COLOR": "1"}, {"CLICOLOR_FORCE": "1"}])
def test_no_colour_in_a_pipe(extra: dict[str, str], files: tuple[Path, Path]) -> None:
    """A pipe gets plain text, 80 columns at most but for paths, and stderr stays empty."""
    outcome = certify("check", *files, *OBJECTIVE, "-v", **extra)
    text = outcome.stdout.decode()
    assert (outcome.returncode, outcome.stderr) == (0, b"")
    assert "\033" not in text
    assert text.startswith("CERTIFIED gap<=")
    assert all(len(line) <= 80 for line in text.splitlines() if "/" not in line.replace("0.1/2", ""))


def started(files: tuple[Path, Path], stderr: int = subprocess.PIPE, **extra: str) -> subprocess.Popen[bytes]:
    """A check whose search takes half a minute, started and searching."""
    command = [sys.executable, "-c", SLOW, "check", *map(str, files), *OBJECTIVE]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, env=environment(TERM="xterm", **extra))
    assert process.stdout.readline() == b"searching\n"
    return process


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupt_is_one_line_and_130(number: signal.Signals, files: tuple[Path, Path]) -> None:
    """Ctrl-C and SIGTERM alike end the command at once, with one line and exit code 130."""
    process = started(files)
    begun = time.monotonic()
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert time.monotonic() - begun < 5
    assert (process.returncode, out) == (130, b"")
    assert err == b"certify: interrupted before any bound was known\n"


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_background_job_stays_one(unbuffered: str, files: tuple[Path, Path]) -> None:
    """Started with SIGINT ignored, as by `certify check ... &` in a script, it goes on after Ctrl-C; SIGTERM still ends it."""
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        process = started(files, PYTHONUNBUFFERED=unbuffered)
    finally:
        signal.signal(signal.SIGINT, previous)
    process.send_signal(signal.SIGINT)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(timeout=0.5)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, b"")
    assert err == b"certify: interrupted before any bound was known\n"


@pytest.mark.usefixtures("interruptible")
def test_interrupt_while_parsing_is_130() -> None:
    """Ctrl-C before the search has begun is no verdict either."""
    code = (
        "import certify.cli.app as app, signal\n"
        "def load(*_): signal.raise_signal(signal.SIGINT)\n"
        "app.command_defaults = load\n"
        "app.main()"
    )
    command = [sys.executable, "-c", code, "check", "m", "d"]
    outcome = subprocess.run(command, capture_output=True, env=environment(), timeout=60, check=False)
    assert (outcome.returncode, outcome.stdout) == (130, b"")
    assert outcome.stderr == b"certify: interrupted before any bound was known\n"


@pytest.mark.usefixtures("interruptible")
def test_progress_is_one_live_line(files: tuple[Path, Path]) -> None:
    """On a terminal stderr shows time, what stands, F, the bounds, the share proved and the speed, and rewrites that line."""
    ours, theirs = pty.openpty()
    process = started(files, stderr=theirs)
    os.close(theirs)
    text = ""
    while text.count("proved") < 3 and select.select([ours], [], [], 10)[0]:
        text += os.read(ours, 4096).decode(errors="replace")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    os.close(ours)
    shown = re.sub(r"\033\[[0-9;?]*[A-Za-z]", "", text)
    assert re.search(r"\d+\.\ds  \d+s left  open  F 0\.3  0\.2<=P\*<=0\.25  proved \d+%  \d+ nodes \(1000/s\)", shown)


def test_progress_line_shows_what_is_known() -> None:
    """Bounds that do not exist yet are left out, and those shown are rounded away from the claim."""
    assert progress_line(Progress("reading", 0.25)) == "0.2s  open  reading"
    bounds = {"value": 1 / 3, "lower_bound": 0.2433299, "best_value": 0.25}
    line = progress_line(Progress("cones", 2.0, **bounds, nodes=10, proved=0.999, standing="certified", left=58.0))
    assert line == "2.0s  58s left  certified  F 0.33334  0.24332<=P*<=0.25  proved 99%  10 nodes (5/s)  cones"
    line = progress_line(Progress("convex program", 2.0, best_value=0.5))
    assert line == "2.0s  open  P*<=0.5  convex program"


def test_what_matters_fits_a_terminal() -> None:
    """After an hour, with numbers of many digits, 80 columns still show the time left, what stands, F and both bounds."""
    bounds = {"value": -1.23456789e-12, "lower_bound": -1.23456789e-12, "best_value": -1.23456789e-12}
    line = progress_line(Progress("proof", 3600.0, **bounds, nodes=10**9, standing="certified", left=86400.0))
    assert "<=P*<=" in fitted(line, 80)
    assert line.index("-1.2345e-12", line.index("<=P*<=")) + len("-1.2345e-12") < 79


def test_a_long_line_does_not_wrap() -> None:
    """A line that reaches the last column could not be rewritten: it is cut, visibly."""
    assert fitted("nodes 10", 9) == "nodes 10"
    assert fitted("nodes 10", 8) == "nodes …"
    assert fitted("nodes 10", 1) == "…"
