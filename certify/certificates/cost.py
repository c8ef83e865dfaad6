"""What writing and checking a certificate costs: measured as it goes, so that a pass that would end too late is not begun, or is
given up early."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from certify.certificates.claims import Claims
from certify.certificates.statement import checked_objective, plain_data, plain_network
from certify.checker.certificate import Certificate, Dual
from certify.checker.certificate import Network as CheckedNetwork
from certify.checker.objective import Problem, network_value, training_problem
from certify.checker.proofs import Proof
from certify.gain.majorants.size import node_work
from certify.gain.question import GainBound, Limits
from certify.problem.dataset import Dataset
from certify.problem.network import Network
from certify.problem.objective import Objective

_SAMPLED, _NEURONS = 20_000, 8  # products of numbers, for so many neurons, that are done to see what one costs
_PER_ENTRY = 3e-6  # seconds that an entry of the data costs besides: as text, hashed, and as a rational
_FAIR_SECONDS = 0.1  # after which a pass' own pace is believed
_DOUBT = 0.3  # share of the time that is expected to be left by which that may be wrong
_ASKED_EVERY = 16


def writing_a_node(method: str, samples: int, rank: int) -> float:
    """Seconds that it takes to find hints for a node of a proof, about."""
    return node_work(samples, rank, False) if method == "majorants" else 8e-6


def checking_a_node(method: str, samples: int, rank: int) -> float:
    """Seconds that reading and checking it takes, about: fitted to certificates of 60 to 569 samples."""
    return 1e-3 + 6e-7 * samples * rank**2 if method == "majorants" else 2e-5 + 7.5e-9 * samples * rank


def seconds_of_proof(gain: GainBound, samples: int, rank: int) -> float:
    """Seconds that a proof of the bound takes to be written and checked, about, with the tree that it has."""
    if gain.proof is None:
        return 0.0
    method, nodes = gain.proof.method, gain.proof.search.tree.size
    return float(nodes * (writing_a_node(method, samples, rank) + checking_a_node(method, samples, rank)))


class OutOfTime(Exception):
    """A pass would end too late; needs: seconds that it lacks."""

    def __init__(self, needs: float) -> None:
        super().__init__("it would take too long")
        self.needs = needs


def earlier(limits: Limits, seconds: float) -> Limits:
    """The same limits, the deadline so much earlier."""
    return Limits(None if limits.deadline is None else limits.deadline - seconds, limits.nodes, limits.cancelled)


def left(limits: Limits) -> float:
    """Seconds until the deadline; infinite without one."""
    return math.inf if limits.deadline is None else limits.deadline - time.monotonic()


def seconds_of_values(objective: Objective, dataset: Dataset, claims: Claims) -> float:
    """About what the checker takes for reading the arrays, and for the exact objectives of the networks."""
    networks = [claims.network] if claims.better is None else [claims.network, claims.better]
    return sum(seconds_of_value(objective, dataset, network) for network in networks)


def seconds_of_value(objective: Objective, dataset: Dataset, network: Network) -> float:
    """The same for one network: timed on some of the samples, with one neuron and with a few.

    0 for a network that is not finite: it gets no certificate.
    """
    if not all(np.all(np.isfinite(x)) for layer in network.layers for x in layer if x is not None):
        return 0.0
    few = min(network.width, _NEURONS)
    count = min(dataset.samples, max(1, _SAMPLED // (_NEURONS * (dataset.inputs + 1))))
    weights = dataset.sample_weight
    some = plain_data(Dataset(dataset.X[:count], dataset.y[:count], None if weights is None else weights[:count]))
    problem = training_problem(checked_objective(objective), some)
    one, all_few = (_timed(problem, plain_network(_some_neurons(network, m))) for m in (min(few, 1), few))
    each = max(all_few - one, 0.0) / (count * max(few - 1, 1))
    return dataset.samples * (max(one / count - each, 0.0) + network.width * each + _PER_ENTRY * (dataset.inputs + 1))


def _some_neurons(network: Network, count: int) -> Network:
    bias = None if network.hidden_bias is None else network.hidden_bias[:count]
    return Network(network.hidden_weights[:count], network.output_weights[:count], bias, network.output_bias)


def _timed(problem: Problem, network: CheckedNetwork) -> float:
    started = time.thread_time()
    network_value(problem, network)
    return time.thread_time() - started


class Pace:
    """A pass over `total` steps that has to end, with `after` seconds of other work, before the limits' deadline."""

    def __init__(self, limits: Limits, total: int, after: float = 0.0) -> None:
        self.limits, self.total, self.after = limits, total, after
        self.started, self.done = time.monotonic(), 0

    def step(self) -> None:
        """Note a step. Raises OutOfTime where the pass is going to end too late, or a limit has been reached."""
        if self.done == 0:
            self.started = time.monotonic()
        self.done += 1
        if self.done % _ASKED_EVERY == 0:
            self.ask()

    def ask(self) -> None:
        """Raise OutOfTime likewise."""
        if self.limits.cancelled():
            raise OutOfTime(self.left)
        if self.limits.deadline is None:
            return
        now = time.monotonic()
        ahead = self.left
        late = now + ahead - self.limits.deadline
        hopeless = now - self.started >= _FAIR_SECONDS and late > _DOUBT * ahead
        if now >= self.limits.deadline or hopeless:
            raise OutOfTime(max(late, 0.0))

    @property
    def left(self) -> float:
        """Seconds until the end, at the pace so far."""
        each = (time.monotonic() - self.started) / max(self.done, 1)
        return each * max(self.total - self.done, 0) + self.after


class _Paced(list[Any]):
    """The nodes of a proof; going over them is watched."""

    pace: Pace

    def __iter__(self) -> Iterator[Any]:
        for node in super().__iter__():
            self.pace.step()
            yield node


def paced(certificate: Certificate, limits: Limits) -> Certificate:
    """The same certificate; who goes over the nodes of its proofs gets OutOfTime as soon as that is going to take too long."""
    dual = certificate.dual
    if not isinstance(dual, Dual) or limits.deadline is None:
        return certificate
    pace = Pace(limits, sum(len(proof.nodes) for proof in dual.proofs if proof is not None))
    plus, minus = (_watched(proof, pace) for proof in dual.proofs)
    return replace(certificate, dual=replace(dual, proofs=(plus, minus)))


def _watched(proof: Proof | None, pace: Pace) -> Any:
    if proof is None:
        return None
    nodes: Any = _Paced(proof.nodes)
    nodes.pace = pace
    return replace(proof, nodes=nodes)
