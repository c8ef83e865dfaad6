"""The convex program of the network's own activation patterns, and how far the network is above its optimum.

    P(own) = min over w_j in the closed cone of neuron j's pattern, with its sign, of L(sum s_j D_j Z w_j) + beta sum |w_j|_P

(docs/theory.md, section 6; Wang, Lacotte, Pilanci, arXiv 2006.05900, whose theorem says that stationary points solve such a
"subsampled" program.) Bounds on it are proved whatever a solver said: from below by a dual vector scaled into feasibility on these cones
alone, from above by networks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from certify.arrays import Floats
from certify.convex.blocks import blocks_of_neurons, network_of
from certify.convex.polish import polish
from certify.convex.restricted import affordable_blocks, solve_restricted
from certify.convex.solution import RestrictedSolution
from certify.gain.question import Limits
from certify.landscape.stationary.adjacent import Reach, bound_over
from certify.problem.dual import dual_vector
from certify.problem.training import Neurons, TrainingProblem, evaluate
from certify.verdict import Bounds

_SOLVING_SECONDS = 3.0


@dataclass(frozen=True, slots=True, eq=False)
class OwnProgram:
    """pairs: how many (pattern, sign) pairs it has; value: bounds on its optimum; solution None where it was not solved.

    nus: dual vectors (n, 1) worth trying for other bounds, the network's own first.
    """

    pairs: int
    value: Bounds
    solution: RestrictedSolution | None
    nus: tuple[Floats, ...]


def own_program(
    problem: TrainingProblem, neurons: Neurons, value: Bounds, limits: Limits, solved: bool = True
) -> OwnProgram:
    """Solve the program of the network's own pairs where a few seconds allow it; value: F of the network, one of the program's.

    solved: False where the bounds that the network itself gives are enough.
    """
    blocks = blocks_of_neurons(problem, neurons)
    none = np.zeros(problem.samples, dtype=bool)
    cones = [Reach(int(s), p, none) for p, s in zip(blocks.patterns, blocks.signs, strict=True)]
    nus = [dual_vector(problem, problem.predictions(neurons))]
    upper, solution = value.upper, None
    solving = limits.within(_SOLVING_SECONDS)
    if solved and blocks.count and affordable_blocks(problem, blocks.count, solving) == blocks.count:
        solution = polish(problem, solve_restricted(problem, blocks, solving), solving)
        if np.all(np.isfinite(solution.f)):
            nus.append(dual_vector(problem, solution.f[:, None]))
            network = network_of(problem, solution.w, solution.blocks.signs, solution.c)
            upper = min(upper, evaluate(problem, problem.lower(network)).upper)
    lower = max(bound_over(problem, nu, cones, limits) for nu in nus)
    return OwnProgram(blocks.count, Bounds(lower, upper), solution, tuple(nus))
