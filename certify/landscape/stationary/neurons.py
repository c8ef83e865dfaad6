"""The first-order report of every neuron: residuals, kinks, and the steepest way down that moving it alone has (docs/theory.md, section 6)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from certify.arrays import Floats
from certify.decide.stationarity import NeuronSlopes, descent_at_kink, size_scale
from certify.failures import unless_it_fails
from certify.gain.question import Limits
from certify.landscape.stationary.kinks import Kink
from certify.landscape.stationary.local import Local
from certify.landscape.stationary.report import NeuronKind, NeuronReport
from certify.linear import norm
from certify.patterns.steepest import Rise
from certify.problem.training import Neurons, TrainingProblem
from certify.verdict import Bounds


def neuron_reports(
    problem: TrainingProblem,
    neurons: Neurons,
    local: Local,
    slopes: Sequence[NeuronSlopes],
    kinks: Sequence[tuple[Kink, ...]],
    limits: Limits,
) -> tuple[NeuronReport, ...]:
    """One report a neuron, in the network's order."""
    scale = size_scale(problem, neurons)
    balance = np.abs(problem.size(neurons.u) - np.abs(neurons.a[:, 0])) / scale
    reports = []
    for j, (kind, slope) in enumerate(zip(local.kinds, slopes, strict=True)):
        descent, direction = _steepest(problem, kind, slope, limits)
        activity = abs(slope.output_slope) / (problem.beta * scale)
        residual = local.stationarity.clarke_residual[j]
        reports.append(NeuronReport(kind, float(balance[j]), activity, residual, kinks[j], descent, direction))
    return tuple(reports)


def _steepest(
    problem: TrainingProblem, kind: NeuronKind, slopes: NeuronSlopes, limits: Limits
) -> tuple[Bounds, Floats | None]:
    """Bounds on the steepest fall over unit directions of u, and the direction of the lower one; a zero neuron has no slope."""
    if kind is NeuronKind.ZERO:
        return Bounds(0.0, 0.0), None
    if slopes.kinked:
        unknown = Rise(0.0, np.inf, None)
        rise = unless_it_fails(lambda: descent_at_kink(problem, slopes, limits), unknown)
        return Bounds(rise.lower, rise.upper), rise.direction
    length = float(norm(slopes.smooth))
    return Bounds(length, length), -slopes.smooth / length if length > 0 else None
