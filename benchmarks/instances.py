"""Every instance of the benchmarks by name, each made anew from its seed or its data set.

gaussian N x R              gaussian rows, gaussian nu: M itself is asked, to the tolerance
teacher N x R, decay B      the optimal dual at beta = B N (loss 1/(2n) sum, decay B on sum |u||a|)
planted N x R, max/K        the optimal dual of a teacher's data at beta = M(y) / K
iris, max/K                 the optimal dual of real data, with a penalised bias, at beta = M(y) / K
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

import numpy as np

from benchmarks import data, duals
from certify.gain.engine import Question
from certify.gain.question import GainProblem

_REAL = {
    "iris": ("iris", None, True),
    "diabetes": ("diabetes", None, True),
    "diabetes without bias": ("diabetes", None, False),
    "diabetes PCA 4": ("diabetes", 4, True),
    "wine": ("wine", None, False),
    "wine with bias": ("wine", None, True),
    "breast cancer": ("breast_cancer", None, False),
    "breast cancer with bias": ("breast_cancer", None, True),
    "cancer PCA 5": ("breast_cancer", 5, True),
    "cancer PCA 6 without bias": ("breast_cancer", 6, False),
}


@dataclass(frozen=True, slots=True, eq=False)
class Instance:
    """A gain problem, and what is asked of it: M(nu) <= beta (1 + tolerance)? Without beta, M to the tolerance."""

    name: str
    problem: GainProblem
    tolerance: float
    beta: float | None = None

    @property
    def threshold(self) -> float:
        """What M may reach without mattering; 0 where M itself is asked."""
        return 0.0 if self.beta is None else self.beta * (1 + self.tolerance)

    @property
    def shape(self) -> str:
        """n x r."""
        return f"{self.problem.rows.shape[0]:,} x {self.problem.rows.shape[1]}"

    def question(self, threads: int = 1) -> Question:
        """The same for the engine."""
        return Question(self.threshold, self.tolerance, threads=threads)


@cache
def instance(name: str, tolerance: float = 1e-4) -> Instance:
    """The instance of that name. Raises KeyError for an unknown one."""
    words = re.fullmatch(r"gaussian (\d+) x (\d+)", name)
    if words:
        return Instance(name, GainProblem(*data.gaussian(*map(int, words.groups()))), tolerance)
    rows, y, beta = _training(name)
    return Instance(name, duals.optimal_dual(rows, y, beta), tolerance, beta)


def _training(name: str) -> tuple[np.ndarray, np.ndarray, float]:
    """Rows, targets and beta that the name states."""
    what, _, regularisation = name.partition(", ")
    words = re.fullmatch(r"(?:teacher|planted) (\d+) x (\d+)", what)
    rows, y = data.teacher(*map(int, words.groups())) if words else data.real(*_REAL[what])
    amount = re.fullmatch(r"(max/|decay )([\d.]+)", regularisation)
    if amount is None:
        raise KeyError(name)
    kind, number = amount.group(1), float(amount.group(2))
    return rows, y, len(y) * number if kind == "decay " else duals.largest_useful_decay(rows, y) / number
