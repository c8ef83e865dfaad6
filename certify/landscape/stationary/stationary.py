"""What kind of point is this network? First-order conditions, its own convex program, and what is proved of its surroundings
(docs/theory.md, section 6)."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

import numpy as np

from certify.arrays import Floats
from certify.decide.descent import measured, steepest
from certify.decide.interruption import Interruption
from certify.decide.options import CheckOptions, ProgressCallback
from certify.decide.proving import Proving
from certify.decide.scope import decidable_problem
from certify.decide.stationarity import TOLERANCE, every_slope
from certify.errors import ObjectiveError
from certify.gain.question import GainBound
from certify.landscape.stationary.classify import kind_of, theorem_of
from certify.landscape.stationary.kinks import kinks_of
from certify.landscape.stationary.local import Local, local_data
from certify.landscape.stationary.nearby import nearby_network
from certify.landscape.stationary.neurons import neuron_reports
from certify.landscape.stationary.own_program import OwnProgram
from certify.landscape.stationary.report import Kind, Nearby, NeuronKind, StationaryReport
from certify.linear import norm
from certify.problem.dataset import Dataset
from certify.problem.dual import dual_vector
from certify.problem.network import Network
from certify.problem.objective import Objective
from certify.problem.training import Neurons
from certify.verdict import Bounds, Direction

_GAIN_SECONDS, _GAIN_NODES = 2.0, 5_000
_DEFAULTS = CheckOptions()


@np.errstate(all="ignore")
def stationary_network(
    network: Network,
    dataset: Dataset,
    objective: Objective,
    options: CheckOptions = _DEFAULTS,
    progress: ProgressCallback | None = None,
    tolerance: float = TOLERANCE,
) -> StationaryReport:
    """Classify the network; options.eps is the tolerance of "global", options.time_limit bounds every search.

    tolerance: of all residuals, which are relative (docs/theory.md, section 6), and of what a local minimum may be above a
    proved bound on its surroundings, relative to F.

    Raises InputError where network, data and objective do not fit together, ObjectiveError without weight decay and for a loss with kinks. Ctrl-C gives what is known so far.
    """
    problem = decidable_problem(network, dataset, objective)
    if objective.undecayed:
        raise ObjectiveError(
            "stationary is not covered without weight decay, because every scale of a neuron is as good"
        )
    if not problem.loss.smooth:
        raise ObjectiveError(
            f"stationary is not covered for the {objective.loss.value} loss, because where it has kinks no gradient tells what"
            " kind of point a network is"
        )
    with Interruption() as interruption:
        return _classified(Proving(problem, options, interruption, progress), network, tolerance)


def _classified(proving: Proving, network: Network, tolerance: float) -> StationaryReport:
    started = time.monotonic()
    problem, limits = proving.problem, proving.limits
    neurons = problem.lift(network)
    local = local_data(problem, network, neurons, tolerance, limits)
    nu = -problem.slope(problem.predictions(neurons))
    gain = _gain(proving, neurons)
    nearby = None if local.stationary else _nearby(proving, network, neurons, local.own, tolerance)
    optimum = Bounds(max(proving.lower.value, 0.0), local.value.upper)
    kind, note = _kind(proving, local)
    descent, revived = _descent(proving, neurons, nu, kind, local.kinds, gain)
    if revived is not None:
        note = f"a saddle: F falls when neuron {revived}, which is zero, is revived along the direction below"
    slopes = every_slope(problem, neurons, nu[:, 0], limits)
    kinks = [
        () if of_neuron is NeuronKind.ZERO else kinks_of(s) for of_neuron, s in zip(local.kinds, slopes, strict=True)
    ]
    reports = neuron_reports(problem, neurons, local, slopes, kinks, limits)
    return StationaryReport(
        kind=kind,
        note=note,
        tolerance=local.stationarity.tolerance,
        eps=proving.options.eps,
        value=local.value,
        optimum=optimum,
        gain=Bounds(gain.lower, gain.upper),
        beta=problem.beta,
        stationarity=local.stationarity,
        neurons=reports,
        pairs=local.own.pairs,
        own=local.own.value,
        theorem=theorem_of(local.stationarity, kinks, local.value, local.own.value, nearby is not None),
        near=local.near,
        nearby=nearby,
        descent=descent,
        revived=revived,
        seconds=time.monotonic() - started,
        interrupted=proving.interruption.wished,
    )


def _gain(proving: Proving, neurons: Neurons) -> GainBound:
    """Bounds on the gain of the network's own dual vector, and with them the lower bound on P* that proving keeps."""
    nu = dual_vector(proving.problem, proving.problem.predictions(neurons))
    limit = proving.options.time_limit
    seconds = _GAIN_SECONDS if limit is None else min(_GAIN_SECONDS, limit / 4)
    known = [u for u in neurons.u if np.any(u)]
    return proving.bound(nu, 0.0, proving.limits.within(seconds, _GAIN_NODES), known, stage="gain of the network")


def _descent(
    proving: Proving,
    neurons: Neurons,
    nu: Floats,
    kind: Kind,
    kinds: Sequence[NeuronKind],
    gain: GainBound,
) -> tuple[Direction | None, int | None]:
    """A way down, where the class leaves one: the steepest slope, or a zero neuron along the best violator."""
    problem = proving.problem
    if kind in (Kind.NOT_STATIONARY, Kind.CLARKE):
        return steepest(problem, neurons, nu, proving.limits), None
    if kind is not Kind.DIRECTIONAL or NeuronKind.ZERO not in kinds:
        return None, None
    slot = list(kinds).index(NeuronKind.ZERO)
    for violator in gain.witnesses:
        if not violator.gain > problem.beta:
            break
        move = Neurons(np.zeros_like(neurons.u), np.zeros_like(neurons.a), np.zeros_like(neurons.c))
        move.u[slot], move.a[slot] = violator.direction, violator.sign
        direction = measured(problem, neurons, move, order=2, rate=problem.beta - violator.gain)
        if direction is not None:
            return direction, slot
    return None, None


def _kind(proving: Proving, local: Local) -> tuple[Kind, str]:
    optimum = Bounds(proving.lower.value, local.value.upper)
    return kind_of(local.stationarity, local.kinds, local.value, optimum, proving.options.eps, local.near, local.strict)


def _nearby(proving: Proving, network: Network, neurons: Neurons, own: OwnProgram, tolerance: float) -> Nearby | None:
    """The optimum of the network's own program as a network of its neurons, where that is a stationary point."""
    found = nearby_network(proving.problem, neurons, own)
    if found is None:
        return None
    point = proving.problem.lower(found)
    local = local_data(proving.problem, point, proving.problem.lift(point), tolerance, proving.limits)
    if not local.stationary:
        return None
    gain = _gain(proving, proving.problem.lift(point))
    kind, note = _kind(proving, local)
    if kind is Kind.DIRECTIONAL and NeuronKind.ZERO in local.kinds and gain.lower > proving.problem.beta:
        note = (
            f"a saddle: F falls when neuron {list(local.kinds).index(NeuronKind.ZERO)}, which is zero there, is revived"
        )
    return Nearby(kind, note, local.value, _distance(network, point), local.stationarity.residual)


def _distance(network: Network, other: Network) -> float:
    """Euclidean, over all parameters, relative to the size of the first one's."""
    pairs = [
        (one, two)
        for layer, layer_of_other in zip(network.layers, other.layers, strict=True)
        for one, two in zip(layer, layer_of_other, strict=True)
        if one is not None and two is not None
    ]
    apart = math.hypot(*(float(norm(np.ravel(one - two))) for one, two in pairs))
    size = math.hypot(*(float(norm(np.ravel(one))) for one, _ in pairs))
    return apart / size if size > 0 else math.inf
