"""From a given network to a better one of the same width, as far as the proof goes: check, take the better network
that the check has found, check that one (docs/theory.md, sections 4 and 7)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from certify.certificates import CertificateWish, Source
from certify.certificates.cost import seconds_of_value
from certify.decide.answering import answered
from certify.decide.check import Check, check_of
from certify.decide.interruption import Interruption
from certify.decide.options import CheckOptions, ProgressCallback
from certify.decide.proving import TIGHT, Proving
from certify.decide.scope import decidable_problem
from certify.decide.undecayed.check import UndecayedCheck
from certify.problem.dataset import Dataset
from certify.problem.network import Network, padded
from certify.problem.objective import Objective
from certify.verdict import Bounds, Decision, Verdict, Witness

_DEFAULTS = CheckOptions()
_MOST_STEPS = 50
_LEAST_GAIN = 1e-8  # relative; a second step for less is not worth its check


@dataclass(frozen=True, slots=True, eq=False)
class Descent:
    """The network that the descent came to, of the given one's width, with the verdict of a check on it.

    start  F of the given network        start_decision  what a check says of it
    steps  better networks taken one after another; 0: the given network is returned as it was
    """

    network: Network
    verdict: Verdict
    start: Bounds
    start_decision: Decision
    steps: int

    @property
    def outcome(self) -> str:
        """already-optimal: the given network was certified; optimum: the new one is; improved; or unchanged."""
        if self.verdict.decision is Decision.CERTIFIED:
            return "already-optimal" if self.start_decision is Decision.CERTIFIED else "optimum"
        return "improved" if self.steps else "unchanged"


@np.errstate(all="ignore")
def descend_network(
    network: Network,
    dataset: Dataset,
    objective: Objective,
    options: CheckOptions = _DEFAULTS,
    progress: ProgressCallback | None = None,
    wish: CertificateWish | None = None,
) -> Descent:
    """Better and better networks of the same width, until none is found or the optimum is proved.

    CERTIFIED is an answer that certify/checker has accepted a certificate of; wish says what else it should hold.
    Raises InputError where network, data and objective do not fit together. Ctrl-C and the time limit give the best so
    far.
    """
    problem = decidable_problem(network, dataset, objective)
    with Interruption() as interruption:
        proving = Proving(problem, options, interruption, progress)
        wish = wish or CertificateWish(Source(dataset))
        proving.reserve(2 * seconds_of_value(objective, wish.source.dataset, network))
        return _descended(proving, network, wish)


def _descended(proving: Proving, network: Network, wish: CertificateWish) -> Descent:
    dataset = wish.source.dataset
    check = check_of(proving, network, dataset)
    check.run()
    start, start_decision = check.findings.value, check.verdict().decision
    steps = 0
    better = _better(check)
    while better is not None and steps < _MOST_STEPS:
        steps += 1
        stays = proving.limits.reached() or check.findings.certified or check.findings.tight(TIGHT)
        witnesses = check.findings.witnesses
        check = check_of(proving, padded(better.network, network.width), dataset, check.search)
        for known in witnesses:
            check.findings.add(known)
        if stays:
            check.look()
            break
        check.run()
        better = _better(check, _LEAST_GAIN)
    return Descent(check.network, answered(check, wish), start, start_decision, steps)


def _better(check: Check | UndecayedCheck, least: float = 0.0) -> Witness | None:
    """The best network of at most the width that the check has met, if it is better by more than the share `least`."""
    value = check.findings.value.lower
    limit = value - least * abs(value)
    known = [w for w in check.findings.witnesses if w.width <= check.network.width and w.value.upper < limit]
    return min(known, key=lambda w: w.value.upper, default=None)
