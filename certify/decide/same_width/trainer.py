"""Local descent in parameter space, in the compiled core: one problem, networks of any width."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from certify._core.training import Training
from certify.arrays import Floats
from certify.gain.question import Limits
from certify.problem.losses.function import LossFunction
from certify.problem.losses.logistic import Logistic
from certify.problem.losses.squares import Squares
from certify.problem.objective import Bias
from certify.problem.training import Neurons, TrainingProblem

Flag = NDArray[np.int32]  # of one entry

_OUTPUT_BIAS = {Bias.NONE: 0, Bias.PENALIZED: 1, Bias.FREE: 2}
_MEMORY = 20  # pairs that L-BFGS keeps
_WINDOW = 25  # iterations between two looks at whether the descent is worth going on with


@dataclass(frozen=True, slots=True)
class Effort:
    """When a descent is over: iterations, and the relative fall of F over 25 of them that is still worth going on for."""

    iterations: int
    tolerance: float


POLL_SECONDS = 0.02  # between two looks at the limits
THOROUGH = Effort(5_000, 1e-11)


def watched(job: Callable[[Flag], object], limits: Limits) -> None:
    """job(stop) in a thread of its own; stop[0] becomes 1 as soon as a limit is reached, and the job is waited for."""
    stop: Flag = np.full(1, limits.reached(), dtype=np.int32)
    with ThreadPoolExecutor(1) as pool:
        try:
            done = pool.submit(job, stop)
            while not wait([done], POLL_SECONDS).done:
                stop[0] = limits.reached()
            done.result()
        finally:
            stop[0] = 1


def trainable(problem: TrainingProblem) -> bool:
    """Whether the core knows the problem's loss; without it a check does, but for local descent."""
    return isinstance(problem.loss, (Squares, Logistic))


class Trainer:
    """Descents on the objective of one problem; several threads may use one.

    Parameters are one vector: u (m, D) row by row, a (m, k) row by row, c (k).
    """

    def __init__(self, problem: TrainingProblem) -> None:
        self.inputs, self.outputs = problem.rows.shape[1], problem.outputs
        self._core = Training(
            np.ascontiguousarray(problem.rows),
            np.ascontiguousarray(problem.targets),
            np.ascontiguousarray(problem.weights),
            _factor(problem.loss),
            problem.beta,
            problem.free_hidden_bias,
            _OUTPUT_BIAS[problem.objective.output_bias],
        )

    def packed(self, neurons: Neurons) -> Floats:
        """The neurons as one vector."""
        return np.concatenate([neurons.u.ravel(), np.ravel(neurons.a), np.ravel(neurons.c)])

    def unpacked(self, parameters: Floats) -> Neurons:
        """The vector as neurons."""
        d, k = self.inputs, self.outputs
        m = (parameters.size - k) // (d + k)
        u, a, c = np.split(parameters.copy(), [m * d, m * (d + k)])
        return Neurons(u.reshape(m, d), a.reshape(m, k), c)

    def descend(self, parameters: Floats, effort: Effort, stop: Flag, level: float = np.inf) -> tuple[float, int]:
        """F where the descent ends, never above the start, and evaluations of F; parameters become that point.

        stop (1,) int32: the descent ends once it is not zero. level: it is also given up where it falls too slowly to get there.
        """
        return self._core.descend(parameters, stop, effort.iterations, effort.tolerance, level, _MEMORY, _WINDOW)

    def gradient(self, parameters: Floats) -> tuple[float, Floats]:
        """F and its gradient; at a boundary sample the gate is closed."""
        out = np.empty_like(parameters)
        return self._core.gradient(parameters, out), out


def _factor(loss: LossFunction) -> float:
    """How the core names the loss. TypeError for one that it does not have."""
    if isinstance(loss, Squares):
        return loss.factor
    if isinstance(loss, Logistic):
        return 0.0
    raise TypeError(f"the core has no descent for {type(loss).__name__}")
