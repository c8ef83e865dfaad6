"""Transformations keep the objective and the predictions, undo one another, and refuse where they would not."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from exact import dot, exact_predictions, fractions

from certify import transform
from certify.arrays import Floats
from certify.problem.network import Network
from certify.problem.objective import Bias, Loss, Objective, Reduction

ULPS = 4 * Fraction(1, 2**52)  # of each term, for each transformation
OBJECTIVE = Objective(Loss.HALF_SQUARED, Reduction.SUM, 0.1, 0.1, Bias.FREE, Bias.FREE)


def random_network(rng: np.random.Generator, width: int = 4) -> Network:
    return Network(rng.normal(size=(width, 2)), rng.normal(size=(width, 1)), rng.normal(size=width), rng.normal(size=1))


def polytope_network() -> tuple[Network, Floats, list[float]]:
    """Oracle O4: X = [[-r, 1], [r, 1]], where the neuron along (0, 1) can be exchanged for two others; and the null vector."""
    r = np.sqrt(3.0)
    directions = np.array([[0.0, 1.0], [r / 2, 0.5], [-r / 2, 0.5]])
    amplitudes = np.sqrt(np.array([0.5, 0.125, 0.125]))
    network = Network(directions * amplitudes[:, None], amplitudes[:, None])
    return network, np.array([[-r, 1.0], [r, 1.0]]), [0.25, -0.5, -0.5]  # c1 + 1/8, c2 - 1/16, c3 - 1/16


def terms(network: Network, X: Floats) -> list[Fraction]:
    """Sums of |a_j u_jk x_ik|, biases among them, for each sample."""
    neurons = np.abs(np.column_stack([network.hidden_weights, network.hidden_bias]))
    rows = np.abs(np.column_stack([X, np.ones(len(X))]))
    outer = fractions(np.abs(network.output_weights[:, 0]))
    constant = Fraction(abs(float(network.output_bias[0])))
    inner = [[dot(fractions(row), fractions(u)) for u in neurons] for row in rows]
    return [constant + dot(outer, values) for values in inner]


def exact_penalty(network: Network) -> Fraction:
    squares = fractions([*network.hidden_weights.ravel(), *network.output_weights.ravel()])
    return Fraction(OBJECTIVE.hidden_decay) * sum(x * x for x in squares) / 2


def assert_kept(before: Network, after: Network, X: Floats, steps: int) -> None:
    for f, g, size in zip(exact_predictions(before, X), exact_predictions(after, X), terms(before, X), strict=True):
        assert abs(f - g) <= steps * ULPS * size
    assert abs(exact_penalty(before) - exact_penalty(after)) <= steps * ULPS * exact_penalty(before)


def random_move(rng: np.random.Generator, X: Floats) -> Callable[[Network], Network]:
    """A permutation, a split, a merge of what was split, or a shift between copies; decided by what the network has."""

    def move(network: Network) -> Network:
        kind = rng.integers(4)
        if kind == 0:
            return transform.permute(network, [int(i) for i in rng.permutation(network.width)])
        if kind == 1 and network.width < 8:
            share = float(rng.uniform())
            return transform.split(network, int(rng.integers(network.width)), [share, 1 - share])
        pairs = parallel_pairs(network)
        if not pairs:
            return network
        i, j = pairs[int(rng.integers(len(pairs)))]
        if kind == 2:
            return transform.merge(network, [i, j])
        costs = transform.penalties(network, OBJECTIVE)
        steps = np.zeros(network.width)
        steps[i], steps[j] = rng.uniform(-0.5, 0.5) * np.array(
            [min(1.0, costs[j] / costs[i]), -min(1.0, costs[i] / costs[j])]
        )
        return transform.shift(network, list(steps), X, OBJECTIVE)

    return move


def parallel_pairs(network: Network) -> list[tuple[int, int]]:
    rows = np.column_stack([network.hidden_weights, network.hidden_bias, network.output_weights])
    sizes = np.linalg.norm(rows, axis=1)
    units = rows / np.where(sizes > 0, sizes, 1.0)[:, None]
    return [
        (i, j)
        for i in range(len(rows))
        for j in range(len(rows))
        if i != j and sizes[i] > 1e-3 and sizes[j] > 1e-3 and np.linalg.norm(units[i] - units[j]) < 1e-13
    ]


def test_ten_thousand_compositions_keep_the_objective() -> None:
    """Predictions and penalty stay within four units in the last place of each term for each transformation made."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(5, 2))
    made = 0
    for _ in range(500):
        first = network = random_network(rng, int(rng.integers(1, 5)))
        for _ in range(20):
            network = random_move(rng, X)(network)
            made += 1
        assert_kept(first, network, X, 20)
    assert made == 10_000


def test_a_permutation_is_undone_to_the_bit() -> None:
    """Every neuron comes back to its place."""
    network = random_network(np.random.default_rng(1), 5)
    order = [3, 0, 4, 1, 2]
    back = transform.permute(transform.permute(network, order), transform.inverse_permutation(order))
    assert np.array_equal(back.hidden_weights, network.hidden_weights)
    assert np.array_equal(back.output_weights, network.output_weights)


def test_merging_undoes_splitting() -> None:
    """The parts of a neuron, dead ones among them, make the neuron again, at its place."""
    network = random_network(np.random.default_rng(2), 3)
    parts = transform.split(network, 1, [0.25, 0.0, 0.75])
    assert parts.width == 5
    back = transform.merge(parts, [1, 3, 4])
    assert back.width == 3
    np.testing.assert_allclose(back.hidden_weights, network.hidden_weights, rtol=1e-15)
    np.testing.assert_allclose(back.output_weights, network.output_weights, rtol=1e-15)


def test_a_shift_inside_the_polytope_is_undone() -> None:
    """Oracle O4: half of the first neuron's optima are the other two's; the way back restores it."""
    network, X, steps = polytope_network()
    plain = Objective(Loss.HALF_SQUARED, Reduction.SUM, 0.1, 0.1, Bias.NONE, Bias.NONE)
    moved = transform.shift(network, steps, X, plain)
    for f, g in zip(exact_predictions(network, X), exact_predictions(moved, X), strict=True):
        assert abs(f - g) <= ULPS * 2
    assert not np.allclose(moved.output_weights, network.output_weights)
    back = transform.unshift(moved, steps, X, plain)
    np.testing.assert_allclose(back.hidden_weights, network.hidden_weights, rtol=1e-15)


def test_a_shift_that_changes_a_prediction_is_refused() -> None:
    """One neuron alone cannot grow."""
    network, X, _ = polytope_network()
    plain = Objective(Loss.HALF_SQUARED, Reduction.SUM, 0.1, 0.1, Bias.NONE, Bias.NONE)
    with pytest.raises(ValueError, match="change the prediction of sample"):
        transform.shift(network, [0.25, 0.0, 0.0], X, plain)


def test_a_shift_between_unbalanced_neurons_is_refused() -> None:
    """Equal predictions are not enough: the penalty counts |u|^2 + |a|^2, so an unbalanced neuron costs more for the same."""
    network = transform.split(random_network(np.random.default_rng(3), 1), 0, [0.5, 0.5])
    uneven = transform.rescale_function(network, 0, 2.0)
    with pytest.raises(ValueError, match="change the penalty"):
        transform.shift(uneven, [0.25, -0.25], np.ones((3, 2)), OBJECTIVE)


def test_neurons_that_are_not_parallel_are_not_merged() -> None:
    """Neither other directions, nor the same direction with another sign, nor another ratio of |u| to |a|."""
    network = Network(
        np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [2.0, 0.0]]), np.array([[1.0], [1.0], [-1.0], [1.0]])
    )
    for other in (1, 2, 3):
        with pytest.raises(ValueError, match="not parallel"):
            transform.merge(network, [0, other])


def test_rescaling_keeps_the_function_but_not_the_objective() -> None:
    """Away from |u| = |a| the penalty changes, as the name says; a power of two changes no prediction at all."""
    network, X = random_network(np.random.default_rng(4)), np.random.default_rng(5).normal(size=(6, 2))
    other = transform.rescale_function(network, 2, 4.0)
    assert exact_predictions(other, X) == exact_predictions(network, X)
    assert exact_penalty(other) != exact_penalty(network)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda n: transform.permute(n, [0, 0, 1]), "does not name each"),
        (lambda n: transform.split(n, 3, [0.5, 0.5]), "there is no neuron 3"),
        (lambda n: transform.split(n, 0, [0.5, 0.4]), "sum to 1"),
        (lambda n: transform.split(n, 0, [1.5, -0.5]), "between 0 and 1"),
        (lambda n: transform.split(n, 0, [float("nan"), 1.0]), "between 0 and 1"),
        (lambda n: transform.merge(n, [1, 1]), "two neurons at least"),
        (lambda n: transform.shift(n, [0.0, -2.0, 0.0], np.ones((1, 2)), OBJECTIVE), "at least -1"),
        (lambda n: transform.shift(n, [0.0, float("nan"), 0.0], np.ones((1, 2)), OBJECTIVE), "at least -1"),
        (lambda n: transform.unshift(n, [0.0, -1.0, 0.0], np.ones((1, 2)), OBJECTIVE), "its direction is lost"),
        (lambda n: transform.rescale_function(n, 0, -1.0), "positive factor"),
    ],
)
def test_what_is_no_transformation_is_refused(call: Callable[[Network], Network], message: str) -> None:
    """Each says what was found and what it takes."""
    with pytest.raises(ValueError, match=message):
        call(random_network(np.random.default_rng(6), 3))
