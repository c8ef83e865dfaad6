"""The rose of one network: the gain of its own dual vector, its neurons on it, and the best direction for one more."""

from __future__ import annotations

import numpy as np

from certify.arrays import Floats, Ints
from certify.gain.ascents import ascents, seed_count
from certify.gain.question import GainProblem, Limits, Violator
from certify.gain.reduction import reduce_gain
from certify.landscape.stationary.report import Kind, StationaryReport
from certify.linear import norm
from certify.problem.dual import dual_vector, gain_problem
from certify.problem.network import Network
from certify.problem.training import TrainingProblem
from certify.report.numbers import ratio, rounded_down, rounded_up
from certify.report.plots.directions import require_circle
from certify.report.plots.frame import Frame
from certify.report.plots.rose import Rose, legend_of, plane_through, rose_of, stars_in

_VISIBLE = 1e-6  # share of beta


def neuron_rose(
    problem: TrainingProblem, network: Network, report: StationaryReport, caption: str, names: list[str]
) -> Rose:
    """Of the plane of all weights, where there are two coordinates; else of the great circle through the heaviest neuron and the
    direction of the largest gain that ascents find. names (D,) of the coordinates.

    Raises UsageError where directions are not points of a circle: with a free hidden bias, one weight, or several outputs.
    """
    require_circle(problem, names)
    neurons = problem.lift(network)
    gain = gain_problem(problem, dual_vector(problem, problem.predictions(neurons)))
    masses = problem.mass(neurons)
    present = np.flatnonzero(masses > 0)
    units = neurons.u[present] / norm(neurons.u[present], axis=1)[:, None]
    signs = np.sign(neurons.a[present, 0])
    plane, ends = _plane(gain, units, present[np.argsort(-masses[present], kind="stable")].tolist(), present, names)
    gains = np.array([sign * gain.gain(unit) for unit, sign in zip(units, signs, strict=True)]) / report.beta
    found = stars_in(plane, units, signs, gains, present.tolist())
    more = f"{legend_of(ends)}; numbers: neurons"
    frame = Frame("neurons", _title(report), f"{caption}\n{more}", report.eps)
    return rose_of(gain.rows, gain.nu, report.beta, plane, ends, found, frame, "neurons of the network", "o")


def _plane(
    gain: GainProblem, units: Floats, heaviest: list[int], present: Ints, names: list[str]
) -> tuple[Floats, tuple[str, str]]:
    axes = np.eye(len(names))
    if len(names) == 2:
        return axes, (names[0], names[1])
    place = {int(j): k for k, j in enumerate(present)}
    own = [(units[place[j]], f"neuron {j}") for j in heaviest]
    best = [(v.direction, "the largest gain") for v in _best(gain, units)]
    found = plane_through([*own[:1], *best, *own[1:], *zip(axes, names, strict=True)])
    assert found is not None  # the axes are not all along one line
    return found


def _best(gain: GainProblem, units: Floats) -> list[Violator]:
    reduced = reduce_gain(gain)
    count = seed_count(gain.rows.shape[1], gain.rows.shape[0])
    return ascents(gain, reduced, list(units), count, 0, Limits(None))[:1]


def _title(report: StationaryReport) -> str:
    low, high = ratio(report.gain.lower, report.beta), ratio(report.gain.upper, report.beta)
    if report.kind is Kind.GLOBAL:
        return f"global: no direction has a gain above {rounded_up(high, 7)} beta"
    if low > 1 + _VISIBLE:
        return f"{report.kind.value}; for one more neuron the gain reaches {rounded_down(low, 4)} beta"
    return f"{report.kind.value}: no gain above beta is known"
