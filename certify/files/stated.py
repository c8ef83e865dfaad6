"""The objective as a file states it: every part is optional, and each remembers where it was stated."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from certify.errors import ObjectiveError, UnreadableFile
from certify.files.statement import ATTRIBUTE as LAYOUT_ATTRIBUTE
from certify.files.text import path_name, printable
from certify.problem.objective import Bias, Loss, Reduction

Choice = TypeVar("Choice", bound=StrEnum)
SIDECAR = "certify.toml"
SIDECAR_CAP = 1 << 20
SIDECAR_TABLES = ("objective", "check", "tool")  # the last two are settings of the command line
ATTRIBUTE_PREFIX = "certify/"
PARTS = ("loss", "reduction", "hidden_decay", "output_decay", "hidden_bias", "output_bias")
KEYS = ("loss", "reduction", "weight_decay", "hidden_decay", "output_decay", "penalize", "activation")
PENALIZE = {"weights": Bias.FREE, "all": Bias.PENALIZED}


@dataclass(frozen=True, slots=True)
class StatedObjective:
    """What one source (a file, the options) says about the objective; None where it is silent.

    hidden_decay, output_decay            d in F = L + d/2 |W|^2, layer by layer
    hidden_bias_decay, output_bias_decay  the same for a penalised bias, where the source gives it apart
    sources   (part, where it was stated)
    refusals  (part, why what is stated cannot be used); fatal unless another source overrides the part
    only_loss the one loss for which the stored output layer (a sigmoid) is meant
    """

    loss: Loss | None = None
    reduction: Reduction | None = None
    hidden_decay: float | None = None
    output_decay: float | None = None
    hidden_bias: Bias | None = None
    output_bias: Bias | None = None
    hidden_bias_decay: float | None = None
    output_bias_decay: float | None = None
    sources: tuple[tuple[str, str], ...] = ()
    refusals: tuple[tuple[str, str], ...] = ()
    only_loss: Loss | None = None

    def source(self, part: str) -> str | None:
        """Where a part was stated."""
        return dict(self.sources).get(part)

    def refusal(self, part: str) -> str | None:
        """Why a stated part cannot be used."""
        return dict(self.refusals).get(part)


def over(strong: StatedObjective, weak: StatedObjective) -> StatedObjective:
    """Part by part: what `strong` says, else what `weak` says."""
    chosen = {part: weak if speaks(weak, part) and not speaks(strong, part) else strong for part in PARTS}
    values: dict[str, Any] = {part: getattr(origin, part) for part, origin in chosen.items()}
    for layer in ("hidden", "output"):
        # a bias's own decay belongs to the source of its layer's decay
        owner = chosen[f"{layer}_decay"]
        same_owner = owner is chosen[f"{layer}_bias"]
        values[f"{layer}_bias_decay"] = getattr(owner, f"{layer}_bias_decay") if same_owner else None
    sources = [(part, source) for part, origin in chosen.items() if (source := origin.source(part))]
    refusals = [(part, refusal) for part, origin in chosen.items() if (refusal := origin.refusal(part))]
    only_loss = strong.only_loss or weak.only_loss
    return StatedObjective(**values, sources=tuple(sources), refusals=tuple(refusals), only_loss=only_loss)


def speaks(stated: StatedObjective, part: str) -> bool:
    """Whether a source says anything about a part, be it only something that cannot be used."""
    return getattr(stated, part) is not None or stated.refusal(part) is not None


def from_entries(entries: Mapping[str, object], where: str) -> StatedObjective:
    """An objective in certify's own words: loss, reduction, weight_decay (or hidden_decay, output_decay), penalize.

    Raises ObjectiveError for an unknown key or a value that is not allowed.
    """
    values = {str(key).replace("-", "_"): value for key, value in entries.items()}
    unknown = [key for key in values if key not in KEYS]
    if unknown or len(values) < len(entries):
        raise ObjectiveError(
            f"{where}: unknown or repeated key {printable((unknown or list(entries))[0])!r}; known: {', '.join(KEYS)}"
        )
    refuse_contradictions(values, where)
    both = decay(values, "weight_decay", where)
    bias = PENALIZE[choice(values["penalize"], PENALIZE, "penalize", where)] if "penalize" in values else None
    stated: dict[str, Any] = {
        "loss": member(values, "loss", Loss, where),
        "reduction": member(values, "reduction", Reduction, where),
        "hidden_decay": both if both is not None else decay(values, "hidden_decay", where),
        "output_decay": both if both is not None else decay(values, "output_decay", where),
        "hidden_bias": bias,
        "output_bias": bias,
    }
    sources = tuple((part, where) for part, value in stated.items() if value is not None)
    return StatedObjective(**stated, sources=sources)


def refuse_contradictions(values: Mapping[str, object], where: str) -> None:
    """weight_decay stands for both layers; and ReLU is the one activation so far."""
    if "weight_decay" in values and ("hidden_decay" in values or "output_decay" in values):
        raise ObjectiveError(f"{where}: give weight_decay, or hidden_decay and output_decay, not both")
    if values.get("activation", "relu") != "relu":
        raise ObjectiveError(f"{where}: activation {printable(values['activation'])!r}; supported: relu")


def member(values: Mapping[str, object], key: str, kind: type[Choice], where: str) -> Choice | None:
    """An enum's member by its value, or None when the key is absent."""
    return kind(choice(values[key], [str(item) for item in kind], key, where)) if key in values else None


def choice(value: object, allowed: Iterable[str], key: str, where: str) -> str:
    """A word out of a list."""
    words = list(allowed)
    if not isinstance(value, str) or value not in words:
        raise ObjectiveError(f"{where}: {key} is {printable(value)!r}; expected one of {', '.join(words)}")
    return value


def decay(values: Mapping[str, object], key: str, where: str) -> float | None:
    """A weight decay: a finite number; its sign is judged when the objective is complete."""
    if key not in values:
        return None
    value = values[key]
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ObjectiveError(f"{where}: {key} is {printable(value)!r}; expected a positive number, or 0")
    return float(value)


def from_attributes(attributes: Mapping[str, Mapping[str, object]], path: Path) -> StatedObjective:
    """The attributes certify/* of an HDF5 file's root, but the one that states the layout."""
    held = {name: value for name, value in attributes.get("", {}).items() if name != LAYOUT_ATTRIBUTE}
    root = {k[len(ATTRIBUTE_PREFIX) :]: v for k, v in held.items() if k.startswith(ATTRIBUTE_PREFIX)}
    return from_entries(root, f"{path_name(path)}: attributes certify/*") if root else StatedObjective()


def from_sidecar(model: Path) -> StatedObjective:
    """The table [objective] of certify.toml in the model's folder; other settings in it belong to the command line."""
    import tomllib

    path = model.parent / SIDECAR
    if not path.is_file():
        return StatedObjective()
    try:
        if path.stat().st_size > SIDECAR_CAP:
            raise ValueError(f"larger than {SIDECAR_CAP} bytes")
        content = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UnreadableFile(
            f"{path_name(path)}: not readable as TOML ({printable(' '.join(str(error).split()), 200)})"
        ) from error
    unknown = [
        key for key, value in content.items() if isinstance(value, dict) and key not in ("objective", "check", "tool")
    ]
    if unknown or not isinstance(content.get("objective", {}), dict):
        raise ObjectiveError(
            f"{path_name(path)}: unknown entry {printable((unknown or ['objective'])[0])!r}; expected a table [objective]"
        )
    return from_entries(content.get("objective", {}), f"{path_name(path)} [objective]")
