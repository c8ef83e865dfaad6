"""SCIP on the mixed-integer model of the gain (PySCIPOpt).

    max  sum weight_i t_i - sum weight_j s_j      |u|^2 <= 1,  -1 <= u <= 1
    t_i <= z_i.u + |z_i| (1 - k_i),  t_i <= |z_i| k_i,  k_i binary        the hinge from above: exact
    t_i >= z_i.u,  t_i >= 0,  s_j >= z_j.u,  s_j >= 0                     from below: convex, no binary

|z_i| is the least big-M there is, as |z_i.u| <= |z_i| is attained. The rows t_i >= z_i.u are implied at the
optimum, and halve SCIP's time; fast separation and no primal heuristics halve it again. One thread, SCIP's own
tolerances (1e-6).
"""

from __future__ import annotations

import numpy as np

from benchmarks.peers.interface import PeerMissing, Side


def solve_side(side: Side, cutoff: float, tolerance: float, seconds: float) -> tuple[float, float]:
    """What SCIP attains and proves for one sign; nothing below `cutoff` is looked for."""
    model, u = _stated(side)
    model.setParam("timing/clocktype", 1)  # processor time
    model.setParam("limits/time", seconds)
    model.setParam("limits/gap", tolerance)
    if cutoff > 0:
        model.setObjlimit(cutoff)
    model.optimize()
    attained = side.value(np.array([model.getVal(v) for v in u])) if model.getNSols() else 0.0
    proved = cutoff if model.getStatus() == "infeasible" else max(cutoff, min(model.getDualbound(), side.crude_bound))
    return attained, proved


def _stated(side: Side):
    """The model and its variables u."""
    try:
        from pyscipopt import SCIP_PARAMSETTING, Model, quicksum
    except ImportError as error:
        raise PeerMissing("PySCIPOpt is not installed") from error
    model = Model()
    model.hideOutput()
    model.setSeparating(SCIP_PARAMSETTING.FAST)
    model.setHeuristics(SCIP_PARAMSETTING.OFF)
    u = [model.addVar(lb=-1, ub=1) for _ in range(side.plus.shape[1])]
    model.addCons(quicksum(v * v for v in u) <= 1)
    terms = []
    for row, weight in zip(side.plus, side.plus_weights, strict=True):
        size = float(np.linalg.norm(row))
        hinge, active = model.addVar(lb=0, ub=size), model.addVar(vtype="B")
        height = quicksum(x * v for x, v in zip(row, u, strict=True))
        model.addCons(hinge >= height)
        model.addCons(hinge <= height + size * (1 - active))
        model.addCons(hinge <= size * active)
        terms.append(weight * hinge)
    for row, weight in zip(side.minus, side.minus_weights, strict=True):
        hinge = model.addVar(lb=0, ub=float(np.linalg.norm(row)))
        model.addCons(hinge >= quicksum(x * v for x, v in zip(row, u, strict=True)))
        terms.append(-weight * hinge)
    model.setObjective(quicksum(terms), "maximize")
    return model, u
