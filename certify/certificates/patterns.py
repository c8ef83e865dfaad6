"""A gain proved pattern by pattern, for small data: where cones would have to become too thin, and where a search came too late.

The signs of the raising hinges are fixed one by one, wherever that is needed, down to parts on which the bound is exact
(`majorants.py`). It takes no more parts than the hyperplanes have cells, and no room between the gain and the limit but rounding's.
"""

from __future__ import annotations

from math import comb
from typing import Any

import numpy as np

from certify.certificates.budget import Budget, OutOfRoom
from certify.certificates.dual import ScaledDual, measured_dual
from certify.certificates.side import Side, Unprovable, both_sides
from certify.checker.fields import Field
from certify.checker.majorants import check_majorants
from certify.checker.proofs import Majorants, read_proof
from certify.checker.reduction import Hinges
from certify.checker.rejection import Rejected
from certify.gain.question import Limits
from certify.gain.search.tree import LEAF
from certify.problem.training import TrainingProblem

PATTERNS = "patterns"  # the method of a bound that was proved so
_MOST_CELLS = 50_000


def proofs_by_patterns(dual: ScaledDual, budget: Budget) -> list[Any]:
    """A proof for each sign, as the certificate has it. Raises Unprovable, OutOfRoom."""
    from certify.certificates.majorants import majorant_proof  # imports scipy.linalg: only when it is needed

    proofs: list[Any] = []
    for side in both_sides(dual):
        if _cells(side) > _MOST_CELLS:
            raise Unprovable("there are too many activation patterns to list")
        proofs.append(None if side.trivial else majorant_proof(side, (LEAF,), budget))
    return proofs


def feasible_by_patterns(problem: TrainingProblem, nu: np.ndarray, limits: Limits) -> bool:
    """Whether M(nu) <= weight decay has a proof pattern by pattern that the checker accepts, nu (n,)."""
    try:
        dual = measured_dual(problem, nu)
        proofs = proofs_by_patterns(dual, Budget(limits))
        return all(_accepted(dual.exact, sign, proof) for sign, proof in zip((1, -1), proofs, strict=True))
    except (OutOfRoom, Unprovable, Rejected, ArithmeticError, np.linalg.LinAlgError):
        return False


def _accepted(hinges: Hinges, sign: int, proof: Any) -> bool:
    """Whether the checker accepts it. Raises Rejected where it does not."""
    read = read_proof(Field(proof, "proof"), hinges.rank, len(hinges.points), hinges.free)
    if read is None:
        return all(sign * w <= 0 for w in hinges.weights) and not any(hinges.linear)
    return isinstance(read, Majorants) and check_majorants(hinges, sign, read, "proof") > 0


def _cells(side: Side) -> int:
    """At most how many cells the raising hinges' hyperplanes have."""
    return 2 * sum(comb(max(len(side.plus) - 1, 0), k) for k in range(side.rank))
