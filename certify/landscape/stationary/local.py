"""What is known of a network without looking beyond its own cones and those around it (docs/theory.md, section 6)."""

from __future__ import annotations

from dataclasses import dataclass

from certify.decide.stationarity import assess, size_scale
from certify.gain.question import Limits
from certify.landscape.stationary.neighbourhood import Neighbourhood, independent, neighbourhood
from certify.landscape.stationary.own_program import OwnProgram, own_program
from certify.landscape.stationary.report import NeuronKind
from certify.linear import norm
from certify.problem.network import Network
from certify.problem.training import Neurons, TrainingProblem, evaluate
from certify.verdict import Bounds, Stationarity


@dataclass(frozen=True, slots=True, eq=False)
class Local:
    """own: its program; near: None where a neuron is zero; strict: whether a local minimum here is a strict one."""

    stationarity: Stationarity
    kinds: tuple[NeuronKind, ...]
    value: Bounds
    own: OwnProgram
    near: Neighbourhood | None
    strict: bool

    @property
    def stationary(self) -> bool:
        """Clarke stationary, to the tolerance."""
        return bool(self.stationarity.clarke) and bool(self.stationarity.balanced) and self.stationarity.active


def local_data(
    problem: TrainingProblem,
    network: Network,
    neurons: Neurons,
    tolerance: float,
    limits: Limits,
    solved: bool = True,
) -> Local:
    """First-order data, the own program, and what is proved of the surroundings; neurons: the network's, lifted.

    solved: False where the own program need not be solved, as the network is known to be near its optimum.
    """
    nu = -problem.slope(problem.predictions(neurons))
    enclosed = evaluate(problem, network)
    value = Bounds(enclosed.lower, enclosed.upper)
    stationarity = assess(problem, neurons, nu[:, 0], limits, tolerance)
    kinds = _kinds(problem, neurons, tolerance)
    own = own_program(problem, neurons, value, limits, solved)
    near, strict = None, False
    if NeuronKind.ZERO not in kinds:
        near = neighbourhood(problem, network, kinds, own.nus, limits)
        kept = [j for j, kind in enumerate(kinds) if kind is NeuronKind.ACTIVE]
        flat = problem.free_hidden_bias and any(stationarity.boundary)  # a sliding bias may leave a sample's kink
        strict = (
            len(kept) == len(kinds) and not stationarity.mergeable and not flat and independent(problem, neurons, kept)
        )
    return Local(stationarity, kinds, value, own, near, strict)


def _kinds(problem: TrainingProblem, neurons: Neurons, tolerance: float) -> tuple[NeuronKind, ...]:
    """Zero to the tolerance, beside the size of the network's parameters, or silent, or active."""
    least = tolerance * size_scale(problem, neurons)
    small = (problem.size(neurons.u) <= least) & (norm(neurons.a, axis=1) <= least)
    lengths = norm(neurons.u, axis=1)
    return tuple(
        NeuronKind.ACTIVE if not small[j] else NeuronKind.ZERO if lengths[j] <= least else NeuronKind.SILENT
        for j in range(neurons.width)
    )
