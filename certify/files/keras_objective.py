"""The objective that a Keras file states: loss and optimizer of training_config, L2 of the layers (docs/formats.md, 3)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from certify.files.keras_config import (
    Architecture,
    Dense,
    JsonObject,
    class_name,
    coefficient,
    described,
    parse_json,
)
from certify.files.stated import StatedObjective
from certify.files.text import printable
from certify.problem.objective import Bias, Loss, Reduction

SQUARED_NAMES = frozenset({"mse", "mean_squared_error", "meansquarederror"})
LOGISTIC_NAMES = frozenset({"bce", "binary_crossentropy", "binarycrossentropy"})
REDUCTIONS = {
    "auto": Reduction.MEAN,
    "sum_over_batch_size": Reduction.MEAN,
    "mean": Reduction.MEAN,
    "sum": Reduction.SUM,
}
MODEL_CONFIG, TRAINING_CONFIG = "model_config", "training_config"


@dataclass(slots=True)
class Findings:
    """What accumulates while the configurations are read."""

    parts: dict[str, Any] = field(default_factory=dict)
    sources: list[tuple[str, str]] = field(default_factory=list)
    refusals: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    decoupled: bool = False  # the optimizer's decay is part of no objective

    def state(self, where: str, **parts: object) -> None:
        """Record parts and where they were stated."""
        self.parts.update(parts)
        self.sources.extend((part, where) for part in parts)


def stated_by_keras(architecture: Architecture, training: str | None) -> tuple[StatedObjective, tuple[str, ...]]:
    """The objective, and cautions, from model_config's layers and the text of training_config (None: not compiled).

    penalty l2 * sum w^2 is decay 2 l2, and without any regularizer a compiled loss is all that is minimised: decay 0. Plain SGD(weight_decay=wd) adds wd on every parameter, with momentum q wd (1 - q);
    no other optimizer's weight_decay is part of an objective.
    """
    found = Findings()
    config = parse_json(training, TRAINING_CONFIG) if training is not None else {}
    config = config if isinstance(config, dict) else {}
    if config:
        state_loss(found, config, architecture)
    extra = optimizer_decay(found, config.get("optimizer_config"))
    state_decays(found, architecture, extra, compiled=single(config.get("loss")) is not None)
    add_layer_notes(found, architecture)
    only = Loss.LOGISTIC if architecture.sigmoid else None
    stated = StatedObjective(
        **found.parts, sources=tuple(found.sources), refusals=tuple(found.refusals), only_loss=only
    )
    return stated, tuple(found.notes)


def state_loss(found: Findings, config: JsonObject, architecture: Architecture) -> None:
    """Loss and reduction, where both are of a kind that is decided."""
    loss = single(config.get("loss"))
    if loss is None:
        return
    name, settings = loss_name(loss)
    if name.lower().replace(" ", "") in SQUARED_NAMES:
        found.state(TRAINING_CONFIG, loss=Loss.SQUARED)
    elif name.lower() in LOGISTIC_NAMES:
        state_logistic(found, settings, architecture)
    elif name.lower() == Loss.HINGE:
        found.state(TRAINING_CONFIG, loss=Loss.HINGE)
    else:
        reason = f"the file's loss is {printable(name)!r}; supported: mse, binary_crossentropy, hinge"
        found.refusals.append(("loss", reason))
    state_reduction(found, settings)
    if not unit_weights(config.get("loss_weights")):
        found.refusals.append(
            ("loss", f"the file has loss_weights={printable(config['loss_weights'])}; supported: none")
        )


def single(loss: object) -> object:
    """The one loss of a list or of a dictionary by output name."""
    while isinstance(loss, (list, tuple)) and len(loss) == 1:
        loss = loss[0]
    if isinstance(loss, dict) and "class_name" not in loss and len(loss) == 1:
        return single(next(iter(loss.values())))
    return loss


def loss_name(loss: object) -> tuple[str, JsonObject]:
    """The loss's name and settings; it may be text, a serialised function or a serialised object."""
    if not isinstance(loss, dict):
        return str(loss), {}
    inner = loss.get("config")
    if loss.get("class_name") == "function":
        return str(inner), {}
    return class_name(loss, "loss"), inner if isinstance(inner, dict) else {}


def state_logistic(found: Findings, settings: JsonObject, architecture: Architecture) -> None:
    """binary_crossentropy is the logistic loss of the linear output: after a sigmoid, or with from_logits."""
    from_logits = bool(settings.get("from_logits", False))
    if coefficient(settings.get("label_smoothing", 0.0), "label_smoothing") > 0:
        found.refusals.append(("loss", "the file's binary_crossentropy smooths labels; supported: label_smoothing=0"))
    elif from_logits == architecture.sigmoid:
        wrong = "a sigmoid output with from_logits=True" if from_logits else "a linear output without from_logits=True"
        found.refusals.append(
            ("loss", f"the file states binary_crossentropy on {wrong}, which is not the logistic loss")
        )
    else:
        found.state(TRAINING_CONFIG, loss=Loss.LOGISTIC)
        way = "with from_logits" if from_logits else "after a sigmoid"
        found.notes.append(
            f"binary_crossentropy {way} is the logistic loss of the linear output, and is decided as such"
        )


def state_reduction(found: Findings, settings: JsonObject) -> None:
    """Keras averages over the batch unless the loss object says otherwise."""
    name = settings.get("reduction", "sum_over_batch_size")
    reduction = REDUCTIONS.get(name) if isinstance(name, str) else None
    if reduction is None:
        found.refusals.append(
            ("reduction", f"the file's loss has reduction {printable(name)!r}; supported: mean or sum")
        )
        return
    found.state(TRAINING_CONFIG, reduction=reduction)
    if reduction is Reduction.SUM:
        found.notes.append(
            "reduction 'sum' adds within a batch: it is the sum over all n samples only for full-batch training; batches of b"
            " minimise it with n/b times the decay of the file (fit's default is b = 32)"
        )


def unit_weights(weights: object) -> bool:
    """No loss weight, or weights that are 1."""
    values = weights.values() if isinstance(weights, dict) else weights if isinstance(weights, list) else [weights]
    return all(value is None or value == 1 for value in values)


def optimizer_decay(found: Findings, optimizer: object) -> float:
    """The decay on every parameter that plain SGD's decoupled weight_decay amounts to; a caution for the others."""
    if not isinstance(optimizer, dict) or not isinstance(optimizer.get("config"), dict):
        return 0.0
    settings, name = optimizer["config"], printable(str(described(optimizer)).rsplit(">", 1)[-1], 40)
    decay = coefficient(settings.get("weight_decay"), "weight_decay of the optimizer")
    if decay == 0:
        return 0.0
    if name != "SGD":
        found.notes.append(
            f"optimizer {name} decouples weight_decay={decay!r}: it is not part of any objective, and training with it"
            " does not minimise the one stated here"
        )
        found.decoupled = True
        return 0.0
    momentum = coefficient(settings.get("momentum", 0.0), "momentum of the optimizer")
    effective = decay if momentum == 0 else decay * (1 - momentum)
    found.notes.append(
        f"optimizer SGD has weight_decay={decay!r}, momentum={momentum!r}: it acts as a weight decay of {effective!r} on every"
        " weight and bias (unless some were excluded from it, which the file does not record)"
    )
    return effective


def state_decays(found: Findings, architecture: Architecture, extra: float, compiled: bool) -> None:
    """Decays of both layers, and how their biases are penalised; where no penalty is configured at all, decay 0 if the model is
    compiled and its optimizer does not decay weights in a way that no objective has."""
    layers = (("hidden", architecture.hidden), ("output", architecture.output))
    penalties = [layer.kernel_l2 for _, layer in layers] + [layer.bias_l2 for _, layer in layers]
    if extra == 0 and not any(penalties):
        if compiled and not found.decoupled:
            found.state(TRAINING_CONFIG, hidden_decay=0.0, output_decay=0.0)
            found.notes.append("no layer has a regularizer: the file states weight decay 0")
        else:
            found.notes.append("no layer has a kernel_regularizer: the file states no weight decay")
        return
    where = (
        MODEL_CONFIG
        if extra == 0
        else f"{MODEL_CONFIG} and SGD's weight_decay"
        if any(penalties)
        else "SGD's weight_decay"
    )
    for side, layer in layers:
        decays = (2.0 * layer.kernel_l2 + extra, 2.0 * layer.bias_l2 + extra)
        bias = Bias.PENALIZED if decays[1] > 0 else Bias.FREE
        found.state(where, **{f"{side}_decay": decays[0], f"{side}_bias": bias})
        found.parts[f"{side}_bias_decay"] = decays[1] if decays[1] > 0 else None


def add_layer_notes(found: Findings, architecture: Architecture) -> None:
    """Cautions about rounded coefficients and layers that were not trained."""
    rounded: dict[float, None] = {}
    for layer in (architecture.hidden, architecture.output):
        rounded |= {value: None for value in (layer.kernel_l2, layer.bias_l2) if short_of_float32(value) is not None}
        note_frozen(found, layer)
    for value in rounded:
        found.notes.append(f"l2 {value!r} is {short_of_float32(value)!r} rounded to float32; it is used as stored")


def note_frozen(found: Findings, layer: Dense) -> None:
    """A frozen layer is judged all the same."""
    if not layer.trainable:
        found.notes.append(
            f"layer {printable(layer.name)!r} was not trainable: the check is over the parameters of both layers"
        )


def short_of_float32(value: float) -> float | None:
    """The short decimal that `value` is the float32 rounding of, if it is one."""
    short = float(f"{value:.6g}")
    return short if short != value and float(np.float32(short)) == value else None
