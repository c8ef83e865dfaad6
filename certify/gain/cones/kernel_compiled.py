"""The compiled kernel: what a search is handed once `compiled.py` has loaded it, by the names of `kernel.py`.

Importing this compiles, or loads from numba's cache, with the types that searches use.
"""

from __future__ import annotations

import numpy as np

from certify.gain.cones.kernel_ascent import ascend
from certify.gain.cones.kernel_jit import proved_bound
from certify.gain.cones.kernel_loops import explore

__all__ = ["ascend", "explore", "proved_bound"]


def _warm_up() -> None:
    """One tiny call per entry point: numba compiles for the argument types it sees."""
    eye, ones, listed = np.eye(2), np.ones(2), np.arange(2, dtype=np.int32)
    numbers = np.ones((6, 2))
    explore(
        eye, eye, numbers, np.inf, listed, listed, eye, -eye, ones, ones, ones, 1.0, 4.0, 0.0, 0.0, 0.0, 0.0, 4
    )  # fmt: skip
    ascend(eye[0], eye, -eye, ones, 4)


_warm_up()
