"""The JSON report: fixed keys, full numbers, nothing that is not JSON."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from report_examples import CERTIFIED, REFUTED, TOO_NARROW, UNBOUNDED, VERDICTS, record

from certify.report.as_json import check_as_dict, to_json
from certify.verdict import Verdict

KEYS = {
    "": "schema_version verdict reason eps objective value lower_bound gap relative_gap optimum gain width width_needed "
    "samples inputs outputs rank stationarity witness certificate files search same_width",
    "objective": "loss reduction weight_decay hidden_bias output_bias activation",
    "optimum": "lower upper",
    "gain": "beta lower upper",
    "stationarity": "balanced active clarke directional residual",
    "files": "model data",
    "search": "method nodes seconds threads peak_memory_mb",
}


def parsed(verdict: Verdict) -> dict[str, Any]:
    """The verdict's report, read by a parser that refuses NaN and Infinity."""

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    return json.loads(to_json(check_as_dict(record(verdict), "1.2.3")), parse_constant=refuse)


@pytest.mark.parametrize("verdict", VERDICTS)
def test_keys_stand(verdict: Verdict) -> None:
    """Every key that scripts rely on is there, whatever the verdict."""
    report = parsed(verdict)
    for table, keys in KEYS.items():
        assert set(keys.split()) <= set(report[table] if table else report)
    assert report["verdict"] == verdict.decision.value
    assert report["files"]["model"]["path"] == "model.h5"
    assert report["files"]["data"]["sha256"] == "c" * 64


def test_numbers_are_those_of_the_verdict() -> None:
    """Bounds come through to the last bit."""
    report = parsed(CERTIFIED)
    assert report["lower_bound"] == report["optimum"]["lower"] == CERTIFIED.optimum.lower
    assert CERTIFIED.value.lower <= report["value"] <= CERTIFIED.value.upper
    assert (report["gap"], report["relative_gap"]) == (CERTIFIED.gap, CERTIFIED.relative_gap)
    assert report["gain"] == {"beta": 0.1, "lower": 0.1, "upper": 0.1000003}
    assert report["witness"] is report["reason"] is report["certificate"] is None


def test_the_search_at_the_width_is_told() -> None:
    """What it came to where there was one, and null where there was none."""
    assert parsed(CERTIFIED)["same_width"] is None
    told = parsed(TOO_NARROW)["same_width"]
    assert (told["starts"], told["lines"], told["reached"], told["seconds"]) == (302, 5, 2, 0.39)
    assert told["best_bounds"] == {"lower": 0.2874, "upper": 0.2875}
    assert 0.2874 <= told["best"] <= 0.2875


def test_what_is_not_finite_is_null() -> None:
    """An absent bound is null, and so is a residual that is not a number."""
    report = parsed(UNBOUNDED)
    assert report["lower_bound"] is report["gap"] is report["relative_gap"] is report["gain"]["upper"] is None
    assert report["stationarity"]["clarke_residual"] == [0.0125, None]
    assert json.loads(to_json({"a": np.array([math.nan, 1.0]), "b": np.int64(3), "c": (math.inf,)})) == {
        "a": [None, 1.0],
        "b": 3,
        "c": [None],
    }


@pytest.mark.parametrize(("verdict", "kind", "width"), [(REFUTED, "dead-neuron", 2), (TOO_NARROW, "wider", 3)])
def test_witness_is_a_whole_network(verdict: Verdict, kind: str, width: int) -> None:
    """The better network and the direction to it can be rebuilt from the report alone."""
    witness = parsed(verdict)["witness"]
    assert (witness["kind"], witness["width"], witness["file"]) == (kind, width, None)
    network = verdict.witness.network
    assert np.array_equal(witness["network"]["hidden_weights"], network.hidden_weights)
    assert np.array_equal(witness["network"]["output_weights"], network.output_weights)
    assert np.array_equal(witness["direction"]["hidden_bias"], network.hidden_bias)
    assert witness["direction"]["output_bias"] is None
    assert witness["direction"]["neurons"] == list(range(width))
    assert (witness["direction"]["step"], witness["direction"]["decrease"]) == (0.5, 0.01)
