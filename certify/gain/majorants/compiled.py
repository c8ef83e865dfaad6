"""The compiled interior-point method for a node: from its program to the loops, and from their duals to a majorant."""

from __future__ import annotations

import numpy as np

from certify.gain.majorants.program import Iterate, Program


def compiled_improve(
    program: Program, at: Iterate, level: float, rules: tuple[float, float, float], most: int
) -> tuple:
    """(Iterate with the best duals, its bound, the last Z, resolved, steps), all in the units of the program.

    rules: near, rough and resolved, see `majorants_bounding.py`. Raises LinAlgError as the interpreted method does.
    """
    from certify.gain.majorants.jit_interior import improve

    r, heads = program.relaxation, program.heads
    sides = np.zeros((len(r.sides) + 2 * (heads - 1), program.size))
    sides[: len(r.sides)] = r.sides
    for k, sign in enumerate((-1.0, 1.0)[: 2 * (heads - 1)]):
        sides[len(r.sides) + k, :2] = 1.0, sign
    data = (program.linear, r.raising, r.raising_weight, r.lowering, r.lowering_weight, r.sides, sides)
    data = tuple(np.ascontiguousarray(array) for array in data)
    order = np.zeros((program.size, program.size), dtype=np.int64)
    order[program.row, program.column] = order[program.column, program.row] = np.arange(len(program.row))
    places = (program.row, program.column, program.root_two, order)
    near, rough, resolved = rules
    best, zr, zz, zl, Z, done, steps = improve(
        data, places, heads, _started(program, at), level, near, rough, resolved, most
    )
    return Iterate(Z, at.roots, at.x, at.s, at.S, at.lam, _families(program, zr, zz, zl)), best, Z, done, steps


def _started(program: Program, at: Iterate) -> tuple:
    """The start with the bounded head's cone |x_t| <= x_1, (s0, s1), as the sides s0 - s1 and s0 + s1."""
    parts = []
    for families, factor in ((at.s, 1.0), (at.z, 0.5)):
        count = len(families[1])
        sides = families[-2].reshape(count, len(program.relaxation.sides))
        for cones in families[2:-2]:
            sides = np.column_stack([sides, factor * (cones[:, 0] - cones[:, 1]), factor * (cones[:, 0] + cones[:, 1])])
        bounded = float(families[-1][0, 0]) if program.heads == 2 else 1.0
        parts.append(
            (np.ascontiguousarray(families[0]), np.ascontiguousarray(families[1]), np.ascontiguousarray(sides), bounded)
        )
    matrices = (np.ascontiguousarray(at.Z), np.ascontiguousarray(at.S), at.roots, np.ascontiguousarray(at.x), at.lam)
    return (*matrices, *parts[0], *parts[1])


def _families(program: Program, zr: np.ndarray, zz: np.ndarray, zl: np.ndarray) -> list[np.ndarray]:
    """The duals as the program's families; the bounded head's own multiplier is not needed by a majorant."""
    own = len(program.relaxation.sides)
    heads = [np.column_stack([zl[:, own] + zl[:, own + 1], zl[:, own + 1] - zl[:, own]])] if program.heads == 2 else []
    return [zr, zz, *heads, np.ascontiguousarray(zl[:, :own]).reshape(-1, 1), np.zeros((program.heads - 1, 1))]
