"""Training where nothing decays: the network that predicts what is best, or, where fewer neurons were asked for, the best one found
(docs/theory.md, section 13)."""

from __future__ import annotations

from certify.decide.proving import Proving
from certify.decide.undecayed.check import UndecayedCheck
from certify.problem.dataset import Dataset
from certify.problem.network import Network, padded
from certify.verdict import Witness


def trained(proving: Proving, dataset: Dataset, zero: Network, width: int | None) -> tuple[UndecayedCheck, int]:
    """A look at the best network of at most the width, or of any; and the neurons that the best one known of any width has.

    zero: a network of one neuron that is zero, with the biases that are to be trained.
    """
    start = UndecayedCheck(proving, zero if width is None else padded(zero, width), dataset)
    start.train(any_width=width is None)
    known = start.findings.witnesses
    best = _best(known, width)
    network = zero if best is None else padded(best.network, 1)
    check = UndecayedCheck(proving, network, dataset, start.search)
    for witness in known:
        check.findings.add(witness)
    check.look()
    widest = _best(known, None)
    return check, 1 if widest is None else max(1, widest.width)


def _best(known: list[Witness], width: int | None) -> Witness | None:
    """The lowest of the networks of at most the width; all of them are better than a network of nothing."""
    return min((w for w in known if width is None or w.width <= width), key=lambda w: w.value.upper, default=None)
