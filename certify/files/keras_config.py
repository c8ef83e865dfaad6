"""Keras's model_config: is it Dense, ReLU, Dense, and what does each layer say of its regularisers?"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeAlias, TypeVar

from certify.errors import UnreadableFile, UnsupportedModel
from certify.files.layout import SUPPORTED
from certify.files.text import printable

JsonObject: TypeAlias = dict[str, Any]
Kind = TypeVar("Kind")

JSON_CAP = 1 << 24
KERAS_MODULES = ("keras", "tf_keras", "tensorflow", "builtins")
LINEAR = "linear"
FORBIDDEN_SETTINGS = (
    "activity_regularizer",
    "kernel_constraint",
    "bias_constraint",
    "quantization_config",
    "lora_rank",
)


@dataclass(frozen=True, slots=True)
class Dense:
    """One dense layer of the configuration. *_l2: l2 of its regularisers (0.0 where there is none)."""

    name: str
    units: int
    use_bias: bool
    activation: str
    kernel_l2: float
    bias_l2: float
    trainable: bool


@dataclass(frozen=True, slots=True)
class Architecture:
    """Dense with ReLU, then Dense with no activation or a sigmoid."""

    hidden: Dense
    output: Dense

    @property
    def sigmoid(self) -> bool:
        """Whether the model ends in a sigmoid."""
        return self.output.activation == "sigmoid"


def parse_json(text: str, what: str) -> object:
    """JSON from a file: bounded, and of bounded depth."""
    if len(text) > JSON_CAP:
        raise UnreadableFile(f"{what} has {len(text)} characters; the limit is {JSON_CAP}")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        cause = "nested too deeply" if isinstance(error, RecursionError) else printable(error, 200)
        raise UnreadableFile(f"{what} is not valid JSON: {cause}") from error


def optional(config: object, key: str) -> object:
    """config[key] where there is such a thing."""
    return config.get(key) if isinstance(config, dict) else None


def entry(config: object, key: str, kind: type[Kind], what: str) -> Kind:
    """config[key], of the given type. Raises UnreadableFile otherwise."""
    value = optional(config, key)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise UnreadableFile(f"{what} lacks {key!r} of type {kind.__name__}")
    return value


def parse_architecture(text: str) -> Architecture:
    """The architecture that model_config describes. Raises UnsupportedModel, naming the layer that does not fit."""
    config = parse_json(text, "model_config")
    kind = class_name(config, "model_config")
    if kind == "Sequential":
        layers = sequential_layers(config)
    elif kind in ("Functional", "Model"):
        layers = functional_layers(entry(config, "config", dict, "model_config"))
    else:
        raise UnsupportedModel(f"model class {printable(kind)!r}; supported: Sequential or Functional")
    return as_two_layers(layers)


def class_name(config: object, what: str) -> str:
    """The class of a serialised Keras object; a user's own class keeps its module or package in the name."""
    name = entry(config, "class_name", str, what)
    module, registered = optional(config, "module"), optional(config, "registered_name")
    if isinstance(module, str) and module.split(".")[0] not in KERAS_MODULES:
        return f"{module}.{name}"
    if isinstance(registered, str) and ">" in registered and not registered.startswith("keras"):
        return registered
    return name


def sequential_layers(config: object) -> list[Any]:
    """The layers of a Sequential model, in order; its oldest form is the bare list."""
    inner = optional(config, "config")
    return inner if isinstance(inner, list) else entry(inner, "layers", list, "model_config")


def functional_layers(config: JsonObject) -> list[Any]:
    """The layers of a functional model from its input to its output, which must be one chain through all of them."""
    layers = entry(config, "layers", list, "model_config")
    by_name = {entry(layer_config(layer), "name", str, "a layer"): layer for layer in layers}
    outputs = list(node_sources(config.get("output_layers")))
    if len(outputs) != 1:
        raise UnsupportedModel(f"the model has {len(outputs)} output layers; {SUPPORTED}")
    chain, name = [], outputs[0]
    while name in by_name:
        layer = by_name.pop(name)
        chain.append(layer)
        sources = list(node_sources(layer.get("inbound_nodes")))
        if len(sources) > 1:
            raise UnsupportedModel(f"layer {printable(name)!r} has {len(sources)} inputs; supported: a chain of layers")
        name = sources[0] if sources else ""
    if by_name:
        left = class_name(next(iter(by_name.values())), "a layer")
        raise UnsupportedModel(f"the model is not one chain of layers ({printable(left)} lies aside); {SUPPORTED}")
    return chain[::-1]


def node_sources(nodes: object) -> Iterator[str]:
    """Names of the layers that a layer reads, in Keras 2's nested lists or Keras 3's keras_history."""
    if isinstance(nodes, dict):
        history = nodes.get("keras_history")
        if isinstance(history, list) and history and isinstance(history[0], str):
            yield history[0]
        else:
            for value in nodes.values():
                yield from node_sources(value)
    elif isinstance(nodes, list):
        if len(nodes) >= 3 and isinstance(nodes[0], str) and isinstance(nodes[1], int):
            yield nodes[0]
        else:
            for value in nodes:
                yield from node_sources(value)


def layer_config(layer: object) -> JsonObject:
    """A layer's own settings."""
    config: JsonObject = entry(layer, "config", dict, "a layer")
    return config


def as_two_layers(layers: list[Any]) -> Architecture:
    """Fold activations that are layers of their own into the dense layer before them."""
    dense: list[Dense] = []
    for layer in layers:
        kind = class_name(layer, "a layer")
        if kind == "InputLayer":
            refuse_input_rank(layer_config(layer))
        elif kind == "Dense":
            refuse_input_rank(layer_config(layer))
            dense.append(parse_dense(layer_config(layer)))
        elif kind in ("ReLU", "Activation") and dense:
            dense[-1] = activated(dense[-1], own_activation(kind, layer_config(layer)))
        else:
            raise UnsupportedModel(f"layer {printable(kind)} is not supported; {SUPPORTED}")
    if len(dense) != 2:
        raise UnsupportedModel(f"{len(dense)} dense layers; {SUPPORTED}")
    if dense[0].activation != "relu":
        raise UnsupportedModel(f"hidden activation {printable(dense[0].activation)!r}; supported: relu")
    if dense[1].activation not in (LINEAR, "sigmoid"):
        raise UnsupportedModel(
            f"output activation {printable(dense[1].activation)!r}; supported: linear (or sigmoid with binary_crossentropy)"
        )
    return Architecture(*dense)


def refuse_input_rank(config: JsonObject) -> None:
    """Samples are rows: (batch, d)."""
    shape = config.get("batch_shape", config.get("batch_input_shape"))
    if isinstance(shape, list) and len(shape) != 2:
        raise UnsupportedModel(f"input of shape {printable(shape)}; supported: (batch, d)")


def parse_dense(config: JsonObject) -> Dense:
    """A Dense layer's settings. Raises UnsupportedModel for constraints, activity regularisers and L1."""
    name = entry(config, "name", str, "a Dense layer")
    for key in FORBIDDEN_SETTINGS:
        if config.get(key) is not None:
            raise UnsupportedModel(
                f"layer {printable(name)!r} has {key}={printable(described(config[key]))}; supported: none"
            )
    return Dense(
        name=name,
        units=entry(config, "units", int, f"layer {printable(name)!r}"),
        use_bias=bool(config.get("use_bias", True)),
        activation=activation_name(config.get("activation")),
        kernel_l2=regulariser_l2(config.get("kernel_regularizer"), f"kernel_regularizer of {printable(name)!r}"),
        bias_l2=regulariser_l2(config.get("bias_regularizer"), f"bias_regularizer of {printable(name)!r}"),
        trainable=bool(config.get("trainable", True)),
    )


def described(value: object) -> object:
    """A serialised object by its class."""
    return value["class_name"] if isinstance(value, dict) and "class_name" in value else value


def activation_name(value: object) -> str:
    """relu, linear, sigmoid, or the name of another activation; it may be text, a function or a layer."""
    if value is None:
        return LINEAR
    if isinstance(value, str):
        return value.lower() if value.lower() in ("relu", LINEAR, "sigmoid") else value
    if isinstance(value, dict):
        inner = value.get("config")
        if value.get("class_name") == "function" and isinstance(inner, str):
            return activation_name(inner)
        if value.get("class_name") in ("ReLU", "Activation") and isinstance(inner, dict):
            return own_activation(value["class_name"], inner)
    return str(described(value))


def own_activation(kind: str, config: JsonObject) -> str:
    """The activation of a ReLU or Activation layer."""
    if kind == "Activation":
        return activation_name(config.get("activation"))
    plain = {"max_value": (None,), "negative_slope": (None, 0), "alpha": (None, 0), "threshold": (None, 0)}
    odd = [key for key, allowed in plain.items() if config.get(key) not in allowed]
    return f"ReLU with {odd[0]}={config[odd[0]]}" if odd else "relu"


def activated(dense: Dense, activation: str) -> Dense:
    """The dense layer followed by an activation layer."""
    if activation == LINEAR:
        return dense
    if dense.activation != LINEAR and not dense.activation == activation == "relu":
        raise UnsupportedModel(f"two activations after layer {printable(dense.name)!r}; {SUPPORTED}")
    return replace(dense, activation=activation)


def regulariser_l2(value: object, what: str) -> float:
    """l2 of a serialised regulariser: penalty l2 * sum w^2."""
    if value is None:
        return 0.0
    kind = value if isinstance(value, str) else class_name(value, what)
    settings = value.get("config", {}) if isinstance(value, dict) else {"l2": 0.01, "l1": 0.01}
    if kind.lower() not in ("l2", "l1", "l1l2", "l1_l2") or not isinstance(settings, dict):
        raise UnsupportedModel(f"{what} is {printable(kind)!r}; supported: L2")
    uses_l1 = kind.lower() != "l2" and coefficient(settings.get("l1", 0.0), what) > 0
    if uses_l1:
        raise UnsupportedModel(f"{what} has an l1 part; supported: L2")
    return 0.0 if kind.lower() == "l1" else coefficient(settings.get("l2", 0.0), what)


def coefficient(value: object, what: str) -> float:
    """A finite number that is not negative."""
    number = 0.0 if value is None else value
    if isinstance(number, bool) or not isinstance(number, (int, float)) or not math.isfinite(number) or number < 0:
        raise UnreadableFile(f"{what} has coefficient {printable(value)!r}; expected a finite number >= 0")
    return float(number)
