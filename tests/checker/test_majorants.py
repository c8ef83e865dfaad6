"""A leaf's quadratic form is the one that the hints and cuts say, and lies above the gain on its part."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from proof_search import _MajorantSearch, homogeneous, majorant_proof, radius_of

from certify.checker.fields import Field
from certify.checker.majorants import _Form, _Leaf, _Planes
from certify.checker.numbers import on_grid, root_above, rows_on_grid
from certify.checker.proofs import Grid, Majorant, read_proof
from certify.checker.reduction import Hinges


def leaves_of(points: np.ndarray, weights: np.ndarray, free: bool, cuts: int, line: np.ndarray | float = 0.0):
    """Each leaf of a written tree: the checker's, the cuts above it, and its hints as written."""
    written, bound = majorant_proof(points, weights, free, cuts, line=line)
    integers, shift = rows_on_grid(homogeneous(points, free).tolist())
    heavy, heavy_shift = on_grid(weights.tolist())
    radius = root_above(max(sum(x * x for x in (p[:-1] if free else p)) for p in integers)) if free else 0
    fine = shift + heavy_shift
    linear = [int(Fraction(x) * (1 << fine)) for x in np.broadcast_to(line, len(integers[0])).tolist()]
    hinges = Hinges(integers, shift, heavy, heavy_shift, linear, free, radius, Fraction(bound * (1 + 1e-9)))
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
    line = 0.0 if free else rng.standard_normal(points.shape[1]).round(3)
    for leaf, above, text in leaves_of(points, weights, free, cuts, line):
        normal = np.array([[1.0] + [0.5] * (points.shape[1] + free - 1)])
        search = _MajorantSearch(points, weights, free, normal, None, line)
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


LEANING = [(seed, free, cuts) for seed in range(4) for free in (False, True) for cuts in (1, 2)]


@pytest.mark.parametrize(("seed", "free", "cuts"), LEANING)
def test_slopes_may_leave_the_unit_ball(seed: int, free: bool, cuts: int) -> None:
    """Slopes beyond 1 off the leaf are accepted with their tilts, and with tilts zeroed, negative or exchanged they are not."""
    rng = np.random.default_rng(200 + seed)
    points, weights = rng.standard_normal((6, 2)), np.abs(rng.standard_normal(6)) * SIGNS
    leaning = 0
    for leaf, _, _ in leaves_of(points, weights, free, cuts):
        tilts, sides = leaf.hints.tilts, len(leaf.sides)
        one, within = 1 << leaf.hints.slopes.shift, leaf.hinges.within
        assert leaf.failure() is None
        if all(within(one - abs(y[0]), y[1:]) for y in leaf.hints.slopes.rows):
            continue
        leaning += 1
        row = tilts.rows[0]
        pairs = [row[i : i + 2 * sides] for i in range(0, len(row), 2 * sides)]
        exchanged = [x for pair in pairs for x in (*pair[sides:], *pair[:sides])]
        for changed, reason in (
            ([0] * len(row), "a slope may exceed 1"),
            (exchanged, "a slope may exceed 1"),
            ([-x for x in row], "a tilt is negative"),
            ([*row[:-1], -1], "a tilt is negative"),
        ):
            leaf.hints = replace(leaf.hints, tilts=replace(tilts, rows=[changed]))
            assert leaf.failure() == reason
        leaf.hints = replace(leaf.hints, tilts=replace(tilts, rows=[row[:-1]]))
        assert f"expected [{len(leaf.lowering)}, {sides}" in str(leaf.failure())
    assert leaning >= 1


def random_leaf(rng: random.Random, free: bool, cuts: int) -> _Leaf:
    """A leaf below `cuts` normals, with one lowering hinge, whose slope and tilts are random, on grids of their own.

    The slope is something short less the tilts above times the sides, so that either decision is common.
    """
    shifts = {name: rng.randrange(12) for name in ("points", "normals", "slopes", "tilts")}
    point = [rng.randint(-40, 40), rng.randint(-40, 40), *([1 << shifts["points"]] if free else [])]
    radius = root_above(point[0] ** 2 + point[1] ** 2) if free else 0
    hinges = Hinges([point], shifts["points"], [1], 0, [0] * len(point), free, radius, Fraction(1))
    normals = [[rng.randint(-9, 9) / 2.0 ** shifts["normals"] for _ in point] for _ in range(cuts)]
    planes = _Planes(hinges, normals)
    signs = tuple((1 + i, rng.choice((-1, 1))) for i in range(cuts))
    bias = radius / 2.0 ** shifts["points"]
    lengths = [math.hypot(*n[:2]) + bias * abs(n[2] if free else 0) for n in normals] + [1.0]
    steps = [rng.choice((0.0, 1.5 * rng.random())) / max(lengths[i % cuts], 0.1) for i in range(2 * cuts)]
    tilts = [int(x * 2 ** shifts["tilts"]) for x in steps]
    slope = [rng.uniform(-0.8, 0.8)]
    for i, size in enumerate((0.7, 0.7, 0.4 / max(bias, 1.0))[: 2 + free]):
        lean = sum(t * sign * n[i] for t, (_, sign), n in zip(steps[:cuts], signs, normals, strict=True))
        slope.append(rng.uniform(-size, size) - lean)
    empty, none = Grid([[]], 0), Grid([], 0)
    rows = Grid([[int(x * 2 ** shifts["slopes"]) for x in slope]], shifts["slopes"])
    hints = Majorant(empty, rows, Grid([tilts], shifts["tilts"]), none, empty, empty)
    return _Leaf(hinges, -1, planes, signs, hints)


def exact_parts(leaf: _Leaf) -> tuple[list[Fraction], list[list[Fraction]], list[Fraction], Fraction]:
    """A random leaf's slope, sides, tilts and radius as numbers."""
    slopes, tilts = leaf.hints.slopes, leaf.hints.tilts
    return (
        [Fraction(x, 1 << slopes.shift) for x in slopes.rows[0]],
        [[Fraction(x, 1 << leaf.side_shift) for x in side] for side in leaf.sides],
        [Fraction(x, 1 << tilts.shift) for x in tilts.rows[0]],
        Fraction(leaf.hinges.radius, 1 << leaf.hinges.point_shift),
    )


def rational_directions(rng: random.Random, free: bool, radius: Fraction, count: int) -> Iterator[list[Fraction]]:
    """Points (1, tau) with |tau| = 1 exactly, and a bias within the radius behind."""
    for _ in range(count):
        q, turn = Fraction(rng.randint(-64, 64), rng.randint(1, 16)), rng.choice((-1, 1))
        tau = [turn * (1 - q * q) / (1 + q * q), 2 * q / (1 + q * q)]
        yield [Fraction(1), *tau, *([radius * Fraction(rng.randint(-8, 8), 8)] if free else [])]


@pytest.mark.parametrize("free", [False, True], ids=["plain", "free bias"])
@pytest.mark.parametrize("cuts", [1, 2, 3])
def test_accepted_slopes_are_at_most_one_on_the_leaf(cuts: int, free: bool) -> None:
    """|y.v| <= 1 in exact arithmetic at every sampled direction of the leaf, though not at every direction."""
    rng = random.Random(cuts + 10 * free)
    accepted = inside = beyond = 0
    for _ in range(500):
        leaf = random_leaf(rng, free, cuts)
        if not leaf._at_most_one(0):
            continue
        accepted += 1
        slope, sides, _, radius = exact_parts(leaf)
        for v in rational_directions(rng, free, radius, 40):
            value = sum(x * y for x, y in zip(slope, v, strict=True))
            if all(sum(x * y for x, y in zip(side, v, strict=True)) >= 0 for side in sides):
                inside += 1
                assert abs(value) <= 1
            beyond += abs(value) > 1
    assert accepted >= 20 and inside >= 100 and beyond >= 10


@pytest.mark.parametrize("free", [False, True], ids=["plain", "free bias"])
@pytest.mark.parametrize("cuts", [1, 2, 3])
def test_slopes_are_decided_by_the_two_inequalities(cuts: int, free: bool) -> None:
    """On whatever grids, the decision is that of size(g + above L) <= 1 - s and size(g - below L) <= 1 + s in fractions."""
    rng = random.Random(100 + cuts + 10 * free)
    decisions = []
    for _ in range(500):
        leaf = random_leaf(rng, free, cuts)
        (s, *g), sides, tilts, radius = exact_parts(leaf)
        fits = True
        for sign, part in ((1, tilts[:cuts]), (-1, tilts[cuts:])):
            tilts_by = [sum(t * x for t, x in zip(part, column, strict=True)) for column in zip(*sides, strict=True)]
            used = [x + sign * t for x, t in zip(g, tilts_by[1:], strict=True)]
            room = 1 - sign * s - (radius * abs(used[2]) if free else 0)
            fits = fits and room >= 0 and used[0] ** 2 + used[1] ** 2 <= room**2
        assert leaf._at_most_one(0) == fits
        decisions.append(fits)
    assert 20 <= sum(decisions) <= 480


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
