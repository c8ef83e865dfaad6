"""Monotone ascent of f = h+ - h- from a direction (docs/theory.md, section 9.6).

Linearise h+ at u, its slope z there, and maximise z.u - h-(u) over the unit ball exactly: the maximiser lies along the shortest
z - q with q in the zonotope of the b_j, found by the cutting planes of a cone's bound. Nothing that is proved rests on the result.
"""

import cython
import numpy as np
from cython.cimports.certify._core.dense import dot
from cython.cimports.certify._core.least import least_space, nonnegative_least_squares
from cython.cimports.certify._core.lists import masked_sum
from cython.cimports.libc.math import INFINITY, fabs, sqrt

_ACCURACY = cython.declare(cython.double, 1e-7)
_ENOUGH = cython.declare(cython.double, 0.3)  # of the rise that the linearisation promises: then it is worth a new one
_STEP = cython.declare(cython.Py_ssize_t, 4)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def slope_at(
    r: cython.Py_ssize_t,
    u: cython.p_double,
    stride: cython.Py_ssize_t,
    columns: cython.p_double,
    gates: cython.p_double,
    slope: cython.p_double,
) -> cython.double:
    """slope <- sum of the rows (columns of the array (r, stride)) with row.u > 0; returns slope.u = sum (row.u)_+."""
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    weight: cython.double
    column: cython.p_double
    for i in range(stride):
        gates[i] = u[0] * columns[i]
    for j in range(1, r):
        weight, column = u[j], columns + j * stride
        for i in range(stride):
            gates[i] += weight * column[i]
    for i in range(stride):
        gates[i] = 1.0 if gates[i] > 0.0 else 0.0
    for j in range(r):
        slope[j] = masked_sum(stride, gates, columns + j * stride)
    return dot(r, slope, u)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def shortest_difference(
    r: cython.Py_ssize_t,
    z: cython.p_double,
    atoms: cython.p_double,
    count: cython.Py_ssize_t,
    dual_scale: cython.p_double,
    columns: cython.p_double,
    x: cython.p_double,
    indices: cython.p_Py_ssize_t,
    size: cython.Py_ssize_t,
    most: cython.Py_ssize_t,
    space: cython.p_double,
    g: cython.p_double,
) -> cython.Py_ssize_t:
    """g <- the shortest z - q over the hull of the atoms, the last of which is new. Returns how many of them have weight."""
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    scale: cython.double = 0.0
    mass: cython.double = 0.0
    weight: cython.double
    heavy: cython.Py_ssize_t = r - 1 if dual_scale[r - 1] > 1.0 else -1
    for j in range(r):
        scale = max(scale, fabs(z[j] - atoms[j]))
    scale = 1.0 / scale if scale > 0.0 else 1.0
    for j in range(r):
        columns[(count - 1) * (r + 1) + j] = (z[j] - atoms[(count - 1) * r + j]) * dual_scale[j] * scale
    columns[(count - 1) * (r + 1) + r] = 1.0
    size = nonnegative_least_squares(r + 1, columns, count, x, heavy, indices, size, most, space)
    for i in range(count):
        mass += x[i]
    for j in range(r):
        g[j] = z[j]
    for i in range(count):
        weight = x[i] / mass
        for j in range(r):
            g[j] -= weight * atoms[i * r + j]
    return size


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def climb(
    r: cython.Py_ssize_t,
    u: cython.p_double,
    plus_stride: cython.Py_ssize_t,
    plus: cython.p_double,
    minus_stride: cython.Py_ssize_t,
    minus: cython.p_double,
    gates: cython.p_double,
    dual_scale: cython.p_double,
    steps: cython.Py_ssize_t,
    most: cython.Py_ssize_t,
    indices: cython.p_Py_ssize_t,
    memory: cython.p_double,
    where: cython.p_double,
) -> cython.double:
    """`ascend` on columns and in memory that is there; u (r,) is overwritten."""
    columns: cython.p_double = memory
    space: cython.p_double = columns + most * (r + 1)
    x: cython.p_double = space + least_space(most, r + 1)
    atoms: cython.p_double = x + most
    g: cython.p_double = atoms + (most + 1) * r
    z: cython.p_double = g + r
    z_here: cython.p_double = z + r
    q_best: cython.p_double = z_here + r
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    step: cython.Py_ssize_t
    count: cython.Py_ssize_t
    size: cython.Py_ssize_t
    best: cython.double
    before: cython.double
    length: cython.double = 0.0
    lost: cython.double
    reached: cython.double
    value: cython.double
    for j in range(r):
        length += (u[j] / dual_scale[j]) * (u[j] / dual_scale[j])
    length = sqrt(length)
    if not length > 0.0:
        for j in range(r):
            where[j] = u[j]
        return -INFINITY
    for j in range(r):
        u[j] /= length
        where[j] = u[j]
    best = slope_at(r, u, plus_stride, plus, gates, z_here) - slope_at(r, u, minus_stride, minus, gates, q_best)
    for step in range(steps):
        for j in range(r):
            z[j], atoms[j] = z_here[j], q_best[j]
        for i in range(most):
            x[i] = 0.0
        count, size, before = 1, 0, best
        while count < most:
            size = shortest_difference(r, z, atoms, count, dual_scale, columns, x, indices, size, most, space, g)
            length = 0.0
            for j in range(r):
                length += (g[j] * dual_scale[j]) * (g[j] * dual_scale[j])
            length = sqrt(length)
            if not length > 0.0:
                break
            for j in range(r):
                u[j] = g[j] * dual_scale[j] * dual_scale[j] / length
            lost = slope_at(r, u, minus_stride, minus, gates, atoms + count * r)
            reached = dot(r, z, u) - lost
            # h+ lies above its linearisation, so it is worth its price only where that comes close
            if reached > before - 0.5 * (length - before):
                value = slope_at(r, u, plus_stride, plus, gates, g) - lost
                if value > best + 1e-13 * fabs(value):
                    best = value
                    for j in range(r):
                        where[j], z_here[j], q_best[j] = u[j], g[j], atoms[count * r + j]
            if reached >= length * (1.0 - _ACCURACY) or best - before > _ENOUGH * (length - before):
                break
            count += 1
        if not best > before:
            break
    return best


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def transpose(
    count: cython.Py_ssize_t,
    r: cython.Py_ssize_t,
    rows: cython.p_double,
    stride: cython.Py_ssize_t,
    columns: cython.p_double,
) -> cython.void:
    """columns (r, stride) <- the rows (count, r), filled up with zeros."""
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    for i in range(count):
        for j in range(r):
            columns[j * stride + i] = rows[i * r + j]
    for j in range(r):
        for i in range(count, stride):
            columns[j * stride + i] = 0.0


@cython.final
@cython.cclass
class Ascents:
    """Ascents of f = h+ - h- for rows a_i, b_j (., r); dual_scale (r,)."""

    r: cython.Py_ssize_t
    most: cython.Py_ssize_t
    plus: cython.double[:, ::1]
    minus: cython.double[:, ::1]
    scale: cython.double[::1]
    gates: cython.double[::1]
    memory: cython.double[::1]
    indices: cython.Py_ssize_t[::1]

    def __init__(
        self, plus: cython.double[:, ::1], minus: cython.double[:, ::1], dual_scale: cython.double[::1]
    ) -> None:
        r: cython.Py_ssize_t = dual_scale.shape[0]
        if r == 0 or plus.shape[1] != r or minus.shape[1] != r:
            raise ValueError(f"rows of {plus.shape[1]} and {minus.shape[1]} entries in R^{r}")
        self.r, self.most = r, 3 * r + 8
        self.plus, self.minus = _columns(plus), _columns(minus)
        self.scale = np.array(dual_scale)
        self.gates = np.empty(max(self.plus.shape[1], self.minus.shape[1]))
        self.indices = np.empty(self.most, dtype=np.intp)
        self.memory = np.empty(
            self.most * (r + 1) + least_space(self.most, r + 1) + self.most + (self.most + 1) * r + 4 * r
        )

    def ascend(self, start: cython.double[::1], steps: int):
        """A vector of size 1 and f there, at least f at the start (r,): at most `steps` linearisations of h+."""
        if start.shape[0] != self.r:
            raise ValueError(f"a start of {start.shape[0]} entries in R^{self.r}")
        u: cython.double[::1] = np.array(start)
        where = np.empty(self.r)
        where_at: cython.double[::1] = where
        many: cython.Py_ssize_t = steps
        best: cython.double
        with cython.nogil:
            best = climb(
                self.r, cython.address(u[0]), self.plus.shape[1], cython.address(self.plus[0, 0]), self.minus.shape[1],
                cython.address(self.minus[0, 0]), cython.address(self.gates[0]), cython.address(self.scale[0]), many,
                self.most, cython.address(self.indices[0]), cython.address(self.memory[0]), cython.address(where_at[0]),
            )  # fmt: skip
        return where, best

    def ascend_all(self, starts: cython.double[:, ::1], steps: int):
        """`ascend` from each of the starts (s, r): the vectors (s, r) and values (s,), without the interpreter in between."""
        count: cython.Py_ssize_t = starts.shape[0]
        if starts.shape[1] != self.r:
            raise ValueError(f"starts of {starts.shape[1]} entries in R^{self.r}")
        ends, values = np.empty((count, self.r)), np.empty(count)
        if count == 0:
            return ends, values
        u: cython.double[:, ::1] = np.array(starts)
        where: cython.double[:, ::1] = ends
        best: cython.double[::1] = values
        many: cython.Py_ssize_t = steps
        k: cython.Py_ssize_t
        with cython.nogil:
            for k in range(count):
                best[k] = climb(
                    self.r, cython.address(u[k, 0]), self.plus.shape[1], cython.address(self.plus[0, 0]),
                    self.minus.shape[1], cython.address(self.minus[0, 0]), cython.address(self.gates[0]),
                    cython.address(self.scale[0]), many, self.most, cython.address(self.indices[0]),
                    cython.address(self.memory[0]), cython.address(where[k, 0]),
                )  # fmt: skip
        return ends, values


@cython.cfunc
def _columns(rows: cython.double[:, ::1]):
    """The rows as columns of an array, at least one step of them."""
    count: cython.Py_ssize_t = rows.shape[0]
    r: cython.Py_ssize_t = rows.shape[1]
    stride: cython.Py_ssize_t = max(1, (count + _STEP - 1) // _STEP) * _STEP
    columns = np.empty((r, stride))
    out: cython.double[:, ::1] = columns
    transpose(count, r, cython.address(rows[0, 0]) if count > 0 else cython.NULL, stride, cython.address(out[0, 0]))
    return columns
