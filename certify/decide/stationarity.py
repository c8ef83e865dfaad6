"""First-order conditions, neuron by neuron (docs/theory.md, section 6).

All residuals are relative: sizes to s, the root mean square of |u_j|_P and |a_j| over the network (see size_scale); slopes to
beta s.
A neuron's boundary set are the samples with x.u = 0. Clarke stationarity allows any gate there that some pattern around the
neuron, or a mixture of them, has; directional stationarity asks for every pattern around it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from certify.decide.verdict import Stationarity
from certify.errors import InputError
from certify.gain.cones.brancher import ConeBrancher
from certify.gain.cones.kernel import least_majorant
from certify.gain.question import GainProblem, Limits
from certify.gain.reduction import reduce_gain
from certify.gain.search.queue import Search
from certify.patterns.enumerate import EnumerationStopped, enumerate_cones
from certify.problem.training import Neurons, TrainingProblem

TOLERANCE = 1e-6
_BOUNDARY = 1e-7  # |x.u| below this times |x||u| counts as on the boundary
_DIRECTION_NODES = 1536
_PERTURBATIONS = 256
_LEAST_SCALE = 1e-3
_MOST_LISTED = 2_000
_LISTING_SECONDS = 0.3


@dataclass(frozen=True, slots=True, eq=False)
class NeuronSlopes:
    """First-order data of one neuron: the slope's smooth part and what its boundary samples can add to it.

    smooth (D,): beta P u - a sum of nu_i z_i over the strictly active samples. rows (b, D) and weights a nu_i (b,) of the
    boundary samples. The objective's directional derivative along delta is smooth.delta - sum_i weights_i (rows_i . delta)_+.
    """

    smooth: np.ndarray
    rows: np.ndarray
    weights: np.ndarray
    boundary: np.ndarray  # indices of the samples
    nearest: np.ndarray  # the shortest element of the Clarke subdifferential in u
    output_slope: float  # derivative by a

    @property
    def kinked(self) -> bool:
        """Whether the objective has a kink here at all."""
        return bool(np.any(self.weights != 0))


def assess(problem: TrainingProblem, neurons: Neurons, nu: np.ndarray) -> Stationarity:
    """The report for a network whose own dual vector, -grad L at its predictions, is nu (n,)."""
    scale = size_scale(problem, neurons)
    slopes = [neuron_slopes(problem, neurons, nu, j) for j in range(neurons.width)]
    sizes = problem.size(neurons.u)
    per_neuron = tuple(float(np.linalg.norm(s.nearest)) / (problem.beta * scale) for s in slopes)
    balance = float(np.max(np.abs(sizes - np.abs(neurons.a[:, 0])), initial=0.0)) / scale
    activity = max((abs(s.output_slope) for s in slopes), default=0.0) / (problem.beta * scale)
    bias = bias_residual(problem, neurons, nu)
    clarke = all(residual <= TOLERANCE for residual in (*per_neuron, activity, bias))
    return Stationarity(
        balanced=bool(balance <= TOLERANCE),
        active=bool(activity <= TOLERANCE),
        clarke=bool(clarke),
        directional=_directional(problem, slopes, scale) if clarke else False,
        balance_residual=balance,
        activity_residual=activity,
        clarke_residual=per_neuron,
        boundary=tuple(tuple(int(i) for i in s.boundary) for s in slopes),
        dead=dead_neurons(problem, neurons),
        mergeable=mergeable_groups(problem, neurons),
        tolerance=TOLERANCE,
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


def bias_residual(problem: TrainingProblem, neurons: Neurons, nu: np.ndarray) -> float:
    """Slope of the objective by the output bias, relative to sum |nu|; 0 without an output bias."""
    treatment = problem.objective.output_bias.value
    if treatment == "none":
        return 0.0
    slope = -float(np.sum(nu)) + (problem.beta * float(neurons.c[0]) if treatment == "penalized" else 0.0)
    size = float(np.sum(np.abs(nu)))
    return abs(slope) / size if size > 0 else abs(slope)


def neuron_slopes(problem: TrainingProblem, neurons: Neurons, nu: np.ndarray, j: int) -> NeuronSlopes:
    """First-order data of neuron j."""
    u, a = neurons.u[j], neurons.a[j, 0]
    values = problem.rows @ u
    reach = _BOUNDARY * np.linalg.norm(problem.rows, axis=1) * np.linalg.norm(u)
    present = np.any(problem.rows != 0, axis=1)
    boundary = np.flatnonzero((np.abs(values) <= reach) & present)
    active = values > reach
    decay = problem.beta * u
    if problem.free_hidden_bias:
        decay = decay.copy()
        decay[-1] = 0.0
    smooth = decay - a * (nu[active] @ problem.rows[active])
    rows, weights = problem.rows[boundary], a * nu[boundary]
    nearest = nearest_slope(smooth, weights[:, None] * rows, rows)
    slope = problem.beta * a - float(nu @ np.maximum(values, 0.0))
    return NeuronSlopes(smooth, rows, weights, boundary, nearest, slope)


def nearest_slope(smooth: np.ndarray, kinks: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The shortest smooth - sum_i g_i kinks_i over the gates g that are mixtures of the patterns around the neuron.

    For independent rows these are all g in [0, 1]; for dependent ones the patterns are listed, or sampled where they are many.
    """
    if not np.any(kinks):
        return smooth
    if np.linalg.matrix_rank(rows) == rows.shape[0]:
        return _nearest(smooth, lambda z: (kinks @ z > 0).astype(float) @ kinks)
    vertices = _gates_around(rows) @ kinks
    return _nearest(smooth, lambda z: vertices[int(np.argmax(vertices @ z))])


def _gates_around(rows: np.ndarray) -> np.ndarray:
    """Patterns (p, b) of the rows, as 0 and 1: all of them, or a sample where there are too many to list."""
    try:
        return enumerate_cones(rows, Limits(time.monotonic() + _LISTING_SECONDS), _MOST_LISTED).patterns.astype(float)
    except (InputError, EnumerationStopped):
        rng = np.random.default_rng(0)
        around = np.vstack([rng.standard_normal((_PERTURBATIONS, rows.shape[1])), rows, -rows])
        return np.unique((around @ rows.T > 0).astype(float), axis=0)


def _nearest(target: np.ndarray, furthest: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """target minus its nearest point of a polytope, given the polytope's furthest vertex in a direction (Wolfe's method)."""
    d = target.size
    most = 6 * d + 20
    atoms, weights = np.empty((most, d)), np.zeros(most)
    atoms[0] = furthest(target)
    none, ones = np.zeros((0, d)), np.ones(d)
    z = target - atoms[0]
    for count in range(1, most):
        z, _ = least_majorant(target, atoms, count, none, ones, weights)
        vertex = furthest(z)
        if z @ (target - vertex) >= (1 - 1e-10) * (z @ z) - 1e-30:
            break
        atoms[count] = vertex
    return z


def _directional(problem: TrainingProblem, slopes: Sequence[NeuronSlopes], scale: float) -> bool | None:
    answers = [descent_at_kink(problem, s) for s in slopes if s.kinked]
    allowed = TOLERANCE * problem.beta * scale
    if any(lower > allowed for lower, _, _ in answers):
        return False
    return True if all(upper <= allowed for _, upper, _ in answers) else None


def descent_at_kink(problem: TrainingProblem, slopes: NeuronSlopes) -> tuple[float, float, np.ndarray | None]:
    """Bounds on the steepest descent over unit directions delta of the neuron's u, and a direction that attains the lower one.

    -F'(delta) = sum weights_i (rows_i . delta)_+ - smooth.delta is positively homogeneous: a gain, with +-smooth as two more
    rows.
    """
    lengths = np.linalg.norm(slopes.rows, axis=1)
    size = max(float(np.max(np.abs(slopes.weights) * lengths, initial=0.0)), float(np.linalg.norm(slopes.smooth)))
    if not size > 0:
        return 0.0, 0.0, None
    rows = np.vstack([slopes.rows, slopes.smooth / size, -slopes.smooth / size])
    gain = GainProblem(rows, np.concatenate([slopes.weights / size, [-1.0, 1.0]]))
    search = Search(ConeBrancher(gain, reduce_gain(gain), signs=(1,)), TOLERANCE / 8, TOLERANCE / 8)
    search.advance(_DIRECTION_NODES, 1, lambda: False, lambda: False)
    best = max(search.candidates, key=lambda violator: violator.gain, default=None)
    direction = None if best is None else best.direction
    return size * search.best, size * search.upper, direction


def dead_neurons(problem: TrainingProblem, neurons: Neurons) -> tuple[int, ...]:
    """Neurons that are zero on either layer, or active on no sample."""
    on = np.any(problem.rows @ neurons.u.T > 0, axis=0)
    alive = on & np.any(neurons.a != 0, axis=1)
    return tuple(int(j) for j in np.flatnonzero(~alive))


def mergeable_groups(problem: TrainingProblem, neurons: Neurons) -> tuple[tuple[int, ...], ...]:
    """Groups of two or more neurons of one sign in one closed cone: no sample separates them strictly."""
    dead = set(dead_neurons(problem, neurons))
    signs = np.sign(problem.rows @ neurons.u.T).astype(np.int8)
    groups: list[tuple[float, np.ndarray, list[int]]] = []
    for j in range(neurons.width):
        if j in dead:
            continue
        for index, (sign, pattern, members) in enumerate(groups):
            if sign == np.sign(neurons.a[j, 0]) and not np.any(pattern * signs[:, j] < 0):
                groups[index] = (sign, np.where(pattern == 0, signs[:, j], pattern), [*members, j])
                break
        else:
            groups.append((float(np.sign(neurons.a[j, 0])), signs[:, j], [j]))
    return tuple(tuple(members) for _, _, members in groups if len(members) > 1)
