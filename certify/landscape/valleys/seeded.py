"""Strict local minima of one width that descents from random starts end in: witnesses, not all there are (docs/theory.md, section 8)."""

from __future__ import annotations

import math

import numpy as np

from certify.decide.descent import descend
from certify.gain.question import Limits
from certify.landscape.stationary.nearby import nearby_network
from certify.landscape.stationary.own_program import own_program
from certify.landscape.valleys.exhaustive import Width
from certify.landscape.valleys.minima import above, distinct, no_way_around, spurious, strict_minimum, value_of
from certify.problem.objective import Bias
from certify.problem.training import Neurons, TrainingProblem
from certify.verdict import Bounds


def sought_width(problem: TrainingProblem, width: int, starts: int, seed: int, limits: Limits, known: float) -> Width:
    """Descents from this many starts; known: a value that some network of at most this width has, infinite where none is known."""
    least, found = known, []
    for start in range(starts):
        if limits.reached():
            break
        neurons = descend(problem, _random(problem, width, np.random.default_rng((seed, width, start))), limits)
        own = own_program(problem, neurons, Bounds(-math.inf, math.inf), limits)
        end = nearby_network(problem, neurons, own) or neurons
        value = value_of(problem, end)
        least = min(least, value)
        if no_way_around(problem, end):
            found.append((value, end))
    bad = [pair for pair in found if above(pair[0], least)]
    minima = [strict_minimum(problem, neurons, limits) for neurons in distinct(bad)]
    return Width(width, least, tuple(spurious([m for m in minima if m is not None], least)), False)


def _random(problem: TrainingProblem, width: int, rng: np.random.Generator) -> Neurons:
    """Normal weights, |u||a| of the size that fits the targets; biases start at random too."""
    size = float(np.sqrt(np.mean(np.sum(problem.rows**2, axis=1)))) or 1.0
    reach = float(np.sqrt(np.mean(problem.targets**2))) or 1.0
    scale = math.sqrt(reach / size)
    u = scale * rng.normal(size=(width, problem.rows.shape[1]))
    a = scale * rng.normal(size=(width, 1))
    c = np.zeros(1) if problem.objective.output_bias is Bias.NONE else reach * rng.normal(size=1)
    return Neurons(u, a, c)
