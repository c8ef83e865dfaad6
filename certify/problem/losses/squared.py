"""The squared error."""

from __future__ import annotations

from certify.problem.losses.squares import Squares


class Squared(Squares):
    """(f - y)^2."""

    factor = 2.0
    formula = "(f(x_i) - y_i)^2"
    words = "the squared error"
    enclosure = "squared"


LOSS = Squared()
