"""Every way in which programs store a two-layer network, as functions from a Network to a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import h5py
import numpy as np
from stored_files import dense, hdf5, keras, npz, torch_state

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
