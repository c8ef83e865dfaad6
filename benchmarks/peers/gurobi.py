"""Gurobi on the same mixed-integer model as SCIP (gurobipy, with the licence that its package ships).

That licence takes at most 2,000 variables and 2,000 rows, and 200 variables where there is a quadratic constraint;
a larger model is refused, and the refusal is the result. One thread, Gurobi's own tolerances (1e-6).
"""

from __future__ import annotations

import numpy as np

from benchmarks.peers.interface import PeerMissing, PeerRefused, Side

_TOO_LARGE = 10010  # Gurobi's error code


def solve_side(side: Side, cutoff: float, tolerance: float, seconds: float) -> tuple[float, float]:
    """What Gurobi attains and proves for one sign; nothing below `cutoff` is looked for."""
    try:
        import gurobipy
    except ImportError as error:
        raise PeerMissing("gurobipy is not installed") from error
    quiet = {"OutputFlag": 0, "Threads": 1}
    with gurobipy.Env(params=quiet) as environment, gurobipy.Model(env=environment) as model:
        u = _state(model, gurobipy.GRB, side)
        for name, value in {"TimeLimit": seconds, "MIPGap": tolerance}.items():
            model.setParam(name, value)
        if cutoff > 0:
            model.setParam("Cutoff", cutoff)
        try:
            model.optimize()
        except gurobipy.GurobiError as error:
            if error.errno == _TOO_LARGE:
                raise PeerRefused("too large for the licence that gurobipy ships") from error
            raise
        attained = side.value(u.X) if model.SolCount else 0.0
        if model.Status in (gurobipy.GRB.CUTOFF, gurobipy.GRB.INFEASIBLE):
            return attained, cutoff
        return attained, max(cutoff, min(model.ObjBound, side.crude_bound))


def _state(model, GRB, side: Side):
    """State the model; returns its variables u (D,)."""
    u = model.addMVar(side.plus.shape[1], lb=-1.0, ub=1.0)
    model.addConstr(u @ u <= 1)
    sizes = np.linalg.norm(side.plus, axis=1)
    hinges = model.addMVar(sizes.size, lb=0.0, ub=sizes)
    active = model.addMVar(sizes.size, vtype=GRB.BINARY)
    model.addConstr(hinges >= side.plus @ u)
    model.addConstr(hinges <= side.plus @ u + sizes - sizes * active)
    model.addConstr(hinges <= sizes * active)
    taken = model.addMVar(side.minus_weights.size, lb=0.0)
    model.addConstr(taken >= side.minus @ u)
    model.setObjective(side.plus_weights @ hinges - side.minus_weights @ taken, GRB.MAXIMIZE)
    return u
