"""The same nodes and bounds, to the bit, whatever kernel numpy's BLAS picks for the processor that it finds."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = """
import sys
sys.path[:0] = ["tests/helpers", "."]
import numpy as np
from gain_cases import DEGENERATE, gaussian
from certify.gain.engine import Question, bound_gain
from certify.gain.question import GainProblem, Limits
cases = [gaussian(seed, 60, d, free) for seed, d in ((0, 3), (1, 4), (2, 9)) for free in (False, True)]
cases += [DEGENERATE["more inputs than samples"], DEGENERATE["nearly parallel"], DEGENERATE["free bias, far away"]]
cases.append(GainProblem(gaussian(3, 20, 3).rows, np.random.default_rng(3).standard_normal((20, 2))))
for problem in cases:
    bound = bound_gain(problem, Question(tolerance=1e-3), Limits(nodes=600))
    print(bound.lower.hex(), bound.upper.hex(), bound.nodes, bound.method, bound.settled, len(bound.witnesses))
"""


@cache
def answers(core: str | None) -> str:
    """What the program prints where OpenBLAS is told to be on such a processor."""
    environment = {key: value for key, value in os.environ.items() if key != "OPENBLAS_CORETYPE"}
    if core is not None:
        environment["OPENBLAS_CORETYPE"] = core
    return subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, env=environment, check=True, capture_output=True, text=True
    ).stdout


@pytest.mark.parametrize("core", ["Prescott", "Nehalem", "Haswell"])
def test_the_processor_that_blas_sees_changes_nothing(core: str) -> None:
    """Cones, majorants and k outputs, ascents, the reduction and the quick bound: every number is the same."""
    assert len(answers(None).splitlines()) == 10
    assert answers(core) == answers(None)
