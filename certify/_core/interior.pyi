from collections.abc import Callable, Sequence

from certify.arrays import Floats

def improve(
    heads: int,
    parts: tuple[Floats, Floats, Floats, Floats, Floats, Floats],
    start: Floats,
    mu: float,
    rules: Sequence[float],
    most: int,
    stop: Callable[[], bool],
) -> tuple[float, tuple[Floats, Floats, Floats, Floats, Floats, Floats], Floats, bool, int]: ...
