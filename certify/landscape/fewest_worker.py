"""The separate process that solves the mixed-integer program of m*: HiGHS prints on standard output whatever it is told, and may pass
its time limit.

Run as `python -m certify.landscape.fewest_worker QUESTION.npz ANSWER.json`. The question: columns (r, N), target (r,), largest (N,),
seconds (). The answer: lower, a bound on the number of entries, and support, which entries the best point found has, or null.
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp


def main(question: Path, answer: Path) -> None:
    """min sum(z) over columns c = target, 0 <= c <= largest z, z in {0, 1}."""
    with np.load(question, allow_pickle=False) as arrays:
        columns, target, largest = arrays["columns"], arrays["target"], arrays["largest"]
        seconds = float(arrays["seconds"])
    count = largest.size
    sums = LinearConstraint(np.hstack([columns, np.zeros_like(columns)]), target, target)
    switched = LinearConstraint(np.hstack([np.eye(count), -np.diag(largest)]), -np.inf, 0.0)
    found = milp(
        np.repeat([0.0, 1.0], count), integrality=np.repeat([0, 1], count), constraints=[sums, switched],
        bounds=Bounds(0.0, np.concatenate([largest, np.ones(count)])), options={"mip_rel_gap": 0.0, "time_limit": seconds},
    )  # fmt: skip
    bound = found.mip_dual_bound
    lower = math.ceil(bound - 1e-6) if bound is not None and math.isfinite(bound) else 1
    support = None if found.x is None else [bool(z > 0.5) for z in found.x[count:]]
    answer.write_text(json.dumps({"lower": max(1, lower), "support": support}), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
