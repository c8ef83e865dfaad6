"""Where an engine call spends its time.

    python -m benchmarks.profiling "gaussian 60 x 3" ["iris, max/10" ...] [--seconds 15]

Prints the shares of processor time of the functions that take most themselves; a compiled function counts as one, with
all that it calls. Short calls are repeated until a second is full.
"""

from __future__ import annotations

import os

for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import argparse
import cProfile
import pstats
import time
from pathlib import Path

from benchmarks.instances import Instance, instance
from benchmarks.measuring import call_engine
from benchmarks.tables import head, row

_FULL = 1.0
_SHOWN = 8
_TOLERANCE = 1e-3


def shares(asked: Instance, seconds: float) -> list[tuple[str, float, int]]:
    """Function, share of the time spent in it (not in what it calls), and calls, for one engine call; largest first."""
    profile, calls, started = cProfile.Profile(time.process_time), 0, time.process_time()
    while calls == 0 or time.process_time() - started < _FULL:
        profile.runcall(call_engine, asked, seconds)
        calls += 1
    figures = pstats.Stats(profile).stats
    total = sum(own for _, _, own, _, _ in figures.values())
    listed = [(_named(*key), own / total, count // calls) for key, (_, count, own, _, _) in figures.items()]
    return sorted(listed, key=lambda entry: -entry[1])[:_SHOWN]


def _named(file: str, line: int, function: str) -> str:
    """module.function, the module without its folders; built-in functions as they call themselves."""
    return f"{Path(file).stem}.{function}" if line else function.strip("<>")


def main() -> None:
    """One table an instance."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.profiling", description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="+", metavar="INSTANCE")
    parser.add_argument("--seconds", type=float, default=15.0, help="cut of one call (15)")
    options = parser.parse_args()
    for name in options.names:
        print("\n".join([f"\n{name}", "", *head("function", "share", "calls")]))
        for function, share, count in shares(instance(name, _TOLERANCE), options.seconds):
            print(row(f"`{function}`", f"{100 * share:.0f} %", f"{count:,}"))


if __name__ == "__main__":
    main()
