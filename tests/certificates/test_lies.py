"""A search that lies gets nothing past the checker: the answer is inconclusive, or what is accepted is true all the same."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from exact import exact_objective, random_network
from oracles import objective
from planted import optimal_network, random_data

import certify.certificates.dual as certificate_dual
import certify.decide.check as deciding
from certify._core.cone_proofs import ConeProofs
from certify.certificates import CertificateWish, Source, budget, cones, confirmed, confirming, patterns, writing
from certify.certificates.generators import StartGenerator, start_generators
from certify.certificates.patterns import feasible_by_patterns
from certify.certificates.side import Unprovable
from certify.certificates.writing import Written
from certify.checker.claims import decide
from certify.decide.check import check_network
from certify.decide.engines import SearchEngine
from certify.decide.options import CheckOptions
from certify.gain.engine import Question, bound_gain
from certify.gain.question import Limits
from certify.gain.search.tree import Tree
from certify.problem.dataset import Dataset
from certify.problem.dual import dual_vector, gain_problem
from certify.problem.network import Network
from certify.problem.objective import Bias, Loss, Objective
from certify.problem.training import Enclosure, training_problem
from certify.verdict import Bounds, Decision, Reason, Verdict

pytestmark = pytest.mark.slow  # together: `make test-fast` leaves them out

GOALS = {
    "no bias": objective(0.3),
    "penalised bias": objective(0.3, hidden_bias=Bias.PENALIZED),
    "free biases": objective(0.3, hidden_bias=Bias.FREE, output_bias=Bias.FREE),
    "logistic": objective(0.1, Loss.LOGISTIC),
}
OPTIONS = CheckOptions(eps=1e-4, time_limit=10.0)


@pytest.fixture(params=GOALS)
def case(request: pytest.FixtureRequest) -> tuple[Network, Dataset, Objective]:
    """A network that is 20 % above the optimum in its output weights, so that CERTIFIED would be false."""
    goal = GOALS[request.param]
    data = random_data(goal, seed=11)
    net = optimal_network(data, goal)
    return replace(net, output_weights=1.5 * net.output_weights), data, goal


def answer(net: Network, data: Dataset, goal: Objective) -> Verdict:
    """The verdict, its certificate wanted."""
    return check_network(net, data, goal, OPTIONS, wish=CertificateWish(Source(data), wanted=True, carried=True))


def assert_nothing_false(verdict: Verdict, data: Dataset, goal: Objective) -> None:
    """Not certified, and an accepted lower bound is at most the objective of the best network."""
    assert verdict.decision is not Decision.CERTIFIED
    if verdict.certificate is not None:
        bound = decide(verdict.certificate).certificate.claim.lower_bound
        best = exact_objective(optimal_network(data, goal), data, goal)
        assert bound is None or Fraction(bound) <= best


@pytest.fixture
def no_better_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """The search finds no better network, so that only its bound decides."""
    monkeypatch.setattr(deciding.Findings, "add", lambda self, witness: None)


def halved(bound):
    """A gain bound that claims half of what was proved."""
    return replace(bound, upper=bound.upper / 3, lower=0.0, witnesses=(), proof=None)


@pytest.mark.usefixtures("no_better_network")
@pytest.mark.parametrize("keeps_tree", [True, False])
def test_a_gain_bound_that_is_too_small(case, keeps_tree: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bound on the gain below the truth leads to a false CERTIFIED in the search, and to INCONCLUSIVE (numerics) for the user."""
    honest = SearchEngine.bound

    def lying(self, *arguments):
        bound = honest(self, *arguments)
        return replace(halved(bound), proof=bound.proof if keeps_tree else None)

    monkeypatch.setattr(SearchEngine, "bound", lying)
    monkeypatch.setattr(deciding.Findings, "allowed", property(lambda self: 0.5 * self.value.upper))
    verdict = answer(*case)
    assert_nothing_false(verdict, *case[1:])
    assert (verdict.decision, verdict.reason) == (Decision.INCONCLUSIVE, Reason.NUMERICS)
    assert "certificate was not accepted" in verdict.explanation
    assert verdict.optimum.lower == 0.0


@pytest.mark.usefixtures("no_better_network")
def test_a_lower_bound_out_of_thin_air(case, monkeypatch: pytest.MonkeyPatch) -> None:
    """A search that takes the network's own value for a proved lower bound is stopped."""
    monkeypatch.setattr(deciding.Findings, "certified", property(lambda self: True))
    verdict = answer(*case)
    assert_nothing_false(verdict, *case[1:])
    assert verdict.reason is Reason.NUMERICS


def random_codes(rng: np.random.Generator, size: int) -> Callable[[Tree, int], Iterator[int]]:
    """Trees of random splits, some of them malformed."""
    return lambda self, root: iter([int(x) for x in rng.integers(0, 12, size)])


@pytest.mark.parametrize("size", [0, 1, 7, 60])
def test_trees_of_nonsense(size: int, case, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever splits the search claims to have made, nothing false is accepted; and a tree that only wastes time does no harm."""
    monkeypatch.setattr(Tree, "walk", random_codes(np.random.default_rng(size), size))
    net, data, goal = case
    assert_nothing_false(answer(net, data, goal), data, goal)
    best = answer(optimal_network(data, goal), data, goal)
    assert best.decision in (Decision.CERTIFIED, Decision.INCONCLUSIVE)
    assert best.decision is Decision.CERTIFIED or size > 0


class ShorterHints(ConeProofs):
    """z a thousandth shorter than what was found to hold."""

    def written(self):
        points, nodes = super().written()
        return points, [node if is_split(node) else [[int(x * 0.999) for x in node[0]], node[1]] for node in nodes]


class OtherGates(ConeProofs):
    """The subgradients of h- at other points than the hints are for."""

    def written(self):
        points, nodes = super().written()
        return [[-x for x in point] for point in points], nodes


class OtherMiddles(ConeProofs):
    """Splits at another place than the one that the hints are for."""

    def written(self):
        points, nodes = super().written()
        return points, [[*node[:2], 2 * node[2], node[3]] if is_split(node) else node for node in nodes]


def is_split(node: list) -> bool:
    """Whether a node of the certificate is a split, not a leaf."""
    return len(node) == 4


def lower_heights(plus: np.ndarray, *others: object) -> ConeProofs:
    """A writer that takes h+ for nine tenths of what it is."""
    return ConeProofs(0.9 * plus, *others)


def refuses(dual, budget) -> list:
    """No proof pattern by pattern."""
    raise Unprovable("not this way")


def longer_start(side, fan, images: np.ndarray) -> list[StartGenerator]:
    """Start generators that no longer sum to zero."""
    first, *others = start_generators(side, fan, images)
    return [replace(first, integers=[2 * x for x in first.integers]), *others]


@pytest.mark.parametrize(
    ("place", "name", "lie"),
    [
        (cones, "ConeProofs", ShorterHints),
        (cones, "ConeProofs", OtherGates),
        (cones, "ConeProofs", lower_heights),
        (cones, "start_generators", longer_start),
        (cones, "ConeProofs", OtherMiddles),
        (certificate_dual, "dual_value", lambda problem, nu: Enclosure(1e6, 0.0)),
        (certificate_dual, "feasible_scaling", lambda problem, lower, inside: 1.7 * lower.nu),
        (confirming, "write_certificate", lambda *arguments: Written(None, "refused")),
    ],
    ids=[
        "shorter z",
        "other gates",
        "lower heights",
        "longer start",
        "other middle",
        "larger dual value",
        "larger scale",
        "nothing written",
    ],
)
def test_lying_writers_are_rejected(place: object, name: str, lie: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hints or a dual vector that do not hold make even a true verdict inconclusive: the checker decides, not the writer."""
    monkeypatch.setattr(writing, "proofs_by_patterns", refuses)  # the writer's other way
    goal = GOALS["no bias"]
    data = random_data(goal, seed=12)
    net = optimal_network(data, goal)
    assert answer(net, data, goal).decision is Decision.CERTIFIED
    monkeypatch.setattr(place, name, lie)
    verdict = answer(net, data, goal)
    assert (verdict.decision, verdict.reason) == (Decision.INCONCLUSIVE, Reason.NUMERICS)
    assert verdict.certificate is None
    assert verdict.optimum.lower == 0.0


def test_lying_cones_are_made_up_for_by_patterns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing that the writer says of cones is accepted, small data are proved pattern by pattern, to the same claim."""
    goal = GOALS["no bias"]
    data = random_data(goal, seed=12)
    net = optimal_network(data, goal)
    monkeypatch.setattr(cones, "ConeProofs", OtherGates)
    verdict = answer(net, data, goal)
    assert verdict.decision is Decision.CERTIFIED
    assert {proof["kind"] for proof in json.loads(verdict.certificate)["dual"]["proofs"] if proof} == {"majorants"}


@pytest.mark.parametrize("share", [1.0, 1.001])
def test_patterns_are_believed_only_where_the_checker_accepts_them(
    share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dual vector is feasible by patterns where its gain is within the decay, not beyond, and not by another one's proof."""
    goal = GOALS["no bias"]
    data = random_data(goal, seed=12)
    net = optimal_network(data, goal)
    problem = training_problem(net, data, goal)
    nu = dual_vector(problem, problem.predictions(problem.lift(net)))
    bound = bound_gain(gain_problem(problem, nu), Question(), Limits())
    inside = nu[:, 0] * (share * goal.weight_decay / bound.upper * (1 - 1e-7))
    assert feasible_by_patterns(problem, inside, Limits()) == (share == 1.0)
    right = patterns.proofs_by_patterns
    monkeypatch.setattr(patterns, "proofs_by_patterns", lambda dual, budget: right(dual, budget)[::-1])
    assert not feasible_by_patterns(problem, inside, Limits())
    monkeypatch.setattr(patterns, "proofs_by_patterns", lambda dual, budget: [None, None])
    assert not feasible_by_patterns(problem, inside, Limits())


def test_lies_about_values(case) -> None:
    """A network, or a better one, that is said to have another objective than it has is found out."""
    net, data, goal = case
    problem = training_problem(net, data, goal)
    true = answer(net, data, goal)
    assert true.decision is Decision.REFUTED
    wish = CertificateWish(Source(data))
    for lie in (
        replace(true, value=Bounds(true.value.lower * 1.01, true.value.upper * 1.01)),
        replace(true, witness=replace(true.witness, value=Bounds(0.0, 0.5 * true.witness.value.lower))),
        replace(true, witness=replace(true.witness, network=net, value=true.value)),
        replace(true, eps=0.999),
        replace(true, decision=Decision.CERTIFIED, witness=None),
    ):
        verdict = confirmed(lie, net, problem, wish, Limits())
        assert (verdict.decision, verdict.reason) == (Decision.INCONCLUSIVE, Reason.NUMERICS)


def test_a_wider_network_does_not_refute() -> None:
    """REFUTED needs a witness of at most the width."""
    goal = GOALS["no bias"]
    data = random_data(goal, seed=11)
    best = optimal_network(data, goal)
    net = random_network(np.random.default_rng(0), 1, data.inputs, goal)
    assert best.width > 1
    true = answer(net, data, goal)
    problem = training_problem(net, data, goal)
    value = float(exact_objective(best, data, goal))
    witness = replace(true.witness, network=best, value=Bounds(value * (1 - 1e-12), value * (1 + 1e-12)))
    lie = replace(true, decision=Decision.REFUTED, reason=None, witness=witness)
    verdict = confirmed(lie, net, problem, CertificateWish(Source(data)), Limits())
    assert (verdict.decision, verdict.reason) == (Decision.INCONCLUSIVE, Reason.NUMERICS)


@pytest.mark.parametrize("lack", ["time", "nodes", "characters", "bytes"])
def test_lack_of_time_or_room_is_a_limit(lack: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A certificate that cannot be written within the limits leaves the verdict open for that reason, its bounds kept."""
    goal = GOALS["no bias"]
    data = random_data(goal, seed=12)
    net = optimal_network(data, goal)
    verdict = answer(net, data, goal)
    monkeypatch.setattr(budget, "_ASKED_EVERY", 1)
    if lack == "characters":
        monkeypatch.setattr(budget, "_MOST_CHARACTERS", 50)
    if lack == "bytes":
        monkeypatch.setattr(writing, "MOST_BYTES", 500)
    limits = Limits(nodes=1 if lack == "nodes" else None, cancelled=lambda: lack == "time")
    stopped = confirmed(verdict, net, training_problem(net, data, goal), CertificateWish(Source(data)), limits)
    assert (stopped.decision, stopped.reason) == (Decision.INCONCLUSIVE, Reason.LIMIT)
    assert stopped.optimum == verdict.optimum
