"""`certify stationary` through the command line: text and JSON, exit code 0 for every class, refusals in one line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from oracle_files import known_files

from certify.cli.app import run


def written(folder: Path, oracle: str, name: str) -> list[str]:
    """The command on one of an oracle's networks."""
    files, stated = known_files(oracle, name, folder)
    return ["stationary", *files, *stated]


@pytest.mark.parametrize(
    ("oracle", "name", "line", "theorem"),
    [
        ("O6", "Clarke point", "CLARKE ", "fails: concave kink with fractional multiplier (neuron 0, sample 1)"),
        ("O7", "subsampled optimum", "NOT-STATIONARY ", "fails: optimal for its own patterns"),
        ("O8", "2 separate neurons", "STRICT-LOCAL-MINIMUM radius 0.265 ", "holds"),
        ("O4", "three neurons", "GLOBAL radius 0.243 ", "holds"),
    ],
)
def test_text_and_json_say_the_same(
    oracle: str, name: str, line: str, theorem: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first line, at most 80 columns wide, and the theorem; the class of the JSON is the word of the line."""
    arguments = written(tmp_path, oracle, name)
    assert run(arguments) == 0
    text = capsys.readouterr().out
    assert text.startswith(line)
    assert all(len(row) <= 80 for row in text.splitlines() if str(tmp_path) not in row)  # paths stay whole
    assert " ".join(text.split()).find(theorem) > 0
    assert run([*arguments, "--format", "json"]) == 0
    report = json.loads(capsys.readouterr().out)["stationary"]
    assert report["class"].upper() == line.split()[0]
    assert report["subsampled"]["theorem"].startswith(theorem)


def test_quiet_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And nothing else, for scripts."""
    assert run([*written(tmp_path, "O8", "2 separate neurons"), "-q"]) == 0
    assert capsys.readouterr().out.count("\n") == 1


def test_the_tolerance_is_the_user_s(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A network 1e-4 off its minimum is stationary to 1e-2 only; nonsense is refused with exit code 2."""
    arguments = written(tmp_path, "O8", "2 separate neurons")
    net = dict(np.load(tmp_path / "model.npz"))
    net["fc1.weight"] = net["fc1.weight"] * (1 + 1e-4)
    np.savez(tmp_path / "model.npz", **net)
    for tolerance, word in (("1e-6", "NOT-STATIONARY"), ("1e-2", "STRICT-LOCAL-MINIMUM")):
        assert run([*arguments, "--tolerance", tolerance]) == 0
        assert capsys.readouterr().out.split()[0] == word
    assert run([*arguments, "--tolerance", "2"]) == 2
