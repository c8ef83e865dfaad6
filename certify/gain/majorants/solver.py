"""A primal-dual interior-point method for the majorant relaxation: Nesterov-Todd scaling, Mehrotra's correction.

Nothing here is trusted. At every step the duals are a majorant already, and whoever watches may stop the method.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from certify.gain.majorants.cones import longest_step, product, quotient
from certify.gain.majorants.newton import NewtonSystem
from certify.gain.majorants.program import Families, Iterate, Program, each

_DAMPING = 0.98


@dataclass(frozen=True, slots=True, eq=False)
class Residuals:
    """How far an iterate is from feasible (on Z, roots, x, cones), and its complementarity mu."""

    on_Z: np.ndarray
    roots: np.ndarray
    x: np.ndarray
    cones: Families
    mu: float

    @property
    def infeasibility(self) -> float:
        """Largest distance of a cone's point from what Z says."""
        return max(float(np.abs(gap).max(initial=0.0)) for gap in self.cones)


@dataclass(frozen=True, slots=True, eq=False)
class Direction:
    """A Newton direction; the scaled_* are W^-1 ds and W dz, dY and dX those of Z and S in the basis T."""

    dY: np.ndarray
    dX: np.ndarray
    dZ: np.ndarray
    droots: np.ndarray
    dx: np.ndarray
    dlam: np.ndarray
    ds: Families
    dz: Families
    scaled_ds: Families
    scaled_dz: Families


def improve(program: Program, at: Iterate, enough: Callable[[Iterate, Residuals], bool], steps: int) -> None:
    """Iterate until `enough` says so, or float64 has no more to give; `enough` sees every iterate."""
    with np.errstate(all="ignore"):
        _iterate(program, at, enough, steps)


def _iterate(program: Program, at: Iterate, enough: Callable[[Iterate, Residuals], bool], steps: int) -> None:
    for _ in range(steps):
        residuals = residuals_of(program, at)
        if enough(at, residuals) or not residuals.mu > 0:
            return
        try:
            following = _step(program, at, residuals)
        except np.linalg.LinAlgError:
            return
        if following is None:
            return
        at = following


def residuals_of(program: Program, at: Iterate) -> Residuals:
    """Residuals of the optimality conditions."""
    r = program.relaxation
    on_Z, on_roots, on_x = program.adjoint(at.z)
    points = program.points(at.Z, at.roots, at.x, 1.0)
    pairing = np.sum(at.Z * at.S) + sum(float(np.sum(s * z)) for s, z in zip(at.s, at.z, strict=True))
    count = program.size + sum(len(s) for s in at.s)
    return Residuals(
        program.diagonal(at.lam) - program.linear - on_Z - at.S,
        -r.raising_weight - on_roots,
        program.target - on_x,
        [point - s for point, s in zip(points, at.s, strict=True)],
        float(pairing) / count,
    )


def _step(program: Program, at: Iterate, residuals: Residuals) -> Iterate | None:
    """Predictor, corrector, and the step; None where no step can be taken."""
    system = NewtonSystem(program, at)
    lam = [scale.lam for scale in system.scalings]
    spectrum = system.spectrum
    predictor = _direction(system, residuals, [-x for x in lam], -np.diag(spectrum))
    reach = min(_reach(system, at, predictor))
    centre = max((1 - min(reach, 1.0)) ** 3, 1e-8) * residuals.mu

    def corrected(x: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        target = -product(x, x) - product(a, b)
        target[:, 0] += centre
        return quotient(x, target)

    cross = predictor.dY @ predictor.dX
    target = np.diag(centre - spectrum**2) - (cross + cross.T) / 2
    scaled = 2 * target / (spectrum[:, None] + spectrum)
    cones = each(corrected, lam, predictor.scaled_ds, predictor.scaled_dz)
    corrector = _direction(system, residuals, cones, scaled)
    primal, dual = (min(1.0, _DAMPING * reach) for reach in _reach(system, at, corrector))
    return _moved(system, at, corrector, primal, dual) if min(primal, dual) > 1e-6 else None


def _direction(system: NewtonSystem, residuals: Residuals, cones: Families, scaled: np.ndarray) -> Direction:
    """The Newton direction with W^-1 ds + W dz = cones and dY + dX = scaled."""
    program = system.program
    gaps = system.each("divide", residuals.cones)
    pull = system.each("divide", [a - b for a, b in zip(cones, gaps, strict=True)])
    on_Z, on_roots, on_x = program.adjoint(pull)
    dY, dZ, droots, dx, dlam = system.solve(
        on_Z - residuals.on_Z, scaled, on_roots - residuals.roots, on_x - residuals.x
    )
    ds = [a + b for a, b in zip(program.points(dZ, droots, dx, 0.0), residuals.cones, strict=True)]
    scaled_ds = system.each("divide", ds)
    scaled_dz = [a - b for a, b in zip(cones, scaled_ds, strict=True)]
    dz = system.each("divide", scaled_dz)
    return Direction(dY, scaled - dY, dZ, droots, dx, dlam, ds, dz, scaled_ds, scaled_dz)


def _reach(system: NewtonSystem, at: Iterate, direction: Direction) -> tuple[float, float]:
    """Longest primal and dual steps inside the cones."""
    root = np.sqrt(system.spectrum)

    def matrix_reach(D: np.ndarray) -> float:
        lowest = float(np.linalg.eigvalsh(D / root[:, None] / root)[0])
        return -1 / lowest if lowest < 0 else np.inf

    primal = [longest_step(s, ds) for s, ds in zip(at.s, direction.ds, strict=True)]
    dual = [longest_step(z, dz) for z, dz in zip(at.z, direction.dz, strict=True)]
    return min(matrix_reach(direction.dY), *primal), min(matrix_reach(direction.dX), *dual)


def _moved(system: NewtonSystem, at: Iterate, d: Direction, primal: float, dual: float) -> Iterate:
    dS = system.T_inverse.T @ d.dX @ system.T_inverse
    return Iterate(
        at.Z + primal * d.dZ,
        at.roots + primal * d.droots,
        at.x + primal * d.dx,
        [s + primal * ds for s, ds in zip(at.s, d.ds, strict=True)],
        at.S + dual / 2 * (dS + dS.T),
        at.lam + dual * d.dlam,
        [z + dual * dz for z, dz in zip(at.z, d.dz, strict=True)],
    )
