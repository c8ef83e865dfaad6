"""Near is said as near: a proved distance from the optimum, and an eps that does certify."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from fractions import Fraction

import pytest
from command_line import ROOT, called
from report_examples import CERTIFIED, REFUTED, TOO_NARROW, UNBOUNDED, record, witness

from certify.report.as_json import check_as_dict
from certify.report.as_text import text_report
from certify.report.near import near
from certify.verdict import NEAR, Bounds, Reason, Verdict

NEARLY = replace(
    REFUTED, value=Bounds(0.3, 0.3000000001), optimum=Bounds(0.2999, 0.29991), witness=witness("gradient", 2, 0.29991)
)
NARROW = replace(TOO_NARROW, value=NEARLY.value, optimum=NEARLY.optimum)
OPEN = replace(UNBOUNDED, value=NEARLY.value, optimum=NEARLY.optimum)
FIXTURES = ROOT / "fixtures"
IRIS = ("--loss", "half-squared", "--reduction", "sum", "--weight-decay", 15, "--penalize", "all")


@pytest.mark.parametrize("verdict", [NEARLY, NARROW, OPEN])
def test_the_distance_is_proved(verdict: Verdict) -> None:
    """The share printed is at least (F - P*)/P* for the largest F and the least P* that the bounds allow."""
    shown = re.search(r"^near +within (\S+) % of the proved optimum", text_report(record(verdict)), re.MULTILINE)
    exact = Fraction(verdict.value.upper) / Fraction(verdict.optimum.lower) - 1
    assert exact <= Fraction(shown[1]) / 100 < exact * Fraction(11, 10)
    stated = check_as_dict(record(verdict), "1")["near"]
    assert exact <= Fraction(stated["excess"]) < exact * (1 + Fraction(1, 10**12))


@pytest.mark.parametrize("verdict", [NEARLY, NARROW, OPEN])
def test_the_eps_named_certifies(verdict: Verdict) -> None:
    """With the eps named the gap is allowed, with the next smaller round one it is not; and the text has it as an option."""
    gap = Fraction(verdict.value.upper) - Fraction(verdict.optimum.lower)
    assert near(verdict).eps == 5e-4
    assert 2e-4 < gap / Fraction(verdict.value.lower) <= Fraction(5e-4)
    assert "--eps 5e-04 would certify it" in text_report(record(verdict))


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        (NEARLY, "certify descend ... --output FILE"),
        (NARROW, "certify solve --like MODEL ... --output FILE"),
        (OPEN, "--time-limit"),
        (replace(OPEN, reason=Reason.NUMERICS), "double precision"),
    ],
)
def test_what_to_do_is_said(verdict: Verdict, words: str) -> None:
    """Each verdict has its own way on."""
    assert words in text_report(record(verdict))


@pytest.mark.parametrize(
    "verdict",
    [
        CERTIFIED,
        replace(REFUTED, optimum=Bounds(0.2, 0.25)),
        UNBOUNDED,
        replace(NEARLY, optimum=Bounds(0.0, 0.29)),
        replace(NEARLY, optimum=Bounds(0.3 / float(1 + NEAR) - 1e-9, 0.29)),
        replace(NEARLY, value=Bounds(0.3, float("inf"))),
        replace(NEARLY, value=Bounds(float("nan"), float("nan"))),
    ],
)
def test_nothing_is_said_of_what_is_not_near(verdict: Verdict) -> None:
    """Certified, more than 5 % above the lower bound, or without bounds: no such line, and null in JSON."""
    assert "\nnear " not in text_report(record(verdict))
    assert check_as_dict(record(verdict), "1")["near"] is None


def test_no_eps_is_named_where_the_bounds_are_not_what_is_missing() -> None:
    """A gap within eps that no certificate could be made of is near, and a larger eps is not the remedy."""
    within = replace(OPEN, optimum=Bounds(0.29999, 0.29999))
    assert near(within).eps is None
    assert "would certify" not in text_report(record(within))


@pytest.mark.parametrize(("name", "above"), [("early", 1.0e-3), ("local", 3.467e-4), ("trapped", 1.4526e-2)])
def test_how_near_is_known_to_a_tenth(name: str, above: float) -> None:
    """The bounds of a refuted network go on until its distance is known, by the estimates of fixtures/README.md."""
    pair = (FIXTURES / f"iris_torch_{name}.npz", FIXTURES / "iris.npz", *IRIS)
    answer = called("check", *pair, "--format", "json", "-q")
    assert answer.returncode == 1
    assert above <= json.loads(answer.stdout)["near"]["excess"] <= 1.1 * above


@pytest.mark.parametrize("name", ["early", "narrow"])
def test_the_command_named_certifies(name: str) -> None:
    """A check with the eps that the first one names is CERTIFIED."""
    pair = (FIXTURES / f"iris_torch_{name}.npz", FIXTURES / "iris.npz", *IRIS)
    first = json.loads(called("check", *pair, "--format", "json", "-q").stdout)
    assert first["verdict"] != "certified"
    assert called("check", *pair, "--eps", first["near"]["eps"], "-q").returncode == 0
