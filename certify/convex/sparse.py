"""Compressed sparse columns, with just the attributes that Clarabel reads: importing scipy.sparse takes a third of a
second, which is more than a small program takes to be solved."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from certify.arrays import Floats, Indices


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """A matrix of the given shape; column j holds data[k] in row indices[k] for k in indptr[j] .. indptr[j + 1] - 1."""

    shape: tuple[int, int]
    indptr: Indices
    indices: Indices
    data: Floats
    has_sorted_indices: bool = True
    has_canonical_format: bool = True
    format: str = "csc"

    @property
    def nnz(self) -> int:
        """Number of entries stored."""
        return self.data.size

    def times(self, x: Floats) -> Floats:
        """The product with x (columns,): (rows,)."""
        columns = np.repeat(np.arange(self.shape[1]), np.diff(self.indptr))
        return np.bincount(self.indices, self.data * x[columns], self.shape[0]).astype(np.float64)


def from_entries(rows: Indices, columns: Indices, values: Floats, shape: tuple[int, int]) -> Columns:
    """From the entries (row, column, value), each (e,), no place twice."""
    order = np.lexsort((rows, columns))
    indptr = np.concatenate([[0], np.cumsum(np.bincount(columns, minlength=shape[1]))])
    return Columns(shape, indptr, rows[order], values[order].astype(float))


def upper_triangle(matrix: Floats, size: int) -> Columns:
    """The upper triangle of a symmetric matrix, in the top left corner of a (size, size) matrix."""
    columns, rows = np.tril_indices(matrix.shape[0])
    return from_entries(rows, columns, matrix[rows, columns], (size, size))
