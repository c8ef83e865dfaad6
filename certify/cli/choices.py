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
    """Which search proves the bound on the gain, and which solver takes the convex programs."""

    AUTO = "auto"
    CVXPY = "cvxpy"
    ENUMERATE = "enumerate"


class Biases(StrEnum):
    """Which layers of a network to be trained have a bias."""

    NONE = "none"
    HIDDEN = "hidden"
    OUTPUT = "output"
    BOTH = "both"


class Arrays(StrEnum):
    """Whether a certificate carries the arrays that it is about."""

    AUTO = "auto"
    CARRY = "carry"
    OMIT = "omit"


class Format(StrEnum):
    """How a result is written."""

    TEXT = "text"
    JSON = "json"


class FailOn(StrEnum):
    """The mildest verdict that fails."""

    REFUTED = "refuted"
    INCONCLUSIVE = "inconclusive"
