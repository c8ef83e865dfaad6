"""What one check reports: the verdict, and everything a reader needs to know which question it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from certify.problem.network import Network
from certify.problem.objective import Objective
from certify.verdict import Bounds, Verdict

if TYPE_CHECKING:
    from certify.report.cautions import Caution


@dataclass(frozen=True, slots=True)
class FileRecord:
    """A file that took part: its path, what it was read as, and the SHA-256 of its bytes and of its arrays."""

    path: str
    format: str
    sha256: str
    canonical_sha256: str


@dataclass(frozen=True, slots=True, eq=False)
class TrainingRecord:
    """What solve or descend came to: the network that the verdict speaks of, and how it stands.

    outcome  solve: optimum, best-found; descend: already-optimal, optimum, improved, unchanged
    width_asked, narrowest_known  of solve: the most neurons allowed, and those of the best network known of any width
    start, steps  of descend: F of the given network, and how many better ones were taken in turn
    """

    network: Network
    outcome: str
    width_asked: int | None = None
    narrowest_known: int | None = None
    start: Bounds | None = None
    steps: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class CheckRecord:
    """One check. notes: cautions met while reading; witness_file: where the better network was written, if it was.
    certificate_file: likewise where the certificate was. cautions: why the network may have been trained on something else.

    training: how the network came about, where it was not given; model is then the file written, or None.
    """

    verdict: Verdict
    objective: Objective
    model: FileRecord | None
    data: FileRecord
    weighted: bool = False
    notes: tuple[str, ...] = ()
    witness_file: str | None = None
    certificate_file: str | None = None
    training: TrainingRecord | None = None
    cautions: tuple[Caution, ...] = ()
