"""From what the file, the options and the convention say to one complete objective, or a list of what is missing."""

from __future__ import annotations

import math

from certify.errors import ObjectiveError, UnreadableFile, UsageError
from certify.files.stated import PARTS, StatedObjective, from_entries, over
from certify.files.text import printable
from certify.problem.dataset import Dataset
from certify.problem.network import Network
from certify.problem.objective import Bias, Loss, Objective, Reduction

CONVENTIONS: dict[str, tuple[Loss, Reduction, Bias]] = {
    "keras": (Loss.SQUARED, Reduction.MEAN, Bias.FREE),
    "torch": (Loss.SQUARED, Reduction.MEAN, Bias.PENALIZED),
    "sklearn": (Loss.HALF_SQUARED, Reduction.MEAN, Bias.FREE),
}
OPTION_OF_PART = {
    "loss": "--loss",
    "reduction": "--reduction",
    "hidden_decay": "--weight-decay",
    "output_decay": "--weight-decay",
    "hidden_bias": "--penalize weights|all",
    "output_bias": "--penalize weights|all",
}
OPTIONS = "the options"


def stated_by_options(
    loss: str | None = None,
    reduction: str | None = None,
    weight_decay: float | None = None,
    penalize: str | None = None,
) -> StatedObjective:
    """What --loss, --reduction, --weight-decay (beta of docs/theory.md, section 1) and --penalize say."""
    given = {"loss": loss, "reduction": reduction, "weight_decay": weight_decay, "penalize": penalize}
    return from_entries({key: value for key, value in given.items() if value is not None}, OPTIONS)


def stated_by_convention(name: str | None) -> StatedObjective:
    """The row of docs/formats.md, section 3: loss, reduction, and whether biases are penalised; never the decay."""
    if name is None:
        return StatedObjective()
    if name not in CONVENTIONS:
        raise UsageError(f"--convention {printable(name)}: expected one of {', '.join(CONVENTIONS)}")
    loss, reduction, bias = CONVENTIONS[name]
    where = f"--convention {name}"
    sources = tuple((part, where) for part in ("loss", "reduction", "hidden_bias", "output_bias"))
    return StatedObjective(loss, reduction, hidden_bias=bias, output_bias=bias, sources=sources)


def resolve_objective(
    network: Network,
    dataset: Dataset | None,
    stated_by_file: StatedObjective,
    options: StatedObjective,
    convention: str | None = None,
) -> tuple[Objective, tuple[str, ...]]:
    """One complete objective: each part from the options, else the file, else the convention.

    Returns it with notes on what overrode what. Raises ObjectiveError when parts are missing (all are listed, each with
    the option that states it), when a decay is not positive, or when the parts contradict one another or the network;
    UnreadableFile when the logistic loss meets other targets than two classes.
    """
    conventional = stated_by_convention(convention)
    merged = over(over(options, stated_by_file), conventional)
    merged = with_free_biases_where_nothing_decays(without_absent_biases(merged, network))
    refuse_unusable(merged)
    refuse_missing(merged)
    check_decays(merged)
    check_loss(merged, dataset)
    parts = {part: getattr(merged, part) for part in PARTS}
    return Objective(**parts), overrides(options, stated_by_file, conventional, merged)


def without_absent_biases(stated: StatedObjective, network: Network) -> StatedObjective:
    """A bias that the network does not have is neither free nor penalised."""
    absent = StatedObjective(
        hidden_bias=Bias.NONE if network.hidden_bias is None else None,
        output_bias=Bias.NONE if network.output_bias is None else None,
    )
    return over(absent, stated)


def with_free_biases_where_nothing_decays(stated: StatedObjective) -> StatedObjective:
    """Without weight decay it is all the same whether it covers the biases: they are free where nobody says so."""
    if not stated.hidden_decay == stated.output_decay == 0:
        return stated
    return over(stated, StatedObjective(hidden_bias=Bias.FREE, output_bias=Bias.FREE))


def refuse_unusable(stated: StatedObjective) -> None:
    """Parts that were stated in words that certify does not decide."""
    for part in PARTS:
        reason = stated.refusal(part)
        if reason is not None:
            raise ObjectiveError(f"{reason}; {OPTION_OF_PART[part]} overrides it")


def refuse_missing(stated: StatedObjective) -> None:
    """All that nobody stated, at once."""
    missing = dict.fromkeys(OPTION_OF_PART[part] for part in PARTS if getattr(stated, part) is None)
    if missing:
        raise ObjectiveError(
            f"the objective is not stated in full; missing: {', '.join(missing)}"
            " (--convention keras|torch|sklearn sets all but --weight-decay, which is 0 where there was none)"
        )


def check_decays(stated: StatedObjective) -> None:
    """Positive or both 0, finite, and one and the same wherever a bias is penalised (docs/theory.md, sections 1 and 13)."""
    hidden, output = stated.hidden_decay, stated.output_decay
    if (hidden == 0) != (output == 0):
        layer = "hidden" if hidden == 0 else "output"
        raise ObjectiveError(
            f"the {layer} layer has weight decay 0 and the other has not: rescaling the neurons takes the penalty to 0, so"
            " the infimum is that without weight decay and is not attained; --weight-decay B states one for both"
        )
    for layer, value in (("hidden", hidden), ("output", output)):
        if value is None or not (math.isfinite(value) and value >= 0):
            raise ObjectiveError(
                f"the {layer} layer's weight decay is {value!r}; it must be positive and finite, or 0 (--weight-decay B)"
            )
    for layer in ("hidden", "output"):
        check_bias_decay(stated, layer)


def check_bias_decay(stated: StatedObjective, layer: str) -> None:
    """A penalised bias shares its layer's decay, and then both layers share theirs."""
    if getattr(stated, f"{layer}_bias") is not Bias.PENALIZED:
        return
    own, of_layer = getattr(stated, f"{layer}_bias_decay"), getattr(stated, f"{layer}_decay")
    if own is not None and own != of_layer:
        raise ObjectiveError(
            f"the {layer} bias has weight decay {own!r} but its layer {of_layer!r}; supported: the same, or a free bias"
        )
    if stated.hidden_decay != stated.output_decay:
        raise ObjectiveError(
            f"the layers' weight decays differ ({stated.hidden_decay!r}, {stated.output_decay!r}) and the {layer} bias is"
            " penalised; unequal decays are supported only with free biases (--penalize weights) or one --weight-decay"
        )


def check_loss(stated: StatedObjective, dataset: Dataset | None) -> None:
    """A sigmoid output belongs to the logistic loss, and the logistic loss to two classes: targets that the loss allows."""
    if stated.only_loss is not None and stated.loss is not stated.only_loss:
        raise ObjectiveError(
            f"the model ends in a sigmoid, which is decided only with the {stated.only_loss} loss, not {stated.loss}"
            f" (--loss {stated.only_loss})"
        )
    if stated.loss is not None and dataset is not None:
        try:
            stated.loss.function.canonical_targets(dataset.y)
        except ValueError as error:
            raise UnreadableFile(str(error)) from error


def overrides(
    options: StatedObjective, file: StatedObjective, convention: StatedObjective, merged: StatedObjective
) -> tuple[str, ...]:
    """Every part for which two sources disagree, and which one holds."""
    notes: dict[str, None] = {}
    for part in PARTS:
        final = getattr(merged, part)
        for other in (file, convention):
            value = getattr(other, part)
            if value is not None and final is not Bias.NONE and value != final:
                name = part.replace("_", " ")
                notes[
                    f"{name}: {shown(final)} ({merged.source(part)}) overrides {shown(value)} ({other.source(part)})"
                ] = None
    return tuple(notes)


def shown(value: object) -> str:
    """A part's value for a note."""
    return repr(value) if isinstance(value, float) else str(value)
