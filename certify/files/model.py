"""Model files: from a container to a Network, what the file states of its objective, and what to be careful about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from certify.errors import AmbiguousFile, InputError, UnsupportedModel, UsageError
from certify.files.container import HDF5, Container, check_float64_size, numeric_dtype, read_float64
from certify.files.layout import IN_OUT, OUT_IN, Layout, Naming, Shape, readings
from certify.files.naming import MAP_HINT, SUPPORTED, mapped, recognise_names
from certify.files.opening import open_container
from certify.files.stated import SIDECAR, StatedObjective, from_attributes, from_sidecar, over
from certify.files.text import path_name, printable, shape_text
from certify.problem.dataset import canonical_sha256
from certify.problem.network import Network

if TYPE_CHECKING:
    from certify.files.keras_hdf5 import KerasModel


@dataclass(frozen=True, slots=True)
class ArrayReading:
    """How one array of the file is read. transposed: the file's matrix is the transpose of the Network's."""

    role: str
    key: str
    shape: Shape
    dtype: str
    transposed: bool


@dataclass(frozen=True, slots=True, eq=False)
class StoredModel:
    """A network as its file stores it.

    notes  cautions to be shown          reading  how each array is read, in the order W1, b1, W2, b2
    file_sha256       of the file's bytes
    canonical_sha256  of the arrays W1, b1, W2, b2 (certify/dataset.py)
    layout, layer_names  what the writer needs: keys, orientation, names of the hidden and output layer in the configuration
    """

    path: Path
    network: Network
    stated: StatedObjective
    notes: tuple[str, ...]
    format: str
    container: str
    reading: tuple[ArrayReading, ...]
    file_sha256: str
    canonical_sha256: str
    layout: Layout
    layer_names: tuple[str, str] | None = None


def load_model(path: Path, mapping: Mapping[str, str] | None = None, inputs: int | None = None) -> StoredModel:
    """Read a two-layer ReLU network from an npz or HDF5 file (docs/formats.md, section 1).

    mapping  role -> KEY[:T], as of --map; roles hidden.weight, output.weight, hidden.bias, output.bias
    inputs   number d of inputs of the data, where known: checked, and used where the shapes leave two readings

    Raises UnreadableFile, UnsupportedModel, AmbiguousFile, ObjectiveError or UsageError, each with one line.
    """
    path = Path(path)
    with open_container(path) as container:
        try:
            return read_model(container, mapping, inputs)
        except InputError as error:
            named = str(error).startswith((path_name(path), path_name(path.parent / SIDECAR)))
            raise error if named else type(error)(f"{path_name(path)}: {error}") from error


def read_model(container: Container, mapping: Mapping[str, str] | None, inputs: int | None) -> StoredModel:
    """The model in an open container."""
    keras = keras_part(container, mapping)
    shapes = {key: container.arrays[key].shape for key in (keras.keys if keras else container.arrays)}
    if mapping:
        naming, marked = mapped(mapping, shapes)
    else:
        refuse_unusable_arrays(container, shapes)
        naming, marked = keras.naming if keras else recognise_names(shapes), {}
    arrays: dict[str, np.ndarray] = {}
    layout = choose(container, arrays, naming, shapes, inputs, marked)
    network = layout.network(read_all(container, arrays, layout))
    if keras:
        keras.check(network)
    stated = over(from_attributes(container.attributes, container.path), from_sidecar(container.path))
    return StoredModel(
        path=container.path,
        network=network,
        stated=over(stated, keras.stated) if keras else stated,
        notes=keras.notes if keras else (),
        format=keras.format if keras else f"{naming.style} {container.kind}",
        container=container.kind,
        reading=array_readings(container, layout, network),
        file_sha256=container.sha256,
        canonical_sha256=canonical_sha256(
            network.hidden_weights, network.hidden_bias, network.output_weights, network.output_bias
        ),
        layout=layout,
        layer_names=keras.layer_names if keras else None,
    )


def keras_part(container: Container, mapping: Mapping[str, str] | None) -> KerasModel | None:
    """What a Keras file says of itself; None for other files, and where --map takes the place of a missing configuration."""
    if container.kind != HDF5:
        return None
    from certify.files.keras_hdf5 import is_keras, read_keras

    if not is_keras(container):
        return None
    if not mapping:
        return read_keras(container)
    if "model_config" in container.attributes.get("", {}):
        raise UsageError("--map: this Keras file's model_config says which array is which; leave the option out")
    return None


def refuse_unusable_arrays(container: Container, keys: Iterable[str]) -> None:
    """Every array of a model is numeric and of a size that can be read; said before names and shapes are looked at."""
    if not container.arrays:
        raise UnsupportedModel(f"the file holds no arrays; {SUPPORTED}")
    for key in keys:
        numeric_dtype(container.arrays[key], container.path)
        check_float64_size(f"{path_name(container.path)}: {printable(key)!r}", container.arrays[key].shape)


def read_all(container: Container, arrays: dict[str, np.ndarray], layout: Layout) -> dict[str, np.ndarray]:
    """The layout's arrays in float64, each read once."""
    for key in layout.keys:
        if key not in arrays:
            arrays[key] = read_float64(container, key)
    return arrays


def choose(
    container: Container,
    arrays: dict[str, np.ndarray],
    naming: Naming,
    shapes: Mapping[str, Shape],
    inputs: int | None,
    marked: Mapping[str, bool],
) -> Layout:
    """The one layout that names, shapes and d leave; AmbiguousFile when two different networks are left."""
    chaining = readings(naming, shapes)
    if not chaining:
        raise UnsupportedModel(f"the shapes do not chain d -> m -> k: {shape_list(shapes)}; {MAP_HINT}")
    fitting = [layout for layout, (d, _, _) in chaining.items() if inputs is None or d == inputs]
    if not fitting:
        taken = next(iter(chaining.values()))[0]
        raise UsageError(f"the network takes {taken} inputs but the data have {inputs} columns")
    for layout in fitting if len(fitting) > 1 else ():
        read_all(container, arrays, layout)
    left = distinct(settled_by_marks(fitting, marked), arrays)
    left = left if len(left) == 1 else settled_by_convention(left, naming)
    if len(left) > 1:
        sizes = sorted({chaining[layout] for layout in left})
        options = " or ".join(f"d={d}, m={m}, k={k}" for d, m, k in sizes)
        raise AmbiguousFile(f"{shape_list(shapes)} can be read in {len(left)} ways ({options}); {MAP_HINT}")
    return left[0]


def settled_by_marks(layouts: list[Layout], marked: Mapping[str, bool]) -> list[Layout]:
    """--map's orientation marks: those that agree with the most marks. `hidden.weight=KEY:T` is binding."""
    if not marked:
        return layouts

    def agreement(layout: Layout) -> tuple[bool, bool]:
        hidden = (layout.hidden_order == IN_OUT) == marked["hidden.weight"]
        return hidden, (layout.output_order == IN_OUT) == marked["output.weight"]

    if marked["hidden.weight"] and not any(layout.hidden_order == IN_OUT for layout in layouts):
        raise UsageError("--map hidden.weight=KEY:T: the shapes do not chain d -> m -> k with this array transposed")
    best = max(agreement(layout) for layout in layouts)
    return [layout for layout in layouts if agreement(layout) == best]


def settled_by_convention(layouts: list[Layout], naming: Naming) -> list[Layout]:
    """What the naming convention says about orientation and about which layer comes first."""
    if naming.preferred_order is not None:
        order = naming.preferred_order
        agreeing = [c for c in layouts if c.hidden_order == order and c.output_order == order]
        layouts = agreeing or layouts
    if naming.tie and naming.layers:
        layouts = [c for c in layouts if c.hidden == naming.layers[0][0]] or layouts
    return layouts


def distinct(layouts: list[Layout], arrays: Mapping[str, np.ndarray]) -> list[Layout]:
    """Layouts that read the same numbers into the same network count once."""
    if len(layouts) == 1:
        return layouts
    found: dict[str, Layout] = {}
    for layout in layouts:
        network = layout.network(arrays)
        parts = (network.hidden_weights, network.hidden_bias, network.output_weights, network.output_bias)
        found.setdefault(canonical_sha256(*parts), layout)
    return list(found.values())


def shape_list(shapes: Mapping[str, Shape]) -> str:
    """Keys with shapes, for messages."""
    items = [f"{printable(key, 60)} {shape_text(shape)}" for key, shape in list(shapes.items())[:6]]
    return ", ".join(items) + (", …" if len(shapes) > 6 else "")


def array_readings(container: Container, layout: Layout, network: Network) -> tuple[ArrayReading, ...]:
    """One line of `certify inspect` for each array in use."""
    turned = {
        "hidden.weight": layout.hidden_order != OUT_IN and len(container.arrays[layout.hidden].shape) == 2,
        "output.weight": layout.output_order != IN_OUT and len(container.arrays[layout.output].shape) == 2,
    }
    rows = []
    for role, key in layout.roles().items():
        stored = container.arrays[key]
        rows.append(ArrayReading(role, key, stored.shape, stored.dtype, turned.get(role, False)))
    return tuple(rows)
