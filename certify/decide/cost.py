"""What a search has cost, for its report."""

from __future__ import annotations

import resource
import sys

from certify.decide.proving import Proving
from certify.verdict import SearchReport


def search_report(proving: Proving) -> SearchReport:
    """Nodes, seconds, threads and memory so far."""
    return SearchReport(
        method=proving.engine.name,
        nodes=proving.nodes,
        seconds=proving.elapsed,
        threads=proving.options.threads,
        peak_memory_mb=_peak_memory_mb(),
    )


def _peak_memory_mb() -> float:
    unit = 2**20 if sys.platform == "darwin" else 2**10  # ru_maxrss is in bytes there, in KiB elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
