"""The shortest vector of a hull plus a cone: compared with scipy's nonnegative least squares, and what comes out of hopeless input."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import nnls

from certify._core.least import least_majorant


def plain_length(p: np.ndarray, atoms: np.ndarray, walls: np.ndarray, scale: np.ndarray) -> float:
    """min |scale (p - q + mu' walls)|, by the program min |M x|^2 + (sum lambda - 1)^2 that has the same minimiser, up to a factor."""
    size = np.max(np.linalg.norm(p - atoms, axis=1))
    columns = np.vstack([walls * scale / size, (p - atoms) * scale / size])
    marks = np.concatenate([np.zeros(len(walls)), np.ones(len(atoms))])
    x, _ = nnls(np.column_stack([columns, marks]).T, np.append(np.zeros(p.size), 1.0))
    mass = np.sum(x[len(walls) :])
    return float(np.linalg.norm(x @ columns) / mass * size)


def random_case(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """p, atoms, walls, dual scale: as many atoms as a bound takes at most, some twice, walls or none, a free bias or none."""
    rng = np.random.default_rng(seed)
    r = int(rng.integers(1, 9))
    atoms = rng.standard_normal((int(rng.integers(1, 2 * r + 9)), r)) + 2 * rng.standard_normal(r)
    if seed % 5 == 0:
        atoms[-1] = atoms[0]
    scale = np.ones(r)
    if seed % 3 == 0:
        scale[-1] = 2.0**15
    return rng.standard_normal(r), atoms, rng.standard_normal((r if seed % 2 else 0, r)), scale


@pytest.mark.parametrize("seed", range(60))
def test_it_is_the_shortest(seed: int) -> None:
    """Its length is that of the plain program, from no weights and from those of a similar problem; q is in the hull."""
    p, atoms, walls, scale = random_case(seed)
    expected = plain_length(p, atoms, walls, scale)
    weights = np.zeros(len(walls) + len(atoms))
    slack = 1e-9 * np.max(np.linalg.norm(p - atoms, axis=1)) * np.max(scale)
    for moved in (1e-2, 0.0):
        z, q = least_majorant(p + moved, atoms, len(atoms), walls, scale, weights)
        assert np.all(weights >= 0)
    assert np.linalg.norm(z * scale) == pytest.approx(expected, rel=1e-6, abs=slack)
    own = weights[len(walls) :] / np.sum(weights[len(walls) :])
    assert np.allclose(own @ atoms, q)
    rest = np.linalg.lstsq(walls.T, z - (p - q), rcond=None)[0] if len(walls) else np.zeros(0)
    assert np.all(rest >= -1e-6 * np.max(np.abs(rest), initial=1.0))


def test_only_the_first_atoms_count() -> None:
    """Rows of `atoms` behind the count may hold anything."""
    p, atoms, walls, scale = random_case(7)
    alone = least_majorant(p, atoms[:2], 2, walls, scale, np.zeros(len(walls) + 2))[0]
    atoms[2:] = np.nan
    assert np.array_equal(least_majorant(p, atoms, 2, walls, scale, np.zeros(len(walls) + 2))[0], alone)


def test_a_single_atom_at_p() -> None:
    """Nothing is left of p - q, and no wall is needed."""
    z, q = least_majorant(np.ones(3), np.ones((1, 3)), 1, np.eye(3), np.ones(3), weights := np.zeros(4))
    assert not z.any()
    assert np.array_equal(q, np.ones(3))
    assert np.array_equal(weights, [0, 0, 0, 1])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e308, 1e-310, 5e-324, 0.0])
@pytest.mark.parametrize("where", ["p", "atom", "wall"])
def test_it_returns_whatever_it_is_given(value: float, where: str) -> None:
    """It ends, within its memory; weights are never negative."""
    for seed in range(1, 20, 2):
        p, atoms, walls, scale = random_case(seed)
        if where == "p":
            p[seed % p.size] = value
        elif where == "atom":
            atoms[seed % len(atoms)] = value
        else:
            walls[seed % len(walls)] = value
        z, q = least_majorant(p, atoms, len(atoms), walls, scale, weights := np.zeros(len(walls) + len(atoms)))
        assert z.shape == q.shape == p.shape
        assert not np.any(weights < 0)


def test_shapes_that_do_not_fit() -> None:
    """They are refused: the loops inside check nothing."""
    eye, ones = np.eye(3), np.ones(3)
    for arguments in (
        (ones, eye, 4, eye, ones, np.zeros(7)),
        (ones, eye, 0, eye, ones, np.zeros(7)),
        (ones, eye, 3, eye, ones, np.zeros(5)),
        (ones, np.ones((3, 2)), 3, eye, ones, np.zeros(6)),
        (ones, eye, 3, np.ones((3, 4)), ones, np.zeros(6)),
        (ones, eye, 3, eye, np.ones(2), np.zeros(6)),
        (np.ones(0), np.ones((3, 0)), 3, np.ones((0, 0)), np.ones(0), np.zeros(3)),
    ):
        with pytest.raises(ValueError, match="R\\^"):
            least_majorant(*arguments)
