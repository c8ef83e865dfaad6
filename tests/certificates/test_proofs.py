"""Proofs along the tree of a search: it is followed node for node, in every rank, by cones and by majorants."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from oracles import objective

from certify._core.cone_proofs import ConeProofs
from certify.certificates import Source, Writing, Written, write_certificate
from certify.certificates import majorants as certificate_majorants
from certify.certificates.generators import start_generators
from certify.certificates.hinges import hinges_of
from certify.certificates.majorant_units import Units, engine_side
from certify.certificates.side import side_of
from certify.checker.claims import decide
from certify.checker.sums import ExactSums
from certify.gain.cones.fan import start_fan
from certify.gain.engine import Question, bound_gain
from certify.gain.majorants.brancher import MajorantBrancher
from certify.gain.majorants.node import Majorant, Node
from certify.gain.question import GainBound, Limits
from certify.gain.search.proof import GainProof
from certify.gain.search.queue import Search
from certify.problem.dataset import Dataset
from certify.problem.dual import LowerBound, dual_vector, gain_problem
from certify.problem.network import Network
from certify.problem.objective import Bias, Objective
from certify.problem.training import TrainingProblem, evaluate, training_problem
from certify.verdict import Bounds, Decision, Stationarity, Verdict

pytestmark = pytest.mark.slow  # together: `make test-fast` leaves them out

NONE, PENALIZED, FREE = Bias.NONE, Bias.PENALIZED, Bias.FREE


def random_problem(goal: Objective, n: int, d: int, scale: float = 1.0) -> tuple[Network, Dataset]:
    """Gaussian data, the inputs of that size, and the network of one zero neuron."""
    rng = np.random.default_rng(0)
    bias = None if goal.hidden_bias is NONE else np.zeros(1)
    return Network(np.zeros((1, d)), np.zeros((1, 1)), bias), Dataset(
        scale * rng.standard_normal((n, d)), rng.standard_normal((n, 1))
    )


def bound_for(problem: TrainingProblem, nu: np.ndarray, kind: str, tolerance: float) -> GainBound:
    """A bound on the gain with its tree, by an engine of that kind."""
    gain = gain_problem(problem, nu)
    if kind == "cones":
        return bound_gain(gain, Question(tolerance=tolerance), Limits())
    search = Search(MajorantBrancher(gain), 0.0, tolerance)
    search.advance(1_000, 1, lambda: False, lambda: False)
    return GainBound(0.0, search.upper, (), search.nodes, search.finished, kind, GainProof(search, search.upper))


def open_verdict(value: Bounds, lower: LowerBound) -> Verdict:
    """A verdict that claims nothing but its lower bound."""
    stationarity = Stationarity(True, True, True, True, 0.0, 0.0, (), (), (), (), 1e-6)
    nothing: dict[str, Any] = dict.fromkeys(("reason", "explanation", "width_needed", "witness", "search"))
    counts = dict.fromkeys(("width", "samples", "inputs", "outputs", "rank"), 1)
    return Verdict(
        decision=Decision.INCONCLUSIVE,
        eps=1e-4,
        value=value,
        optimum=value,
        gain=value,
        beta=1.0,
        stationarity=stationarity,
        proof=lower,
        **nothing,
        **counts,
    )


def proved(
    goal: Objective, kind: str, n: int, d: int, tolerance: float, share: float = 1.0, scale: float = 1.0
) -> tuple[Written, GainBound]:
    """The certificate for the dual vector of the zero network, and the search that it follows; share of its bound is claimed."""
    net, data = random_problem(goal, n, d, scale)
    problem = training_problem(net, data, goal)
    nu = dual_vector(problem, np.zeros((n, 1)))
    bound = bound_for(problem, nu, kind, tolerance)
    assert bound.settled
    assert bound.proof.method == kind
    gain = replace(bound, upper=share * bound.upper)
    value = evaluate(problem, net)
    verdict = open_verdict(Bounds(value.lower, value.upper), LowerBound(0.0, nu, gain))
    limits = Limits(time.monotonic() + 30)
    return write_certificate(verdict, net, problem, Source(data), limits, Writing()), bound


@pytest.mark.parametrize("hidden", [NONE, PENALIZED, FREE])
@pytest.mark.parametrize("d", [1, 2, 4])
def test_trees_of_cones_are_followed(hidden: Bias, d: int) -> None:
    """The certificate has the search's nodes, hardly one more, and the bound that it proves is the search's."""
    written, bound = proved(objective(1.0, hidden_bias=hidden), "cones", 25, d, 1e-6)
    assert written.content is not None, written.reason
    nodes = sum(len(proof["nodes"]) for proof in json.loads(written.content)["dual"]["proofs"] if proof is not None)
    assert nodes <= 1.02 * bound.proof.search.tree.size + 4


@pytest.mark.parametrize("hidden", [NONE, PENALIZED, FREE])
@pytest.mark.parametrize("d", [2, 4])
def test_leaves_are_cheap_to_check(hidden: Bias, d: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The checker's fast scan accepts nearly every leaf without an exact sum; every point is used, and most by several leaves."""
    exact: list[object] = []
    exactly = ExactSums.exactly

    def counted(self: ExactSums, g: Any) -> int:
        exact.append(g)
        return exactly(self, g)

    monkeypatch.setattr(ExactSums, "exactly", counted)
    written, _ = proved(objective(1.0, hidden_bias=hidden), "cones", 40, d, 1e-6)
    assert written.content is not None, written.reason
    assert len(exact) <= 0.02 * written.leaves
    for proof in json.loads(written.content)["dual"]["proofs"]:
        used = {x for node in proof["nodes"] if isinstance(node[0], list) for x in node[1][::2]}
        assert used == set(range(len(proof["points"])))
        assert len(used) <= 0.7 * len(proof["nodes"])


@pytest.mark.parametrize("hidden", [NONE, PENALIZED, FREE])
@pytest.mark.parametrize("d", [2, 9])
def test_trees_of_majorants_are_followed(hidden: Bias, d: int) -> None:
    """In any rank a tree of cuts becomes a proof by majorants, that both scans accept."""
    written, _ = proved(objective(1.0, hidden_bias=hidden), "majorants", 30, d, 0.1)
    assert written.content is not None, written.reason
    assert {proof["kind"] for proof in json.loads(written.content)["dual"]["proofs"]} == {"majorants"}
    assert decide(written.content, paranoid=True).leaves == written.leaves


@pytest.mark.parametrize("hidden", [NONE, PENALIZED, FREE])
@pytest.mark.parametrize("scale", [1.0, 1e5, 1e-5])
def test_majorants_that_rest_on_their_cuts_are_written(hidden: Bias, scale: float) -> None:
    """A search whose slopes hold on their parts only is followed node for node, in data of any size: no cut is added."""
    written, bound = proved(objective(scale, hidden_bias=hidden), "majorants", 25, 3, 0.001, scale=scale)
    assert written.content is not None, written.reason
    proofs = json.loads(written.content)["dual"]["proofs"]
    nodes = [node for proof in proofs for node in proof["nodes"]]
    assert any(max(node["tilts"]["integers"], default=0) > 0 for node in nodes if isinstance(node, dict))
    assert len(nodes) <= bound.proof.search.tree.size


def small_node(cuts: tuple[tuple[int, int], ...]) -> tuple[Units, Node]:
    """A node of three hinges in the plane, the second and third of which lower the sum, and its units."""
    net, data = random_problem(objective(1.0), 3, 2)
    hinges = hinges_of(training_problem(net, data, objective(1.0)))
    half, units = engine_side(side_of(hinges, np.array([1.0, -1.0, -1.0]), np.zeros(2), 5.0))
    return units, Node(half, cuts)


@pytest.mark.parametrize("cuts", [(), ((0, 1),)])
def test_slopes_that_do_not_hold_are_not_written(cuts: tuple[tuple[int, int], ...]) -> None:
    """A slope that may exceed 1 becomes zero with its tilts, whatever they are; one beside it that holds is kept."""
    units, node = small_node(cuts)
    none = np.zeros((2, len(cuts)))
    slopes = np.array([[0.5, 0.4, 0.0], [0.5, 0.6, 0.1]])
    normals, pairs = np.zeros((len(cuts), 3)), np.zeros(0)
    widths = np.ones(len(node.raising))
    for above in (none, none + 1e-3, none - 1e-3):
        rounded = units.rounded(Majorant(widths, slopes, above * [[0], [1]], none, normals, pairs), node)
        assert np.all(node.slopes_hold(rounded.engine))
        assert rounded.engine.slopes[0] == pytest.approx(slopes[0], rel=1e-8)
        written = np.array(rounded.grids["slopes"]["integers"]).reshape(2, 3)
        assert np.any(written[0]) and not np.any(written[1])
        assert not any(rounded.grids["tilts"]["integers"])


@pytest.mark.parametrize("kind", ["cones", "majorants"])
@pytest.mark.parametrize("hidden", [NONE, FREE])
def test_bounds_that_are_too_small_are_not_proved(kind: str, hidden: Bias) -> None:
    """A dual vector scaled by a gain of nine tenths of the truth is infeasible: no certificate, whatever the tree."""
    written, _ = proved(objective(1.0, hidden_bias=hidden), kind, 20, 3, 0.01, share=0.9)
    assert written.content is None


@pytest.mark.parametrize(
    ("name", "lie"),
    [
        ("best_multipliers", lambda Q, heads: np.full(heads + 1, 1e-3)),
        ("multipliers_prove", lambda Q, heads, multipliers, error: True),
    ],
)
def test_majorants_that_lie_are_rejected(name: str, lie: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Multipliers for which the matrix is not semidefinite prove nothing."""
    monkeypatch.setattr(certificate_majorants, "multipliers_prove", lambda *arguments: True)
    monkeypatch.setattr(certificate_majorants, "best_multipliers", lambda Q, heads: np.full(heads + 1, 1e-3))
    monkeypatch.setattr(certificate_majorants, name, lie)
    written, _ = proved(objective(1.0), "majorants", 20, 3, 0.1)
    assert written.content is None


@pytest.mark.parametrize("seed", range(5))
def test_generators_are_what_the_checker_makes_of_them(seed: int) -> None:
    """Integers and floats of a generator are one vector, along any path of splits; the start generators sum to zero."""
    goal = objective(1.0, hidden_bias=FREE)
    net, data = random_problem(goal, 12, 3)
    hinges = hinges_of(training_problem(net, data, goal))
    side = side_of(hinges, np.ones(len(hinges.points)), np.zeros(hinges.rank), 1e3)
    rng = np.random.default_rng(seed)
    fan = start_fan(rng.standard_normal((20, 4)))
    start = start_generators(side, fan, rng.standard_normal((4, 4)))
    assert [sum(column) for column in zip(*(g.integers for g in start), strict=True)] == [0] * 4
    proofs = ConeProofs(
        side.plus,
        side.minus,
        side.linear,
        side.lowering,
        side.dual_scale,
        side.level,
        1.0,
        side.places,
        lambda size: None,
    )
    numbers = [proofs.generator(g.vector, g.origin, g.odd, g.power, g.bits) for g in start]
    edges = [rng.choice(4, 2, replace=False) for _ in range(40)]
    proofs.follow(numbers[1:], [int(1 + 4 * a + b) for a, b in edges])
    cone, splits = [g.integers for g in start[1:]], [node for node in proofs.written()[1] if len(node) == 4]
    for number, (a, b, i, j) in enumerate(splits[: len(edges)]):
        assert [a, b] == list(edges[number])
        cone[b] = [i * x + j * y for x, y in zip(cone[a], cone[b], strict=True)]
        assert_same_direction(side, cone[b], proofs.vector(len(start) + number))


def assert_same_direction(side, integers: list[int], vector: list[float]) -> None:
    """The floats are the integers, in the side's units, times some positive number."""
    exact = [Fraction(x) / (Fraction(side.unit) if k == 3 else 1) for k, x in enumerate(integers)]
    largest = max(abs(x) for x in exact)
    scaled = np.array([float(x / largest) for x in exact])
    floats = np.array(vector)
    assert np.all(np.abs(floats / np.max(np.abs(floats)) - scaled) <= 1e-13)
