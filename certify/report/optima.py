"""What one `certify optima` reports: the landscape, its answers, and what was asked for beside them."""

from __future__ import annotations

from dataclasses import dataclass

from certify.arrays import Bools, Floats, Ints
from certify.landscape.answers import Answers, Block
from certify.landscape.landscape import Landscape
from certify.problem.objective import Objective
from certify.report.record import FileRecord
from certify.verdict import Bounds


@dataclass(frozen=True, slots=True, eq=False)
class GivenModel:
    """The given network: F, and for each neuron (m,) the optimal direction that it is along (-1: none) and its mass."""

    value: Bounds
    directions: Ints
    masses: Floats
    file: FileRecord


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """The least and the largest prediction (q,) of each new input over all optima. labels: they are signs of predictions."""

    least: Floats
    largest: Floats
    labels: bool
    file: str

    @property
    def open(self) -> Bools:
        """Inputs (q,) whose sign the optima do not agree on."""
        found: Bools = (self.least < 0) & (self.largest > 0)
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Exported:
    """An optimum that was written: which, its neurons, its file; loss on other data, and the largest one of a vertex, for min-l."""

    which: str
    width: int
    file: str
    loss: float | None = None
    largest_loss: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Moved:
    """The given network after moves that keep F: their names, its neurons, its file, F."""

    moves: tuple[str, ...]
    width: int
    file: str
    value: Bounds


@dataclass(frozen=True, slots=True, eq=False)
class OptimaRecord:
    """answers: None where nothing is known of the directions; other: the answers without the doubtful directions.

    blocks: the directions, or segments of them, with patterns (B, n) over all samples, those of weight 0 too.
    """

    landscape: Landscape
    answers: Answers | None
    other: Answers | None
    blocks: tuple[Block, ...]
    patterns: Bools
    objective: Objective
    weighted: bool
    samples: int
    data: FileRecord
    notes: tuple[str, ...]
    seconds: float
    most_vertices: int
    model: GivenModel | None = None
    predictions: Predictions | None = None
    exported: tuple[Exported, ...] = ()
    moved: Moved | None = None
    saved: str | None = None
    loaded: str | None = None

    @property
    def answer(self) -> str:
        """unique, many, ambiguous, incomplete or not-covered."""
        if self.answers is None:
            return "not-covered"
        if not self.landscape.complete:
            return "incomplete"
        if self.landscape.ambiguous:
            return "ambiguous"
        return "unique" if self.answers.polytope.unique else "many"
