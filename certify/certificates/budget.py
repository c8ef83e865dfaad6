"""How far a certificate may grow, and how long it may take."""

from __future__ import annotations

from certify.gain.question import Limits

_MOST_CHARACTERS = 32_000_000  # of the nodes, which take some ten times as much memory; the checker reads 64 MiB in all
_ASKED_EVERY = 64


class OutOfRoom(Exception):
    """A limit was reached; the message says which."""


class Budget:
    """Counts the nodes of all proofs of one certificate."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.nodes, self.characters = 0, 0

    def spend(self, characters: int) -> None:
        """Note one node of that size. Raises OutOfRoom."""
        self.nodes += 1
        self.characters += characters
        if not self.characters <= _MOST_CHARACTERS:
            raise OutOfRoom(f"its proof needs more than {self.nodes} nodes: the certificate would be too large")
        if self.nodes % _ASKED_EVERY == 0:
            self.ask()

    def ask(self) -> None:
        """Raise OutOfRoom where time is up."""
        if self.limits.reached(self.nodes):
            raise OutOfRoom("time ran out while it was written")
