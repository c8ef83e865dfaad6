"""A two-layer ReLU network, as its file stores it (docs/theory.md, section 1)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from certify.arrays import Floats


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """f(x) = sum_j a_j (u_j . x + b_j)_+ + c, in float64.

    hidden_weights  (m, d)  row j is u_j
    hidden_bias     (m,)    b, or None when the layer has no bias parameter
    output_weights  (m, k)  row j is a_j
    output_bias     (k,)    c, or None when the layer has no bias parameter
    """

    hidden_weights: Floats
    output_weights: Floats
    hidden_bias: Floats | None = None
    output_bias: Floats | None = None

    def __post_init__(self) -> None:
        m = self.hidden_weights.shape[0]
        shapes_fit = (
            self.hidden_weights.ndim == 2
            and self.output_weights.ndim == 2
            and self.output_weights.shape[0] == m
            and (self.hidden_bias is None or self.hidden_bias.shape == (m,))
            and (self.output_bias is None or self.output_bias.shape == (self.outputs,))
        )
        if not shapes_fit:
            raise ValueError("the arrays of a Network must have shapes (m, d), (m, k), (m,), (k,)")

    @property
    def layers(self) -> tuple[tuple[Floats, Floats | None], tuple[Floats, Floats | None]]:
        """Weights and bias of the hidden and of the output layer."""
        return (self.hidden_weights, self.hidden_bias), (self.output_weights, self.output_bias)

    @property
    def width(self) -> int:
        """Number m of hidden neurons."""
        return int(self.hidden_weights.shape[0])

    @property
    def inputs(self) -> int:
        """Number d of inputs."""
        return int(self.hidden_weights.shape[1])

    @property
    def outputs(self) -> int:
        """Number k of outputs."""
        return int(self.output_weights.shape[1])


def padded(network: Network, width: int) -> Network:
    """The same function with at least `width` neurons, the new ones zero."""
    missing = max(0, width - network.width)

    def grown(array: Floats) -> Floats:
        return np.concatenate([array, np.zeros((missing, *array.shape[1:]))])

    bias = None if network.hidden_bias is None else grown(network.hidden_bias)
    return Network(grown(network.hidden_weights), grown(network.output_weights), bias, network.output_bias)
