"""Training: the value reached and the gap proved over processor time, by certify solve and by others, in one run.

python -m benchmarks.solve [SECONDS]

Writes benchmarks/results/solve.md. Each trainer has SECONDS a problem (60) and one thread; a row shows the value after
a quarter, a half and all of the processor time that it took. Libraries that are not installed are named as missing.
Then whole processes of the command, start-up included.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks import data
from benchmarks.machine import installed
from benchmarks.processes import timed
from benchmarks.tables import head, row, short, write_part
from benchmarks.trainers import EPS, TRAINERS, Checkpoint, Trainer, TrainerMissing, goal
from certify.decide.solve import zero_network
from certify.problem.dataset import Dataset
from certify.problem.training import TrainingProblem, training_problem

PROBLEMS = ((25, 4, 0.1), (50, 5, 0.1), (50, 5, 0.01), (500, 10, 0.1))
SHARES = (0.25, 0.5, 1.0)
HEADER = ("trainer", "seconds", *(f"F after {share:.0%}" for share in SHARES), "above P*", "proved gap")


def teacher_problem(n: int, d: int, decay: float) -> TrainingProblem:
    """A teacher of 5 neurons plus a tenth of noise; loss 1/(2n) sum, decay on sum |u||a|."""
    X, y = data.teacher(n, d)
    return training_problem(zero_network(d, False, False), Dataset(X, y[:, None]), goal(decay))


def value_at(trace: Sequence[Checkpoint], seconds: float) -> float:
    """The least value reached by then; infinite where there was none yet."""
    return min((point.value for point in trace if point.seconds <= seconds), default=np.inf)


def table(problem: TrainingProblem, trainers: dict[str, Trainer], budget: float) -> list[str]:
    """One row a trainer. "above P*" compares with the best proved lower bound of all."""
    traces: dict[str, list[Checkpoint]] = {}
    missing: dict[str, str] = {}
    for name, trainer in trainers.items():
        try:
            traces[name] = trainer(problem, budget)
        except TrainerMissing as reason:
            missing[name] = str(reason)
    lower = max((point.lower or 0.0 for trace in traces.values() for point in trace), default=0.0)
    rows = [_row(name, trace, lower) for name, trace in traces.items()]
    return [*head(*HEADER), *rows, *(row(name, reason, "", "", "", "", "") for name, reason in missing.items())]


def _row(name: str, trace: Sequence[Checkpoint], lower: float) -> str:
    end = trace[-1].seconds
    values = [value_at(trace, share * end) for share in SHARES]
    proved = [point.lower for point in trace if point.lower]
    gap = f"{(values[-1] - max(proved)) / values[-1]:.1e}" if proved else "none"
    shown = ["" if np.isinf(value) else f"{value:.9g}" for value in values]
    return row(name, short(end), *shown, f"{values[-1] / lower - 1:.1e}" if lower > 0 else "", gap)


def whole_processes() -> list[str]:
    """Processor seconds of `certify solve --eps 1e-6`, start-up included, and what it says."""
    lines = head("certify solve, the whole process", "seconds", "answer")
    with tempfile.TemporaryDirectory() as folder:
        for n, d, decay in PROBLEMS:
            X, y = data.teacher(n, d)
            path = Path(folder) / "data.npz"
            np.savez(path, X=X, y=y)
            options = ["--loss", "half-squared", "--reduction", "mean", "--weight-decay", str(decay), "--eps", str(EPS)]
            done = timed(["-m", "certify", "solve", str(path), *options, "-q"])
            lines.append(row(f"n = {n}, d = {d}, weight decay {decay:g}", short(done.seconds), done.said))
    return lines


def main(budget: float) -> None:
    """Measure every problem, and write the tables."""
    began = time.perf_counter()
    lines = [
        "5-neuron teacher plus a tenth of noise, loss 1/(2n) sum, decay on sum |u||a|; processor seconds, one thread.",
        "F is that of a ReLU network, evaluated by one function; above P*: relative to the best proved lower bound.",
        "Peers: " + ", ".join(f"{name} {installed(name)}" for name in ("pyscnn", "torch", "cvxpy")) + ".",
        "",
    ]
    for n, d, decay in PROBLEMS:
        lines += [f"n = {n}, d = {d}, weight decay {decay:g}", ""]
        lines += [*table(teacher_problem(n, d, decay), TRAINERS, budget), ""]
        print("\n".join(lines[-len(TRAINERS) - 4 :]), flush=True)
    lines += whole_processes()
    write_part("solve", f"python -m benchmarks.solve {budget:g}", lines, time.perf_counter() - began)


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 60.0)
