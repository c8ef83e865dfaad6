"""Activations that are not decided, but that a network read as ReLU may have been trained with: value and slope.

The slopes are what a gradient needs (certify/problem/implied.py); GELU is its usual approximation by tanh.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from certify._core.elementary import exp
from certify.arrays import Floats


@dataclass(frozen=True, slots=True)
class Curve:
    """t -> value(t) and its derivative, entry by entry; jump: by how much that rises at 0. smooth: curved, without a kink."""

    value: Callable[[Floats], Floats]
    slope: Callable[[Floats], Floats]
    jump: float = 0.0
    smooth: bool = True


def _sigmoid(t: Floats) -> Floats:
    e = exp(-np.abs(t))
    return np.where(t >= 0, 1.0, e) / (1.0 + e)


def _tanh(t: Floats) -> Floats:
    e = exp(-2.0 * np.abs(t))
    return np.sign(t) * (1.0 - e) / (1.0 + e)


def _sigmoid_slope(t: Floats) -> Floats:
    s = _sigmoid(t)
    return s * (1.0 - s)


def _silu_slope(t: Floats) -> Floats:
    s = _sigmoid(t)
    return s * (1.0 + t * (1.0 - s))


def _gelu_inner(t: Floats) -> Floats:
    return math.sqrt(2 / math.pi) * (t + 0.044715 * t * t * t)


def _gelu_slope(t: Floats) -> Floats:
    h = _tanh(_gelu_inner(t))
    return 0.5 * (1.0 + h) + 0.5 * t * (1.0 - h * h) * math.sqrt(2 / math.pi) * (1.0 + 3 * 0.044715 * t * t)


def _leaky(below: float) -> Curve:
    return Curve(
        lambda t: np.where(t > 0, t, below * t), lambda t: np.where(t > 0, 1.0, below), 1.0 - below, smooth=False
    )


NO_ACTIVATION = "no activation"
RELU = Curve(lambda t: np.maximum(t, 0.0), lambda t: np.where(t > 0, 1.0, 0.0), 1.0, smooth=False)
OTHERS: Mapping[str, Curve] = {
    "tanh": Curve(_tanh, lambda t: 1.0 - _tanh(t) ** 2),
    "sigmoid": Curve(_sigmoid, _sigmoid_slope),
    "leaky ReLU (0.01)": _leaky(0.01),
    "leaky ReLU (0.2)": _leaky(0.2),
    "ELU": Curve(lambda t: np.where(t > 0, t, exp(np.minimum(t, 0.0)) - 1.0), lambda t: exp(np.minimum(t, 0.0))),
    "SiLU": Curve(lambda t: t * _sigmoid(t), _silu_slope),
    "GELU": Curve(lambda t: 0.5 * t * (1.0 + _tanh(_gelu_inner(t))), _gelu_slope),
    NO_ACTIVATION: Curve(lambda t: t, np.ones_like, smooth=False),
}
