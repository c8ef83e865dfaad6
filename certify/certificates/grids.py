"""Floats as integers on a grid of a power of two, rounded to the side that a proof needs."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from certify.arrays import Floats

_MOST_SHIFT = 4000


def shift_for(values: Floats, bits: int) -> int:
    """The shift s >= 0 of a grid 2^-s on which the largest value has that many bits."""
    top = float(np.max(np.abs(values), initial=0.0))
    return min(max(bits - math.frexp(top)[1], 0), _MOST_SHIFT) if top > 0 else 0


def on_grid(values: Floats, shift: int, rounding: Callable[[Floats], Floats]) -> Floats:
    """values rounded to multiples of 2^-shift."""
    rounded: Floats = np.ldexp(rounding(np.ldexp(values, shift)), -shift)
    return rounded


def as_grid(values: Floats, shift: int) -> dict[str, Any]:
    """Multiples of 2^-shift as the certificate has them."""
    return {"shift": shift, "integers": [int(x) for x in np.ldexp(values, shift).ravel()]}
