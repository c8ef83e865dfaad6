"""What `certify stationary` finds out about a network."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from certify.arrays import Floats
from certify.landscape.stationary.kinks import Kink
from certify.landscape.stationary.neighbourhood import Neighbourhood
from certify.verdict import Bounds, Direction, Stationarity


class Kind(StrEnum):
    """How much of a minimum a network is; each of the last five is also all before it, but that a global one may be not strict."""

    NOT_STATIONARY = "not-stationary"
    CLARKE = "clarke"
    DIRECTIONAL = "directional"
    LOCAL_MINIMUM = "local-minimum"
    STRICT_LOCAL_MINIMUM = "strict-local-minimum"
    GLOBAL = "global"


class NeuronKind(StrEnum):
    """active: nonzero on both layers; zero: nothing left of it; silent: only a free hidden bias is left of it."""

    ACTIVE = "active"
    ZERO = "zero"
    SILENT = "silent"


@dataclass(frozen=True, slots=True, eq=False)
class NeuronReport:
    """First-order data of one neuron; residuals relative, as in `verdict.Stationarity`; kinks by ray.

    descent   bounds on the steepest rate at which F falls when its u moves in a unit direction; 0 where it rises in all
    direction (D,) of that: of u, a hidden bias last, for equal decays; None where F falls in none that was found
    """

    kind: NeuronKind
    balance: float
    activity: float
    residual: float
    kinks: tuple[Kink, ...]
    descent: Bounds
    direction: Floats | None


@dataclass(frozen=True, slots=True, eq=False)
class Nearby:
    """The stationary point that the network is near: the optimum of its own patterns, neuron by neuron.

    distance: relative to the size of all parameters; residual: its own, as in Stationarity.
    """

    kind: Kind
    note: str
    value: Bounds
    distance: float
    residual: float


@dataclass(frozen=True, slots=True, eq=False)
class StationaryReport:
    """All of it. value: F; optimum: bounds on P* over all widths; gain: bounds on M(nu) of the network's own dual vector.

    pairs, own   the number of the network's (pattern, sign) pairs, and bounds on the optimum of their program
    theorem      whether the network solves it: "holds", "fails: ...", "not stationary", "undecided: ..."
    near         what is proved of the networks around; None where a neuron is zero, so that it can go anywhere
    descent      a direction that lowers F, measured; None where none was found
    revived      the zero neuron that descent brings to life, where that is what it does
    note         what more there is to say of the class, in one sentence
    """

    kind: Kind
    note: str
    tolerance: float
    eps: float
    value: Bounds
    optimum: Bounds
    gain: Bounds
    beta: float
    stationarity: Stationarity
    neurons: tuple[NeuronReport, ...]
    pairs: int
    own: Bounds
    theorem: str
    near: Neighbourhood | None
    nearby: Nearby | None
    descent: Direction | None
    revived: int | None
    seconds: float
    interrupted: bool = False
