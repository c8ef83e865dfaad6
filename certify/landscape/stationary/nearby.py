"""The exact stationary point that a trained network is near: the optimum of the program of its own patterns, neuron by neuron."""

from __future__ import annotations

import numpy as np

from certify.arrays import Floats
from certify.landscape.stationary.own_program import OwnProgram
from certify.linear import matmul, norm
from certify.problem.training import Neurons, TrainingProblem


def nearby_network(problem: TrainingProblem, neurons: Neurons, own: OwnProgram) -> Neurons | None:
    """The own program's solution in the network's slots (u (m, D), a (m, 1), c (1,)); None where it was not solved.

    Neurons of one pattern and sign share their block's vector in proportion to their masses, as splitting allows; a neuron of
    which nothing is left becomes zero.
    """
    solution = own.solution
    if solution is None or (problem.free_hidden_bias and problem.objective.output_bias.value == "none"):
        return None
    patterns = (matmul(problem.rows, neurons.u.T) > 0).T
    signs, masses = np.sign(neurons.a[:, 0]), problem.mass(neurons)
    walls = np.where(patterns, 1.0, -1.0)
    u, a = np.zeros_like(neurons.u), np.zeros_like(neurons.a)
    for w, sign in zip(solution.w, solution.blocks.signs, strict=True):
        members = _holders(walls, problem.rows, w) & (signs == sign) & (masses > 0)
        if not np.any(members):
            return None
        leader = int(np.argmax(members * masses))
        members &= np.all(patterns == patterns[leader], axis=1)
        shares = np.sqrt(masses * members / np.sum(masses[members]))
        root = float(np.sqrt(problem.size(w[None])[0]))
        if root > 0:
            u += shares[:, None] * (w / root)
            a[:, 0] += shares * sign * root
    return Neurons(u, a, np.array([solution.c]))


def _holders(walls: Floats, rows: Floats, w: Floats) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """The neurons (m,) in whose closed cone w lies, up to rounding; walls (m, n): +-1, the side of each row."""
    values = matmul(rows, w)
    room = 1e-9 * norm(rows, axis=1) * float(norm(w))
    inside: np.ndarray[tuple[int, ...], np.dtype[np.bool_]] = np.all(walls * values >= -room, axis=1)
    return inside
