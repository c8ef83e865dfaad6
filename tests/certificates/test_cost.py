"""Writing and checking end in time: what a pass will take is told from its own pace, before it has taken it."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from oracles import objective
from planted import STRICT, optimal_network, random_data

from certify.certificates import CertificateWish, Source, cost
from certify.certificates.budget import Budget, OutOfRoom
from certify.certificates.cost import OutOfTime, Pace, paced, seconds_of_value
from certify.checker.certificate import read_certificate
from certify.checker.claims import decide_for
from certify.decide.check import check_network
from certify.gain.question import Limits
from certify.problem.dataset import Dataset
from certify.problem.network import Network


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, to be set."""
    now = [0.0]
    monkeypatch.setattr(cost.time, "monotonic", lambda: now[0])
    return now


def steps_until_given_up(pace: Pace, clock: list[float], each: float) -> tuple[int, float]:
    """Steps that a pass of `each` seconds a step has made when it is given up, and what it is said to lack."""
    for step in range(pace.total):
        try:
            pace.step()
        except OutOfTime as reason:
            return step, reason.needs
        clock[0] += each
    return pace.total, 0.0


def test_a_pass_that_fits_is_left_alone(clock: list[float]) -> None:
    """A thousand steps of a hundredth in eleven seconds."""
    assert steps_until_given_up(Pace(Limits(11.0), 1000), clock, 0.01) == (1000, 0.0)


def test_a_pass_that_does_not_fit_is_given_up_early(clock: list[float]) -> None:
    """The same in five: after a few steps, and it lacks about five more."""
    steps, needs = steps_until_given_up(Pace(Limits(5.0), 1000), clock, 0.01)
    assert steps < 100
    assert 4 < needs < 6


def test_what_follows_counts(clock: list[float]) -> None:
    """Two seconds of steps and six of other work in five."""
    assert steps_until_given_up(Pace(Limits(5.0), 200, after=6.0), clock, 0.01)[0] < 100


def test_a_deadline_is_a_deadline(clock: list[float]) -> None:
    """Steps that get slower all the time are stopped there, however well they began."""
    pace = Pace(Limits(5.0), 10_000)
    with pytest.raises(OutOfTime):
        for step in range(10_000):
            pace.step()
            clock[0] += 1e-4 + (0.01 if step > 5000 else 0)
    assert clock[0] < 5.5


def test_writing_counts_the_check(clock: list[float]) -> None:
    """A proof that would be written in time, but not checked, is not written to its end; it lacks the rest of both."""
    budget = Budget(Limits(5.0), expected=10_000, checking=1e-3)
    with pytest.raises(OutOfRoom) as stopped:
        for _ in range(10_000):
            clock[0] += 3e-4
            budget.spend(10)
    assert budget.nodes < 2_000
    assert 7 < stopped.value.needs < 9


def test_a_watched_check_reads_every_node() -> None:
    """With a deadline or without, the checker goes over the same nodes; an early deadline ends it with an exception, no verdict."""
    goal = objective(0.05)
    data = random_data(goal, seed=3, n=25, d=3)
    net = optimal_network(data, goal)
    wish = CertificateWish(Source(data), wanted=True, carried=True)
    certificate = read_certificate(check_network(net, data, goal, STRICT, wish=wish).certificate)
    arrays = certificate.data.arrays, certificate.network.arrays
    watched = paced(certificate, Limits(math.inf))
    assert [list(p.nodes) for p in watched.dual.proofs if p] == [list(p.nodes) for p in certificate.dual.proofs if p]
    leaves = decide_for(certificate, *arrays).leaves
    assert leaves == decide_for(watched, *arrays).leaves > cost._ASKED_EVERY
    with pytest.raises(OutOfTime):
        decide_for(paced(certificate, Limits(-math.inf)), *arrays)


def test_the_exact_value_is_foreseen(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock that counts products: a few samples and neurons tell what all of them cost."""
    spent, rng = [0.0], np.random.default_rng(0)

    def value(problem, network) -> None:
        spent[0] += len(problem.rows) * (1e-5 + 1e-6 * len(network.output_weights))

    monkeypatch.setattr(cost, "network_value", value)
    monkeypatch.setattr(cost.time, "thread_time", lambda: spent[0])
    data = Dataset(rng.standard_normal((5000, 4)), rng.standard_normal((5000, 1)))
    net = Network(rng.standard_normal((300, 4)), rng.standard_normal((300, 1)))
    goal = objective(0.1)
    reading = 5000 * 5 * cost._PER_ENTRY
    assert seconds_of_value(goal, data, net) == pytest.approx(5000 * (1e-5 + 300e-6) + reading)
    assert seconds_of_value(goal, data, replace(net, output_weights=np.full((300, 1), np.nan))) == 0.0
