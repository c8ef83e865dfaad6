"""Better networks of at most the given width, and how each was come by (docs/theory.md, sections 4 and 7)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from certify.arrays import Floats
from certify.convex.blocks import blocks_of, network_of
from certify.convex.kinked import rescaled
from certify.convex.polish import polish
from certify.convex.restricted import solve_restricted
from certify.convex.solution import RestrictedSolution
from certify.convex.sparsify import fewest, prune
from certify.decide.descent import balanced, best_step, descend, displaced, measured, steepest
from certify.decide.stationarity import dead_neurons
from certify.gain.question import Limits, Violator
from certify.linear import matmul
from certify.problem.losses.kinked import Kinked
from certify.problem.network import Network
from certify.problem.training import Neurons, TrainingProblem, evaluate
from certify.verdict import Bounds, Direction, Stationarity, Witness


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A network that may be better, not yet re-evaluated."""

    neurons: Neurons
    kind: str
    direction: Direction | None = None


def shown(problem: TrainingProblem, candidate: Candidate) -> Witness:
    """The candidate as a witness: its network in the original parametrisation, re-evaluated on the original objective."""
    network = problem.lower(candidate.neurons)
    value = evaluate(problem, network)
    return Witness(network, Bounds(value.lower, value.upper), candidate.kind, candidate.direction)


def witnesses(problem: TrainingProblem, candidates: Iterable[Candidate]) -> Iterator[Witness]:
    """The candidates whose parameters are finite, as witnesses."""
    for candidate in candidates:
        if np.all(np.isfinite(candidate.neurons.u)) and np.all(np.isfinite(candidate.neurons.a)):
            yield shown(problem, candidate)


def first_steps(
    problem: TrainingProblem,
    neurons: Neurons,
    nu: Floats,
    stationarity: Stationarity,
    limits: Limits | None = None,
) -> Iterator[Candidate]:
    """Balancing, and one step of steepest descent, where the network is not stationary: conditions A or B fail, or a kink
    lets the objective fall."""
    if stationarity.directional and stationarity.balanced is not False and stationarity.active:
        return
    if stationarity.balanced is False:
        yield Candidate(balanced(problem, neurons), "gradient")
    direction = steepest(problem, neurons, nu, limits)
    if direction is not None:
        moved = displaced(neurons, problem.lift(direction.displacement), direction.step)
        yield Candidate(moved, "gradient", direction)


def descents(problem: TrainingProblem, steps: Sequence[Candidate], limits: Limits) -> Iterator[Candidate]:
    """Where the descent leads that a first step began."""
    for step in steps[-1:]:
        yield Candidate(descend(problem, step.neurons, limits), step.kind, step.direction)


def slot_candidates(
    problem: TrainingProblem, neurons: Neurons, violators: Sequence[Violator], limits: Limits
) -> Iterator[Candidate]:
    """The largest violator as a new neuron in a slot that is dead, or that merging and pruning frees at no cost."""
    if not violators or not violators[0].gain > problem.beta:
        return
    dead = dead_neurons(problem, neurons)
    base, slot = (neurons, dead[0]) if dead else (_freed(problem, neurons), None)
    if slot is None:
        slot = base.width
        if slot >= neurons.width:
            return
        base = _with_free_slot(base)
    cleared = Neurons(base.u.copy(), base.a.copy(), base.c)
    cleared.u[slot], cleared.a[slot] = 0.0, 0.0
    for violator in violators[:3]:
        if limits.reached():
            return
        grown = _with_neuron(problem, cleared, slot, violator, limits)
        direction = _slot_direction(problem, neurons, slot, violator, limits) if dead else None
        yield Candidate(grown, "dead-neuron", direction)
        yield Candidate(descend(problem, grown, limits), "dead-neuron", direction)


def _with_free_slot(neurons: Neurons) -> Neurons:
    """One zero neuron more; there may be none yet."""
    u, a = (np.vstack([array, np.zeros((1, array.shape[1]))]) for array in (neurons.u, neurons.a))
    return Neurons(u, a, neurons.c)


def _with_neuron(problem: TrainingProblem, base: Neurons, slot: int, violator: Violator, limits: Limits) -> Neurons:
    """(u, a) = t (v, s) in the slot, with the best t."""

    def at(t: float) -> Neurons:
        u, a = base.u.copy(), base.a.copy()
        u[slot], a[slot] = t * violator.direction, t * violator.sign
        return Neurons(u, a, base.c)

    return at(best_step(lambda t: problem.value(at(t)), limits))


def _slot_direction(
    problem: TrainingProblem, neurons: Neurons, slot: int, violator: Violator, limits: Limits
) -> Direction | None:
    move = Neurons(np.zeros_like(neurons.u), np.zeros_like(neurons.a), np.zeros_like(neurons.c))
    move.u[slot], move.a[slot] = violator.direction, violator.sign
    zero = not np.any(neurons.u[slot]) and not np.any(neurons.a[slot])
    return measured(problem, neurons, move, 2 if zero else 1, problem.beta - violator.gain, limits)


def _freed(problem: TrainingProblem, neurons: Neurons) -> Neurons:
    """The same function with fewer neurons: balanced, same-sign neurons of one pattern merged, dependent ones pruned."""
    even = balanced(problem, neurons)
    w, signs = even.u * np.abs(even.a), np.sign(even.a[:, 0])
    keys: dict[tuple[float, bytes], int] = {}
    merged: list[Floats] = []
    for k in np.flatnonzero(problem.size(w) > 0):
        key = (float(signs[k]), np.packbits(matmul(problem.rows, w[k]) > 0).tobytes())
        if key in keys:
            merged[keys[key]] = merged[keys[key]] + w[k]
        else:
            keys[key] = len(merged)
            merged.append(w[k])
    if not merged:
        return Neurons(even.u[:0], even.a[:0], even.c)
    w, signs = np.array(merged), np.array([key[0] for key in keys])
    t = prune(problem, w, signs)
    return network_of(problem, w * t[:, None], signs, float(even.c[0]))


def rebuilt_candidates(
    problem: TrainingProblem, solution: RestrictedSolution, extra: Sequence[Violator], limits: Limits
) -> Iterator[Candidate]:
    """The optimum of the convex program with few neurons: pruned, and in its sparsest form.

    extra: directions of gain beta that the solution does not use, but a sparser one may. A solution that overflows gives none.
    """
    w, signs = solution.w, solution.blocks.signs
    if not (np.all(np.isfinite(w)) and np.all(np.isfinite(solution.f))):
        return
    t = prune(problem, w, signs)
    kept = t > 0
    yield _rebuilt(problem, w[kept] * t[kept, None], signs[kept], solution.c)
    directions = np.vstack([w, *(v.direction[None, :] for v in extra)])
    all_signs = np.concatenate([signs, [float(v.sign) for v in extra]])
    sparse = fewest(problem, directions, all_signs, solution.f, solution.c, int(kept.sum()) - 1, limits)
    if sparse is not None and not limits.reached():
        chosen = sparse.chosen
        w = directions[chosen] * sparse.masses[:, None]
        yield _rebuilt(problem, w, all_signs[chosen], sparse.constant)
        yield resolved(problem, directions[chosen], all_signs[chosen], limits)


def resolved(problem: TrainingProblem, directions: Floats, signs: Floats, limits: Limits) -> Candidate:
    """The best network with these patterns, one neuron each."""
    solution = polish(problem, solve_restricted(problem, blocks_of(problem, directions, signs), limits), limits)
    return _rebuilt(problem, solution.w, solution.blocks.signs, solution.c)


def _rebuilt(problem: TrainingProblem, w: Floats, signs: Floats, c: float) -> Candidate:
    """The network of blocks w (K, D) and the constant, at its best scale where the loss has kinks to stay clear of."""
    if isinstance(problem.loss, Kinked):
        w, c = rescaled(problem, problem.loss, w, signs, c)
    return Candidate(network_of(problem, w, signs, c), "rebuilt")


def displacement(problem: TrainingProblem, start: Network, end: Network, decrease: float) -> Direction:
    """The straight way from the network to a witness of at most its width, neurons matched by place."""
    target = problem.lift(end)
    missing = start.width - target.width
    u, a = (np.vstack([array, np.zeros((missing, array.shape[1]))]) for array in (target.u, target.a))
    origin = problem.lift(start)
    move = Neurons(u - origin.u, a - origin.a, target.c - origin.c)
    moved = np.any(move.u != 0, axis=1) | np.any(move.a != 0, axis=1)
    return Direction(problem.lower(move), tuple(int(j) for j in np.flatnonzero(moved)), 1.0, 0, -decrease, decrease)
