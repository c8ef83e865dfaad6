"""Check records made by hand, for the tests of what is printed: a certified, a refuted and a too-narrow network."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from certify.problem.network import Network
from certify.problem.objective import Bias, Loss, Objective, Reduction
from certify.report.record import CheckRecord, FileRecord
from certify.verdict import (
    Bounds,
    Decision,
    Direction,
    Reason,
    SameWidth,
    SearchReport,
    Stationarity,
    Verdict,
    Witness,
)

NETWORK = Network(np.array([[1.0, 0.5], [0.0, 0.0]]), np.array([[1.0], [0.0]]), np.array([0.25, 0.0]))
OBJECTIVE = Objective(Loss.HALF_SQUARED, Reduction.SUM, 0.1, 0.1, Bias.PENALIZED, Bias.NONE)
STATIONARITY = Stationarity(
    balanced=True,
    active=True,
    clarke=False,
    directional=None,
    balance_residual=1e-12,
    activity_residual=2e-9,
    clarke_residual=(0.0125, math.nan),
    boundary=((0, 3), ()),
    dead=(1,),
    mergeable=((0, 1),),
    tolerance=1e-6,
)
CERTIFIED = Verdict(
    decision=Decision.CERTIFIED,
    reason=None,
    explanation="No two-layer ReLU network of any width is better by more than eps times its own objective.",
    eps=1e-4,
    value=Bounds(0.29, 0.29000000000000004),
    optimum=Bounds(0.2899991, 0.29000000000000004),
    gain=Bounds(0.1, 0.1000003),
    beta=0.1,
    width=2,
    width_needed=None,
    samples=4,
    inputs=2,
    outputs=1,
    rank=3,
    stationarity=STATIONARITY,
    witness=None,
    search=SearchReport("cones", 350, 0.0123, 2, 120.7),
)


def witness(kind: str, width: int, upper: float) -> Witness:
    """A better network of that width and objective."""
    better = Network(np.ones((width, 2)), np.ones((width, 1)), np.zeros(width))
    moved = Direction(better, tuple(range(width)), 0.5, 2, -0.25, 0.01)
    return Witness(better, Bounds(upper - 1e-16, upper), kind, moved)


REFUTED = replace(CERTIFIED, decision=Decision.REFUTED, witness=witness("dead-neuron", 2, 0.25))
TOO_NARROW = replace(
    CERTIFIED,
    decision=Decision.INCONCLUSIVE,
    reason=Reason.WIDTH,
    witness=witness("wider", 3, 0.25),
    width_needed=3,
    same_width=SameWidth(302, 5, 2, Bounds(0.2874, 0.2875), 0.39),
)
UNBOUNDED = replace(
    CERTIFIED,
    decision=Decision.INCONCLUSIVE,
    reason=Reason.LIMIT,
    optimum=Bounds(-math.inf, 0.29),
    gain=Bounds(0.1, math.inf),
)
VERDICTS = (CERTIFIED, REFUTED, TOO_NARROW, UNBOUNDED)


def record(verdict: Verdict, objective: Objective = OBJECTIVE) -> CheckRecord:
    """The verdict with the files and the objective that it is about."""
    model = FileRecord("model.h5", "Keras 3 HDF5", "a" * 64, "b" * 64)
    data = FileRecord("data.npz", "npz", "c" * 64, "d" * 64)
    return CheckRecord(verdict, objective, model, data, notes=("l2 is rounded to float32",))
