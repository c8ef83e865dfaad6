"""Dense linear algebra whose results are the same, to the bit, on every processor of the family.

numpy and scipy hand such work to a BLAS that picks its kernels, and so its rounding, by the processor it finds; a
search that branches on such numbers would explore other nodes elsewhere. The names and shapes are numpy's; the work is
done by `certify._core`. Arguments become arrays of float64, of any strides, and are never changed; failures are
ArithmeticError.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, overload

import numpy as np

from certify._core import dense, factors, spectra
from certify.arrays import Floats

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

EPSILON = 2.0**-52


def _array(x: ArrayLike) -> Floats:
    return np.asarray(x, dtype=np.float64)


def matmul(a: ArrayLike, b: ArrayLike) -> Floats:
    """a @ b with numpy's shapes; of two vectors a 0-d number. ValueError where the shapes do not match.

    Row i of a matrix product is row i times the other matrix, to the bit, however many rows there are.
    """
    a, b = _array(a), _array(b)
    if a.ndim == 0 or b.ndim == 0:
        raise ValueError("matrix products are not of scalars")
    if a.ndim == 1 and b.ndim == 1:
        return np.float64(inner(a, b))  # type: ignore[return-value]
    left = a[None] if a.ndim == 1 else a
    right = b[:, None] if b.ndim == 1 else b
    if left.ndim == right.ndim == 2:
        product = np.zeros((left.shape[0], right.shape[1]))
        dense.multiply_add(left, right, product)
    elif right.ndim == 2:
        flat = left.reshape(-1, left.shape[-1]) if left.size else np.zeros((math.prod(left.shape[:-1]), left.shape[-1]))
        product = matmul(flat, right).reshape(*left.shape[:-1], right.shape[1])
    else:
        stack = np.broadcast_shapes(left.shape[:-2], right.shape[:-2])
        product = np.zeros((*stack, left.shape[-2], right.shape[-1]))
        left = np.broadcast_to(left, (*stack, *left.shape[-2:]))
        right = np.broadcast_to(right, (*stack, *right.shape[-2:]))
        for index in np.ndindex(*stack):
            dense.multiply_add(left[index], right[index], product[index])
    if b.ndim == 1:
        product = product[..., 0]
    return product[..., 0, :] if a.ndim == 1 else product


def inner(x: ArrayLike, y: ArrayLike) -> float:
    """x.y of two vectors, as `matmul`'s."""
    return dense.inner(np.ascontiguousarray(_array(x)), np.ascontiguousarray(_array(y)))


def gram(a: ArrayLike) -> Floats:
    """A'A, which is symmetric to the bit."""
    a = _array(a)
    return matmul(a.T, a)


@overload
def norm(x: ArrayLike, axis: None = None) -> float: ...
@overload
def norm(x: ArrayLike, axis: int) -> Floats: ...
def norm(x: ArrayLike, axis: int | None = None) -> float | Floats:
    """Euclidean length of all entries together, or along an axis; right too where squares would overflow or vanish."""
    x = _array(x)
    if axis is None:
        flat = np.ravel(x)
        square = dense.inner(flat, flat)
        if 1e-280 < square < 1e300:
            return math.sqrt(square)
        return float(norm(flat, axis=0))
    with np.errstate(over="ignore", under="ignore"):
        squares = np.sum(x * x, axis=axis)
        if np.all((squares > 1e-280) & (squares < 1e300)):
            return _as_floats(np.sqrt(squares))
        largest = np.max(np.abs(x), axis=axis, keepdims=True, initial=0.0)
        exponents = np.where(np.isfinite(largest), np.frexp(largest)[1], 0)
        lengths = np.sqrt(np.sum(np.square(np.ldexp(x, -exponents)), axis=axis))
        return _as_floats(np.ldexp(lengths, np.squeeze(exponents, axis)))


def cholesky(a: ArrayLike) -> Floats:
    """The lower triangular L with L L' = A, of which the lower triangle is read.

    ArithmeticError where A is not positive definite to rounding, or an entry of that triangle is not finite.
    """
    return np.ascontiguousarray(np.tril(_factor(a).T))


def solve_positive(a: ArrayLike, b: ArrayLike) -> Floats:
    """X with A X = b, A positive definite (the lower triangle is read), b a vector or columns; fails as `cholesky`."""
    r, b = _factor(a), _array(b)
    x = _columns(b)
    factors.solve_factored(r, x)
    return x.reshape(b.shape)


def _columns(b: Floats) -> Floats:
    """A copy with columns: a vector is one."""
    return np.array(b[:, None] if b.ndim == 1 else b, order="C")


def _factor(a: ArrayLike) -> Floats:
    """R with R'R = A in the upper triangle (in the lower one stands what A had above its diagonal)."""
    r = np.array(_array(a).T, order="C")
    if not factors.factor_positive(r):
        raise ArithmeticError("the matrix is not positive definite")
    return r


def solve(a: ArrayLike, b: ArrayLike) -> Floats:
    """X with A X = b, b a vector or columns; ArithmeticError where a pivot vanishes or is not a number."""
    b = _array(b)
    x = _columns(b)
    if not factors.solve_general(np.array(_array(a), order="C"), x):
        raise ArithmeticError("the matrix is singular")
    return x.reshape(b.shape)


def inverse(a: ArrayLike) -> Floats:
    """The inverse matrix; ArithmeticError as for `solve`."""
    return solve(a, np.eye(_array(a).shape[0]))


def qr(a: ArrayLike) -> tuple[Floats, Floats]:
    """Thin A = Q R of m x n: Q of m x min(m, n), R of min(m, n) x n. ArithmeticError where an entry is not finite."""
    a, exponent = _scaled(a)
    rows, columns = a.shape
    least = min(rows, columns)
    work = np.array(a.T[:least], order="C")
    taus, q = np.zeros(least), np.zeros((least, rows))
    factors.orthogonalize(work, taus, q)
    r = np.triu(work.T[:least])
    if columns > rows:
        r = np.hstack([r, matmul(q, a[:, rows:])])
    return q.T, _as_floats(np.ldexp(r, exponent))


def eigh(a: ArrayLike) -> tuple[Floats, Floats]:
    """Eigenvalues of a symmetric matrix, ascending, and unit eigenvectors in columns; the lower triangle is read.

    ArithmeticError where an entry is not finite.
    """
    work, exponent = _symmetric(a)
    values, rows = np.zeros(work.shape[0]), np.zeros(work.shape)
    if not spectra.eigen_system(work, values, rows):
        raise ArithmeticError("no eigenvalues were found")
    return _as_floats(np.ldexp(values, exponent)), rows.T


def eigvalsh(a: ArrayLike) -> Floats:
    """The eigenvalues alone, as `eigh`'s."""
    work, exponent = _symmetric(a)
    values = np.zeros(work.shape[0])
    if not spectra.eigen_system(work, values):
        raise ArithmeticError("no eigenvalues were found")
    return _as_floats(np.ldexp(values, exponent))


def _symmetric(a: ArrayLike) -> tuple[Floats, int]:
    """The lower triangle, mirrored, with entries of at most 1, and the power of two that was taken out."""
    lower = np.tril(_array(a))
    return _scaled(lower + np.tril(lower, -1).T)


def svd(a: ArrayLike) -> tuple[Floats, Floats, Floats]:
    """Thin factors A = U diag(s) Vt of m x n: U of m x min(m, n), s descending, Vt of min(m, n) x n.

    U and Vt are orthonormal whatever the rank. ArithmeticError where an entry is not finite.
    """
    a, exponent = _scaled(a)
    if a.shape[0] < a.shape[1]:
        left, sizes, right = _svd_of_tall(a.T)
        left, right = right.T, left.T
    else:
        left, sizes, right = _svd_of_tall(a)
    return left, _as_floats(np.ldexp(sizes, exponent)), right


def _svd_of_tall(a: Floats) -> tuple[Floats, Floats, Floats]:
    """A = Q R; rotations J make the rows of J R orthogonal: A = (Q J') (J R); these rows' lengths are the values."""
    q, r = qr(a)
    n = r.shape[0]
    rows, turns = np.array(r, order="C"), np.eye(n)
    spectra.jacobi(rows, turns)
    sizes = norm(rows, axis=1)
    sizes[sizes < 2.0**-480] = 0.0  # too short to have been turned: none, to rounding
    order = np.argsort(-sizes, kind="stable")
    sizes, rows, turns = sizes[order], rows[order], turns[order]
    for i in range(n):
        rows[i] = rows[i] / sizes[i] if sizes[i] > 0 else _another_direction(rows[:i])
    return matmul(q, turns.T), sizes, rows


def _another_direction(rows: Floats) -> Floats:
    """A unit vector orthogonal to fewer orthonormal rows than it has entries."""
    free = 1.0 - np.sum(rows * rows, axis=0)  # squared lengths of the unit vectors' parts outside
    direction = np.zeros(rows.shape[1])
    direction[int(np.argmax(free))] = 1.0
    for _ in range(2):  # twice is enough (Parlett, The Symmetric Eigenvalue Problem, section 6.9)
        direction = direction - matmul(matmul(rows, direction), rows)
        direction = direction / norm(direction)
    return direction


def least_squares(a: ArrayLike, b: ArrayLike, rcond: float | None = None) -> Floats:
    """The shortest of the X that minimize |A X - b|, b a vector or columns.

    Singular values of at most rcond times the largest count as zero (default: the machine epsilon times the larger
    dimension). ArithmeticError where an entry of A is not finite.
    """
    a, b = _array(a), _array(b)
    left, sizes, right = svd(a)
    kept = _above(sizes, EPSILON * max(a.shape) if rcond is None else rcond)
    along = matmul(left[:, :kept].T, b)
    return matmul(right[:kept].T, along / (sizes[:kept] if b.ndim == 1 else sizes[:kept, None]))


def pinv(a: ArrayLike, rcond: float = 1e-15, hermitian: bool = False) -> Floats:
    """The Moore-Penrose inverse; singular values of at most rcond times the largest count as zero.

    hermitian: A is symmetric, and its inverse will be so to the bit. ArithmeticError where an entry is not finite.
    """
    if hermitian:
        values, vectors = eigh(a)
        kept = np.abs(values) > rcond * np.max(np.abs(values), initial=0.0)
        half = vectors[:, kept] / np.sqrt(np.abs(values[kept]))
        return matmul(half * np.sign(values[kept]), half.T)
    left, sizes, right = svd(a)
    kept = _above(sizes, rcond)
    return matmul(right[:kept].T / sizes[:kept], left[:, :kept].T)


def matrix_rank(a: ArrayLike) -> int:
    """How many singular values exceed the largest times the machine epsilon times the larger dimension."""
    a = _array(a)
    return _above(svd(a)[1], EPSILON * max(a.shape))


def condition(a: ArrayLike) -> float:
    """The largest singular value over the smallest; infinite for a singular matrix."""
    sizes = svd(a)[1]
    return float(sizes[0] / sizes[-1]) if sizes[-1] > 0 else math.inf


def _above(sizes: Floats, share: float) -> int:
    """How many of the descending values exceed a share of the first."""
    return int(np.count_nonzero(sizes > share * sizes[0])) if sizes.size else 0


def _scaled(a: ArrayLike) -> tuple[Floats, int]:
    """The matrix with entries of at most 1 and of at least 1/2 somewhere, and the power of two that was taken out."""
    a = _array(a)
    largest = float(np.max(np.abs(a), initial=0.0))
    if not largest < math.inf:
        raise ArithmeticError("an entry of the matrix is not finite")
    exponent = math.frexp(largest)[1]
    return (_as_floats(np.ldexp(a, -exponent)) if largest > 0 else a), exponent


def _as_floats(x: Floats) -> Floats:
    """What numpy's ufuncs gave back, whose type they do not say."""
    return x
