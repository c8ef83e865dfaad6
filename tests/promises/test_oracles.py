"""The oracles agree with themselves: what they say of a network is what its arithmetic gives."""

from __future__ import annotations

import pytest
from oracles import NETWORK_CASE_IDS, NETWORK_CASES, KnownNetwork, Oracle, objective_value, restated

from certify.problem.objective import Loss, Reduction
from certify.verdict import Decision


@pytest.mark.parametrize(("oracle", "known"), NETWORK_CASES, ids=NETWORK_CASE_IDS)
def test_value_of_a_known_network_is_as_stated(oracle: Oracle, known: KnownNetwork) -> None:
    """Each network has the value that the derivation gives, and only the certified ones attain P*."""
    value = objective_value(known.network, oracle.dataset, oracle.objective)
    assert value == pytest.approx(known.value, rel=1e-11)
    if known.decision is Decision.CERTIFIED:
        assert known.value == pytest.approx(oracle.optimum, rel=1e-9)
    else:
        assert known.value > oracle.optimum * (1 + 1e-3)


@pytest.mark.parametrize("loss", [Loss.HALF_SQUARED, Loss.SQUARED])
@pytest.mark.parametrize("reduction", list(Reduction))
@pytest.mark.parametrize(("oracle", "known"), NETWORK_CASES, ids=NETWORK_CASE_IDS)
def test_restated_problem_keeps_its_arithmetic(
    oracle: Oracle, known: KnownNetwork, loss: Loss, reduction: Reduction
) -> None:
    """Half or whole squares, sum or mean: the restated problem gives its network the restated value."""
    if oracle.objective.loss is Loss.LOGISTIC:
        loss = Loss.LOGISTIC
    again = restated(oracle, loss, reduction)
    net = again.networks[oracle.networks.index(known)]
    assert objective_value(net.network, again.dataset, again.objective) == pytest.approx(net.value, rel=1e-11)
