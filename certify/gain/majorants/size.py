"""What engine S costs, by the sizes alone; light to import."""

from __future__ import annotations

_LARGEST_RANK = 64  # beyond it one Newton system takes seconds and hundreds of megabytes


def affordable(rank: int) -> bool:
    """Whether nodes are explored at all."""
    return rank <= _LARGEST_RANK


def node_work(samples: int, rank: int, free_bias: bool) -> float:
    """About how many seconds a node costs: overhead, passes over the samples, their rows in the Newton system, and its factorisation."""
    order = (rank + 1 + free_bias) * (rank + 2 + free_bias) / 2
    return 0.001 + 1.8e-5 * samples + 8e-10 * order**2 * (samples + order)
