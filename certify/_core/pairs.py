"""Engine C for k outputs: pairs of a cone of u and a cone of v, bounded (docs/theory.md, section 9.7).

A pair is one row of numbers, in this order:

    V (r, r)           generators of u, floats near the exact ones          E (k, k)    generators of v, exact
    numbers (k, 6, r)  for each e, those of a cone for f_e (`cones_bound.py`), all rows unsettled
    bounds (k,)        on f_e over unit u of the cone, inf where not known
    losses (k,)        what they exceed the value met by, per |e|           edges (k,)  the edge of V that loses it, a r + b

All that a bound rests on is `ConeBound.bound`, `bound_by` and the count of roundings below. Every f_e is bounded to convergence: a
bound that was cut short would not say which edge loses.
"""

import cython
import numpy as np
from cython.cimports.certify._core.cones_bound import ConeBound
from cython.cimports.certify._core.cones_edge import choose_edge
from cython.cimports.certify._core.dense import dot
from cython.cimports.certify._core.factors import eliminate
from cython.cimports.certify._core.least import majorant_space, shortest_majorant
from cython.cimports.certify._core.lists import Lists
from cython.cimports.certify._core.trusted import bound_by, depth_of_cone
from cython.cimports.libc.math import INFINITY, fabs, sqrt
from cython.cimports.libc.stdlib import calloc, free
from cython.cimports.libc.string import memcpy

_SLOP = cython.declare(cython.double, 1.0 + 1e-9)


@cython.final
@cython.cclass
class PairBounds:
    """Work space for pairs of one problem: rows (n, r), nu (n, k). mass: sum of |nu_i||z_i|, rounded up; mixing: as for one output.

    at_v (r, n): the rows' values at the generators of u; weights (n,): nu e. After `bound`, value is the largest gain met, at
    `where` (r,), or 0 where none was.
    """

    def __cinit__(
        self,
        rows: cython.double[:, ::1],
        nu: cython.double[:, ::1],
        dual_scale: cython.double[::1],
        radius: cython.double,
        mass: cython.double,
        mixing: cython.double,
    ) -> None:
        n: cython.Py_ssize_t = rows.shape[0]
        r: cython.Py_ssize_t = rows.shape[1]
        k: cython.Py_ssize_t = nu.shape[1]
        if nu.shape[0] != n or dual_scale.shape[0] != r or n == 0 or r == 0 or k == 0:
            raise ValueError(f"{n} rows in R^{r}, {nu.shape[0]} weights for {k} outputs, {dual_scale.shape[0]} scales")
        self.n, self.r, self.k, self.mass, self.mixing = n, r, k, mass, mixing
        self.size = r * r + k * k + 6 * r * k + 3 * k
        self.rows, self.nu, self.scale = rows, nu, dual_scale
        self.work = ConeBound(dual_scale, radius, mass)
        largest: cython.Py_ssize_t = max(r, k)
        count: cython.Py_ssize_t = r * n + n + 2 * largest * largest + 2 * r + k + 8 * k + 2 + majorant_space(k, k + 1)
        self.memory = cython.cast(cython.p_double, calloc(count, cython.sizeof(cython.double)))
        self.indices = cython.cast(cython.p_Py_ssize_t, calloc(k + 1, cython.sizeof(cython.Py_ssize_t)))
        if not (self.memory and self.indices):
            raise MemoryError
        self.at_v = self.memory
        self.weights = self.at_v + r * n
        self.matrix = self.weights + n
        self.walls = self.matrix + largest * largest
        self.u = self.walls + largest * largest
        self.where = self.u + r
        self.gains = self.where + r
        self.joint = self.gains + k
        nothing = np.zeros((r, r))
        self.plus, self.minus = Lists(r, 1), Lists(r, 1)
        self.plus.fill(rows, nothing)  # room for all rows; each output fills it anew
        self.minus.fill(rows, nothing)

    def __dealloc__(self) -> None:
        free(self.memory)
        free(self.indices)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def inverse(self, size: cython.Py_ssize_t, v: cython.p_double) -> cython.bint:
        """walls (size, size) <- the rows w_k with w_k . v_j = 1 if j = k else 0; False where there are none."""
        i: cython.Py_ssize_t
        j: cython.Py_ssize_t
        for i in range(size):
            for j in range(size):
                self.matrix[i * size + j] = v[i * size + j]
                self.walls[i * size + j] = 1.0 if i == j else 0.0
        if not eliminate(size, self.matrix, size, size, self.walls, size):
            return False
        for i in range(size):
            for j in range(i):
                self.walls[i * size + j], self.walls[j * size + i] = self.walls[j * size + i], self.walls[i * size + j]
        return True

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def evaluate(self, v: cython.p_double) -> cython.void:
        """The rows' values at the generators of u."""
        i: cython.Py_ssize_t
        j: cython.Py_ssize_t
        for j in range(self.r):
            for i in range(self.n):
                self.at_v[j * self.n + i] = dot(self.r, cython.address(self.rows[i, 0]), v + j * self.r)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def weigh(self, e: cython.p_double) -> cython.void:
        """weights <- nu e, in order: an error of gamma(k) |nu_i||e| for each sample."""
        i: cython.Py_ssize_t
        for i in range(self.n):
            self.weights[i] = dot(self.k, cython.address(self.nu[i, 0]), e)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def sort_rows(self, gains: cython.p_double) -> cython.void:
        """Fill the lists of f_e, a weighted row where its weight is positive or negative; gains (r,) <- h+ at the generators."""
        i: cython.Py_ssize_t
        j: cython.Py_ssize_t
        r: cython.Py_ssize_t = self.r
        raised: cython.Py_ssize_t
        lowered: cython.Py_ssize_t
        total: cython.double
        entry: cython.double
        weight: cython.double
        up: cython.p_double
        down: cython.p_double
        finite: cython.bint = True
        raised, lowered = 0, 0
        for i in range(self.n):
            raised += self.weights[i] > 0.0
            lowered += self.weights[i] < 0.0
        self.plus.shrink(raised)
        self.minus.shrink(lowered)
        for j in range(r):
            up, down, total = self.plus.column(0, j), self.minus.column(0, j), 0.0
            raised, lowered = 0, 0
            for i in range(self.n):
                weight = self.weights[i]
                entry = fabs(weight) * self.at_v[j * self.n + i]
                finite &= fabs(entry) < INFINITY
                if weight > 0.0:
                    up[raised] = entry
                    raised += 1
                    total += entry if entry > 0.0 else 0.0
                elif weight < 0.0:
                    down[lowered] = entry
                    lowered += 1
            gains[j] = total
        self.plus.finite, self.minus.finite = finite, finite

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def gain_at(self, alpha: cython.p_double, v: cython.p_double) -> cython.void:
        """Note the gain |nu'(Z u)_+| / size at u = sum alpha_k v_k, if it is the largest."""
        i: cython.Py_ssize_t
        j: cython.Py_ssize_t
        size: cython.double = 0.0
        value: cython.double
        for j in range(self.r):
            self.u[j] = 0.0
            for i in range(self.r):
                self.u[j] += alpha[i] * v[i * self.r + j]
            size += (self.u[j] / self.scale[j]) * (self.u[j] / self.scale[j])
        for j in range(self.k):
            self.gains[j] = 0.0
        for i in range(self.n):
            value = dot(self.r, cython.address(self.rows[i, 0]), self.u)
            if value > 0.0:
                for j in range(self.k):
                    self.gains[j] += value * self.nu[i, j]
        size = sqrt(size)
        value = sqrt(dot(self.k, self.gains, self.gains)) / (size if size > 1e-300 else 1e-300)
        if value > self.value:
            self.value = value
            memcpy(self.where, self.u, self.r * cython.sizeof(cython.double))

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def bound(self, pair: cython.p_double) -> cython.double:
        """Bound f_e for every generator of v where that is not known, and the gain on the pair."""
        r: cython.Py_ssize_t = self.r
        k: cython.Py_ssize_t = self.k
        l: cython.Py_ssize_t
        j: cython.Py_ssize_t
        e: cython.p_double = pair + r * r
        numbers: cython.p_double = e + k * k
        bounds: cython.p_double = numbers + 6 * r * k
        losses: cython.p_double = bounds + k
        edges: cython.p_double = losses + k
        own: cython.p_double
        size: cython.double
        met: cython.double
        self.value = 0.0
        if not self.inverse(r, pair):
            return INFINITY
        self.evaluate(pair)
        for l in range(k):
            if bounds[l] < INFINITY:
                continue
            own = numbers + 6 * r * l
            self.weigh(e + l * k)
            self.sort_rows(own + r)
            size = sqrt(dot(k, e + l * k, e + l * k)) * _SLOP
            self.work.mass = size * self.mass
            bounds[l] = self.work.bound(pair, self.walls, own, self.plus, 0, self.minus, 0, -1, -INFINITY, INFINITY)
            for j in range(r):
                own[4 * r + j] = self.work.slopes[j]
                own[5 * r + j] += self.mixing
            met = self.work.value
            losses[l] = (bounds[l] - (met if met > 0.0 else 0.0)) / size
            edges[l] = choose_edge(r, pair, self.work.alpha, self.plus, 0)
            self.gain_at(self.work.alpha, pair)
        return self.joint_bound(e, bounds)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def joint_bound(self, e: cython.p_double, bounds: cython.p_double) -> cython.double:
        """Least |g| with g . e_l >= b_l, proved; inf where a b_l is not known."""
        k: cython.Py_ssize_t = self.k
        i: cython.Py_ssize_t
        l: cython.Py_ssize_t
        levels: cython.p_double = self.joint
        lengths: cython.p_double = levels + k
        p: cython.p_double = lengths + k
        zero: cython.p_double = p + k
        ones: cython.p_double = zero + k
        g: cython.p_double = ones + k
        q: cython.p_double = g + k
        weights: cython.p_double = q + k
        space: cython.p_double = weights + k + 1
        if not self.inverse(k, e):
            return INFINITY
        for l in range(k):
            if not bounds[l] < INFINITY:
                return INFINITY
            levels[l] = bounds[l] if bounds[l] > 0.0 else 0.0
            lengths[l] = sqrt(dot(k, e + l * k, e + l * k))
            p[l], zero[l], ones[l], weights[l] = 0.0, 0.0, 1.0, 0.0
        weights[k] = 0.0
        for l in range(k):
            for i in range(k):
                p[i] += levels[l] * self.walls[l * k + i]
        shortest_majorant(k, p, zero, 1, self.walls, k, ones, weights, g, q, self.indices, space)
        return bound_by(
            k, g, e, lengths, levels, zero, zero, 0.0, depth_of_cone(k, e, self.walls, lengths, q), ones, 1.0
        )

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def first_slope(self, pair: cython.p_double, l: cython.Py_ssize_t) -> cython.void:
        """A first slope for f_e, e the generator l of v: half of all rows that count against it."""
        r: cython.Py_ssize_t = self.r
        i: cython.Py_ssize_t
        j: cython.Py_ssize_t
        slopes: cython.p_double = pair + r * r + self.k * self.k + 6 * r * l + 4 * r
        self.weigh(pair + r * r + l * self.k)
        for j in range(r):
            self.u[j] = 0.0
        for i in range(self.n):
            if self.weights[i] < 0.0:
                for j in range(r):
                    self.u[j] -= 0.5 * self.weights[i] * self.rows[i, j]
        for j in range(r):
            slopes[j] = dot(r, pair + j * r, self.u)
