"""Certificates that a check writes: accepted by Python alone, for every loss, reduction, bias and kind of answer."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from exact import exact_objective, random_network
from oracles import ORACLES, dataset, objective
from planted import optimal_network, random_data

from certify.certificates import CertificateWish, Source
from certify.checker.certificate import read_certificate
from certify.checker.claims import decide
from certify.decide.check import check_network
from certify.decide.options import CheckOptions
from certify.problem.dataset import Dataset
from certify.problem.network import Network
from certify.problem.objective import Bias, Loss, Objective, Reduction
from certify.verdict import Decision, Verdict

pytestmark = pytest.mark.slow  # together: `make test-fast` leaves them out

NONE, PENALIZED, FREE = Bias.NONE, Bias.PENALIZED, Bias.FREE
BIASES = ((NONE, NONE), (PENALIZED, PENALIZED), (FREE, NONE), (NONE, FREE), (FREE, FREE), (PENALIZED, FREE))
GOALS = {
    f"{loss} {reduction} {hidden} {output}": objective(0.3, loss, reduction, hidden, output)
    for loss in Loss
    for k, (hidden, output) in enumerate(BIASES)
    for reduction in [tuple(Reduction)[k % 2]]
}
EVERYTHING = CheckOptions(eps=1e-4, time_limit=20.0)


def written(net: Network, data: Dataset, goal: Objective, options: CheckOptions = EVERYTHING) -> Verdict:
    """The verdict with a certificate that carries its arrays."""
    return check_network(net, data, goal, options, wish=CertificateWish(Source(data), wanted=True, carried=True))


@pytest.fixture(scope="module")
def checker_alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the checker and nothing else of certify."""
    folder = tmp_path_factory.mktemp("alone")
    source = Path(sys.modules["certify.checker"].__file__).parent
    shutil.copytree(source, folder / "certify" / "checker", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "certify" / "__init__.py").write_text("")
    return folder


def decided_alone(checker: Path, certificate: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """`python -m certify.checker CERT` in isolated mode, without site-packages."""
    program = "import runpy, sys; sys.path.insert(0, sys.argv.pop(1)); runpy.run_module('certify.checker', run_name='__main__')"
    command = [sys.executable, "-I", "-S", "-c", program, str(checker), *options, str(certificate)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("name", GOALS)
def test_optimal_networks_are_certified_by_python_alone(name: str, checker_alone: Path, tmp_path: Path) -> None:
    """The certificate of an optimal network is accepted by an interpreter that has nothing but the checker."""
    goal = GOALS[name]
    data = random_data(goal, seed=3)
    verdict = written(optimal_network(data, goal), data, goal)
    assert verdict.decision is Decision.CERTIFIED, verdict.explanation
    path = tmp_path / "c.json"
    path.write_bytes(verdict.certificate)
    outcome = decided_alone(checker_alone, path)
    assert outcome.returncode == 0, outcome
    assert outcome.stdout.startswith("ACCEPTED certified eps=0.0001"), outcome


@pytest.mark.parametrize("name", GOALS)
def test_other_networks_get_what_can_be_said(name: str) -> None:
    """A random network is refuted or left open; both scans accept the certificate, whose claims are those of the verdict."""
    goal = GOALS[name]
    data = random_data(goal, seed=5)
    net = random_network(np.random.default_rng(1), 3, data.inputs, goal)
    verdict = written(net, data, goal)
    assert verdict.decision is not Decision.CERTIFIED
    claim = decide(verdict.certificate).certificate.claim
    assert decide(verdict.certificate, paranoid=True).certificate.claim == claim
    assert claim.verdict == ("refuted" if verdict.decision is Decision.REFUTED else "open")
    assert (claim.better is None) == (verdict.witness is None)
    assert claim.value == (verdict.value.lower, verdict.value.upper)
    assert claim.lower_bound == pytest.approx(verdict.optimum.lower, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("name", ORACLES)
def test_lower_bounds_are_below_the_known_optimum(name: str) -> None:
    """For problems solved by hand the accepted lower bound is at most P*, and near it."""
    oracle = ORACLES[name]
    for known in oracle.networks[:2]:
        verdict = written(known.network, oracle.dataset, oracle.objective)
        claim = decide(verdict.certificate).certificate.claim
        assert claim.lower_bound <= oracle.optimum * (1 + 1e-12) + 1e-12
        assert claim.lower_bound >= oracle.optimum - 1e-5 * max(1.0, known.value)


def test_sample_weights_and_unequal_decays() -> None:
    """Sample weights, one of them 0, and layers with different decays are part of what is certified."""
    goal = Objective(Loss.SQUARED, Reduction.MEAN, 0.1, 0.4, NONE, NONE)
    data = replace(random_data(goal, seed=8), sample_weight=np.array([1.0, 0.25, 3.0, 0.0, 1.5, 0.1, 2.0]))
    verdict = written(optimal_network(data, goal), data, goal)
    assert verdict.decision is Decision.CERTIFIED
    assert decide(verdict.certificate).certificate.objective.output_decay == 0.4


def test_classes_of_zero_and_one_are_named_as_they_are() -> None:
    """A file with classes 0 and 1 is named by its own arrays, although the check counts them as -1 and +1."""
    goal = objective(0.3, Loss.LOGISTIC)
    data = random_data(goal, seed=2)
    stored = replace(data, y=(data.y + 1) / 2)
    wish = CertificateWish(Source(stored, "0" * 64, "f" * 64), wanted=True, carried=True)
    verdict = check_network(optimal_network(data, goal), data, goal, EVERYTHING, wish=wish)
    certificate = decide(verdict.certificate).certificate
    assert certificate.data.arrays.y == stored.y[:, 0].tolist()
    assert (certificate.data.file_sha256, certificate.network.file_sha256) == ("0" * 64, "f" * 64)


@pytest.mark.parametrize("hidden", [NONE, PENALIZED, FREE])
def test_dependent_and_equal_rows(hidden: Bias) -> None:
    """Rows that are equal, parallel, zero, or span less than the whole space."""
    rng = np.random.default_rng(4)
    rows = rng.standard_normal((4, 2)) @ rng.standard_normal((2, 4))
    X = np.vstack([rows, rows, 2.5 * rows[:2], np.zeros((1, 4))])
    goal = objective(0.2, hidden_bias=hidden)
    data = dataset(X, rng.standard_normal(len(X)))
    verdict = written(optimal_network(data, goal), data, goal)
    assert verdict.decision is Decision.CERTIFIED, verdict.explanation
    dual = read_certificate(verdict.certificate).dual
    assert len(dual.points[0]) < 4 + (hidden is PENALIZED)
    assert len(dual.points) < len(X)


@pytest.mark.parametrize("exponent", [-120, 90])
def test_tiny_and_huge_units(exponent: int) -> None:
    """The unit in which targets are measured makes no difference to what can be certified."""
    goal, unit = objective(0.3), 2.0**exponent
    data = random_data(goal, seed=6)
    net = optimal_network(data, goal)
    scaled = replace(data, y=data.y * unit)
    root = unit**0.5
    network = Network(net.hidden_weights * root, net.output_weights * root)
    verdict = written(network, scaled, replace(goal, hidden_decay=0.3 * unit, output_decay=0.3 * unit))
    assert verdict.decision is Decision.CERTIFIED, verdict.explanation


def test_what_is_not_asked_for_is_not_written() -> None:
    """Without a wish an inconclusive check writes nothing, and the certificates of the others carry no arrays."""
    goal = objective(0.3)
    data = random_data(goal, seed=3)
    plain = check_network(optimal_network(data, goal), data, goal, EVERYTHING)
    assert json.loads(plain.certificate)["data"]["arrays"] is None
    stopped = check_network(optimal_network(data, goal), data, goal, CheckOptions(eps=1e-15, time_limit=5.0))
    assert stopped.decision is not Decision.INCONCLUSIVE or stopped.certificate is None


def test_the_value_claimed_is_that_of_the_network() -> None:
    """F in the certificate encloses the exact rational."""
    goal = objective(0.3, Loss.SQUARED, Reduction.MEAN, PENALIZED, PENALIZED)
    data = random_data(goal, seed=9)
    net = optimal_network(data, goal)
    low, high = decide(written(net, data, goal).certificate).certificate.claim.value
    assert Fraction(low) <= exact_objective(net, data, goal) <= Fraction(high)
