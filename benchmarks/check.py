"""Whole-process times of `certify check`, as medians, and as ratios against the reference engine in the same run.

    python benchmarks/check.py [RUNS]

Writes benchmarks/results/check.md. The compiled kernel is made first, as any long check would do once in an installation;
the line "first run" is measured without it, in a copy of the package that has no caches.
"""

from __future__ import annotations

import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
IRIS = [
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
PETAL = ["fixtures/petal.npz", "--convention", "torch", "--weight-decay", "0.175"]
CASES = {
    "iris 150 x 5, trained to the optimum": ["fixtures/iris_torch_wide.npz", *IRIS],
    "iris 150 x 5, Adam stopped 1e-3 above": ["fixtures/iris_torch_early.npz", *IRIS],
    "iris 150 x 5, too narrow": ["fixtures/iris_torch_narrow.npz", *IRIS],
    "petal 150 x 4, trained to the optimum": ["fixtures/petal_torch_wide.npz", *PETAL],
    "diabetes 442 x 5, free biases (Keras)": ["fixtures/diabetes_keras_best.h5", "fixtures/diabetes.npz"],
    "diabetes 442 x 5, a bad minimum (Keras)": ["fixtures/diabetes_keras_local.h5", "fixtures/diabetes.npz"],
}


def timed(arguments: list[str], package: Path = ROOT) -> tuple[float, str]:
    """Wall seconds of one check, and its verdict line."""
    environment = {**os.environ, "PYTHONPATH": str(package)}
    command = [sys.executable, "-m", "certify", "check", *arguments, "-q"]
    start = time.perf_counter()
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - start
    if done.returncode not in (0, 1, 4):
        raise SystemExit(f"{' '.join(command)}: exit {done.returncode}: {done.stderr}")
    return seconds, done.stdout.strip()


def median(arguments: list[str], runs: int) -> tuple[float, str]:
    """Median wall seconds, and the last verdict line."""
    results = [timed(arguments) for _ in range(runs)]
    return statistics.median(seconds for seconds, _ in results), results[-1][1]


def first_run(arguments: list[str]) -> tuple[float, str]:
    """One check by a copy of the package without any cache."""
    with tempfile.TemporaryDirectory() as folder:
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "certify", Path(folder) / "certify", ignore=ignore)
        return timed(arguments, Path(folder))


def random_problem(folder: Path, n: int, d: int) -> list[str]:
    """A random network on random data: model, data and options."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, d))
    np.savez(folder / "data.npz", X=X, y=np.maximum(X @ rng.standard_normal((d, 5)), 0) @ rng.standard_normal(5))
    weights = {"fc1.weight": rng.standard_normal((8, d)) / 4, "fc2.weight": rng.standard_normal((1, 8)) / 4}
    np.savez(folder / "model.npz", **weights)
    options = ["--loss", "half-squared", "--reduction", "sum", "--weight-decay", "2"]
    return [str(folder / "model.npz"), str(folder / "data.npz"), *options]


def main(runs: int) -> None:
    """Measure, print, and write the table."""
    subprocess.run([sys.executable, "-c", "from certify.bounds.compiled import keep; keep()"], cwd=ROOT, check=True)
    versions = ", ".join(f"{name} {version(name)}" for name in ("numpy", "scipy", "clarabel", "numba"))
    lines = [
        f"Median wall seconds of {runs} whole processes, start-up included, `python benchmarks/check.py {runs}`.",
        "",
    ]
    lines += [f"{os.cpu_count()} cores, Python {platform.python_version()}, {versions}", ""]
    lines += ["| check | seconds | answer |", "|---|---|---|"]
    for name, arguments in CASES.items():
        seconds, verdict = median(arguments, runs)
        lines.append(f"| {name} | {seconds:.2f} | {verdict} |")
    seconds, verdict = first_run(CASES["iris 150 x 5, trained to the optimum"])
    lines.append(f"| iris 150 x 5, first run of an installation | {seconds:.2f} | {verdict} |")
    lines += ["", "| against the reference engine | seconds | enumerate | ratio |", "|---|---|---|---|"]
    with tempfile.TemporaryDirectory() as folder:
        arguments = random_problem(Path(folder), 60, 3)
        search, _ = median(arguments, runs)
        enumerated, _ = timed([*arguments, "--engine", "enumerate", "--time-limit", "600"])
        ratio = enumerated / search
        lines.append(f"| random network, n = 60, d = 3 | {search:.2f} | {enumerated:.1f} | {ratio:.0f} |")
    text = "\n".join(lines) + "\n"
    print(text)
    results = ROOT / "benchmarks" / "results"
    results.mkdir(exist_ok=True)
    (results / "check.md").write_text(text)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
