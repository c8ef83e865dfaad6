"""`certify solve` and `certify descend` as a user meets them: files, exit codes, what is said, what is written."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest
from command_line import ROOT, certify, environment, only_line

from certify.cli.app import run
from certify.cli.inputs import THREAD_VARIABLES
from certify.files import load_model

pytestmark = pytest.mark.slow  # together: `make test-fast` leaves them out

FIXTURES = ROOT / "fixtures"
OBJECTIVE = ("--loss", "half-squared", "--reduction", "sum", "--weight-decay", "0.1")
IRIS = ("--loss", "half-squared", "--reduction", "sum", "--weight-decay", "15", "--penalize", "all")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working directory with O3's data, which two neurons fit best, and a one-neuron model."""
    monkeypatch.chdir(tmp_path)
    for variable in THREAD_VARIABLES:
        monkeypatch.setenv(variable, "1")
    np.savez(tmp_path / "data.npz", X=np.array([[-1.0], [1.0]]), y=np.array([1.0, 2.0]))
    np.savez(tmp_path / "model.npz", **{"fc1.weight": np.array([[0.5]]), "fc2.weight": np.array([[0.5]])})
    yield tmp_path


def solve(*options: object) -> int:
    """Exit code of `certify solve data.npz`."""
    return run(["solve", "data.npz", *OBJECTIVE, *map(str, options)])


def descend(*options: object) -> int:
    """Exit code of `certify descend model.npz data.npz`."""
    return run(["descend", "model.npz", "data.npz", *OBJECTIVE, *map(str, options)])


@pytest.mark.parametrize(
    ("options", "code", "verdict", "outcome", "width"),
    [
        ((), 0, "certified", "optimum", 2),
        (("--width", 2), 0, "certified", "optimum", 2),
        (("--width", 5), 0, "certified", "optimum", 2),
        (("--width", 1), 4, "inconclusive", "best-found", 1),
        (("--width", 1, "--fail-on", "refuted"), 0, "inconclusive", "best-found", 1),
        (("--width", 1, "--exit-zero"), 0, "inconclusive", "best-found", 1),
        (("--engine", "cvxpy"), 0, "certified", "optimum", 2),
        (("--engine", "enumerate"), 0, "certified", "optimum", 2),
    ],
)
def test_exit_codes_and_json_of_solve(
    options: tuple, code: int, verdict: str, outcome: str, width: int, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each outcome has its code; the JSON names it, with the network that the verdict speaks of."""
    assert solve("--format", "json", *options) == code
    result = json.loads(capsys.readouterr().out)
    assert (result["schema_version"], result["verdict"], result["training"]["outcome"]) == (1, verdict, outcome)
    assert result["width"] == width == len(result["training"]["network"]["hidden_weights"])
    assert result["lower_bound"] <= result["value_bounds"]["upper"]
    assert result["files"]["model"] is None
    assert result["optimum"]["lower"] == pytest.approx(0.29)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["solve", "data.npz"], "--loss, --reduction, --weight-decay"),
        (["solve", "missing.npz", *OBJECTIVE], "missing.npz"),
        (["solve", "data.npz", *OBJECTIVE, "--output", "model.pt"], "must end in .npz"),
        (["solve", "data.npz", *OBJECTIVE, "--output", "data.npz"], "would overwrite DATA"),
        (["solve", "data.npz", *OBJECTIVE, "--output", "nowhere/model.npz"], "does not exist"),
        (["solve", "data.npz", *OBJECTIVE, "--like", "model.npz", "--output", "model.npz"], "would overwrite --like"),
        (["solve", "data.npz", *OBJECTIVE, "--like", "model.npz", "--bias", "both"], "exclude one another"),
        (["solve", "data.npz", *OBJECTIVE, "--width", "0"], "not a number of neurons"),
        (["solve", "data.npz", *OBJECTIVE, "--map", "hidden.weight=a"], "--map says how the model of --like"),
        (["solve", "data.npz", *OBJECTIVE, "--path-of-weight-decay", "1,0.1"], "exclude one another"),
        (["solve", "data.npz", *OBJECTIVE[:4], "--path-of-weight-decay", "1,,2"], "not a positive number"),
        (["solve", "data.npz", *OBJECTIVE[:4], "--path-of-weight-decay", "1,nan"], "not a positive number"),
        (["solve", "data.npz", *OBJECTIVE[:4], "--weight-decay", "-1"], "must be positive and finite, or 0"),
        (["solve", "data.npz", *OBJECTIVE, "--bias", "both"], "--penalize"),
        (["solve", "data.npz", *OBJECTIVE, "-q", "-v"], "exclude one another"),
        (["solve", "data.npz", "--loss", "logistic", *OBJECTIVE[2:]], "logistic"),
        (["descend", "model.npz", "data.npz"], "--loss, --reduction, --weight-decay"),
        (["descend", "model.npz", "data.npz", *OBJECTIVE, "--output", "model.npz"], "would overwrite MODEL"),
        (["descend", "missing.npz", "data.npz", *OBJECTIVE], "missing.npz"),
    ],
)
def test_usage_errors_are_one_line_and_2(
    arguments: list[str], words: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the user can mend is said in one line before any search, and nothing is written."""
    before = sorted(folder.iterdir())
    assert run(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("certify: error: ")
    assert captured.err.count("\n") == 1
    assert words in captured.err
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize("suffix", [".npz", ".h5", ".hdf5"])
@pytest.mark.parametrize("bias", ["none", "hidden", "output", "both"])
def test_what_solve_writes_check_certifies(
    suffix: str, bias: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every format and set of biases is read by check, with the same verdict on the same numbers."""
    name, how = f"out{suffix}", ("--penalize", "all")
    assert solve("--bias", bias, *how, "--output", name, "--format", "json") == 0
    said = json.loads(capsys.readouterr().out)
    stored = load_model(folder / name)
    assert said["files"]["model"]["canonical_sha256"] == stored.canonical_sha256
    assert (stored.network.hidden_bias is not None) == (bias in ("hidden", "both"))
    assert (stored.network.output_bias is not None) == (bias in ("output", "both"))
    assert run(["check", name, "data.npz", *OBJECTIVE, *how, "--format", "json"]) == 0
    checked = json.loads(capsys.readouterr().out)
    assert checked["value_bounds"] == said["value_bounds"]
    assert checked["objective"] == said["objective"]
    assert checked["files"]["model"]["sha256"] == said["files"]["model"]["sha256"]


@pytest.mark.parametrize(
    ("like", "data", "options"),
    [
        pytest.param("diabetes_keras_local.h5", "diabetes.npz", (), marks=pytest.mark.slow),
        ("petal_torch_wide.npz", "petal.npz", ("--convention", "torch", "--weight-decay", "0.175")),
        ("iris_sklearn_narrow.npz", "iris.npz", ("--convention", "sklearn", "--weight-decay", "0.1")),
    ],
)
def test_like_writes_in_the_model_s_own_layout(
    like: str, data: str, options: tuple[str, ...], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Keras, PyTorch and scikit-learn: the same keys and orientation, the file's own objective, certified by check."""
    name = f"out{Path(like).suffix}"
    arguments = (str(FIXTURES / data), *options, "--time-limit", "110")
    assert run(["solve", *arguments, "--like", str(FIXTURES / like), "--output", name, "-q"]) == 0
    old, new = load_model(FIXTURES / like), load_model(folder / name)
    assert (old.format, old.layout, old.stated) == (new.format, new.layout, new.stated)
    capsys.readouterr()
    assert run(["check", name, *arguments, "-q"]) == 0
    assert capsys.readouterr().out.startswith("CERTIFIED ")


def test_the_path_is_a_table_a_list_and_a_file_for_each_decay(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Largest decay first; each file is certified by check at its own decay."""
    arguments = ["solve", "data.npz", *OBJECTIVE[:4], "--path-of-weight-decay", "0.1,5,0.5", "--output", "out.npz"]
    assert run(arguments) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["weight", "decay", "verdict", "F", "<=", "neurons", "gap", "<=", "relative", "file"]
    assert [line.split()[0] for line in lines[1:]] == ["5", "0.5", "0.1"]
    assert all(line.split()[1] == "CERTIFIED" for line in lines[1:])
    assert run([*arguments, "--format", "json"]) == 0
    points = json.loads(capsys.readouterr().out)["path"]
    values = [point["value"] for point in points]
    assert values == sorted(values, reverse=True)
    for point, word in zip(points, ["5", "0.5", "0.1"], strict=True):
        assert point["objective"]["weight_decay"] == float(word)
        assert point["files"]["model"]["path"] == f"out-{word}.npz"
        checked = run(["check", f"out-{word}.npz", "data.npz", *OBJECTIVE[:4], "--weight-decay", word, "-q"])
        assert checked == 0
    assert run([*arguments, "-q", "--width", "1"]) == 4
    assert capsys.readouterr().out.splitlines()[-1].startswith("0.1 INCONCLUSIVE (width) ")


def test_descend_improves_and_says_so(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """From .5 x .5 to the best single neuron; only a wider one is better, so the code is 4; the file is written."""
    assert descend("--output", "better.npz", "--format", "json") == 4
    result = json.loads(capsys.readouterr().out)
    assert (result["verdict"], result["reason"]) == ("inconclusive", "width")
    assert result["training"]["outcome"] == "improved"
    assert result["value"] == pytest.approx(0.695)
    assert result["training"]["start_value_bounds"]["lower"] > result["value"]
    assert load_model(folder / "better.npz").network.width == 1
    assert run(["check", "better.npz", "data.npz", *OBJECTIVE, "-q"]) == 4


def test_descend_says_what_is_already_optimal(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The optimum, descended from, is certified, called already optimal, and written all the same."""
    assert solve("--output", "best.npz", "-q") == 0
    capsys.readouterr()
    assert run(["descend", "best.npz", "data.npz", *OBJECTIVE, "--output", "again.npz"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("CERTIFIED ")
    assert "already optimal" in out
    assert (folder / "again.npz").is_file()


@pytest.mark.parametrize("width", [None, 1])
def test_the_certificate_of_a_training_is_decided_again(width: int | None, folder: Path) -> None:
    """certify verify accepts what solve wrote of its own result, from three files and by the checker alone."""
    options = () if width is None else ("--width", width)
    assert solve("--output", "best.npz", "--certificate", "proof.json.gz", *options) == (0 if width is None else 4)
    assert run(["verify", "proof.json.gz", "best.npz", "data.npz"]) == 0
    alone = subprocess.run(
        [sys.executable, "-m", "certify.checker", "proof.json.gz"],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert alone.returncode == 0 and alone.stdout.startswith("ACCEPTED")
    assert run(["verify", "proof.json.gz", "model.npz", "data.npz"]) == 5


def test_a_path_and_a_descent_write_certificates_too(folder: Path) -> None:
    """One for each decay, named like the networks; and descend's speaks of its own result."""
    solve_path = ["solve", "data.npz", *OBJECTIVE[:4], "--path-of-weight-decay", "0.2,0.1"]
    assert run([*solve_path, "--output", "p.npz", "--certificate", "proof.json"]) == 0
    for decay in ("0.2", "0.1"):
        assert run(["verify", f"proof-{decay}.json", f"p-{decay}.npz", "data.npz"]) == 0
    assert run(["verify", "proof-0.2.json", "p-0.1.npz", "data.npz"]) == 5
    descend("--output", "better.npz", "--certificate", "descent.json", "--certificate-arrays", "omit")
    assert run(["verify", "descent.json", "better.npz", "data.npz"]) == 0


def test_one_file_is_not_asked_to_hold_two_things(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Network and certificate need different names."""
    assert solve("--output", "best.npz", "--certificate", "best.npz") == 2
    assert "would overwrite --output" in only_line(capsys.readouterr().err.encode())


def test_an_unwritable_place_is_said_after_the_verdict(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Hours of search are not lost when the disk fails at the end: the verdict is printed, and the code is 2."""
    from certify.errors import UsageError
    from certify.files import writer

    def refuse(*_: object) -> None:
        raise UsageError("out.npz: cannot be written (No space left on device)")

    monkeypatch.setattr(writer, "save_new_network", refuse)
    assert solve("--output", "out.npz", "-q") == 2
    captured = capsys.readouterr()
    assert captured.out.startswith("CERTIFIED ")
    assert "No space left" in captured.err


def test_settings_do_not_redirect_the_network(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`output` in certify.toml is where check writes its report; solve prints, and its other settings hold."""
    (folder / "certify.toml").write_text("output = 'report.txt'\nloss = 'half-squared'\nreduction = 'sum'\n")
    assert run(["solve", "data.npz", "--weight-decay", "0.1", "-q"]) == 0
    assert capsys.readouterr().out.startswith("CERTIFIED ")
    assert not (folder / "report.txt").exists()


def test_the_objective_may_stand_beside_the_result(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """[objective] of certify.toml in the result's folder states it for solve, as it will for check."""
    (folder / "there").mkdir()
    stated = "[objective]\nloss = 'half-squared'\nreduction = 'sum'\nhidden_decay = 0.2\noutput_decay = 0.05\n"
    (folder / "there" / "certify.toml").write_text(stated)
    assert run(["solve", "data.npz", "--output", "there/out.npz", "-q"]) == 0
    assert run(["check", "there/out.npz", "data.npz", "-q"]) == 0
    assert all(line.startswith("CERTIFIED ") for line in capsys.readouterr().out.splitlines())


@pytest.mark.slow
def test_two_real_processes() -> None:
    """The everyday call, from outside: one verdict line, exit code 0; and standard input as data."""
    done = certify("solve", FIXTURES / "iris.npz", *IRIS, "--bias", "hidden", "-q")
    assert (done.returncode, done.stderr) == (0, b"")
    assert only_line(done.stdout).startswith("CERTIFIED gap<=")
    done = certify("descend", FIXTURES / "iris_torch_local.npz", "-", *IRIS, stdin=(FIXTURES / "iris.npz").read_bytes())
    assert done.returncode == 0
    assert b"to the optimum over networks of every width" in b" ".join(done.stdout.split())


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("command", ["solve", "descend"])
def test_ctrl_c_writes_the_best_so_far(command: str, tmp_path: Path) -> None:
    """A signal during the first proof: exit code 130, a network on disk, and its true gap in the report."""
    model = [str(FIXTURES / "iris_torch_local.npz")] if command == "descend" else []
    out = tmp_path / "out.npz"
    code = (
        "import signal\n"
        "import certify.cli.app as app\n"
        "import certify.decide.engines as engines\n"
        "bound_gain, calls = engines.bound_gain, []\n"
        "def interrupted(*arguments):\n"
        "    calls.append(1)\n"
        f"    if len(calls) == {1 + len(model)}: signal.raise_signal(signal.SIGINT)\n"
        "    return bound_gain(*arguments)\n"
        "engines.bound_gain = interrupted\n"
        "app.main()"
    )
    bias = [] if model else ["--bias", "hidden"]
    arguments = [command, *model, str(FIXTURES / "iris.npz"), *IRIS, *bias, "--output", str(out), "--format", "json"]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, env=environment(), timeout=120, check=False
    )
    assert done.returncode == 130, done.stderr
    result = json.loads(done.stdout)
    assert result["reason"] in ("interrupted", None)
    assert result["lower_bound"] <= 21.1184806874 <= result["value_bounds"]["upper"] + 1e-6
    assert load_model(out).canonical_sha256 == result["files"]["model"]["canonical_sha256"]


def test_hdf5_arrays_are_those_of_the_network(folder: Path) -> None:
    """PyTorch's names, float64, (out, in), nothing else in the file."""
    assert solve("--output", "out.h5", "--bias", "both", "--penalize", "all", "-q") == 0
    network = load_model(folder / "out.h5").network
    with h5py.File(folder / "out.h5") as file:
        assert sorted(file) == ["fc1.bias", "fc1.weight", "fc2.bias", "fc2.weight"]
        assert file["fc1.weight"].shape == (network.width, 1)
        assert file["fc2.weight"].shape == (1, network.width)
        assert all(array.dtype == np.float64 for array in file.values())
