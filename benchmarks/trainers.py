"""What trains a network for benchmarks/solve.py: each gives its values over processor time, and its proved bound.

Every value is F of a ReLU network, evaluated here; nobody's own objective is believed.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from certify.convex.blocks import network_of
from certify.decide.options import CheckOptions, Progress
from certify.decide.solve import solve_dataset
from certify.errors import InputError
from certify.patterns.program import solve_full_program
from certify.problem.dataset import Dataset
from certify.problem.objective import Bias, Loss, Objective, Reduction
from certify.problem.training import TrainingProblem

ADAM_NEURONS, ADAM_RATE, ADAM_EVERY = 100, 1e-2, 50
SCNN_GATES, SCNN_ITERATIONS = 500, (100, 1_000, 10_000)
EPS = 1e-6
_WALL = 3.0  # wall seconds allowed a processor second, where others share the machine


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """After so many processor seconds: the least F reached, and the largest proved lower bound, if there is one."""

    seconds: float
    value: float
    lower: float | None = None


class TrainerMissing(Exception):
    """The library is not installed, or the problem is beyond the method; the message says which."""


Trainer = Callable[[TrainingProblem, float], list[Checkpoint]]


def goal(decay: float) -> Objective:
    """1/(2n) sum of squares, decay on sum |u||a|, no biases."""
    return Objective(Loss.HALF_SQUARED, Reduction.MEAN, decay, decay, Bias.NONE, Bias.NONE)


def by_certify(problem: TrainingProblem, budget: float) -> list[Checkpoint]:
    """certify solve --eps 1e-6, one thread, interrupted at the end of its budget; the values on the way are those of
    its convex program."""
    began, trace = time.process_time(), []

    def note(progress: Progress) -> None:
        spent = time.process_time() - began
        if progress.best_value is not None:
            trace.append(Checkpoint(spent, progress.best_value, progress.lower_bound))
        if spent > budget and not stopped:
            stopped.append(spent)
            signal.raise_signal(signal.SIGINT)

    stopped: list[float] = []

    data = Dataset(problem.rows, problem.targets)
    solution = solve_dataset(data, problem.objective, CheckOptions(EPS, time_limit=_WALL * budget), None, note)
    bounds = solution.verdict
    return [*trace, Checkpoint(time.process_time() - began, bounds.value.upper, bounds.optimum.lower)]


def by_adam(problem: TrainingProblem, budget: float) -> list[Checkpoint]:
    """PyTorch's Adam on all samples at once, from its usual initialisation, weight decay as part of the loss."""
    torch = _imported("torch")
    torch.set_num_threads(1)
    torch.manual_seed(0)
    X, y = (torch.tensor(array) for array in (problem.rows, problem.targets[:, 0]))
    hidden = torch.nn.Linear(X.shape[1], ADAM_NEURONS, bias=False, dtype=torch.float64)
    output = torch.nn.Linear(ADAM_NEURONS, 1, bias=False, dtype=torch.float64)
    parameters = [*hidden.parameters(), *output.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=ADAM_RATE)
    began, trace, least, steps = time.process_time(), [], np.inf, 0
    while time.process_time() - began < budget:
        optimizer.zero_grad()
        residual = output(torch.relu(hidden(X)))[:, 0] - y
        value = residual.square().sum() / (2 * len(y)) + problem.beta / 2 * sum(p.square().sum() for p in parameters)
        value.backward()
        least, steps = min(least, value.item()), steps + 1
        optimizer.step()
        if steps % ADAM_EVERY == 0:
            trace.append(Checkpoint(time.process_time() - began, least))
    return trace


def by_scnn(problem: TrainingProblem, budget: float) -> list[Checkpoint]:
    """pyscnn: 500 sampled gates, augmented Lagrangian, float64; longer and longer runs, each from the start."""
    trace: list[Checkpoint] = []
    for iterations in SCNN_ITERATIONS:
        if trace and trace[-1].seconds > budget:
            break
        began = time.process_time()
        value = _scnn_value(problem, iterations)
        trace.append(Checkpoint(time.process_time() - began, value))
    return trace


def _scnn_value(problem: TrainingProblem, iterations: int) -> float:
    activations, models, solvers, regularizers, metrics, optimize = (
        _imported("scnn", f"scnn.{name}")
        for name in ("activations", "models", "solvers", "regularizers", "metrics", "optimize")
    )
    _imported("torch").set_num_threads(1)
    X, y = problem.rows, problem.targets
    model = models.ConvexReLU(activations.sample_gate_vectors(0, X.shape[1], SCNN_GATES))
    trained, _ = optimize.optimize_model(
        model,
        solvers.AL(model, max_primal_iters=iterations),
        metrics.Metrics(),
        X,
        y,
        regularizer=regularizers.NeuronGL1(problem.beta),
        unitize_data=False,
        dtype="float64",
    )
    u, a = (np.asarray(parameter, dtype=float) for parameter in trained.parameters)
    w = u * np.abs(a).reshape(-1, 1)
    return problem.value(network_of(problem, w, np.sign(a).ravel(), 0.0))


def by_enumeration(problem: TrainingProblem, budget: float) -> list[Checkpoint]:
    """Every activation pattern, the whole convex program in cvxpy."""
    from certify.gain.question import Limits
    from certify.patterns.enumerate import EnumerationStopped

    began = time.process_time()
    try:
        full = solve_full_program(problem, Limits().within(_WALL * budget))
    except (EnumerationStopped, InputError) as error:
        raise TrainerMissing("does not end") from error
    if full is None:
        raise TrainerMissing("does not end")
    return [Checkpoint(time.process_time() - began, full.value)]


def _imported(library: str, module: str | None = None) -> object:
    from importlib import import_module

    try:
        return import_module(module or library)
    except ImportError as error:
        raise TrainerMissing(f"{library} is not installed") from error


TRAINERS: dict[str, Trainer] = {
    "certify solve": by_certify,
    "pyscnn, 500 gates": by_scnn,
    f"Adam, {ADAM_NEURONS} neurons": by_adam,
    "enumeration, cvxpy": by_enumeration,
}
