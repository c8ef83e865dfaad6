"""Keras HDF5 files: `.h5` of Keras 2 and 3, their save_weights files, and `.weights.h5`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from certify.errors import UnreadableFile, UnsupportedModel
from certify.files.container import Container
from certify.files.keras_config import Architecture, parse_architecture
from certify.files.keras_objective import stated_by_keras
from certify.files.layout import IN_OUT, SUPPORTED, Naming
from certify.files.stated import StatedObjective
from certify.files.text import listing, path_name, printable, shape_text
from certify.problem.network import Network

WEIGHTS_GROUP = "model_weights"
STATE_GROUPS = ("optimizer", "optimizer_weights", "metrics", "_metrics")
WEIGHTLESS = re.compile(r"(dense|input_layer|re_lu|activation)(_\d+)?")
OTHER_DEFAULT_NAMES = re.compile(
    r"(.*dropout.*|gaussian_noise|leaky_re_lu|elu|softmax|sigmoid|tanh|lambda|add|concatenate|multiply|flatten)(_\d+)?"
)


@dataclass(frozen=True, slots=True)
class Layer:
    """A dense layer's name and the keys of its arrays."""

    name: str
    kernel: str
    bias: str | None


@dataclass(frozen=True, slots=True)
class KerasModel:
    """What a Keras file says beside its numbers."""

    naming: Naming
    format: str
    layer_names: tuple[str, str]
    stated: StatedObjective
    notes: tuple[str, ...]
    architecture: Architecture | None

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys of the dense layers' arrays."""
        return tuple(key for layer in self.naming.layers for key in layer if key is not None)

    def check(self, network: Network) -> None:
        """The configuration and the arrays must describe the same network. Raises UnreadableFile."""
        if self.architecture is None:
            return
        sizes = (
            (self.architecture.hidden, network.width, network.hidden_bias),
            (self.architecture.output, network.outputs, network.output_bias),
        )
        for dense, size, bias in sizes:
            if dense.units != size or dense.use_bias != (bias is not None):
                raise UnreadableFile(
                    f"layer {printable(dense.name)!r}: model_config says units={dense.units}, use_bias={dense.use_bias},"
                    f" but the arrays have {size} units and {'a' if bias is not None else 'no'} bias"
                )


def is_keras(container: Container) -> bool:
    """Whether an HDF5 file is Keras's: by its attributes, or by groups named `vars`."""
    names = [set(container.attributes.get(path, {})) for path in ("", WEIGHTS_GROUP)]
    marks = ("model_config", "layer_names", "layer_names0")
    by_attribute = any(mark in found for found in names for mark in marks)
    return by_attribute or any(vars_owner(group) is not None for group in container.groups)


def vars_owner(group: str) -> str | None:
    """The layer's group of a group `…/vars`; None for anything else, and for the state of optimizers and metrics."""
    owner, slash, last = group.rpartition("/")
    return owner if slash and last == "vars" and owner.split("/")[0] not in STATE_GROUPS else None


def read_keras(container: Container) -> KerasModel:
    """Layers in order of depth, and the objective where the file's configurations state it.

    Raises UnsupportedModel for other architectures, UnreadableFile where configuration and arrays disagree.
    """
    root = container.attributes.get("", {})
    attribute_names = {name for path in ("", WEIGHTS_GROUP) for name in container.attributes.get(path, {})}
    legacy = bool(attribute_names & {"layer_names", "layer_names0", "model_config"})
    layers = legacy_layers(container) if legacy else counted_layers(container)
    if "model_config" not in root:
        return without_configuration(container, layers, legacy)
    architecture = parse_architecture(text_attribute(container, "model_config"))
    ordered = [layer_named(container, layers, dense.name) for dense in (architecture.hidden, architecture.output)]
    training = text_attribute(container, "training_config") if "training_config" in root else None
    stated, notes = stated_by_keras(architecture, training)
    naming = Naming("Keras", tuple((layer.kernel, layer.bias) for layer in ordered), fixed=True, order=IN_OUT)
    version = str(root.get("keras_version", ""))[:1]
    name = f"Keras {version} HDF5" if version.isdecimal() else "Keras HDF5"
    return KerasModel(naming, name, (ordered[0].name, ordered[1].name), stated, notes, architecture)


def without_configuration(container: Container, layers: list[Layer], legacy: bool) -> KerasModel:
    """A weights-only file: depth by the shape chain, and where that is open by the order of the file's own list."""
    if len(layers) != 2:
        raise UnsupportedModel(f"{len(layers)} dense layers ({listing(layer.name for layer in layers)}); {SUPPORTED}")
    naming = Naming("Keras", tuple((layer.kernel, layer.bias) for layer in layers), order=IN_OUT)
    name = "Keras HDF5 weights" if legacy else "Keras .weights.h5"
    note = "the file holds weights only: ReLU after the first layer is assumed, and the objective is not in it"
    return KerasModel(naming, name, (layers[0].name, layers[1].name), StatedObjective(), (note,), None)


def text_attribute(container: Container, name: str) -> str:
    """A root attribute that has to be text."""
    value = container.attributes[""][name]
    if not isinstance(value, str):
        raise UnreadableFile(f"{path_name(container.path)}: attribute {name} is not text")
    return value


def layer_named(container: Container, layers: list[Layer], name: str) -> Layer:
    """The stored layer that the configuration names."""
    found = [layer for layer in layers if layer.name == name]
    if len(found) != 1:
        held = listing(layer.name for layer in layers)
        raise UnreadableFile(f"{path_name(container.path)}: no weights for layer {printable(name)!r}; stored: {held}")
    return found[0]


def legacy_layers(container: Container) -> list[Layer]:
    """The dense layers in the order of `layer_names`, their arrays resolved through `weight_names`."""
    base = WEIGHTS_GROUP if WEIGHTS_GROUP in container.groups else ""
    names = name_list(container, base, "layer_names")
    if len(set(names)) < len(names):
        raise UnreadableFile(f"{path_name(container.path)}: layer_names lists a layer twice")
    layers = []
    for name in names:
        group = f"{base}/{name}" if base else name
        if group not in container.groups:
            raise UnreadableFile(
                f"{path_name(container.path)}: layer_names lists {printable(name)!r}, which is not in the file"
            )
        arrays = {local_name(path): f"{group}/{path}" for path in name_list(container, group, "weight_names")}
        if arrays:
            layers.append(dense_layer(container, name, arrays))
        elif OTHER_DEFAULT_NAMES.fullmatch(name):
            raise UnsupportedModel(f"layer {printable(name)!r} is not supported; {SUPPORTED}")
    return layers


def name_list(container: Container, path: str, name: str) -> list[str]:
    """A list of names held in an attribute, or in its chunks name0, name1, … where it was too long for one."""
    held = container.attributes.get(path, {})
    chunks = sorted((k for k in held if re.fullmatch(rf"{name}\d+", k)), key=lambda k: int(k[len(name) :]))
    parts = [held[name]] if name in held else [held[chunk] for chunk in chunks]
    lists = [part for part in parts if isinstance(part, list)]
    if not lists or len(lists) < len(parts):
        raise UnreadableFile(f"{path_name(container.path)}: {printable('/' + path)!r} lacks the list {name}")
    items = [item for part in lists for item in part]
    if not all(isinstance(item, str) for item in items):
        raise UnreadableFile(
            f"{path_name(container.path)}: {name} of {printable('/' + path)!r} holds something else than names"
        )
    return items


def local_name(weight_name: str) -> str:
    """`kernel` of `sequential/dense/kernel:0`."""
    return re.sub(r":\d+$", "", weight_name.rsplit("/", 1)[-1])


def dense_layer(container: Container, name: str, arrays: Mapping[str, str]) -> Layer:
    """A layer that has a kernel matrix, perhaps a bias, and nothing else."""
    missing = [key for key in arrays.values() if key not in container.arrays]
    if missing:
        raise UnreadableFile(f"{path_name(container.path)}: {listing(missing)} is listed but not in the file")
    if "kernel" not in arrays or not set(arrays) <= {"kernel", "bias"}:
        raise UnsupportedModel(f"layer {printable(name)!r} has {listing(arrays)}; {SUPPORTED}")
    shape = container.arrays[arrays["kernel"]].shape
    if len(shape) != 2:
        raise UnsupportedModel(f"layer {printable(name)!r} has a kernel of shape {shape_text(shape)}; {SUPPORTED}")
    return Layer(name, arrays["kernel"], arrays.get("bias"))


def counted_layers(container: Container) -> list[Layer]:
    """The dense layers of a `.weights.h5` by the counter in their groups' names: dense, dense_1, … dense_10."""
    refuse_other_groups(container)
    owners = [owner for group in container.groups if (owner := vars_owner(group)) is not None]
    layers = []
    for owner in sorted(owners, key=counter):
        variables = {key for key in container.arrays if key.startswith(f"{owner}/vars/")}
        if variables:
            indexed = {key.rsplit("/", 1)[-1]: key for key in variables}
            named = {{"0": "kernel", "1": "bias"}.get(index, index): key for index, key in indexed.items()}
            layers.append(dense_layer(container, layer_label(container, owner), named))
    return layers


def layer_label(container: Container, owner: str) -> str:
    """The name a layer was given, which newer files keep as an attribute, else its group's name."""
    given = container.attributes.get(f"{owner}/vars", {}).get("name")
    group = owner.rsplit("/", 1)[-1]
    return f"{group} ({given})" if isinstance(given, str) else group


def counter(owner: str) -> tuple[str, int]:
    """Sort key: the name without its counter, then the counter as a number."""
    stem, _, number = owner.rpartition("_")
    return (stem, int(number)) if stem and number.isdecimal() else (owner, 0)


def refuse_other_groups(container: Container) -> None:
    """Layers without weights (Dropout) show only as groups."""
    for group in container.groups:
        parts = group.split("/")
        if (
            len(parts) == 2
            and parts[0] in ("layers", "_layer_checkpoint_dependencies")
            and not WEIGHTLESS.fullmatch(parts[1])
        ):
            has_kernel = f"{group}/vars/0" in container.arrays and len(container.arrays[f"{group}/vars/0"].shape) == 2
            if not has_kernel:
                raise UnsupportedModel(f"layer {printable(parts[1])!r} is not supported; {SUPPORTED}")
