"""The activation of the hidden layer, positively homogeneous: a slope on either side of zero (docs/theory.md, section 1)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Activation:
    """t -> above t for t > 0, below t for t < 0. name: as reports and certificates have it."""

    name: str
    below: float
    above: float


RELU = Activation("relu", 0.0, 1.0)
