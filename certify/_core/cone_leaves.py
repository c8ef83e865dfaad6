"""Hints for the leaves of a proof by cones: a z and a q whose inequalities hold with room for rounding.

    z . v_k >= h+(v_k) + g . v_k - q . v_k  for all k,     size(z) <= level          (docs/certificate.md, section 4)

q is a mean of subgradients of h- at short points that leaves share. z is the interpolation less one such subgradient where that is
short enough, else the shortest one by cutting planes; what rounding may take from an inequality is given back along the cone's walls.
Nothing here is trusted.
"""

import cython
import numpy as np
from cython.cimports.certify._core.dense import dot
from cython.cimports.certify._core.factors import eliminate
from cython.cimports.certify._core.least import majorant_space, shortest_majorant
from cython.cimports.certify._core.proof_generators import ProofGenerators
from cython.cimports.certify._core.proof_points import ProofPoints, shifted
from cython.cimports.libc.math import INFINITY, fabs, rint, sqrt
from cython.cimports.libc.stdlib import free, malloc
from cython.cimports.libc.string import memcpy

_UNIT = cython.declare(cython.double, 2.0**-53)
_Z_UNIT = cython.declare(cython.double, 2.0**-44)
_COARSE = cython.declare(cython.double, 2.0**12)  # coarse weights are shorter to write, and mostly good enough
_FINE = cython.declare(cython.double, 2.0**48)
_KEPT = cython.declare(cython.Py_ssize_t, 4)  # points that the leaves before used, times r: few are cheaper to check
_BEYOND = cython.declare(cython.double, 1e-13)
# the checker's fast scan makes h+ larger by this share (docs/certificate.md, section 4), and by an error that grows with the depth
_FAST_SHARE = cython.declare(cython.double, 1.25 * 2.0**-40)
_FAST_NOISE = cython.declare(cython.Py_ssize_t, 16)
_NOISE = cython.declare(cython.Py_ssize_t, 8)  # units that h+ and q err by, relative to all that they sum

Z_BITS = 44


@cython.cclass
class ConeLeaves:
    """Seeks the leaf of one cone after another; points that the last ones used are tried first on the next.

    dual_scale (r,): |dual_scale z| <= level implies size(z) <= level. reach: |t_b| <= reach |tau| for a free bias, which is then the
    last coordinate; below 0 where there is none. own, other: the last entry of z, and the others, are written times 2 to these.
    """

    def __init__(self, generators: ProofGenerators, points: ProofPoints, dual_scale, level, reach, own, other):
        r: cython.Py_ssize_t = generators.r
        self.r, self.Q, self.kept = r, points.Q, _KEPT * r
        self.most = self.kept + r + 8
        many: cython.Py_ssize_t = self.most + 1
        self.generators, self.points, self.minus = generators, points, points.minus
        self.scale, self.level, self.reach, self.own, self.other = dual_scale, level, reach, own, other
        self.linear = generators.linear
        self.mass = float(np.sum(np.abs(generators.plus)) + np.sum(np.abs(points.minus)) + 1.0)
        self.mass += float(np.sum(np.abs(generators.linear)))
        numbers: cython.Py_ssize_t = 2 * r * r + 9 * r + many * (r + 3) + majorant_space(r, r + many) + r
        self.space = cython.cast(cython.p_double, malloc(numbers * cython.sizeof(cython.double)))
        self.indices = cython.cast(
            cython.p_Py_ssize_t, malloc((2 * r + 3 * many + 2 * self.kept) * cython.sizeof(cython.Py_ssize_t))
        )
        if self.space == cython.NULL or self.indices == cython.NULL:
            raise MemoryError
        self.V = self.space
        self.walls = self.V + r * r
        self.h = self.walls + r * r
        self.slack = self.h + r
        self.room = self.slack + r
        self.p = self.room + r
        self.z = self.p + r
        self.q = self.z + r
        self.alpha = self.q + r
        self.u = self.alpha + r
        self.units = self.u + r
        self.atoms = self.units + r
        self.weights = self.atoms + many * r
        self.shares = self.weights + r + many
        self.least = self.shares + many
        self.which = self.indices + 2 * (r + many)
        self.last = self.which + many
        self.last_size = 0

    def __dealloc__(self):
        free(self.space)
        free(self.indices)

    @cython.cfunc
    def _enter(self, cone: tuple):
        """Take up a cone: its generators, heights, walls, and the interpolation p of h+ + g."""
        r: cython.Py_ssize_t = self.r
        k: cython.Py_ssize_t
        i: cython.Py_ssize_t
        number: cython.Py_ssize_t
        size: cython.double
        for k in range(r):
            number = cone[k]
            size = 0.0
            for i in range(r):
                self.V[k * r + i] = self.generators.vectors[number * r + i]
                size += fabs(self.V[k * r + i])
            self.h[k] = self.generators.heights[number]
            self.slack[k] = ((_NOISE + self.generators.roundings[number]) * _UNIT * self.mass + _Z_UNIT) * size
            self.room[k] = self.h[k] - dot(r, cython.address(self.linear[0]), self.V + k * r)
            self.room[k] = _FAST_SHARE * max(self.room[k], 0.0)
            self.room[k] += (_FAST_NOISE * (1 + self.generators.roundings[number]) + r) * _UNIT * self.mass * size
            self.alpha[k] = 1.0
        # V X = 1 is solved for the inverse; the walls are its columns
        for k in range(r):
            for i in range(r):
                self.walls[k * r + i] = 1.0 if i == k else 0.0
        for k in range(r):
            for i in range(r):
                self.atoms[k * r + i] = self.V[k * r + i]
        if not eliminate(r, self.atoms, r, r, self.walls, r):
            raise ArithmeticError("a cone became flat")
        for k in range(r):
            for i in range(k):
                self.walls[k * r + i], self.walls[i * r + k] = self.walls[i * r + k], self.walls[k * r + i]
        for i in range(r):
            self.p[i] = 0.0
            for k in range(r):
                self.p[i] += self.h[k] * self.walls[k * r + i]
            if not fabs(self.p[i]) < INFINITY:
                raise ArithmeticError("a cone became flat")

    @cython.cfunc
    def attempt(self, cone: tuple) -> list:
        """The cone's leaf as the certificate has it; None where it has to be split, `alpha` then being where the relaxation is largest.

        Raises ArithmeticError where there is no proof, with the reason.
        """
        r: cython.Py_ssize_t = self.r
        k: cython.Py_ssize_t
        i: cython.Py_ssize_t
        count: cython.Py_ssize_t
        point: cython.Py_ssize_t
        interpolated: cython.double
        self._enter(cone)
        count = self.last_size
        for k in range(count):
            self.which[k] = self.last[k]
        untried: cython.bint = count > 0  # the cone's middle
        if not untried:
            self.which[0] = self._middle()
            count = 1
        leaf: list = self._by_one_point(count)
        if leaf is not None:
            return leaf
        for k in range(r + self.most + 1):
            self.weights[k] = 0.0
        while count <= self.most:
            for k in range(count):
                memcpy(self.atoms + k * r, self.points.slopes + self.which[k] * r, r * cython.sizeof(cython.double))
            shortest_majorant(
                r, self.p, self.atoms, count, self.walls, r, cython.address(self.scale[0]), self.weights, self.z, self.q,
                self.indices, self.least,
            )  # fmt: skip
            for k in range(count):
                self.shares[k] = self.weights[r + k]
            leaf = self._rounded(count)
            if leaf is not None:
                return leaf
            interpolated = 0.0
            for k in range(r):
                self.alpha[k] = 0.0
                for i in range(r):
                    self.alpha[k] += self.walls[k * r + i] * self.z[i] * self.scale[i] * self.scale[i]
                self.alpha[k] = max(self.alpha[k], 0.0)
                interpolated += self.alpha[k] * self.h[k]
            if not self._direction() or self._hopeless(interpolated):
                return None
            point = self.points.number(self.u)
            if self._among(point, count):
                point = self._middle()
                if not untried or self._among(point, count):
                    return None
                untried = False
            self.which[count] = point
            count += 1
        return None

    @cython.cfunc
    def _middle(self) -> cython.Py_ssize_t:
        """The number of the point nearest to the sum of the generators."""
        i: cython.Py_ssize_t
        k: cython.Py_ssize_t
        for i in range(self.r):
            self.u[i] = 0.0
            for k in range(self.r):
                self.u[i] += self.V[k * self.r + i]
        return self.points.number(self.u)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _among(self, point: cython.Py_ssize_t, count: cython.Py_ssize_t) -> cython.bint:
        """Whether a point is one of those at hand."""
        k: cython.Py_ssize_t
        for k in range(count):
            if self.which[k] == point:
                return True
        return False

    @cython.cfunc
    def _direction(self) -> cython.bint:
        """u <- sum alpha_k v_k; whether it is one."""
        i: cython.Py_ssize_t
        k: cython.Py_ssize_t
        largest: cython.double = 0.0
        finite: cython.bint = True
        for i in range(self.r):
            self.u[i] = 0.0
            for k in range(self.r):
                self.u[i] += self.alpha[k] * self.V[k * self.r + i]
            largest = max(largest, fabs(self.u[i]))
            finite = finite and fabs(self.u[i]) < INFINITY
        return finite and largest > 0.0

    @cython.cfunc
    def _hopeless(self, interpolated: cython.double) -> cython.bint:
        """Whether the relaxation is above the level at u whatever q is. Raises ArithmeticError where the gain itself is."""
        r: cython.Py_ssize_t = self.r
        j: cython.Py_ssize_t
        value: cython.double
        down: cython.double = 0.0
        size: cython.double = 0.0
        length: cython.double = 0.0
        for j in range(self.Q):
            value = dot(r, cython.address(self.minus[j, 0]), self.u)
            down += value if value > 0.0 else 0.0
        for j in range(r):
            size += (self.u[j] / self.scale[j]) * (self.u[j] / self.scale[j])
            length += 0.0 if self.reach >= 0.0 and j == r - 1 else self.u[j] * self.u[j]
        size, length = sqrt(size), sqrt(length)
        if length > 0.0 and not (self.reach >= 0.0 and fabs(self.u[r - 1]) > length * self.reach):
            value = (self.generators.height(self.u) - down) / length
            if value > self.level * (1.0 + _BEYOND) + 32.0 * _UNIT * self.mass:
                raise ArithmeticError("a direction above the limit was met")
        return interpolated - down > self.level * size * (1.0 + 1e-9)

    @cython.cfunc
    def _by_one_point(self, count: cython.Py_ssize_t) -> list:
        """The leaf with the interpolation less one subgradient for z, where that is short enough: no search at all."""
        r: cython.Py_ssize_t = self.r
        k: cython.Py_ssize_t
        i: cython.Py_ssize_t
        best: cython.Py_ssize_t = 0
        square: cython.double
        least: cython.double = INFINITY
        slope: cython.p_double
        for k in range(count):
            slope = self.points.slopes + self.which[k] * r
            square = 0.0
            for i in range(r):
                square += ((self.p[i] - slope[i]) * self.scale[i]) * ((self.p[i] - slope[i]) * self.scale[i])
            if square < least:
                least, best = square, k
            self.shares[k] = 0.0
        self.shares[best] = 1.0
        slope = self.points.slopes + self.which[best] * r
        for i in range(r):
            self.z[i] = self.p[i] - slope[i]
        return self._rounded(count)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _size(self, z: cython.p_double) -> cython.double:
        """|z_tau| + reach |z_b|, rounded up."""
        i: cython.Py_ssize_t
        square: cython.double = 0.0
        bias: cython.double = 0.0
        for i in range(self.r):
            if self.reach >= 0.0 and i == self.r - 1:
                bias = fabs(z[i]) * self.reach
            else:
                square += z[i] * z[i]
        return (sqrt(square) + bias) * (1.0 + 1e-15)

    @cython.cfunc
    def _rounded(self, count: cython.Py_ssize_t) -> list:
        """The leaf with z and the shares of the points rounded, if it holds with room for rounding.

        With more room than that, if there is any, so that the checker's fast scan accepts it: the exact one takes twice the time.
        """
        r: cython.Py_ssize_t = self.r
        k: cython.Py_ssize_t
        i: cython.Py_ssize_t
        steps: cython.Py_ssize_t
        share: cython.double
        total: cython.double = 0.0
        counted: cython.double
        missing: cython.double
        grid: cython.double
        fits: cython.bint
        if not self._size(self.z) <= self.level:
            return None
        for k in range(count):
            total += self.shares[k]
        if not 0.0 < total < INFINITY:
            for k in range(count):
                self.shares[k] = 0.0
            self.shares[count - 1], total = 1.0, 1.0
        counts: cython.p_double = self.atoms  # its first numbers, which the next call of the solver writes anew
        for steps in range(4):
            grid = _FINE if steps % 2 else _COARSE
            share = 0.0 if steps >= 2 else 1.0
            counted = 0.0
            for i in range(r):
                self.q[i] = 0.0
            for k in range(count):
                counts[k] = rint(self.shares[k] / total * grid)
                counted += counts[k]
            for k in range(count):
                if counts[k] > 0.0:
                    for i in range(r):
                        self.q[i] += counts[k] / counted * self.points.slopes[self.which[k] * r + i]
            for i in range(r):
                self.units[i] = self.z[i]
            for k in range(r):
                missing = self.h[k] + share * self.room[k] + self.slack[k]
                for i in range(r):
                    missing -= self.V[k * r + i] * (self.q[i] + self.z[i])
                if missing > 0.0:
                    for i in range(r):
                        self.units[i] += missing * self.walls[k * r + i]
            fits = counted > 0.0
            for i in range(r):
                self.units[i] = rint(self.units[i] / _Z_UNIT) * _Z_UNIT
                fits = fits and fabs(self.units[i]) < 2.0
            for k in range(r):
                missing = self.h[k] + share * self.room[k] + 0.25 * self.slack[k]
                for i in range(r):
                    missing -= self.V[k * r + i] * (self.q[i] + self.units[i])
                fits = fits and missing <= 0.0
            if fits and self._size(self.units) <= self.level * (1.0 - 4.0 * _UNIT):
                return self._written(count, counts)
        return None

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _keep(self, count: cython.Py_ssize_t, counts: cython.p_double) -> cython.void:
        """last <- the points of this leaf, before those of the ones before it, as many as are kept."""
        k: cython.Py_ssize_t
        j: cython.Py_ssize_t
        size: cython.Py_ssize_t = 0
        older: cython.p_Py_ssize_t = self.last + self.kept
        for k in range(self.last_size):
            older[k] = self.last[k]
        for k in range(count):
            if counts[k] > 0.0 and size < self.kept:
                self.last[size] = self.which[k]
                size += 1
        for k in range(self.last_size):
            for j in range(size):
                if self.last[j] == older[k]:
                    break
            else:
                if size < self.kept:
                    self.last[size] = older[k]
                    size += 1
        self.last_size = size

    @cython.cfunc
    def _written(self, count: cython.Py_ssize_t, counts: cython.p_double) -> list:
        """z and the points that count, as integers."""
        k: cython.Py_ssize_t
        steps: list = []
        gates: list = []
        for k in range(self.r):
            steps.append(cython.cast(cython.longlong, self.units[k] / _Z_UNIT))
        for k in range(count):
            if counts[k] > 0.0:
                gates.append(self.which[k])
                gates.append(cython.cast(cython.longlong, counts[k]))
        self._keep(count, counts)
        return [shifted(steps, self.own, self.other), gates]
