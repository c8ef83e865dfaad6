"""On what the benchmarks ran."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_PACKAGES = ("numpy", "scipy", "clarabel", "scikit-learn", "pyscipopt", "gurobipy")


def machine() -> str:
    """Processor, cores, Python and the versions of what was measured."""
    versions = ", ".join(f"{name} {installed(name)}" for name in _PACKAGES)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{processor()}, {cores} cores, Python {platform.python_version()}, {versions}"


def processor() -> str:
    """The processor's name; under Linux with family and model, as names such as "AMD EPYC" stand for many."""
    listing = Path("/proc/cpuinfo")
    fields: dict[str, str] = {}
    for line in listing.read_text().splitlines() if listing.exists() else []:
        name, _, value = line.partition(":")
        fields.setdefault(name.strip(), value.strip())
    if "model name" not in fields:
        return platform.processor() or platform.machine()
    kind = f" (family {fields['cpu family']}, model {fields['model']})" if "cpu family" in fields else ""
    return fields["model name"] + kind


def installed(package: str) -> str:
    """The version that is installed, or "missing"."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "missing"
