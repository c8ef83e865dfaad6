"""The whole command on the problems whose answers are known: files on disk in, exit code and JSON out."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from oracle_files import write_files
from oracles import NETWORK_CASE_IDS, NETWORK_CASES, KnownNetwork, Oracle, objective_value

from certify.cli.app import run
from certify.cli.inputs import THREAD_VARIABLES
from certify.problem.network import Network
from certify.verdict import Decision

pytestmark = pytest.mark.slow  # together: `make test-fast` leaves them out

CODES = {Decision.CERTIFIED: 0, Decision.REFUTED: 1, Decision.INCONCLUSIVE: 4}


@pytest.mark.parametrize(("oracle", "known"), NETWORK_CASES, ids=NETWORK_CASE_IDS)
def test_oracle_through_the_command_line(
    oracle: Oracle,
    known: KnownNetwork,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Verdict and exit code are the derived ones, P* is enclosed to 1e-7, and a witness is as low as it says."""
    for variable in THREAD_VARIABLES:
        monkeypatch.setenv(variable, "1")
    arguments = write_files(oracle, known.network, tmp_path)
    code = run(["check", *arguments, "--eps", "1e-6", "--format", "json", "--threads", "1"])
    report = json.loads(capsys.readouterr().out)
    assert (report["verdict"], report["reason"]) == (known.decision.value, known.reason and known.reason.value)
    assert code == CODES[known.decision]
    slack = 1e-9 * abs(oracle.optimum)
    lower, upper = report["optimum"]["lower"], report["optimum"]["upper"]
    assert lower - slack <= oracle.optimum <= upper + slack
    assert upper - lower <= 1e-7 * abs(oracle.optimum)
    assert report["value"] == pytest.approx(known.value, rel=1e-12)
    if known.decision is not Decision.CERTIFIED:
        assert_witness(report, oracle, known)


def assert_witness(report: dict, oracle: Oracle, known: KnownNetwork) -> None:
    """The better network, evaluated plainly, has the value that is claimed; a refuting one is no wider."""
    arrays = {k: None if v is None else np.array(v) for k, v in report["witness"]["network"].items()}
    better = Network(**arrays)
    value = objective_value(better, oracle.dataset, oracle.objective)
    assert value == pytest.approx(report["witness"]["value"], rel=1e-12)
    assert value < known.value * (1 - 1e-6)
    wider = better.width > known.network.width
    assert wider == (known.decision is Decision.INCONCLUSIVE)
