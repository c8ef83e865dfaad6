"""Networks trained without weight decay, as a user meets them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from command_line import called, certify, only_line

OBJECTIVE = ("--loss", "squared", "--reduction", "mean", "--weight-decay", "0")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with |x| at twelve points, a network of two neurons that is |x|, and one that nearly is."""
    monkeypatch.chdir(tmp_path)
    x = np.linspace(-1, 1, 12)[:, None]
    np.savez("data.npz", X=x, y=np.abs(x[:, 0]))
    rest = {"0.bias": np.zeros(2), "2.weight": np.ones((1, 2)), "2.bias": np.zeros(1)}
    np.savez("near.npz", **{"0.weight": np.array([[1.0], [-0.9]])}, **rest)
    np.savez("exact.npz", **{"0.weight": np.array([[1.0], [-1.0]])}, **rest)
    return tmp_path


def test_interpolable_data_refute_a_loss_and_certify_none(folder: Path) -> None:
    """In processes of their own, as users call them: both verdicts, and certificates that `verify` and the checker accept."""
    refuted = certify("check", "near.npz", "data.npz", *OBJECTIVE, "--certificate", "near.json", "--witness", "w.npz")
    assert refuted.returncode == 1, refuted.stderr
    assert refuted.stdout.startswith(b"REFUTED decrease>=0.0019 ")
    assert b"without weight decay" in refuted.stdout
    certified = certify("check", "exact.npz", "data.npz", *OBJECTIVE, "--certificate", "exact.json", "-q")
    assert certified.returncode == 0
    assert only_line(certified.stdout) == "CERTIFIED gap<=0 (relative 0, eps 1e-04)"
    assert certified.stderr == b""
    for name in ("near", "exact"):
        assert called("verify", f"{name}.json", f"{name}.npz", "data.npz").returncode == 0
    assert called("verify", "exact.json", "near.npz", "data.npz").returncode == 5
    assert np.load("w.npz")["0.weight"].shape == (2, 1)
    assert called("check", "w.npz", "data.npz", *OBJECTIVE, "-q").returncode == 0


def test_training_fits_conflicting_data_as_well_as_can_be(folder: Path) -> None:
    """`solve` writes a network that `check` certifies, at the variance of equal inputs; `descend` gets there as well."""
    np.savez("data.npz", X=np.array([[0.0], [0.0], [1.0]]), y=np.array([1.0, 3.0, 5.0]))
    made = called("solve", "data.npz", *OBJECTIVE, "--bias", "both", "--output", "best.npz", "--format", "json")
    result = json.loads(made.stdout)
    assert (made.returncode, result["verdict"], result["objective"]["weight_decay"]) == (0, "certified", 0.0)
    assert result["optimum"]["lower"] == pytest.approx(2 / 3)
    assert result["stationarity"]["balanced"] is None
    assert called("check", "best.npz", "data.npz", *OBJECTIVE, "-q").returncode == 0
    down = called("descend", "near.npz", "data.npz", *OBJECTIVE, "--output", "down.npz", "-q")
    assert down.stdout.startswith(b"CERTIFIED")


def test_a_path_of_decays_may_end_without_any(folder: Path) -> None:
    """The last point is a problem of its own kind; each is written and certified."""
    options = ("--path-of-weight-decay", "0,0.1", "--bias", "both", "--penalize", "weights", "--output", "m.npz")
    made = called("solve", "data.npz", *OBJECTIVE[:4], *options, "--format", "json")
    points = json.loads(made.stdout)["path"]
    assert [point["objective"]["weight_decay"] for point in points] == [0.1, 0.0]
    assert [point["verdict"] for point in points] == ["certified", "certified"]
    assert made.returncode == 0 and Path("m-0.1.npz").exists() and Path("m-0.npz").exists()


def test_where_only_no_loss_at_all_would_do_the_report_says_so(folder: Path) -> None:
    """A network that fits up to rounding is not within eps |F| of 0, and why: whether or not a better one is found."""
    np.savez("data.npz", X=np.array([[0.1], [0.7], [1.3]]), y=np.array([0.1, 0.7, 1.3]) / 3)
    third = {"0.weight": np.array([[1.0]]), "0.bias": np.zeros(1), "2.weight": np.array([[1 / 3]])}
    np.savez("near.npz", **third, **{"2.bias": np.zeros(1)})
    found = called("check", "near.npz", "data.npz", *OBJECTIVE)
    text = " ".join(found.stdout.decode().split())
    assert found.returncode in (1, 4)
    assert "only F = 0 would be certified" in text
    assert max(map(len, found.stdout.decode().splitlines())) <= 80


@pytest.mark.parametrize(("decay", "words"), [("-1", "or 0"), ("nan", "or 0"), ("-1e-300", "or 0")])
def test_a_decay_below_0_is_one_line_and_2(decay: str, words: str, folder: Path) -> None:
    """What is no weight decay is refused before any search."""
    found = called("check", "near.npz", "data.npz", *OBJECTIVE[:5], decay, "--penalize", "weights")
    assert found.returncode == 2
    assert found.stdout == b""
    assert words in only_line(found.stderr)


def test_a_sidecar_with_one_decay_0_is_refused(folder: Path) -> None:
    """Rescaling takes the penalty to 0: the reason is given, and what to do."""
    Path("certify.toml").write_text("[objective]\nhidden_decay = 0\noutput_decay = 1.0\n")
    found = called("check", "near.npz", "data.npz", *OBJECTIVE[:4], "--penalize", "weights")
    assert found.returncode == 2
    assert "not attained; --weight-decay B" in only_line(found.stderr)
