"""The generators of a proof by cones: floats, and what their exact integers are made of (docs/certificate.md, section 4).

A generator's integers are n; its vector is f n, f > 0 a dyadic number, in the units of the search for hints. A middle of two is
s (v_a + v_b), as the search has it, so its integers are i n_a + j n_b with i : j = f_a : f_b. Where i or j would become long, others
near by are taken: any middle of an edge splits it.
"""

from math import gcd

import cython
from cython.cimports.certify._core.dense import dot
from cython.cimports.certify._core.trusted import split_factor
from cython.cimports.libc.math import INFINITY, fabs, frexp, ldexp
from cython.cimports.libc.stdlib import free, realloc
from cython.cimports.libc.string import memcpy

_LONGEST = cython.declare(cython.Py_ssize_t, 850)  # bits of a generator's integers
_LARGEST = cython.declare(cython.longlong, 2**62)
_FACTOR_BITS = cython.declare(cython.Py_ssize_t, 40)  # of the factors of a middle; the checker reads 64


@cython.cclass
class ProofGenerators:
    """vectors and origins (., r): a generator in the side's coordinates, and in those of the search; heights: h+ + g there.

    A vector is odd 2^power times its integers, which have at most so many bits; roundings: how many its floats have been through.
    plus (P, r): the rows of h+; linear (r,): g.
    """

    def __init__(self, plus: cython.double[:, ::1], linear: cython.double[::1]):
        self.r, self.P, self.plus, self.linear = plus.shape[1], plus.shape[0], plus, linear
        if linear.shape[0] != plus.shape[1]:
            raise ValueError("plus and linear do not fit together")

    def __dealloc__(self):
        free(self.vectors)
        free(self.origins)
        free(self.heights)
        free(self.odd)
        free(self.power)
        free(self.bits)
        free(self.roundings)

    def add(self, vector: cython.double[::1], origin: cython.double[::1], odd: cython.longlong, power, bits) -> int:
        """A start generator's number: its vector, the same in the search's coordinates, and odd, power, bits of its integers."""
        if vector.shape[0] != self.r or origin.shape[0] != self.r:
            raise ValueError(f"a generator has {self.r} entries")
        number: cython.Py_ssize_t = self._place()
        memcpy(self.vectors + number * self.r, cython.address(vector[0]), self.r * cython.sizeof(cython.double))
        memcpy(self.origins + number * self.r, cython.address(origin[0]), self.r * cython.sizeof(cython.double))
        self.odd[number], self.power[number], self.bits[number], self.roundings[number] = odd, power, bits, 0
        self.heights[number] = self.height(self.vectors + number * self.r)
        return number

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
            roundings = cython.cast(
                cython.p_Py_ssize_t, realloc(self.roundings, room * cython.sizeof(cython.Py_ssize_t))
            )
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
    def height(self, v: cython.p_double) -> cython.double:
        """h+ and what is linear at a vector."""
        i: cython.Py_ssize_t
        value: cython.double
        total: cython.double = 0.0
        for i in range(self.P):
            value = dot(self.r, cython.address(self.plus[i, 0]), v)
            total += value if value > 0.0 else 0.0
        return total + dot(self.r, cython.address(self.linear[0]), v)

    @cython.cfunc
    def middle(self, x: cython.Py_ssize_t, y: cython.Py_ssize_t) -> tuple:
        """The generator at the middle of the edge of two others, where the search would split it: its number, and i, j.

        Its integers are i and j times theirs. Raises ArithmeticError where they would become too long.
        """
        r: cython.Py_ssize_t = self.r
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
        self.heights[number] = self.height(self.vectors + number * r)
        return number, i, j
