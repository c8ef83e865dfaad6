"""Where each parameter of the network lies in a file: which key, and in which orientation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import permutations, product
from typing import TypeAlias

import numpy as np

from certify.problem.network import Network

Shape: TypeAlias = tuple[int, ...]
Layer: TypeAlias = tuple[str, str | None]  # keys of the weight and of the bias
SUPPORTED = "supported: two dense layers with ReLU between them"
OUT_IN = "out-in"  # PyTorch's Linear.weight
IN_OUT = "in-out"  # Keras, Flax and scikit-learn kernels


@dataclass(frozen=True, slots=True)
class Layout:
    """Keys of the four parameters. hidden_order and output_order say how the stored matrices are oriented.

    A vector stored for a layer of one input or one output has either order.
    """

    hidden: str
    output: str
    hidden_bias: str | None
    output_bias: str | None
    hidden_order: str
    output_order: str

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys in use, in the order W1, b1, W2, b2."""
        return tuple(k for k in (self.hidden, self.hidden_bias, self.output, self.output_bias) if k is not None)

    def roles(self) -> dict[str, str]:
        """Key of each role that is there, by the role names of --map."""
        named = {
            "hidden.weight": self.hidden,
            "hidden.bias": self.hidden_bias,
            "output.weight": self.output,
            "output.bias": self.output_bias,
        }
        return {role: key for role, key in named.items() if key is not None}

    def dimensions(self, shapes: Mapping[str, Shape]) -> tuple[int, int, int] | None:
        """(d, m, k) when the shapes chain d -> m -> k and the biases have lengths m and k, else None."""
        hidden, output = matrix(shapes[self.hidden]), matrix(shapes[self.output])
        if hidden is None or output is None:
            return None
        width, inputs = hidden if self.hidden_order == OUT_IN or len(shapes[self.hidden]) == 1 else hidden[::-1]
        fan_in, outputs = output if self.output_order == IN_OUT or len(shapes[self.output]) == 1 else output[::-1]
        biases = ((self.hidden_bias, width), (self.output_bias, outputs))
        if fan_in != width or not all(key is None or is_vector(shapes[key], size) for key, size in biases):
            return None
        return inputs, width, outputs

    def network(self, arrays: Mapping[str, np.ndarray]) -> Network:
        """The network that the arrays hold in this layout."""
        bias = [None if key is None else arrays[key].reshape(-1) for key in (self.hidden_bias, self.output_bias)]
        hidden = oriented(arrays[self.hidden], self.hidden_order == OUT_IN)
        output = oriented(arrays[self.output], self.output_order == IN_OUT)
        return Network(hidden, output, bias[0], bias[1])

    def stored(self, network: Network, shapes: Mapping[str, Shape]) -> dict[str, np.ndarray]:
        """The reverse of `network`: float64 arrays by key, for a network of any width.

        shapes: those of the arrays that this layout was read from. Vectors stay vectors, a bias that was a row, a column
        or a scalar stays one; only a scalar hidden bias becomes a vector where there are several neurons.
        """
        hidden = network.hidden_weights if self.hidden_order == OUT_IN else network.hidden_weights.T
        output = network.output_weights if self.output_order == IN_OUT else network.output_weights.T
        arrays = {
            self.hidden: as_weight(hidden, shapes[self.hidden]),
            self.output: as_weight(output, shapes[self.output]),
        }
        biases = (
            (self.hidden_bias, network.hidden_bias, self.hidden_order),
            (self.output_bias, network.output_bias, self.output_order),
        )
        for key, values, order in biases:
            if key is not None and values is not None:
                arrays[key] = as_bias(values, shapes[key], column=order == OUT_IN)
        return {key: arrays[key] for key in shapes if key in arrays}


def matrix(shape: Shape) -> tuple[int, int] | None:
    """Rows and columns; a vector is one column."""
    return (shape[0], 1) if len(shape) == 1 else (shape[0], shape[1]) if len(shape) == 2 else None


def is_vector(shape: Shape, size: int) -> bool:
    """Whether a bias of `size` entries may have this shape: (size,), one row, one column, or () for a single one."""
    return int(np.prod(shape, dtype=object)) == size and (len(shape) < 2 or (len(shape) == 2 and 1 in shape))


def oriented(array: np.ndarray, as_is: bool) -> np.ndarray:
    """The matrix as it is or transposed; a vector becomes one column either way."""
    column_or_matrix = array.reshape(-1, 1) if array.ndim == 1 else array
    return np.ascontiguousarray(column_or_matrix if as_is or array.ndim == 1 else column_or_matrix.T)


def as_weight(values: np.ndarray, model: Shape) -> np.ndarray:
    """A weight matrix in float64, as a vector where the model's file has one (a layer of one input or of one output)."""
    return np.array(values.reshape(-1) if len(model) == 1 else values, dtype=np.float64, order="C")


def as_bias(values: np.ndarray, model: Shape, column: bool) -> np.ndarray:
    """A bias (size,) in float64, as scalar, vector, row or column like the model's.

    A model of shape (1, 1) is read as a column where `column` says that the layer's weight multiplies samples from the left.
    """
    if len(model) == 2:
        shape: Shape = (-1, 1) if model[0] > 1 or (model[1] == 1 and column) else (1, -1)
    else:
        shape = () if model == () and values.size == 1 else (-1,)
    return np.array(values.reshape(shape), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Naming:
    """What a file's names settle before shapes are looked at.

    style   the naming convention, for messages ("PyTorch", "Keras", "Flax", "scikit-learn", "plain")
    layers  (weight key, bias key | None) in the order that the names suggest; the first is hidden
    fixed   the order of layers is certain, not only suggested
    tie     the suggested order may settle what the shapes leave open
    order   orientation of both matrices, or None when only shapes can tell
    loose   keys whose role is unknown altogether: every assignment is tried, of biases alone where `layers` names the weights
    numbered  the loose keys are in the order of their numbers: matrices are the weights, and of the weights as of the biases the
              first is hidden
    preferred_order  orientation where shapes leave it open; preferred_as: why, to be said where it decides
    """

    style: str
    layers: tuple[Layer, ...] = ()
    fixed: bool = False
    tie: bool = True
    order: str | None = None
    loose: tuple[str, ...] = ()
    numbered: bool = False
    preferred_order: str | None = None
    preferred_as: str | None = None


def readings(naming: Naming, shapes: Mapping[str, Shape]) -> dict[Layout, tuple[int, int, int]]:
    """Every layout that the names allow and whose shapes chain, suggested order first, with its d, m, k."""
    orders = [naming.order] if naming.order else [IN_OUT, OUT_IN]
    # of readings that agree the first is kept: the one in which both matrices are stored alike, for the writer's sake
    pairs = sorted(product(orders, orders), key=lambda pair: pair[0] != pair[1])
    found = {}
    for (hidden, hidden_bias), (output, output_bias) in role_assignments(naming, shapes):
        for pair in pairs:
            layout = Layout(hidden, output, hidden_bias, output_bias, *pair)
            sizes = layout.dimensions(shapes)
            if sizes is not None:
                found[layout] = sizes
    return found


def role_assignments(naming: Naming, shapes: Mapping[str, Shape]) -> Iterator[tuple[Layer, ...]]:
    """((W1, b1), (W2, b2)) for every assignment of keys to roles that the names leave possible."""
    if not naming.loose:
        yield naming.layers
        if not naming.fixed:
            yield naming.layers[::-1]
        return
    for keys in permutations((*naming.loose, None, None), 4):
        hidden, output, hidden_bias, output_bias = keys
        if hidden is None or output is None or not set(naming.loose) <= set(keys):
            continue
        if naming.layers and (hidden, output) != tuple(weight for weight, _ in naming.layers):
            continue
        ranks = [len(shapes[key]) for key in (hidden_bias, output_bias) if key is not None]
        least = 2 if naming.numbered else 1
        if (max(ranks, default=0) < 2 or naming.numbered) and min(len(shapes[hidden]), len(shapes[output])) >= least:
            yield (hidden, hidden_bias), (output, output_bias)
