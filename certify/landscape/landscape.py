"""What the commands about the landscape share: the optimal directions of one problem, and the proof that there are no others.

All optima have the same dual vector nu*. From a network with F and a feasible nu' with D(nu'), strong concavity of D gives
|nu' - nu*| <= rho = sqrt(2 S (F - D(nu'))), S the smoothness of L; a projection onto a cone moves by no more than what is projected. So
the gain of every cone maximiser is known up to `slack`, and what is below beta - slack is optimal for nobody (docs/theory.md, section 12).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from certify.arrays import Bools, Floats, Indices
from certify.landscape.rank import ActivationRank
from certify.linear import matmul, norm, svd
from certify.problem.objective import Bias, Loss
from certify.problem.training import TrainingProblem
from certify.rounding import SLOP

SMOOTHNESS = {Loss.HALF_SQUARED: 1.0, Loss.SQUARED: 2.0, Loss.LOGISTIC: 0.25}  # the largest second derivative
_BOUNDARY = 1e-9  # relative; how near to a row's hyperplane a direction is on it


@dataclass(frozen=True, slots=True, eq=False)
class Landscape:
    """The optimal directions of a training problem, of which only samples of positive weight are kept.

    lower, upper   lower <= P* <= upper
    nu (n,)        a feasible dual vector: M(nu) <= beta, and F - D(nu) = upper - lower, about
    radius         |nu - nu*| is at most this; slack: no gain |s nu.(Z u)_+|, |u| <= 1, changes by more than this from nu to nu*
    predictions (n,), constant   what all optima predict, and the output bias in it (where it is free: of the network found)
    units (N, D), signs (N,), gains (N,)   the optimal directions, each once, and their gains at nu
    doubtful (N,)  directions whose gain at nu differs from beta, by less than the slack: optimal or not
    next_best      every other cone maximiser has at most this gain at nu, proved; infinite where the search was cut short
    blocks (N,)    with a free hidden bias: which segment an end belongs to; else each direction is a block of its own
    unbounded (N,) ends whose bias may grow for ever
    not_covered    why the directions are not known, or not finite in number; None where they are
    """

    problem: TrainingProblem
    lower: float
    upper: float
    nu: Floats
    radius: float
    slack: float
    predictions: Floats
    constant: float
    units: Floats
    signs: Floats
    gains: Floats
    doubtful: Bools
    next_best: float
    method: str
    nodes: int
    blocks: Indices
    unbounded: Bools
    rank: ActivationRank
    unweighted: Indices
    not_covered: str | None = None
    interrupted: bool = False

    @property
    def beta(self) -> float:
        """What the gain of an optimal direction is."""
        return self.problem.beta

    @property
    def complete(self) -> bool:
        """Whether every optimal direction is proved to be listed."""
        return self.not_covered is None and self.next_best < self.beta - self.slack

    @property
    def ambiguous(self) -> bool:
        """Whether some listed direction may be optimal or not."""
        return bool(np.any(self.doubtful))

    @property
    def activations(self) -> Floats:
        """A = [s_i (Z d_i)_+] of shape (n, N)."""
        return self.problem.activations(self.units) * self.signs

    @property
    def patterns(self) -> Bools:
        """(N, n): the samples on which a direction is active; those on its boundary, to rounding, are not."""
        return patterns_of(self.problem, self.units)

    def without_doubtful(self) -> Landscape:
        """The other answer: the doubtful directions taken for not optimal."""
        return self.keeping(~self.doubtful)

    def keeping(self, kept: Bools) -> Landscape:
        """The same with only some of the directions (N,); the others count as left out."""
        return replace(
            self,
            units=self.units[kept],
            signs=self.signs[kept],
            gains=self.gains[kept],
            doubtful=self.doubtful[kept],
            blocks=np.unique(self.blocks[kept], return_inverse=True)[1].reshape(-1),
            unbounded=self.unbounded[kept],
            next_best=max([self.next_best, *self.gains[~kept]]),
        )


def positive_part(problem: TrainingProblem) -> tuple[TrainingProblem, Indices]:
    """The problem without the samples of weight 0, which no optimum depends on, and their indices."""
    kept = problem.weights > 0
    part = replace(problem, rows=problem.rows[kept], targets=problem.targets[kept], weights=problem.weights[kept])
    return part, np.flatnonzero(~kept)


def patterns_of(problem: TrainingProblem, units: Floats) -> Bools:
    """(N, n): the samples on which each unit direction (N, D) is active; those on its boundary, to rounding, are not."""
    active: Bools = matmul(units, problem.rows.T) > _BOUNDARY * norm(problem.rows, axis=1)
    return active


def not_covered(problem: TrainingProblem) -> str | None:
    """Why the optimal directions of such a problem are not a finite list that is known here; None where they are one."""
    if problem.objective.loss not in SMOOTHNESS:
        return f"the {problem.objective.loss.value} loss is not strictly convex, so that optima need not have the same predictions"
    if problem.objective.undecayed:
        return "without weight decay no direction costs anything, and optima need not exist"
    if problem.outputs > 1:
        return "with several outputs the optimal directions can be infinitely many"
    if problem.free_hidden_bias and problem.objective.output_bias is not Bias.FREE:
        return "with a free hidden bias and no free output bias constants cost as little as one likes, and the infimum need not be attained"
    labels = problem.targets[:, 0]
    if problem.needs_zero_sum and problem.objective.loss is Loss.LOGISTIC and np.all(labels == labels[0]):
        return "all labels are alike and the output bias is free: the infimum 0 is not attained"
    return None


def uncertainty(problem: TrainingProblem, gap: float) -> tuple[float, float]:
    """Bounds on |nu' - nu*| and on the change of any gain, from F - D(nu') <= gap.

    L is S_i = S w_i smooth in prediction i, so that sum (nu'_i - nu*_i)^2 / (2 S_i) <= gap.
    """
    gap = max(gap, 0.0) * SLOP
    smoothness = problem.weights * SMOOTHNESS[problem.objective.loss]
    radius = math.sqrt(2 * float(np.max(smoothness, initial=0.0)) * gap)
    if not problem.free_hidden_bias:
        return radius, math.sqrt(2 * gap) * _largest_singular(np.sqrt(smoothness)[:, None] * problem.rows)
    # dual vectors sum to 0, so that inputs may be centred; then biases beyond the longest input change nothing
    inputs = problem.rows[:, :-1] - np.mean(problem.rows[:, :-1], axis=0)
    reach = float(np.max(norm(inputs, axis=1), initial=0.0)) * math.sqrt(float(np.sum(smoothness)))
    return radius, math.sqrt(2 * gap) * (_largest_singular(np.sqrt(smoothness)[:, None] * inputs) + reach) * SLOP


def _largest_singular(matrix: Floats) -> float:
    """A float at least the largest singular value, as far as the factorisation's own rounding goes."""
    return float(svd(matrix)[1][0]) * (1 + 1e-9) if matrix.size else 0.0
