"""The reduction to hinges loses nothing that it does not account for, whatever basis, points and ratios it is given."""

from __future__ import annotations

import random
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from brute_force import squared_gain

from certify.checker.certificate import Dual, Objective
from certify.checker.objective import Problem
from certify.checker.reduction import Hinges, reduced
from certify.checker.rejection import Rejected

BETA = 1000.0


def problem_of(rows: np.ndarray, bias: str) -> Problem:
    """A problem with these rows; only rows, bias and decay matter here."""
    goal = Objective("half-squared", "sum", BETA, BETA, bias, "none")
    return Problem(goal, rows.tolist(), [0.0] * len(rows), [1.0] * len(rows), 1)


def some_dual(seed: int, free: bool, residual: float) -> tuple[Problem, Dual]:
    """Five samples, one of them turned, three points, a basis that is not orthonormal, and points that miss the samples a little."""
    rng = np.random.default_rng(seed)
    s, d = (1, 2) if free else (2, 3)
    basis, points, members = rng.standard_normal((s, d)), rng.standard_normal((3, s)), np.array([0, 1, 2, 0, 1])
    centre = rng.standard_normal(d)
    ratios = np.ones(5) if free else np.array([1.0, 1.0, 0.5, -3.0, 0.0])
    rows = points[members] @ basis * ratios[:, None] + residual * rng.standard_normal((5, d))
    nu = np.array([0.5, -1.0, 0.75, -0.5, 0.25])
    if free:
        rows = np.column_stack([rows + centre, np.ones(5)])
    dual = Dual(
        nu.tolist(),
        centre.tolist() if free else None,
        basis.tolist(),
        points.tolist(),
        members.tolist(),
        None if free else ratios.tolist(),
        (None, None),
    )
    return problem_of(rows, "free" if free else "none"), dual


def exact_points(hinges: Hinges) -> tuple[list[list[Fraction]], list[Fraction]]:
    """Points and weights as rationals."""
    points = [[Fraction(x, 1 << hinges.point_shift) for x in p] for p in hinges.points]
    return points, [Fraction(w, 1 << hinges.weight_shift) for w in hinges.weights]


@pytest.mark.parametrize("residual", [0.0, 1e-6, 0.3])
@pytest.mark.parametrize("free", [False, True], ids=["plain", "free bias"])
@pytest.mark.parametrize("seed", range(4))
def test_gain_is_bounded_through_the_hinges(seed: int, free: bool, residual: float) -> None:
    """M(nu) <= |E| M(hinges) + error, both maxima by brute force, the error being what the limit leaves of beta."""
    problem, dual = some_dual(seed, free, residual)
    hinges = reduced(problem, dual)
    gain = squared_gain(problem.rows, dual.nu, free)
    points, weights = exact_points(hinges)
    line = [Fraction(x, 1 << (hinges.point_shift + hinges.weight_shift)) for x in hinges.linear]
    own = squared_gain([*points, line, [-x for x in line]], [*weights, 1, -1], free)  # x = (x)_+ - (-x)_+
    error = BETA - float(hinges.limit) * norm(dual)
    assert float(gain) ** 0.5 <= float(own) ** 0.5 * norm(dual) + error + 1e-9


def norm(dual: Dual) -> float:
    """The bound on |E|, in floats."""
    E = np.array(dual.basis)
    return float(np.abs(E @ E.T).sum(axis=1).max() ** 0.5)


@pytest.mark.parametrize("residual", [1e-6, 0.3])
@pytest.mark.parametrize("free", [False, True], ids=["plain", "free bias"])
@pytest.mark.parametrize("seed", range(4))
def test_limit_is_what_the_formula_says(seed: int, free: bool, residual: float) -> None:
    """limit = (beta - sum |nu_i||e_i|) / sqrt(largest row sum of EE'), rounded down and hardly."""
    problem, dual = some_dual(seed, free, residual)
    hinges = reduced(problem, dual)
    rows = np.array(problem.rows)[:, :-1] - np.array(dual.centre) if free else np.array(problem.rows)
    ratios = np.ones(5) if free else np.array(dual.ratios)
    e = rows - np.array(dual.points)[dual.members] @ np.array(dual.basis) * ratios[:, None]
    expected = (BETA - np.abs(dual.nu) @ np.linalg.norm(e, axis=1)) / norm(dual)
    assert float(hinges.limit) == pytest.approx(expected, rel=1e-12)
    _, weights = exact_points(hinges)
    assert [float(w) for w in weights] == pytest.approx(
        np.bincount(dual.members, weights=np.array(dual.nu) * np.abs(ratios), minlength=3)
    )
    line = np.minimum(ratios, 0) * dual.nu @ np.array(dual.points)[dual.members]
    found = [float(Fraction(x, 1 << (hinges.point_shift + hinges.weight_shift))) for x in hinges.linear]
    assert found == pytest.approx([*line, *[0.0] * free])


def test_identity_without_residual_keeps_beta() -> None:
    """Points that are the samples cost nothing: the limit is the weight decay itself."""
    rows = np.random.default_rng(0).standard_normal((4, 3))
    dual = Dual([1.0, -2.0, 0.5, 0.0], None, None, rows.tolist(), [0, 1, 2, 3], None, (None, None))
    assert reduced(problem_of(rows, "none"), dual).limit == Fraction(BETA)


def test_residual_as_large_as_beta_is_rejected() -> None:
    """Where the samples left out weigh as much as the weight decay, nothing can be proved."""
    problem, dual = some_dual(0, False, 0.0)
    far = replace(dual, nu=[0.0, 0.0, 0.0, 0.0, BETA], ratios=[1.0, 1.0, 1.0, 1.0, 0.0])
    rows = np.array(problem.rows)
    rows[4] = [1.0, 0.0, 0.0]
    with pytest.raises(Rejected, match="too far from the data"):
        reduced(problem_of(rows, "none"), far)
    rows[4] = [0.999, 0.0, 0.0]
    assert 0 < reduced(problem_of(rows, "none"), far).limit < 2


@pytest.mark.parametrize("free", [False, True], ids=["plain", "free bias"])
def test_within_is_the_dual_size(free: bool) -> None:
    """within(bound, g) holds iff |g_tau| + R |g_b| <= bound, ties included."""
    rng = random.Random(0)
    answers = []
    for _ in range(400):
        radius = rng.randint(0, 40)
        hinges = Hinges([[0, 0, 0]], 3, [0], 0, [0, 0, 0], free, radius if free else 0, Fraction(1))
        g = [rng.randint(-6, 6) for _ in range(3)]
        tail, last = (g[:2], g[2]) if free else (g, 0)
        length = Fraction(sum(x * x for x in tail))
        for bound in range(-2, 30):
            room = bound - Fraction(radius, 8) * abs(last)
            assert hinges.within(bound, g) == (room >= 0 and room**2 >= length)
            answers.append(room**2 == length and room >= 0)
    assert sum(answers) > 20


def test_radius_covers_every_point() -> None:
    """With a free bias R is at least the length of every point, and hardly more."""
    problem, dual = some_dual(1, True, 0.0)
    hinges = reduced(problem, dual)
    lengths = np.linalg.norm(np.array(dual.points), axis=1)
    assert hinges.radius / 2**hinges.point_shift == pytest.approx(lengths.max(), rel=1e-12)
    points, _ = exact_points(hinges)
    assert all(p[-1] == 1 for p in points)
    assert all(sum(x * x for x in p[:-1]) <= Fraction(hinges.radius, 1 << hinges.point_shift) ** 2 for p in points)
