"""The text report: one stable verdict line, then a block that fits 80 columns and never overstates."""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction

import pytest
from report_examples import CERTIFIED, OBJECTIVE, REFUTED, TOO_NARROW, UNBOUNDED, VERDICTS, record

from certify.problem.objective import Bias, Loss, Reduction
from certify.report.as_json import check_as_dict
from certify.report.as_text import text_report, verdict_line
from certify.verdict import Bounds, Decision, Lack, Verdict


@pytest.mark.parametrize(
    ("verdict", "pattern"),
    [
        (CERTIFIED, r"CERTIFIED gap<=(\S+) \(relative (\S+), eps 1e-04\)"),
        (TOO_NARROW, r"INCONCLUSIVE \(width\) gap<=(\S+) \(relative (\S+), eps 1e-04\)"),
        (UNBOUNDED, r"INCONCLUSIVE \(limit\) gap<=(inf) \(relative (inf), eps 1e-04\)"),
        (REFUTED, r"REFUTED decrease>=(\S+) \(relative (\S+), eps 1e-04\) by dead-neuron, width 2"),
    ],
)
def test_verdict_line_is_stable(verdict: Verdict, pattern: str) -> None:
    """The first line has the verdict, its margin and eps, in words that scripts may rely on."""
    assert re.fullmatch(pattern, verdict_line(verdict))
    assert text_report(record(verdict)).splitlines()[0] == verdict_line(verdict)


def test_margins_are_rounded_against_the_claim() -> None:
    """A printed gap is at least the gap, and a printed decrease at most the decrease."""
    gap, relative = re.search(r"gap<=(\S+) \(relative (\S+),", verdict_line(CERTIFIED)).groups()
    exact = Fraction(CERTIFIED.value.upper) - Fraction(CERTIFIED.optimum.lower)
    assert Fraction(gap) >= exact
    assert Fraction(relative) >= exact / Fraction(CERTIFIED.value.lower)
    decrease, relative = re.search(r"decrease>=(\S+) \(relative (\S+),", verdict_line(REFUTED)).groups()
    exact = Fraction(REFUTED.value.lower) - Fraction(REFUTED.witness.value.upper)
    assert Fraction(decrease) <= exact
    assert Fraction(relative) <= exact / Fraction(REFUTED.value.upper)


@pytest.mark.parametrize("verdict", VERDICTS)
@pytest.mark.parametrize("verbose", [False, True])
def test_report_fits_a_terminal(verdict: Verdict, verbose: bool) -> None:
    """No line is longer than 80 columns, and there is no control character but the line ends."""
    text = text_report(record(verdict), verbose)
    assert all(len(line) <= 80 for line in text.splitlines())
    assert text.replace("\n", "").isprintable()


def test_report_encloses_the_optimum() -> None:
    """The bounds on P* in the text enclose those of the verdict, and an unknown bound is said to be infinite."""
    low, high = re.search(r"(\S+) <= P\* <= (\S+)", text_report(record(CERTIFIED))).groups()
    assert Fraction(low) <= Fraction(CERTIFIED.optimum.lower)
    assert Fraction(high) >= Fraction(CERTIFIED.optimum.upper)
    assert "-inf <= P* <= 0.29" in text_report(record(UNBOUNDED))
    assert re.search(r"<= M\(nu\) <= inf\n", text_report(record(UNBOUNDED)))


def test_objective_is_spelled_out() -> None:
    """Loss, reduction, decays and biases stand in the formula with their numbers."""
    text = text_report(record(CERTIFIED))
    assert "F = sum_i (f(x_i) - y_i)^2 / 2" in text
    assert "+ 0.1/2 (|W1|^2 + |b1|^2 + |W2|^2)" in text
    free = replace(
        OBJECTIVE, loss=Loss.LOGISTIC, reduction=Reduction.MEAN, hidden_bias=Bias.FREE, output_bias=Bias.FREE
    )
    text = text_report(record(CERTIFIED, replace(free, output_decay=0.4)))
    assert "F = 1/4 sum_i log(1 + exp(-y_i f(x_i)))" in text
    assert "+ 0.1/2 (|W1|^2) + 0.4/2 (|W2|^2)" in text
    assert "hidden bias free (not penalized), output bias free (not penalized)" in text


def test_stationarity_names_the_worst_neurons_first() -> None:
    """A residual that is not a number is the worst of all; the table has a line for every neuron."""
    assert "worst neurons: 1 (inf), 0 (0.013)" in text_report(record(CERTIFIED))
    table = text_report(record(CERTIFIED), verbose=True).splitlines()[-2:]
    assert table[0].split() == ["0", "0.013", "2", "(samples", "0,", "3),", "merges", "with", "1"]
    assert table[1].split() == ["1", "inf", "0,", "dead,", "merges", "with", "0"]


def test_witness_and_files_are_named() -> None:
    """The better network's width, value and file are said, and the hashes of both inputs."""
    text = text_report(replace(record(TOO_NARROW), witness_file="better.h5"))
    assert "witness      wider, width 3\n             F = 0.2" in text
    assert "direction    moves 3 neurons of the network; F changes by -0.25 t^2 at first;" in text
    assert "written to better.h5" in text
    assert "needed: 3 neurons" in text
    assert f"\nsha256       {'a' * 64}\n" in text
    assert f"\nsha256       {'c' * 64}\n" in text


def test_colour_is_only_in_the_verdict_word() -> None:
    """Taking the colour codes out gives the plain report."""
    coloured = text_report(record(REFUTED), colour=True)
    assert coloured.startswith("\033[1;31mREFUTED\033[0m ")
    assert re.sub(r"\033\[[0-9;]*m", "", coloured) == text_report(record(REFUTED))


def test_hostile_names_cannot_move_the_cursor() -> None:
    """Control characters of a file name are escaped."""
    example = record(CERTIFIED)
    text = text_report(replace(example, model=replace(example.model, path="a\x1b[2J\n\u202eb")))
    assert "a\\x1b[2J\\n\\u202eb (Keras 3 HDF5)" in text


def test_the_search_at_the_width_has_its_lines() -> None:
    """How many starts were made, what they reached, and how often; nothing where there was no search."""
    text = " ".join(text_report(record(TOO_NARROW)).split())
    assert "same width best of 302 starts: F = 0.28745" in text
    assert "reached by 2 of 5 independent lines of descents, 0.39 s" in text
    assert "same width" not in text_report(record(CERTIFIED))


@pytest.mark.parametrize(
    ("lack", "words"),
    [
        (Lack(39.2, None, "--time-limit 120"), "needs about 40 s more: --time-limit 120"),
        (Lack(1200.0, None, "--time-limit 2000"), "needs about 20 min more: --time-limit 2000"),
        (Lack(4 * 3600.0, None, "--time-limit 30000"), "needs about 4 h more: --time-limit 30000"),
        (Lack(None, None, "--eps 0.28"), "no estimate of the time: --eps 0.28"),
        (
            Lack(2.5, Decision.CERTIFIED, "--time-limit 7"),
            "certified by the search, its certificate needs about 3 s more: --time-limit 7",
        ),
    ],
)
def test_what_is_lacking_follows_the_bounds(lack: Lack, words: str) -> None:
    """The line begins as ever, and ends with the time needed and the option to type; in JSON these are keys of their own."""
    verdict = replace(UNBOUNDED, optimum=Bounds(0.2, 0.29), lacks=lack)
    assert verdict_line(verdict) == f"INCONCLUSIVE (limit) gap<=0.091 (relative 0.32, eps 1e-04); {words}"
    keys = check_as_dict(record(verdict), "0")
    assert (keys["needs_seconds"], keys["remedy"]) == (lack.seconds, words)
    assert check_as_dict(record(CERTIFIED), "0")["remedy"] is None
