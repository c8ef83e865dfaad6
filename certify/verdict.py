"""What a check concludes: bounds that are always true, and what follows from them (docs/theory.md, section 4)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from certify.problem.network import Network

if TYPE_CHECKING:
    from certify.problem.dual import LowerBound


NEAR = 0.05  # at most so far above the proved bound on P*, relatively, a network is said to be near


class Decision(StrEnum):
    """The three answers."""

    CERTIFIED = "certified"
    REFUTED = "refuted"
    INCONCLUSIVE = "inconclusive"


class Reason(StrEnum):
    """Why a check is inconclusive."""

    LIMIT = "limit"  # time or nodes ran out; the bounds are those reached
    WIDTH = "width"  # only a wider network is known to be better
    NUMERICS = "numerics"  # float64 cannot separate the bounds further
    INTERRUPTED = "interrupted"  # Ctrl-C


@dataclass(frozen=True, slots=True)
class Bounds:
    """lower <= quantity <= upper, with rounding accounted for."""

    lower: float
    upper: float


@dataclass(frozen=True, slots=True, eq=False)
class Direction:
    """A straight line in parameter space along which the objective was measured to fall.

    hidden_weights (m, d), output_weights (m,), hidden_bias (m,) | None, output_bias: the displacement at full step
    (an array of zeros where nothing moves); theta + step * displacement has the objective lowered by `decrease`.
    neurons: the rows that move. order 1: rate is the initial slope; order 2 (a zero neuron): half the second derivative;
    order 0: the whole way to the witness at once, between whose ends the objective may rise first; rate is -decrease.
    """

    displacement: Network
    neurons: tuple[int, ...]
    step: float
    order: int
    rate: float
    decrease: float


@dataclass(frozen=True, slots=True, eq=False)
class Witness:
    """A network with a lower objective, re-evaluated on the original objective before it is shown."""

    network: Network
    value: Bounds
    kind: str  # gradient | dead-neuron | rebuilt | retrained | wider
    direction: Direction | None

    @property
    def width(self) -> int:
        """Number of neurons in the better network."""
        return self.network.width


@dataclass(frozen=True, slots=True)
class Stationarity:
    """The first-order report (docs/theory.md, section 6). Residuals are relative; see certify/decide/stationarity.py.

    directional is None where too many dependent boundary samples leave it open, and clarke too where samples lie both at a kink of the
    loss and on a neuron's boundary; balanced without weight decay, where rescaling a neuron costs nothing.
    """

    balanced: bool | None
    active: bool
    clarke: bool | None
    directional: bool | None
    balance_residual: float
    activity_residual: float
    clarke_residual: tuple[float, ...]  # one per neuron
    boundary: tuple[tuple[int, ...], ...]  # per neuron: indices of samples with x.u = 0
    dead: tuple[int, ...]  # neurons that are zero or inactive on every sample
    mergeable: tuple[tuple[int, ...], ...]  # groups of same-sign neurons in one closed cone
    tolerance: float
    bias_residual: float = 0.0  # slope by the output bias

    @property
    def residual(self) -> float:
        """The largest relative residual of all."""
        return max(self.balance_residual, self.activity_residual, self.bias_residual, *self.clarke_residual)


@dataclass(frozen=True, slots=True)
class SearchReport:
    """What the search cost."""

    method: str
    nodes: int
    seconds: float
    threads: int
    peak_memory_mb: float


@dataclass(frozen=True, slots=True)
class SameWidth:
    """What training at the given width from many starts came to (certify/decide/same_width).

    starts, lines   descents in all, and in how many independent lines
    reached         lines that ended at the best value      best  F of the best network met
    """

    starts: int
    lines: int
    reached: int
    best: Bounds
    seconds: float


@dataclass(frozen=True, slots=True)
class Lack:
    """What time did not suffice for, and what to do now.

    seconds   how much longer it would have taken, about; None where nothing tells
    unproved  what the search has found that no certificate was accepted of for lack of time; None: the search itself was not done
    remedy    options that would do, such as "--time-limit 120"; empty where none is known
    """

    seconds: float | None = None
    unproved: Decision | None = None
    remedy: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """The outcome of one check. value, optimum and gain are true whatever stopped the search.

    value    F of the network            optimum  bounds on the least F over networks of every width
    gain     bounds on M(nu) of the network's own dual vector nu (docs/theory.md, section 3)
    lacks    what a verdict that is inconclusive for lack of time needs; None for every other
    """

    decision: Decision
    reason: Reason | None
    explanation: str
    eps: float
    value: Bounds
    optimum: Bounds
    gain: Bounds
    beta: float
    width: int
    width_needed: int | None
    samples: int
    inputs: int
    outputs: int
    rank: int
    stationarity: Stationarity
    witness: Witness | None
    search: SearchReport
    same_width: SameWidth | None = None  # None where nothing had to be sought at this width
    interrupted: bool = False  # Ctrl-C came before the search had ended by itself
    proof: LowerBound | None = None  # what optimum.lower follows from: dual vector and proved gain
    certificate: bytes | None = None  # accepted by certify/checker; None where none was wanted or could be written
    certificate_note: str = ""  # why there is none, or what it leaves out
    lacks: Lack | None = None

    @property
    def gap(self) -> float:
        """Upper bound on F(theta) - P*: how far the network can be from the best of any width."""
        return max(self.value.upper - self.optimum.lower, 0.0)

    @property
    def relative_gap(self) -> float:
        """The gap over |F(theta)|."""
        scale = abs(self.value.lower)
        return self.gap / scale if scale > 0 else (0.0 if self.gap == 0 else float("inf"))
