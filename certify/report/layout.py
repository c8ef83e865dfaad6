"""What the text of several commands is made of: labelled lines of at most 80 columns, the objective, the files."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from certify.files.text import path_name
from certify.problem.objective import Bias, Objective, Reduction
from certify.report.numbers import shortest
from certify.report.record import FileRecord

COLUMNS = 80
LABEL = 13

_BIAS_WORDS = {Bias.NONE: "none", Bias.PENALIZED: "penalized", Bias.FREE: "free (not penalized)"}


def objective_entries(objective: Objective, samples: int, weighted: bool) -> Iterator[tuple[str, str]]:
    """The lines that state what was minimised."""
    over = f"1/{samples} sum" if objective.reduction is Reduction.MEAN else "sum"
    yield "objective", f"F = {over}_i {'w_i ' if weighted else ''}{objective.loss.function.formula}"
    yield "", "    without weight decay" if objective.undecayed else f"    + {_penalty(objective)}"
    combined = "averaged" if objective.reduction is Reduction.MEAN else "summed"
    words, activation = objective.loss.function.words, objective.activation.name
    yield "", f"{words}, {combined} over {count(samples, 'sample')}, {activation}"
    yield "", f"hidden bias {_BIAS_WORDS[objective.hidden_bias]}, output bias {_BIAS_WORDS[objective.output_bias]}"


def _penalty(objective: Objective) -> str:
    squares: dict[float, list[str]] = {}  # of one decay, in order
    for number, layer in enumerate(objective.layers, start=1):
        biases = [f"|b{number}|^2"] * (layer.bias is Bias.PENALIZED)
        squares.setdefault(layer.decay, []).extend([f"|W{number}|^2", *biases])
    return " + ".join(f"{shortest(decay)}/2 ({' + '.join(terms)})" for decay, terms in squares.items())


def file_entries(label: str, file: FileRecord) -> Iterator[tuple[str, str]]:
    """A file and the hash of its bytes."""
    yield label, f"{path_name(file.path)} ({file.format})"
    yield "sha256", file.sha256


def entry(label: str, text: str) -> list[str]:
    """The text behind its label, wrapped; the label is said once."""
    # Long paths stay whole, so that they can be copied.
    return textwrap.wrap(
        text,
        COLUMNS,
        initial_indent=label.ljust(LABEL),
        subsequent_indent=" " * LABEL,
        break_on_hyphens=False,
        break_long_words=False,
    )


def count(number: int, thing: str) -> str:
    """`1 neuron`, `2 neurons`."""
    return f"{number} {thing}{'s' * (number != 1)}"
