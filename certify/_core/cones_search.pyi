import numpy as np
from numpy.typing import NDArray

from certify.arrays import Floats, Ints

def explore(
    root: Floats,
    root_walls: Floats,
    root_numbers: Floats,
    root_bound: float,
    plus_listed: NDArray[np.int32],
    minus_listed: NDArray[np.int32],
    plus_rows: Floats,
    minus_rows: Floats,
    plus_lengths: Floats,
    minus_lengths: Floats,
    dual_scale: Floats,
    radius: float,
    mass: float,
    mixing: float,
    threshold: float,
    best: float,
    budget: int,
) -> tuple[
    Floats,
    Floats,
    Floats,
    Floats,
    tuple[Ints, NDArray[np.int32]],
    tuple[Ints, NDArray[np.int32]],
    NDArray[np.uint16],
    float,
    float,
    Floats,
]: ...
