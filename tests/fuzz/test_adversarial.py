"""Data, objectives and networks at the edge of float64: no crash, and every figure in every answer is true.

Thousands of them: tests/fuzz/sweep.py.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from adversarial import adversarial_case
from attacks import Attack, attack_in_full, expressible, files_attacked
from command_line import called, certify
from exact import natural_log
from judged import judge, objective_range, of_network, softplus_range

from certify import linear
from certify.checker.rejection import Rejected
from certify.decide.check import check_network
from certify.decide.options import CheckOptions
from certify.gain.cones.brancher import ConeBrancher
from certify.gain.majorants.brancher import MajorantBrancher
from certify.problem.dataset import Dataset
from certify.problem.network import Network
from certify.problem.objective import Bias, Loss, Objective, Reduction
from certify.verdict import Bounds, Decision

CHECKS, AT_ONCE = 150, 10
BRIEF = 0.3  # seconds of a check
OPTIONS = CheckOptions(time_limit=1.0)


@pytest.mark.parametrize("first", range(0, CHECKS, AT_ONCE))
def test_every_figure_of_a_check_is_true(first: int) -> None:
    """Value, witness, bounds on optimum and gain in exact arithmetic; no bound above a network known; certificates hold."""
    for seed in range(first, first + AT_ONCE):
        case = adversarial_case(seed)
        Attack(case, CheckOptions(eps=case.eps, time_limit=BRIEF)).check()


@pytest.mark.parametrize("first", range(1000, 1012, 3))
def test_so_is_every_figure_of_training(first: int) -> None:
    """Solve, descend, checks of what was trained and of what is near it."""
    for seed in range(first, first + 3):
        attack_in_full(adversarial_case(seed), seed, BRIEF)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["auto", "enumerate", "cvxpy"])
@pytest.mark.parametrize("first", range(2000, 2020, 5))
def test_by_every_engine(first: int, engine: str) -> None:
    """Likewise with every pattern listed, and with the convex programs stated in cvxpy."""
    for seed in range(first, first + 5):
        attack_in_full(adversarial_case(seed), seed, 1.0, engine)


def test_the_cases_are_of_every_kind() -> None:
    """They reach every answer that the clock has no part in: certified, refuted, and each reason to be inconclusive."""
    seen = set()
    for seed in (0, 2, 14):
        attack = Attack(adversarial_case(seed), OPTIONS)
        attack.check(attack.solve(), "trained")
        attack.check()
        seen |= set(attack.answers)
    assert seen >= {"trained: certified", "check: refuted", "check: numerics", "check: width"}


CASES_FOR_FILES = [seed for seed in range(3000, 3200) if expressible(adversarial_case(seed))]


@pytest.mark.parametrize("seed", CASES_FOR_FILES[:8])
def test_the_commands_answer(seed: int, tmp_path: Path) -> None:
    """check, verify, descend, solve and inspect end in an answer or in one line, with the exit code that it has."""
    assert dict(files_attacked(called, adversarial_case(seed), tmp_path)).keys() >= {
        "check",
        "solve",
        "descend",
        "inspect",
    }


@pytest.mark.slow
@pytest.mark.parametrize("seed", CASES_FOR_FILES[8:24])
def test_so_they_do_in_processes_of_their_own(seed: int, tmp_path: Path) -> None:
    """The same, as a user would run them, where warnings would be seen."""
    assert dict(files_attacked(certify, adversarial_case(seed), tmp_path))["inspect"] == 0


class Faults:
    """Calls from the first to before the last fail."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls, self.first, self.last = 0, 0, 0
        self.monkeypatch = monkeypatch

    def into(self, where: object, name: str) -> None:
        """Let calls of that function fail as numerics do."""
        function = getattr(where, name)

        def failing(*arguments: object, **named: object) -> object:
            self.calls += 1
            if self.first <= self.calls < self.last:
                raise ArithmeticError("injected")
            return function(*arguments, **named)

        self.monkeypatch.setattr(where, name, failing)

    def set(self, first: float, last: float) -> None:
        """Count from 1 again."""
        self.calls, self.first, self.last = 0, first, last


@pytest.fixture
def faults(monkeypatch: pytest.MonkeyPatch) -> Faults:
    """Failures of factorisations, least squares, the interior-point method, the engines, the dual bound."""
    found = Faults(monkeypatch)
    for name in ("_scaled", "_factor", "solve"):
        found.into(linear, name)
    used = [module for name, module in sorted(sys.modules.items()) if name.startswith("certify.")]
    for name in ("bounded_least_squares", "complement", "minimise", "scaled_dual_bound"):
        users = [module for module in used if hasattr(module, name) and "_core" not in module.__name__]
        assert users
        for module in users:
            found.into(module, name)
    for brancher in (ConeBrancher, MajorantBrancher):
        for name in ("roots", "expand", "found"):
            found.into(brancher, name)
    return found


@pytest.mark.parametrize("seed", [0, 4, 61])
def test_a_routine_that_fails_is_a_bound_less(seed: int, faults: Faults) -> None:
    """Whichever call of a numerical routine fails, alone or with all after it, the check ends with true figures."""
    case = adversarial_case(seed)
    if seed < 10:
        trained = Attack(case, OPTIONS).solve()
        case = case if trained is None else of_network(case, trained)
    for first in (1, 2, 3, 5, 9, 17, 33, 65):
        for last in (first + 1, np.inf):
            faults.set(first, last)
            verdict = check_network(case.network, case.data, case.goal, CheckOptions(eps=case.eps, time_limit=BRIEF))
            faults.set(0, 0)
            judge(verdict, case)


def test_the_judge_finds_lies() -> None:
    """Every figure that is moved, and every word that is changed, is noticed: the tests above can fail."""
    case = adversarial_case(4)
    case = of_network(case, Attack(case, OPTIONS).solve())
    verdict = check_network(case.network, case.data, case.goal, OPTIONS)
    assert verdict.decision is Decision.CERTIFIED
    judge(verdict, case)
    value, optimum, gain = verdict.value, verdict.optimum, verdict.gain
    lies = (
        {"value": Bounds(value.upper * 1.001, value.upper * 1.002)},
        {"value": Bounds(0.0, value.lower * 0.999)},
        {"optimum": Bounds(optimum.upper * 1.001, optimum.upper * 1.002)},
        {"optimum": Bounds(0.0, optimum.upper)},
        {"gain": Bounds(0.0, gain.lower * 0.999)},
        {"gain": Bounds(gain.upper * 1.001, np.inf)},
        {"certificate": None},
        {"decision": Decision.REFUTED},
    )
    for lie in lies:
        with pytest.raises(AssertionError):
            judge(replace(verdict, **lie), case)
    with pytest.raises(Rejected):
        judge(replace(verdict, certificate=verdict.certificate.replace(b"certified", b"refuted")), case)


def test_enclosures_of_the_logistic_loss_are_tight() -> None:
    """softplus between its bounds, which agree to 40 digits, from both tails to the middle; F of the zero network is n log 2."""
    for t in (-1e4, -700.0, -1e-3, 0.0, 1e-300, 1.0, 50.0, 1e4, 1e200):
        low, high = softplus_range(Fraction(t))
        assert low <= high <= low * (1 + Fraction(1, 10**40)) + Fraction(1, 10**3999)
        assert float(low) == pytest.approx(np.logaddexp(0.0, t), rel=1e-15)
    data = Dataset(np.ones((3, 1)), np.array([[1.0], [0.0], [1.0]]))
    goal = Objective(Loss.LOGISTIC, Reduction.SUM, 1.0, 1.0, Bias.NONE, Bias.NONE)
    low, high = objective_range(Network(np.zeros((1, 1)), np.zeros((1, 1))), data, goal)
    assert low <= 3 * natural_log(Fraction(2)) <= high
