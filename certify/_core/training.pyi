import numpy as np
from numpy.typing import NDArray

from certify.arrays import Floats

class Training:
    def __init__(
        self,
        rows: Floats,
        targets: Floats,
        weights: Floats,
        factor: float,
        beta: float,
        free_hidden: bool,
        output_bias: int,
    ) -> None: ...
    def gradient(self, parameters: Floats, out: Floats) -> float: ...
    def descend(
        self,
        parameters: Floats,
        stop: NDArray[np.int32],
        iterations: int,
        tolerance: float,
        level: float,
        memory: int,
        window: int,
    ) -> tuple[float, int]: ...
