"""The nodes of a proof by cones: exact splits, and for each leaf a z and a q whose inequalities hold with room for rounding.

    z . v_k >= h+(v_k) - q . v_k  for all k,     size(z) <= level          (docs/certificate.md, section 4)

q is a mean of subgradients of h- at short points that leaves share. z is the interpolation less one such subgradient where that is
short enough, else the shortest one by cutting planes; what rounding may take from an inequality is given back along the cone's walls.
The search's tree is a suggestion: a leaf that it does not prove is split further. Nothing here is trusted.
"""

from fractions import Fraction
from math import gcd

import cython
import numpy as np
from cython.cimports.certify._core.dense import dot
from cython.cimports.certify._core.factors import eliminate
from cython.cimports.certify._core.least import majorant_space, shortest_majorant
from cython.cimports.certify._core.trusted import split_factor
from cython.cimports.libc.math import INFINITY, fabs, frexp, ldexp, rint, sqrt
from cython.cimports.libc.stdlib import free, malloc, realloc
from cython.cimports.libc.string import memcpy

from certify._core.cones_edge import edge_to_split

_UNIT = cython.declare(cython.double, 2.0**-53)
_Z_UNIT = cython.declare(cython.double, 2.0**-44)
_POINT_SCALE = cython.declare(cython.double, 2.0**20)
_COARSE = cython.declare(cython.double, 2.0**12)  # coarse weights are shorter to write, and mostly good enough
_FINE = cython.declare(cython.double, 2.0**48)
_BEYOND = cython.declare(cython.double, 1e-13)
_DOUBT = cython.declare(cython.double, 64.0 * 2.0**-53)
_NOISE = cython.declare(cython.Py_ssize_t, 8)  # units that h+ and q err by, relative to all that they sum
_LONGEST = cython.declare(cython.Py_ssize_t, 850)  # bits of a generator's integers
_LARGEST = cython.declare(cython.longlong, 2**62)
_FACTOR_BITS = cython.declare(cython.Py_ssize_t, 40)  # of the factors of a middle; the checker reads 64

Z_BITS = 44


@cython.cclass
class ConeProofs:
    """One sign's nodes so far. Raises ArithmeticError where there is no proof, with the reason.

    plus (P, r), minus (Q, r): the hinges in units in which `level` is of order 1; lowering (Q, r): minus without its weights.
    dual_scale (r,): |dual_scale z| <= level implies size(z) <= level. reach: |t_b| <= reach |tau| for a free bias, which is then
    the last coordinate, in units of 2^places; below 0 where there is none. spend: told of every node with its size in characters.
    """

    r: cython.Py_ssize_t
    P: cython.Py_ssize_t
    Q: cython.Py_ssize_t
    most: cython.Py_ssize_t
    level: cython.double
    reach: cython.double
    mass: cython.double
    plus: cython.double[:, ::1]
    minus: cython.double[:, ::1]
    lowering: cython.double[:, ::1]
    scale: cython.double[::1]
    point_shifts: tuple
    z_shifts: tuple
    # generators, one after another
    count: cython.Py_ssize_t
    room: cython.Py_ssize_t
    vectors: cython.p_double
    origins: cython.p_double
    heights: cython.p_double
    odd: cython.p_longlong  # a generator's vector is odd 2^power times its integers
    power: cython.p_Py_ssize_t
    bits: cython.p_Py_ssize_t
    roundings: cython.p_Py_ssize_t
    # points
    known: dict
    points: list
    slope_room: cython.Py_ssize_t
    slopes: cython.p_double
    # the cone at hand, and its leaf
    space: cython.p_double
    V: cython.p_double
    walls: cython.p_double
    h: cython.p_double
    slack: cython.p_double
    p: cython.p_double
    z: cython.p_double
    q: cython.p_double
    alpha: cython.p_double
    u: cython.p_double
    atoms: cython.p_double
    weights: cython.p_double
    shares: cython.p_double
    units: cython.p_double
    least: cython.p_double
    indices: cython.p_Py_ssize_t
    which: cython.p_Py_ssize_t
    last: cython.p_Py_ssize_t
    last_size: cython.Py_ssize_t
    spend: object
    nodes: list

    def __init__(self, plus, minus, lowering, dual_scale, level, reach, places, spend):
        r: cython.Py_ssize_t = plus.shape[1]
        many: cython.Py_ssize_t = 4 * r + 16
        fit = minus.shape[1] == r and lowering.shape[0] == minus.shape[0] and lowering.shape[1] == r
        if not (fit and dual_scale.shape[0] == r and r > 0):
            raise ValueError("plus (P, r), minus and lowering (Q, r) and dual_scale (r,) do not fit together")
        self.r, self.P, self.Q, self.most = r, plus.shape[0], minus.shape[0], 2 * r + 8
        self.plus, self.minus, self.lowering, self.scale = plus, minus, lowering, dual_scale
        self.level, self.reach, self.spend = level, reach, spend
        self.mass = float(np.sum(np.abs(plus)) + np.sum(np.abs(minus)) + 1.0)
        self.point_shifts = (max(places, 0), max(-places, 0))
        self.z_shifts = (max(-places, 0), max(places, 0))
        self.known, self.points, self.nodes = {}, [], []
        self.slope_room, self.slopes = 64, cython.cast(cython.p_double, malloc(64 * r * cython.sizeof(cython.double)))
        numbers: cython.Py_ssize_t = 2 * r * r + 8 * r + many * (r + 3) + majorant_space(r, r + many) + r
        self.space = cython.cast(cython.p_double, malloc(numbers * cython.sizeof(cython.double)))
        self.indices = cython.cast(cython.p_Py_ssize_t, malloc((2 * (r + many) + many + r) * cython.sizeof(cython.Py_ssize_t)))
        if self.slopes == cython.NULL or self.space == cython.NULL or self.indices == cython.NULL:
            raise MemoryError
        self.V = self.space
        self.walls = self.V + r * r
        self.h = self.walls + r * r
        self.slack = self.h + r
        self.p = self.slack + r
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
        free(self.vectors)
        free(self.origins)
        free(self.heights)
        free(self.odd)
        free(self.power)
        free(self.bits)
        free(self.roundings)
        free(self.slopes)
        free(self.space)
        free(self.indices)

    def written(self):
        """The points and the nodes, as the certificate has them."""
        return self.points, self.nodes

    def generator(self, vector: cython.double[::1], origin: cython.double[::1], odd: cython.longlong, power, bits) -> int:
        """A start generator's number: its vector, the same in the search's coordinates, and odd, power, bits of its integers."""
        if vector.shape[0] != self.r or origin.shape[0] != self.r:
            raise ValueError(f"a generator has {self.r} entries")
        number: cython.Py_ssize_t = self._place()
        memcpy(self.vectors + number * self.r, cython.address(vector[0]), self.r * cython.sizeof(cython.double))
        memcpy(self.origins + number * self.r, cython.address(origin[0]), self.r * cython.sizeof(cython.double))
        self.odd[number], self.power[number], self.bits[number], self.roundings[number] = odd, power, bits, 0
        self.heights[number] = self._height(self.vectors + number * self.r)
        return number

    def vector(self, number: cython.Py_ssize_t) -> list:
        """A generator in floats; they are numbered as they were made, those of the splits in the order of the nodes."""
        if not 0 <= number < self.count:
            raise IndexError(f"there is no generator {number}")
        return [self.vectors[number * self.r + k] for k in range(self.r)]

    def follow(self, cone, splits):
        """Write the splits of a tree below a start cone (its generators' numbers), and a proof of each leaf."""
        r: cython.Py_ssize_t = self.r
        pending: list = [tuple(cone)]
        code: cython.Py_ssize_t
        for code in splits:
            if not pending:
                raise ArithmeticError("the search's tree is malformed")
            cone = pending.pop()
            if code == 0:
                self._settle(cone)
            else:
                self._split(cone, (code - 1) // r, (code - 1) % r, pending)
        while pending:
            self._settle(pending.pop())

    @cython.cfunc
    def _settle(self, cone: tuple):
        """Prove the cone, splitting it as long as that is needed."""
        pending: list = [cone]
        while pending:
            cone = pending.pop()
            if self._attempt(cone):
                continue
            if self.r < 2:
                raise ArithmeticError("a ray is above the limit")
            vectors = np.array([[self.V[k * self.r + i] for i in range(self.r)] for k in range(self.r)])
            alpha = np.array([self.alpha[k] for k in range(self.r)])
            a, b = edge_to_split(vectors, alpha, np.asarray(self.plus))
            self._split(cone, a, b, pending)

    @cython.cfunc
    def _place(self) -> cython.Py_ssize_t:
        """Room for one more generator."""
        room: cython.Py_ssize_t
        if self.count == self.room:
            room = 2 * self.room + 64
            wide: cython.size_t = room * self.r * cython.sizeof(cython.double)
            vectors = cython.cast(cython.p_double, realloc(self.vectors, wide))
            self.vectors = vectors if vectors != cython.NULL else self.vectors
            origins = cython.cast(cython.p_double, realloc(self.origins, wide))
            self.origins = origins if origins != cython.NULL else self.origins
            heights = cython.cast(cython.p_double, realloc(self.heights, room * cython.sizeof(cython.double)))
            self.heights = heights if heights != cython.NULL else self.heights
            odd = cython.cast(cython.p_longlong, realloc(self.odd, room * cython.sizeof(cython.longlong)))
            self.odd = odd if odd != cython.NULL else self.odd
            power = cython.cast(cython.p_Py_ssize_t, realloc(self.power, room * cython.sizeof(cython.Py_ssize_t)))
            self.power = power if power != cython.NULL else self.power
            bits = cython.cast(cython.p_Py_ssize_t, realloc(self.bits, room * cython.sizeof(cython.Py_ssize_t)))
            self.bits = bits if bits != cython.NULL else self.bits
            roundings = cython.cast(cython.p_Py_ssize_t, realloc(self.roundings, room * cython.sizeof(cython.Py_ssize_t)))
            self.roundings = roundings if roundings != cython.NULL else self.roundings
            if (
                vectors == cython.NULL or origins == cython.NULL or heights == cython.NULL or odd == cython.NULL
                or power == cython.NULL or bits == cython.NULL or roundings == cython.NULL
            ):  # fmt: skip
                raise MemoryError
            self.room = room
        self.count += 1
        return self.count - 1

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _height(self, v: cython.p_double) -> cython.double:
        """h+ at a vector."""
        i: cython.Py_ssize_t
        value: cython.double
        total: cython.double = 0.0
        for i in range(self.P):
            value = dot(self.r, cython.address(self.plus[i, 0]), v)
            total += value if value > 0.0 else 0.0
        return total

    @cython.cfunc
    def _split(self, cone: tuple, a: cython.Py_ssize_t, b: cython.Py_ssize_t, pending: list):
        """Split the edge (v_a, v_b) at its middle; of the two halves, the one that is visited first comes last."""
        r: cython.Py_ssize_t = self.r
        if not (0 <= a < r and 0 <= b < r and a != b):
            raise ArithmeticError("the search's tree is malformed")
        x: cython.Py_ssize_t = cone[a]
        y: cython.Py_ssize_t = cone[b]
        k: cython.Py_ssize_t
        exponent: cython.int = 0
        middle: cython.double
        share_x: cython.double = 1.0
        share_y: cython.double = 1.0
        common = gcd(self.odd[x], self.odd[y])
        apart: cython.Py_ssize_t = self.power[x] - self.power[y]
        i, j = (self.odd[x] // common) << max(apart, 0), (self.odd[y] // common) << max(-apart, 0)
        dropped = max(i.bit_length(), j.bit_length()) - _FACTOR_BITS
        if dropped > 0:  # any middle of the edge will do
            near_i, near_j = (i >> dropped) or 1, (j >> dropped) or 1
            share_x, share_y = (near_i << dropped) / i, (near_j << dropped) / j
            i, j = near_i, near_j
            if max(share_x, share_y) > 2.0:
                raise ArithmeticError("cones became too thin")
        number: cython.Py_ssize_t = self._place()
        origin: cython.p_double = self.origins + number * r
        factor: cython.double = split_factor(r, self.origins + x * r, self.origins + y * r)
        if not factor > 0.0:  # the search would have split no further
            factor = 0.0
            for k in range(r):
                factor = max(factor, fabs(self.origins[x * r + k] + self.origins[y * r + k]))
            if not 0.0 < factor < INFINITY:
                raise ArithmeticError("a cone became flat")
            frexp(factor, cython.address(exponent))
            factor = ldexp(1.0, -exponent)
        for k in range(r):
            origin[k] = factor * (self.origins[x * r + k] + self.origins[y * r + k])
            middle = share_x * self.vectors[x * r + k] + share_y * self.vectors[y * r + k]
            self.vectors[number * r + k] = factor * middle
        numerator, denominator = factor.as_integer_ratio()
        odd, power = numerator * common, min(self.power[x], self.power[y]) - (denominator.bit_length() - 1)
        power += max(dropped, 0)
        while odd % 2 == 0:
            odd, power = odd // 2, power + 1
        self.bits[number] = max(self.bits[x] + i.bit_length(), self.bits[y] + j.bit_length()) + 1
        if odd >= _LARGEST or self.bits[number] > _LONGEST:
            raise ArithmeticError("cones became too thin")
        self.odd[number], self.power[number] = odd, power
        self.roundings[number] = max(self.roundings[x], self.roundings[y]) + 3
        self.heights[number] = self._height(self.vectors + number * r)
        self._write([a, b, i, j], 8 + _digits(a) + _digits(b) + len(str(i)) + len(str(j)))
        first, second = list(cone), list(cone)
        first[b] = second[a] = number
        pending.append(tuple(second))
        pending.append(tuple(first))

    @cython.cfunc
    def _write(self, node: list, characters: cython.Py_ssize_t):
        self.nodes.append(node)
        self.spend(characters)

    @cython.cfunc
    def _point(self, u: cython.p_double) -> cython.Py_ssize_t:
        """The number of the short point nearest to the direction u (r,)."""
        r: cython.Py_ssize_t = self.r
        k: cython.Py_ssize_t
        largest: cython.double = 0.0
        for k in range(r):
            largest = max(largest, fabs(u[k]))
        if not 0.0 < largest < INFINITY:
            raise ArithmeticError("a direction has no length")
        point = tuple([int(rint(u[k] / largest * _POINT_SCALE)) for k in range(r)])
        number = self.known.get(point)
        if number is None:
            number = self.known[point] = len(self.points)
            self.points.append(_shifted(point, self.point_shifts))
            self._add_slope(point, number)
        return number

    @cython.cfunc
    def _add_slope(self, point: tuple, number: cython.Py_ssize_t):
        """The subgradient of h- at a point; a sign that rounding may have changed is found in rationals."""
        r: cython.Py_ssize_t = self.r
        j: cython.Py_ssize_t
        k: cython.Py_ssize_t
        value: cython.double
        size: cython.double
        x: cython.double
        if number == self.slope_room:
            grown = cython.cast(cython.p_double, realloc(self.slopes, 2 * number * r * cython.sizeof(cython.double)))
            if grown == cython.NULL:
                raise MemoryError
            self.slopes, self.slope_room = grown, 2 * number
        slope: cython.p_double = self.slopes + number * r
        for k in range(r):
            slope[k] = 0.0
            self.q[k] = point[k]
        for j in range(self.Q):
            value, size = 0.0, 0.0
            for k in range(r):
                x = self.lowering[j, k] * self.q[k]
                value += x
                size += fabs(x)
            if fabs(value) <= _DOUBT * size:
                value = self._exactly(j, point)
            if value > 0.0:
                for k in range(r):
                    slope[k] += self.minus[j, k]

    @cython.cfunc
    def _exactly(self, j: cython.Py_ssize_t, point: tuple) -> cython.double:
        """The sign of a lowering hinge at a point."""
        total = Fraction(0)
        for k in range(self.r):
            total += Fraction(self.lowering[j, k]) * point[k]
        return 1.0 if total > 0 else -1.0

    @cython.cfunc
    def _enter(self, cone: tuple):
        """Take up a cone: its generators, heights, walls, and the interpolation p of h+."""
        r: cython.Py_ssize_t = self.r
        k: cython.Py_ssize_t
        i: cython.Py_ssize_t
        number: cython.Py_ssize_t
        size: cython.double
        for k in range(r):
            number = cone[k]
            size = 0.0
            for i in range(r):
                self.V[k * r + i] = self.vectors[number * r + i]
                size += fabs(self.V[k * r + i])
            self.h[k] = self.heights[number]
            self.slack[k] = ((_NOISE + self.roundings[number]) * _UNIT * self.mass + _Z_UNIT) * size
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
    def _attempt(self, cone: tuple) -> cython.bint:
        """Write the cone's leaf; False where it has to be split, `alpha` then being where the relaxation is largest."""
        r: cython.Py_ssize_t = self.r
        k: cython.Py_ssize_t
        i: cython.Py_ssize_t
        count: cython.Py_ssize_t
        point: cython.Py_ssize_t
        interpolated: cython.double
        self._enter(cone)
        for i in range(r):
            self.u[i] = 0.0
            for k in range(r):
                self.u[i] += self.V[k * r + i]
        count = min(self.last_size, r)
        for k in range(count):
            self.which[k] = self.last[k]
        self.which[count] = self._point(self.u)
        count += 1
        if self._by_one_point(count):
            return True
        for k in range(r + 4 * r + 16):
            self.weights[k] = 0.0
        while count <= self.most:
            for k in range(count):
                memcpy(self.atoms + k * r, self.slopes + self.which[k] * r, r * cython.sizeof(cython.double))
            shortest_majorant(
                r, self.p, self.atoms, count, self.walls, r, cython.address(self.scale[0]), self.weights, self.z, self.q,
                self.indices, self.least,
            )  # fmt: skip
            for k in range(count):
                self.shares[k] = self.weights[r + k]
            if self._rounded(count):
                return True
            interpolated = 0.0
            for k in range(r):
                self.alpha[k] = 0.0
                for i in range(r):
                    self.alpha[k] += self.walls[k * r + i] * self.z[i] * self.scale[i] * self.scale[i]
                self.alpha[k] = max(self.alpha[k], 0.0)
                interpolated += self.alpha[k] * self.h[k]
            if not self._direction() or self._hopeless(interpolated):
                return False
            point = self._point(self.u)
            for k in range(count):
                if self.which[k] == point:
                    return False
            self.which[count] = point
            count += 1
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
            value = (self._height(self.u) - down) / length
            if value > self.level * (1.0 + _BEYOND) + 32.0 * _UNIT * self.mass:
                raise ArithmeticError("a direction above the limit was met")
        return interpolated - down > self.level * size * (1.0 + 1e-9)

    @cython.cfunc
    def _by_one_point(self, count: cython.Py_ssize_t) -> cython.bint:
        """The leaf with the interpolation less one subgradient for z, where that is short enough: no search at all."""
        r: cython.Py_ssize_t = self.r
        k: cython.Py_ssize_t
        i: cython.Py_ssize_t
        best: cython.Py_ssize_t = 0
        square: cython.double
        least: cython.double = INFINITY
        slope: cython.p_double
        for k in range(count):
            slope = self.slopes + self.which[k] * r
            square = 0.0
            for i in range(r):
                square += ((self.p[i] - slope[i]) * self.scale[i]) * ((self.p[i] - slope[i]) * self.scale[i])
            if square < least:
                least, best = square, k
            self.shares[k] = 0.0
        self.shares[best] = 1.0
        slope = self.slopes + self.which[best] * r
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
    def _rounded(self, count: cython.Py_ssize_t) -> cython.bint:
        """Write the leaf with z and the shares of the points rounded, if it holds with room for rounding."""
        r: cython.Py_ssize_t = self.r
        k: cython.Py_ssize_t
        i: cython.Py_ssize_t
        steps: cython.Py_ssize_t
        total: cython.double = 0.0
        counted: cython.double
        missing: cython.double
        grid: cython.double
        fits: cython.bint
        if not self._size(self.z) <= self.level:
            return False
        for k in range(count):
            total += self.shares[k]
        if not 0.0 < total < INFINITY:
            for k in range(count):
                self.shares[k] = 0.0
            self.shares[count - 1], total = 1.0, 1.0
        counts: cython.p_double = self.atoms  # its first numbers, which the next call of the solver writes anew
        for steps in range(2):
            grid = _FINE if steps else _COARSE
            counted = 0.0
            for i in range(r):
                self.q[i] = 0.0
            for k in range(count):
                counts[k] = rint(self.shares[k] / total * grid)
                counted += counts[k]
            for k in range(count):
                if counts[k] > 0.0:
                    for i in range(r):
                        self.q[i] += counts[k] / counted * self.slopes[self.which[k] * r + i]
            for i in range(r):
                self.units[i] = self.z[i]
            for k in range(r):
                missing = self.h[k] + self.slack[k]
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
                missing = self.h[k] + 0.25 * self.slack[k]
                for i in range(r):
                    missing -= self.V[k * r + i] * (self.q[i] + self.units[i])
                fits = fits and missing <= 0.0
            if fits and self._size(self.units) <= self.level * (1.0 - 4.0 * _UNIT):
                self._write_leaf(count, counts)
                return True
        return False

    @cython.cfunc
    def _write_leaf(self, count: cython.Py_ssize_t, counts: cython.p_double):
        k: cython.Py_ssize_t
        number: cython.longlong
        characters: cython.Py_ssize_t = 8
        steps: list = []
        gates: list = []
        self.last_size = 0
        for k in range(self.r):
            number = cython.cast(cython.longlong, self.units[k] / _Z_UNIT)
            characters += _digits(number) + 2
            steps.append(number)
        for k in range(count):
            if counts[k] > 0.0:
                if self.last_size < self.r:
                    self.last[self.last_size] = self.which[k]
                    self.last_size += 1
                number = cython.cast(cython.longlong, counts[k])
                characters += _digits(number) + _digits(self.which[k]) + 4
                gates.append(self.which[k])
                gates.append(number)
        self._write([_shifted(steps, self.z_shifts), gates], characters)


@cython.cfunc
@cython.exceptval(check=False)
def _digits(number: cython.longlong) -> cython.Py_ssize_t:
    """Characters of an integer."""
    digits: cython.Py_ssize_t = 1 if number >= 0 else 2
    while number >= 10 or number <= -10:
        number //= 10
        digits += 1
    return digits


@cython.cfunc
def _shifted(steps, shifts: tuple) -> list:
    """Integers (r,), the last one times 2^shifts[0], the others times 2^shifts[1]."""
    own, other = shifts
    if not own and not other:
        return list(steps)
    *others, bias = steps
    return [*(x << other for x in others), bias << own]
