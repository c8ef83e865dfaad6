"""All vertices of a polytope of masses, its edges, and what they say about each width."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from optima_brute_force import components, vertex_supports

from certify.landscape.components import WidthComponents, staircase
from certify.landscape.vertices import edges_of, vertices_of


def segments(count: int) -> tuple[np.ndarray, np.ndarray]:
    """c_2k + c_2k+1 = k + 1: a cube of that dimension."""
    columns = np.kron(np.eye(count), np.ones((1, 2)))
    return columns, np.arange(1.0, count + 1)


def test_a_cube_has_all_its_vertices_and_edges() -> None:
    """1,024 vertices in ten dimensions, each with ten neighbours."""
    columns, target = segments(10)
    vertices = vertices_of(columns, target, 10, 10_000)
    assert vertices is not None
    expected = {tuple(bits) for bits in product((False, True), repeat=10)}
    assert {tuple(vertex[::2] > 0) for vertex in vertices} == expected
    assert np.allclose(vertices[:, ::2] + vertices[:, 1::2], target)
    small = vertices_of(*segments(5), 5, 100)
    assert small is not None
    assert len(edges_of(small)) == 5 * 2**4


@pytest.mark.parametrize("seed", range(12))
def test_vertices_are_those_of_all_supports(seed: int) -> None:
    """Random polytopes, among them degenerate ones, whose vertices have fewer entries than the rank."""
    rng = np.random.default_rng(seed)
    rank, count = int(rng.integers(2, 5)), int(rng.integers(5, 9))
    columns = rng.standard_normal((rank, count)) if seed % 2 else rng.integers(-2, 4, (rank, count)).astype(float)
    columns[:, 0] = np.abs(columns[:, 0]) + 1
    columns[0] = np.abs(columns[0]) + 1  # bounded
    point = rng.random(count) * (rng.random(count) < 0.6)
    point[0] += 1
    target = columns @ point
    actual = np.linalg.matrix_rank(columns)
    basis = np.linalg.svd(columns)[0][:, :actual].T
    vertices = vertices_of(basis @ columns, basis @ target, int(actual), 10_000)
    expected = vertex_supports(columns, target)
    assert vertices is not None
    assert {frozenset(np.flatnonzero(v > 0).tolist()) for v in vertices} == set(expected)
    for vertex in vertices:
        support = frozenset(np.flatnonzero(vertex > 0).tolist())
        assert vertex[sorted(support)] == pytest.approx(expected[support], rel=1e-9)
    stairs = staircase(vertices > 0)
    assert [stairs.at(m).total for m in range(1, 5)] == [components(columns, target, m) for m in range(1, 5)]


def test_edges_are_enough_to_count_components() -> None:
    """Correction 5: joined along edges alone, the classes of every width are those of all pairs."""
    columns, target = segments(4)
    columns = np.column_stack([columns, columns @ np.array([0.5, 0.5, 0.5, 0.5, 0, 0, 0, 0]), np.ones((4, 1))])
    vertices = vertices_of(columns, target, 4, 10_000)
    assert vertices is not None
    supports = vertices > 0
    unions = [int(np.sum(supports[a] | supports[b])) for a, b in edges_of(vertices)]
    for width in range(1, 10):
        groups = {k: {k} for k in np.flatnonzero(supports.sum(axis=1) <= width)}
        for (a, b), union in zip(edges_of(vertices), unions, strict=True):
            if union <= width:
                merged = groups[a] | groups[b]
                groups |= {k: merged for k in merged}
        classes = {frozenset(group) for group in groups.values()}
        found = staircase(supports).at(width)
        assert found.isolated + found.continua == len(classes)


def test_beyond_the_limit_there_is_no_list() -> None:
    """So many vertices as were asked for, or none at all: never some that pass for all."""
    columns, target = segments(6)
    assert vertices_of(columns, target, 6, 63) is None
    assert vertices_of(columns, target, 6, 64) is not None


def test_the_zero_network_alone_is_one_point_at_every_width() -> None:
    """Correction 1: without any atom nothing can be split, and no width has a continuum."""
    stairs = staircase(np.zeros((1, 3), dtype=bool))
    assert stairs.connected_from == 0
    assert [stairs.at(m) for m in (1, 7)] == [WidthComponents(1, 1, 0, 1), WidthComponents(7, 1, 0, 1)]


def test_connectivity_can_be_lost_again() -> None:
    """Correction 5: vertices of one and of two atoms (oracle O4) have 1, 3, 1 components; connected from 3 on."""
    stairs = staircase(np.array([[True, False, True], [False, True, False]]))
    assert [stairs.at(m).total for m in range(5)] == [0, 1, 3, 1, 1]
    assert stairs.connected_from == 3
    assert stairs.at(2) == WidthComponents(2, 1, 1, 3)
