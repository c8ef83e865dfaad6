"""Exit codes: each means one thing, and a crash never reads as a verdict."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from certify.cli.choices import FailOn

if TYPE_CHECKING:
    from certify.verdict import Verdict

DONE = 0
REFUTED = 1
USAGE = 2
INTERNAL = 3
INCONCLUSIVE = 4
REJECTED = 5
INTERRUPTED = 130

SUMMARY = (
    "Exit codes: 0 certified or done; 1 refuted; 2 usage, configuration or unreadable input; "
    "3 internal error; 4 inconclusive; 5 certificate rejected; 130 interrupted."
)


def worst(codes: Iterable[int]) -> int:
    """Of several finished checks the code that matters most."""
    return max(codes, key=(DONE, INCONCLUSIVE, REFUTED, INTERRUPTED).index)


def exit_code(verdict: Verdict, fail_on: FailOn, exit_zero: bool) -> int:
    """The code of a finished check; `fail_on` and `exit_zero` tune 1 and 4 only."""
    from certify.verdict import Decision, Reason

    if verdict.interrupted or verdict.reason is Reason.INTERRUPTED:
        return INTERRUPTED
    if verdict.decision is Decision.CERTIFIED or exit_zero:
        return DONE
    if verdict.decision is Decision.REFUTED:
        return REFUTED
    return DONE if fail_on is FailOn.REFUTED else INCONCLUSIVE
