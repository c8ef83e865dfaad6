"""Whole processes of `certify check`, start-up included, and the same check by enumeration.

    python -m benchmarks.check [--only fixtures,enumeration] [--runs 3]

Medians of RUNS; the enumerations, which take long, run once. Ratios are of processor seconds, which a busy machine does
not distort: a check with two threads pays for both. The compiled kernel is made first, as any long check would do
once in an installation; the line "first run" is measured without it, in a copy of the package that has no caches.
Writes benchmarks/results/check.md.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks import data, duals
from benchmarks.processes import ROOT, Process, timed
from benchmarks.tables import head, note_targets, row, short, write_part

PARTS = ("fixtures", "enumeration")
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
    "diabetes 442 x 5, a bad minimum (Keras)": ["fixtures/diabetes_keras_local.h5", "fixtures/diabetes.npz"],
}
_BETA = 2.0
_RATIO = 50
_CHECK = ["-m", "certify", "check"]


def check(arguments: list[str], runs: int, package: Path = ROOT) -> Process:
    """Median seconds of `certify check`, and its verdict line."""
    done = [timed([*_CHECK, *arguments, "-q"], package) for _ in range(runs)]
    return Process(statistics.median(p.wall for p in done), statistics.median(p.seconds for p in done), done[-1].said)


def fixtures(runs: int) -> list[str]:
    """The table of everyday checks."""
    lines = head("check", "processor seconds", "wall seconds", "answer")
    for name, arguments in CASES.items():
        lines.append(_line(name, check(arguments, runs)))
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(ROOT / "certify", Path(folder) / "certify", ignore=shutil.ignore_patterns("__pycache__"))
        fresh = check(CASES["iris 150 x 5, trained to the optimum"], 1, Path(folder))
    lines.append(_line("iris 150 x 5, first run of an installation", fresh))
    return [*lines, ""]


def against_enumeration(runs: int, n: int = 60, d: int = 3) -> tuple[list[str], list[tuple[str, str, str, bool]]]:
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


def main(arguments: list[str]) -> None:
    """Measure, print, and write the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.check", description=__doc__.partition("\n")[0])
    parser.add_argument("--only", choices=PARTS, help="one of the two tables")
    parser.add_argument("--runs", type=int, default=3, help="processes a median is taken of (3)")
    options = parser.parse_args(arguments)
    keep = [sys.executable, "-c", "from certify.gain.cones.compiled import keep; keep()"]
    subprocess.run(keep, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, check=True)
    command = f"python -m benchmarks.check --runs {options.runs}"
    if options.only != "enumeration":
        write_part("check", f"{command} --only fixtures", fixtures(options.runs))
    if options.only != "fixtures":
        lines, targets = against_enumeration(options.runs)
        write_part("check-enumeration", f"{command} --only enumeration", lines)
        note_targets(targets)


if __name__ == "__main__":
    main(sys.argv[1:])
