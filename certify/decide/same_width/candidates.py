"""What the search at one width begins with and what it gives: parts of the convex optimum in, re-evaluated candidates out."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from certify.convex.blocks import network_of
from certify.convex.solution import RestrictedSolution
from certify.decide.same_width.search import WORK, SameWidthSearch
from certify.decide.witness import Candidate, resolved
from certify.gain.question import Limits
from certify.linear import norm
from certify.problem.training import Neurons, TrainingProblem, evaluate
from certify.verdict import Bounds, SameWidth

_SUBSETS = 4
_SMALL = 20_000  # entries of the convex program on a point's own patterns that L-BFGS may leave digits to


def pruned(problem: TrainingProblem, solution: RestrictedSolution, width: int) -> list[Neurons]:
    """Networks of at most the width that are parts of the convex program's solution: its heaviest atoms, and the same
    with one of the heaviest left out."""
    order = np.argsort(-norm(problem.activations(solution.w), axis=0), kind="stable")
    order = order[problem.size(solution.w[order]) > 0]
    subsets = [order[:width], *(np.delete(order, k)[:width] for k in range(min(order.size - width, _SUBSETS - 1)))]
    signs = solution.blocks.signs
    return [network_of(problem, solution.w[s], signs[s], solution.c) for s in subsets if 0 < s.size]


def retrained(
    search: SameWidthSearch,
    firsts: list[Neurons],
    limits: Limits,
    tell: Callable[[float], None] = lambda value: None,
    work: float = WORK,
) -> Iterator[Candidate]:
    """The best network that the search comes to, and the best one with the same patterns, which may lie on kinks."""
    problem = search.problem
    search.run([neurons for neurons in firsts if neurons.width <= search.width], limits, work, tell)
    best = search.best
    if best is None:
        return
    yield Candidate(best, "retrained")
    alive = problem.mass(best) > 0
    small = problem.rows.size * int(np.sum(alive)) <= _SMALL
    if small and np.any(alive) and problem.outputs == 1 and not limits.reached():
        directions = best.u[alive] * norm(best.a[alive], axis=1)[:, None]
        yield Candidate(resolved(problem, directions, np.sign(best.a[alive, 0]), limits).neurons, "retrained")


def refitted(problem: TrainingProblem, firsts: list[Neurons], limits: Limits) -> Iterator[Candidate]:
    """For each of the networks the best one with the same patterns, which the convex program finds where a loss cannot be trained."""
    for neurons in firsts:
        alive = problem.mass(neurons) > 0
        if np.any(alive) and not limits.reached():
            directions = neurons.u[alive] * norm(neurons.a[alive], axis=1)[:, None]
            yield resolved(problem, directions, np.sign(neurons.a[alive, 0]), limits)


def report_of(search: SameWidthSearch) -> SameWidth | None:
    """What the search did and reached, F enclosed; None where it has not begun."""
    best = search.best
    if best is None:
        return None
    value = evaluate(search.problem, search.problem.lower(best))
    return search.report(Bounds(value.lower, value.upper))
