"""From findings to a verdict: each answer exactly where its inequality between enclosed values holds."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from oracles import dataset, objective, stated

from certify.decide.conclusion import Findings, conclude
from certify.decide.stationarity import assess
from certify.problem.network import Network
from certify.verdict import Bounds, Decision, Reason, SearchReport, Verdict, Witness

PROBLEM = stated(dataset([[1.0], [-1.0]], [1, 1]), objective(0.1))
REPORT = SearchReport("test", 0, 0.0, 1, 0.0)
EPS = 1e-3
ONE = Bounds(1.0, 1.0)


def network(width: int) -> Network:
    """A network of that width; its own value plays no part here."""
    return Network(np.ones((width, 1)), np.ones((width, 1)))


def findings(value: Bounds = ONE, lower: float = 0.0, eps: float = EPS) -> Findings:
    """What is known of a network of width 2."""
    net = network(2)
    neurons = PROBLEM.lift(net)
    nu = -PROBLEM.slope(PROBLEM.predictions(neurons))[:, 0]
    known = Findings(net, value, assess(PROBLEM, neurons, nu), eps, PROBLEM.beta)
    known.raise_lower(lower)
    return known


def witness(value: float, width: int = 2, kind: str = "rebuilt") -> Witness:
    """A network that claims a value."""
    return Witness(network(width), Bounds(value, value), kind, None)


def verdict(known: Findings, stopped: bool = False, interrupted: bool = False) -> Verdict:
    """What is concluded."""
    return conclude(known, PROBLEM, 1, stopped, interrupted, REPORT)


def outcome(known: Findings, **signals: bool) -> tuple[Decision, Reason | None]:
    """Decision and reason."""
    result = verdict(known, **signals)
    return result.decision, result.reason


@pytest.mark.parametrize(("lower", "certified"), [(0.9995, True), (0.9990001, True), (0.9989999, False), (0.0, False)])
def test_certified_iff_the_gap_is_within_eps(lower: float, certified: bool) -> None:
    """P - LB <= eps |P|, and nothing else, certifies."""
    assert (outcome(findings(lower=lower))[0] is Decision.CERTIFIED) == certified


def test_the_far_ends_of_the_enclosures_count() -> None:
    """The gap is taken from the upper end of P, eps |P| from its lower end."""
    assert outcome(findings(Bounds(1.0, 1.0), 0.9991))[0] is Decision.CERTIFIED
    assert outcome(findings(Bounds(1.0, 1.0002), 0.9991))[0] is not Decision.CERTIFIED
    assert outcome(findings(Bounds(0.5, 1.0), 0.9991))[0] is not Decision.CERTIFIED


@pytest.mark.parametrize(
    "value",
    [Bounds(math.nan, math.nan), Bounds(-math.inf, math.inf), Bounds(1.0, math.inf)],
    ids=str,
)
def test_an_unknown_value_is_never_certified_or_refuted(value: Bounds) -> None:
    """NaN or infinity in P leaves only INCONCLUSIVE."""
    known = findings(value, lower=1.0)
    known.add(witness(0.1))
    assert outcome(known)[0] is Decision.INCONCLUSIVE


@pytest.mark.parametrize("lower", [math.nan, -math.inf, -1.0])
def test_a_lower_bound_that_is_none_is_ignored(lower: float) -> None:
    """NaN and anything below 0 leave the bound 0, which every loss allows."""
    known = findings()
    known.raise_lower(lower)
    assert known.lower == 0.0
    assert not known.certified


@pytest.mark.parametrize("value", [math.nan, math.inf, 1.0, 1.5])
def test_a_witness_that_is_not_better_is_ignored(value: float) -> None:
    """NaN, infinity, or no improvement: nothing is refuted."""
    known = findings()
    known.add(witness(value))
    assert outcome(known)[0] is Decision.INCONCLUSIVE
    assert verdict(known).witness is None


@pytest.mark.parametrize(("value", "refuted"), [(0.998, True), (0.9989, True), (0.9990001, False), (0.9995, False)])
def test_refuted_iff_a_witness_is_better_by_more_than_eps(value: float, refuted: bool) -> None:
    """F(theta') < P - eps |P| refutes, less does not, though the optimum's upper bound takes note of it."""
    known = findings()
    known.add(witness(value))
    result = verdict(known)
    assert (result.decision is Decision.REFUTED) == refuted
    assert result.optimum.upper == value


def test_a_wider_witness_is_a_reason_and_no_refutation() -> None:
    """Only a wider network is better: inconclusive, width, and how many neurons it needs; the narrowest one counts."""
    known = findings()
    known.add(witness(0.5, width=9))
    known.add(witness(0.5, width=3))
    result = verdict(known)
    assert (result.decision, result.reason, result.width_needed) == (Decision.INCONCLUSIVE, Reason.WIDTH, 3)
    assert result.witness.kind == "wider"
    known.add(witness(0.9, width=1))
    assert verdict(known).decision is Decision.REFUTED


@pytest.mark.parametrize("seed", range(200))
def test_certified_and_refuted_exclude_one_another(seed: int) -> None:
    """With true findings, lower <= every witness, both never hold at once, whatever eps and the roundings."""
    rng = np.random.default_rng(seed)
    value = float(rng.exponential() * 10.0 ** rng.integers(-200, 200))
    eps = float(rng.choice([1e-9, 1e-4, 0.1, 2.0]))
    least = value * (1 - eps * float(rng.choice([1 - 1e-15, 1.0, 1 + 1e-15, 0.5])))
    known = findings(Bounds(value, value), max(least, 0.0), eps)
    known.add(witness(max(np.nextafter(least, np.inf), 0.0)))
    assert not (known.certified and known.same_width)


@pytest.mark.parametrize(
    ("signals", "reason"),
    [
        ({}, Reason.NUMERICS),
        ({"stopped": True}, Reason.LIMIT),
        ({"stopped": True, "interrupted": True}, Reason.INTERRUPTED),
    ],
    ids=["ended", "limit", "interrupted"],
)
def test_the_reason_says_what_ended_the_search(signals: dict[str, bool], reason: Reason) -> None:
    """Nothing decided: a limit, an interruption, or float64."""
    assert outcome(findings(), **signals) == (Decision.INCONCLUSIVE, reason)


@pytest.mark.parametrize("signals", [{"stopped": True}, {"stopped": True, "interrupted": True}])
def test_what_is_decided_stays_decided_at_a_limit(signals: dict[str, bool]) -> None:
    """A proof or a witness that was found in time holds, whatever stopped the search."""
    assert outcome(findings(lower=0.9999), **signals)[0] is Decision.CERTIFIED
    known = findings()
    known.add(witness(0.5))
    assert outcome(known, **signals)[0] is Decision.REFUTED


def test_an_exact_zero_is_certified() -> None:
    """F = 0 cannot be improved: the enclosure's last ulp is no gap."""
    assert outcome(findings(Bounds(-5e-324, 5e-324)))[0] is Decision.CERTIFIED


def test_the_simplest_witness_is_shown_where_it_is_nearly_the_best() -> None:
    """A descent that ends within one percent of the best value is preferred to a rebuilt network, a poorer one is not."""
    known = findings()
    known.add(witness(0.5))
    known.add(witness(0.504, kind="gradient"))
    assert verdict(known).witness.kind == "gradient"
    known = findings()
    known.add(witness(0.5))
    known.add(witness(0.51, kind="gradient"))
    assert verdict(known).witness.kind == "rebuilt"


def test_bounds_of_the_verdict_are_in_order() -> None:
    """The optimum's bounds are the best of both sides, and never cross."""
    known = findings(lower=0.3)
    known.add(witness(0.5, width=9))
    assert verdict(known).optimum == Bounds(0.3, 0.5)
    assert replace(verdict(known), value=Bounds(1.0, 1.0)).gap == pytest.approx(0.7)
