"""How far a certificate may grow, and how long it may take."""

from __future__ import annotations

from certify.certificates.cost import OutOfTime, Pace
from certify.gain.question import Limits

_MOST_CHARACTERS = 32_000_000  # of the nodes, which take some ten times as much memory; the checker reads 64 MiB in all
_ASKED_EVERY = 64
_AT_LEAST = (
    0.5  # share of what checking is expected to take that it takes at least: with less time than that no one begins
)


class OutOfRoom(Exception):
    """A limit was reached; the message says which. needs: seconds that would have been enough, where that can be told."""

    def __init__(self, message: str, needs: float | None = None) -> None:
        super().__init__(message)
        self.needs = needs


class Budget:
    """Counts the nodes of all proofs of one certificate.

    expected: nodes that the search's proof has. checking: seconds that each of them is expected to take once all are written.
    """

    def __init__(self, limits: Limits, expected: int = 0, checking: float = 0.0) -> None:
        self.limits = limits
        self.nodes, self.characters = 0, 0
        self._checking = checking
        self._pace = Pace(limits, expected)

    def spend(self, characters: int) -> None:
        """Note one node of that size. Raises OutOfRoom."""
        self.nodes += 1
        self.characters += characters
        if not self.characters <= _MOST_CHARACTERS:
            raise OutOfRoom(f"its proof needs more than {self.nodes} nodes: the certificate would be too large")
        if self.nodes % _ASKED_EVERY == 0:
            self.ask()

    def ask(self) -> None:
        """Raise OutOfRoom where time is up, or is going to be before all is written and checked."""
        checking = max(self._pace.total, self.nodes) * self._checking
        self._pace.done, self._pace.after = self.nodes, _AT_LEAST * checking
        if self.limits.reached(self.nodes):
            raise OutOfRoom("time ran out while it was written", self._pace.left + checking)
        try:
            self._pace.ask()
        except OutOfTime as reason:
            raise OutOfRoom("the time left is too short for it", reason.needs + (1 - _AT_LEAST) * checking) from reason
