"""What a finished check does: its exit code, where its result goes, and what is said beside it.

The search is replaced by one that answers at once; everything else is real.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from report_examples import CERTIFIED, NETWORK, REFUTED, TOO_NARROW, UNBOUNDED

import certify.decide.check
from certify.cli.app import run
from certify.cli.inputs import THREAD_VARIABLES
from certify.errors import Interrupted, ObjectiveError
from certify.verdict import Reason, Verdict

OBJECTIVE = ("--loss", "half-squared", "--reduction", "sum", "--weight-decay", "0.1", "--penalize", "all")
INTERRUPTED = replace(UNBOUNDED, reason=Reason.INTERRUPTED)
Answer = Callable[[Verdict | BaseException], None]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working directory with a model and a data file, and an environment that is put back afterwards."""
    monkeypatch.chdir(tmp_path)
    for variable in THREAD_VARIABLES:
        monkeypatch.setenv(variable, "1")
    parts = {
        "fc1.weight": NETWORK.hidden_weights,
        "fc1.bias": NETWORK.hidden_bias,
        "fc2.weight": NETWORK.output_weights.T,
    }
    np.savez(tmp_path / "model.npz", **parts)
    np.savez(tmp_path / "data.npz", X=np.arange(8.0).reshape(4, 2), y=np.arange(4.0))
    yield tmp_path


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> Answer:
    """Makes the search return a verdict, or raise."""

    def set_answer(outcome: Verdict | BaseException) -> None:
        def search(*_: object) -> Verdict:
            if isinstance(outcome, BaseException):
                raise outcome
            return outcome

        monkeypatch.setattr(certify.decide.check, "check_network", search)

    return set_answer


def check(*options: str) -> int:
    """Exit code of the check of the folder's files."""
    return run(["check", "model.npz", "data.npz", *OBJECTIVE, *options])


@pytest.mark.parametrize(
    ("verdict", "options", "code"),
    [
        (CERTIFIED, (), 0),
        (REFUTED, (), 1),
        (TOO_NARROW, (), 4),
        (UNBOUNDED, (), 4),
        (INTERRUPTED, (), 130),
        (CERTIFIED, ("--fail-on", "refuted"), 0),
        (REFUTED, ("--fail-on", "refuted"), 1),
        (TOO_NARROW, ("--fail-on", "refuted"), 0),
        (REFUTED, ("--fail-on", "inconclusive"), 1),
        (TOO_NARROW, ("--fail-on", "inconclusive"), 4),
        (REFUTED, ("--exit-zero",), 0),
        (UNBOUNDED, ("--exit-zero",), 0),
        (INTERRUPTED, ("--exit-zero",), 130),
        (INTERRUPTED, ("--fail-on", "refuted"), 130),
    ],
)
@pytest.mark.parametrize("form", ["text", "json"])
def test_exit_code_of_a_verdict(
    verdict: Verdict,
    options: tuple[str, ...],
    code: int,
    form: str,
    folder: Path,
    answer: Answer,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Each verdict has its code in either format; --fail-on and --exit-zero change 1 and 4 only."""
    answer(verdict)
    assert check("--format", form, *options) == code
    out = capsys.readouterr().out
    said = json.loads(out)["verdict"] if form == "json" else out.split()[0].lower()
    assert said == verdict.decision.value


@pytest.mark.parametrize(
    ("failure", "code", "words"),
    [
        (RuntimeError("the kernel\nfell over"), 3, "certify: internal error: RuntimeError: the kernel fell over"),
        (ValueError(), 3, "certify: internal error: ValueError"),
        (AssertionError("x"), 3, "certify: internal error: AssertionError: x"),
        (RecursionError("deep"), 3, "certify: internal error: RecursionError: deep"),
        (OSError(28, "No space left on device"), 3, "certify: internal error: OSError"),
        (MemoryError(), 3, "certify: internal error: out of memory"),
        (SystemExit(0), 3, "certify: internal error: SystemExit"),
        (KeyboardInterrupt(), 130, "certify: interrupted before any bound was known"),
        (Interrupted("no bound yet"), 130, "certify: no bound yet"),
        (ObjectiveError("the loss is not stated"), 2, "certify: error: the loss is not stated"),
    ],
)
@pytest.mark.parametrize("options", [(), ("--exit-zero",), ("--fail-on", "refuted")])
def test_a_failure_never_reads_as_a_verdict(
    failure: BaseException,
    code: int,
    words: str,
    options: tuple[str, ...],
    folder: Path,
    answer: Answer,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Whatever the search raises is one line on stderr, nothing on stdout, and 2, 3 or 130, which no option masks."""
    answer(failure)
    assert check(*options) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(words)
    assert captured.err.count("\n") == 1


def test_traceback_on_request(
    folder: Path, answer: Answer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """CERTIFY_DEBUG=1 adds where an internal error came from."""
    answer(RuntimeError("fell over"))
    monkeypatch.setenv("CERTIFY_DEBUG", "1")
    assert check() == 3
    assert "Traceback" in capsys.readouterr().err


def test_quiet_is_one_line(folder: Path, answer: Answer, capsys: pytest.CaptureFixture[str]) -> None:
    """-q prints the verdict line alone, on stdout, and nothing on stderr."""
    answer(CERTIFIED)
    check("-q")
    captured = capsys.readouterr()
    assert captured.out == "CERTIFIED gap<=9.1e-07 (relative 3.2e-06, eps 1e-04)\n"
    assert captured.err == ""


def test_verbose_adds_the_neurons(folder: Path, answer: Answer, capsys: pytest.CaptureFixture[str]) -> None:
    """-v adds a table at the end, and leaves the rest as it is."""
    answer(CERTIFIED)
    check()
    plain = capsys.readouterr().out
    check("-v")
    verbose = capsys.readouterr().out
    assert verbose.startswith(plain)
    assert len(verbose.splitlines()) == len(plain.splitlines()) + 2 + NETWORK.width


def test_output_goes_to_the_file(folder: Path, answer: Answer, capsys: pytest.CaptureFixture[str]) -> None:
    """--output leaves stdout empty, replaces what was there, and leaves no other file behind."""
    answer(REFUTED)
    check("--format", "json")
    expected = capsys.readouterr().out
    (folder / "result.json").write_text("old")
    assert check("--format", "json", "--output", "result.json") == 1
    assert capsys.readouterr().out == ""
    assert (folder / "result.json").read_text() == expected
    assert sorted(path.name for path in folder.iterdir()) == ["data.npz", "model.npz", "result.json"]


def test_report_names_what_was_checked(folder: Path, answer: Answer, capsys: pytest.CaptureFixture[str]) -> None:
    """The objective and the hashes in the report are those of the call."""
    from hashlib import sha256

    answer(CERTIFIED)
    check("--format", "json")
    report = json.loads(capsys.readouterr().out)
    for role, name in (("model", "model.npz"), ("data", "data.npz")):
        assert report["files"][role]["path"] == name
        assert report["files"][role]["sha256"] == sha256((folder / name).read_bytes()).hexdigest()
    assert report["objective"]["weight_decay"] == 0.1
    assert (report["objective"]["hidden_bias"], report["objective"]["output_bias"]) == ("penalized", "none")


@pytest.mark.parametrize("verdict", [REFUTED, TOO_NARROW])
def test_witness_is_written(verdict: Verdict, folder: Path, answer: Answer, capsys: pytest.CaptureFixture[str]) -> None:
    """--witness writes the better network under the model's own names, and both reports say where."""
    answer(verdict)
    check("--witness", "better.npz", "--format", "json")
    captured = capsys.readouterr()
    assert json.loads(captured.out)["witness"]["file"] == "better.npz"
    assert "the better network was written to better.npz" in captured.err
    with np.load(folder / "better.npz") as arrays:
        assert np.array_equal(arrays["fc1.weight"], verdict.witness.network.hidden_weights)
        assert np.array_equal(arrays["fc2.weight"], verdict.witness.network.output_weights.T)
    check("--witness", "better.npz")
    assert "written to better.npz" in capsys.readouterr().out


def test_no_witness_is_said(folder: Path, answer: Answer, capsys: pytest.CaptureFixture[str]) -> None:
    """Where there is no better network, nothing is written, and stderr says so."""
    answer(CERTIFIED)
    assert check("--witness", "better.npz") == 0
    assert "no better network was found" in capsys.readouterr().err
    assert not (folder / "better.npz").exists()


def test_options_reach_the_search(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """eps, limits, seed and engine come through unchanged; the default limit is a minute, the default eps 1e-4."""
    seen = []

    def search(
        network: object, dataset: object, objective: object, options: object, progress: object, wish: object
    ) -> Verdict:
        seen.append((options, progress))
        return CERTIFIED

    monkeypatch.setattr(certify.decide.check, "check_network", search)
    check()
    check("--eps", "1e-6", "--time-limit", "2.5", "--threads", "3", "--seed", "7", "--engine", "enumerate")
    (first, progress), (second, _) = seen
    assert (first.eps, first.time_limit, first.seed, first.engine, progress) == (1e-4, 60.0, 0, "auto", None)
    assert first.threads >= 1
    assert (second.eps, second.time_limit, second.threads, second.seed, second.engine) == (1e-6, 2.5, 3, 7, "enumerate")


def test_tight_is_an_option_as_others_are(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Off by default; by option, environment or file it reaches the search, and so does when the call began."""
    seen = []
    monkeypatch.setattr(
        certify.decide.check, "check_network", lambda *arguments: seen.append(arguments[3]) or CERTIFIED
    )
    before = time.monotonic()
    check()
    check("--tight")
    monkeypatch.setenv("CERTIFY_TIGHT", "1")
    check()
    monkeypatch.delenv("CERTIFY_TIGHT")
    (folder / "certify.toml").write_text("tight = true\n")
    check()
    assert [options.tight for options in seen] == [False, True, True, True]
    assert all(before <= options.started <= time.monotonic() for options in seen)


def test_the_libraries_get_one_thread(folder: Path, answer: Answer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever --threads says, the linear algebra libraries run on one thread each: two make small matrices slow."""
    import os

    answer(CERTIFIED)
    for variable in THREAD_VARIABLES:
        monkeypatch.setenv(variable, "7")
    check("--threads", "3")
    assert {os.environ[variable] for variable in THREAD_VARIABLES} == {"1"}


def test_standard_input_stands_for_a_file(folder: Path, answer: Answer, monkeypatch: pytest.MonkeyPatch) -> None:
    """`-` reads a model from standard input, and the report has the hash of those bytes."""
    from hashlib import sha256
    from types import SimpleNamespace

    answer(CERTIFIED)
    content = (folder / "model.npz").read_bytes()
    with (folder / "model.npz").open("rb") as stream:
        monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=stream))
        assert run(["check", "-", "data.npz", *OBJECTIVE, "--format", "json", "--output", "r.json"]) == 0
    model = json.loads((folder / "r.json").read_text())["files"]["model"]
    assert (model["path"], model["sha256"]) == ("-", sha256(content).hexdigest())


def test_one_settings_file_states_objective_and_options(
    folder: Path, answer: Answer, capsys: pytest.CaptureFixture[str]
) -> None:
    """certify.toml beside the model holds [objective] for the model and [check] for the command, without a clash."""
    answer(CERTIFIED)
    objective = "[objective]\nloss = 'squared'\nreduction = 'mean'\nweight_decay = 0.5\npenalize = 'all'\n"
    (folder / "certify.toml").write_text(f"{objective}[check]\nformat = 'json'\nweight-decay = 0.25\n")
    assert run(["check", "model.npz", "data.npz"]) == 0
    stated = json.loads(capsys.readouterr().out)["objective"]
    assert (stated["loss"], stated["reduction"], stated["weight_decay"]) == ("squared", "mean", 0.25)


def test_logistic_targets_are_two_classes(folder: Path, answer: Answer) -> None:
    """Classes 0 and 1 are decided; a third one is refused."""
    answer(CERTIFIED)
    np.savez(folder / "data.npz", X=np.arange(8.0).reshape(4, 2), y=np.array([0, 1, 1, 0]))
    assert check("--loss", "logistic") == 0
    np.savez(folder / "data.npz", X=np.arange(8.0).reshape(4, 2), y=np.array([0, 1, 2, 0]))
    assert check("--loss", "logistic") == 2


def test_inspect_shows_what_it_can_read(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Readable files are described in either format; an unreadable one is a line on stderr and exit code 2."""
    (folder / "broken.npz").write_bytes((folder / "data.npz").read_bytes()[:100])
    assert run(["inspect", "model.npz", "data.npz"]) == 0
    assert "fc1.weight" in capsys.readouterr().out
    assert run(["inspect", "model.npz", "broken.npz", "--format", "json"]) == 2
    captured = capsys.readouterr()
    files = json.loads(captured.out)["files"]
    assert [(file["path"], file["width"]) for file in files] == [("model.npz", 2)]
    assert captured.err.startswith("certify: error: broken.npz")
    assert captured.err.count("\n") == 1
    assert run(["inspect", "broken.npz", "--format", "json"]) == 2
    assert capsys.readouterr().out == ""
