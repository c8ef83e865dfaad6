from collections.abc import Callable, Iterable, Sequence

from certify.arrays import Floats

Z_BITS: int

class ConeProofs:
    def __init__(
        self,
        plus: Floats,
        minus: Floats,
        linear: Floats,
        lowering: Floats,
        dual_scale: Floats,
        level: float,
        reach: float,
        places: int,
        spend: Callable[[int], None],
    ) -> None: ...
    def generator(self, vector: Floats, origin: Floats, odd: int, power: int, bits: int) -> int: ...
    def vector(self, number: int) -> list[float]: ...
    def follow(self, cone: Sequence[int], splits: Iterable[int]) -> None: ...
    def written(self) -> tuple[list[list[int]], list[list[int] | list[list[int]]]]: ...
