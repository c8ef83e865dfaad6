"""Whole processes, timed from outside: wall seconds, and processor seconds of the process and its children."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_VERDICTS = (0, 1, 4)  # exit codes of `certify check` that carry one


@dataclass(frozen=True, slots=True)
class Process:
    """Wall and processor seconds, and what it wrote to standard output."""

    wall: float
    seconds: float
    said: str


def timed(arguments: list[str], package: Path = ROOT, home: Path | None = None) -> Process:
    """One run of `python ARGUMENTS`, importing from `package`, with another home folder where one is given.

    Raises SystemExit where it wrote nothing or crashed.
    """
    environment = os.environ | {"PYTHONPATH": str(package), "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    if home is not None:
        environment |= {"HOME": str(home), "XDG_CACHE_HOME": str(home / "cache"), "TMPDIR": str(home)}
    command = [sys.executable, "-P", *arguments]  # -P: `package` and nothing else, not the working directory's
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in _VERDICTS or not done.stdout:
        raise SystemExit(f"{' '.join(command)}: exit {done.returncode}: {done.stderr}")
    return Process(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.stdout.strip())
