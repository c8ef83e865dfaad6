"""What a loss has to say of itself (docs/theory.md, sections 1 and 3); whoever adds one fills this in, and adds its name to `Loss`.

L(f) = sum_i w_i loss(f_i, y_i). With nu = -grad L(f), the dual function is D(nu) = -L*(-nu), a sum of dual terms. Each loss
gives its terms with error bounds, so that a sum of them is an enclosure.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import numpy as np

from certify.arrays import Floats

if TYPE_CHECKING:
    import cvxpy as cp


class LossFunction(ABC):
    """One loss, applied to arrays of shape (n, k): predictions f, targets y; weights w >= 0 of shape (n, 1).

    formula, words  how a report states it
    enclosure       the name by which certify/checker/objective.py knows its exact value and conjugate; only a loss that is known
                    there can be certified
    quadratic       whether the curvature is the same everywhere
    homogeneous     whether loss(s f, s y) = s^2 loss(f, y), so that targets may be put in another unit
    smooth          whether it has a slope everywhere, so that the predictions determine the dual vector; else it is `Kinked`
    """

    formula: str
    words: str
    enclosure: str
    quadratic: bool = False
    homogeneous: bool = False
    smooth: bool = True

    @abstractmethod
    def terms(self, f: Floats, f_error: Floats, y: Floats, w: Floats) -> tuple[Floats, Floats]:
        """Terms whose sum is L(f), and a bound on the error of each, when f is known up to f_error and w up to a factor 1 +- u."""

    @abstractmethod
    def slope(self, f: Floats, y: Floats, w: Floats) -> Floats:
        """d/df of w loss(f, y), rounded to nearest."""

    @abstractmethod
    def curvature(self, f: Floats, y: Floats, w: Floats) -> Floats:
        """d2/df2 of w loss(f, y), rounded to nearest."""

    @abstractmethod
    def dual_terms(self, nu: Floats, y: Floats, w: Floats) -> tuple[Floats, Floats]:
        """-(w loss)*(-nu) and a bound on the error, when nu and w are each known up to a factor 1 +- u.

        -inf outside the domain of the conjugate.
        """

    @abstractmethod
    def largest_scale(self, nu: Floats, y: Floats, w: Floats) -> float:
        """The largest s for which s nu stays in the domain of the conjugate."""

    @abstractmethod
    def into_domain(self, nu: Floats, y: Floats, w: Floats) -> Floats:
        """nu moved into the domain of the conjugate, where it has left it by rounding."""

    @abstractmethod
    def expression(self, f: cp.Expression, y: Floats) -> cp.Expression:
        """loss(f, y) entry by entry, in cvxpy's words."""

    def room(self, nu: Floats, w: Floats) -> Floats:
        """How far an entry of nu may be moved without harm, in size: from 0, and from the ends of the conjugate's domain."""
        return np.abs(nu)

    def canonical_targets(self, y: Floats) -> Floats:
        """The targets as the formula means them, from any of the ways in which files write them; of the same shape.

        Raises ValueError, which names the first target that cannot be meant.
        """
        return y
