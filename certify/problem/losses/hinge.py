"""The hinge loss of two classes, as of a support vector machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from certify.arrays import Floats
from certify.problem.losses.classes import signs_of
from certify.problem.losses.kinked import Kinked

if TYPE_CHECKING:
    import cvxpy as cp


class Hinge(Kinked):
    """max(0, 1 - y f) with y in {-1, +1}: it has its kink at f = y; its dual variable p = nu y / w lies in [0, 1], the dual term
    is w p."""

    formula = "max(0, 1 - y_i f(x_i))"
    words = "the hinge loss, y = -1 or +1"
    enclosure = "hinge"

    def sides(self, y: Floats, w: Floats) -> tuple[Floats, Floats]:
        return np.where(y > 0, -w, 0.0), np.where(y > 0, 0.0, w)

    def expression(self, f: cp.Expression, y: Floats) -> cp.Expression:
        from cvxpy.atoms.affine.binary_operators import multiply
        from cvxpy.atoms.elementwise.maximum import maximum

        expression: cp.Expression = maximum(0, 1 - multiply(y, f))
        return expression

    def canonical_targets(self, y: Floats) -> Floats:
        """Classes {0, 1} or {-1, +1} as -1.0 and +1.0."""
        return signs_of(y, "hinge")


LOSS = Hinge()
