"""What a leaf of a certificate costs to write, in processor time of this process."""

from __future__ import annotations

import statistics
import time

import numpy as np

from benchmarks import data, duals
from benchmarks.tables import head, row, short
from certify.certificates.budget import Budget
from certify.certificates.claims import Source
from certify.certificates.dual import scaled_dual
from certify.certificates.proofs import proof_of_side
from certify.certificates.side import both_sides
from certify.certificates.writing import write_certificate
from certify.decide.check import check_network
from certify.decide.options import CheckOptions
from certify.gain.question import Limits
from certify.problem.dataset import Dataset
from certify.problem.network import Network
from certify.problem.objective import Bias, Loss, Objective, Reduction
from certify.problem.training import TrainingProblem, training_problem
from certify.verdict import Verdict

_INSIDE = 1e-9  # the share by which the writer scales the dual vector down at first
_REPEATS = 5
_TARGET = 20.0  # microseconds
CASES = {"iris 150 x 5, max/10": ("iris", None, 10.0), "cancer 569 x 6 (PCA 5), max/10": ("breast_cancer", 5, 10.0)}


def tabulate(runs: int) -> tuple[list[str], list[tuple[str, str, str, bool]]]:
    """The table, medians of at least five, and the lines for the table of targets."""
    lines, targets = head("certificate", "leaves", "µs a leaf", "the checker: µs a leaf", "bytes"), []
    for name, (source, components, share) in CASES.items():
        rows, y = data.real(source, components)
        line, cost = measured(name, rows, y, share, max(runs, _REPEATS))
        lines.append(line)
        print(line, flush=True)
        targets.append((f"a leaf written, {name}", f"< {_TARGET:g} µs", f"{short(cost)} µs", cost < _TARGET))
    return [*lines, ""], targets


def measured(name: str, rows: np.ndarray, y: np.ndarray, share: float, repeats: int) -> tuple[str, float]:
    """One line, and the microseconds a leaf takes to be written."""
    beta = duals.largest_useful_decay(rows, y) / share
    generation = duals.optimal(rows, y, beta)
    objective = Objective(Loss.HALF_SQUARED, Reduction.SUM, beta, beta, Bias.NONE, Bias.NONE)
    dataset, network = Dataset(rows, y[:, None]), generation.problem.lower(generation.neurons)
    verdict = check_network(network, dataset, objective, CheckOptions(eps=1e-4))
    problem = training_problem(network, dataset, objective)
    writing, leaves, size = 1e6 * _seconds(verdict, problem, repeats), *_written(verdict, network, problem, dataset)
    whole = []
    for _ in range(repeats):
        began = time.process_time()
        _written(verdict, network, problem, dataset)
        whole.append(time.process_time() - began)
    deciding = max(1e6 * statistics.median(whole) - writing, 0.0)
    return row(name, f"{leaves:,}", short(writing / leaves), short(deciding / leaves), f"{size:,}"), writing / leaves


def _seconds(verdict: Verdict, problem: TrainingProblem, repeats: int) -> float:
    """Median time of the proofs of both signs, from the search's tree."""
    taken = []
    for _ in range(repeats):
        dual = scaled_dual(problem, verdict.proof, _INSIDE)
        budget, began = Budget(Limits()), time.process_time()
        for sign, side in zip((1, -1), both_sides(dual), strict=True):
            if not side.trivial:
                proof_of_side(side, sign, verdict.proof.gain, budget)
        taken.append(time.process_time() - began)
    return statistics.median(taken)


def _written(verdict: Verdict, network: Network, problem: TrainingProblem, dataset: Dataset) -> tuple[int, int]:
    """Leaves and bytes of the certificate, written and decided."""
    written = write_certificate(verdict, network, problem, Source(dataset), Limits())
    if written.content is None:
        raise SystemExit(f"no certificate could be written: {written.reason}")
    return written.leaves, len(written.content)
