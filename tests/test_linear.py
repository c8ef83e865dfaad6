"""certify.linear: numpy's results to rounding, and the same bits whatever BLAS kernel numpy picks."""

from __future__ import annotations

import hashlib
import math
import os
import subprocess
import sys

import numpy as np
import pytest

from certify import linear

SHAPES = [(1, 1), (2, 2), (3, 7), (7, 3), (12, 12), (65, 5), (5, 65), (40, 40), (300, 9)]
KINDS = ["random", "graded", "low rank", "tiny", "huge", "zero"]
HUGE = 2.0**600  # squares of such entries overflow, and those of their inverses vanish


def matrix(kind: str, m: int, n: int) -> np.ndarray:
    rng = np.random.default_rng([m, n])
    a = rng.normal(size=(m, n))
    if kind == "graded":
        return a * 10.0 ** -np.linspace(0, 12, n) * 10.0 ** np.linspace(0, 6, m)[:, None]
    if kind == "low rank":
        rank = (min(m, n) + 1) // 2
        return a[:, :rank] @ rng.normal(size=(rank, n))
    return a * {"random": 1.0, "tiny": 1 / HUGE, "huge": HUGE, "zero": 0.0}[kind]


def positive(n: int) -> np.ndarray:
    a = np.random.default_rng(n).normal(size=(n + 3, n))
    return a.T @ a


every_matrix = pytest.mark.parametrize(("kind", "m", "n"), [(k, *s) for k in KINDS for s in SHAPES])


@pytest.mark.parametrize(
    ("m", "k", "n"), [(1, 1, 1), (3, 64, 5), (9, 130, 6), (4, 65, 1), (1, 600, 9), (6, 0, 3), (0, 4, 2)]
)
def test_products(m: int, k: int, n: int) -> None:
    rng = np.random.default_rng([m, k, n])
    a, b = rng.normal(size=(m, k)), rng.normal(size=(k, n))
    product = linear.matmul(a, b)
    assert product.shape == (m, n)
    assert np.all(np.abs(product - a @ b) <= 2.0**-51 * k * (np.abs(a) @ np.abs(b)))
    strided = linear.matmul(np.asfortranarray(a), np.repeat(b, 2, axis=1)[:, ::-2])
    np.testing.assert_array_equal(strided[:, ::-1], product)
    for i in range(m):
        np.testing.assert_array_equal(linear.matmul(a[i], b), product[i])
        for j in range(n):
            assert linear.matmul(a[i], b[:, j]) == linear.inner(a[i], b[:, j]) == product[i, j]
    np.testing.assert_array_equal(linear.gram(a), linear.matmul(a.T.copy(), a))
    np.testing.assert_array_equal(linear.gram(a), linear.gram(a).T)


@pytest.mark.parametrize(
    ("left", "right"),
    [((4,), (4,)), ((4,), (4, 3)), ((2, 4), (4,)), ((5, 2, 4), (4, 3)), ((5, 2, 4), (4,)), ((5, 2, 4), (5, 4, 3)),
     ((2, 4), (5, 4, 3)), ((3, 1, 2, 4), (5, 4, 3)), ((0, 2, 4), (4, 3)), ((4,), (5, 4, 3))],
)  # fmt: skip
def test_products_have_the_shapes_of_numpy(left: tuple[int, ...], right: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    a, b = rng.integers(-9, 9, size=left), rng.integers(-9, 9, size=right)  # products of integers are exact
    product = linear.matmul(a, b)
    np.testing.assert_array_equal(product, a @ b)
    assert np.shape(product) == np.shape(a @ b)
    assert product.dtype == np.float64


def test_products_that_there_are_not() -> None:
    for left, right in [((3,), (4,)), ((2, 3), (4, 2)), ((5, 2, 3), (4, 3)), ((2, 2, 3), (3, 3, 2)), ((), (3,))]:
        with pytest.raises(ValueError, match=r"\w"):
            linear.matmul(np.ones(left), np.ones(right))


@every_matrix
@pytest.mark.parametrize("axis", [None, 0, 1])
def test_norms(kind: str, m: int, n: int, axis: int | None) -> None:
    a = matrix(kind, m, n)
    scale = {"tiny": HUGE, "huge": 1 / HUGE}.get(kind, 1.0)
    np.testing.assert_allclose(linear.norm(a, axis) * scale, np.linalg.norm(a * scale, axis=axis), rtol=1e-15 * (m + n))


def test_norms_of_what_has_none() -> None:
    assert linear.norm([]) == 0.0
    assert linear.norm([math.inf, 1.0]) == math.inf
    assert math.isnan(linear.norm([math.nan, 1.0]))
    assert linear.norm([1.5e308, 1.5e308]) == math.inf
    assert linear.norm([3 * 2.0**1020, 4 * 2.0**1020]) == 5 * 2.0**1020
    assert linear.norm([3 * 2.0**-1070, 4 * 2.0**-1070]) == 5 * 2.0**-1070
    np.testing.assert_array_equal(linear.norm([[3.0, 4.0], [0.0, 0.0], [math.nan, 1.0]], axis=1), [5.0, 0.0, math.nan])


@pytest.mark.parametrize("n", [0, 1, 2, 5, 40])
def test_positive_definite_systems(n: int) -> None:
    a = positive(n) if n else np.zeros((0, 0))
    factor = linear.cholesky(a)
    np.testing.assert_array_equal(factor, np.tril(factor))
    np.testing.assert_allclose(factor @ factor.T, a, atol=1e-13 * n)
    scrambled = a + np.triu(np.full((n, n), math.nan), 1)  # only the lower triangle is read
    np.testing.assert_array_equal(linear.cholesky(scrambled), factor)
    for right in (np.arange(1.0, n + 1), np.random.default_rng(n).normal(size=(n, 3)), np.ones((n, 0))):
        solved = linear.solve_positive(scrambled, right)
        assert solved.shape == right.shape
        np.testing.assert_allclose(a @ solved, right, atol=1e-10)


@pytest.mark.parametrize("bad", [-1.0, 0.0, math.nan, math.inf])
@pytest.mark.parametrize("at", [0, 2])
def test_no_cholesky_factor(bad: float, at: int) -> None:
    a = np.eye(3)
    a[at, at] = bad
    for call in (linear.cholesky, lambda a: linear.solve_positive(a, np.ones(3))):
        with pytest.raises(ArithmeticError):
            call(a)
    a = np.eye(3)
    a[2, 0] = bad or 1.0
    with pytest.raises(ArithmeticError):
        linear.cholesky(a)


@pytest.mark.parametrize("n", [0, 1, 2, 3, 8, 65])
def test_systems(n: int) -> None:
    rng = np.random.default_rng(n)
    a = rng.normal(size=(n, n))
    if n > 2:
        a[0, 0] = 0.0  # needs pivoting
    for right in (rng.normal(size=n), rng.normal(size=(n, 4)), np.ones((n, 0))):
        kept = a.copy(), right.copy()
        solved = linear.solve(a, right)
        assert solved.shape == right.shape
        np.testing.assert_allclose(a @ solved, right, atol=1e-13 * max(n, 1) * np.max(np.abs(solved), initial=1.0))
        np.testing.assert_array_equal(a, kept[0])
        np.testing.assert_array_equal(right, kept[1])
    inverse = linear.inverse(a)
    np.testing.assert_allclose(inverse @ a, np.eye(n), atol=1e-14 * max(n, 1) * np.abs(inverse).max(initial=1.0))


def test_singular_systems() -> None:
    for a in (np.zeros((2, 2)), [[1.0, 2.0], [2.0, 4.0]], [[1.0, 0.0], [0.0, math.nan]], np.diag([1.0, 1.0, 0.0])):
        with pytest.raises(ArithmeticError):
            linear.solve(a, np.ones(np.shape(a)[0]))
    for wrong in (np.ones((2, 3)), np.ones((3, 3))):
        with pytest.raises(ValueError, match="no system"):
            linear.solve(wrong, np.ones(2))


def assert_orthonormal(columns: np.ndarray) -> None:
    size = columns.shape[1]
    np.testing.assert_allclose(columns.T @ columns, np.eye(size), rtol=0, atol=1e-15 * (10 + size))


def size_of(a: np.ndarray) -> float:
    """Its largest entry, or 1."""
    return float(np.max(np.abs(a), initial=0.0)) or 1.0


@every_matrix
def test_qr(kind: str, m: int, n: int) -> None:
    a = matrix(kind, m, n)
    q, r = linear.qr(a)
    assert q.shape == (m, min(m, n))
    assert r.shape == (min(m, n), n)
    assert_orthonormal(q)
    np.testing.assert_array_equal(r, np.triu(r))
    np.testing.assert_allclose(q @ (r / size_of(a)), a / size_of(a), rtol=0, atol=1e-15 * (10 + m + n))


@every_matrix
def test_svd(kind: str, m: int, n: int) -> None:
    a = matrix(kind, m, n)
    left, sizes, right = linear.svd(a)
    scaled, scaled_sizes = a / size_of(a), sizes / size_of(a)
    assert left.shape == (m, min(m, n))
    assert right.shape == (min(m, n), n)
    assert_orthonormal(left)
    assert_orthonormal(right.T)
    assert np.all(np.diff(sizes) <= 0)
    tolerance = 1e-15 * (10 + m + n)
    np.testing.assert_allclose((left * scaled_sizes) @ right, scaled, rtol=0, atol=tolerance)
    np.testing.assert_allclose(
        scaled_sizes, np.linalg.svd(scaled)[1], rtol=0, atol=tolerance * max(1.0, scaled_sizes[0])
    )


def test_small_singular_values_of_graded_columns_are_right_too() -> None:
    a = np.linalg.qr(np.random.default_rng(3).normal(size=(30, 6)))[0]
    lengths = 10.0 ** -np.arange(0, 30, 5)
    np.testing.assert_allclose(linear.svd(a * lengths)[1], lengths, rtol=1e-13)


@pytest.mark.parametrize(
    "kind", ["random", "graded", "low rank", "tiny", "huge", "zero", "repeated", "nearly diagonal"]
)
@pytest.mark.parametrize("n", [1, 2, 3, 7, 40, 150])
def test_eigh(kind: str, n: int) -> None:
    if kind == "repeated":
        a = np.eye(n) + np.ones((n, n)) / n
    elif kind == "nearly diagonal":
        a = np.diag(np.arange(n) % 3) + 1e-170 * positive(n)
    elif kind in {"random", "tiny", "huge"}:
        a = matrix(kind, n, n)
    else:
        half = matrix(kind, n, n)
        a = half.T @ half
    a = np.tril(a) + np.tril(a, -1).T
    values, vectors = linear.eigh(np.tril(a) + np.triu(np.ones((n, n)), 1))  # only the lower triangle is read
    scaled, scaled_values = a / size_of(a), values / size_of(a)
    tolerance = 1e-15 * (10 + n) * max(1.0, np.abs(scaled_values).max())
    assert_orthonormal(vectors)
    assert np.all(np.diff(values) >= 0)
    np.testing.assert_array_equal(linear.eigvalsh(a), values)
    np.testing.assert_allclose(scaled @ vectors, vectors * scaled_values, rtol=0, atol=tolerance)
    np.testing.assert_allclose(scaled_values, np.linalg.eigvalsh(scaled), rtol=0, atol=tolerance)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_no_spectrum_of_what_is_not_finite(bad: float) -> None:
    a = np.eye(4)
    a[2, 1] = bad
    for call in (
        linear.eigh,
        linear.eigvalsh,
        linear.svd,
        linear.qr,
        linear.pinv,
        linear.matrix_rank,
        linear.condition,
    ):
        with pytest.raises(ArithmeticError):
            call(a)
    with pytest.raises(ArithmeticError):
        linear.least_squares(a, np.ones(4))


@pytest.mark.parametrize("kind", ["random", "low rank", "zero"])
@pytest.mark.parametrize(("m", "n"), SHAPES)
def test_least_squares_and_inverses(kind: str, m: int, n: int) -> None:
    a = matrix(kind, m, n)
    assert linear.matrix_rank(a) == np.linalg.matrix_rank(a)
    for right in (np.arange(m) + 1.0, np.random.default_rng(m).normal(size=(m, 2))):
        expected = np.linalg.lstsq(a, right, rcond=None)[0]
        found = linear.least_squares(a, right)
        assert found.shape == expected.shape
        np.testing.assert_allclose(found, expected, atol=1e-10 * size_of(expected))
    expected = np.linalg.pinv(a)
    np.testing.assert_allclose(linear.pinv(a), expected, atol=1e-10 * size_of(expected))
    symmetric = a @ a.T
    expected = np.linalg.pinv(symmetric, rcond=1e-12, hermitian=True)
    found = linear.pinv(symmetric, rcond=1e-12, hermitian=True)
    np.testing.assert_array_equal(found, found.T)
    np.testing.assert_allclose(found, expected, atol=1e-8 * size_of(expected))


def test_conditions() -> None:
    assert linear.condition(np.diag([4.0, 1.0, 0.5])) == pytest.approx(8.0, rel=1e-14)
    assert linear.condition(np.zeros((3, 2))) == math.inf
    np.testing.assert_allclose(
        linear.condition(matrix("random", 9, 5)), np.linalg.cond(matrix("random", 9, 5)), rtol=1e-12
    )


def test_matrices_without_rows_or_columns() -> None:
    for shape in [(0, 3), (3, 0), (0, 0)]:
        a = np.zeros(shape)
        assert linear.matrix_rank(a) == 0
        assert [x.shape for x in linear.svd(a)] == [(shape[0], 0), (0,), (0, shape[1])]
        assert [x.shape for x in linear.qr(a)] == [(shape[0], 0), (0, shape[1])]
        np.testing.assert_array_equal(linear.least_squares(a, np.ones(shape[0])), np.zeros(shape[1]))
        assert linear.pinv(a).shape == shape[::-1]
    assert linear.eigh(np.zeros((0, 0)))[0].shape == (0,)


def everything() -> str:
    """A digest of what each function makes of a few matrices."""
    seen = hashlib.sha256()
    for m, n in [(30, 7), (200, 40)]:
        rng = np.random.default_rng([m, n])
        a, b = rng.normal(size=(m, n)), rng.normal(size=(n, m))
        square = linear.gram(a)
        results = [
            linear.matmul(a, b),
            linear.matmul(a[0], b),
            square,
            linear.norm(a),
            linear.norm(a, 0),
            *linear.svd(a),
        ]
        results += [
            linear.cholesky(square),
            linear.solve_positive(square, b),
            linear.solve(square, b),
            *linear.eigh(square),
        ]
        results += [linear.inverse(square), linear.least_squares(a, a[:, 0]), linear.pinv(a), linear.condition(a)]
        results += [*linear.qr(a), linear.pinv(square, hermitian=True), linear.eigvalsh(square)]
        for result in results:
            seen.update(np.ascontiguousarray(result).tobytes())
    return seen.hexdigest()


def test_the_same_bits_whatever_kernel_numpy_picks() -> None:
    here = everything()
    for kernel in ("Haswell", "Prescott"):
        ran = subprocess.run(
            [sys.executable, "-c", "import test_linear; print(test_linear.everything())"],
            check=False,
            env=os.environ | {"OPENBLAS_CORETYPE": kernel, "PYTHONPATH": os.path.dirname(__file__)},
            capture_output=True,
            text=True,
        )
        assert ran.returncode == 0, ran.stderr
        assert ran.stdout.strip() == here
