"""First-order conditions, neuron by neuron (docs/theory.md, section 6).

All residuals are relative: sizes to s, the root mean square of |u_j|_P and |a_j| over the network (see size_scale); slopes to
beta s, or, without weight decay, to the slopes that predictions of nothing have (see slope_scale). Balance is then no condition.
A neuron's boundary set are the samples with x.u = 0. Clarke stationarity allows any gate there that some pattern around the
neuron, or a mixture of them, has; directional stationarity asks for every pattern around it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from certify.arrays import Bools, Floats, Ints
from certify.failures import unless_it_fails
from certify.gain.question import Limits
from certify.linear import matmul, norm
from certify.patterns.around import Hinges, gradients, merged
from certify.patterns.steepest import Rise, steepest_rise
from certify.problem.training import Neurons, TrainingProblem
from certify.verdict import Stationarity

TOLERANCE = 1e-6
_BOUNDARY = 1e-7  # |x.u| below this times |x||u| counts as on the boundary
_LEAST_SCALE = 1e-3
_GLANCED = 16  # bytes of signs that most pairs of neurons differ in already


@dataclass(frozen=True, slots=True, eq=False)
class NeuronSlopes:
    """First-order data of one neuron: the slope's smooth part and what its boundary samples can add to it.

    smooth (D,): beta P u - a sum of nu_i z_i over the strictly active samples. rows (b, D) and weights a nu_i (b,) of the
    boundary samples. The objective's directional derivative along delta is smooth.delta - sum_i weights_i (rows_i . delta)_+.
    """

    smooth: Floats
    rows: Floats
    weights: Floats
    boundary: Ints  # indices of the samples
    nearest: Floats  # the shortest element of the Clarke subdifferential in u
    output_slope: float  # derivative by a

    @property
    def kinked(self) -> bool:
        """Whether the objective has a kink here at all."""
        return bool(np.any(self.weights != 0))


def assess(
    problem: TrainingProblem,
    neurons: Neurons,
    nu: Floats,
    limits: Limits | None = None,
    tolerance: float = TOLERANCE,
    unique: bool = True,
) -> Stationarity:
    """The report for a network whose own dual vector, -grad L at its predictions, is nu (n,).

    At a limit, what is not known of the patterns around a neuron counts against it, or is left open.
    unique: whether nu is the only one. If not, it is that of the least residual where no sample lies on a neuron's boundary; where one
    does, another nu might do better, and a no is left open.
    """
    scale = size_scale(problem, neurons)
    slopes = every_slope(problem, neurons, nu, limits)
    sizes = problem.size(neurons.u)
    slope_unit = slope_scale(problem, scale)
    per_neuron = tuple(float(norm(s.nearest)) / slope_unit for s in slopes)
    balance = 0.0 if problem.objective.undecayed else _imbalance(sizes, neurons, scale)
    activity = max((abs(s.output_slope) for s in slopes), default=0.0) / slope_unit
    bias = bias_residual(problem, neurons, nu)
    clarke = all(residual <= tolerance for residual in (*per_neuron, activity, bias))
    no = False if unique or not any(s.kinked for s in slopes) else None
    directional = _directional(problem, slopes, tolerance * slope_unit, limits) if clarke else no
    return Stationarity(
        balanced=None if problem.objective.undecayed else bool(balance <= tolerance),
        active=bool(activity <= tolerance),
        clarke=True if clarke else no,
        directional=directional if directional or unique else None,
        balance_residual=balance,
        activity_residual=activity,
        clarke_residual=per_neuron,
        boundary=tuple(tuple(int(i) for i in s.boundary) for s in slopes),
        dead=dead_neurons(problem, neurons),
        mergeable=mergeable_groups(problem, neurons),
        tolerance=tolerance,
        bias_residual=bias,
    )


def size_scale(problem: TrainingProblem, neurons: Neurons) -> float:
    """Root mean square of |u_j|_P and |a_j|, at least a thousandth of the size that fits the targets.

    The floor keeps a nearly zero network from being measured by its own dust.
    """
    squares = problem.size(neurons.u) ** 2 + neurons.a[:, 0] ** 2
    scale = float(np.sqrt(np.mean(squares) / 2)) if squares.size else 0.0
    row = float(np.sqrt(np.mean(np.sum(problem.rows**2, axis=1)))) or 1.0
    natural = float(np.sqrt(np.sqrt(np.mean(problem.targets**2)) / row)) or 1.0
    return max(scale, _LEAST_SCALE * natural) or 1.0  # zero where the squares of the data overflow


def slope_scale(problem: TrainingProblem, scale: float) -> float:
    """beta s; without weight decay |nu|.|z_i| s of the predictions 0 instead, a bound on s M(nu) there."""
    if not problem.objective.undecayed:
        return problem.beta * scale
    nu = problem.slope(np.zeros_like(problem.targets))
    return float(np.sum(np.abs(nu[:, 0]) * norm(problem.rows, axis=1))) * scale or 1.0


def _imbalance(sizes: Floats, neurons: Neurons, scale: float) -> float:
    return float(np.max(np.abs(sizes - np.abs(neurons.a[:, 0])), initial=0.0)) / scale


def bias_residual(problem: TrainingProblem, neurons: Neurons, nu: Floats) -> float:
    """Slope of the objective by the output bias, relative to sum |nu|; 0 without an output bias."""
    treatment = problem.objective.output_bias.value
    if treatment == "none":
        return 0.0
    slope = -float(np.sum(nu)) + (problem.beta * float(neurons.c[0]) if treatment == "penalized" else 0.0)
    if problem.objective.undecayed:
        nu = problem.slope(np.zeros_like(problem.targets))[:, 0]
    size = float(np.sum(np.abs(nu)))
    return abs(slope) / size if size > 0 else abs(slope)


def every_slope(
    problem: TrainingProblem, neurons: Neurons, nu: Floats, limits: Limits | None = None
) -> list[NeuronSlopes]:
    """First-order data of every neuron."""
    lengths = norm(problem.rows, axis=1)
    return [_slopes(problem, neurons.u[j], float(neurons.a[j, 0]), nu, lengths, limits) for j in range(neurons.width)]


def neuron_slopes(problem: TrainingProblem, neurons: Neurons, nu: Floats, j: int) -> NeuronSlopes:
    """First-order data of neuron j."""
    return _slopes(problem, neurons.u[j], float(neurons.a[j, 0]), nu, norm(problem.rows, axis=1), None)


def _slopes(
    problem: TrainingProblem, u: Floats, a: float, nu: Floats, lengths: Floats, limits: Limits | None
) -> NeuronSlopes:
    values, boundary, active = _sides(problem, u, lengths)
    decay = problem.beta * u
    if problem.free_hidden_bias:
        decay[-1] = 0.0
    smooth = decay - a * matmul(nu[active], problem.rows[active])
    rows, weights = problem.rows[boundary], a * nu[boundary]
    nearest = nearest_slope(smooth, rows, weights, limits)
    slope = problem.beta * a - float(matmul(nu, np.maximum(values, 0.0)))
    return NeuronSlopes(smooth, rows, weights, boundary, nearest, slope)


def boundary_and_active(problem: TrainingProblem, u: Floats) -> tuple[Floats, Ints, Bools]:
    """x.u (n,) of every sample, the indices of those on the boundary, and the mask (n,) of those strictly active."""
    return _sides(problem, u, norm(problem.rows, axis=1))


def _sides(problem: TrainingProblem, u: Floats, lengths: Floats) -> tuple[Floats, Ints, Bools]:
    values = matmul(problem.rows, u)
    reach = _BOUNDARY * lengths * norm(u)
    return values, np.flatnonzero((np.abs(values) <= reach) & (lengths > 0)), values > reach


def nearest_slope(smooth: Floats, rows: Floats, weights: Floats, limits: Limits | None = None) -> Floats:
    """The shortest smooth - sum_i g_i weights_i rows_i over the gates g that are mixtures of the patterns around the neuron.

    For independent rows these are all g in [0, 1]; for dependent ones the patterns are listed, or sampled where they are many.
    Infinite where numerics fail: nothing is known then.
    """
    if not np.any(weights):
        return smooth
    return unless_it_fails(
        lambda: gradients(merged(rows, weights), limits).shortest(smooth), np.full_like(smooth, np.inf)
    )


def _directional(
    problem: TrainingProblem, slopes: Sequence[NeuronSlopes], allowed: float, limits: Limits | None
) -> bool | None:
    """Whether no slope at a kink leads down by more than what is allowed."""
    rises = [descent_at_kink(problem, s, limits) for s in slopes if s.kinked]
    if any(rise.lower > allowed for rise in rises):
        return False
    return True if all(rise.upper <= allowed for rise in rises) else None


def descent_at_kink(problem: TrainingProblem, slopes: NeuronSlopes, limits: Limits | None = None) -> Rise:
    """Bounds on the steepest descent over unit directions delta of the neuron's u, and a direction that attains the lower one.

    -F'(delta) = sum weights_i (rows_i . delta)_+ - smooth.delta, by the patterns around the neuron.
    """
    unit = float(np.max(np.abs(slopes.weights) * norm(slopes.rows, axis=1), initial=0.0)) + float(norm(slopes.smooth))
    if not 0 < unit < np.inf:
        return Rise(0.0, 0.0 if unit == 0 else np.inf, None)

    def rise() -> Rise:
        hinges = merged(slopes.rows, slopes.weights)
        fall = Hinges(hinges.slope - slopes.smooth, hinges.normals, hinges.weights)
        return steepest_rise(fall, TOLERANCE / 8 * unit, TOLERANCE / 8, limits)

    return unless_it_fails(rise, Rise(0.0, np.inf, None))


def dead_neurons(problem: TrainingProblem, neurons: Neurons) -> tuple[int, ...]:
    """Neurons that are zero on either layer, or active on no sample."""
    on = np.any(matmul(problem.rows, neurons.u.T) > 0, axis=0)
    alive = on & np.any(neurons.a != 0, axis=1)
    return tuple(int(j) for j in np.flatnonzero(~alive))


def mergeable_groups(problem: TrainingProblem, neurons: Neurons) -> tuple[tuple[int, ...], ...]:
    """Groups of two or more neurons of one sign in one closed cone: no sample separates them strictly."""
    values = matmul(problem.rows, neurons.u.T).T
    on, off = np.packbits(values > 0, axis=1), np.packbits(values < 0, axis=1)
    signs, dead = np.sign(neurons.a[:, 0]), set(dead_neurons(problem, neurons))
    # of each group so far: its first neuron and the samples that some neuron of it is on and off for
    firsts = np.zeros(neurons.width, dtype=np.intp)
    groups: list[list[int]] = []
    group_on, group_off = np.zeros_like(on), np.zeros_like(off)
    for j in range(neurons.width):
        if j in dead:
            continue
        some = np.flatnonzero(signs[firsts[: len(groups)]] == signs[j])
        for part in (slice(0, _GLANCED), slice(_GLANCED, None)):
            clash = (group_on[some, part] & off[j, part]) | (group_off[some, part] & on[j, part])
            some = some[~np.any(clash, axis=1)]
        k = int(some[0]) if some.size else len(groups)
        if k == len(groups):
            firsts[k] = j
            groups.append([])
        groups[k].append(j)
        group_on[k] |= on[j]
        group_off[k] |= off[j]
    return tuple(tuple(members) for members in groups if len(members) > 1)
