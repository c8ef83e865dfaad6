"""R in closed form, exactly."""

from __future__ import annotations

import numpy as np
import pytest
from small_problems import KINDS, rows_of

from certify.landscape.rank import activation_rank


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "thin"])
@pytest.mark.parametrize("ones", [False, True])
def test_it_is_the_rank_of_the_activations(kind: str, ones: bool) -> None:
    """As many directions as one likes span no more and no less, with the constant and without."""
    rng = np.random.default_rng(5)
    for n, d in ((3, 2), (5, 2), (6, 3)):
        Z = rows_of(kind, n, d, rng)
        if ones:
            Z = np.column_stack([Z, np.ones(n)])
        A = np.maximum(Z @ rng.standard_normal((Z.shape[1], 4000)), 0.0)
        found = activation_rank(Z)
        assert found.rank == np.linalg.matrix_rank(A, tol=1e-8)
        assert found.with_constant == np.linalg.matrix_rank(np.column_stack([A, np.ones(n)]), tol=1e-8)


def test_with_a_bias_column_it_is_the_number_of_distinct_samples() -> None:
    """Correction 4: duplicates lower what theory calls n."""
    X = np.array([[1.0, 2.0], [1.0, 2.0], [-1.0, -2.0], [0.0, 0.0], [2.0, 4.0]])
    found = activation_rank(np.column_stack([X, np.ones(5)]))
    assert (found.rank, found.with_constant) == (4, 4)
    assert found.same_ray == ((0, 1),)
    assert found.zero_rows == ()


def test_rows_that_are_parallel_to_rounding_only_are_two_rays() -> None:
    """Nothing is rounded: 3 * 0.1 is not 0.3."""
    assert activation_rank(np.array([[0.1, 0.3], [0.3, 0.9]])).rays == 2
    assert activation_rank(np.array([[0.1, 0.2], [0.2, 0.4]])).rays == 1


def test_what_it_is_made_of() -> None:
    """Three opposite pairs in the plane: six rays span 6 - 3 + 2 dimensions; a zero row spans none, and cannot be constant."""
    lines = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    found = activation_rank(np.vstack([lines, -2 * lines, np.zeros((1, 2))]))
    assert (found.rays, found.pairs, found.rank_of_pairs, found.rank) == (6, 3, 2, 5)
    assert (found.zero_rows, found.constant) == ((6,), False)
