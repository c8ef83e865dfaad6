"""Model files: from a container to a Network, what the file states of its objective, and what to be careful about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from certify.errors import InputError, UnreadableFile, UsageError
from certify.files.beside import goes_along
from certify.files.choosing import Arrays, choose, network_sha256, wrong_inputs
from certify.files.container import HDF5, Container
from certify.files.layout import IN_OUT, OUT_IN, Layout, Shape, readings
from certify.files.mapping import mapped
from certify.files.naming import recognise_names
from certify.files.opening import open_container
from certify.files.recognition import recognise, refuse_unusable_arrays
from certify.files.stated import SIDECAR, StatedObjective, from_attributes, from_sidecar, over
from certify.files.stated_activation import stated_activation
from certify.files.statement import ATTRIBUTE, stated_layout
from certify.files.text import path_name
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
    layout, shapes, along, layer_names  what the writer needs: keys and orientation, the shapes by key in the file's order, keys of
                          arrays that hold for other weights too, names of the hidden and output layer in the configuration
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
    shapes: Mapping[str, Shape]
    along: frozenset[str]
    layer_names: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """A network, the layout in which its file holds it, the naming convention, and what to say about the reading."""

    layout: Layout
    network: Network
    style: str
    notes: tuple[str, ...] = ()


def load_model(
    path: Path, mapping: Mapping[str, str] | None = None, inputs: int | None = None, activation: str | None = None
) -> StoredModel:
    """Read a two-layer ReLU network from an npz or HDF5 file (docs/formats.md, section 1).

    mapping  role -> KEY[:T], as of --map; roles hidden.weight, output.weight, hidden.bias, output.bias
    inputs   number d of inputs of the data, where known: checked, and used where the shapes leave two readings
    activation  of --activation: overrides another one that the file states beside its arrays

    Raises UnreadableFile, UnsupportedModel, AmbiguousFile, ObjectiveError or UsageError, each with one line.
    """
    path = Path(path)
    with open_container(path) as container:
        try:
            activated = stated_activation(container, activation)
            model = read_model(activated.without_statements(container), mapping, inputs)
            notes = (*model.notes, *activated.notes)
            return replace(model, stated=over(model.stated, activated.stated), notes=notes)
        except InputError as error:
            named = str(error).startswith((path_name(path), path_name(path.parent / SIDECAR)))
            raise error if named else type(error)(f"{path_name(path)}: {error}") from error


def read_model(container: Container, mapping: Mapping[str, str] | None, inputs: int | None) -> StoredModel:
    """The model in an open container."""
    keras = keras_part(container, mapping)
    found = read_network(container, mapping, inputs, keras)
    if keras:
        keras.check(found.network)
    stated = over(from_attributes(container.attributes, container.path), from_sidecar(container.path))
    return StoredModel(
        path=container.path,
        network=found.network,
        stated=over(stated, keras.stated) if keras else stated,
        notes=(*(keras.notes if keras else ()), *found.notes),
        format=keras.format if keras else f"{found.style} {container.kind}",
        container=container.kind,
        reading=array_readings(container, found.layout),
        file_sha256=container.sha256,
        canonical_sha256=network_sha256(found.network),
        layout=found.layout,
        shapes={key: stored.shape for key, stored in container.arrays.items() if key in found.layout.keys},
        along=frozenset(key for key, stored in container.arrays.items() if goes_along(stored)) - set(found.layout.keys),
        layer_names=keras.layer_names if keras else None,
    )


def read_network(
    container: Container, mapping: Mapping[str, str] | None, inputs: int | None, keras: KerasModel | None
) -> Found:
    """The network alone: by --map, else as the file itself states its layout, else by names and shapes."""
    stated = None if mapping else stated_layout(container)
    shapes = {key: container.arrays[key].shape for key in (keras.keys if keras else container.arrays)}
    marked: Mapping[str, bool] = {}
    notes: tuple[str, ...] = ()
    if stated is not None:
        return stated_network(container, stated, shapes, inputs, keras)
    if mapping:
        naming, marked = mapped(mapping, shapes)
    elif keras:
        refuse_unusable_arrays(container, shapes)
        naming = keras.naming
    else:
        naming, shapes, notes = recognise(container)
    arrays = Arrays(container, shapes, {})
    layout, more = choose(arrays, naming, inputs, marked)
    return Found(layout, arrays.network(layout), naming.style, (*notes, *more))


def stated_network(
    container: Container, layout: Layout, shapes: Mapping[str, Shape], inputs: int | None, keras: KerasModel | None
) -> Found:
    """The network in the layout that the file states; other arrays are not looked at."""
    style = require_agreement(layout, keras, shapes, container) if keras else style_of(layout, shapes)
    refuse_unusable_arrays(container, layout.keys)
    network = Arrays(container, shapes, {}).network(layout)
    if inputs not in (None, network.inputs):
        raise wrong_inputs(network.inputs, inputs)
    return Found(layout, network, style)


def style_of(layout: Layout, shapes: Mapping[str, Shape]) -> str:
    """The convention that the names of a stated layout's arrays follow, if they follow one."""
    try:
        return recognise_names({key: shapes[key] for key in layout.keys}).style
    except InputError:
        return "mapped"


def require_agreement(layout: Layout, keras: KerasModel, shapes: Mapping[str, Shape], container: Container) -> str:
    """What a Keras file states of its layout may only choose between readings that Keras's own names allow."""
    if layout not in readings(keras.naming, shapes):
        raise UnreadableFile(f"{path_name(container.path)}: {ATTRIBUTE} contradicts the layers of this Keras file")
    return keras.naming.style


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


def array_readings(container: Container, layout: Layout) -> tuple[ArrayReading, ...]:
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
