"""What `certify stationary` found out, for people: a line with the kind of point, a block, and a table of the neurons."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from certify.landscape.stationary.kinks import Kink
from certify.landscape.stationary.neighbourhood import Neighbourhood
from certify.landscape.stationary.report import Kind, NeuronReport, StationaryReport
from certify.problem.objective import Objective
from certify.report.layout import COLUMNS, count, entry, file_entries, objective_entries
from certify.report.numbers import GAP_DIGITS, excess, ratio, rounded_down, rounded_up, shortest, with_error
from certify.report.record import FileRecord
from certify.report.stationarity import stationarity_lines
from certify.verdict import Bounds, Direction

COLOURS = {Kind.GLOBAL: "32", Kind.NOT_STATIONARY: "33"}
PROVED = (Kind.LOCAL_MINIMUM, Kind.STRICT_LOCAL_MINIMUM, Kind.GLOBAL)  # of what is around them
_MOST_NEURONS = 20
_MOST_KINKS = 4
_KINKS_FROM = 52  # the column at which they begin


def kind_line(report: StationaryReport, colour: bool = False) -> str:
    """`STRICT-LOCAL-MINIMUM radius 0.265 (tolerance 1e-06, eps 1e-04)`: stable, to be read by programs too."""
    word = report.kind.value.upper()
    if colour:
        word = f"\033[1;{COLOURS.get(report.kind, '36')}m{word}\033[0m"
    near = report.near
    radius = f"radius {rounded_down(near.radius, 3)} " if near is not None and report.kind in PROVED else ""
    return f"{word} {radius}(tolerance {shortest(report.tolerance)}, eps {shortest(report.eps)})"


def stationary_text(
    report: StationaryReport,
    objective: Objective,
    samples: int,
    files: tuple[FileRecord, FileRecord],
    weighted: bool,
    verbose: bool = False,
    colour: bool = False,
) -> str:
    """The line, the block, and the neurons: all of them with `verbose`, else the first twenty."""
    lines = [kind_line(report, colour), *textwrap.wrap(report.note, COLUMNS), ""]
    for label, text in _entries(report):
        lines.extend(entry(label, text))
    for label, text in objective_entries(objective, samples, weighted):
        lines.extend(entry(label, text))
    for label, file in zip(("model", "data"), files, strict=True):
        for name, text in file_entries(label, file):
            lines.extend(entry(name, text))
    lines += ["", *_table(report, verbose)]
    return "\n".join(lines) + "\n"


def _entries(report: StationaryReport) -> Iterator[tuple[str, str]]:
    yield "value", f"F = {with_error(report.value.lower, report.value.upper)}"
    yield "optimum", f"P* >= {rounded_down(report.optimum.lower)}, over every width"
    yield (
        "gain",
        f"{rounded_down(report.gain.lower)} <= M(nu) <= {rounded_up(report.gain.upper)}, beta = {shortest(report.beta)}",
    )
    yield from zip(["stationarity", "", "", "", ""], stationarity_lines(report.stationarity), strict=False)
    if report.near is not None and report.kind in PROVED:
        yield from zip(["near", "", ""], _near(report.value, report.near), strict=False)
    yield from zip(["own patterns", "", ""], _own(report), strict=False)
    yield "theorem", report.theorem
    if report.nearby is not None:
        point = report.nearby
        yield "nearby", f"{point.kind.value}, F = {with_error(point.value.lower, point.value.upper)}"
        yield (
            "",
            f"{rounded_up(point.distance, GAP_DIGITS)} away, relative to all parameters; residual {rounded_up(point.residual, GAP_DIGITS)}",
        )
        yield "", point.note
    if report.descent is not None:
        yield "descent", _descent(report.descent, report.revived)
    yield "search", f"{report.seconds:.2f} s"


def _near(value: Bounds, near: Neighbourhood) -> Iterator[str]:
    below = rounded_up(excess(value.upper, near.lower), GAP_DIGITS)
    yield f"no network within {rounded_down(near.radius, 6)} is lower by more than {below}"
    if near.neuron is not None:
        limit = "its output weight's sign" if near.sample is None else f"the kink of sample {near.sample}"
        yield f"(limited by neuron {near.neuron}: {limit})"


def _own(report: StationaryReport) -> Iterator[str]:
    own, pairs = report.own, report.pairs
    yield f"{rounded_down(own.lower)} <= P(own) <= {rounded_up(own.upper)}, {count(pairs, '(pattern, sign) pair')}"
    above = ratio(excess(report.value.upper, own.lower), report.value.lower)
    yield f"F is at most {rounded_up(100 * above, GAP_DIGITS)} % above the optimum of the network's own patterns"


def _descent(direction: Direction, revived: int | None) -> str:
    how = (
        f"revives neuron {revived}; F changes by {direction.rate:.3g} t^2 at first"
        if revived is not None
        else f"moves {count(len(direction.neurons), 'neuron')}; initial slope {direction.rate:.3g}"
    )
    return f"{how}; step {direction.step:.3g} lowers F by {rounded_down(direction.decrease, 3)}"


def _table(report: StationaryReport, verbose: bool) -> Iterator[str]:
    yield "neuron  kind    balance  activity  slope    falls    kinks: samples (multiplier)"
    shown = report.neurons if verbose else report.neurons[:_MOST_NEURONS]
    for j, neuron in enumerate(shown):
        numbers = (rounded_up(x, GAP_DIGITS) for x in (neuron.balance, neuron.activity, neuron.residual))
        balance, activity, slope = numbers
        falls = f"{neuron.descent.lower:.2g}"
        line = f"{j:>6}  {neuron.kind.value:<6}  {balance:<7}  {activity:<8}  {slope:<7}  {falls:<7}  {_kinks(neuron, verbose)}"
        yield from textwrap.wrap(line.rstrip(), COLUMNS, subsequent_indent=" " * _KINKS_FROM, break_on_hyphens=False)
    if len(shown) < len(report.neurons):
        yield f"        ... {len(report.neurons) - len(shown)} more (-v)"


def _kinks(neuron: NeuronReport, verbose: bool) -> str:
    shown = neuron.kinks if verbose else neuron.kinks[:_MOST_KINKS]
    more = f", ... ({len(neuron.kinks)} in all)" if len(shown) < len(neuron.kinks) else ""
    return ", ".join(map(_kink, shown)) + more


def _kink(kink: Kink) -> str:
    samples = "=".join(map(str, kink.samples[:3])) + ("=..." if len(kink.samples) > 3 else "")
    return samples if kink.multiplier is None else f"{samples} ({kink.multiplier:.3g})"
