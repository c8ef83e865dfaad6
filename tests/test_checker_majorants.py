"""A leaf's quadratic form is the one that the hints and cuts say, and lies above the gain on its part."""

from __future__ import annotations

import random
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from proof_search import _MajorantSearch, homogeneous, majorant_proof, radius_of

from certify.checker.fields import Field
from certify.checker.majorants import _Form, _Leaf, _Planes
from certify.checker.numbers import on_grid, root_above, rows_on_grid
from certify.checker.proofs import Majorant, read_proof
from certify.checker.reduction import Hinges


def leaves_of(points: np.ndarray, weights: np.ndarray, free: bool, cuts: int):
    """Each leaf of a written tree: the checker's, the cuts above it, and its hints as written."""
    written, bound = majorant_proof(points, weights, free, cuts)
    integers, shift = rows_on_grid(homogeneous(points, free).tolist())
    heavy, heavy_shift = on_grid(weights.tolist())
    radius = root_above(max(sum(x * x for x in (p[:-1] if free else p)) for p in integers)) if free else 0
    hinges = Hinges(integers, shift, heavy, heavy_shift, free, radius, Fraction(bound * (1 + 1e-9)))
    proof = read_proof(Field(written, "proof"), hinges.rank, len(points), free)
    planes, stack = _Planes(hinges, proof.normals), [()]
    for node, text in zip(proof.nodes, written["nodes"], strict=True):
        above = stack.pop()
        if isinstance(node, Majorant):
            yield _Leaf(hinges, 1, planes, above, node), above, text
        else:
            stack += [(*above, (node, -1)), (*above, (node, 1))]


def numbers(text: dict, key: str) -> np.ndarray:
    """A leaf's hints of one kind, as floats."""
    return np.array(text[key]["integers"], dtype=float) / 2.0 ** text[key]["shift"]


SIGNS = np.array([1, -1, -1, 1, 1, -1])
CASES = [(seed, free, cuts) for seed in range(4) for free in (False, True) for cuts in (0, 1, 2)]


@pytest.mark.parametrize(("seed", "free", "cuts"), CASES)
def test_the_form_is_what_the_hints_say(seed: int, free: bool, cuts: int) -> None:
    """The checker's matrix agrees with the same terms summed in floats, and its leaf is proved."""
    rng = np.random.default_rng(seed)
    points, weights = rng.standard_normal((6, 2 + seed % 2)), np.abs(rng.standard_normal(6)) * SIGNS
    for leaf, above, text in leaves_of(points, weights, free, cuts):
        search = _MajorantSearch(points, weights, free, np.array([[1.0] + [0.5] * (points.shape[1] + free - 1)]), None)
        known = dict(above)
        open_hinges = np.array([k not in known for k in range(6)])
        size = points.shape[1] + free + 1
        sides = np.array([side * search.planes[k] for k, side in above]).reshape(-1, size)
        expected = search._quadratic(
            known,
            open_hinges & (weights > 0),
            open_hinges & (weights < 0),
            numbers(text, "curvatures"),
            numbers(text, "slopes").reshape(-1, size),
            sides,
            numbers(text, "sides").reshape(-1, size),
            numbers(text, "pairs"),
        )
        form = leaf._form()
        found = np.array([[float(Fraction(x, 1 << form.shift)) for x in row] for row in form.entries])
        assert np.triu(found) == pytest.approx(np.triu(expected), rel=1e-9, abs=1e-12)
        assert leaf.failure() is None


@pytest.mark.parametrize(("seed", "free", "cuts"), CASES)
def test_the_form_lies_above_the_gain(seed: int, free: bool, cuts: int) -> None:
    """At random directions of a leaf's part, v'Qv is at least the sum of hinges, and at most what the multipliers say."""
    rng = np.random.default_rng(100 + seed)
    points, weights = rng.standard_normal((6, 2)), np.abs(rng.standard_normal(6)) * SIGNS
    rows, radius = homogeneous(points, free), radius_of(points, free)
    t = rng.standard_normal((300, rows.shape[1]))
    t[:, :2] /= np.linalg.norm(t[:, :2], axis=1, keepdims=True)
    if free:
        t[:, 2] = rng.uniform(-radius, radius, 300)
    gain = np.maximum(t @ rows.T, 0) @ weights
    seen = np.zeros(300, dtype=int)
    for leaf, above, text in leaves_of(points, weights, free, cuts):
        planes = np.vstack([rows, [1.0] + [0.5] * (rows.shape[1] - 1)])
        inside = np.all([side * (t @ planes[k]) >= 0 for k, side in above], axis=0) if above else np.full(300, True)
        form = leaf._form()
        upper = np.array([[float(Fraction(x, 1 << form.shift)) for x in row] for row in form.entries])
        Q = np.triu(upper) + np.triu(upper, 1).T
        v = np.column_stack([np.ones(300), t])
        values = np.einsum("ij,jk,ik->i", v, Q, v)
        multipliers = numbers(text, "multipliers")
        assert np.all(values[inside] >= gain[inside] - 1e-9)
        assert np.all(values <= multipliers[0] + multipliers[1] + (multipliers[2:].sum() * radius**2) + 1e-9)
        seen += inside
    assert np.all(seen >= 1)


@pytest.mark.parametrize("free", [False, True], ids=["plain", "free bias"])
def test_the_multipliers_sum_is_exact(free: bool) -> None:
    """lam_1 + lam + lam_b R^2 may equal the limit, and may not exceed it by anything."""
    rng = np.random.default_rng(5)
    points, weights = rng.standard_normal((6, 2)), np.abs(rng.standard_normal(6)) * SIGNS
    for leaf, _, _ in leaves_of(points, weights, free, 1):
        constant, unit, *bias = (Fraction(x, 1 << leaf.hints.multipliers.shift) for x in leaf.hints.multipliers.rows[0])
        radius = Fraction(leaf.hinges.radius, 1 << leaf.hinges.point_shift)
        total = constant + unit + sum(bias) * radius**2
        assert (sum(bias) > 0) == free
        leaf.hinges = replace(leaf.hinges, limit=total)
        assert leaf.failure() is None
        leaf.hinges = replace(leaf.hinges, limit=total - Fraction(1, 2**400))
        assert leaf.failure() == "the multipliers sum to more than the limit"


def form_of(matrix: list[list[int]]) -> _Form:
    """A form with these entries."""
    form = _Form(len(matrix), 0)
    form.entries = [[x if b >= a else 0 for b, x in enumerate(row)] for a, row in enumerate(matrix)]
    return form


@pytest.mark.parametrize("bits", [10, 150, 400])
@pytest.mark.parametrize("seed", range(5))
def test_below_diagonal(seed: int, bits: int) -> None:
    """Diag - Q is accepted where it is clearly positive definite, and refused where it has a negative direction."""
    rng = random.Random(seed)
    vectors = [[rng.getrandbits(bits) - (1 << (bits - 1)) for _ in range(4)] for _ in range(4)]
    gram = [[sum(a * b for a, b in zip(x, y, strict=True)) for y in vectors] for x in vectors]
    lift = 1 << (2 * bits - 60 if bits > 100 else 0)
    negated = [[-x for x in row] for row in gram]
    assert form_of(negated).below_diagonal([lift] * 4)
    # a direction w with w'(gram)w = s > 0: taking away more than s / w_1^2 from the first entry makes it negative
    corner = gram[0][0] + 1
    assert not form_of(negated).below_diagonal([-corner, 0, 0, 0])
    singular = [[-(v[0] * w[0]) for w in vectors] for v in vectors]
    assert form_of(singular).below_diagonal([0] * 4) == (2 * bits <= 160)
    assert not form_of(singular).below_diagonal([0, 0, 0, -1])


def test_cutting_off_never_helps() -> None:
    """Where entries are cut off, a matrix that is indefinite by a hair is refused, also where its cut-off part is not."""
    for low in (-1, -(2**100), -(2**239)):
        matrix = [[2**400, 0], [0, low]]
        assert not form_of([[-x for x in row] for row in matrix]).below_diagonal([0, 0])
    assert form_of([[-(2**400), 0], [0, -(2**245)]]).below_diagonal([0, 0])
