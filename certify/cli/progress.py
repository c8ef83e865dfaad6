"""The live line on a terminal: bounds, cost, and how much of the space is proved."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from certify.report.numbers import GAP_DIGITS, difference, rounded_down, rounded_up

if TYPE_CHECKING:
    from certify.decide.options import Progress, ProgressCallback

DIGITS = 5
SECONDS_BETWEEN_FRAMES = 0.1


def wants_progress(quiet: bool) -> bool:
    """True where someone is looking: stderr is a terminal that can rewrite a line."""
    return not quiet and sys.stderr.isatty() and os.environ.get("TERM", "") != "dumb"


@contextmanager
def live_progress(quiet: bool) -> Iterator[ProgressCallback | None]:
    """A callback that redraws one line on stderr at most ten times a second, or None where nobody is looking."""
    if not wants_progress(quiet):
        yield None
        return
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    console = Console(stderr=True, highlight=False)
    with Live(
        console=console, auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=False
    ) as live:
        throttle = _Throttle(SECONDS_BETWEEN_FRAMES)

        def show(progress: Progress) -> None:
            if throttle.due():
                live.update(Text(progress_line(progress), no_wrap=True, overflow="ellipsis"), refresh=True)

        yield show


def progress_line(progress: Progress) -> str:
    """One line; each bound is shown once there is one, and rounded away from the claim."""
    parts = [f"{progress.elapsed:.1f}s", *_bounds(progress), *_gain(progress)]
    if progress.nodes:
        rate = progress.nodes / progress.elapsed if progress.elapsed > 0 else 0.0
        parts.append(f"nodes {progress.nodes} ({rate:.0f}/s)")
    if progress.proved is not None:
        parts.append(f"proved {int(100 * progress.proved)}%")
    return " ".join([*parts, progress.stage])


def _bounds(progress: Progress) -> list[str]:
    """On the least F: the best network known, the proved lower bound, and what lies between."""
    uppers = [bound for bound in (progress.value, progress.best_value) if bound is not None]
    lower, upper = progress.lower_bound, min(uppers, default=None)
    parts = [] if upper is None else [f"upper {rounded_up(upper, DIGITS)}"]
    if lower is not None:
        parts.append(f"lower {rounded_down(lower, DIGITS)}")
    if lower is not None and upper is not None:
        parts.append(f"gap {rounded_up(max(difference(upper, lower), 0), GAP_DIGITS)}")
    return parts


def _gain(progress: Progress) -> list[str]:
    if progress.gain_upper is None or not progress.beta:
        return []
    return [f"M/beta<={rounded_up(progress.gain_upper / progress.beta, DIGITS)}"]


class _Throttle:
    """Lets one caller through per period, whichever thread it comes from."""

    def __init__(self, period: float) -> None:
        self._period = period
        self._next = 0.0
        self._lock = threading.Lock()

    def due(self) -> bool:
        with self._lock:
            now = time.monotonic()
            if now < self._next:
                return False
            self._next = now + self._period
            return True
