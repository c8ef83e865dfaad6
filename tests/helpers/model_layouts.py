"""Every way in which programs store a two-layer network, as functions from a Network to a file."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import h5py
import numpy as np
from stored_files import dense, hdf5, keras, npz, same, torch_state

from certify.errors import AmbiguousFile
from certify.files import load_model, parse_map
from certify.problem.network import Network

Store = Callable[[Path, Network], Path]
Named = dict[str, "np.ndarray | None"]


def there(arrays: Named) -> dict[str, np.ndarray]:
    """The arrays that the network has."""
    return {key: values for key, values in arrays.items() if values is not None}


def bias_as(values: np.ndarray | None, *shape: int) -> np.ndarray | None:
    """A bias in this shape."""
    return None if values is None else values.reshape(shape)


def in_out(net: Network, names: tuple[str, str, str, str]) -> Named:
    """x @ W: kernels (in, out), biases vectors. names: of W1, b1, W2, b2."""
    return dict(zip(names, (net.hidden_weights.T, net.hidden_bias, net.output_weights, net.output_bias), strict=True))


def out_in(net: Network, names: tuple[str, str, str, str]) -> Named:
    """W @ x: weights (out, in), biases vectors."""
    return dict(zip(names, (net.hidden_weights, net.hidden_bias, net.output_weights.T, net.output_bias), strict=True))


PLAIN = ("W1", "b1", "W2", "b2")
SCIKIT = ("coefs_0", "intercepts_0", "coefs_1", "intercepts_1")
FLAX = ("params/Dense_0/kernel", "params/Dense_0/bias", "params/Dense_1/kernel", "params/Dense_1/bias")


def rows(net: Network) -> Named:
    """Samples are rows, biases are rows."""
    return in_out(net, PLAIN) | {"b1": bias_as(net.hidden_bias, 1, -1), "b2": bias_as(net.output_bias, 1, 1)}


def columns(net: Network) -> Named:
    """Samples are columns, biases are columns."""
    return out_in(net, PLAIN) | {"b1": bias_as(net.hidden_bias, -1, 1), "b2": bias_as(net.output_bias, 1, 1)}


def vectors(net: Network) -> Named:
    """The output weights are a vector, the output bias is a scalar, and so are one input's weights a vector."""
    hidden = net.hidden_weights[:, 0] if net.inputs == 1 else net.hidden_weights
    named = {"W": hidden, "b": net.hidden_bias, "alpha": net.output_weights[:, 0]}
    return named | {"c": bias_as(net.output_bias)}


def turned_vectors(net: Network) -> Named:
    """The output weights are a vector, and the hidden weights (in, out)."""
    return {"U": net.hidden_weights.T, "b": net.hidden_bias, "v": net.output_weights[:, 0], "c": net.output_bias}


def positional(net: Network) -> Named:
    """np.savez(path, W1, b1, W2, b2), or the two weights alone."""
    arrays = (net.hidden_weights, net.hidden_bias, net.output_weights.T, net.output_bias)
    return {f"arr_{index}": values for index, values in enumerate(array for array in arrays if array is not None)}


def scikit_positional(net: Network) -> Named:
    """np.savez(path, *coefs_, *intercepts_)."""
    arrays = (net.hidden_weights.T, net.output_weights, net.hidden_bias, net.output_bias)
    return {f"arr_{index}": values for index, values in enumerate(array for array in arrays if array is not None)}


def mirrored_flax(net: Network) -> Named:
    """Flax's names where the output layer was made first."""
    return in_out(net, (*FLAX[2:], *FLAX[:2]))


NPZ_LAYOUTS: Mapping[str, Callable[[Network], Named]] = {
    "torch": torch_state,
    "torch words": lambda net: torch_state(net, "model.hidden", "model.head"),
    "torch without depth": lambda net: torch_state(net, "z", "a"),
    "torch in reverse": lambda net: torch_state(net, "layer2", "layer1"),
    "flax": lambda net: in_out(net, FLAX),
    "flax in reverse": mirrored_flax,
    "scikit-learn": lambda net: in_out(net, SCIKIT),
    "scikit-learn positional": scikit_positional,
    "positional": positional,
    "plain (in, out)": lambda net: in_out(net, PLAIN),
    "plain (out, in)": lambda net: out_in(net, PLAIN),
    "rows": rows,
    "columns": columns,
    "vectors": vectors,
    "turned vectors": turned_vectors,
    "from zero": lambda net: in_out(net, ("W0", "b0", "W1", "b1")),
    "Haiku": lambda net: in_out(net, ("linear/w", "linear/b", "linear_1/w", "linear_1/b")),
    "Haiku in reverse": lambda net: in_out(net, ("m/~/linear_1/w", "m/~/linear_1/b", "m/~/linear/w", "m/~/linear/b")),
    "Haiku MLP": lambda net: in_out(
        net, ("mlp/~/linear_0/w", "mlp/~/linear_0/b", "mlp/~/linear_1/w", "mlp/~/linear_1/b")
    ),
    "TensorFlow variables": lambda net: in_out(net, ("Variable:0", "Variable_1:0", "Variable_2:0", "Variable_3:0")),
    "TensorFlow weights first": lambda net: in_out(net, ("Variable", "Variable_2", "Variable_1", "Variable_3")),
    "TensorFlow scopes": lambda net: in_out(net, ("hidden/w:0", "hidden/b:0", "out/w:0", "out/b:0")),
    "TensorFlow kernels": lambda net: in_out(
        net, ("dense/kernel:0", "dense/bias:0", "dense_1/kernel:0", "dense_1/bias:0")
    ),
    "scopes": lambda net: out_in(net, ("layer1/W", "layer1/b", "layer2/W", "layer2/b")),
    "unknown names": lambda net: out_in(net, ("p", "q", "r", "s")),
}


def keras_weights(path: Path, net: Network) -> Path:
    """Keras's save_weights("w.h5"), with the layers' names in an order that is not their depth."""
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = ["a_out", "fc1"]
        layers = (("fc1", net.hidden_weights.T, net.hidden_bias), ("a_out", net.output_weights, net.output_bias))
        for name, kernel, bias in layers:
            arrays = there({"kernel:0": kernel, "bias:0": bias})
            file.create_group(name).attrs["weight_names"] = [f"{name}/{part}" for part in arrays]
            for part, values in arrays.items():
                file[f"{name}/{name}/{part}"] = values
    return path


def keras_counted(path: Path, net: Network) -> Path:
    """Keras 3's save_weights("m.weights.h5")."""
    layers = {"dense_9": (net.hidden_weights.T, net.hidden_bias), "dense_10": (net.output_weights, net.output_bias)}
    arrays = {f"layers/{name}/vars/{i}": values for name, pair in layers.items() for i, values in enumerate(pair)}
    return hdf5(path, there(arrays))


def keras_model(path: Path, net: Network) -> Path:
    """Keras's model.save("m.h5")."""
    settings = {"use_bias": net.hidden_bias is not None}
    layers = [dense("first", net.width, "relu", **settings), dense("last", 1, "linear", **settings)]
    return keras(path, net, layers)


HDF5_LAYOUTS: Mapping[str, Store] = {
    "Keras model": keras_model,
    "Keras weights": keras_weights,
    "Keras .weights.h5": keras_counted,
    "torch in HDF5": lambda path, net: hdf5(path, torch_state(net, "net/0", "net/2")),
    "columns in HDF5": lambda path, net: hdf5(path, there(columns(net))),
    "vectors in a group": lambda path, net: hdf5(path, {f"net/{key}": a for key, a in there(vectors(net)).items()}),
}
LAYOUTS = (*NPZ_LAYOUTS, *HDF5_LAYOUTS)


def store(folder: Path, layout: str, net: Network) -> Path:
    """The network in a file `model.npz` or `model.h5` of this layout."""
    if layout in NPZ_LAYOUTS:
        return npz(folder / "model.npz", **there(NPZ_LAYOUTS[layout](net)))
    return HDF5_LAYOUTS[layout](folder / "model.h5", net)


def contents(path: Path) -> dict[str, np.ndarray]:
    """Every array of an npz or HDF5 file as its own library gives it, in the file's order."""
    if path.suffix == ".npz":
        with np.load(path) as file:
            return {key: file[key] for key in file.files}
    found: dict[str, np.ndarray] = {}
    with h5py.File(path) as file:
        file.visititems(lambda key, item: found.update({key: item[()]}) if isinstance(item, h5py.Dataset) else None)
    return found


def typed_map(path: Path, net: Network) -> tuple[str, ...]:
    """The option, of those that a refusal as ambiguous names, by which the file is read as this network; none where none is needed."""
    try:
        load_model(path, inputs=net.inputs)
    except AmbiguousFile as refusal:
        options = re.findall('--map "(.*?)"', str(refusal))
        return next(("--map", text) for text in options if same(load_model(path, parse_map([text])).network, net))
    return ()
