"""Clarabel, as the convex programs call it: nothing that it says is trusted, and nothing that it does ends the run."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import clarabel
import numpy as np

from certify.arrays import Floats
from certify.convex.sparse import Columns
from certify.failures import panicked
from certify.gain.question import Limits


@dataclass(frozen=True, slots=True, eq=False)
class Point:
    """x, and the multipliers z of A x + s = b; zeros where there are none."""

    x: Floats
    z: Floats


TOLERANCE = 1e-11


def minimise(
    quadratic: Columns,
    linear: Floats,
    a: Columns,
    b: Floats,
    cones: list[Any],
    limits: Limits,
    tolerance: float = TOLERANCE,
) -> Point:
    """min x.Qx/2 + linear.x, A x + s = b, s in the cones, Q given by its upper triangle. The status is not consulted.

    tolerance: of the gap and of what is feasible, in the units given.
    0 where the solver panics, or is given what is not finite: that is one program less, and no crash.
    """
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = tolerance
    settings.tol_infeas_abs = settings.tol_infeas_rel = (
        0.0  # every program here is feasible and bounded, however badly it is scaled
    )
    settings.max_iter = 200
    settings.direct_solve_method = "qdldl"  # its arithmetic does not depend on the processor
    if limits.deadline is not None:
        settings.time_limit = max(limits.deadline - time.monotonic(), 0.01)
    nothing = Point(np.zeros(linear.size), np.zeros(b.size))
    if not all(np.all(np.isfinite(part)) for part in (quadratic.data, linear, a.data, b)):
        return nothing
    try:
        found = clarabel.DefaultSolver(quadratic, linear, a, b, cones, settings).solve()
    except BaseException as error:
        if not panicked(error):
            raise
        return nothing
    x, z = np.asarray(found.x), np.asarray(found.z)
    return Point(np.where(np.isfinite(x), x, 0.0), np.where(np.isfinite(z), z, 0.0))
