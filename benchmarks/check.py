"""Whole processes of `certify`, start-up included: everyday checks, start-up, and the same check by enumeration.

    python -m benchmarks.check [--only fixtures,start,leaves,enumeration] [--runs 3]

Medians of RUNS; the enumerations, which take long, run once. Ratios are of processor seconds, which a busy machine does
not distort: a check with two threads pays for both. "start" measures the first run after an installation against the
tenth, in a copy of the package, compiled to bytecode as pip does it, with an empty home folder. "leaves" writes a certificate
again and again in this process. Writes benchmarks/results/check.md, start.md, leaves.md and check-enumeration.md.
"""

from __future__ import annotations

import argparse
import compileall
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks import data, duals, leaves
from benchmarks.processes import ROOT, Process, timed
from benchmarks.tables import head, note_targets, row, short, write_part

PARTS = ("fixtures", "start", "leaves", "enumeration")
_IRIS = [
    "fixtures/iris.npz",
    "--loss",
    "half-squared",
    "--reduction",
    "sum",
    "--weight-decay",
    "15",
    "--penalize",
    "all",
]
_PETAL = ["fixtures/petal.npz", "--convention", "torch", "--weight-decay", "0.175"]
CASES = {
    "iris 150 x 5, trained to the optimum": ["fixtures/iris_torch_wide.npz", *_IRIS],
    "iris 150 x 5, Adam stopped 1e-3 above": ["fixtures/iris_torch_early.npz", *_IRIS],
    "iris 150 x 5, too narrow": ["fixtures/iris_torch_narrow.npz", *_IRIS],
    "petal 150 x 4, trained to the optimum": ["fixtures/petal_torch_wide.npz", *_PETAL],
    "diabetes 442 x 5, free biases (Keras)": ["fixtures/diabetes_keras_best.h5", "fixtures/diabetes.npz"],
    "diabetes 442 x 5, free biases, wide (Keras)": ["fixtures/diabetes_keras_wide.h5", "fixtures/diabetes.npz"],
    "diabetes 442 x 5, a bad minimum (Keras)": ["fixtures/diabetes_keras_local.h5", "fixtures/diabetes.npz"],
}
_BETA = 2.0
_RATIO = 50
_CHECK = ["-m", "certify", "check"]
_TARGETS = {"iris 150 x 5, trained to the optimum": 1.0, "diabetes 442 x 5, free biases, wide (Keras)": 3.0}
_HELP = {"certify --help": 0.15, "certify check --help": 0.2}
_RUNS_AFTER_INSTALLING = 10
_ALIKE = 0.1  # relative difference of the first and the tenth run


def check(arguments: list[str], runs: int, package: Path = ROOT) -> Process:
    """Median seconds of `certify check`, and its verdict line."""
    done = [timed([*_CHECK, *arguments, "-q"], package) for _ in range(runs)]
    return Process(statistics.median(p.wall for p in done), statistics.median(p.seconds for p in done), done[-1].said)


Part = tuple[list[str], list[tuple[str, str, str, bool]]]


def fixtures(runs: int) -> Part:
    """The table of everyday checks."""
    lines, targets = head("check", "processor seconds", "wall seconds", "answer"), []
    for name, arguments in CASES.items():
        done = check(arguments, runs)
        lines.append(_line(name, done))
        if name in _TARGETS:
            targets.append(_within(f"`certify check`, {name}, whole process", done.seconds, _TARGETS[name]))
    return [*lines, ""], targets


def start(runs: int) -> Part:
    """Help, and the first run after an installation against the tenth."""
    lines, targets = head("process", "processor seconds", "wall seconds", "first / tenth run"), []
    for name, most in _HELP.items():
        done = [timed(["-m", *name.split()]) for _ in range(max(runs, 3))]
        seconds = statistics.median(p.seconds for p in done)
        lines.append(row(f"`{name}`", short(seconds), short(statistics.median(p.wall for p in done)), ""))
        targets.append(_within(f"`{name}`", seconds, most))
    for name in _TARGETS:
        done = after_installing(CASES[name])
        first, tenth = done[0], done[-1]
        ratio = first.seconds / tenth.seconds
        lines.append(row(f"{name}, first run", short(first.seconds), short(first.wall), f"{ratio:.2f}"))
        lines.append(row(f"{name}, tenth run", short(tenth.seconds), short(tenth.wall), ""))
        met = abs(ratio - 1) <= _ALIKE and first.said == tenth.said
        targets.append((f"first run / tenth run, {name}", f"within {100 * _ALIKE:g} %", f"{ratio:.2f}", met))
    print("\n".join(lines), flush=True)
    return [*lines, ""], targets


def after_installing(arguments: list[str]) -> list[Process]:
    """Ten runs of `certify check`, one after the other, of a package just installed by a user with an empty home folder."""
    with tempfile.TemporaryDirectory() as folder:
        package, home = Path(folder) / "package", Path(folder) / "home"
        home.mkdir()
        shutil.copytree(ROOT / "certify", package / "certify", ignore=shutil.ignore_patterns("__pycache__"))
        compileall.compile_dir(package, quiet=2)
        return [timed([*_CHECK, *arguments, "-q"], package, home) for _ in range(_RUNS_AFTER_INSTALLING)]


def _within(name: str, seconds: float, most: float) -> tuple[str, str, str, bool]:
    return name, f"<= {most:g} s", f"{short(seconds)} s", seconds <= most


def against_enumeration(runs: int, n: int = 60, d: int = 3) -> Part:
    """Three ways to the same answer, for a random network and an optimal one; processor seconds and their ratios."""
    lines = head("check", "seconds", "answer", "`--engine enumerate`", "ratio", "linear programs", "ratio", "answer")
    targets = []
    with tempfile.TemporaryDirectory() as name:
        for kind, files in networks(Path(name), n, d).items():
            stated = [*files, "--loss", "half-squared", "--reduction", "sum", "--weight-decay", f"{_BETA:g}"]
            search = check(stated, runs)
            exact = check([*stated, "--engine", "enumerate", "--time-limit", "600"], 1)
            plain = timed(["-m", "benchmarks.peers.enumeration", *files, f"{_BETA:g}"])
            ratios = [f"{short(other.seconds / search.seconds)}x" for other in (exact, plain)]
            cells = (f"{kind}, n = {n}, d = {d}", short(search.seconds), search.said)
            lines.append(row(*cells, short(exact.seconds), ratios[0], short(plain.seconds), ratios[1], plain.said))
            print(lines[-1], flush=True)
            met = plain.seconds / search.seconds >= _RATIO
            targets.append((f"`certify check`, {cells[0]}, whole process", f">= {_RATIO}x", ratios[1], met))
    return [*lines, ""], targets


def networks(folder: Path, n: int, d: int) -> dict[str, list[str]]:
    """Model and data files of a random network and of the optimal one, without biases."""
    rows, y = data.teacher(n, d)
    np.savez(folder / "data.npz", X=rows, y=y)
    rng = np.random.default_rng(0)
    best = duals.optimal(rows, y, _BETA).neurons
    kinds = {
        "random network": (rng.standard_normal((8, d)) / 4, rng.standard_normal(8) / 4),
        "optimal network": (best.u, best.a[:, 0]),
    }
    files = {}
    for kind, (u, a) in kinds.items():
        model = folder / f"{kind.replace(' ', '_')}.npz"
        np.savez(model, **{"fc1.weight": u, "fc2.weight": a[None, :]})
        files[kind] = [str(model), str(folder / "data.npz")]
    return files


def _line(name: str, process: Process) -> str:
    line = row(name, short(process.seconds), short(process.wall), process.said)
    print(line, flush=True)
    return line


MEASURED: dict[str, tuple[str, Callable[[int], Part]]] = {
    "fixtures": ("check", fixtures),
    "start": ("start", start),
    "leaves": ("leaves", leaves.tabulate),
    "enumeration": ("check-enumeration", against_enumeration),
}


def main(arguments: list[str]) -> None:
    """Measure, print, and write the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.check", description=__doc__.partition("\n")[0])
    parser.add_argument("--only", type=_parts, default=PARTS, metavar="PART,...", help=", ".join(PARTS))
    parser.add_argument("--runs", type=int, default=3, help="processes a median is taken of (3)")
    options = parser.parse_args(arguments)
    for part in options.only:
        print(f"\n{part}", flush=True)
        name, measured = MEASURED[part]
        began = time.perf_counter()
        lines, targets = measured(options.runs)
        command = f"python -m benchmarks.check --runs {options.runs} --only {part}"
        write_part(name, command, lines, time.perf_counter() - began)
        note_targets(targets)


def _parts(text: str) -> list[str]:
    unknown = set(text.split(",")) - set(PARTS)
    if unknown:
        raise argparse.ArgumentTypeError(f"no part {', '.join(sorted(unknown))}: expected {', '.join(PARTS)}")
    return text.split(",")


if __name__ == "__main__":
    main(sys.argv[1:])
