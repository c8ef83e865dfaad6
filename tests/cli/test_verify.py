"""`certify verify CERT MODEL DATA`: the checker's answer for the arrays of two files."""

from __future__ import annotations

import gzip
import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from certificates import Plan, document, sealed
from checker_cases import PLANS
from command_line import called, certify, only_line

from certify.problem.objective import Bias

BASE = "half-squared sum penalized penalized majorants"


def saved(folder: Path, plan: Plan) -> tuple[Path, Path]:
    """The plan's network and data as npz files."""
    net = plan.network
    arrays = {"W1": net.hidden_weights.T, "b1": net.hidden_bias, "W2": net.output_weights, "b2": net.output_bias}
    model, data = folder / "model.npz", folder / "data.npz"
    np.savez(model, **{key: array for key, array in arrays.items() if array is not None})
    weights = {} if plan.data.sample_weight is None else {"sample_weight": plan.data.sample_weight}
    np.savez(data, X=plan.data.X, y=plan.data.y[:, 0], **weights)
    return model, data


def with_files(plan: Plan, model: Path, data: Path) -> dict[str, Any]:
    """A certificate that names the files and does not carry its arrays."""
    content = document(replace(plan, carried=False))
    for part, path in (("network", model), ("data", data)):
        content[part]["file_sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    return content


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path, Path]:
    """A certificate without arrays, its model and its data."""
    model, data = saved(tmp_path, PLANS[BASE])
    cert = tmp_path / "cert.json.gz"
    cert.write_bytes(gzip.compress(sealed(with_files(PLANS[BASE], model, data))))
    return cert, model, data


@pytest.mark.parametrize(
    "name", [BASE, "sample weights", "targets 0 and 1", "refuted", "half-squared sum free free cones"]
)
def test_accepted(tmp_path: Path, name: str) -> None:
    """A right certificate is accepted for its files, by both scans, with exit code 0."""
    model, data = saved(tmp_path, PLANS[name])
    cert = tmp_path / "cert.json"
    cert.write_bytes(sealed(with_files(PLANS[name], model, data)))
    for options in ((), ("--paranoid",)):
        outcome = called("verify", cert, model, data, *options)
        assert (outcome.returncode, outcome.stderr) == (0, b"")
        assert outcome.stdout.startswith(f"ACCEPTED {PLANS[name].verdict} eps=".encode())


def test_json(files: tuple[Path, Path, Path]) -> None:
    """--format json gives the claims with every number in full, or the reason."""
    cert, model, data = files
    answer = json.loads(called("verify", *files, "--format", "json").stdout)
    claim = with_files(PLANS[BASE], model, data)["claim"]
    assert answer["accepted"] is True and answer["verdict"] == "open" and answer["reason"] is None
    assert answer["lower_bound"] == float.fromhex(claim["lower_bound"])
    assert answer["value_bounds"]["lower"] == float.fromhex(claim["value"][0])
    outcome = called("verify", cert, model, model_like(data), "--format", "json")
    assert outcome.returncode == 5
    answer = json.loads(outcome.stdout)
    assert answer["accepted"] is False and "data file" in answer["reason"]


def model_like(data: Path) -> Path:
    """The same data in another file: other bytes."""
    other = data.with_name("other.npz")
    with np.load(data) as stored:
        np.savez_compressed(other, **stored)
    return other


def test_other_bytes_of_the_same_arrays(files: tuple[Path, Path, Path]) -> None:
    """A file that was written anew is not the file that the certificate names."""
    cert, model, data = files
    outcome = called("verify", cert, model, model_like(data))
    assert outcome.returncode == 5
    assert only_line(outcome.stdout).startswith("REJECTED data file: not the one that the certificate is about")


def test_other_arrays(tmp_path: Path, files: tuple[Path, Path, Path]) -> None:
    """Without the hashes of the files, those of the arrays still tell."""
    plan, (_, model, data) = PLANS[BASE], files
    cert = tmp_path / "plain.json"
    cert.write_bytes(sealed(document(replace(plan, carried=False))))
    assert called("verify", cert, model, data).returncode == 0
    (tmp_path / "b").mkdir()
    moved = replace(plan.network, output_weights=np.nextafter(plan.network.output_weights, 9))
    other_model, _ = saved(tmp_path / "b", replace(plan, network=moved))
    outcome = called("verify", cert, other_model, data)
    assert outcome.returncode == 5
    assert only_line(outcome.stdout).startswith("REJECTED network: not the arrays that the certificate is about")
    _, other_data = saved(tmp_path / "b", replace(plan, data=replace(plan.data, X=-plan.data.X)))
    assert b"REJECTED data: not the arrays" in called("verify", cert, model, other_data).stdout


def test_carried_arrays_must_be_the_same(files: tuple[Path, Path, Path], tmp_path: Path) -> None:
    """Arrays that the certificate carries besides must be those that its hash names."""
    _, model, data = files
    content = with_files(PLANS[BASE], model, data)
    content["data"]["arrays"] = document(PLANS[BASE])["data"]["arrays"]
    cert = tmp_path / "carried.json"
    cert.write_bytes(sealed(content))
    assert called("verify", cert, model, data).returncode == 0
    content["data"]["arrays"]["y"][0] = (0.5).hex()
    cert.write_bytes(sealed(content))
    assert b"REJECTED data: not the arrays" in called("verify", cert, model, data).stdout


def test_other_shapes(tmp_path: Path, files: tuple[Path, Path, Path]) -> None:
    """More outputs, another width, or a bias that the objective does not have: rejected, each with its reason."""
    plan, (cert, model, data) = PLANS[BASE], files
    plain = tmp_path / "plain.json"
    plain.write_bytes(sealed(document(replace(plan, carried=False))))
    two = tmp_path / "two.npz"
    np.savez(two, X=plan.data.X, y=np.ones((plan.data.samples, 2)))
    assert b"REJECTED data: 2 outputs" in called("verify", plain, model, two).stdout
    wide = tmp_path / "wide.npz"
    net = plan.network
    double = {"W1": np.hstack([net.hidden_weights.T] * 2), "b1": np.tile(net.hidden_bias, 2)}
    np.savez(wide, **double, W2=np.vstack([net.output_weights] * 2), b2=net.output_bias)
    assert b"REJECTED samples, inputs, width are (6, 2, 6)" in called("verify", plain, wide, data).stdout
    bare = tmp_path / "bare.npz"
    np.savez(bare, W1=net.hidden_weights.T, W2=net.output_weights)
    assert b"REJECTED hidden and output bias" in called("verify", plain, bare, data).stdout
    assert called("verify", cert, bare, data).returncode == 5
    assert plan.goal.hidden_bias is not Bias.NONE


def test_unreadable_files_are_exit_code_two(files: tuple[Path, Path, Path], tmp_path: Path) -> None:
    """A certificate, model or data file that cannot be opened is not a rejection."""
    missing = tmp_path / "missing"
    for position in range(3):
        arguments = [missing if i == position else path for i, path in enumerate(files)]
        outcome = called("verify", *arguments)
        assert (outcome.returncode, outcome.stdout) == (2, b"")
        assert b"missing" in only_line(outcome.stderr).encode()
    assert called("verify", tmp_path, files[1], files[2]).returncode == 2


def test_garbage_certificate_is_exit_code_five(files: tuple[Path, Path, Path], tmp_path: Path) -> None:
    """What can be opened and is no certificate is rejected."""
    garbage = tmp_path / "garbage"
    garbage.write_bytes(b"garbage")
    outcome = called("verify", garbage, *files[1:])
    assert outcome.returncode == 5 and only_line(outcome.stdout).startswith("REJECTED not JSON")


def test_standard_input_and_output_file(files: tuple[Path, Path, Path], tmp_path: Path) -> None:
    """- reads the certificate from standard input, --output writes the answer to a file."""
    cert, model, data = files
    answer = tmp_path / "answer.txt"
    outcome = certify("verify", "-", model, data, "--output", answer, stdin=cert.read_bytes())
    assert (outcome.returncode, outcome.stdout) == (0, b"")
    assert answer.read_text().startswith("ACCEPTED open")
