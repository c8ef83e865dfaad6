"""The cones that a network's neurons can reach by a small move, and how large the gain is on them, proved.

A neuron u lies in the closed cone of its own pattern, and in those of every pattern that the samples on its boundary, z_i.u = 0, can
show around it. As long as it moves by less than its distance to all other kinks it stays in these. The gain of a dual
vector over them, sign s, is bounded like this (docs/theory.md, section 6): off the boundary the pattern is fixed, a wall of the cone;
a boundary sample with s nu_i <= 0 is replaced by s nu_i t z_i.u, 0 <= t <= 1; the others, at a local minimum hardly any, are taken
on and off in turn.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from certify.arrays import Bools, Floats
from certify.decide.stationarity import boundary_and_active
from certify.gain.question import GainProblem, Limits
from certify.linear import matmul, norm
from certify.patterns.kkt import multipliers_of, upper_bounds
from certify.problem.dual import gain_problem, scaled_dual_bound
from certify.problem.training import TrainingProblem
from certify.rounding import gamma

_MOST_BRANCHED = 8  # boundary samples that are taken on and off


@dataclass(frozen=True, slots=True, eq=False)
class Reach:
    """The cones that one neuron can reach, with one sign: pattern (n,) off its boundary (n,); where the boundary is empty
    this is one closed cone."""

    sign: int
    pattern: Bools
    boundary: Bools

    @property
    def own(self) -> Reach:
        """The closed cone of the neuron's own pattern alone, in which boundary samples count as off."""
        return Reach(self.sign, self.pattern & ~self.boundary, np.zeros_like(self.boundary))


def reach_of(problem: TrainingProblem, u: Floats, sign: int) -> Reach:
    """The cones around u (D,), with the samples on its boundary that the first-order report has there."""
    _, samples, active = boundary_and_active(problem, u)
    boundary = np.zeros(problem.samples, dtype=bool)
    boundary[samples] = True
    return Reach(sign, active, boundary)


def bound_over(problem: TrainingProblem, nu: Floats, reaches: Sequence[Reach], limits: Limits) -> float:
    """A float below which no network with neurons in these cones can be, from a dual vector nu (n, 1); 0 at a limit."""
    gain = gain_problem(problem, nu)
    largest = 0.0
    for reach in reaches:
        if limits.reached():
            return 0.0
        largest = max(largest, gain_over(gain, reach))
    return scaled_dual_bound(problem, nu, largest)


def gain_over(gain: GainProblem, reach: Reach) -> float:
    """A float at least s nu.(Z u)_+ for every unit u in the cones, rounding accounted for."""
    steep = reach.boundary & (reach.sign * gain.nu > 0)
    sizes = np.abs(gain.nu) * norm(gain.rows, axis=1)
    order = np.flatnonzero(steep)[np.argsort(-sizes[steep], kind="stable")]
    branched, rest = order[:_MOST_BRANCHED], order[_MOST_BRANCHED:]
    largest = max(_branch(gain, reach, branched, gates) for gates in product((False, True), repeat=len(branched)))
    if not len(rest):
        return largest
    if gain.free_bias:  # a bias outside the norm may make them as active as it likes
        return math.inf
    return (largest + float(np.sum(sizes[rest]))) * (1 + gamma(len(sizes) + gain.rows.shape[1] + 16))


def _branch(gain: GainProblem, reach: Reach, branched: np.ndarray, gates: Sequence[bool]) -> float:
    """The bound with these boundary samples on or off."""
    pattern = reach.pattern & ~reach.boundary
    most = np.where(reach.boundary, 0.0, np.inf)
    flat = reach.boundary & (reach.sign * gain.nu < 0)
    pattern[flat], most[flat] = True, np.abs(gain.nu[flat])
    pattern[branched], most[branched] = gates, np.inf
    multipliers = multipliers_of(gain, pattern, reach.sign, most)
    return float(upper_bounds(gain, pattern[None], reach.sign, multipliers[None])[0])


def distances(problem: TrainingProblem, u: Floats, boundary: Bools) -> Floats:
    """From u (D,) to each kink that it does not lie on (n,), rounded down; infinite for the others and for zero rows."""
    values = matmul(problem.rows, u)
    lengths = norm(problem.rows, axis=1)
    away = ~boundary & (lengths > 0)
    d = problem.rows.shape[1]
    error = gamma(d + 4) * np.sum(np.abs(problem.rows) * np.abs(u), axis=1)
    room = np.maximum(np.abs(values) - error, 0.0) * (1 - gamma(d + 8))
    far: Floats = np.divide(room, lengths, out=np.full(len(lengths), np.inf), where=away)
    return far


def signs_of(a: float, negligible: bool) -> Iterator[int]:
    """The signs that an output weight can take by a small move; both, where it is zero or negligible."""
    if negligible or a > 0:
        yield 1
    if negligible or a < 0:
        yield -1
