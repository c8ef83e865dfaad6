"""A proof for one sign, of the kind by which the search has bounded the gain, else of the kind that suits the rank."""

from __future__ import annotations

from typing import Any

from certify.certificates.budget import Budget
from certify.certificates.cones import cone_proof
from certify.certificates.side import Side
from certify.certificates.trees import tree_of_cones, tree_of_cuts
from certify.gain.question import GainBound

_CONES_UP_TO = 6  # coordinates, where the search does not say which kind is the better one


def proof_of_side(side: Side, sign: int, gain: GainBound | None, budget: Budget) -> dict[str, Any]:
    """The proof as the certificate has it. Raises Unprovable, OutOfRoom."""
    if _by_cones(side, gain):
        return cone_proof(side, tree_of_cones(side, sign, gain), budget.spend)
    from certify.certificates.majorants import majorant_proof  # imports scipy.linalg: only when it is needed

    return majorant_proof(side, tree_of_cuts(side, sign, gain), budget)


def _by_cones(side: Side, gain: GainBound | None) -> bool:
    if not len(side.plus):
        return True  # a leaf for each start cone
    method = None if gain is None else gain.proof.method if gain.proof is not None else gain.method
    if method in ("cones", "majorants"):
        return method == "cones"
    return side.rank <= _CONES_UP_TO
