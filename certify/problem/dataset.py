"""The training set, and the hash that names it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from certify.arrays import Floats


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """Samples X (n, d), targets y (n, k), optional sample weights (n,), all finite float64."""

    X: Floats
    y: Floats
    sample_weight: Floats | None = None

    def __post_init__(self) -> None:
        n = self.X.shape[0]
        if not (self.X.ndim == 2 and self.y.ndim == 2 and self.y.shape[0] == n):
            raise ValueError("a Dataset needs X of shape (n, d) and y of shape (n, k)")
        if self.sample_weight is not None and self.sample_weight.shape != (n,):
            raise ValueError("sample_weight must have shape (n,)")

    @property
    def samples(self) -> int:
        """Number n of samples."""
        return int(self.X.shape[0])

    @property
    def inputs(self) -> int:
        """Number d of inputs."""
        return int(self.X.shape[1])

    @property
    def outputs(self) -> int:
        """Number k of targets of a sample."""
        return int(self.y.shape[1])


def canonical_sha256(*arrays: Floats | None) -> str:
    """SHA-256 over the arrays in order: shape (count, then sizes, as little-endian int64), then float64 LE in C order.

    An absent array counts as the single int64 -1, so that presence is part of the hash.
    """
    digest = hashlib.sha256()
    for array in arrays:
        if array is None:
            digest.update(np.array([-1], dtype="<i8").tobytes())
            continue
        digest.update(np.array([array.ndim, *array.shape], dtype="<i8").tobytes())
        digest.update(np.ascontiguousarray(array, dtype="<f8").tobytes())
    return digest.hexdigest()
