"""The bound engine against its peers, its scaling, and real data.

    python -m benchmarks.engine [--only scip,enumeration,gurobi,nodes,scaling,real] [--limit 60] [--engine-limit 30]

Engine calls on one thread: medians of five where a call takes less than a second, of three below ten. Seconds are processor seconds, so that a busy machine does not distort ratios; "wall" is said where
it is meant. Peers run on one thread, in the same process as the engine's call beside them, both signs in turn, and
are cut at --limit seconds (Gurobi at three times, enumeration at ten times that); a cut is shown as ">" and counts
as that much. The engine by itself is cut at --engine-limit wall seconds. Writes benchmarks/results/, a file a part;
a run of all parts starts targets.md anew.
"""

from __future__ import annotations

import os

for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import argparse
import sys
import time

from benchmarks import against, alone
from benchmarks.tables import forget_targets, note_targets, write_part

PARTS = (*against.CONTESTS, *alone.PARTS)
_PATIENCE = {"enumeration": 10, "gurobi": 3}  # times --limit, so that most runs end by themselves


def main(arguments: list[str]) -> int:
    """Measure the parts asked for; 1 where a bound of ours proved false."""
    options = _options(arguments)
    if set(options.only) == set(PARTS):
        forget_targets()
    false = False
    for part in options.only:
        print(f"\n{part}", flush=True)
        began = time.perf_counter()
        if part in against.CONTESTS:
            limit = options.limit * _PATIENCE.get(part, 1)
            outcome = against.compete(against.CONTESTS[part], limit)
            lines, targets, false = outcome.lines, outcome.targets, false or outcome.false
        else:
            lines, targets = alone.tabulate(part, options.engine_limit)
        limits = f"--limit {options.limit:g} --engine-limit {options.engine_limit:g}"
        write_part(part, f"python -m benchmarks.engine --only {part} {limits}", lines, time.perf_counter() - began)
        note_targets(targets)
    return int(false)


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engine", description=__doc__.partition("\n")[0])
    parser.add_argument("--only", type=_parts, default=PARTS, metavar="PART,...", help=", ".join(PARTS))
    parser.add_argument("--limit", type=float, default=60.0, help="seconds a peer gets for an instance (60)")
    parser.add_argument("--engine-limit", type=float, default=30.0, help="seconds the engine gets by itself (30)")
    return parser.parse_args(arguments)


def _parts(text: str) -> list[str]:
    unknown = set(text.split(",")) - set(PARTS)
    if unknown:
        raise argparse.ArgumentTypeError(f"no part {', '.join(sorted(unknown))}: expected {', '.join(PARTS)}")
    return text.split(",")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
