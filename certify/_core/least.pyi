import numpy as np
from numpy.typing import ArrayLike, NDArray

def least_majorant(
    p: ArrayLike,
    atoms: ArrayLike,
    count: int,
    walls: ArrayLike,
    dual_scale: ArrayLike,
    weights: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]: ...
