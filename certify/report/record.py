"""What one check reports: the verdict, and everything a reader needs to know which question it answers."""

from __future__ import annotations

from dataclasses import dataclass

from certify.objective import Objective
from certify.verdict import Verdict


@dataclass(frozen=True, slots=True)
class FileRecord:
    """A file that took part: its path, what it was read as, and the SHA-256 of its bytes and of its arrays."""

    path: str
    format: str
    sha256: str
    canonical_sha256: str


@dataclass(frozen=True, slots=True, eq=False)
class CheckRecord:
    """One check. notes: cautions met while reading; witness_file: where the better network was written, if it was."""

    verdict: Verdict
    objective: Objective
    model: FileRecord
    data: FileRecord
    weighted: bool = False
    notes: tuple[str, ...] = ()
    witness_file: str | None = None
