"""Ways down: how often `certify path` finds one, by width, and that F never rises on them, in exact arithmetic.

    python -m benchmarks.landscape [--problems 100] [--paths 200] [--points 1000]

Problems: 3 to 8 samples of 1 to 3 inputs, all numbers from a normal distribution; half the squared error, summed, weight decay 0.1, no
biases; from networks with normal weights, at the widths R + 1, R and R - 1 (where that is at least 1). "an optimum fits" counts the
problems in which some global optimum has as few neurons as the width: only there can a path be found. Then as many paths, at width R + 1, each at so
many times drawn from [0, 1]: F of the network there in the checker's exact rationals, one time after the other. Writes benchmarks/results/landscape.md.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from benchmarks.tables import head, row, short, write_part
from certify.certificates.statement import checked_objective, plain_data, plain_network
from certify.checker.objective import network_value
from certify.checker.objective import training_problem as checked_problem
from certify.decide.options import CheckOptions
from certify.landscape.finding import find_landscape
from certify.landscape.path.path import network_on, path_to_optimum
from certify.landscape.path.report import Answer, PathReport
from certify.landscape.polytope import polytope_of
from certify.landscape.rank import activation_rank
from certify.problem.dataset import Dataset
from certify.problem.network import Network
from certify.problem.objective import Bias, Loss, Objective, Reduction
from certify.problem.training import training_problem

OBJECTIVE = Objective(Loss.HALF_SQUARED, Reduction.SUM, 0.1, 0.1, Bias.NONE, Bias.NONE)
OPTIONS = CheckOptions(eps=1e-6, time_limit=20.0)
OFFSETS = {1: "R + 1", 0: "R", -1: "R - 1"}


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """A random problem, R of its samples, and its generator, which goes on to draw networks."""

    dataset: Dataset
    rank: int
    rng: np.random.Generator

    def network(self, width: int) -> Network:
        """With normal weights."""
        return Network(self.rng.standard_normal((width, self.dataset.inputs)), self.rng.standard_normal((width, 1)))


def cases(count: int) -> Iterator[Case]:
    """One for each seed from 0 on."""
    for seed in range(count):
        rng = np.random.default_rng(seed)
        n, d = int(rng.integers(3, 9)), int(rng.integers(1, 4))
        dataset = Dataset(rng.standard_normal((n, d)), rng.standard_normal((n, 1)))
        yield Case(dataset, activation_rank(dataset.X).rank, rng)


def least_width(case: Case) -> int:
    """The fewest neurons of a global optimum."""
    problem = training_problem(case.network(1), case.dataset, OBJECTIVE)
    lower, point = polytope_of(find_landscape(problem, replace(OPTIONS, eps=1e-4))).narrowest
    if lower != int(np.sum(point > 0)):
        raise SystemExit("m* is not known")
    return lower


def widths(count: int) -> list[str]:
    """The share of paths found at each width."""
    lines = head("width", "problems", "an optimum fits", "found", "unknown", "impossible", "median pieces", "median ms")
    known = list(cases(count))
    least = [least_width(case) for case in known]
    for offset, name in OFFSETS.items():
        reports: list[PathReport] = []
        taken, possible = [], 0
        for case, fewest in zip(known, least, strict=True):
            width = case.rank + offset
            if width < 1:
                continue
            began = time.process_time()
            reports.append(path_to_optimum(case.network(width), case.dataset, OBJECTIVE, None, OPTIONS))
            taken.append(1e3 * (time.process_time() - began))
            possible += fewest <= width
        answers = [sum(report.answer is answer for report in reports) for answer in Answer]
        found = {answer: n for answer, n in zip(Answer, answers, strict=True)}
        pieces = statistics.median(r.pieces for r in reports if r.answer is Answer.FOUND)
        lines.append(
            row(
                name, len(reports), possible, found[Answer.FOUND], found[Answer.UNKNOWN], found[Answer.IMPOSSIBLE],
                f"{pieces:g}", short(statistics.median(taken)),
            )
        )  # fmt: skip
        print(lines[-1], flush=True)
    return [*lines, ""]


def rises(paths: int, points: int) -> list[str]:
    """The largest relative rise from one time to the next, over all paths."""
    worst, proved, seen = 0.0, 0.0, 0
    for case in cases(paths):
        net = case.network(case.rank + 1)
        report = path_to_optimum(net, case.dataset, OBJECTIVE, None, OPTIONS)
        problem = training_problem(net, case.dataset, OBJECTIVE)
        checked = checked_problem(checked_objective(OBJECTIVE), plain_data(case.dataset))
        times = np.sort(np.append(case.rng.random(points), [0.0, 1.0])).tolist()
        values = [network_value(checked, plain_network(network_on(problem, net, report.way, t))) for t in times]
        risen = max(float((later[0] - earlier[1]) / earlier[1]) for earlier, later in pairwise(values))
        worst, proved, seen = max(worst, risen), max(proved, report.rise / report.start.lower), seen + len(times)
    line = row(paths, f"{seen:,}", f"{worst:.1e}", f"{proved:.1e}")
    print(line, flush=True)
    named = head(
        "paths", "points", "largest rise between two, relative to F", "largest rise that the checker allows for"
    )
    return [*named, line, ""]


def main() -> None:
    """Measure both, and write them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--problems", type=int, default=100)
    parser.add_argument("--paths", type=int, default=200)
    parser.add_argument("--points", type=int, default=1000)
    asked = parser.parse_args()
    began = time.perf_counter()
    lines = [*widths(asked.problems), *rises(asked.paths, asked.points)]
    command = (
        f"python -m benchmarks.landscape --problems {asked.problems} --paths {asked.paths} --points {asked.points}"
    )
    write_part("landscape", command, lines, time.perf_counter() - began)


if __name__ == "__main__":
    main()
