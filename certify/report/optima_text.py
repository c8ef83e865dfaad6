"""All optima as text: one stable line, then a table and a short block, at most 80 columns wide."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

import numpy as np

from certify.files.text import path_name
from certify.landscape.answers import Answers, Block
from certify.landscape.components import WidthComponents
from certify.landscape.landscape import Landscape
from certify.landscape.polytope import RANK_TOLERANCE
from certify.report.layout import COLUMNS, entry, file_entries, objective_entries
from certify.report.numbers import GAP_DIGITS, excess, ratio, rounded_down, rounded_up, with_error
from certify.report.optima import OptimaRecord
from certify.report.optima_json import presence
from certify.report.training import neurons

_HEADER = ("", "sign", "gain/beta", "on", "least", "largest", "optima")
_MOST_DIRECTIONS, _MOST_STEPS, _MOST_INPUTS, _MOST_NAMED = 60, 12, 20, 6
_DIGITS = 8
COLOURS = {"unique": "32", "many": "32"}


def answer_line(record: OptimaRecord, colour: bool = False) -> str:
    """`MANY optima: 3 directions, 2 vertices, m* = 1, M* = 2`, and its like for the other answers."""
    word = record.answer.upper().replace("-", " ")
    if colour:
        word = f"\033[1;{COLOURS.get(record.answer, '33')}m{word}\033[0m"
    if record.answers is None:
        return f"{word}, because {record.landscape.not_covered}"
    return f"{word} {_counts(record.answers)}"


def optima_text(record: OptimaRecord, colour: bool = False) -> str:
    """The answer, the table of directions, and the block."""
    lines = [*textwrap.wrap(answer_line(record, False), COLUMNS)]
    if colour:
        lines[0] = lines[0].replace(
            record.answer.upper().replace("-", " "), answer_line(record, True).split("\033[0m")[0] + "\033[0m", 1
        )
    lines += [*textwrap.wrap(_explanation(record), COLUMNS), ""]
    if record.answers is not None and record.landscape.units.size:
        lines += [*_table(record, record.answers), ""]
    for label, text in _entries(record):
        lines += entry(label, text)
    return "\n".join(lines) + "\n"


def _counts(answers: Answers) -> str:
    directions, vertices = len(answers.polytope.membership), len(answers.polytope.vertices)
    found = "" if answers.polytope.complete else "at least "
    thing = "segment" if len(answers.landscape.units) > directions else "direction"
    return (
        f"{directions} {thing}{'s' * (directions != 1)}, {found}{vertices} {'vertex' if vertices == 1 else 'vertices'}, "
        f"m* {_enclosed(answers.least_width)}, M* {_enclosed(answers.greatest_width)}"
    )


def _enclosed(bounds: tuple[int, int]) -> str:
    return f"= {bounds[0]}" if bounds[0] == bounds[1] else f"in {bounds[0]}..{bounds[1]}"


def _explanation(record: OptimaRecord) -> str:
    if record.answer == "unique":
        if record.answers is not None and record.answers.least_width[1] == 0:
            return "the zero network is the only optimum"
        return "the optimum is unique up to splitting and permuting neurons"
    if record.answer == "many":
        same = record.answers is not None and record.answers.same_function
        return f"the optima are {'all one function of x' if same else 'different functions of x, alike on the data'}"
    if record.answer == "ambiguous":
        return "some directions may be optimal or not: both answers are below"
    if record.answer == "incomplete":
        return "further optimal directions are not excluded: counts are of those listed"
    return "bounds on the optimum and R are below; no optimal direction is counted"


def _table(record: OptimaRecord, answers: Answers) -> list[str]:
    landscape, given = record.landscape, record.model
    least, largest = answers.polytope.least, answers.polytope.largest
    shown, segments = min(len(record.blocks), _MOST_DIRECTIONS), any(block.biases for block in record.blocks)
    rows: list[tuple[str, ...]] = [(*_HEADER, "biases") if segments else _HEADER]
    for k, block in enumerate(record.blocks[:shown]):
        cells = (
            str(k + 1),
            "+" if block.sign > 0 else "-",
            f"{block.gain / landscape.beta:.10g}" + "?" * block.doubtful,
            f"{int(np.sum(record.patterns[k]))}/{record.samples}",
            f"{least[k]:.{_DIGITS}g}",
            f"{largest[k]:.{_DIGITS}g}",
            presence(least[k], largest[k]),
        )
        rows.append((*cells, _biases(block)) if segments else cells)
    widths = [max(len(row[j]) for row in rows) for j in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    if given is not None:
        room = COLUMNS - len(lines[0]) - 2
        own = [np.flatnonzero(given.directions == k).tolist() for k in range(shown)]
        lines = [
            f"{line}  {cell}" for line, cell in zip(lines, ["neurons", *(_fitted(o, room) for o in own)], strict=True)
        ]
    left = len(record.blocks) - _MOST_DIRECTIONS
    lines = [line.rstrip() for line in lines]
    return [*lines, f"... and {left} more: --format json has all"] if left > 0 else lines


def _biases(block: Block) -> str:
    """`0.25`, `0.25 to 1.5` or `from 0.25 on`: of the direction with |w| = 1."""
    low, high = block.biases or (0.0, 0.0)
    if high is None:
        return f"from {low:.4g} on"
    return f"{low:.4g} to {high:.4g}" if high > low else f"{low:.4g}"


def _fitted(items: list[int], room: int) -> str:
    """As many of the items as the room holds, and how many they are where it does not hold all."""
    return next(
        (text for most in range(len(items), -1, -1) if len(text := _named(items, most)) <= room), f"({len(items)})"
    )


def _named(items: list[int], most: int = _MOST_NAMED) -> str:
    shown = ", ".join(map(str, items[:most]))
    return shown + (f", ... ({len(items)})" if len(items) > most else "")


def _entries(record: OptimaRecord) -> Iterator[tuple[str, str]]:
    landscape, answers = record.landscape, record.answers
    yield from objective_entries(record.objective, record.samples, record.weighted)
    yield "optimum", f"{rounded_down(landscape.lower)} <= P* <= {rounded_up(landscape.upper)}"
    yield "", "P* is the least F over two-layer ReLU networks of every width"
    if answers is not None:
        yield from _direction_entries(landscape)
        yield from _answer_entries(answers, record.most_vertices)
        yield "attained", "yes"
    if record.other is not None:
        yield "or else", f"without the doubtful directions (?): {_counts(record.other)}"
        yield from _component_entries(record.other)
    yield from _data_entries(landscape)
    yield from _given_entries(record)
    yield from _prediction_entries(record)
    for each in record.exported:
        yield "written", f"{path_name(each.file)} ({each.which}, {neurons(each.width)})"
        if each.loss is not None and each.largest_loss is not None:
            yield (
                "",
                f"loss there {each.loss:.{_DIGITS}g}; the largest of a vertex known {each.largest_loss:.{_DIGITS}g}",
            )
    if record.moved is not None and record.model is not None:
        before, after = (with_error(value.lower, value.upper) for value in (record.model.value, record.moved.value))
        yield "moved", f"{path_name(record.moved.file)}, {neurons(record.moved.width)}: {' '.join(record.moved.moves)}"
        yield "", f"F = {before} before, {after} after"
    if record.saved is not None:
        yield "landscape", f"written to {path_name(record.saved)}"
    if record.loaded is not None:
        yield "landscape", f"read from {path_name(record.loaded)}"
    yield "search", f"{landscape.method or 'none'}: {landscape.nodes} nodes, {record.seconds:.2f} s"
    if record.model is not None:
        yield from file_entries("model", record.model.file)
    yield from file_entries("data", record.data)


def _direction_entries(landscape: Landscape) -> Iterator[tuple[str, str]]:
    uncertain = rounded_up(ratio(landscape.slack, landscape.beta), GAP_DIGITS)
    if not landscape.complete:
        yield "directions", f"not proved to be all; gains are known to {uncertain} beta"
        return
    count, most = int(np.max(landscape.blocks, initial=-1)) + 1, "" if landscape.method == "patterns" else "at most "
    listed = f"{count} direction{'s' * (count != 1)}; " if count else "no direction; "
    yield "directions", f"{listed}the next best reaches {most}{_below_one(landscape)} beta: the list is complete"
    yield "", f"gains are known to {uncertain} beta"
    doubtful = int(np.sum(landscape.doubtful))
    if doubtful:
        yield "", f"{doubtful} of them (?) differ{'s' * (doubtful == 1)} from beta by less than that: optimal or not"


def _below_one(landscape: Landscape) -> str:
    """The largest gain left out, with as many digits as it takes to tell it from beta."""
    share = ratio(landscape.next_best, landscape.beta)
    shown = (rounded_up(share, digits) for digits in range(4, 17))
    return next((text for text in shown if float(text) < 1), rounded_up(share, 17))


def _answer_entries(answers: Answers, most_vertices: int) -> Iterator[tuple[str, str]]:
    polytope = answers.polytope
    vertices = len(polytope.vertices)
    found = "all" if polytope.complete else f"at least, stopped at --vertices {most_vertices}"
    yield (
        "polytope",
        f"dimension {polytope.dimension}; {vertices} {'vertex' if vertices == 1 else 'vertices'} ({found})",
    )
    rank = polytope.rank
    yield (
        "rank(A)",
        f"{rank.rank}, at tolerance {RANK_TOLERANCE:g}: singular values kept down to {rank.kept:.2g}, dropped from {rank.dropped:.2g}",
    )
    yield "width", f"m* {_enclosed(answers.least_width)}: the fewest neurons of an optimum"
    yield "", f"M* {_enclosed(answers.greatest_width)}: the most, where none can be removed"
    yield from _component_entries(answers)


def _component_entries(answers: Answers) -> Iterator[tuple[str, str]]:
    stairs = answers.staircase
    if stairs is None:
        yield "components", f"one for every width from {answers.connected_until} on; not counted below"
        return
    steps = stairs.steps
    shown = steps if len(steps) <= _MOST_STEPS else (*steps[: _MOST_STEPS - 1], steps[-1])
    for step in shown:
        last = " and more" if step is steps[-1] else ""
        yield "components" if step is steps[0] else "", f"width {step.width}{last}: {_step(step)}"
    if len(shown) < len(steps):
        yield "", f"{len(steps) - len(shown)} widths between are left out: --format json has all"
    yield "connected", f"from width {stairs.connected_from} on"


def _step(step: WidthComponents) -> str:
    parts = []
    if step.isolated:
        each = f" of {step.width}! networks" if step.total > step.isolated + step.continua else ""
        parts.append(f"{step.isolated} isolated class{'es' * (step.isolated != 1)}{each}")
    if step.continua:
        parts.append(f"{step.continua} continu{'a' if step.continua != 1 else 'um'}")
    return f"{', '.join(parts) or 'none'}; {step.total} in all"


def _data_entries(landscape: Landscape) -> Iterator[tuple[str, str]]:
    rank = landscape.rank
    yield "R", f"{rank.rank}: dimension of what networks of every width can predict"
    if landscape.unweighted.size:
        yield "", f"samples of weight 0, left out: {_named(landscape.unweighted.tolist())}"
    if rank.zero_rows:
        yield "", f"samples without input, which no neuron sees: {_named(list(rank.zero_rows))}"
    for k, ray in enumerate(rank.same_ray[:_MOST_NAMED]):
        more = f" (and {len(rank.same_ray) - _MOST_NAMED} more groups)" * (
            k == _MOST_NAMED - 1 < len(rank.same_ray) - 1
        )
        yield "", f"samples on one ray, merged: {_named(list(ray))}{more}"


def _given_entries(record: OptimaRecord) -> Iterator[tuple[str, str]]:
    given = record.model
    if given is None:
        return
    above = excess(given.value.upper, record.landscape.lower)
    yield "given", f"F = {with_error(given.value.lower, given.value.upper)}"
    yield "", f"above P* by at most {rounded_up(above, GAP_DIGITS)}"
    if record.answers is not None:
        dead, along = int(np.sum(given.masses == 0)), int(np.sum(given.directions >= 0))
        others = len(given.masses) - dead - along
        yield (
            "",
            f"{neurons(len(given.masses))}: {along} along optimal directions, {others} along none, {dead} without weight",
        )


def _prediction_entries(record: OptimaRecord) -> Iterator[tuple[str, str]]:
    found = record.predictions
    if found is None:
        return
    count = len(found.least)
    yield "predictions", f"{path_name(found.file)}: least and largest over all optima"
    for k in range(min(count, _MOST_INPUTS)):
        yield "", f"{k}: {found.least[k]:.{_DIGITS}g} .. {found.largest[k]:.{_DIGITS}g}"
    if count > _MOST_INPUTS:
        yield "", f"... and {count - _MOST_INPUTS} more: --format json has all"
    spread = float(np.max(found.largest - found.least, initial=0.0))
    yield "", f"largest spread {spread:.{_DIGITS}g}"
    if found.labels:
        yield "", f"labels that the optima do not agree on: {int(np.sum(found.open))} of {count}"
