"""Targets of two classes, as the files write them."""

from __future__ import annotations

import numpy as np

from certify.arrays import Floats


def signs_of(y: Floats, loss: str) -> Floats:
    """Classes {0, 1} or {-1, +1} as -1.0 and +1.0, of the same shape.

    loss: how the message names the loss. Raises ValueError, which names the first target that is of neither class.
    """
    negative = -1.0 if np.any(y == -1.0) else 0.0
    fits = (y == negative) | (y == 1.0)
    if not fits.all():
        index = tuple(int(i) for i in np.unravel_index(int(np.argmin(fits)), y.shape))
        raise ValueError(f"y holds {y[index]!s} at index {index}; the {loss} loss needs 0 and 1, or -1 and +1")
    return np.where(y == 1.0, 1.0, -1.0)
