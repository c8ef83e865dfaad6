"""The short points at which the leaves of a proof by cones take subgradients of h-, each found once (docs/certificate.md, section 4)."""

from fractions import Fraction

import cython
from cython.cimports.libc.math import INFINITY, fabs, rint
from cython.cimports.libc.stdlib import free, malloc, realloc

_POINT_SCALE = cython.declare(cython.double, 2.0**20)
_DOUBT = cython.declare(cython.double, 64.0 * 2.0**-53)


@cython.cclass
class ProofPoints:
    """points: as the certificate has them. slopes: the subgradients, one after another (., r).

    minus (Q, r): the rows of h-; lowering (Q, r): the same without their weights, which decide the signs, exactly. own, other: the
    last entry of a point, and the others, are written times 2 to these.
    """

    def __init__(self, minus: cython.double[:, ::1], lowering: cython.double[:, ::1], own: int, other: int):
        self.r, self.Q = minus.shape[1], minus.shape[0]
        if lowering.shape[0] != minus.shape[0] or lowering.shape[1] != minus.shape[1]:
            raise ValueError("minus and lowering do not fit together")
        self.minus, self.lowering, self.own, self.other = minus, lowering, own, other
        self.known, self.points = {}, []
        self.room = 64
        self.slopes = cython.cast(cython.p_double, malloc(64 * self.r * cython.sizeof(cython.double)))
        self.point = cython.cast(cython.p_double, malloc((self.r + 1) * cython.sizeof(cython.double)))
        if self.slopes == cython.NULL or self.point == cython.NULL:
            raise MemoryError

    def __dealloc__(self):
        free(self.slopes)
        free(self.point)

    @cython.cfunc
    def number(self, u: cython.p_double) -> cython.Py_ssize_t:
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
            self.points.append(shifted(point, self.own, self.other))
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
        if number == self.room:
            grown = cython.cast(cython.p_double, realloc(self.slopes, 2 * number * r * cython.sizeof(cython.double)))
            if grown == cython.NULL:
                raise MemoryError
            self.slopes, self.room = grown, 2 * number
        slope: cython.p_double = self.slopes + number * r
        for k in range(r):
            slope[k] = 0.0
            self.point[k] = point[k]
        for j in range(self.Q):
            value, size = 0.0, 0.0
            for k in range(r):
                x = self.lowering[j, k] * self.point[k]
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
def shifted(steps, own, other) -> list:
    """Integers (r,), the last one times 2^own, the others times 2^other."""
    if not own and not other:
        return list(steps)
    *others, last = steps
    return [*(x << other for x in others), last << own]
