"""The words that options accept."""

from __future__ import annotations

from enum import StrEnum


class Penalize(StrEnum):
    """What the weight decay covers."""

    WEIGHTS = "weights"
    ALL = "all"


class Convention(StrEnum):
    """Whose defaults state the loss, its reduction and the biases' part."""

    KERAS = "keras"
    TORCH = "torch"
    SKLEARN = "sklearn"


class Engine(StrEnum):
    """Which search proves the bound on the gain."""

    AUTO = "auto"
    ENUMERATE = "enumerate"


class Format(StrEnum):
    """How a result is written."""

    TEXT = "text"
    JSON = "json"


class FailOn(StrEnum):
    """The mildest verdict that fails."""

    REFUTED = "refuted"
    INCONCLUSIVE = "inconclusive"
