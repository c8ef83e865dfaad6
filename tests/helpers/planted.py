"""Networks whose verdict is known because they were made that way, and how a verdict is held to what it says."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
from exact import OF_SIGNS, exact_objective
from oracles import dataset, stated

from certify.convex.blocks import blocks_of, network_of
from certify.convex.generation import ColumnGeneration
from certify.convex.sparsify import prune
from certify.decide.check import check_network
from certify.decide.options import CheckOptions
from certify.gain.engine import Question, bound_gain
from certify.gain.question import Limits
from certify.problem.dataset import Dataset
from certify.problem.network import Network
from certify.problem.objective import Bias, Objective
from certify.problem.training import TrainingProblem
from certify.verdict import Decision, Reason, Verdict

STRICT = CheckOptions(eps=1e-6, time_limit=20.0)


def random_data(goal: Objective, seed: int, n: int = 7, d: int = 2) -> Dataset:
    """Gaussian inputs; Gaussian targets, or signs for the logistic loss."""
    rng = np.random.default_rng(seed)
    X, y = rng.standard_normal((n, d)), rng.standard_normal(n)
    return dataset(X, np.sign(y) if goal.loss in OF_SIGNS else y)


def optimal_network(data: Dataset, goal: Objective, seed: int = 0) -> Network:
    """The optimum of the convex program by column generation to the last violator, pruned to independent neurons."""
    problem = stated(data, goal)
    rng = np.random.default_rng(seed)
    directions = rng.standard_normal((20, problem.rows.shape[1]))
    generation = ColumnGeneration(problem, blocks_of(problem, directions, rng.choice([-1.0, 1.0], 20)))
    generation.run(1e-9, Limits())
    while True:
        bound = bound_gain(generation.gain_problem, Question(tolerance=1e-8), Limits(), generation.directions)
        if not generation.add([v for v in bound.witnesses if v.gain > problem.beta * (1 + 1e-8)]):
            break
        generation.solve(Limits())
    solution = generation.solution
    t = prune(problem, solution.w, solution.blocks.signs)
    kept = t > 0
    return _lowered(problem, solution.w[kept] * t[kept, None], solution.blocks.signs[kept], solution.c)


def _lowered(problem: TrainingProblem, w: np.ndarray, signs: np.ndarray, c: float) -> Network:
    if problem.free_hidden_bias and problem.objective.output_bias is not Bias.FREE and c:
        w, c = _constant_absorbed(problem, w, signs, c)
    return problem.lower(network_of(problem, w, signs, c))


def _constant_absorbed(
    problem: TrainingProblem, w: np.ndarray, signs: np.ndarray, c: float
) -> tuple[np.ndarray, float]:
    """A neuron that is active on every sample takes the constant into its free bias, at no cost; else it stays."""
    for k in range(len(w)):
        shifted = w.copy()
        shifted[k, -1] += signs[k] * c
        if np.all(problem.rows @ w[k] >= 0) and np.all(problem.rows @ shifted[k] >= 0):
            return shifted, 0.0
    return w, c


def with_defect(net: Network, data: Dataset, goal: Objective, rise: float = 1e-3) -> Network:
    """The heaviest neuron's output weight scaled up until F has risen by that share, by bisection."""
    heaviest = int(np.argmax(np.abs(net.output_weights[:, 0])))
    start = float(exact_objective(net, data, goal))

    def scaled_by(factor: float) -> Network:
        a = net.output_weights.copy()
        a[heaviest] *= factor
        return replace(net, output_weights=a)

    low, high = 1.0, 2.0
    while float(exact_objective(scaled_by(high), data, goal)) < start * (1 + rise):
        high *= 2
    for _ in range(30):
        middle = (low + high) / 2
        risen = float(exact_objective(scaled_by(middle), data, goal)) >= start * (1 + rise)
        low, high = (low, middle) if risen else (middle, high)
    return scaled_by(high)


def check(net: Network, data: Dataset, goal: Objective, options: CheckOptions = STRICT) -> Verdict:
    """The verdict, after everything in it has been held to what it says."""
    verdict = check_network(net, data, goal, options)
    assert_consistent(verdict, net, data, goal)
    return verdict


def assert_consistent(verdict: Verdict, net: Network, data: Dataset, goal: Objective) -> None:
    """Value and witness enclosed in exact arithmetic, bounds in order, and the decision what the bounds allow."""
    value = exact_objective(net, data, goal)
    assert Fraction(verdict.value.lower) <= value <= Fraction(verdict.value.upper)
    assert 0 <= verdict.optimum.lower <= verdict.optimum.upper <= verdict.value.upper
    assert verdict.gain.lower <= verdict.gain.upper
    assert (verdict.reason is None) == (verdict.decision is not Decision.INCONCLUSIVE)
    if verdict.decision is Decision.CERTIFIED:
        assert value - Fraction(verdict.optimum.lower) <= Fraction(verdict.eps) * value
    if verdict.witness is not None:
        better = exact_objective(verdict.witness.network, data, goal)
        assert Fraction(verdict.witness.value.lower) <= better <= Fraction(verdict.witness.value.upper)
        assert better < value * (1 - Fraction(verdict.eps))
        wider = verdict.witness.network.width > net.width
        assert wider == (verdict.decision is Decision.INCONCLUSIVE)
    assert (verdict.decision is Decision.REFUTED) <= (verdict.witness is not None)
    assert (verdict.reason is Reason.WIDTH) <= (verdict.witness is not None)
