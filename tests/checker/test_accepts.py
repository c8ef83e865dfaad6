"""Right certificates are accepted, by either scan, and what they claim is so."""

from __future__ import annotations

import gzip
from fractions import Fraction

import numpy as np
import pytest
from brute_force import squared_gain
from certificates import exact_value, rows_of
from checker_cases import PLANS, right

from certify.checker.certificate import read_certificate
from certify.checker.claims import decide
from certify.problem.objective import Bias

pytestmark = pytest.mark.slow  # together: `make test-fast` leaves them out


@pytest.mark.parametrize("name", PLANS)
def test_right_certificates_are_accepted(name: str) -> None:
    """Every certificate of the corpus is accepted by the fast and by the exact scan, in as many leaves."""
    fast, exact = decide(right(name)), decide(right(name), paranoid=True)
    assert fast.leaves == exact.leaves
    assert fast.lines() == exact.lines()
    assert fast.lines()[0] == f"ACCEPTED {PLANS[name].verdict} eps={PLANS[name].eps!r}"


@pytest.mark.parametrize("name", PLANS)
def test_gzip_is_accepted(name: str) -> None:
    """The same certificate in gzip is the same certificate."""
    assert decide(gzip.compress(right(name))).lines() == decide(right(name)).lines()


@pytest.mark.parametrize("name", PLANS)
def test_lower_bound_is_below_every_network(name: str) -> None:
    """No network tried has an objective below an accepted lower bound."""
    plan, claim = PLANS[name], decide(right(name)).certificate.claim
    if claim.lower_bound is None:
        assert plan.nu is None
        return
    nets = [plan.network] if plan.better is None else [plan.network, plan.better]
    assert all(Fraction(claim.lower_bound) <= exact_value(net, plan.data, plan.goal) for net in nets)


@pytest.mark.parametrize("name", [name for name in PLANS if PLANS[name].nu is not None])
def test_accepted_dual_vectors_are_feasible(name: str) -> None:
    """By brute force over all patterns, the gain of an accepted dual vector is at most the weight decay."""
    plan, dual = PLANS[name], read_certificate(right(name)).dual
    used = np.flatnonzero(dual.nu)
    if len(used) > 7 or plan.data.inputs > 3:
        used = used[:0]  # too many patterns; smaller cases of the same kind are there
    rows, goal = rows_of(plan.data, plan.goal)[used], plan.goal
    gain = squared_gain(rows, np.array(dual.nu)[used], goal.hidden_bias is Bias.FREE) if len(used) else 0
    assert gain <= Fraction(goal.hidden_decay) * Fraction(goal.output_decay)


def test_the_corpus_proves_something() -> None:
    """Most lower bounds of the corpus are above zero, which is always true."""
    bounds = [decide(right(name)).certificate.claim.lower_bound for name in PLANS]
    assert sum(bound is not None and bound > 0 for bound in bounds) > len(PLANS) / 2


def test_nothing_to_prove() -> None:
    """A dual vector of zeros needs no leaf, and proves what is known anyway."""
    accepted = decide(right("zero dual vector"))
    assert accepted.leaves == 0 and accepted.certificate.claim.lower_bound <= 0
