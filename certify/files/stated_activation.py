"""An activation that a file states beside its arrays: ReLU is what is decided, anything else is refused, nothing is passed over.

Such a statement is a text: an array or an HDF5 attribute of that name (`activation`, `hidden_act`, `nonlinearity`, ...), or a
setting inside another text (a configuration as JSON, as Python prints a dictionary, or as key = value).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from certify.errors import UnsupportedModel
from certify.files.container import NPZ, Container, StoredArray
from certify.files.stated import StatedObjective
from certify.files.text import printable
from certify.problem.objective import Loss

MOST_TEXTS = 64  # entries of one array of texts
LONGEST_TEXT = 1 << 16
NAME = re.compile(
    r"(?i)(?:^|[^a-z])(?:\w*activations?|(?:hidden|out|output|final)?_?act)(?:_?(?:fn|func|function|name))?_?\d*$|nonlinearity"
)
SETTING = re.compile(
    r"(?i)[\"']?(\w*activation(?:_?(?:fn|func|function|name))?|\w*nonlinearity|hidden_act)[\"']?\s*[:=]\s*"
    r"(?:\[([^\]]{0,200})\]|[\"']?([^\"',;{}\n]{1,80}))"
)
OUTPUT = re.compile(r"(?i)out|last|final")
RELU = frozenset({"relu", "rectifier", "rectified_linear", "rectified linear", "rectifiedlinear"})
LINEAR = frozenset({"linear", "identity", "none", "id", "null", ""})
SIGMOID = frozenset({"sigmoid", "logistic"})


@dataclass(frozen=True, slots=True)
class Statement:
    """One activation that is stated: of the output layer or of the hidden one, in which words, and where."""

    output: bool
    words: str
    where: str


@dataclass(frozen=True, slots=True)
class StatedActivation:
    """What follows for the model: keys of arrays that are statements, a sigmoid's loss, and notes."""

    keys: frozenset[str]
    stated: StatedObjective
    notes: tuple[str, ...]

    def without_statements(self, container: Container) -> Container:
        """The container with its other arrays alone."""
        return replace(container, arrays={k: a for k, a in container.arrays.items() if k not in self.keys})


def stated_activation(container: Container, given: str | None = None) -> StatedActivation:
    """Every activation that an npz or HDF5 file of plain arrays states.

    given: --activation; relu overrides what the file says of the hidden layer, and that is noted.
    Raises UnsupportedModel for a hidden layer that is not ReLU, and for an output that is neither linear nor a sigmoid.
    """
    notes, stated = [], StatedObjective()
    for statement in statements(container):
        word = canonical(statement.words)
        if statement.output:
            stated = _output(statement, word, stated)
            continue
        if word in RELU:
            continue
        found = f"{statement.where} states the activation {printable(statement.words)!r}"
        if given is None:
            raise UnsupportedModel(f"{found}; supported: relu (--activation relu overrides it)")
        notes.append(f"activation: {given} (the options) overrides {printable(statement.words)!r} ({statement.where})")
    return StatedActivation(frozenset(_named_arrays(container)), stated, tuple(notes))


def _output(statement: Statement, word: str, before: StatedObjective) -> StatedObjective:
    if word in LINEAR:
        return before
    if word in SIGMOID:
        return StatedObjective(only_loss=Loss.LOGISTIC)
    raise UnsupportedModel(
        f"{statement.where} states the output activation {printable(statement.words)!r}; supported: linear, or sigmoid with"
        " --loss logistic"
    )


def canonical(words: str) -> str:
    """`relu` of nn.ReLU(), torch.nn.functional.relu or jax.nn.relu; arguments but `inplace` keep it from being one."""
    text = re.sub(r"(?i)\((\s*inplace\s*=\s*(true|false)\s*)?\)$", "", words.strip().strip("\"'"))
    text = re.sub(r"^<(?:function|class|built-in (?:function|method)) '?([\w.]+).*>$", r"\1", text)
    return text.rsplit(".", 1)[-1].strip().lower()


def statements(container: Container) -> Iterator[Statement]:
    """Every statement, in the order of the file."""
    for name, texts in _texts(container):
        where, last = repr(printable(name)), re.split(r"[/.]", name)[-1]
        if NAME.search(last):
            yield from _listed(texts, bool(OUTPUT.search(last)), where)
            continue
        for text in texts:
            for setting, listed, single in SETTING.findall(text):
                words = [w.strip().strip("\"'") for w in listed.split(",")] if listed else [single.strip()]
                yield from _listed(words, bool(OUTPUT.search(setting)), where)


def _listed(words: list[str], output: bool, where: str) -> Iterator[Statement]:
    """One word is of the layer that the name says, hidden unless it speaks of the output; of several the last is the output's."""
    for i, word in enumerate(words):
        yield Statement(output or (len(words) > 1 and i == len(words) - 1), word, where)


def _texts(container: Container) -> Iterator[tuple[str, list[str]]]:
    yield from ((name, list(texts)) for name, texts in container.texts.items())
    if container.kind != NPZ:
        return
    for key, stored in container.arrays.items():
        if _is_short(stored):
            values = stored.fetch().ravel().tolist()
            yield key, [v.decode("utf-8", "replace") if isinstance(v, bytes) else str(v) for v in values]
        elif _is_text(stored) and _speaks(key):
            yield key, [f"texts of shape {stored.shape} and type {stored.dtype}"]


def _named_arrays(container: Container) -> Iterator[str]:
    """Keys of arrays whose name says that they state an activation."""
    for key, stored in container.arrays.items():
        if _speaks(key) and (_is_text(stored) or key in container.texts):
            yield key


def _speaks(key: str) -> bool:
    """Whether the last part of a name is one for an activation."""
    return NAME.search(re.split(r"[/.]", key)[-1]) is not None


def _is_text(stored: StoredArray) -> bool:
    """An npz array of texts or bytes."""
    return stored.dtype.lstrip("<>|=")[:1] in ("U", "S")


def _is_short(stored: StoredArray) -> bool:
    """A text that is worth reading."""
    size = stored.dtype.lstrip("<>|=")[1:]
    count = math.prod(stored.shape)
    return _is_text(stored) and size.isdecimal() and count <= MOST_TEXTS and count * int(size) <= LONGEST_TEXT
