"""A check as text: one stable verdict line, then a short block for people, at most 80 columns wide."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from certify.files.text import path_name
from certify.problem.objective import Bias, Objective, Reduction
from certify.report.near import near_entries
from certify.report.numbers import GAP_DIGITS, difference, excess, ratio, rounded_down, rounded_up, shortest, with_error
from certify.report.record import CheckRecord, FileRecord
from certify.report.stationarity import neuron_table, stationarity_lines
from certify.report.training import training_sentence
from certify.verdict import Decision, Direction, SameWidth, Verdict, Witness

COLUMNS = 80
LABEL = 13
DIRECTION_DIGITS = 3
COLOURS = {Decision.CERTIFIED: "32", Decision.REFUTED: "31", Decision.INCONCLUSIVE: "33"}

_BIAS_WORDS = {Bias.NONE: "none", Bias.PENALIZED: "penalized", Bias.FREE: "free (not penalized)"}


def verdict_line(verdict: Verdict, colour: bool = False) -> str:
    """`CERTIFIED gap<=3.1e-06 (relative 2.0e-06, eps 1e-04)`, and its like for the other two verdicts."""
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
        lines.extend(_entry(label, text))
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
    return f"gap<={rounded_up(gap, GAP_DIGITS)} (relative {relative}, {eps})"


def _entries(record: CheckRecord) -> Iterator[tuple[str, str]]:
    verdict = record.verdict
    if record.training is not None:
        yield "network", training_sentence(record.training, verdict)
    yield from _objective_entries(record.objective, verdict.samples, record.weighted)
    yield "value", f"F = {with_error(verdict.value.lower, verdict.value.upper)}"
    yield "optimum", f"{rounded_down(verdict.optimum.lower)} <= P* <= {rounded_up(verdict.optimum.upper)}"
    yield "", "P* is the least F over two-layer ReLU networks of every width"
    yield from near_entries(verdict)
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
        yield from _file_entries("written" if record.training else "model", record.model)
    yield from _file_entries("data", record.data)


def _certificate_entries(record: CheckRecord) -> Iterator[tuple[str, str]]:
    if record.certificate_file is not None:
        yield "certificate", f"accepted by the checker, written to {path_name(record.certificate_file)}"
        if record.verdict.certificate_note:
            yield "", record.verdict.certificate_note


def _objective_entries(objective: Objective, samples: int, weighted: bool) -> Iterator[tuple[str, str]]:
    over = f"1/{samples} sum" if objective.reduction is Reduction.MEAN else "sum"
    yield "objective", f"F = {over}_i {'w_i ' if weighted else ''}{objective.loss.function.formula}"
    yield "", "    without weight decay" if objective.undecayed else f"    + {_penalty(objective)}"
    combined = "averaged" if objective.reduction is Reduction.MEAN else "summed"
    words, activation = objective.loss.function.words, objective.activation.name
    yield "", f"{words}, {combined} over {_count(samples, 'sample')}, {activation}"
    yield "", f"hidden bias {_BIAS_WORDS[objective.hidden_bias]}, output bias {_BIAS_WORDS[objective.output_bias]}"


def _penalty(objective: Objective) -> str:
    squares: dict[float, list[str]] = {}  # of one decay, in order
    for number, layer in enumerate(objective.layers, start=1):
        biases = [f"|b{number}|^2"] * (layer.bias is Bias.PENALIZED)
        squares.setdefault(layer.decay, []).extend([f"|W{number}|^2", *biases])
    return " + ".join(f"{shortest(decay)}/2 ({' + '.join(terms)})" for decay, terms in squares.items())


def _width(verdict: Verdict) -> str:
    text = f"{_count(verdict.width, 'neuron')}, {_count(verdict.inputs, 'input')}, rank {verdict.rank}"
    return text + (f"; needed: {_count(verdict.width_needed, 'neuron')}" if verdict.width_needed is not None else "")


def _witness_entries(verdict: Verdict, witness: Witness) -> Iterator[tuple[str, str]]:
    decrease = difference(verdict.value.lower, witness.value.upper)
    value = with_error(witness.value.lower, witness.value.upper)
    yield "witness", f"{witness.kind}, width {witness.width}"
    yield "", f"F = {value}, lower by {rounded_down(decrease, GAP_DIGITS)}"
    if witness.direction is not None:
        yield "direction", _direction(witness.direction)


def _direction(direction: Direction) -> str:
    moving = f"moves {_count(len(direction.neurons), 'neuron')} of the network"
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
    nodes, threads = _count(search.nodes, "node"), _count(search.threads, "thread")
    cost = f"{nodes}, {search.seconds:.2f} s, {threads}, {search.peak_memory_mb:.0f} MB"
    return f"{search.method}: {cost}"


def _same_width_entries(search: SameWidth) -> Iterator[tuple[str, str]]:
    best = with_error(search.best.lower, search.best.upper)
    yield "same width", f"best of {_count(search.starts, 'start')}: F = {best}"
    yield (
        "",
        f"reached by {search.reached} of {_count(search.lines, 'independent line')} of descents, {search.seconds:.2f} s",
    )


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'s' * (number != 1)}"


def _file_entries(label: str, file: FileRecord) -> Iterator[tuple[str, str]]:
    yield label, f"{path_name(file.path)} ({file.format})"
    yield "sha256", file.sha256


def _entry(label: str, text: str) -> list[str]:
    # Long paths stay whole, so that they can be copied.
    return textwrap.wrap(
        text,
        COLUMNS,
        initial_indent=label.ljust(LABEL),
        subsequent_indent=" " * LABEL,
        break_on_hyphens=False,
        break_long_words=False,
    )
