"""However the search is broken, nothing false is accepted: brute force over all patterns has the last word."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import proof_search
import pytest
from brute_force import squared_gain
from certificates import document, exact_value, rows_of, sealed
from checker_cases import plan_for
from oracles import objective

from certify.checker.claims import decide
from certify.checker.rejection import Rejected
from certify.problem.objective import Bias

pytestmark = pytest.mark.slow  # together: `make test-fast` leaves them out

SEARCH, MAJORANTS = proof_search._ConeSearch, proof_search._MajorantSearch
BETA = 0.7


def some_plan(seed: int, kind: str):
    """A small problem, each seed with another treatment of the hidden bias."""
    hidden = tuple(Bias)[seed % 3]
    return plan_for(objective(BETA, hidden_bias=hidden), kind, seed, n=5, d=2, cuts=seed % 2)


def true_gain(plan: Any, content: dict[str, Any]) -> Fraction:
    """The square of the gain of a certificate's dual vector."""
    nu = [float.fromhex(x) for x in content["dual"]["nu"]]
    return squared_gain(rows_of(plan.data, plan.goal), nu, plan.goal.hidden_bias is Bias.FREE)


def is_accepted(content: dict[str, Any]) -> bool:
    """The checker's answer, the same from both scans."""
    answers = []
    for paranoid in (False, True):
        try:
            decide(sealed(content), paranoid)
            answers.append(True)
        except Rejected:
            answers.append(False)
    assert answers[0] == answers[1]
    return answers[0]


def broken(**methods: Callable) -> Callable[[pytest.MonkeyPatch], None]:
    """Replace methods of the searches; each gets the right method first."""

    def apply(monkeypatch: pytest.MonkeyPatch) -> None:
        for name, wrong in methods.items():
            owner = SEARCH if hasattr(SEARCH, name) else MAJORANTS
            monkeypatch.setattr(owner, name, _wrapped(getattr(owner, name), wrong))

    return apply


def _wrapped(right: Callable, wrong: Callable) -> Callable:
    return lambda self, *arguments: wrong(right, self, *arguments)


def _without_a_row(right: Callable, self: Any, *arguments: Any) -> Any:
    self.plus = self.plus[1:]
    return right(self, *arguments)


def _lowered(right: Callable, self: Any, *arguments: Any) -> Any:
    leaf = right(self, *arguments)
    if leaf is not None:
        leaf[0] = [int(0.98 * x) for x in leaf[0]]
    return leaf


def _without_last_root(right: Callable, self: Any) -> Any:
    proof = right(self)
    return proof | {"nodes": proof["nodes"][:-1]}


def _with_points(change: Callable[[list[int]], list[int]]) -> Callable:
    def wrong(right: Callable, self: Any) -> Any:
        proof = right(self)
        return proof | {"points": [change(point) for point in proof["points"]]}

    return wrong


def _other_fan(right: Callable, self: Any) -> Any:
    start = right(self)
    return [start[1], start[0], *start[2:]] if self.nodes else start


def _smaller(factor: float) -> Callable:
    return lambda right, self, Q: np.ceil(right(self, Q) * factor)


def _tilted(right: Callable, self: Any, known: Any, up: Any, down: Any, curvatures: Any, *rest: Any) -> Any:
    return right(self, known, up, down, curvatures * 1.3, *rest)


def _no_lowering(right: Callable, self: Any, known: Any, up: Any, down: Any, *rest: Any) -> Any:
    return right(self, known, up, down, *rest) - 0.05 * np.eye(self.rows.shape[1])


CONES = {
    "a hinge is forgotten": broken(proof=_without_a_row),
    "subgradients too large": broken(_slope=lambda right, self, point: 1.3 * right(self, point)),
    "subgradients of the other side": broken(proof=_with_points(lambda point: [-x for x in point])),
    "points that are not those used": broken(proof=_with_points(lambda point: [point[0]] * len(point))),
    "z too short": broken(_rounded=_lowered),
    "a root is forgotten": broken(proof=_without_last_root),
    "edges chosen badly": broken(_edge=lambda right, self, *rest: right(self, *rest)[::-1]),
    "the fan turned": broken(_start=_other_fan),
}
FORMS = {
    "multipliers too small": broken(_multipliers=_smaller(0.97)),
    "multipliers halved": broken(_multipliers=_smaller(0.5)),
    "curvatures not those used": broken(_quadratic=_tilted),
    "the form lowered": broken(_quadratic=_no_lowering),
    "the radius too small": broken(
        tree=lambda right, self, *rest: (setattr(self, "radius", 0.1), right(self, *rest))[1]
    ),
}


@pytest.mark.parametrize("name", [*CONES, *FORMS])
def test_a_broken_search_proves_nothing_false(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a broken search writes, an accepted dual vector is feasible and an accepted bound lies below the network."""
    kind = "cones" if name in CONES else "majorants"
    (CONES | FORMS)[name](monkeypatch)
    for seed in range(6):
        plan = some_plan(seed, kind)
        content = document(plan)
        if is_accepted(content):
            assert true_gain(plan, content) <= Fraction(BETA) ** 2
            bound = float.fromhex(content["claim"]["lower_bound"])
            assert Fraction(bound) <= exact_value(plan.network, plan.data, plan.goal)


@pytest.mark.parametrize("kind", ["cones", "majorants"])
@pytest.mark.parametrize("seed", range(12))
def test_no_hints_prove_what_is_false(kind: str, seed: int) -> None:
    """With the dual vector scaled a hair past feasibility, the hints of the right certificate are of no use, nor bent ones."""
    plan = some_plan(seed, kind)
    content = document(plan)
    assert is_accepted(content)
    gain = true_gain(plan, content)
    step = 2.0 ** np.ceil(np.log2(BETA / float(gain) ** 0.5))  # a power of two keeps the sum of nu exactly zero
    content["dual"]["nu"] = [(step * float.fromhex(x)).hex() for x in content["dual"]["nu"]]
    content["claim"]["lower_bound"] = (-1e9).hex()
    assert true_gain(plan, content) == gain * Fraction(step) ** 2 >= Fraction(BETA) ** 2
    rng = np.random.default_rng(seed)
    for stretch in (0.8, 1.0, step, 1.5 * step):
        for proof in content["dual"]["proofs"]:
            bend(proof, stretch, rng)
        assert not is_accepted(content)


def bend(proof: dict[str, Any] | None, stretch: float, rng: np.random.Generator) -> None:
    """Scale the hints that scale with the dual vector, and shake them."""
    for node in proof["nodes"] if proof else []:
        if isinstance(node, dict):
            for key in ("multipliers", "sides", "pairs"):
                numbers = node[key]["integers"]
                node[key]["integers"] = [int(x * stretch * rng.uniform(0.99, 1.01)) for x in numbers]
        elif isinstance(node, list) and len(node) == 2:
            node[0] = [int(x * stretch * rng.uniform(0.99, 1.01)) for x in node[0]]


@pytest.mark.parametrize("seed", range(9))
def test_accepted_bounds_meet_the_truth(seed: int) -> None:
    """The share of the weight decay that the proofs leave unused is a few percent: the brute force is no idle check."""
    plan = replace(some_plan(seed, "cones"))
    content = document(plan)
    assert is_accepted(content)
    assert Fraction(BETA * 0.85) ** 2 < true_gain(plan, content) <= Fraction(BETA) ** 2
