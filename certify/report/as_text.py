"""A check as text: one stable verdict line, then a short block for people, at most 80 columns wide."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from certify.files.text import path_name
from certify.report.layout import COLUMNS, count, entry, file_entries, objective_entries
from certify.report.near import near_entries
from certify.report.numbers import GAP_DIGITS, difference, excess, ratio, rounded_down, rounded_up, shortest, with_error
from certify.report.record import CheckRecord
from certify.report.remedy import remedy
from certify.report.stationarity import neuron_table, stationarity_lines
from certify.report.training import training_sentence
from certify.verdict import Decision, Direction, SameWidth, Verdict, Witness

DIRECTION_DIGITS = 3
COLOURS = {Decision.CERTIFIED: "32", Decision.REFUTED: "31", Decision.INCONCLUSIVE: "33"}


def verdict_line(verdict: Verdict, colour: bool = False) -> str:
    """`CERTIFIED gap<=3.1e-06 (relative 2.0e-06, eps 1e-04)`, and its like for the other two verdicts; behind a semicolon what one
    that is inconclusive for lack of time needs."""
    word = verdict.decision.value.upper()
    if colour:
        word = f"\033[1;{COLOURS[verdict.decision]}m{word}\033[0m"
    if verdict.reason is not None:
        word += f" ({verdict.reason.value})"
    return f"{word} {_margin(verdict)}"


def text_report(record: CheckRecord, verbose: bool = False, colour: bool = False) -> str:
    """The verdict line and the block; with `verbose` also a line a neuron."""
    verdict = record.verdict
    lines = [verdict_line(verdict, colour), *textwrap.wrap(verdict.explanation, COLUMNS), ""]
    for label, text in _entries(record):
        lines.extend(entry(label, text))
    if verbose:
        lines.extend(["", *neuron_table(verdict.stationarity)])
    return "\n".join(lines) + "\n"


def _margin(verdict: Verdict) -> str:
    eps = f"eps {shortest(verdict.eps)}"
    if verdict.decision is Decision.REFUTED and verdict.witness is not None:
        decrease = difference(verdict.value.lower, verdict.witness.value.upper)
        relative = rounded_down(ratio(decrease, verdict.value.upper), GAP_DIGITS)
        how = f"by {verdict.witness.kind}, width {verdict.witness.width}"
        return f"decrease>={rounded_down(decrease, GAP_DIGITS)} (relative {relative}, {eps}) {how}"
    gap = excess(verdict.value.upper, verdict.optimum.lower)
    relative = rounded_up(ratio(gap, verdict.value.lower), GAP_DIGITS)
    margin = f"gap<={rounded_up(gap, GAP_DIGITS)} (relative {relative}, {eps})"
    return margin if verdict.lacks is None else f"{margin}; {remedy(verdict.lacks)}"


def _entries(record: CheckRecord) -> Iterator[tuple[str, str]]:
    verdict = record.verdict
    if record.training is not None:
        yield "network", training_sentence(record.training, verdict)
    yield from objective_entries(record.objective, verdict.samples, record.weighted)
    yield "value", f"F = {with_error(verdict.value.lower, verdict.value.upper)}"
    yield "optimum", f"{rounded_down(verdict.optimum.lower)} <= P* <= {rounded_up(verdict.optimum.upper)}"
    yield "", "P* is the least F over two-layer ReLU networks of every width"
    yield from near_entries(verdict, record.training.width_asked if record.training else None)
    yield "gain", f"{rounded_down(verdict.gain.lower)} <= M(nu) <= {rounded_up(verdict.gain.upper)}"
    yield "", f"a further neuron lowers F where M(nu) > beta = {shortest(verdict.beta)}"
    yield "width", _width(verdict)
    yield from zip(["stationarity", "", "", "", ""], stationarity_lines(verdict.stationarity), strict=False)
    if verdict.witness is not None:
        yield from _witness_entries(verdict, verdict.witness)
    if record.witness_file is not None:
        yield "", f"written to {path_name(record.witness_file)}"
    yield from _certificate_entries(record)
    yield "search", _search(verdict)
    if verdict.same_width is not None:
        yield from _same_width_entries(verdict.same_width)
    if record.model is not None:
        yield from file_entries("written" if record.training else "model", record.model)
    yield from file_entries("data", record.data)


def _certificate_entries(record: CheckRecord) -> Iterator[tuple[str, str]]:
    if record.certificate_file is not None:
        yield "certificate", f"accepted by the checker, written to {path_name(record.certificate_file)}"
        if record.verdict.certificate_note:
            yield "", record.verdict.certificate_note


def _width(verdict: Verdict) -> str:
    text = f"{count(verdict.width, 'neuron')}, {count(verdict.inputs, 'input')}, rank {verdict.rank}"
    return text + (f"; needed: {count(verdict.width_needed, 'neuron')}" if verdict.width_needed is not None else "")


def _witness_entries(verdict: Verdict, witness: Witness) -> Iterator[tuple[str, str]]:
    decrease = difference(verdict.value.lower, witness.value.upper)
    value = with_error(witness.value.lower, witness.value.upper)
    yield "witness", f"{witness.kind}, width {witness.width}"
    yield "", f"F = {value}, lower by {rounded_down(decrease, GAP_DIGITS)}"
    if witness.direction is not None:
        yield "direction", _direction(witness.direction)


def _direction(direction: Direction) -> str:
    moving = f"moves {count(len(direction.neurons), 'neuron')} of the network"
    start = {
        0: "the straight way to the witness, between whose ends F may rise",
        1: f"initial slope {direction.rate:.3g}",
        2: f"F changes by {direction.rate:.3g} t^2 at first",
    }[direction.order]
    return (
        f"{moving}; {start}; step {direction.step:.3g} lowers F by {rounded_down(direction.decrease, DIRECTION_DIGITS)}"
    )


def _search(verdict: Verdict) -> str:
    search = verdict.search
    nodes, threads = count(search.nodes, "node"), count(search.threads, "thread")
    cost = f"{nodes}, {search.seconds:.2f} s, {threads}, {search.peak_memory_mb:.0f} MB"
    return f"{search.method}: {cost}"


def _same_width_entries(search: SameWidth) -> Iterator[tuple[str, str]]:
    best = with_error(search.best.lower, search.best.upper)
    yield "same width", f"best of {count(search.starts, 'start')}: F = {best}"
    yield (
        "",
        f"reached by {search.reached} of {count(search.lines, 'independent line')} of descents, {search.seconds:.2f} s",
    )
