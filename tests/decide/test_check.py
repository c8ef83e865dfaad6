"""The whole check under limits, and with everything that is not trusted made to lie.

Trusted are the enclosures, the bound on the gain and the scaling of the dual. The solver, the polish, the ascents, the
descents, the candidates and the choice of the dual vector may return anything: it costs a verdict, never its truth.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from exact import exact_objective, random_network
from gain_cases import boasting, with_walls
from oracles import ORACLES, dataset, objective
from planted import STRICT, assert_consistent, check, optimal_network, random_data, with_defect

from certify.convex import generation, restricted, solution
from certify.convex.interior import Point
from certify.convex.solution import RestrictedSolution
from certify.decide import check as checking
from certify.decide import multipliers, witness
from certify.decide.check import check_network
from certify.decide.options import CheckOptions, Progress
from certify.decide.witness import Candidate
from certify.errors import InputError
from certify.problem.dataset import Dataset
from certify.problem.network import Network
from certify.problem.objective import Bias, Loss, Objective, Reduction
from certify.problem.training import Neurons
from certify.rounding import round_to_zero_sum
from certify.verdict import Decision, Reason, Verdict

pytestmark = pytest.mark.slow  # together: `make test-fast` leaves them out

GOALS = [
    objective(0.05),
    objective(0.05, hidden_bias=Bias.FREE, output_bias=Bias.FREE),
    objective(0.02, Loss.LOGISTIC, Reduction.MEAN, Bias.PENALIZED, Bias.NONE),
]
DATA = [random_data(goal, seed=6, n=6) for goal in GOALS]
BEST = [optimal_network(data, goal) for data, goal in zip(DATA, GOALS, strict=True)]
WORSE = [with_defect(*case) for case in zip(BEST, DATA, GOALS, strict=True)]
LEAST = [float(exact_objective(*case)) for case in zip(BEST, DATA, GOALS, strict=True)]
HURRIED = CheckOptions(eps=1e-6, time_limit=0.5)


def assert_no_false_verdict() -> None:
    """No optimum is refuted, no defect is certified, and P* lies between the bounds, in spite of the lie in place."""
    for best, worse, data, goal, least in zip(BEST, WORSE, DATA, GOALS, LEAST, strict=True):
        with np.errstate(all="ignore"):
            good, bad = check_network(best, data, goal, HURRIED), check_network(worse, data, goal, HURRIED)
        assert good.decision is not Decision.REFUTED
        assert bad.decision is not Decision.CERTIFIED
        for verdict, net in ((good, best), (bad, worse)):
            assert_consistent(verdict, net, data, goal)
            assert verdict.optimum.lower <= least * (1 + 1e-13)
            assert verdict.optimum.upper >= least * (1 - 1e-7)


SOLVER_LIES = {
    "zero": lambda quadratic, linear, *_: np.zeros(linear.size),
    "noise": lambda quadratic, linear, *_: np.random.default_rng(0).standard_normal(linear.size),
    "huge": lambda quadratic, linear, *_: np.full(linear.size, 1e200),
    "tiny": lambda quadratic, linear, *_: np.full(linear.size, 1e-200),
    "NaN": lambda quadratic, linear, *_: np.full(linear.size, np.nan),
}


@pytest.mark.parametrize("lie", SOLVER_LIES.values(), ids=SOLVER_LIES)
def test_a_lying_solver(lie: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    """Clarabel may return zeros, noise, overflow or NaN."""

    def minimise(quadratic, linear, a, b, *_) -> Point:
        return Point(lie(quadratic, linear), np.zeros(b.size))

    monkeypatch.setattr(restricted, "minimise", minimise)
    assert_no_false_verdict()


def _boasting(problem, solution: RestrictedSolution, limits) -> RestrictedSolution:
    return RestrictedSolution(solution.blocks, 0 * solution.w, 0.0, problem.targets[:, 0].copy(), 0.0, solution.design)


def _negative(problem, solution: RestrictedSolution, limits) -> RestrictedSolution:
    return RestrictedSolution(solution.blocks, -solution.w, -solution.c, -solution.f, -1.0, solution.design)


def _swollen(problem, solution: RestrictedSolution, limits) -> RestrictedSolution:
    w, c, f = 3 * solution.w, solution.c + 1, solution.f * 0.1
    return RestrictedSolution(solution.blocks, w, c, f, -np.inf, solution.design)


@pytest.mark.parametrize("lie", [_boasting, _negative, _swollen])
def test_a_lying_polish(lie: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its values, predictions and blocks may contradict one another, and promise an objective of nothing."""
    monkeypatch.setattr(generation, "polish", lie)
    monkeypatch.setattr(witness, "polish", lie)
    assert_no_false_verdict()


def test_dual_vectors_of_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any dual vector gives a true bound, if only a weak one; the same predictions have the same noise."""

    def lie(problem, predictions):
        rng = np.random.default_rng(np.frombuffer(predictions.tobytes(), dtype=np.uint8))
        nu = rng.standard_normal(problem.samples)
        nu = round_to_zero_sum(nu - nu.mean(), 0) if problem.needs_zero_sum else nu
        return nu[:, None]

    monkeypatch.setattr(multipliers, "dual_vector", lie)
    monkeypatch.setattr(solution, "dual_vector", lie)
    assert_no_false_verdict()


def _candidates(problem, *_) -> list[Candidate]:
    """Networks that claim to be better: zero, noise, NaN, infinite, too wide, all marked as rebuilt."""
    problem = getattr(problem, "problem", problem)  # or a search's
    rng, d = np.random.default_rng(0), problem.rows.shape[1]
    noise = Neurons(rng.standard_normal((1, d)), rng.standard_normal((1, 1)), np.zeros(1))
    wide = Neurons(np.zeros((50, d)), np.zeros((50, 1)), np.zeros(1))
    spoilt = [Neurons(np.full((1, d), bad), np.ones((1, 1)), np.zeros(1)) for bad in (np.nan, np.inf, 1e200)]
    constants = [Neurons(np.zeros((1, d)), np.zeros((1, 1)), np.array([bad])) for bad in (np.nan, np.inf)]
    return [Candidate(neurons, "rebuilt") for neurons in (noise, wide, *spoilt, *constants)]


@pytest.mark.parametrize("name", ["retrained", "rebuilt_candidates", "slot_candidates", "first_steps", "descents"])
def test_lying_candidates(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is proposed as a better network is evaluated afresh on the original objective."""
    monkeypatch.setattr(checking, name, _candidates)
    assert_no_false_verdict()


def test_a_lying_descent(monkeypatch: pytest.MonkeyPatch) -> None:
    """A descent that ends anywhere but lower makes no witness."""
    monkeypatch.setattr(
        witness, "descend", lambda problem, start, limits: Neurons(-start.u, start.a * 5, np.array([7.0]))
    )
    monkeypatch.setattr(witness, "best_step", lambda value: 1e6)
    assert_no_false_verdict()


def test_lying_ascents(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ascents that find nothing and claim everything."""
    monkeypatch.setattr("certify.gain.ascents.Ascents", boasting(1e9))
    assert_no_false_verdict()


def test_a_lying_majorant(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cones' walls, of which all majorants are made, are a tenth of what they should be: no optimum is proved by it."""
    monkeypatch.setattr("certify.gain.cones.brancher.explore", with_walls(lambda walls: 0.1 * walls))
    assert_no_false_verdict()


@pytest.mark.parametrize("seconds", [0.0, 1e-9, 0.02, 0.2])
@pytest.mark.parametrize("index", range(len(GOALS)))
def test_bounds_are_true_under_any_time_limit(index: int, seconds: float) -> None:
    """No time at all, or hardly any: the bounds enclose P*, the verdict is none that the whole time would contradict."""
    data, goal = DATA[index], GOALS[index]
    good = check(BEST[index], data, goal, CheckOptions(eps=1e-6, time_limit=seconds))
    bad = check(WORSE[index], data, goal, CheckOptions(eps=1e-6, time_limit=seconds))
    assert good.decision is not Decision.REFUTED
    assert bad.decision is not Decision.CERTIFIED
    for verdict in (good, bad):
        assert verdict.optimum.lower <= LEAST[index] * (1 + 1e-13)
        assert verdict.optimum.upper >= LEAST[index] * (1 - 1e-7)
        if verdict.decision is Decision.INCONCLUSIVE:
            assert verdict.reason in (Reason.LIMIT, Reason.WIDTH)


def test_a_hard_problem_stops_in_time_with_a_true_gap() -> None:
    """Rank 9 and a second: what is printed holds against the networks that training finds."""
    goal = objective(1.0)
    rng = np.random.default_rng(1)
    data = dataset(rng.standard_normal((120, 9)), rng.standard_normal(120))
    net = random_network(rng, 3, 9, goal, 0.1)
    started = time.monotonic()
    verdict = check(net, data, goal, CheckOptions(time_limit=1.0))
    assert time.monotonic() - started < 10
    assert verdict.decision is not Decision.CERTIFIED
    assert 0 < verdict.optimum.lower <= verdict.optimum.upper


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("after", [1, 3])
def test_ctrl_c_keeps_the_bounds(number: int, after: int) -> None:
    """A signal ends the check at the next safe place with bounds that hold, and the old handlers are back."""
    before = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    calls = []

    def press(progress: Progress) -> None:
        calls.append(progress)
        if len(calls) == after:
            os.kill(os.getpid(), number)

    verdict = check_network(WORSE[1], DATA[1], GOALS[1], STRICT, press)
    assert_consistent(verdict, WORSE[1], DATA[1], GOALS[1])
    assert verdict.reason in (Reason.INTERRUPTED, None)
    assert verdict.decision is not Decision.CERTIFIED
    assert verdict.optimum.lower <= LEAST[1]
    assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)] == before


@pytest.mark.parametrize("index", range(len(GOALS)))
def test_progress_is_true_and_never_worsens(index: int) -> None:
    """At every report the lower bound is below P*, the best value above it, and neither goes back."""
    seen: list[Progress] = []
    check_network(WORSE[index], DATA[index], GOALS[index], STRICT, seen.append)
    lowers, bests = [p.lower_bound for p in seen], [p.best_value for p in seen]
    assert lowers == sorted(lowers)
    assert bests == sorted(bests, reverse=True)
    assert all(lower <= LEAST[index] * (1 + 1e-13) for lower in lowers)
    assert all(best >= LEAST[index] * (1 - 1e-7) for best in bests)
    assert all(p.gain_lower is None or p.gain_lower <= p.gain_upper * (1 + 1e-9) for p in seen)


@pytest.mark.parametrize("index", range(len(GOALS)))
def test_engines_agree(index: int) -> None:
    """The reference engine gives the same verdicts and bounds that overlap."""
    for net, decision in ((BEST[index], Decision.CERTIFIED), (WORSE[index], Decision.REFUTED)):
        verdicts = [
            check(net, DATA[index], GOALS[index], CheckOptions(eps=1e-6, engine=e)) for e in ("auto", "enumerate")
        ]
        assert [v.decision for v in verdicts] == [decision] * 2
        assert max(v.optimum.lower for v in verdicts) <= min(v.optimum.upper for v in verdicts)


def test_seeds_change_no_verdict() -> None:
    """Another seed, or two threads, never turns one answer into the opposite one."""
    for net, decision in ((BEST[0], Decision.CERTIFIED), (WORSE[0], Decision.REFUTED)):
        for options in (CheckOptions(eps=1e-6, seed=7), CheckOptions(eps=1e-6, threads=2)):
            assert check(net, DATA[0], GOALS[0], options).decision is decision


def zero_network(width: int, inputs: int, goal: Objective) -> Network:
    """A network of zeros with the biases of the objective."""
    return random_network(np.random.default_rng(0), width, inputs, goal, 0.0)


@pytest.mark.parametrize(
    ("data", "beta", "decision"),
    [
        (dataset([[1.0], [2.0]], [0, 0]), 0.1, Decision.CERTIFIED),
        (dataset([[0.0], [0.0]], [1, 2]), 0.1, Decision.CERTIFIED),
        (dataset([[1.0]], [1.0]), 2.0, Decision.CERTIFIED),
        (dataset([[1.0]], [1.0]), 0.5, Decision.REFUTED),
        (dataset([[1e-170]], [1e150]), 1e-21, Decision.REFUTED),
        (dataset([[1e-170]], [1e150]), 1e-19, Decision.CERTIFIED),
        (dataset([[1e150], [2e150]], [1e150, 1e149]), 1e290, Decision.REFUTED),
        (dataset([[1e-150], [2e-150]], [1e-140, 1e-141]), 1e-300, Decision.REFUTED),
        (dataset([[1.0]], [1e30], [1e-200]), 1.0, Decision.CERTIFIED),
        (dataset([[1.0]], [1e30], [1e-200]), 1e-180, Decision.REFUTED),
    ],
    ids=[
        "nothing to fit",
        "no inputs",
        "strong",
        "weak",
        "tiny rows",
        "tiny rows, strong",
        "huge",
        "tiny",
        "light",
        "light, weak",
    ],
)
def test_the_zero_network_at_any_scale(data: Dataset, beta: float, decision: Decision) -> None:
    """Zero is optimal iff beta >= M(nu), also where targets vanish; where squares leave the floats, never the opposite."""
    with np.errstate(all="ignore"):
        verdict = check(zero_network(2, 1, objective(beta)), data, objective(beta))
    assert verdict.decision is not ({Decision.CERTIFIED, Decision.REFUTED} - {decision}).pop()
    sizes = np.abs([beta, *data.X.ravel(), *data.y.ravel()])
    if all((sizes == 0) | (sizes > 1e-100) & (sizes < 1e100)):
        assert verdict.decision is decision


@pytest.mark.parametrize("biases", [(Bias.FREE, Bias.NONE), (Bias.NONE, Bias.FREE), (Bias.FREE, Bias.FREE)])
@pytest.mark.parametrize("n", [1, 2])
def test_constant_targets_are_met_by_a_constant(n: int, biases: tuple[Bias, Bias]) -> None:
    """Where constants are free P* = 0: the zero network is refuted, an output bias that fits exactly is certified."""
    goal = objective(0.1, hidden_bias=biases[0], output_bias=biases[1])
    data = dataset([[1.0], [2.0]][:n], [3.0] * n)
    zero = zero_network(2, 1, goal)
    assert check(zero, data, goal).decision is Decision.REFUTED
    if goal.output_bias is Bias.FREE:
        assert check(replace(zero, output_bias=np.array([3.0])), data, goal).decision is Decision.CERTIFIED


def test_tiny_logistic_losses_keep_their_digits() -> None:
    """Margins of 40: losses of 1e-17 each, whose entropies must not be rounded to the accuracy of 1."""
    goal = objective(1e-17, Loss.LOGISTIC)
    data = dataset(np.eye(2), [1, 1])
    for margin in (20.0, 30.0, 40.0):
        size = np.sqrt(margin * np.sqrt(2))
        net = Network(np.full((1, 2), size / np.sqrt(2)), np.array([[size]]))
        verdict = check(net, data, goal, CheckOptions(eps=1e-2))
        p = goal.weight_decay / np.sqrt(2)
        least = -2 * (p * np.log(p) + (1 - p) * np.log1p(-p))
        assert verdict.optimum.lower <= least * (1 + 1e-12)
        certifiable = float(exact_objective(net, data, goal)) <= least * 1.01
        assert certifiable or verdict.decision is not Decision.CERTIFIED


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("part", ["X", "y", "sample_weight"])
def test_data_that_is_not_finite_is_refused(bad: float, part: str) -> None:
    """NaN or infinity in the data is an error, not a verdict."""
    arrays = {"X": DATA[0].X.copy(), "y": DATA[0].y.copy(), "sample_weight": np.ones(DATA[0].samples)}
    arrays[part].flat[0] = bad
    with pytest.raises(InputError, match="not finite"):
        check_network(BEST[0], Dataset(**arrays), GOALS[0])


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e308])
@pytest.mark.parametrize("layer", ["hidden_weights", "output_weights"])
def test_a_network_that_is_not_finite_has_no_verdict(bad: float, layer: str) -> None:
    """NaN, infinity or overflow in the parameters is inconclusive, with the reason numerics."""
    arrays = {"hidden_weights": BEST[0].hidden_weights.copy(), "output_weights": BEST[0].output_weights.copy()}
    arrays[layer][0, 0] = bad
    with np.errstate(all="ignore"):
        verdict: Verdict = check_network(Network(**arrays), DATA[0], GOALS[0])
    assert (verdict.decision, verdict.reason) == (Decision.INCONCLUSIVE, Reason.NUMERICS)
    assert verdict.value.upper == np.inf


def test_an_oracle_too_narrow_is_told_so_at_once() -> None:
    """O3 at width 1: not refuted, a wider network is shown, and the width that it needs."""
    oracle = ORACLES["O3"]
    known = oracle.networks[1]
    verdict = check(known.network, oracle.dataset, oracle.objective)
    assert (verdict.decision, verdict.reason, verdict.width_needed) == (Decision.INCONCLUSIVE, Reason.WIDTH, 2)
