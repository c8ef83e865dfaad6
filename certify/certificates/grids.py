"""Floats as integers on a grid of a power of two, rounded to the side that a proof needs."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

_MOST_SHIFT = 4000


def shift_for(values: np.ndarray, bits: int) -> int:
    """The shift s >= 0 of a grid 2^-s on which the largest value has that many bits."""
    top = float(np.max(np.abs(values), initial=0.0))
    return min(max(bits - math.frexp(top)[1], 0), _MOST_SHIFT) if top > 0 else 0


def on_grid(values: np.ndarray, shift: int, rounding: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """values rounded to multiples of 2^-shift."""
    return np.ldexp(rounding(np.ldexp(values, shift)), -shift)


def as_grid(values: np.ndarray, shift: int) -> dict[str, Any]:
    """Multiples of 2^-shift as the certificate has them."""
    return {"shift": shift, "integers": [int(x) for x in np.ldexp(values, shift).ravel()]}
