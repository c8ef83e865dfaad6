"""What a certificate is about: the arrays and their files, and what is claimed of them."""

from __future__ import annotations

from dataclasses import dataclass

from certify.problem.dataset import Dataset
from certify.problem.network import Network
from certify.verdict import Bounds, Decision, Verdict


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """The arrays as their files hold them, and the SHA-256 of these files, or None where they came from no file.

    Classes 0 and 1 of the logistic loss stay as they are: it is these arrays that the certificate names.
    """

    dataset: Dataset
    data_file: str | None = None
    model_file: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Claims:
    """What is to be certified. verdict: certified, refuted or open; better: a network, and bounds on its objective."""

    verdict: str
    eps: float
    network: Network
    value: Bounds
    better: Network | None = None
    better_value: Bounds | None = None


def claims_of(verdict: Verdict, network: Network) -> Claims:
    """The verdict as a certificate states it; one that is inconclusive is open, with a better network if there is one."""
    words = {Decision.CERTIFIED: "certified", Decision.REFUTED: "refuted", Decision.INCONCLUSIVE: "open"}
    better = verdict.witness
    return Claims(
        words[verdict.decision],
        verdict.eps,
        network,
        verdict.value,
        None if better is None else better.network,
        None if better is None else better.value,
    )
