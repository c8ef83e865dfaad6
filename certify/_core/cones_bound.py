"""Engine C: a cone bounded (docs/theory.md, section 9.3).

On the cone of generators v_1..v_r (rows of V), h+ lies below the linear p with p.v_k = h+(v_k), and h- above every
q = sum_j t_j b_j with t_j in [0, 1]. So f(u) <= z.u for every z with z.v_k >= h+(v_k) - q.v_k, and f <= |z|. The shortest such z over
the q met so far, subgradients of h-, gives the next q: the one at the relaxation's maximiser.

numbers (6, r) of a cone, by generator: length, h+, the sums of the rows that are settled as positive on the whole cone, for h+ and
for h-, the slope q.v_k inherited, the error of all these. Children inherit them, as all but h+ is linear in the generator.
"""

import cython
import numpy as np
from cython.cimports.certify._core.dense import dot
from cython.cimports.certify._core.least import least_space, nonnegative_least_squares
from cython.cimports.certify._core.lists import Lists
from cython.cimports.certify._core.trusted import bound_by, depth_of_cone, mix
from cython.cimports.libc.math import INFINITY, NAN, sqrt
from cython.cimports.libc.stdlib import calloc, free

_CONVERGED = cython.declare(cython.double, 1.0 - 1e-13)


@cython.final
@cython.cclass
class ConeBound:
    """Work space for bounds of cones in R^r, and what is the same for all of them.

    After a bound, alpha (r,) is the relaxation's maximiser in the generators, slopes (r,) the values of the bound's q at them, and value
    f at the maximiser, or 0 where it was of no interest.
    """

    def __cinit__(self, dual_scale: cython.double[::1], radius: cython.double, mass: cython.double) -> None:
        r: cython.Py_ssize_t = dual_scale.shape[0]
        most: cython.Py_ssize_t = 2 * r + 8
        total: cython.Py_ssize_t = r + most
        count: cython.Py_ssize_t = total * (r + 1) + least_space(total, r + 1) + total + 2 * most * r + 6 * r
        i: cython.Py_ssize_t
        self.r, self.most, self.radius, self.mass = r, most, radius, mass
        self.memory = cython.cast(cython.p_double, calloc(count, cython.sizeof(cython.double)))
        self.indices = cython.cast(cython.p_Py_ssize_t, calloc(total, cython.sizeof(cython.Py_ssize_t)))
        if not (self.memory and self.indices):
            raise MemoryError
        self.columns = self.memory
        self.space = self.columns + total * (r + 1)
        self.x = self.space + least_space(total, r + 1)
        self.atoms = self.x + total
        self.majorants = self.atoms + most * r
        self.wall_scale = self.majorants + most * r
        self.z = self.wall_scale + r
        self.mixed = self.z + r
        self.alpha = self.mixed + r
        self.slopes = self.alpha + r
        self.dual_scale = self.slopes + r
        for i in range(r):
            self.dual_scale[i] = dual_scale[i]
        self.heavy = r - 1 if dual_scale[r - 1] > 1.0 else -1

    def __dealloc__(self) -> None:
        free(self.memory)
        free(self.indices)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def prepare(self, walls: cython.p_double) -> cython.void:
        """Columns of the walls, of length 1 but for the dual scale; no weights yet."""
        i: cython.Py_ssize_t
        k: cython.Py_ssize_t
        r: cython.Py_ssize_t = self.r
        square: cython.double
        for k in range(r):
            square = dot(r, walls + k * r, walls + k * r)
            self.wall_scale[k] = 1.0 / sqrt(square)
            for i in range(r):
                self.columns[k * (r + 1) + i] = walls[k * r + i] * self.dual_scale[i] * self.wall_scale[k]
            self.columns[k * (r + 1) + r] = 0.0
        for k in range(r + self.most):
            self.x[k] = 0.0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def add_atom(
        self, j: cython.Py_ssize_t, gains: cython.p_double, walls: cython.p_double, scale: cython.double
    ) -> cython.double:
        """Majorant j, p - q for q of slopes `atoms[j]`, and its column; `scale` (0 at first) brings the first one to length 1."""
        i: cython.Py_ssize_t
        k: cython.Py_ssize_t
        r: cython.Py_ssize_t = self.r
        level: cython.double
        square: cython.double
        own: cython.p_double = self.majorants + j * r
        column: cython.p_double = self.columns + (r + j) * (r + 1)
        for i in range(r):
            own[i] = 0.0
        for k in range(r):
            level = gains[k] - self.atoms[j * r + k]
            for i in range(r):
                own[i] += level * walls[k * r + i]
        if scale == 0.0:
            square = dot(r, own, own)
            scale = 1.0 / sqrt(square) if square > 0.0 else 1.0
        for i in range(r):
            column[i] = own[i] * self.dual_scale[i] * scale
        column[r] = 1.0
        return scale

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def shortest(self, count: cython.Py_ssize_t, walls: cython.p_double, scale: cython.double) -> cython.void:
        """z <- the majorant of the weights of walls and atoms."""
        i: cython.Py_ssize_t
        j: cython.Py_ssize_t
        r: cython.Py_ssize_t = self.r
        total: cython.double = 0.0
        weight: cython.double
        for j in range(count):
            total += self.x[r + j]
        if not total > 0.0:
            total = NAN
        for i in range(r):
            self.z[i] = 0.0
        for j in range(count):
            if self.x[r + j] != 0.0:
                weight = self.x[r + j] / total
                for i in range(r):
                    self.z[i] += weight * self.majorants[j * r + i]
        for j in range(r):
            if self.x[j] > 0.0:
                weight = self.x[j] * self.wall_scale[j] / (scale * total)
                for i in range(r):
                    self.z[i] += weight * walls[j * r + i]

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def find_maximiser(self, v: cython.p_double, walls: cython.p_double) -> cython.bint:
        """alpha <- the generators' weights of the unit vector along z's dual, none below 0; False where there is none."""
        i: cython.Py_ssize_t
        k: cython.Py_ssize_t
        r: cython.Py_ssize_t = self.r
        entry: cython.double
        square: cython.double = 0.0
        for k in range(r):
            entry = 0.0
            for i in range(r):
                entry += walls[k * r + i] * self.z[i] * self.dual_scale[i] * self.dual_scale[i]
            self.alpha[k] = entry if entry > 0.0 else 0.0
        for i in range(r):
            entry = 0.0
            for k in range(r):
                entry += self.alpha[k] * v[k * r + i]
            square += (entry / self.dual_scale[i]) * (entry / self.dual_scale[i])
        for k in range(r):
            self.alpha[k] = self.alpha[k] / sqrt(square) if square > 0.0 else 1.0
        return square > 0.0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def bound(
        self,
        v: cython.p_double,
        walls: cython.p_double,
        numbers: cython.p_double,
        plus: Lists,
        plus_level: cython.Py_ssize_t,
        minus: Lists,
        minus_level: cython.Py_ssize_t,
        replaced: cython.Py_ssize_t,
        enough: cython.double,
        hopeless: cython.double,
    ) -> cython.double:
        """Bound f on one cone, stopping as soon as the bound is at most `enough` or the relaxation is seen to exceed `hopeless`."""
        k: cython.Py_ssize_t
        r: cython.Py_ssize_t = self.r
        lengths: cython.p_double = numbers
        gains: cython.p_double = numbers + r
        base: cython.p_double = numbers + 3 * r
        inherited: cython.p_double = numbers + 4 * r
        errors: cython.p_double = numbers + 5 * r
        depth: cython.double = depth_of_cone(r, v, walls, lengths, self.z)
        scale: cython.double
        here: cython.double
        lost: cython.double
        relaxed: cython.double
        bound: cython.double = INFINITY
        count: cython.Py_ssize_t = 1
        size: cython.Py_ssize_t = 0
        self.value = 0.0
        if not (plus.finite and minus.finite):
            return INFINITY
        self.prepare(walls)
        for k in range(r):
            self.alpha[k] = 1.0
            self.atoms[k] = inherited[k]
            self.slopes[k] = inherited[k]
        scale = self.add_atom(0, gains, walls, 0.0)
        minus.gated_sums(minus_level, replaced, self.alpha, base, self.atoms + r)
        while True:
            self.add_atom(count, gains, walls, scale)
            count += 1
            size = nonnegative_least_squares(
                r + 1, self.columns, r + count, self.x, self.heavy, self.indices, size, r + self.most, self.space
            )
            self.shortest(count, walls, scale)
            mix(r, self.x + r, self.atoms, count, self.mixed)
            here = bound_by(
                r, self.z, v, lengths, gains, self.mixed, errors, self.mass, depth, self.dual_scale, self.radius
            )
            if here < bound:
                bound = here
                for k in range(r):
                    self.slopes[k] = self.mixed[k]
            if bound <= enough or not self.find_maximiser(v, walls):
                return bound
            minus.gated_sums(minus_level, replaced, self.alpha, base, self.atoms + count * r)
            lost = dot(r, self.alpha, self.atoms + count * r)
            relaxed = dot(r, self.alpha, gains) - lost
            if relaxed > hopeless or relaxed >= here * _CONVERGED or count == self.most - 1:
                self.value = dot(r, self.alpha, numbers + 2 * r) - lost
                self.value += plus.raised_sum(plus_level, replaced, self.alpha)
                return bound


def bound_alone(
    v: cython.double[:, ::1],
    walls: cython.double[:, ::1],
    numbers: cython.double[:, ::1],
    plus_rows: cython.double[:, ::1],
    minus_rows: cython.double[:, ::1],
    dual_scale: cython.double[::1],
    radius: float,
    mass: float,
    enough: float,
    hopeless: float,
):
    """The bound of a single cone, of generators and walls (r, r) and numbers (6, r), from all rows (., r).

    The sums of settled rows in `numbers` must be 0. mass: sum of the rows' lengths, rounded up. Returns the bound; the slopes (r,) of
    its q; the maximiser in the generators alpha (r,), of size 1; f there, 0 where it was of no interest.
    """
    r: cython.Py_ssize_t = dual_scale.shape[0]
    if r == 0 or v.shape[0] != r or v.shape[1] != r or walls.shape[0] != r or walls.shape[1] != r:
        raise ValueError(f"a cone in R^{r} has as many generators and walls")
    if numbers.shape[0] != 6 or numbers.shape[1] != r:
        raise ValueError(f"numbers of shape {numbers.shape[0]}, {numbers.shape[1]} for a cone in R^{r}")
    plus: Lists = Lists(r, 1)
    minus: Lists = Lists(r, 1)
    work: ConeBound = ConeBound(dual_scale, radius, mass)
    plus.fill(plus_rows, v)
    minus.fill(minus_rows, v)
    bound: cython.double = work.bound(
        cython.address(v[0, 0]), cython.address(walls[0, 0]), cython.address(numbers[0, 0]), plus, 0, minus, 0, -1, enough,
        hopeless,
    )  # fmt: skip
    slopes, alpha = np.empty(r), np.empty(r)
    k: cython.Py_ssize_t
    for k in range(r):
        slopes[k], alpha[k] = work.slopes[k], work.alpha[k]
    return bound, slopes, alpha, work.value
