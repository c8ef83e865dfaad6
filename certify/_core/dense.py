"""Dense linear algebra whose results do not depend on the processor (numpy's depend on the BLAS kernel that it picks)."""

import cython
import numpy as np


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def dot(n: cython.Py_ssize_t, x: cython.p_double, y: cython.p_double) -> cython.double:
    """x.y in order."""
    total: cython.double = 0.0
    i: cython.Py_ssize_t
    for i in range(n):
        total += x[i] * y[i]
    return total


def inner(x: cython.double[::1], y: cython.double[::1]) -> float:
    """x.y for vectors of one length."""
    if x.shape[0] != y.shape[0]:
        raise ValueError(f"vectors of {x.shape[0]} and {y.shape[0]} entries have no product")
    return dot(x.shape[0], cython.address(x[0]), cython.address(y[0])) if x.shape[0] else 0.0
