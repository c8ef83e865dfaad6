"""The live line on a terminal: the time left, what follows so far, F, the bounds on P*, and how much of the space is proved."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from certify.cli.messages import is_terminal
from certify.report.numbers import rounded_down, rounded_up

if TYPE_CHECKING:
    from certify.decide.options import Progress, ProgressCallback

DIGITS = 5
SECONDS_BETWEEN_FRAMES = 0.1
USUAL_COLUMNS = 80
REWRITE = "\r\033[K"  # to the first column, and erase what is there


def wants_progress(quiet: bool) -> bool:
    """True where someone is looking: stderr is a terminal that can rewrite a line."""
    return not quiet and is_terminal(sys.stderr) and os.environ.get("TERM", "") != "dumb"


@contextmanager
def live_progress(quiet: bool) -> Iterator[ProgressCallback | None]:
    """A callback that redraws one line on stderr at most ten times a second, or None where nobody is looking."""
    if not wants_progress(quiet):
        yield None
        return
    throttle = _Throttle(SECONDS_BETWEEN_FRAMES)

    def show(progress: Progress) -> None:
        if throttle.due():
            _redraw(fitted(progress_line(progress), _columns()))

    try:
        yield show
    finally:
        _redraw("")


def fitted(line: str, columns: int) -> str:
    """The line, cut where it would reach the last column: a line that wraps cannot be rewritten."""
    return line if len(line) < columns else f"{line[: max(columns - 2, 0)]}…"


def _redraw(line: str) -> None:
    with contextlib.suppress(OSError, ValueError):  # a terminal that has gone away stops no search
        sys.stderr.write(f"{REWRITE}{line}")
        sys.stderr.flush()


def _columns() -> int:
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or USUAL_COLUMNS
    except (OSError, ValueError):
        return USUAL_COLUMNS


def progress_line(progress: Progress) -> str:
    """One line, what matters most first: on a narrow terminal its end is cut. Each bound is shown once there is one, and rounded
    away from the claim."""
    left = [] if progress.left is None else [f"{progress.left:.0f}s left"]
    parts = [f"{progress.elapsed:.1f}s", *left, progress.standing, *_bounds(progress)]
    if progress.proved is not None:
        parts.append(f"proved {int(100 * progress.proved)}%")
    if progress.nodes:
        rate = progress.nodes / progress.elapsed if progress.elapsed > 0 else 0.0
        parts.append(f"{progress.nodes} nodes ({rate:.0f}/s)")
    return "  ".join([*parts, *_gain(progress), progress.stage])


def _bounds(progress: Progress) -> list[str]:
    """F of the network, where there is one, and what is known of the least F of all."""
    uppers = [bound for bound in (progress.value, progress.best_value) if bound is not None]
    own = [] if progress.value is None else [f"F {rounded_up(progress.value, DIGITS)}"]
    lower = "" if progress.lower_bound is None else f"{rounded_down(progress.lower_bound, DIGITS)}<="
    upper = f"<={rounded_up(min(uppers), DIGITS)}" if uppers else ""
    return [*own, f"{lower}P*{upper}"] if lower or upper else own


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
