"""On what the benchmarks ran."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_PACKAGES = ("numpy", "scipy", "numba", "clarabel", "scikit-learn", "pyscipopt", "gurobipy")


def machine() -> str:
    """Processor, cores, Python and the versions of what was measured."""
    versions = ", ".join(f"{name} {installed(name)}" for name in _PACKAGES)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{_processor()}, {cores} cores, Python {platform.python_version()}, {versions}"


def _processor() -> str:
    listing = Path("/proc/cpuinfo")
    lines = listing.read_text().splitlines() if listing.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def installed(package: str) -> str:
    """The version that is installed, or "missing"."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "missing"
