"""`certify width` through the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from oracles import ORACLES

from certify.cli.app import run

STATED = ["--loss", "half-squared", "--reduction", "sum", "--weight-decay", "0.1", "--penalize", "all"]


def written(folder: Path, bias: bool = False) -> list[str]:
    """O8 with its two separate neurons, with a hidden bias of zero if wanted."""
    oracle = ORACLES["O8"]
    net = next(k for k in oracle.networks if k.name == "2 separate neurons").network
    arrays = {"fc1.weight": net.hidden_weights, "fc2.weight": net.output_weights.T}
    np.savez(folder / "m.npz", **arrays, **({"fc1.bias": np.zeros(2)} if bias else {}))
    np.savez(folder / "d.npz", X=oracle.dataset.X, y=oracle.dataset.y[:, 0])
    return [str(folder / "m.npz"), str(folder / "d.npz")]


def test_text_json_and_witnesses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """O8: spurious at 1 and 2, none from 3 on; each witness that is written is a strict local minimum."""
    files = written(tmp_path)
    folder = tmp_path / "witnesses"
    assert run(["width", *files, *STATED, "--exhaustive", "--export", str(folder)]) == 0
    text = capsys.readouterr().out
    assert text.startswith("WIDTHS without spurious valleys from 3 on; spurious at 1, 2\n")
    assert all(len(line) <= 80 for line in text.splitlines() if str(tmp_path) not in line)
    assert run(["width", *files, *STATED, "--exhaustive", "--format", "json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert (record["m_star"], record["M_star"], record["rank"], record["R"]) == (1, 1, 1, 2)
    assert record["no_spurious_valley_from"] == 3
    assert [width["spurious"]["count"] for width in record["widths"]] == [2, 1]
    assert record["model"]["class"] == "strict-local-minimum"
    assert record["model"]["reaches"] is False
    witnesses = sorted(folder.iterdir())
    assert [path.name for path in witnesses] == ["spurious-1-0.npz", "spurious-1-1.npz", "spurious-2-0.npz"]
    for path in witnesses:
        assert run(["stationary", str(path), files[1], *STATED, "-q"]) == 0
        assert capsys.readouterr().out.startswith("STRICT-LOCAL-MINIMUM")


def test_data_alone_and_descents(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a model, and without --exhaustive, what is found is there, but more may be."""
    data = written(tmp_path)[1]
    assert run(["width", data, *STATED, "--format", "json", "--starts", "10"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["model"] is None
    assert not any(width["spurious"]["exact"] for width in record["widths"])
    assert max(width["spurious"]["count"] for width in record["widths"]) >= 1


def test_a_free_hidden_bias_is_not_covered(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It says so and why; the sufficient width is given all the same."""
    files = written(tmp_path, bias=True)
    assert run(["width", *files, *STATED[:-1], "weights"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert text.startswith("WIDTHS without spurious valleys from 3 on; below: not covered")
    assert "a bias can slide at the same F" in text
