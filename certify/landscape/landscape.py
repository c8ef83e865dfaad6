"""What the commands about the landscape share: the optimal directions of one problem, and the proof that there are no others.

All optima have the same dual vector nu*. From a network with F and a feasible nu' with D(nu'), strong concavity of D gives
|nu' - nu*| <= rho = sqrt(2 S (F - D(nu'))), S the smoothness of L; a projection onto a cone moves by no more than what is projected. So
the gain of every cone maximiser is known up to `slack`, and what is below beta - slack is optimal for nobody (docs/theory.md, section 12).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

import numpy as np

from certify._core.bounded import bounded_least_squares
from certify.arrays import Bools, Floats, Indices
from certify.convex.blocks import blocks_of
from certify.decide.interruption import Interruption
from certify.decide.options import CheckOptions, ProgressCallback
from certify.decide.proving import TIGHT, Proving
from certify.errors import UsageError
from certify.gain.ascents import as_violator
from certify.gain.question import GainProblem, Limits
from certify.landscape.directions import Maximisers, TightCone, maximisers_by_patterns
from certify.landscape.precise import precise_optimum
from certify.landscape.rank import ActivationRank, activation_rank
from certify.linear import matmul, norm, svd
from certify.patterns.enumerate import EnumerationStopped, enumerate_cones
from certify.problem.dual import best_scale, gain_problem, scaled_dual_bound
from certify.problem.objective import Bias, Loss
from certify.problem.training import TrainingProblem, evaluate
from certify.rounding import SLOP, UNIT

SMOOTHNESS = {Loss.HALF_SQUARED: 1.0, Loss.SQUARED: 2.0, Loss.LOGISTIC: 0.25}  # the largest second derivative
_SEEN = 1e-2  # directions within this share of beta are looked at
_NOISE, _ULPS = (
    1e-12,
    64.0,
)  # a gain that misses beta by this share of beta, and so many roundings of the data, counts as beta
_SUPPORT = 1e-6  # directions within this share of beta may carry the predictions
_NOTHING = 1e-11  # share; predictions this small are those of the zero network
_SAME = 1e-7  # unit vectors this close are one direction, at least
_ABOVE = 1e-12  # relative; a gain above beta by more is a column that the program lacks
_BOUNDARY = 1e-9  # relative; how near to a row's hyperplane a direction is on it
_ROUNDS = 6
_OUT_OF_TIME = "the time limit came before the optimum and its directions were known (--time-limit)"
_TOO_LARGE = "the data has too many activation patterns for all of them to be listed"


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
        sure = ~self.doubtful
        left_out = max([self.next_best, *self.gains[self.doubtful]])
        return replace(
            self, units=self.units[sure], signs=self.signs[sure], gains=self.gains[sure], doubtful=self.doubtful[sure],
            next_best=left_out,
        )  # fmt: skip


def find_landscape(
    problem: TrainingProblem, options: CheckOptions, progress: ProgressCallback | None = None
) -> Landscape:
    """Train to the optimum, list the optimal directions, prove that the list is complete, as far as the limits allow."""
    weighted, unweighted = positive_part(problem)
    with Interruption() as interruption:
        search = _Search(Proving(weighted, options, interruption, progress))
        search.run()
        return search.landscape(unweighted)


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
    if problem.free_hidden_bias:
        return "with a free hidden bias the optimal directions are segments, infinitely many"
    labels = problem.targets[:, 0]
    if problem.needs_zero_sum and problem.objective.loss is Loss.LOGISTIC and np.all(labels == labels[0]):
        return "all labels are alike and the output bias is free: the infimum 0 is not attained"
    return None


class _Search:
    """The search for the optimal directions as it proceeds."""

    def __init__(self, proving: Proving) -> None:
        self.proving, self.problem = proving, proving.problem
        self.reason = not_covered(self.problem)
        self.maximisers: Maximisers | None = None

    def run(self) -> None:
        """Optimum, then directions; directions of more than beta are columns that the optimum lacked."""
        proving, problem = self.proving, self.problem
        if problem.objective.undecayed or problem.outputs > 1:
            return
        if proving.start(blocks_of(problem, np.zeros((0, problem.rows.shape[1])), np.zeros(0))):
            proving.prove(TIGHT, proving.limits, lambda _: proving.limits)
        generation = proving.generation
        if self.reason is not None or generation is None or generation.nu is None:
            self.reason = self.reason or _OUT_OF_TIME
            return
        lister = lister_of(problem, proving.limits)
        if lister is None:
            self.reason = _TOO_LARGE
            return
        maximisers = lister(gain_problem(problem, generation.nu), problem.beta * (1 - _SEEN))
        for _ in range(_ROUNDS):
            gain = gain_problem(problem, generation.nu)
            better = [as_violator(gain, u) for u in maximisers.units]
            better = [v for v in better if v.gain > problem.beta * (1 + _ABOVE)]
            if proving.limits.reached() or not (better and generation.add(better)):
                break
            generation.run(_ABOVE, proving.limits)
            maximisers = lister(gain_problem(problem, generation.nu), problem.beta * (1 - _SEEN))
        self.maximisers = maximisers
        if not maximisers.settled:
            self.reason = _OUT_OF_TIME

    def landscape(self, unweighted: Indices) -> Landscape:
        """What was found out."""
        problem, generation, maximisers = self.problem, self.proving.generation, self.maximisers
        empty = np.zeros(0)
        known = Landscape(
            problem, self.proving.lower.value, math.inf, np.zeros(problem.samples), math.inf, math.inf, np.zeros(problem.samples),
            0.0, np.zeros((0, problem.rows.shape[1])), empty, empty, np.zeros(0, dtype=bool), math.inf, "", self.proving.nodes,
            activation_rank(problem.rows), unweighted, self.reason, self.proving.interruption.wished,
        )  # fmt: skip
        if generation is None or generation.solution is None or generation.nu is None:
            return known
        solution, nu = generation.solution, generation.nu
        known = replace(
            known,
            upper=evaluate(problem, problem.lower(generation.neurons)).upper,
            predictions=solution.f,
            constant=solution.c,
            nu=nu[:, 0],
        )
        if maximisers is None:
            return known
        scale = best_scale(problem, nu, maximisers.upper)
        known = replace(
            known,
            nu=scale * nu[:, 0],
            lower=max(known.lower, scaled_dual_bound(problem, nu, maximisers.upper)),
            units=maximisers.units,
            signs=maximisers.signs,
            gains=scale * maximisers.gains,
            next_best=scale * maximisers.next_best,
            method=maximisers.method,
            nodes=known.nodes + maximisers.nodes,
        )
        return _told_apart(_sharpened(known, maximisers.cones) or _as_it_is(known))


def _as_it_is(known: Landscape) -> Landscape:
    radius, slack = uncertainty(known.problem, known.upper - known.lower)
    return replace(known, radius=radius, slack=slack)


def _sharpened(known: Landscape, cones: Sequence[TightCone]) -> Landscape | None:
    """The same with forty digits: gains, directions, and the slack; None where that does not converge."""
    problem, beta = known.problem, known.beta
    tight = known.gains >= beta * (1 - _SUPPORT)
    masses = support_masses(known, tight)
    if masses is None:
        return None
    used = masses > 0
    optimum = precise_optimum(problem, known.units[used], known.signs[used], masses[used], known.constant)
    if optimum is None:
        return None
    nu = optimum.nu.astype(float)
    # all that is below the cones looked at was bounded at the other dual vector
    moved = float(np.sum(np.abs(nu - known.nu) * norm(problem.rows, axis=1))) * SLOP
    largest = Decimal(known.next_best + moved)
    shares, units = np.full(len(known.units), -np.inf), known.units.copy()
    for cone in cones:
        length, unit = optimum.bound(cone.pattern, cone.sign, cone.multipliers)
        largest = max(largest, length)
        share = float(length / Decimal(beta) - 1)
        if cone.direction is not None and share > shares[cone.direction]:
            shares[cone.direction], units[cone.direction] = share, unit
    excess = float(largest / Decimal(beta) - 1)
    if not excess <= _ABOVE:
        return None
    radius, slack = uncertainty(problem, optimum.gap(max(largest, Decimal(beta))))
    return replace(
        known,
        nu=nu,
        next_best=known.next_best + moved,
        predictions=optimum.f.astype(float),
        constant=float(optimum.constant),
        units=units,
        gains=beta * (1 + shares),
        radius=radius,
        slack=slack,
    )


def support_masses(known: Landscape, tight: Bools) -> Floats | None:
    """Masses (N,) of the directions chosen (N,) that give the predictions, those used independent; None where there are none."""
    columns = np.where(tight, known.activations, 0.0)
    target = known.predictions - known.constant
    if known.problem.objective.output_bias is Bias.FREE:
        columns, target = columns - np.mean(columns, axis=0), target - np.mean(target)
    lengths, scale = norm(columns, axis=0), float(norm(target))
    chosen = np.flatnonzero(lengths > 0)
    masses = np.zeros(len(known.units))
    if not chosen.size or not scale > 0:
        return masses if scale <= _NOTHING else None
    vectors = (columns[:, chosen] / lengths[chosen]).T
    found = bounded_least_squares(np.ascontiguousarray(vectors), target / scale, np.full(chosen.size, np.inf))
    masses[chosen] = np.maximum(found, 0.0) * scale / lengths[chosen]
    missed = float(norm(matmul(columns, masses) - target))
    nothing = _NOTHING * float(np.max(lengths))
    if missed > 1e-6 * scale and scale > nothing:
        return None
    return np.where(masses > _NOTHING, masses, 0.0) if scale > nothing else np.zeros(len(known.units))


def _told_apart(known: Landscape) -> Landscape:
    """Those within the slack of beta are listed; doubtful where they miss it by more than rounding of the data moves a gain."""
    problem, beta = known.problem, known.beta
    sizes = float(np.sum(np.abs(known.nu) * norm(problem.rows, axis=1)))
    same = beta * _NOISE + _ULPS * UNIT * sizes
    kept = known.gains >= beta - max(known.slack, same)
    return replace(
        known,
        units=known.units[kept],
        signs=known.signs[kept],
        gains=known.gains[kept],
        doubtful=known.gains[kept] < beta - same,
        next_best=max([known.next_best, *known.gains[~kept]]),
    )


def uncertainty(problem: TrainingProblem, gap: float) -> tuple[float, float]:
    """Bounds on |nu' - nu*| and on the change of any gain, from F - D(nu') <= gap.

    L is S_i = S w_i smooth in prediction i, so that sum (nu'_i - nu*_i)^2 / (2 S_i) <= gap.
    """
    gap = max(gap, 0.0) * SLOP
    smoothness = problem.weights * SMOOTHNESS[problem.objective.loss]
    radius = math.sqrt(2 * float(np.max(smoothness, initial=0.0)) * gap)
    return radius, math.sqrt(2 * gap) * _largest_singular(np.sqrt(smoothness)[:, None] * problem.rows)


def _with_directions(known: Landscape, maximisers: Maximisers, scale: float, used: Floats) -> Landscape:
    """Those within the slack of beta are listed; doubtful where they miss it by more than rounding does."""
    beta = known.beta
    gain = gain_problem(known.problem, known.nu[:, None])
    noise = max((abs(abs(gain.gain(u)) / beta - 1) for u in used), default=0.0)
    gains = scale * maximisers.gains
    kept = gains >= beta - known.slack
    left_out = max([scale * maximisers.next_best, *gains[~kept]])
    doubtful = gains[kept] < beta * (1 - max(_NOISE, 100 * noise))
    return replace(
        known, units=maximisers.units[kept], signs=maximisers.signs[kept], gains=gains[kept], doubtful=doubtful,
        next_best=left_out, method=maximisers.method, nodes=known.nodes + maximisers.nodes,
    )  # fmt: skip


def _largest_singular(matrix: Floats) -> float:
    """A float at least the largest singular value, as far as the factorisation's own rounding goes."""
    return float(svd(matrix)[1][0]) * (1 + 1e-9) if matrix.size else 0.0


Lister = Callable[[GainProblem, float], Maximisers]


def lister_of(problem: TrainingProblem, limits: Limits) -> Lister | None:
    """What lists the cone maximisers of a gain above a floor: by all patterns, where the data is small."""
    try:
        cones = enumerate_cones(problem.rows, limits)
    except (UsageError, EnumerationStopped):
        return None
    return lambda gain, floor: maximisers_by_patterns(gain, cones, floor, _SAME, limits)
