"""Half the squared error, whose dual vector is the residual."""

from __future__ import annotations

from certify.problem.losses.squares import Squares


class HalfSquared(Squares):
    """(f - y)^2 / 2."""

    factor = 1.0
    formula = "(f(x_i) - y_i)^2 / 2"
    words = "half the squared error"
    enclosure = "half-squared"


LOSS = HalfSquared()
