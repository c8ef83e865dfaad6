"""The benchmarks' data: generated from seeds, or real (scikit-learn's), standardised; the same bits on every processor."""

from __future__ import annotations

import numpy as np

from certify.linear import matmul, svd

REAL = ("iris", "diabetes", "wine", "breast_cancer")
_NOISE = 0.1


def gaussian(n: int, d: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Gaussian rows (n, d) and a gaussian dual vector (n,)."""
    rng = np.random.default_rng([seed, n, d])
    return rng.standard_normal((n, d)), rng.standard_normal(n)


def teacher(n: int, d: int, neurons: int = 5, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Gaussian rows (n, d) and targets (n,): a random network of that many neurons, plus a tenth of noise."""
    rng = np.random.default_rng([seed, n, d])
    X, u, a = rng.standard_normal((n, d)), rng.standard_normal((neurons, d)), rng.standard_normal(neurons)
    clean = matmul(np.maximum(matmul(X, u.T), 0), a)
    return X, clean + _NOISE * clean.std() * rng.standard_normal(n)


def real(name: str, components: int | None = None, bias: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """One of REAL: columns and target (class index) of mean 0 and variance 1; `bias` appends a column of ones.

    components: that many principal components instead of the columns, scaled together to mean variance 1. Raises
    ModuleNotFoundError where scikit-learn is not installed.
    """
    from sklearn import datasets

    X, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    X, y = (X - X.mean(axis=0)) / X.std(axis=0), (y - y.mean()) / y.std()
    if components is not None:
        X = matmul(X, svd(X)[2][:components].T)
        X = X / X.std()
    return (np.column_stack([X, np.ones(len(X))]) if bias else X), y
