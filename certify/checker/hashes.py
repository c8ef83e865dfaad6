"""SHA-256 of canonical arrays: count of sizes and sizes as little-endian int64, then the entries as float64, C order."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence

from certify.checker.certificate import Data, Network


def data_sha256(data: Data, inputs: int) -> str:
    """Over X (n, d), y (n, 1), sample_weight (n,)."""
    n = len(data.y)
    weights = None if data.sample_weight is None else ((n,), data.sample_weight)
    return _sha256(((n, inputs), _flat(data.X)), ((n, 1), data.y), weights)


def network_sha256(network: Network, inputs: int) -> str:
    """Over W1 (m, d), b1 (m,), W2 (m, 1), b2 (1,); a bias that is absent counts as the single integer -1."""
    m = len(network.output_weights)
    b = None if network.hidden_bias is None else ((m,), network.hidden_bias)
    c = None if network.output_bias is None else ((1,), [network.output_bias])
    return _sha256(((m, inputs), _flat(network.hidden_weights)), b, ((m, 1), network.output_weights), c)


def _flat(rows: Sequence[Sequence[float]]) -> list[float]:
    return [x for row in rows for x in row]


def _sha256(*arrays: tuple[tuple[int, ...], Sequence[float]] | None) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        if array is None:
            digest.update(struct.pack("<q", -1))
            continue
        shape, entries = array
        digest.update(struct.pack(f"<{len(shape) + 1}q", len(shape), *shape))
        digest.update(struct.pack(f"<{len(entries)}d", *entries))
    return digest.hexdigest()
