"""From a training problem to its landscape: the optimum, the directions, the proof that there are no others."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from certify.arrays import Floats, Indices
from certify.convex.blocks import blocks_of
from certify.decide.interruption import Interruption
from certify.decide.options import CheckOptions, ProgressCallback
from certify.decide.proving import TIGHT, Proving
from certify.gain.ascents import as_violator
from certify.gain.question import GainProblem, Limits
from certify.landscape.covering import maximisers_by_covering
from certify.landscape.directions import Found, Maximisers, maximisers_by_patterns
from certify.landscape.landscape import Landscape, not_covered, positive_part
from certify.landscape.rank import activation_rank
from certify.landscape.sharpening import sharpened
from certify.landscape.units import in_own_units, in_units
from certify.patterns.enumerate import EnumerationStopped, enumerate_cones, hyperplanes
from certify.problem.dual import best_scale, gain_problem, scaled_dual_bound
from certify.problem.training import Neurons, TrainingProblem, evaluate

_SEEN = (1e-4, 1e-3, 1e-2)  # directions within such a share of beta are looked at, the last where that is quick
_CHEAP = 1_000  # nodes that a wider look may take in any case, and else as many as the one before
_FEW_PATTERNS, _FEW_WITH_BIAS = 3_000, 12_000
_SAME = 1e-7  # unit vectors this close are one direction
_ABOVE = 1e-12  # relative; a gain above beta by more is a column that the program lacks
_SHARP = 1e-9  # relative; a slack above this may be that of multipliers which are a little off
_ROUNDS = 6
_TOO_MANY = "with a free hidden bias all activation patterns are listed, and the data has too many for that"
_INTERRUPTED = "it was interrupted before the optimum and its directions were known"
_OUT_OF_TIME = "the time limit came before the optimum and its directions were known (--time-limit)"


def find_landscape(
    problem: TrainingProblem, options: CheckOptions, progress: ProgressCallback | None = None
) -> Landscape:
    """Train to the optimum, list the optimal directions, prove that the list is complete, as far as the limits allow."""
    weighted, unweighted = positive_part(problem)
    scaled, units = in_units(weighted)
    with Interruption() as interruption:
        search = _Search(Proving(scaled, options, interruption, progress))
        try:
            search.run()
            found = search.landscape(unweighted)
        except ArithmeticError as error:
            search.maximisers, search.reason = None, f"{_NUMERICS} ({error})"
            found = search.landscape(unweighted)
        return in_own_units(found, units, weighted)


_NUMERICS = "float64 and fifty digits do not suffice to find the optimal directions"


class _Search:
    """The search for the optimal directions as it proceeds."""

    def __init__(self, proving: Proving) -> None:
        self.proving, self.problem = proving, proving.problem
        self.reason = not_covered(self.problem)
        self.maximisers: Maximisers | None = None
        self.lister: Lister | None = None

    def run(self) -> None:
        """Optimum, then directions; directions of more than beta are columns that the optimum lacked."""
        proving, problem = self.proving, self.problem
        if problem.objective.undecayed or problem.outputs > 1:
            return
        if proving.start(blocks_of(problem, np.zeros((0, problem.rows.shape[1])), np.zeros(0))):
            proving.prove(TIGHT, proving.limits, lambda _: proving.limits)
        generation = proving.generation
        if self.reason is not None or generation is None or generation.nu is None:
            self.reason = self.reason or self._cut_short
            return
        self.lister = lister = lister_of(problem, proving.limits)
        maximisers = lister(gain_problem(problem, generation.nu))
        for _ in range(_ROUNDS):
            gain = gain_problem(problem, generation.nu)
            better = [as_violator(gain, u) for u in maximisers.units]
            better = [v for v in better if v.gain > problem.beta * (1 + _ABOVE)]
            if proving.limits.reached() or not (better and generation.add(better)):
                break
            generation.run(_ABOVE, proving.limits)
            maximisers = lister(gain_problem(problem, generation.nu))
        self.maximisers = maximisers
        if not maximisers.settled:
            self.reason = self._cut_short if maximisers.method else _TOO_MANY

    @property
    def _cut_short(self) -> str:
        return _INTERRUPTED if self.proving.interruption.wished else _OUT_OF_TIME

    def landscape(self, unweighted: Indices) -> Landscape:
        """What was found out."""
        problem, generation, maximisers = self.problem, self.proving.generation, self.maximisers
        empty = np.zeros(0)
        known = Landscape(
            problem, self.proving.lower.value, math.inf, np.zeros(problem.samples), math.inf, math.inf, np.zeros(problem.samples),
            0.0, np.zeros((0, problem.rows.shape[1])), empty, empty, np.zeros(0, dtype=bool), math.inf, "", self.proving.nodes,
            np.zeros(0, dtype=np.intp), np.zeros(0, dtype=bool), activation_rank(problem.rows), unweighted, self.reason, self.proving.interruption.wished,
        )  # fmt: skip
        if generation is None or generation.solution is None or generation.nu is None:
            return replace(known, upper=_zero_value(problem))
        solution, nu = generation.solution, generation.nu
        known = replace(
            known,
            upper=evaluate(problem, problem.lower(generation.neurons)).upper,
            predictions=solution.f,
            constant=solution.c,
            nu=nu[:, 0],
        )
        if maximisers is None:
            return known
        found = sharpened(*_listed(known, nu, maximisers))
        if found.slack > _SHARP * found.beta and self.lister is not None and not self.proving.limits.reached():
            # the directions were those of a dual vector that was not so near: once more, with the better one
            again = self.lister(gain_problem(problem, found.nu[:, None]))
            second = sharpened(*_listed(replace(found, nodes=known.nodes), found.nu[:, None], again))
            found = second if again.settled and second.slack < found.slack else found
        return found


def _zero_value(problem: TrainingProblem) -> float:
    """F of the zero network, rounded up: a bound on P* that is always there."""
    width, outputs = problem.rows.shape[1], problem.outputs
    return evaluate(
        problem, problem.lower(Neurons(np.zeros((1, width)), np.zeros((1, outputs)), np.zeros(outputs)))
    ).upper


def _listed(known: Landscape, nu: Floats, maximisers: Maximisers) -> tuple[Landscape, Maximisers]:
    """With the directions that were found for nu (n, 1), nu scaled into feasibility."""
    scale = best_scale(known.problem, nu, maximisers.upper)
    return (
        replace(
            known,
            nu=scale * nu[:, 0],
            lower=max(known.lower, scaled_dual_bound(known.problem, nu, maximisers.upper)),
            units=maximisers.units,
            signs=maximisers.signs,
            gains=scale * maximisers.gains,
            next_best=scale * maximisers.next_best,
            method=maximisers.method,
            doubtful=np.zeros(len(maximisers.units), dtype=bool),
            blocks=np.arange(len(maximisers.units)),
            unbounded=np.zeros(len(maximisers.units), dtype=bool),
            nodes=known.nodes + maximisers.nodes,
        ),
        maximisers,
    )


Lister = Callable[[GainProblem], Maximisers]


def lister_of(problem: TrainingProblem, limits: Limits) -> Lister:
    """What lists the cone maximisers of a gain near beta: by all patterns where they are few, else by a covering of the sphere."""
    few = most_patterns(problem) <= (_FEW_WITH_BIAS if problem.free_hidden_bias else _FEW_PATTERNS)
    try:
        cones = enumerate_cones(problem.rows, limits) if few else None
    except EnumerationStopped:
        cones = None

    def listed(gain: GainProblem) -> Maximisers:
        floors = [problem.beta * (1 - share) for share in _SEEN]
        if cones is not None:
            return maximisers_by_patterns(gain, cones, floors[-1], _SAME, limits)
        if gain.free_bias:
            return Found(gain, _SAME).listed(math.inf, math.inf, False, "", 0)
        found = maximisers_by_covering(gain, floors[0], _SAME, limits)
        for floor in floors[1:]:
            nodes = max(_CHEAP, found.nodes)
            wider = maximisers_by_covering(gain, floor, _SAME, limits.within(nodes=nodes)) if found.settled else found
            if not wider.settled:
                break
            found = wider
        return found

    return listed


def most_patterns(problem: TrainingProblem) -> int:
    """How many activation patterns there are at most: as many as in general position."""
    normals, _ = hyperplanes(problem.rows)
    rank = min(len(normals), problem.rows.shape[1])
    return 2 * sum(math.comb(len(normals) - 1, k) for k in range(rank)) if normals else 1
