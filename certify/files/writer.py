"""Write a network back in the format, names and orientation of the file that its model came from."""

from __future__ import annotations

import json
import zipfile
from math import prod
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from certify.errors import InputError, UnreadableFile, UsageError
from certify.files.choosing import network_sha256
from certify.files.container import NPZ
from certify.files.hdf5 import copy_structure
from certify.files.keras_config import JsonObject, class_name, functional_layers
from certify.files.layout import OUT_IN, Layout
from certify.files.mapping import map_option
from certify.files.model import StoredModel, keras_part, read_network
from certify.files.opening import file_sha256, open_container
from certify.files.replacing import replacing
from certify.files.statement import ATTRIBUTE, comment_of, statement_of
from certify.files.text import path_name, printable
from certify.problem.network import Network, padded

if TYPE_CHECKING:
    import h5py

LAYERS = ("fc1", "fc2")
HDF5_SUFFIXES = (".h5", ".hdf5")
ALONG_CAP = 1 << 20  # bytes of one array that is copied beside the weights


def save_network(network: Network, path: Path, like: StoredModel) -> None:
    """Write `network` (any width; without neurons, with one that is zero: nobody reads a file that has none) as float64 under
    the keys, in the orientation and with the shapes of `like`.

    The file replaces `path` at once, and only when it was read back as this very network. Where its names and shapes leave
    two readings it states its layout (certify/files/statement.py). HDF5 keeps the source file's groups, attributes and
    configurations, with the hidden units updated; npz keeps names, classes and texts. The state of the optimizer and records of
    the training are left out, since they belong to other weights.
    Raises UsageError when the folder cannot be written, UnreadableFile when the source has changed since it was read,
    ValueError when the biases differ from the source's.
    """
    path = Path(path)
    has = [(a is None) == (b is None) for a, b in zip(biases(network), biases(like.network), strict=True)]
    if not all(has) or (network.inputs, network.outputs) != (like.network.inputs, like.network.outputs):
        raise ValueError("a network is written only like a model of the same inputs, outputs and biases")
    network = padded(network, 1)
    arrays = like.layout.stored(network, like.shapes)
    try:
        with replacing(path) as temporary:
            write_like(temporary, like, arrays, network.width)
            if not is_read_as(temporary, network, like.layout):
                state_layout(temporary, like)
                if not is_read_as(temporary, network, like.layout):
                    raise UnreadableFile(
                        f"{path_name(path)}: not written, since it could not be read back; name a new file"
                    )
    except OSError as error:
        raise UsageError(f"{path_name(path)}: cannot be written ({printable(error.strerror or error)})") from error


def save_new_network(network: Network, path: Path) -> None:
    """Write `network` as float64 under PyTorch's names, fc1 hidden and fc2 output, (out, in): HDF5 where the name ends
    in .h5 or .hdf5, else npz; replacing `path` at once.

    Raises UsageError when the folder cannot be written.
    """
    path = Path(path)
    bias = [None if array is None else f"{layer}.bias" for layer, array in zip(LAYERS, biases(network), strict=True)]
    layout = Layout(f"{LAYERS[0]}.weight", f"{LAYERS[1]}.weight", bias[0], bias[1], OUT_IN, OUT_IN)
    arrays = layout.stored(network, {key: (1,) if key.endswith("bias") else (1, 1) for key in layout.keys})
    try:
        with replacing(path) as temporary:
            if path.suffix in HDF5_SUFFIXES:
                import h5py  # only for HDF5: it takes as long to load as numpy

                with h5py.File(temporary, "w") as target:
                    for key, values in arrays.items():
                        target.create_dataset(key, data=values)
            else:
                with open(temporary, "wb") as stream:
                    write_npz(stream, arrays)
    except OSError as error:
        raise UsageError(f"{path_name(path)}: cannot be written ({printable(error.strerror or error)})") from error


def biases(network: Network) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Both biases."""
    return network.hidden_bias, network.output_bias


def write_like(target: Path, like: StoredModel, arrays: dict[str, np.ndarray], width: int) -> None:
    """The arrays in the container of the model."""
    if like.container == NPZ:
        together = with_what_goes_along(like, arrays)
        with open(target, "wb") as stream:
            # keys such as "file" are names of savez's own arguments, so members are written one by one
            write_npz(stream, together)
    else:
        write_hdf5(target, like, arrays, width)


def with_what_goes_along(like: StoredModel, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays of an npz in its order, with names, classes and texts of the source, which hold for other weights too."""
    refuse_changed(like)
    with open_container(like.path) as container:
        found = {}
        for key, stored in container.arrays.items():
            if key in arrays:
                found[key] = arrays[key]
            elif key in like.along and prod(stored.shape) * np.dtype(stored.dtype).itemsize <= ALONG_CAP:
                found[key] = stored.fetch()
        return found


def refuse_changed(like: StoredModel) -> None:
    """The source has to be the file that was read. Raises UnreadableFile."""
    if file_sha256(like.path) != like.file_sha256:
        raise UnreadableFile(f"{path_name(like.path)}: the file has changed since it was read")


def is_read_as(path: Path, network: Network, layout: Layout) -> bool:
    """Whether a file is read as this network in this layout, with its data at hand and without, and by its own word alone."""
    with open_container(path) as container:
        shapes = {key: stored.shape for key, stored in container.arrays.items()}
        try:
            keras = keras_part(container, None)
            found = [read_network(container, None, inputs, keras) for inputs in (network.inputs, None)]
        except InputError:
            return False
    return all(
        network_sha256(each.network) == network_sha256(network)
        and map_option(each.layout, shapes) == map_option(layout, shapes)
        for each in found
    )


def state_layout(path: Path, like: StoredModel) -> None:
    """Let a file say which array is which, and how its matrices are stored, beside its arrays."""
    text = statement_of(like.layout)
    if like.container == NPZ:
        with zipfile.ZipFile(path, "a") as archive:
            archive.comment = comment_of(text)
        return
    import h5py  # only for HDF5: it takes as long to load as numpy

    with h5py.File(path, "r+") as file:
        file.attrs[ATTRIBUTE] = text


def write_npz(stream: IO[bytes], arrays: dict[str, np.ndarray]) -> None:
    """An npz with one member an array."""
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for key, values in arrays.items():
            with archive.open(f"{key}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, values, allow_pickle=False)


def write_hdf5(target: Path, like: StoredModel, arrays: dict[str, np.ndarray], width: int) -> None:
    """A copy of the source without optimizer state, with the arrays replaced."""
    refuse_changed(like)
    used = dict.fromkeys(key.split("/")[0] for key in (*arrays, *sorted(like.along)))
    copy_structure(like.path, target, list(used))
    import h5py  # only for HDF5: it takes as long to load as numpy

    with h5py.File(target, "r+") as copy:
        if like.layer_names is None:
            for key in datasets(copy) - set(arrays) - like.along:
                del copy[key]  # what a group held beside the weights belongs to other weights
        for key, values in arrays.items():
            replace_dataset(copy, key, values)
        update_configuration(copy, like, width)


def datasets(file: h5py.File) -> set[str]:
    """The paths of all arrays."""
    found: set[str] = set()
    file.visititems(lambda path, item: found.add(path) if hasattr(item, "shape") else None)
    return found


def replace_dataset(copy: h5py.File, key: str, values: np.ndarray) -> None:
    """The same place and attributes, new numbers, float64."""
    attributes = dict(copy[key].attrs)
    del copy[key]
    dataset = copy.create_dataset(key, data=values)
    for name, value in attributes.items():
        dataset.attrs[name] = value


def update_configuration(copy: h5py.File, like: StoredModel, width: int) -> None:
    """Keras's model_config with the new number of hidden units."""
    if like.layer_names is None or "model_config" not in copy.attrs or width == like.network.width:
        return
    text = copy.attrs["model_config"]
    config = json.loads(text)
    set_units(config, like.layer_names[0], width)
    del copy.attrs["model_config"]
    copy.attrs["model_config"] = json.dumps(config)


def set_units(config: JsonObject, hidden: str, width: int) -> None:
    """Change `units` of the hidden layer, and the input shape that later layers may carry."""
    inner = config["config"]
    if class_name(config, "model_config") == "Sequential":
        layers = inner if isinstance(inner, list) else inner["layers"]
    else:
        layers = functional_layers(inner)
    after = False
    for layer in layers:
        if after:
            set_last_extent(layer, width)
        if layer["config"].get("name") == hidden:
            layer["config"]["units"] = width
            after = True


def set_last_extent(layer: JsonObject, width: int) -> None:
    """The shapes of what a layer reads, in build_config and in Keras 3's tensors."""
    shapes = [layer.get("build_config"), *tensor_configs(layer.get("inbound_nodes"))]
    for holder in shapes:
        for key in ("input_shape", "shape"):
            if isinstance(holder, dict) and isinstance(holder.get(key), list) and holder[key]:
                holder[key][-1] = width


def tensor_configs(nodes: object) -> list[Any]:
    """Every serialised tensor (a dictionary with keras_history) below a node."""
    if isinstance(nodes, dict):
        own = [nodes] if "keras_history" in nodes else []
        return own + [found for value in nodes.values() for found in tensor_configs(value)]
    return [found for value in nodes for found in tensor_configs(value)] if isinstance(nodes, list) else []
