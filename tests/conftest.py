"""What tests of more than one room need from pytest."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Ctrl-C as at a terminal, here and in the processes that a test starts.

    A shell without job control starts its background jobs, and with them `pytest &`, with SIGINT ignored; so do they then.
    """
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, previous)
