"""The start cones of engine C: r + 1 simplicial cones that cover R^r (docs/theory.md, section 9.3)."""

from __future__ import annotations

import math

import numpy as np

_BITS = 14  # start generators are short dyadics, so that some forty splits along one edge stay exact


def start_fan(normals: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """r + 1 simplicial cones (generators V (r, r), walls (r, r)) that cover R^r, round in the normals' metric.

    The generators are short dyadics that sum to exactly zero and any r of them are independent, so the r + 1 cones cover.
    """
    r = normals.shape[1]
    for shape in (_whitening(normals), np.eye(r)):
        generators = _simplex(r) @ shape
        bits = _BITS + math.ceil(math.log2(np.linalg.cond(shape)))
        generators = np.rint(generators / np.max(np.abs(generators)) * 2.0**bits) * 2.0**-bits
        generators[-1] = -np.sum(generators[:-1], axis=0)
        cones = [np.ascontiguousarray(np.delete(generators, k, axis=0)) for k in range(r + 1)]
        if all(np.linalg.cond(cone) < 1e10 for cone in cones):
            return [(cone, np.ascontiguousarray(np.linalg.inv(cone).T)) for cone in cones]
    raise ArithmeticError("the start cones are not independent")


def _simplex(r: int) -> np.ndarray:
    """The r + 1 vertices of a regular simplex around 0, as rows in R^r."""
    centred = np.eye(r + 1) - 1.0 / (r + 1)
    axes = np.linalg.svd(centred)[2][:r]
    return centred @ axes.T


def _whitening(normals: np.ndarray) -> np.ndarray:
    """A symmetric matrix (r, r) that takes directions in which the hyperplanes lie evenly to the coordinates used."""
    unit = normals / np.linalg.norm(normals, axis=1, keepdims=True)
    values, vectors = np.linalg.eigh(unit.T @ unit / unit.shape[0])
    values = np.sqrt(np.maximum(values, 1e-10 * values[-1]))
    return (vectors / values) @ vectors.T
