"""Blocks of the convex program: one vector per activation pattern and sign (docs/theory.md, section 2)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from certify.arrays import Bools, Floats, Indices
from certify.linear import matmul
from certify.problem.objective import Bias
from certify.problem.training import Neurons, TrainingProblem

CONSTANT_NEURON_BIAS = 2.0**26


@dataclass(frozen=True, slots=True, eq=False)
class Blocks:
    """Patterns (K, n) bool and signs (K,): the restricted program's variables are w_k in the cone of pattern k.

    hints (K, D): a vector in each cone, or near it; it decides which inequalities are tried first.
    """

    patterns: Bools
    signs: Floats
    hints: Floats

    @property
    def count(self) -> int:
        """Number K of blocks."""
        return self.signs.size

    def keep(self, selected: Bools | Indices | slice) -> Blocks:
        """The selected blocks (mask or indices)."""
        return Blocks(self.patterns[selected], self.signs[selected], self.hints[selected])


def blocks_of(problem: TrainingProblem, directions: Floats, signs: Floats) -> Blocks:
    """One block per distinct (pattern, sign) of the directions (K, D); directions that activate nothing are left out."""
    patterns = (matmul(problem.rows, directions.T) > 0).T
    every = Blocks(patterns, np.asarray(signs, dtype=float), directions)
    return _first_of_each(every.keep(np.flatnonzero(np.any(patterns, axis=1))))


def _first_of_each(blocks: Blocks) -> Blocks:
    """The blocks without those that repeat an earlier (pattern, sign)."""
    seen: dict[tuple[float, bytes], int] = {}
    for k in range(blocks.count):
        seen.setdefault((float(blocks.signs[k]), np.packbits(blocks.patterns[k]).tobytes()), k)
    return blocks.keep(np.array(list(seen.values()), dtype=np.intp))


def blocks_of_neurons(problem: TrainingProblem, neurons: Neurons) -> Blocks:
    """The network's own blocks: each neuron with weight on both layers, the heaviest first."""
    mass = problem.mass(neurons)
    order = np.argsort(-mass, kind="stable")
    order = order[mass[order] > 1e-12 * (mass.max(initial=0.0) or 1.0)]
    return blocks_of(problem, neurons.u[order], np.sign(neurons.a[order, 0]))


def merge_blocks(first: Blocks, second: Blocks) -> Blocks:
    """Both, without repeated (pattern, sign) pairs."""
    patterns = np.vstack([first.patterns, second.patterns])
    signs = np.concatenate([first.signs, second.signs])
    return _first_of_each(Blocks(patterns, signs, np.vstack([first.hints, second.hints])))


def network_of(problem: TrainingProblem, w: Floats, signs: Floats, c: float) -> Neurons:
    """psi: block w (K, D) with its sign becomes (w / sqrt|w|_P, sign sqrt|w|_P); blocks of size zero are left out.

    A constant that is free only through the hidden bias becomes a neuron (0, B) with output weight c/B: its cost
    beta/2 (c/B)^2 tends to zero with B, the infimum is not attained. It is where a neuron that is active on every
    sample takes the constant into its own free bias.
    """
    w, c = _constant_absorbed(problem, w, signs, c)
    sizes = problem.size(w)
    used = sizes > 0
    roots = np.sqrt(sizes[used])
    u, a = w[used] / roots[:, None], signs[used] * roots
    if problem.objective.output_bias is Bias.FREE or not problem.free_hidden_bias or c == 0:
        return Neurons(u, a[:, None], np.array([c]))
    constant = np.zeros(u.shape[1])
    constant[-1] = CONSTANT_NEURON_BIAS
    return Neurons(np.vstack([u, constant]), np.append(a, c / CONSTANT_NEURON_BIAS)[:, None], np.zeros(1))


def constant_left(problem: TrainingProblem, w: Floats, signs: Floats, c: float) -> float:
    """What of the constant c needs a neuron of its own in the network of these blocks."""
    own = problem.free_hidden_bias and problem.objective.output_bias is not Bias.FREE
    return _constant_absorbed(problem, w, signs, c)[1] if own else 0.0


def _constant_absorbed(problem: TrainingProblem, w: Floats, signs: Floats, c: float) -> tuple[Floats, float]:
    """Blocks and the constant that is left: none, where some block can take it at no cost."""
    if problem.objective.output_bias is Bias.FREE or not problem.free_hidden_bias or c == 0:
        return w, c
    for k in range(len(w)):
        shifted = w.copy()
        shifted[k, -1] += signs[k] * c
        if problem.size(w[k]) > 0 and np.all(matmul(problem.rows, np.stack([w[k], shifted[k]], axis=1)) >= 0):
            return shifted, 0.0
    return w, c
