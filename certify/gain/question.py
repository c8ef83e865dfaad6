"""The one question that every engine answers: how large is the gain? (docs/theory.md, section 3)

    M(nu) = max over |u|_P <= 1 of |nu . (Z u)_+|

Z are the data rows, with a column of ones last where the hidden layer has a bias; |u|_P is the Euclidean norm, or the
semi-norm that leaves the last entry out where that bias is free (then sum(nu) = 0, or M is infinite).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from certify import linear
from certify.arrays import Floats


@dataclass(frozen=True, slots=True, eq=False)
class GainProblem:
    """rows Z (n, D), dual vector nu (n,), or (n, k) for k outputs. Both are taken as exact numbers.

    free_bias: the last column of Z is a column of ones whose weight is not in the norm; then nu must sum to exactly 0.
    For k outputs the gain is the Euclidean norm of nu' (Z u)_+, k numbers.
    """

    rows: Floats
    nu: Floats
    free_bias: bool = False

    @property
    def outputs(self) -> int:
        """Number k of outputs."""
        return 1 if self.nu.ndim == 1 else self.nu.shape[1]

    def gain(self, direction: Floats) -> float:
        """nu . (Z u)_+ for u = direction / |direction|_P (shape (D,)), rounded to nearest: signed, or a norm for k outputs."""
        size = linear.norm(direction[:-1] if self.free_bias else direction)
        if not size > 0:
            return 0.0
        gains = linear.matmul(np.maximum(linear.matmul(self.rows, direction), 0.0), self.nu)
        return float(gains if self.nu.ndim == 1 else math.hypot(*gains)) / size


@dataclass(frozen=True, slots=True, eq=False)
class Violator:
    """A direction (D,) of P-norm 1 and the sign of nu . (Z u)_+; gain is its absolute value, rounded to nearest."""

    direction: Floats
    sign: int
    gain: float


class Proof(Protocol):
    """What proves an upper bound: a tree of splits below an engine's roots, and hints for its leaves (`search/proof.py`)."""

    @property
    def upper(self) -> float:
        """The bound."""

    @property
    def method(self) -> str:
        """The engine's name."""

    @property
    def brancher(self) -> Any:
        """The engine, which knows the roots and how they are split."""

    @property
    def search(self) -> Any:
        """What holds the tree."""

    def leaves(self, threshold: float | None = None) -> Iterator[Any]:
        """Every leaf with hints for M(nu) <= threshold."""


@dataclass(frozen=True, slots=True, eq=False)
class GainBound:
    """lower <= M(nu) <= upper, rounding accounted for.

    witnesses: directions found, largest gain first, one per activation pattern and sign; the first attains `lower`.
    settled: the search ended by itself; False when a limit cut it short (the bounds are then the current, true ones).
    proof: the tree and, on demand, the hints that prove `upper`; None where another bound than a search's was the smallest.
    ahead: work that was still expected when a limit cut the search short, in units of what it had done; infinite where nothing tells.
    """

    lower: float
    upper: float
    witnesses: tuple[Violator, ...]
    nodes: int
    settled: bool
    method: str
    proof: Proof | None = None
    ahead: float = math.inf


@dataclass(frozen=True, slots=True)
class Question:
    """What the caller wants to know of M(nu).

    threshold   gains up to here do not matter: the search may stop once M <= threshold is proved
    tolerance   relative accuracy of M where it is larger
    stop_above  a witness above this ends the search at once
    starts      how many seeds the ascents get beside the given ones; None: by the rank
    """

    threshold: float = 0.0
    tolerance: float = 1e-9
    stop_above: float = math.inf
    starts: int | None = None
    seed: int = 0
    threads: int = 1


@dataclass(slots=True)
class Limits:
    """When to stop: a deadline on time.monotonic(), a node budget, a wish from outside. All may be absent."""

    deadline: float | None = None
    nodes: int | None = None
    cancelled: Callable[[], bool] = field(default=lambda: False)

    def reached(self, nodes_so_far: int = 0) -> bool:
        """True as soon as any limit is reached."""
        return (
            (self.deadline is not None and time.monotonic() >= self.deadline)
            or (self.nodes is not None and nodes_so_far >= self.nodes)
            or self.cancelled()
        )

    def within(self, seconds: float | None = None, nodes: int | None = None) -> Limits:
        """The same limits, tightened to at most so many seconds from now and so many nodes."""
        deadlines = [self.deadline, None if seconds is None else time.monotonic() + seconds]
        budgets = [self.nodes, nodes]
        return Limits(
            min((d for d in deadlines if d is not None), default=None),
            min((b for b in budgets if b is not None), default=None),
            self.cancelled,
        )
