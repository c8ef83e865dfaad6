"""The best network of a given width: the search of certify against restarts of scikit-learn's lbfgs in the same processor time.

python -m benchmarks.same_width [PROBLEM ...]

Writes benchmarks/results/same_width.md (with numbers of problems: shows these alone, and writes nothing). Each problem is real data of
scikit-learn, columns standardised. The peer trains RESTARTS networks, random_state = 0, 1, ..., to a slope of 1e-9 or 5,000 iterations;
the search then has as much processor time as all of them took together. Both values are F of the network, evaluated by one function.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks.machine import installed
from benchmarks.tables import head, note_targets, row, short, write_part
from certify.decide.same_width.search import SameWidthSearch
from certify.gain.question import Limits
from certify.problem.dataset import Dataset
from certify.problem.network import Network
from certify.problem.objective import Bias, Loss, Objective, Reduction
from certify.problem.training import TrainingProblem, training_problem

RESTARTS = 100
ASKED = 19  # of the problems, where the search is at least as low
_SAME = 1e-6  # relative; two descents into one minimum end this close

Arrays = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True, slots=True)
class Task:
    """Data (X, y), width and scikit-learn's alpha; y in {-1, +1} means the logistic loss."""

    name: str
    data: Callable[[], Arrays]
    width: int
    alpha: float
    logistic: bool = False


def loaded(name: str) -> Arrays:
    """X and y as scikit-learn has them. ModuleNotFoundError where it is not installed."""
    from sklearn import datasets

    return getattr(datasets, f"load_{name}")(return_X_y=True)


def standardised(X: np.ndarray) -> np.ndarray:
    """Columns of mean 0 and variance 1; constant ones are left out."""
    X = X[:, X.std(axis=0) > 0]
    return (X - X.mean(axis=0)) / X.std(axis=0)


def target(name: str, columns: int | None = None) -> Callable[[], Arrays]:
    """The target (or the class index) as a number, standardised too."""

    def load() -> Arrays:
        X, y = loaded(name)
        return standardised(X)[:, :columns], (y - y.mean()) / y.std()

    return load


def classes(
    name: str, first: tuple[int, ...], second: tuple[int, ...], most: int | None = None
) -> Callable[[], Arrays]:
    """Some classes (-1) against others (+1), of the first `most` samples."""

    def load() -> Arrays:
        X, y = loaded(name)
        X, y = X[:most], y[:most]
        kept = np.isin(y, first + second)
        return standardised(X[kept]), np.where(np.isin(y[kept], second), 1.0, -1.0)

    return load


def above_median() -> Arrays:
    """Diabetes, whether the target is above its median."""
    X, y = loaded("diabetes")
    return standardised(X), np.where(y > np.median(y), 1.0, -1.0)


TASKS = (
    Task("diabetes, 4 columns", target("diabetes", 4), 12, 1.0),
    Task("diabetes, 4 columns", target("diabetes", 4), 4, 0.1),
    Task("diabetes", target("diabetes"), 5, 1.0),
    Task("diabetes", target("diabetes"), 10, 10.0),
    Task("diabetes", target("diabetes"), 20, 1.0),
    Task("iris", target("iris"), 5, 0.1),
    Task("iris", target("iris"), 10, 1.0),
    Task("wine", target("wine"), 4, 1.0),
    Task("wine", target("wine"), 10, 0.1),
    Task("breast cancer", target("breast_cancer"), 4, 1.0),
    Task("breast cancer", target("breast_cancer"), 10, 10.0),
    Task("digits 3, 8", classes("digits", (3,), (8,)), 4, 1.0, logistic=True),
    Task("digits 1, 7", classes("digits", (1,), (7,)), 10, 0.1, logistic=True),
    Task("breast cancer", classes("breast_cancer", (0,), (1,)), 4, 0.1, logistic=True),
    Task("breast cancer", classes("breast_cancer", (0,), (1,)), 10, 1.0, logistic=True),
    Task("iris 1, 2", classes("iris", (1,), (2,)), 4, 0.01, logistic=True),
    Task("iris 1, 2", classes("iris", (1,), (2,)), 10, 0.1, logistic=True),
    Task("wine, class 1", classes("wine", (0, 2), (1,)), 5, 0.1, logistic=True),
    Task("digits, odd, 400", classes("digits", (0, 2, 4, 6, 8), (1, 3, 5, 7, 9), 400), 6, 1.0, logistic=True),
    Task("diabetes, high", above_median, 8, 0.1, logistic=True),
)


def stated(task: Task, X: np.ndarray, y: np.ndarray) -> TrainingProblem:
    """scikit-learn's objective: the mean loss, alpha / n on both layers, free biases."""
    loss, decay, d = Loss.LOGISTIC if task.logistic else Loss.HALF_SQUARED, task.alpha / len(X), X.shape[1]
    goal = Objective(loss, Reduction.MEAN, decay, decay, Bias.FREE, Bias.FREE)
    zero = Network(np.zeros((1, d)), np.zeros((1, 1)), np.zeros(1), np.zeros(1))
    return training_problem(zero, Dataset(X, y[:, None]), goal)


def restarts(task: Task, problem: TrainingProblem, X: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """The least F of all the restarts, and the processor seconds that they took."""
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    peer = MLPClassifier if task.logistic else MLPRegressor
    seconds, values = 0.0, []
    for seed in range(RESTARTS):
        model = peer(
            hidden_layer_sizes=(task.width,),
            alpha=task.alpha,
            solver="lbfgs",
            max_iter=5_000,
            tol=1e-9,
            random_state=seed,
        )
        started = time.process_time()
        model.fit(X, y)
        seconds += time.process_time() - started
        (hidden, output), (bias, constant) = model.coefs_, model.intercepts_
        values.append(problem.value(problem.lift(Network(np.ascontiguousarray(hidden.T), output, bias, constant))))
    return min(values), seconds


def searched(task: Task, problem: TrainingProblem, seconds: float) -> tuple[float, int, float]:
    """The least F of the search within those processor seconds, its starts, and the seconds that it took."""
    started = time.process_time()
    search = SameWidthSearch(problem, task.width, seed=0, threads=1)
    search.run([], Limits(cancelled=lambda: time.process_time() - started >= seconds), work=np.inf)
    taken = time.process_time() - started
    return problem.value(search.best), search.starts, taken


def compared(tasks: Iterator[Task]) -> tuple[list[str], int]:
    """A row a problem, and on how many the search is at least as low."""
    rows, met = [], 0
    for task in tasks:
        X, y = task.data()
        problem = stated(task, X, y)
        peer, seconds = restarts(task, problem, X, y)
        ours, starts, taken = searched(task, problem, seconds)
        low = ours <= peer + _SAME * abs(peer)
        met += low
        what = f"{task.name}, {'logistic' if task.logistic else 'squared'}"
        size, shown = f"{X.shape[0]} x {X.shape[1]}", f"{ours / peer - 1:+.1e}"
        rows.append(
            row(
                what,
                size,
                task.width,
                task.alpha,
                f"{peer:.8g}",
                short(seconds),
                f"{ours:.8g}",
                short(taken),
                starts,
                shown,
            )
        )
        print(rows[-1], flush=True)
    return rows, met


def main(chosen: list[int]) -> None:
    """Compare on every problem, or on the chosen ones, and write the table."""
    warnings.filterwarnings("ignore")  # of scikit-learn, that it did not converge
    began = time.perf_counter()
    rows, met = compared(TASKS[k] for k in (chosen or range(len(TASKS))))
    if chosen:
        return
    names = ("data, loss", "n x d", "width", "alpha", f"least F of {RESTARTS} restarts", "seconds")
    lines = [
        f"One thread, processor seconds. Peer: lbfgs of scikit-learn {installed('scikit-learn')}, {RESTARTS} restarts, to 1e-9 or 5,000",
        "iterations. Difference: relative; below 0 the search is lower.",
        "",
        *head(*names, "least F of the search", "seconds", "starts", "difference"),
        *rows,
        "",
        f"At least as low (to {_SAME:g}) on {met} of {len(TASKS)}.",
    ]
    write_part("same_width", "python -m benchmarks.same_width", lines, time.perf_counter() - began)
    asked = f"{ASKED} of {len(TASKS)}"
    what = f"networks of one width: at least as low as {RESTARTS} restarts of scikit-learn in the same processor time"
    note_targets([(what, asked, f"{met} of {len(TASKS)}", met >= ASKED)])


if __name__ == "__main__":
    main([int(argument) for argument in sys.argv[1:]])
