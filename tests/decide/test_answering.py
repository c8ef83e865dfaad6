"""A verdict that stands is given: no more is proved than it needs, and where time is too short, what is lacking is said."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from exact import random_network
from oracles import objective
from planted import STRICT, assert_consistent, check, optimal_network, random_data, with_defect

from certify.certificates import CertificateWish, Source, confirming, writing
from certify.certificates.writing import Written
from certify.checker.claims import decide
from certify.decide.answering import answered
from certify.decide.check import Check, check_network
from certify.decide.descend import descend_network
from certify.decide.interruption import Interruption
from certify.decide.options import CheckOptions
from certify.decide.proving import Proving
from certify.decide.scope import decidable_problem
from certify.decide.solve import solve_dataset
from certify.decide.witness import Candidate
from certify.problem.objective import Bias, Loss, Reduction
from certify.verdict import Decision, Reason, Verdict

GOALS = [
    objective(0.05),
    objective(0.1, Loss.LOGISTIC, Reduction.MEAN, Bias.PENALIZED, Bias.PENALIZED),
    objective(0.1, Loss.SQUARED, Reduction.SUM, Bias.FREE, Bias.FREE),
]
EVERY_GOAL = pytest.mark.parametrize("goal", GOALS, ids=str)
GOAL = GOALS[0]
DATA = random_data(GOAL, seed=3, n=25, d=3)
BEST = optimal_network(DATA, GOAL)


def gap(verdict: Verdict) -> float:
    """Relative, between the bounds on P*."""
    return (verdict.optimum.upper - verdict.optimum.lower) / verdict.value.upper


@pytest.mark.parametrize("goal", GOALS[:2], ids=str)
def test_no_more_is_proved_than_eps_asks_for(goal) -> None:
    """A larger eps takes fewer nodes; the gap stays within it, and is not made smaller for its own sake."""
    data = random_data(goal, seed=3, n=40, d=4)
    net = optimal_network(data, goal)
    coarse, usual, fine = (check(net, data, goal, replace(STRICT, eps=eps)) for eps in (1e-2, 1e-4, 1e-8))
    assert {v.decision for v in (coarse, usual, fine)} == {Decision.CERTIFIED}
    assert coarse.search.nodes < usual.search.nodes < fine.search.nodes
    assert 1e-8 < gap(usual) <= 1e-4


@EVERY_GOAL
def test_tight_brings_more_digits(goal) -> None:
    """--tight proves P* to about nine digits whatever eps is, for networks that are certified and that are refuted."""
    data = random_data(goal, seed=3, n=12)
    net = optimal_network(data, goal)
    tight = replace(STRICT, eps=1e-2, tight=True)
    for each, decision in ((net, Decision.CERTIFIED), (with_defect(net, data, goal, 0.1), Decision.REFUTED)):
        verdict = check(each, data, goal, tight)
        assert verdict.decision is decision
        assert gap(verdict) <= 1e-7
    assert solve_dataset(data, goal, tight).verdict.relative_gap <= 1e-7


def test_solve_and_descend_prove_what_eps_asks_for() -> None:
    """Both end as soon as the network they have is certified."""
    usual = replace(STRICT, eps=1e-3)
    for verdict in (solve_dataset(DATA, GOAL, usual).verdict, descend_network(BEST, DATA, GOAL, usual).verdict):
        assert verdict.decision is Decision.CERTIFIED
        assert 1e-8 < gap(verdict) <= 1e-3


def test_the_accepted_certificate_proves_what_is_printed() -> None:
    """The lower bound that is shown is that of the certificate, but for its last digits."""
    wish = CertificateWish(Source(DATA), wanted=True, carried=True)
    verdict = check_network(BEST, DATA, GOAL, replace(STRICT, eps=1e-3), wish=wish)
    claim = decide(verdict.certificate).certificate.claim
    assert claim.verdict == "certified"
    assert claim.lower_bound == pytest.approx(verdict.optimum.lower, rel=1e-8)


def test_a_certificate_that_needs_room_gets_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no certificate of the least claim can be written, the search goes on to a better bound, which leaves more room."""
    honest, bounds = confirming.write_certificate, []

    def reluctant(verdict: Verdict, *others: object) -> Written:
        bounds.append(verdict.optimum.lower)
        return honest(verdict, *others) if len(bounds) > 2 else Written(None, "a cone is too flat")

    monkeypatch.setattr(confirming, "write_certificate", reluctant)
    verdict = check(BEST, DATA, GOAL, replace(STRICT, eps=1e-3))
    assert verdict.decision is Decision.CERTIFIED
    assert len(bounds) == 3
    assert bounds[0] < bounds[1] < bounds[2]


def test_room_that_is_not_needed_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dual vector that is too near the limit is moved inside, as far as eps allows, and the bound printed is the one proved."""
    honest = writing._proofs

    def narrow(dual, gain, budget):
        if dual.value > 0.99995 * best.optimum.lower:
            raise writing.Unprovable("there is no room")
        return honest(dual, gain, budget)

    options = replace(STRICT, eps=1e-3)
    best = check(BEST, DATA, GOAL, replace(options, tight=True))
    problem = decidable_problem(BEST, DATA, GOAL)
    monkeypatch.setattr(writing, "_proofs", narrow)
    written = confirming.confirmed(
        best, BEST, problem, CertificateWish(Source(DATA)), Proving(problem, options, Interruption()).last_limits
    )
    assert written.decision is Decision.CERTIFIED
    assert best.optimum.lower * (1 - 1e-3) < written.optimum.lower <= 0.99995 * best.optimum.lower
    assert_consistent(written, BEST, DATA, GOAL)


def test_values_that_take_too_long_are_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the exact values alone would overrun the limit, the verdict says what the search found, and how long it takes."""
    monkeypatch.setattr("certify.certificates.cost.seconds_of_value", lambda *_: 1000.0)
    verdict = check(BEST, DATA, GOAL, replace(STRICT, eps=1e-3, time_limit=20.0))
    assert (verdict.decision, verdict.reason) == (Decision.INCONCLUSIVE, Reason.LIMIT)
    assert verdict.lacks.unproved is Decision.CERTIFIED
    assert 900 < verdict.lacks.seconds <= 1000
    assert verdict.lacks.remedy.startswith("--time-limit 1")
    assert gap(verdict) <= 1e-3


@pytest.mark.parametrize("forecast", [40.0, np.inf])
def test_a_search_that_ran_out_of_time_says_what_it_needs(forecast: float) -> None:
    """The forecast of the last bound, or that there is none; and an option to type."""
    goal = objective(1.0)
    data = random_data(goal, seed=1, n=80, d=9)
    net = random_network(np.random.default_rng(0), 3, 9, goal, 0.01)
    problem = decidable_problem(net, data, goal)
    with Interruption() as interruption:
        search = Check(Proving(problem, CheckOptions(time_limit=1e-9), interruption), net)
        search.proving.forecast = forecast
        verdict = answered(search, CertificateWish(Source(data)))
    assert verdict.reason is Reason.LIMIT
    assert verdict.lacks.unproved is None
    assert verdict.lacks.seconds == (40.0 if forecast == 40.0 else None)
    assert verdict.lacks.remedy.startswith("--time-limit 6" if forecast == 40.0 else "--")


def test_a_refuted_network_gets_half_a_second_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the first better network of its width on the search has half a second, by the clock, however long it took before."""
    now = [0.0]
    monkeypatch.setattr(Proving, "elapsed", property(lambda self: now[0]))
    worse = with_defect(BEST, DATA, GOAL, 0.1)
    problem = decidable_problem(worse, DATA, GOAL)
    with Interruption() as interruption:
        search = Check(Proving(problem, STRICT, interruption), worse)
        assert not search.limits.reached()
        now[0] = 1000.0
        search._take([Candidate(problem.lift(BEST), "retrained")])
        assert search.findings.standing == "refuted"
        for seconds, over in ((1000.0, False), (1000.4, False), (1000.6, True)):
            now[0] = seconds
            assert search.limits.reached() is over
        assert not search.proving.limits.reached()
