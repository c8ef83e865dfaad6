"""Going downhill in parameter space: local descent, and straight directions with their measured decrease
(docs/theory.md, sections 4 and 6)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from certify.arrays import Floats
from certify.decide.same_width.trainer import Effort, Trainer, trainable, watched
from certify.decide.stationarity import (
    TOLERANCE,
    NeuronSlopes,
    descent_at_kink,
    every_slope,
    size_scale,
    slope_scale,
)
from certify.gain.question import Limits
from certify.linear import norm
from certify.problem.objective import Bias
from certify.problem.training import Neurons, TrainingProblem, evaluate
from certify.verdict import Direction

_EFFORT = Effort(1_000, 1e-14)
_STEPS = np.concatenate([[0.0], np.ldexp(1.0, np.arange(-60, 21))])


def displaced(start: Neurons, move: Neurons, step: float) -> Neurons:
    """start + step * move."""
    return Neurons(start.u + step * move.u, start.a + step * move.a, start.c + step * move.c)


def _bias_slope(problem: TrainingProblem, total: Floats, c: Floats) -> Floats:
    treatment = problem.objective.output_bias
    if treatment is Bias.NONE:
        return np.zeros_like(c)
    return total + (problem.beta * c if treatment is Bias.PENALIZED else 0.0)


def descend(problem: TrainingProblem, start: Neurons, limits: Limits) -> Neurons:
    """A local descent of the objective from start, as far as the limits allow; the result is never worse than start."""
    if not trainable(problem):
        return start
    trainer = Trainer(problem)
    parameters = trainer.packed(start)
    with np.errstate(all="ignore"):
        watched(lambda stop: trainer.descend(parameters, _EFFORT, stop), limits)
    end = trainer.unpacked(parameters)
    return end if problem.value(end) < problem.value(start) else start


def balanced(problem: TrainingProblem, neurons: Neurons) -> Neurons:
    """The same function with |u_j|_P = |a_j|; a neuron of which one layer is zero becomes zero."""
    sizes, outer = problem.size(neurons.u), norm(neurons.a, axis=1)
    alive = (sizes > 0) & (outer > 0)
    ratio = np.sqrt(np.divide(outer, sizes, out=np.zeros_like(outer), where=alive))
    inverse = np.divide(1.0, ratio, out=np.zeros_like(ratio), where=ratio > 0)
    return Neurons(neurons.u * ratio[:, None], neurons.a * inverse[:, None], neurons.c)


def steepest(problem: TrainingProblem, neurons: Neurons, nu: Floats, limits: Limits | None = None) -> Direction | None:
    """The negative (Clarke) gradient, or at a Clarke point that is not directionally stationary the steepest kink; with the
    best measured step. None where neither lowers the objective beyond rounding."""
    scale = size_scale(problem, neurons)
    slopes = every_slope(problem, neurons, nu[:, 0], limits)
    u = -np.array([s.nearest for s in slopes]).reshape(neurons.u.shape)
    a = -np.array([s.output_slope for s in slopes]).reshape(neurons.a.shape)
    move = Neurons(u, a, -_bias_slope(problem, -np.sum(nu, axis=0), neurons.c))
    length = float(np.sqrt(np.sum(u**2) + np.sum(a**2) + np.sum(move.c**2)))
    direction = None
    if length > TOLERANCE * slope_scale(problem, scale):
        unit = Neurons(u / length, a / length, move.c / length)
        direction = measured(problem, neurons, unit, order=1, rate=-length, limits=limits)
    return direction or _steepest_kink(problem, neurons, slopes, limits)


def _steepest_kink(
    problem: TrainingProblem, neurons: Neurons, slopes: list[NeuronSlopes], limits: Limits | None
) -> Direction | None:
    best: Direction | None = None
    for j, s in enumerate(slopes):
        if limits is not None and limits.reached():
            break
        rise = descent_at_kink(problem, s, limits) if s.kinked else None
        if rise is None or rise.direction is None or not rise.lower > 0:
            continue
        move = Neurons(np.zeros_like(neurons.u), np.zeros_like(neurons.a), np.zeros_like(neurons.c))
        move.u[j] = rise.direction
        candidate = measured(problem, neurons, move, order=1, rate=-rise.lower, limits=limits)
        if candidate and (best is None or candidate.decrease > best.decrease):
            best = candidate
    return best


def measured(
    problem: TrainingProblem, start: Neurons, move: Neurons, order: int, rate: float, limits: Limits | None = None
) -> Direction | None:
    """The direction with the step that lowers the objective most, by enclosed values; None where no step does."""
    before = evaluate(problem, problem.lower(start)).lower
    step = best_step(lambda t: problem.value(displaced(start, move, t)), limits)
    decrease = before - evaluate(problem, problem.lower(displaced(start, move, step))).upper
    if not decrease > 0:
        return None
    moved = np.any(move.u != 0, axis=1) | np.any(move.a != 0, axis=1)
    return Direction(problem.lower(move), tuple(int(j) for j in np.flatnonzero(moved)), step, order, rate, decrease)


def best_step(value: Callable[[float], float], limits: Limits | None = None) -> float:
    """The best of a geometric grid of steps, refined between its neighbours by golden section; at a limit the best one so far."""

    def late() -> bool:
        return limits is not None and limits.reached()

    values: list[float] = []
    for t in _STEPS:
        if values and late():
            break
        values.append(value(float(t)))
    k = int(np.argmin(values))
    low, high = float(_STEPS[max(k - 1, 0)]), float(_STEPS[min(k + 1, len(values) - 1)])
    for _ in range(60):
        if late():
            return float(_STEPS[k])
        left, right = low + 0.382 * (high - low), low + 0.618 * (high - low)
        low, high = (low, right) if value(left) <= value(right) else (left, high)
    middle = (low + high) / 2
    return middle if value(middle) <= values[k] else float(_STEPS[k])
