"""Ctrl-C and SIGTERM as a wish, not an accident: the search stops at the next safe place and keeps its bounds."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Self

Handler = Callable[[int, FrameType | None], Any] | int | None


class Interruption:
    """While the context lasts, the first signal only sets `wished`; a second one raises KeyboardInterrupt at once.

    A signal that is ignored stays so: a shell starts its background jobs like that, whose terminal's Ctrl-C is not meant for
    them. Outside the main thread signals cannot be handled, and the context does nothing.
    """

    def __init__(self) -> None:
        self.wished = False
        self._previous: dict[int, Handler] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                if signal.getsignal(number) is signal.SIG_IGN:
                    continue
                self._previous[number] = signal.signal(number, self._handle)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.wished:
            raise KeyboardInterrupt
        self.wished = True
