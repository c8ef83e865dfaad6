"""Builds the files that the tests of certify.files read: plain arrays, and Keras's HDF5 layout with any configuration."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np

from certify.problem.network import Network

SAMPLES = Path(__file__).resolve().parents[2] / "fixtures" / "samples"
READABLE_MODELS = (
    "flax.npz",
    "k3w.h5",
    "keras2.h5",
    "keras2.weights.h5",
    "keras2_func.h5",
    "keras2_only.h5",
    "keras3.weights.h5",
    "keras3_legacy.h5",
    "sk.npz",
    "torch_fc.h5",
    "torch_fc.npz",
)
PARTS = ("hidden_weights", "hidden_bias", "output_weights", "output_bias")


def random_network(d: int = 3, m: int = 5, k: int = 1, biases: bool = True, seed: int = 0) -> Network:
    """A network of normal entries."""
    rng = np.random.default_rng(seed)
    bias = (rng.normal(size=m), rng.normal(size=k)) if biases else (None, None)
    return Network(rng.normal(size=(m, d)), rng.normal(size=(m, k)), *bias)


def same(left: Network, right: Network) -> bool:
    """Whether two networks hold exactly the same numbers."""
    pairs = [(getattr(left, part), getattr(right, part)) for part in PARTS]
    return all((a is None and b is None) or np.array_equal(a, b) for a, b in pairs)


def npz(path: Path, **arrays: np.ndarray) -> Path:
    """An npz; keys may hold dots, as in `**{"fc1.weight": …}`."""
    np.savez(path, **arrays)
    return path


def hdf5(path: Path, arrays: dict[str, np.ndarray], **attributes: object) -> Path:
    """An HDF5 file of datasets and root attributes."""
    with h5py.File(path, "w") as file:
        for key, values in arrays.items():
            file[key] = values
        file.attrs.update(attributes)
    return path


def torch_state(network: Network, first: str = "fc1", second: str = "fc2") -> dict[str, np.ndarray]:
    """A state_dict."""
    state = {f"{first}.weight": network.hidden_weights, f"{second}.weight": network.output_weights.T}
    if network.hidden_bias is not None:
        state |= {f"{first}.bias": network.hidden_bias, f"{second}.bias": network.output_bias}
    return state


def dense(name: str, units: int, activation: object, **settings: object) -> dict:
    """A Dense layer's entry in model_config."""
    config = {"name": name, "units": units, "activation": activation, "use_bias": True, **settings}
    return {"class_name": "Dense", "config": config}


def l2(value: float) -> dict:
    """A serialised L2 regulariser."""
    return {"module": "keras.regularizers", "class_name": "L2", "config": {"l2": value}, "registered_name": None}


def two_layers(m: int = 5, **settings: object) -> list[dict]:
    """Layers `first` (ReLU) and `last`, both with the same extra settings."""
    return [dense("first", m, "relu", **settings), dense("last", 1, "linear", **settings)]


def keras(
    path: Path,
    network: Network,
    layers: list[dict],
    training: dict | None = None,
    names: tuple[str, str] = ("first", "last"),
    **attributes: object,
) -> Path:
    """A Keras `.h5` of a Sequential model; `layers` are model_config's entries, `names` those of the dense layers."""
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"] = "3.15.1"
        file.attrs["model_config"] = json.dumps({"class_name": "Sequential", "config": {"layers": layers}})
        if training is not None:
            file.attrs["training_config"] = json.dumps(training)
        file.attrs.update(attributes)
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = [name.encode() for name in names]
        biases = (network.hidden_bias, network.output_bias)
        for name, kernel, bias in zip(names, (network.hidden_weights.T, network.output_weights), biases, strict=True):
            layer = group.create_group(name)
            layer.attrs["weight_names"] = [f"{name}/{part}:0" for part in ("kernel", "bias")[: 1 + (bias is not None)]]
            layer[f"{name}/kernel:0"] = kernel
            if bias is not None:
                layer[f"{name}/bias:0"] = bias
    return path
