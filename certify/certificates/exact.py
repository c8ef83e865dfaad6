"""F of a network by the checker's own arithmetic: exact for the squared losses, to about 2^-100 for the others."""

from __future__ import annotations

import math
import sys
from fractions import Fraction

from certify.certificates.statement import checked_objective, plain_data, plain_network
from certify.checker.objective import network_value, training_problem
from certify.problem.dataset import Dataset
from certify.problem.network import Network
from certify.problem.objective import Objective
from certify.verdict import Bounds


def exact_value(network: Network, dataset: Dataset, objective: Objective) -> Bounds:
    """The two floats around F; both are 0 where F is."""
    below, above = network_value(
        training_problem(checked_objective(objective), plain_data(dataset)), plain_network(network)
    )
    return rounded_outwards(below, above)


def rounded_outwards(below: Fraction, above: Fraction) -> Bounds:
    """The floats around two rationals."""
    return Bounds(_rounded(below, -1), _rounded(above, 1))


def _rounded(x: Fraction, direction: int) -> float:
    if x > Fraction(sys.float_info.max):
        return math.inf if direction > 0 else sys.float_info.max
    near = float(x)
    beyond = Fraction(near) >= x if direction > 0 else Fraction(near) <= x
    return near if beyond else math.nextafter(near, direction * math.inf)
