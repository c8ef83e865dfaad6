"""`certify check --certificate`: the file, what it holds, and what happens where there is none."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from command_line import ROOT, certify
from oracles import objective
from planted import optimal_network, random_data
from stored_files import torch_state

from certify.checker.claims import decide
from certify.problem.objective import Loss

OPTIONS = ("--loss", "half-squared", "--reduction", "sum", "--weight-decay", "0.3", "--penalize", "all")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """An optimal network and its data."""
    folder, goal = tmp_path_factory.mktemp("files"), objective(0.3)
    data = random_data(goal, seed=3)
    net = optimal_network(data, goal)
    np.savez(folder / "data.npz", X=data.X, y=data.y[:, 0])
    np.savez(folder / "model.npz", **torch_state(net))
    return folder / "model.npz", folder / "data.npz"


@pytest.mark.parametrize("name", ["c.json", "c.json.gz"])
def test_the_file_is_accepted_by_verify_and_alone(name: str, files: tuple[Path, Path], tmp_path: Path) -> None:
    """The certificate is written, named in the report, accepted with the files and, as it carries its arrays, without them."""
    path = tmp_path / name
    run = certify("check", *files, *OPTIONS, "--certificate", path, "--format", "json", "--paranoid")
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout)["certificate"] == str(path)
    assert certify("verify", path, *files).stdout.startswith(b"ACCEPTED certified eps=0.0001")
    assert decide(path.read_bytes()).certificate.claim.verdict == "certified"
    assert path.read_bytes().startswith(b"\x1f\x8b") == name.endswith(".gz")


def test_arrays_can_be_left_out(files: tuple[Path, Path], tmp_path: Path) -> None:
    """Without the arrays the certificate is shorter, and is accepted with the files alone."""
    path = tmp_path / "c.json"
    run = certify("check", *files, *OPTIONS, "--certificate", path, "--certificate-arrays", "omit")
    assert run.returncode == 0
    assert b"certificate  accepted by the checker, written to" in run.stdout
    stated = json.loads(path.read_bytes())
    assert stated["data"]["arrays"] is None
    assert stated["network"]["arrays"] is None
    assert certify("verify", path, *files).returncode == 0


def test_other_files_are_refused(files: tuple[Path, Path], tmp_path: Path) -> None:
    """A certificate speaks of these very files: the same arrays in another file are not what it names."""
    path, other = tmp_path / "c.json", tmp_path / "other.npz"
    certify("check", *files, *OPTIONS, "--certificate", path)
    with np.load(files[1]) as stored:
        np.savez_compressed(other, **stored)
    assert certify("verify", path, files[0], other).returncode == 5


def test_the_same_check_writes_the_same_bytes(files: tuple[Path, Path], tmp_path: Path) -> None:
    """Nothing in a certificate depends on the time or on the run."""
    paths = [tmp_path / name for name in ("a.json.gz", "b.json.gz")]
    for path in paths:
        certify("check", *files, *OPTIONS, "--certificate", path, "--threads", "1")
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_refuted_and_open_checks_write_theirs(tmp_path: Path) -> None:
    """A refuted network's certificate shows the better one; an inconclusive check's states what is known."""
    iris = ("--loss", "half-squared", "--reduction", "sum", "--weight-decay", "15", "--penalize", "all")
    for model, code, word in (("iris_torch_local", 1, "refuted"), ("iris_torch_narrow", 4, "open")):
        path = tmp_path / f"{model}.json.gz"
        run = certify(
            "check", ROOT / "fixtures" / f"{model}.npz", ROOT / "fixtures/iris.npz", *iris, "--certificate", path
        )
        assert run.returncode == code, run.stderr
        claim = decide(path.read_bytes()).certificate.claim
        assert claim.verdict == word
        assert claim.better is not None
        assert 21.118480687352 * (1 - 1e-4) < claim.lower_bound < 21.118480687352
        assert len(gzip.decompress(path.read_bytes())) < 1_000_000


def test_nothing_is_overwritten_by_mistake(files: tuple[Path, Path], tmp_path: Path) -> None:
    """--certificate may not name another file of the call, nor a folder that is not there."""
    for target in (files[0], tmp_path / "missing" / "c.json"):
        run = certify("check", *files, *OPTIONS, "--certificate", target)
        assert run.returncode == 2
        assert b"--certificate" in run.stderr
    run = certify("check", *files, *OPTIONS, "--certificate", tmp_path / "x", "--output", tmp_path / "x")
    assert run.returncode == 2


def test_zero_and_one_as_they_are_stored(tmp_path: Path) -> None:
    """For the logistic loss a file with classes 0 and 1 verifies against itself."""
    goal = objective(0.2, Loss.LOGISTIC)
    data = random_data(goal, seed=4)
    net = optimal_network(data, goal)
    model, stored, path = (tmp_path / name for name in ("m.npz", "d.npz", "c.json"))
    np.savez(stored, X=data.X, y=(data.y[:, 0] > 0).astype(np.int64))
    np.savez(model, **torch_state(net))
    stated = ("--loss", "logistic", "--reduction", "sum", "--weight-decay", "0.2", "--penalize", "all")
    assert certify("check", model, stored, *stated, "--certificate", path).returncode == 0
    assert certify("verify", path, model, stored).returncode == 0
    assert decide(path.read_bytes()).certificate.data.arrays.y == [0.0 if y < 0 else 1.0 for y in data.y[:, 0]]
