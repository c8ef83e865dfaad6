"""The real networks of fixtures/ get the verdicts that fixtures/README.md states, through the command line."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pytest
from command_line import ROOT, certify

pytestmark = pytest.mark.slow  # every test waits for the runs of all the fixtures

FIXTURES = ROOT / "fixtures"
EXIT_CODES = {"certified": 0, "refuted": 1, "width": 4}
Arrays = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Problem:
    """A row of the first table: what was minimised, on which data, and its optimum by an independent estimate."""

    data: Path
    loss: str
    beta: float
    biases: str
    optimum: float
    options: tuple[str, ...]


@dataclass(frozen=True)
class Case:
    """A row of the second table: a network and what is expected of it."""

    model: Path
    problem: Problem
    width: int
    value: float
    eps: float
    verdict: str

    def __str__(self) -> str:
        return f"{self.model.name} at {self.eps:g}"


@dataclass(frozen=True)
class Run:
    """What the command line answered, and where it wrote the better network."""

    exit_code: int
    report: dict
    witness: Path


def table(first_column: str) -> list[list[str]]:
    """The rows of the table of the README whose first column has this name."""
    lines = (FIXTURES / "README.md").read_text(encoding="utf-8").splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(f"| {first_column} |")) + 2
    end = next(i for i in range(start, len(lines)) if not lines[i].startswith("|"))
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[start:end]]


def stated_problems() -> dict[str, Problem]:
    """The first table, by name; a problem without a command in its last cell needs no option."""
    problems = {}
    for name, data, loss, beta, _, biases, optimum, options in table("problem"):
        words = tuple(options.strip("`").split()) if options.startswith("`") else ()
        problems[name] = Problem(FIXTURES / data, loss, float(beta), biases, float(optimum), words)
    return problems


def stated_cases() -> list[Case]:
    """The second table."""
    problems = stated_problems()
    return [
        Case(FIXTURES / model, problems[problem], int(width), float(value), float(eps), verdict)
        for model, problem, width, value, eps, verdict, _ in table("model")
    ]


CASES = stated_cases()


def cases_of(*verdicts: str) -> list[Case]:
    """The cases with one of these verdicts."""
    return [case for case in CASES if case.verdict in verdicts]


def stored_arrays(path: Path) -> Arrays:
    """Hidden kernel (d, m), hidden bias, output kernel (m,), output bias, read without certify."""
    if path.suffix == ".h5":
        with h5py.File(path) as file:
            layers = [file["model_weights"][name] for name in file["model_weights"].attrs["layer_names"]]
            kernel, bias, output, shift = (layer[key][()] for layer in layers for key in layer.attrs["weight_names"])
        return kernel, bias, output[:, 0], shift
    with np.load(path) as file:
        if "coefs_0" in file:
            return file["coefs_0"], file["intercepts_0"], file["coefs_1"][:, 0], file["intercepts_1"]
        return file["fc1.weight"].T, file["fc1.bias"], file["fc2.weight"][0], file.get("fc2.bias", np.zeros(1))


def objective_value(arrays: Arrays, problem: Problem) -> float:
    """F of these arrays, in plain numpy."""
    kernel, bias, output, shift = arrays
    with np.load(problem.data) as data:
        X, y = data["X"], data["y"]
    predictions = np.maximum(X @ kernel + bias, 0.0) @ output + shift
    loss, reduction = problem.loss.split()
    each = {
        "half-squared": (predictions - y) ** 2 / 2,
        "squared": (predictions - y) ** 2,
        "logistic": np.logaddexp(0.0, -y * predictions),
    }[loss]
    decayed = arrays if problem.biases == "penalized" else (kernel, output)
    penalty = problem.beta / 2 * sum(float(np.sum(part**2)) for part in decayed)
    return float(each.sum() if reduction == "sum" else each.mean()) + penalty


def check(case: Case, witness: Path, *more: str) -> Run:
    """One call of `certify check`, as a user would make it."""
    asked = [*case.problem.options, "--eps", case.eps, "--format", "json", "--witness", witness, *more]
    answer = certify("check", case.model, case.problem.data, *asked, "--threads", 1, "--time-limit", 100)
    assert answer.returncode in EXIT_CODES.values(), answer.stderr.decode()
    return Run(answer.returncode, json.loads(answer.stdout), witness)


Runs = dict[Case, Future[Run]]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    """Every case, two at a time; a test waits for its own."""
    folder = tmp_path_factory.mktemp("witnesses")
    with ThreadPoolExecutor(2) as pool:
        yield {case: pool.submit(check, case, folder / f"{i}{case.model.suffix}") for i, case in enumerate(CASES)}
        pool.shutdown(cancel_futures=True)


def test_every_model_is_listed() -> None:
    """Every model and data file in the folder is in the tables, and the tables name no other."""
    listed = {case.model for case in CASES} | {case.problem.data for case in CASES}
    assert listed == {*FIXTURES.glob("*.npz"), *FIXTURES.glob("*.h5")}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_verdict(case: Case, runs: Runs) -> None:
    """Each network gets the verdict of the README, with the exit code that means it."""
    run = runs[case].result()
    found = run.report["reason"] or run.report["verdict"]
    assert (found, run.exit_code) == (case.verdict, EXIT_CODES[case.verdict])


@pytest.mark.parametrize("case", CASES, ids=str)
def test_verdict_in_five_seconds(case: Case, tmp_path: Path) -> None:
    """A time limit of five seconds is enough for each of them, and holds."""
    started = time.monotonic()
    answer = certify(
        "check", case.model, case.problem.data, *case.problem.options, "--eps", case.eps, "--time-limit", 5
    )
    assert time.monotonic() - started < 30
    word = "INCONCLUSIVE (width)" if case.verdict == "width" else case.verdict.upper()
    assert answer.stdout.decode().startswith(f"{word} "), answer


@pytest.mark.parametrize("case", CASES, ids=str)
def test_value(case: Case, runs: Runs) -> None:
    """The reported value is F as plain numpy computes it from the file, and what training reported."""
    report = runs[case].result().report
    independent = objective_value(stored_arrays(case.model), case.problem)
    assert report["value"] == pytest.approx(independent, rel=1e-12)
    assert independent == pytest.approx(case.value, rel=1e-8)
    assert report["width"] == case.width


@pytest.mark.parametrize("case", CASES, ids=str)
def test_bounds_bracket_the_optimum(case: Case, runs: Runs) -> None:
    """The bounds contain an optimum that was found by another method, and the value's excess over it within eps."""
    report = runs[case].result().report
    lower, upper, optimum = report["optimum"]["lower"], report["optimum"]["upper"], case.problem.optimum
    assert lower <= optimum * (1 + 1e-8)
    assert upper >= optimum * (1 - 1e-8)
    assert lower <= upper <= report["value"] * (1 + 1e-12)
    assert optimum - lower <= case.eps * report["value"]


@pytest.mark.parametrize("case", cases_of("certified"), ids=str)
def test_certified_gap(case: Case, runs: Runs) -> None:
    """A certified network's gap is within eps and not less than its true distance from the optimum."""
    report = runs[case].result().report
    assert report["gap"] <= case.eps * abs(report["value"])
    assert report["gap"] >= (case.value - case.problem.optimum) - 1e-8 * case.value


@pytest.mark.parametrize("case", cases_of("refuted"), ids=str)
def test_refuting_network(case: Case, runs: Runs) -> None:
    """The file of the better network holds one of at most the same width that is lower by more than eps."""
    run = runs[case].result()
    better = stored_arrays(run.witness)
    value = objective_value(better, case.problem)
    assert better[0].shape[1] <= case.width
    assert value < case.value * (1 - case.eps)
    assert run.report["witness"]["value"] == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize("case", cases_of("width"), ids=str)
def test_wider_network(case: Case, runs: Runs) -> None:
    """A network that is too narrow is shown a wider one that is lower by more than eps, of the width it needs."""
    run = runs[case].result()
    better = stored_arrays(run.witness)
    assert better[0].shape[1] == run.report["witness"]["width"] > case.width
    assert objective_value(better, case.problem) < case.value * (1 - case.eps)
    assert case.width < run.report["width_needed"] <= better[0].shape[1]


@pytest.mark.parametrize("case", [case for case in CASES if "early" in case.model.name], ids=str)
def test_stopped_early(case: Case, tmp_path: Path) -> None:
    """With --tight a network stopped a thousandth above the optimum is told so on both sides, to a tenth of that."""
    report = check(case, tmp_path / f"better{case.model.suffix}", "--tight").report
    excess = case.value - case.problem.optimum
    assert report["value"] - report["optimum"]["lower"] == pytest.approx(excess, rel=0.1)
