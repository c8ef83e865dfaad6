"""What a file holds and how it is read, for `certify inspect`: the same facts as text and as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np

from certify.errors import InputError
from certify.files.container import Container
from certify.files.data import StoredDataset, known_pairs, load_dataset
from certify.files.keras_hdf5 import is_keras
from certify.files.model import StoredModel, load_model
from certify.files.naming import names_a_parameter, recognise_names
from certify.files.opening import open_container
from certify.files.stated import PARTS, StatedObjective
from certify.files.text import path_name, printable, shape_text

NOT_STATED = "not stated"


class FileKind(StrEnum):
    """What a file turned out to be."""

    MODEL = "model"
    DATA = "data"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Description:
    """One inspected file. facts: (label, value) with values that JSON can hold; error: the one line of a refusal."""

    path: str
    kind: FileKind
    facts: tuple[tuple[str, object], ...] = ()
    cautions: tuple[str, ...] = ()
    error: str | None = None

    def lines(self) -> tuple[str, ...]:
        """Text, a line an entry, the file's name first."""
        if self.error is not None:
            return (f"{path_name(self.path)}: {self.kind}", f"  error: {self.error}")
        body = [f"  {line}" for label, value in self.facts for line in fact_lines(label, value)]
        return (f"{path_name(self.path)}: {self.kind}", *body, *(f"  caution: {text}" for text in self.cautions))

    def as_dict(self) -> dict[str, object]:
        """JSON: the facts under their labels, with path, kind, cautions and error."""
        facts = {label.replace(" ", "_"): value for label, value in self.facts}
        return {
            "path": self.path,
            "kind": str(self.kind),
            **facts,
            "cautions": list(self.cautions),
            "error": self.error,
        }


def fact_lines(label: str, value: object) -> list[str]:
    """A fact as lines: plain values on one, lists of records and dictionaries on one each."""
    if isinstance(value, dict):
        return [f"{label} {key.replace('_', ' ')}: {record_text(item)}" for key, item in value.items()]
    if isinstance(value, list):
        return [f"{label}: {record_text(item)}" for item in value]
    return [f"{label}: {value}"]


def record_text(item: object) -> str:
    """A record on one line, in the words of a reader."""
    if not isinstance(item, dict):
        return str(item)
    if "role" in item:
        turned = ", read transposed" if item["transposed"] else ""
        return f"{item['role']} = {printable(item['key'])} {shape_text(tuple(item['shape']))} {item['dtype']}{turned}"
    if "key" in item:
        return f"{printable(item['key'])} {shape_text(tuple(item['shape']))} {item['dtype']}, from {item['least']!r} to {item['greatest']!r}"
    value = item["value"] if item["value"] is not None else NOT_STATED
    detail = item.get("refused") or item.get("source")
    return f"{value} ({printable(detail, 300)})" if detail else str(value)


def describe_file(
    path: Path,
    mapping: Mapping[str, str] | None = None,
    inputs: int | None = None,
    x_key: str | None = None,
    y_key: str | None = None,
    activation: str | None = None,
) -> Description:
    """Describe a model or a data file, whichever its content says; never raises an InputError, it is part of the answer.

    mapping, inputs, activation: as for load_model; x_key, y_key: as for load_dataset.
    """
    path, kind = Path(path), FileKind.UNREADABLE
    try:
        with open_container(path) as container:
            kind = kind_of(container, mapping, x_key, y_key)
        if kind is FileKind.DATA:
            return describe_data(load_dataset(path, x_key, y_key))
        return describe_model(load_model(path, mapping, inputs, activation))
    except InputError as error:
        return Description(str(path), kind, error=str(error))


def describe_contents(
    path: Path,
    mapping: Mapping[str, str] | None = None,
    x_key: str | None = None,
    y_key: str | None = None,
    activation: str | None = None,
) -> tuple[Description, ...]:
    """As `describe_file`, and the model too of a file of data in which weights have their names."""
    found = describe_file(path, mapping, None, x_key, y_key, activation)
    if found.kind is not FileKind.DATA or not holds_weights(Path(path)):
        return (found,)
    try:
        return found, describe_model(load_model(path, activation=activation))
    except InputError as error:
        return found, Description(str(path), FileKind.MODEL, error=str(error))


def holds_weights(path: Path) -> bool:
    """Whether the arrays whose names are those of parameters settle a network's roles."""
    try:
        with open_container(path) as container:
            return not recognise_names({k: a.shape for k, a in container.arrays.items() if names_a_parameter(k)}).loose
    except InputError:
        return False


def kind_of(container: Container, mapping: Mapping[str, str] | None, x_key: str | None, y_key: str | None) -> FileKind:
    """Data when it holds the keys asked for, or a usual pair of names for samples and targets."""
    asked = [key.strip("/") for key in (x_key, y_key) if key is not None]
    if mapping or (not asked and is_keras(container)):
        return FileKind.MODEL
    is_data = bool(asked and all(key in container.arrays for key in asked)) or bool(known_pairs(container))
    return FileKind.DATA if is_data else FileKind.MODEL


def describe_model(model: StoredModel) -> Description:
    """A model: sizes, arrays, the objective as far as it is stated, hashes."""
    network = model.network
    arrays = [
        {"role": r.role, "key": r.key, "shape": list(r.shape), "dtype": r.dtype, "transposed": r.transposed}
        for r in model.reading
    ]
    facts = (
        ("format", model.format),
        ("inputs", network.inputs),
        ("width", network.width),
        ("outputs", network.outputs),
        ("activation", "relu"),
        ("arrays", arrays),
        ("objective", stated_facts(model.stated, network.hidden_bias is not None, network.output_bias is not None)),
        ("sha256", model.file_sha256),
        ("canonical sha256", model.canonical_sha256),
    )
    return Description(str(model.path), FileKind.MODEL, facts, model.notes)


def stated_facts(stated: StatedObjective, hidden_bias: bool, output_bias: bool) -> dict[str, object]:
    """Every part of the objective with where it was stated."""
    facts: dict[str, object] = {}
    for part in PARTS:
        absent = (part == "hidden_bias" and not hidden_bias) or (part == "output_bias" and not output_bias)
        value = "none" if absent else getattr(stated, part)
        entry = {"value": str(value) if isinstance(value, StrEnum) else value, "source": stated.source(part)}
        refusal = stated.refusal(part)
        facts[part] = entry | ({"refused": refusal} if refusal else {})
    return facts


def describe_data(data: StoredDataset) -> Description:
    """A data file: sizes, which arrays are used, ranges, hashes."""
    dataset, dtypes = data.dataset, dict(data.dtypes)
    used = [(data.x_key, dataset.X), (data.y_key, dataset.y), (data.weight_key, dataset.sample_weight)]
    facts = (
        ("format", data.format),
        ("samples", dataset.samples),
        ("inputs", dataset.inputs),
        ("outputs", dataset.y.shape[1]),
        (
            "arrays",
            [range_facts(key, dtypes[key], values) for key, values in used if key is not None and values is not None],
        ),
        ("sha256", data.file_sha256),
        ("canonical sha256", data.canonical_sha256),
    )
    return Description(str(data.path), FileKind.DATA, facts, data.notes)


def range_facts(key: str, dtype: str, values: np.ndarray) -> dict[str, object]:
    """Name, size and range of one array."""
    least, greatest = float(values.min()), float(values.max())
    return {"key": key, "shape": list(values.shape), "dtype": dtype, "least": least, "greatest": greatest}
