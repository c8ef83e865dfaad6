"""A numerical routine that fails is a bound less, never a crash.

What float64 cannot do ends in ArithmeticError: `certify.linear` and the core raise it, and Python's own OverflowError and
ZeroDivisionError are of that kind. Between the files and the verdict it is caught, mostly by these functions, where there is
something to go on with: a bound that holds anyway, the candidates met before. So are panics of a solver written in Rust.
Whatever else is raised is a bug, and stays one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def unless_it_fails(routine: Callable[[], T], otherwise: T) -> T:
    """What the routine gives, or `otherwise` where its numerics fail."""
    try:
        return routine()
    except ArithmeticError:
        return otherwise


def until_it_fails(items: Iterable[T]) -> Iterator[T]:
    """The items, up to the first that cannot be made because numerics fail."""
    steps = iter(items)
    while True:
        try:
            item = next(steps)
        except (StopIteration, ArithmeticError):
            return
        yield item


def panicked(error: BaseException) -> bool:
    """Whether it is a panic of Rust's: a BaseException that no module exports."""
    return type(error).__name__ == "PanicException"
