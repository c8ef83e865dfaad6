"""`certify path` and `certify verify` through the command line: the file, the exit codes, the network on the way."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from oracle_files import known_files
from oracles import ORACLES

from certify.cli.app import run


def test_a_path_is_written_verified_and_walked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """O8's spurious minimum of width 2 at width 3: .19 down to 23/144; the end is certified, the middle is in between."""
    files, stated = known_files("O8", "2 separate neurons", tmp_path)
    out, end, middle = (str(tmp_path / name) for name in ("p.npz", "end.npz", "middle.npz"))
    call = ["path", *files, *stated, "--width", "3", "--eps", "1e-6"]
    assert run([*call, "--output", out, "--export", end]) == 0
    text = capsys.readouterr().out
    assert text.startswith("FOUND F 0.19")
    assert all(len(line) <= 80 for line in text.splitlines() if str(tmp_path) not in line)
    assert run([*call, "--at", "0.6", "--export", middle, "--format", "json"]) == 0
    record = json.loads(capsys.readouterr().out)["path"]
    assert record["answer"] == "found"
    assert record["end"] == pytest.approx(23 / 144, abs=1e-12)
    assert 0 <= record["highest_rise"] <= 1e-13
    assert run(["verify", out, *files]) == 0
    assert capsys.readouterr().out.startswith("ACCEPTED path")
    assert run(["check", end, files[1], *stated, "-q"]) == 0
    capsys.readouterr()
    assert run(["stationary", middle, files[1], *stated, "--format", "json"]) == 0
    assert 23 / 144 <= json.loads(capsys.readouterr().out)["value"] <= 0.19


def test_a_strict_minimum_has_no_path_at_its_width(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1, or 0 where that is asked for; the width that suffices is named."""
    files, stated = known_files("O8", "2 separate neurons", tmp_path)
    assert run(["path", *files, *stated]) == 1
    assert "--width 3" in " ".join(capsys.readouterr().out.split())
    assert run(["path", *files, *stated, "--exit-zero", "-q"]) == 0
    assert capsys.readouterr().out.startswith("IMPOSSIBLE ")


def test_damaged_files_are_refused_or_rejected(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two hundred flipped bytes: one line each, exit code 2 or 5, never 0 and never a traceback."""
    files, stated = known_files("O8", "2 separate neurons", tmp_path)
    out = tmp_path / "p.npz"
    assert run(["path", *files, *stated, "--width", "3", "--output", str(out), "-q"]) == 0
    capsys.readouterr()
    content = out.read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(200):
        broken = bytearray(content)
        broken[int(rng.integers(4, len(content)))] ^= int(rng.integers(1, 256))
        out.write_bytes(bytes(broken))
        code = run(["verify", str(out), *files])
        streams = capsys.readouterr()
        if code == 0:  # a byte that no reader looks at, such as a time stamp of the archive
            assert same_arrays(bytes(broken), content, tmp_path)
        else:
            assert code in (2, 5)
            assert (streams.out + streams.err).count("\n") == 1


def same_arrays(one: bytes, other: bytes, folder: Path) -> bool:
    """Whether two archives hold the same numbers and texts."""
    (folder / "one.npz").write_bytes(one)
    (folder / "other.npz").write_bytes(other)
    with np.load(folder / "one.npz") as first, np.load(folder / "other.npz") as second:
        return all(np.array_equal(first[key], second[key]) for key in second.files)


def test_a_path_of_other_files_is_rejected(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The model's or the data's arrays are another's."""
    files, stated = known_files("O8", "2 separate neurons", tmp_path)
    out = str(tmp_path / "p.npz")
    assert run(["path", *files, *stated, "--width", "3", "--output", out, "-q"]) == 0
    data = dict(np.load(files[1]))
    np.savez(files[1], X=data["X"] * 2, y=data["y"])
    capsys.readouterr()
    assert run(["verify", out, *files]) == 5
    assert capsys.readouterr().out.startswith("REJECTED data file")


def test_options_that_do_not_go_together(tmp_path: Path) -> None:
    """A time without a file for its network, a time outside the path, a width below the network's."""
    files, stated = known_files("O8", "2 separate neurons", tmp_path)
    for wrong in (["--at", "0.5"], ["--at", "1.5", "--export", str(tmp_path / "x.npz")], ["--width", "1"]):
        assert run(["path", *files, *stated, *wrong]) == 2


def optima(folder: Path) -> list[str]:
    """O4's networks of one, two and three neurons, and its data."""
    oracle = ORACLES["O4"]
    names = []
    for known in oracle.networks[:3]:
        net = known.network
        names.append(str(folder / f"{net.width}.npz"))
        np.savez(names[-1], **{"fc1.weight": net.hidden_weights, "fc2.weight": net.output_weights.T})
    np.savez(folder / "d.npz", X=oracle.dataset.X, y=oracle.dataset.y[:, 0])
    return [*names, str(folder / "d.npz")]


def test_a_path_to_an_optimum_of_ones_choice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """O4 at width 3: written, verified, the target at its end; at width 2 impossible, and the width that suffices is named."""
    one, two, three, data = optima(tmp_path)
    stated = ["--loss", "half-squared", "--reduction", "sum", "--weight-decay", "0.1", "--penalize", "all"]
    out, end = str(tmp_path / "p.npz"), str(tmp_path / "end.npz")
    call = ["path", one, data, *stated, "--to", two, "--width"]
    assert run([*call, "3", "--output", out, "--export", end]) == 0
    text = capsys.readouterr().out
    assert "the path ends there exactly, neuron by neuron" in " ".join(text.split())
    assert all(len(line) <= 80 for line in text.splitlines() if str(tmp_path) not in line)
    assert run(["verify", out, one, data]) == 0
    assert capsys.readouterr().out.startswith("ACCEPTED path, 3 pieces, width 3")
    with np.load(end) as arrays, np.load(two) as target:
        assert arrays["fc1.weight"][:2] == pytest.approx(target["fc1.weight"], rel=1e-15)
    assert run([*call, "3", "--format", "json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["path"]["target"] | {"value_bounds": None} == {
        "value_bounds": None,
        "reached": True,
        "distance": 0.0,
        "same_order": True,
    }
    assert record["files"]["target"]["path"] == two
    assert run([*call, "2"]) == 1
    assert "hang together from width 3 on only" in " ".join(capsys.readouterr().out.split())
    assert run(["path", one, data, *stated, "--to", three]) == 2
    assert "--width 3" in capsys.readouterr().err


def test_a_target_that_is_not_optimal_is_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the command that says more, which refutes it."""
    files, stated = known_files("O8", "2 separate neurons", tmp_path)
    assert run(["path", *files, *stated, "--width", "3", "--to", files[0]]) == 2
    streams = capsys.readouterr()
    assert streams.out == ""
    assert streams.err.count("\n") == 1
    assert f"certify check {files[0]} {files[1]}" in streams.err
    assert run(["check", *files, *stated, "-q"]) == 1
    assert run(["path", *files, *stated, "--to", files[0], "--output", files[0]]) == 2
