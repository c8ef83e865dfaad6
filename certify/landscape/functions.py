"""Whether all optima are one function, off the data too (docs/theory.md, section 12).

The functions (d . x)_+ of x are independent but for opposite directions, (t)_+ - (-t)_+ = t, which together make linear functions, and
constants, of which a direction that is all hidden bias is one. This is R's closed form, on the directions.
"""

from __future__ import annotations

import numpy as np

from certify.arrays import Floats
from certify.landscape.polytope import Polytope, rank_of
from certify.linear import matmul, norm
from certify.problem.objective import Bias

_OPPOSITE = 1e-7  # length of the sum of two unit vectors that are opposite


def same_function(polytope: Polytope) -> bool:
    """Whether all points of the polytope are the same function of x.

    Moves within the polytope are the null vectors of A, over the directions in use; those that change no function are among them. So
    it is the two dimensions that are compared.
    """
    if polytope.movable:  # a kink between the samples moves with the bias
        return False
    used = polytope.used
    return polytope.dimension == _null_functions(polytope, polytope.landscape.units[used])


def _null_functions(polytope: Polytope, units: Floats) -> int:
    """The dimension of the coefficients (N,) with which the functions (d_i . x)_+ add up to a constant that the output bias can take."""
    objective = polytope.landscape.problem.objective
    first, second = np.nonzero(np.triu(_distances(units, -units) <= _OPPOSITE, 1))
    lines = units[first] if second.size else np.zeros((0, units.shape[1]))
    if objective.hidden_bias is Bias.NONE:
        return len(lines) - rank_of(lines.T).rank
    # a direction (0, 1) is the constant 1; where the output bias is free, constants are nothing
    level = np.zeros(units.shape[1])
    level[-1] = 1.0
    constants = units[norm(units - level, axis=1) <= _OPPOSITE]
    vectors = np.vstack([lines, constants])
    if objective.output_bias is Bias.FREE:
        vectors = vectors[:, :-1]
    return len(vectors) - rank_of(vectors.T).rank


def _distances(a: Floats, b: Floats) -> Floats:
    products = matmul(a, b.T)
    return np.sqrt(np.maximum(2.0 - 2.0 * products, 0.0))
