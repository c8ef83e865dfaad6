"""Is there a way from this network down to a global optimum, and which (docs/theory.md, section 7)? Every path that is shown has been decided
by the checker, in exact arithmetic."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import accumulate

import numpy as np

from certify.arrays import Bools
from certify.certificates.exact import rounded_outwards
from certify.certificates.statement import checked_objective, plain_data, plain_network
from certify.checker.certificate import Network as CheckedNetwork
from certify.checker.descents import Kept, Way, decide_way, walked
from certify.checker.objective import Problem
from certify.checker.objective import training_problem as checked_problem
from certify.checker.rejection import Rejected
from certify.decide.interruption import Interruption
from certify.decide.options import CheckOptions, ProgressCallback
from certify.decide.proving import Proving
from certify.decide.scope import decidable_problem
from certify.errors import InputError, ObjectiveError
from certify.landscape.path.answering import answer_of
from certify.landscape.path.report import Arrival, PathReport
from certify.landscape.path.saving import ALLOWED
from certify.landscape.path.search import bound_optimum, descents
from certify.landscape.path.to.target import Meeting, meet
from certify.landscape.path.track import Move, Point, Track, constants_of, neurons_at, starting_point
from certify.landscape.rank import activation_rank
from certify.landscape.stationary.report import Kind
from certify.landscape.stationary.stationary import stationary_network
from certify.problem.dataset import Dataset
from certify.problem.network import Network, padded
from certify.problem.objective import Bias, Objective
from certify.problem.training import TrainingProblem, evaluate
from certify.verdict import Bounds

_DEFAULTS = CheckOptions()


class NotOptimal(InputError):
    """The network at which a path is to end is not proved to be a global optimum."""


@np.errstate(all="ignore")
def path_to_optimum(
    network: Network,
    dataset: Dataset,
    objective: Objective,
    width: int | None = None,
    options: CheckOptions = _DEFAULTS,
    progress: ProgressCallback | None = None,
    target: Network | None = None,
) -> PathReport:
    """A path of the given width (default: the network's own) along which F never rises, to a network that no other is below by eps.

    target: the global optimum at which the path is to end; any one, if left out.
    Raises InputError where network, data and objective do not fit together, the width is smaller than the network's or the target's;
    NotOptimal where the target is not proved to be optimal to eps; ObjectiveError for what is not covered.
    """
    if width is not None and width < network.width:
        raise InputError(f"--width {width}: the network has {network.width} neurons; a path has at least as many")
    network = padded(network, width or network.width)
    problem = decidable_problem(network, dataset, objective)
    _require_covered(objective)
    goal = None if target is None else _in_slots(target, network, dataset, objective)
    stuck = _stuck(network, dataset, objective, options)
    with Interruption() as interruption:
        proving = Proving(problem, options, interruption, progress)
        start = Track((starting_point(problem, problem.lift(network)),), ())
        point = None if goal is None else starting_point(problem, problem.lift(goal))
        bound_optimum(proving, [start.end] if point is None else [start.end, point])
        ways = descents(proving, start, options.eps, elsewhere=not stuck)
        if goal is None or point is None:
            return _reported(proving, network, dataset, Meeting(next(ways)), stuck, None)
        value = _optimal(proving, goal)
        height = evaluate(problem, network).upper
        meeting = meet(proving, start, height, point, ways, lambda track: _passes(problem, network, dataset, track))
        return _reported(proving, network, dataset, meeting, stuck, Arrival(value, meeting.distance, meeting.ordered))


def way_of(points: Sequence[Point], moves: Sequence[Move]) -> Way:
    """The breakpoints as the checker reads them: plain numbers; F is not known yet."""
    return Way(
        vectors=[point.w.tolist() for point in points],
        signs=[[int(s) for s in point.signs] for point in points],
        constants=[float(point.c) for point in points],
        values=[0.0] * (len(points) + 1),
        kinds=["balance", *(move.value for move in moves)],
        allowed=ALLOWED,
    )


def proved_part(problem: Problem, network: CheckedNetwork, track: Track) -> tuple[Way, Kept]:
    """The longest beginning of the track that the checker accepts, F at every breakpoint in it as the checker bounds it.

    Raises InputError where not even balancing is possible in float64.
    """
    finite = next(
        (k for k, p in enumerate(track.points) if not np.all(np.isfinite(p.w)) or not math.isfinite(p.c)), None
    )
    points, moves = track.points[:finite], track.moves
    while points:
        way = way_of(points, moves[: len(points) - 1])
        try:
            values, rises = walked(problem, network, way)
        except Rejected as reason:
            points, last = points[:-1], str(reason)
            continue
        most = Fraction(way.allowed) * abs(values[0][0])
        kept = sum(total <= most for total in accumulate(rises))
        if kept == len(rises):
            way = replace(way, values=[rounded_outwards(*value).upper for value in values])
            if not all(map(math.isfinite, way.values)):
                last = "F overflows"
                break
            return way, decide_way(problem, network, way)
        points, last = points[:kept], "rounding makes F rise"
    last = last if finite != 0 else "the network overflows float64"
    raise InputError(f"no path can be written in float64 ({last}); bring columns and targets to sizes near 1")


@np.errstate(all="ignore")
def network_on(problem: TrainingProblem, network: Network, way: Way, time: float) -> Network:
    """The network at a time in [0, 1] of the whole path, every piece taking as long as any other; on piece 0, while it is balanced, |u|/|a|
    changes geometrically."""
    pieces = len(way.kinds)
    piece = min(int(time * pieces), pieces - 1)
    t = time * pieces - piece
    if piece == 0:
        return _balancing(problem, network, way, t)
    one, two = (_point(way, k) for k in (piece - 1, piece))
    signs = np.where(one.used, one.signs, two.signs)
    point = Point((1 - t) * one.w + t * two.w, signs, (1 - t) * one.c + t * two.c)
    return problem.lower(neurons_at(problem, point))


def _point(way: Way, number: int) -> Point:
    return Point(np.array(way.vectors[number]), np.array(way.signs[number], dtype=float), way.constants[number])


def _balancing(problem: TrainingProblem, network: Network, way: Way, t: float) -> Network:
    start, end = problem.lift(network), neurons_at(problem, _point(way, 0))
    sizes, outer = problem.size(start.u), np.abs(start.a[:, 0])
    alive = (sizes > 0) & (outer > 0)
    factor = np.where(alive, np.sqrt(np.divide(outer, sizes, out=np.ones_like(outer), where=alive)), 1.0)
    part = np.array([f**t for f in factor.tolist()])  # Python's own power: the same on every processor
    shrink = np.where(alive, part, 1 - t)
    u, a = start.u * shrink[:, None], start.a * np.where(alive, 1 / part, 1 - t)[:, None]
    handed = float(np.sum(constants_of(problem, start))) * (1 - (1 - t) ** 2)
    return problem.lower(type(end)(u, a, start.c + handed))


def _require_covered(objective: Objective) -> None:
    if objective.undecayed:
        raise ObjectiveError("paths are not covered without weight decay, because every scale of a neuron is as good")
    if not objective.loss.function.smooth:
        raise ObjectiveError(
            f"paths are not covered for the {objective.loss.value} loss, because its kinks leave the slope at a piece's end open"
        )
    if objective.hidden_bias is Bias.FREE and objective.output_bias is not Bias.FREE:
        raise ObjectiveError(
            "paths are not covered with a free hidden bias and no output bias, because the infimum need not be attained: "
            "give the network an output bias"
        )


def _stuck(network: Network, dataset: Dataset, objective: Objective, options: CheckOptions) -> bool:
    """Whether the network is a strict local minimum that is not a global one: then every path from it rises at once."""
    return stationary_network(network, dataset, objective, options).kind is Kind.STRICT_LOCAL_MINIMUM


def _in_slots(target: Network, network: Network, dataset: Dataset, objective: Objective) -> Network:
    """The target with as many neurons as the network."""
    try:
        decidable_problem(target, dataset, objective)
    except InputError as error:
        raise InputError(f"the optimum to go to: {error}") from error
    used = np.any(target.output_weights != 0, axis=1)
    if int(np.sum(used)) > network.width:
        raise InputError(
            f"the optimum has {int(np.sum(used))} neurons, and the path {network.width}; add zero neurons: --width {int(np.sum(used))}"
        )
    return padded(target if target.width <= network.width else _selected(target, used), network.width)


def _selected(network: Network, kept: Bools) -> Network:
    bias = None if network.hidden_bias is None else network.hidden_bias[kept]
    return Network(network.hidden_weights[kept], network.output_weights[kept], bias, network.output_bias)


def _optimal(proving: Proving, target: Network) -> Bounds:
    """F of the target, where it is proved to be optimal to eps."""
    value, lower, eps = evaluate(proving.problem, target), proving.lower.value, proving.options.eps
    if not value.upper - lower <= eps * abs(value.lower):
        raise NotOptimal(
            f"not proved to be a global optimum to eps = {eps:g}: F = {value.value:.9g}, and what is known is P* >= {lower:.9g}"
        )
    return Bounds(value.lower, value.upper)


def _proved_part(problem: TrainingProblem, network: Network, dataset: Dataset, track: Track) -> tuple[Way, Kept]:
    checked = checked_problem(checked_objective(problem.objective), plain_data(dataset))
    return proved_part(checked, plain_network(network), track)


def _passes(problem: TrainingProblem, network: Network, dataset: Dataset, track: Track) -> bool:
    """Whether the checker accepts all of the track."""
    try:
        return _proved_part(problem, network, dataset, track)[1].pieces == len(track.points)
    except InputError:
        return False


def _reported(
    proving: Proving, network: Network, dataset: Dataset, meeting: Meeting, stuck: bool, arrival: Arrival | None
) -> PathReport:
    problem, descent = proving.problem, meeting.descent
    way, kept = _proved_part(problem, network, dataset, descent.track)
    start, end = rounded_outwards(*kept.start), rounded_outwards(*kept.end)
    rank = activation_rank(problem.rows)
    suffices = 1 + (rank.with_constant if problem.objective.output_bias is Bias.FREE else rank.rank)
    lower = proving.lower.value
    known = min(end.upper, proving.solution.value if proving.solution is not None else end.upper)
    answer, reason = answer_of(proving, meeting, kept, end, lower, known, stuck, suffices, arrival)
    return PathReport(
        answer, reason, way, start, end, Bounds(lower, known), rounded_outwards(kept.rise, kept.rise).upper, proving.options.eps, network.width, suffices,
        descent.dead_ends, proving.elapsed, proving.interruption.wished, arrival,
    )  # fmt: skip
