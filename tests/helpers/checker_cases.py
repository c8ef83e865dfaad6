"""The corpus of right certificates, by name: every loss, reduction, bias, kind of proof and kind of claim at least once."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
from certificates import Plan, Reduced, document, sealed
from exact import OF_SIGNS, random_network
from oracles import ORACLES, dataset, objective

from certify.problem.dataset import Dataset
from certify.problem.network import Network
from certify.problem.objective import Bias, Loss, Objective, Reduction
from certify.verdict import Decision

NONE, PENALIZED, FREE = Bias.NONE, Bias.PENALIZED, Bias.FREE
HALF, SQUARED, LOGISTIC = Loss.HALF_SQUARED, Loss.SQUARED, Loss.LOGISTIC


def plan_for(goal: Objective, kind: str, seed: int, n: int = 6, d: int = 2, cuts: int = 0) -> Plan:
    """Random data, a random network, and the dual vector of the best constant: an open certificate."""
    rng = np.random.default_rng(seed)
    X, y = rng.standard_normal((n, d)), rng.standard_normal(n)
    if goal.loss in OF_SIGNS:
        y = np.where(np.arange(n) % 2, 1.0, -1.0)
    return Plan(random_network(rng, 3, d, goal), dataset(X, y), goal, kind, y.copy(), cuts=cuts)


def _matrix() -> dict[str, Plan]:
    plans, seed = {}, 0
    for loss in Loss:
        for hidden, output in ((NONE, NONE), (PENALIZED, PENALIZED), (FREE, NONE), (NONE, FREE), (FREE, FREE)):
            kind = ("cones", "majorants")[seed % 2]
            reduction = tuple(Reduction)[seed // 2 % 2]
            goal = objective(0.7, loss, reduction, hidden, output)
            plans[f"{loss} {reduction} {hidden} {output} {kind}"] = plan_for(goal, kind, seed, cuts=seed % 3)
            seed += 1
    return plans


def _special() -> dict[str, Plan]:
    plain, free = objective(0.7), objective(0.7, hidden_bias=FREE)
    base = plan_for(plain, "cones", 50)
    unequal = Objective(HALF, Reduction.SUM, 0.3, 0.7, NONE, NONE)
    return {
        "unequal decays, cones": plan_for(unequal, "cones", 51),
        "unequal decays, majorants": plan_for(unequal, "majorants", 52, cuts=1),
        "sample weights": _weighted(plan_for(plain, "cones", 53)),
        "sample weights, logistic, mean": _weighted(plan_for(objective(0.2, LOGISTIC, Reduction.MEAN), "cones", 54)),
        "targets 0 and 1": _zero_one(plan_for(objective(0.4, LOGISTIC), "majorants", 55)),
        "one input": plan_for(plain, "cones", 56, d=1),
        "three inputs": plan_for(plain, "cones", 57, d=3),
        "four inputs, majorants": plan_for(plain, "majorants", 58, n=7, d=4, cuts=1),
        "one sample": plan_for(plain, "cones", 59, n=1),
        "one sign only": replace(plan_for(plain, "cones", 60), nu=np.full(6, 0.5)),
        "zero dual vector": replace(plan_for(plain, "cones", 61), nu=np.zeros(6)),
        "duplicates merged": _duplicated(plan_for(plain, "cones", 62)),
        "duplicates merged, free bias": _duplicated(plan_for(free, "majorants", 63)),
        "parallel rows merged": _parallel(plan_for(plain, "cones", 64)),
        "opposite rows turned, cones": _opposite(plan_for(plain, "cones", 75)),
        "opposite rows turned, majorants": _opposite(plan_for(plain, "majorants", 76, cuts=1)),
        "opposite rows cancel": _cancelling(plan_for(plain, "cones", 77)),
        "rank two in four inputs, cones": _deficient(plan_for(plain, "cones", 65, d=4)),
        "rank two in four inputs, majorants": _deficient(plan_for(plain, "majorants", 66, d=4, cuts=1)),
        "rank two in four inputs, free bias": _deficient(plan_for(free, "cones", 67, d=4)),
        "free bias, centred": _centred(plan_for(free, "cones", 68)),
        "a sample left out": _left_out(plan_for(plain, "cones", 69)),
        "no weight decay": _conflicting(plan_for(objective(0.0, hidden_bias=FREE, output_bias=PENALIZED), "", 80)),
        "no weight decay, logistic": _conflicting(plan_for(objective(0.0, LOGISTIC, hidden_bias=PENALIZED), "", 81)),
        "no weight decay, opposite rows": _conflicting_opposite(plan_for(objective(0.0), "", 82)),
        "no neurons": replace(base, network=Network(np.zeros((0, 2)), np.zeros((0, 1)))),
        "no lower bound": replace(base, nu=None),
        "float32 parameters": replace(base, network=_single(base.network)),
        "tiny and huge numbers": _stretched(plan_for(plain, "cones", 70)),
        "wider is better": _refutation(plan_for(plain, "cones", 71), width=5, verdict="open"),
        "refuted": _refutation(plan_for(plain, "cones", 72), width=3, verdict="refuted"),
        "refuted, narrower, no bound": replace(
            _refutation(plan_for(plain, "cones", 73), width=1, verdict="refuted"), nu=None
        ),
        "refuted, logistic, free biases": _refutation(
            plan_for(objective(0.1, LOGISTIC, Reduction.MEAN, FREE, FREE), "cones", 74), width=2, verdict="refuted"
        ),
    }


def _weighted(plan: Plan) -> Plan:
    weights = np.array([1.0, 0.25, 3.0, 0.0, 1.5, 0.1])
    data = Dataset(plan.data.X, plan.data.y, weights)
    return replace(plan, data=data, nu=plan.nu * weights)


def _zero_one(plan: Plan) -> Plan:
    return replace(plan, data=Dataset(plan.data.X, (plan.data.y + 1) / 2))


def _duplicated(plan: Plan) -> Plan:
    X = plan.data.X
    twice = Dataset(np.vstack([X, X]), np.concatenate([plan.data.y, -0.5 * plan.data.y]))
    return replace(plan, data=twice, nu=twice.y[:, 0], reduced=Reduced(X, np.tile(np.arange(len(X)), 2)))


def _parallel(plan: Plan) -> Plan:
    X, ratios = plan.data.X[:3], np.array([1.0, 1.0, 1.0, 2.0, 0.3, 7.0])
    members = np.tile(np.arange(3), 2)
    data = Dataset(X[members] * ratios[:, None], plan.data.y)
    return replace(plan, data=data, reduced=Reduced(X, members, ratios))


def _opposite(plan: Plan) -> Plan:
    X, ratios = plan.data.X[:3], np.array([1.0, 1.0, 1.0, -1.0, -0.75, -2.0])
    members = np.tile(np.arange(3), 2)
    data = Dataset(X[members] * ratios[:, None], plan.data.y)
    return replace(plan, data=data, reduced=Reduced(X, members, ratios))


def _cancelling(plan: Plan) -> Plan:
    """nu_i (x)_+ - nu_i (-x)_+ is linear: no hinge of either sign is left, and yet there is something to prove."""
    X, ratios = plan.data.X[:3], np.repeat([1.0, -1.0], 3)
    members, y = np.tile(np.arange(3), 2), plan.data.y.copy()
    y[3:] = -y[:3]
    data = Dataset(X[members] * ratios[:, None], y)
    return replace(plan, data=data, nu=y[:, 0], reduced=Reduced(X, members, ratios))


def _conflicting(plan: Plan) -> Plan:
    """The last three samples are the first ones with opposite targets."""
    members = np.tile(np.arange(3), 2)
    y = np.where(np.arange(6) < 3, 1.0, -1.0) * plan.data.y[members, 0]
    return replace(plan, data=Dataset(plan.data.X[members], y[:, None]), nu=y / 2)


def _conflicting_opposite(plan: Plan) -> Plan:
    """Three opposite pairs of rows on lines that depend on one another, and an odd dual vector without a linear part."""
    lines = np.array([[1.0, 0.5], [0.25, 1.0], [1.25, 1.5]])
    y = np.array([1.0, 1.0, -1.0, -1.0, -1.0, 1.0])
    return replace(plan, data=Dataset(np.vstack([lines, -lines]), y[:, None]), nu=y / 4)


def _deficient(plan: Plan) -> Plan:
    rng = np.random.default_rng(1)
    X = rng.standard_normal((6, 2)) @ rng.standard_normal((2, 4))
    basis = np.linalg.svd(X)[2][:2]
    return replace(plan, data=Dataset(X, plan.data.y), reduced=Reduced(X @ basis.T, np.arange(6), basis=basis))


def _centred(plan: Plan) -> Plan:
    X, centre = plan.data.X + 100.0, np.array([100.0, 99.5])
    return replace(plan, data=Dataset(X, plan.data.y), reduced=Reduced(X - centre, np.arange(6), centre=centre))


def _left_out(plan: Plan) -> Plan:
    X = plan.data.X.copy()
    X[5] *= 1e-9
    members, ratios = np.array([0, 1, 2, 3, 4, 0]), np.array([1.0, 1, 1, 1, 1, 0])
    return replace(plan, data=Dataset(X, plan.data.y), reduced=Reduced(X[:5], members, ratios))


def _single(net: Network) -> Network:
    return Network(*(np.float64(np.float32(array)) for array in (net.hidden_weights, net.output_weights)))


def _stretched(plan: Plan) -> Plan:
    X, ratios = plan.data.X, 2.0 ** np.array([0, 40, -40, 300, -300, 0])
    nu = plan.nu / ratios
    data = Dataset(X * ratios[:, None], nu[:, None])
    net = Network(plan.network.hidden_weights * 2.0**-300, plan.network.output_weights)
    return replace(plan, network=net, data=data, nu=nu, reduced=Reduced(X, np.arange(6), ratios))


def _refutation(plan: Plan, width: int, verdict: str) -> Plan:
    """The given network made bad, and one of small weights beside it."""
    net = plan.network
    heavy = replace(net, hidden_weights=net.hidden_weights * 10)
    better = random_network(np.random.default_rng(3), width, plan.data.inputs, plan.goal, 0.1)
    return replace(plan, network=heavy, better=better, verdict=verdict)


def _optimal() -> dict[str, Plan]:
    """Networks known by hand to be optimal: certified, the dual vector being the residual."""
    plans = {}
    for oracle in ORACLES.values():
        goal = oracle.objective
        if goal.loss is LOGISTIC or oracle.predictions is None or oracle.dataset.inputs > 3:
            continue
        best = [known.network for known in oracle.networks if known.decision is Decision.CERTIFIED]
        if best:
            kappa = (1 if goal.loss is HALF else 2) / (
                oracle.dataset.samples if goal.reduction is Reduction.MEAN else 1
            )
            nu = kappa * (oracle.dataset.y[:, 0] - np.array(oracle.predictions))
            plans[f"optimal, {oracle.name}"] = Plan(best[0], oracle.dataset, goal, "cones", nu, verdict="certified")
    return plans


PLANS = _matrix() | _special() | _optimal()


@cache
def right(name: str) -> bytes:
    """The bytes of the right certificate of that name."""
    return sealed(document(PLANS[name]))
