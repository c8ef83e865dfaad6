"""The compiled interior-point method: importing this compiles, or loads from numba's cache, with the types that searches use."""

from __future__ import annotations

import numpy as np

from certify.gain.majorants.compiled import compiled_improve
from certify.gain.majorants.program import Program
from certify.gain.majorants.relaxation import Relaxation

__all__ = ["compiled_improve"]


def _warm_up() -> None:
    """One tiny call: numba compiles for the argument types it sees."""
    eye, weights = np.eye(3), np.full(3, 0.25)
    program = Program(Relaxation(1, eye / 8, eye, weights, -eye, weights, eye[1:]))
    compiled_improve(program, program.start(program.central_start(), 1e-3), 0.0, (0.1, 0.01, 1e-7), 2)


_warm_up()
