"""Engine C for k outputs: pairs of a cone of u and a cone of v, bounded, split and searched (docs/theory.md, section 9.7).

A pair is one row of numbers, in this order:

    V (r, r)           generators of u, floats near the exact ones          E (k, k)    generators of v, exact
    numbers (k, 6, r)  for each e, those of a cone for f_e (`cones_bound.py`), all rows unsettled
    bounds (k,)        on f_e over unit u of the cone, inf where not known
    losses (k,)        what they exceed the value met by, per |e|           edges (k,)  the edge of V that loses it, a r + b

All that a bound rests on is `ConeBound.bound`, `split_error`, `bound_by` and the count of roundings below.
"""

import cython
import numpy as np
from cython.cimports.certify._core.cones_bound import ConeBound
from cython.cimports.certify._core.cones_edge import choose_edge, widest_edge
from cython.cimports.certify._core.dense import dot
from cython.cimports.certify._core.factors import eliminate
from cython.cimports.certify._core.least import majorant_space, shortest_majorant
from cython.cimports.certify._core.lists import Lists
from cython.cimports.certify._core.trusted import bound_by, depth_of_cone, exact_factor, split_error, split_factor
from cython.cimports.libc.math import INFINITY, fabs, sqrt
from cython.cimports.libc.stdlib import calloc, free
from cython.cimports.libc.string import memcpy

_ACCOUNTABLE = cython.declare(cython.double, 0.5)  # of the excess
_LAGGING = cython.declare(
    cython.double, 1e-2
)  # a cone so much narrower than the other is not split: both have to shrink
_SLOP = cython.declare(cython.double, 1.0 + 1e-9)


@cython.final
@cython.cclass
class Pairs:
    """Work space for pairs of one problem: rows (n, r), nu (n, k). mass: sum of |nu_i||z_i|, rounded up; mixing: as for one output.

    After `bound`, value is the largest gain met, at `where` (r,), or 0 where none was.
    """

    r: cython.Py_ssize_t
    k: cython.Py_ssize_t
    n: cython.Py_ssize_t
    size: cython.Py_ssize_t
    mass: cython.double
    mixing: cython.double
    value: cython.double
    rows: cython.double[:, ::1]
    nu: cython.double[:, ::1]
    scale: cython.double[::1]
    plus: Lists
    minus: Lists
    work: ConeBound
    memory: cython.p_double
    at_v: cython.p_double  # (r, n): the rows' values at the generators of u
    weights: cython.p_double  # (n,): nu e
    matrix: cython.p_double  # the larger of V and E, to be inverted
    walls: cython.p_double
    u: cython.p_double
    where: cython.p_double
    gains: cython.p_double  # (k,)
    joint: cython.p_double
    indices: cython.p_Py_ssize_t

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
    def choose(self, pair: cython.p_double, excess: cython.double) -> cython.Py_ssize_t:
        """The edge of u on which some single output loses most, where that accounts for the excess, else the widest edge of v; 0: none.

        1 + a r + b is an edge of u, 1 + r^2 + c k + d one of v.
        """
        r: cython.Py_ssize_t = self.r
        k: cython.Py_ssize_t = self.k
        l: cython.Py_ssize_t
        worst: cython.Py_ssize_t = 0
        e: cython.p_double = pair + r * r
        losses: cython.p_double = e + k * k + 6 * r * k + k
        of_u: cython.Py_ssize_t
        widest: cython.Py_ssize_t
        of_v: cython.Py_ssize_t
        narrow: cython.bint
        for l in range(1, k):
            if losses[l] > losses[worst]:
                worst = l
        of_u = cython.cast(cython.Py_ssize_t, losses[k + worst])
        widest, of_v = widest_edge(r, pair), widest_edge(k, e)
        narrow = angle(r, pair, widest) < _LAGGING * angle(k, e, of_v)
        if k == 1 or (losses[worst] >= _ACCOUNTABLE * excess and not narrow):
            return 0 if of_u // r == of_u % r else 1 + of_u
        return 1 + r * r + of_v

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def split(self, pair: cython.p_double, code: cython.Py_ssize_t, other: cython.p_double) -> cython.bint:
        """Both halves, the one that has lost the second end in `other`, visited first; False, and no change, where there is no middle."""
        r: cython.Py_ssize_t = self.r
        k: cython.Py_ssize_t = self.k
        of_u: cython.bint = code <= r * r
        width: cython.Py_ssize_t = r if of_u else k
        a: cython.Py_ssize_t = (code - 1 if of_u else code - 1 - r * r) // width
        b: cython.Py_ssize_t = (code - 1 if of_u else code - 1 - r * r) % width
        first: cython.p_double = pair if of_u else pair + r * r
        factor: cython.double
        if of_u:
            factor = split_factor(r, first + a * r, first + b * r)
        else:
            factor = exact_factor(k, first + a * k, first + b * k)
        if a == b or factor == 0.0:
            return False
        memcpy(other, pair, self.size * cython.sizeof(cython.double))
        if of_u:
            self.replace_u(other, b, a, factor)
            self.replace_u(pair, a, b, factor)
        else:
            self.replace_v(other, b, a, factor)
            self.replace_v(pair, a, b, factor)
        return True

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def replace_u(
        self, pair: cython.p_double, gone: cython.Py_ssize_t, stays: cython.Py_ssize_t, factor: cython.double
    ) -> cython.void:
        """v_gone replaced by the middle of an edge: slopes are linear, all else is to be found anew."""
        r: cython.Py_ssize_t = self.r
        j: cython.Py_ssize_t
        l: cython.Py_ssize_t
        own: cython.p_double = pair + r * r + self.k * self.k
        bounds: cython.p_double = own + 6 * r * self.k
        length: cython.double
        for j in range(r):
            pair[gone * r + j] = factor * (pair[gone * r + j] + pair[stays * r + j])
        length = sqrt(dot(r, pair + gone * r, pair + gone * r))
        for l in range(self.k):
            own[4 * r + gone] = factor * (own[4 * r + gone] + own[4 * r + stays])
            own[5 * r + gone] = split_error(
                factor, own[5 * r + gone], own[gone], own[5 * r + stays], own[stays], length
            )
            own[gone] = length
            bounds[l] = INFINITY
            own += 6 * r

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def replace_v(
        self, pair: cython.p_double, gone: cython.Py_ssize_t, stays: cython.Py_ssize_t, factor: cython.double
    ) -> cython.void:
        """e_gone replaced by the middle of an edge; the other bounds still hold."""
        k: cython.Py_ssize_t = self.k
        j: cython.Py_ssize_t
        e: cython.p_double = pair + self.r * self.r
        for j in range(k):
            e[gone * k + j] = factor * (e[gone * k + j] + e[stays * k + j])
        self.first_slope(pair, gone)
        e[k * k + 6 * self.r * k + gone] = INFINITY

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

    def _checked(self, pair: cython.double[::1]):
        if pair.shape[0] != self.size:
            raise ValueError(f"a pair of {pair.shape[0]} numbers, not of {self.size}")

    def start(self, v: cython.double[:, ::1], e: cython.double[:, ::1], error: float):
        """The pair (.,) of exact generators v (r, r) and e (k, k); error: relative, of what is summed at them."""
        r: cython.Py_ssize_t = self.r
        if v.shape[0] != r or v.shape[1] != r or e.shape[0] != self.k or e.shape[1] != self.k:
            raise ValueError(f"cones in R^{v.shape[1]} and R^{e.shape[1]}, not in R^{r} and R^{self.k}")
        l: cython.Py_ssize_t
        numbers = np.zeros((self.k, 6, r))
        numbers[:, 5] = error
        for l in range(r):
            numbers[:, 0, l] = sqrt(dot(r, cython.address(v[l, 0]), cython.address(v[l, 0])))
        unknown, nothing = np.full(self.k, np.inf), np.zeros(2 * self.k)
        pair = np.concatenate([np.ravel(v), np.ravel(e), numbers.ravel(), unknown, nothing])
        view: cython.double[::1] = pair
        for l in range(self.k):
            self.first_slope(cython.address(view[0]), l)
        return pair

    def children(self, pair: cython.double[::1], code: int):
        """Both halves of a split, the one visited first first; None where there is no middle."""
        self._checked(pair)
        if not 1 <= code <= self.r * self.r + self.k * self.k:
            raise ValueError(f"no split has the number {code}")
        second, first = np.array(pair), np.empty(self.size)
        one: cython.double[::1] = second
        other: cython.double[::1] = first
        found: cython.bint = self.split(cython.address(one[0]), code, cython.address(other[0]))
        return (first, second) if found else None

    def bounded(self, pair: cython.double[::1]):
        """The bound on the gain on a pair, and the bounds (k,) on f_e for each generator of v, all found anew."""
        self._checked(pair)
        copy: cython.double[::1] = np.array(pair)
        first: cython.Py_ssize_t = self.size - 3 * self.k
        l: cython.Py_ssize_t
        for l in range(self.k):
            copy[first + l] = INFINITY
        bound: cython.double = self.bound(cython.address(copy[0]))
        return bound, np.array(copy[first : first + self.k])

    def explore(self, root: cython.double[::1], root_bound: float, threshold: float, best: float, budget: int):
        """Depth-first search below a pair, at most `budget` >= 1 nodes.

        Returns the open pairs (., .) with their bounds, next to visit first; the splits in preorder, 0 for a leaf; the largest bound
        of what is closed; the largest gain met, at least `best`, and where (r,), zeros where that was known before.
        """
        self._checked(root)
        deepest: cython.Py_ssize_t = budget + 2
        size: cython.Py_ssize_t = self.size
        stack = np.empty((deepest, size))
        bounds_of_stack, record, where = np.empty(deepest), np.zeros(budget, dtype=np.uint16), np.zeros(self.r)
        pairs: cython.double[:, ::1] = stack
        bounds: cython.double[::1] = bounds_of_stack
        codes: cython.ushort[::1] = record
        found: cython.double[::1] = where
        stack[0], bounds[0] = root, root_bound
        height: cython.Py_ssize_t = 1
        nodes: cython.Py_ssize_t = 0
        most: cython.Py_ssize_t = budget
        code: cython.Py_ssize_t
        goal: cython.double = threshold
        largest: cython.double = best
        closed: cython.double = 0.0
        bound: cython.double
        top: cython.p_double
        with cython.nogil:
            while height > 0 and nodes < most:
                height -= 1
                top = cython.address(pairs[height, 0])
                bound = self.bound(top)
                bound = min(bound, bounds[height])
                if self.value > largest:
                    largest = self.value
                    memcpy(cython.address(found[0]), self.where, self.r * cython.sizeof(cython.double))
                code = 0
                if not bound <= max(goal, largest):
                    code = self.choose(top, bound - self.value)
                    if code > 0 and not self.split(top, code, cython.address(pairs[height + 1, 0])):
                        code = 0
                codes[nodes] = code
                nodes += 1
                if code > 0:
                    bounds[height], bounds[height + 1] = bound, bound
                    height += 2
                elif bound > closed:
                    closed = bound
        return (
            np.ascontiguousarray(stack[:height][::-1]), bounds_of_stack[:height][::-1].copy(), record[:nodes].copy(),
            closed, largest, where,
        )  # fmt: skip


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def angle(r: cython.Py_ssize_t, v: cython.p_double, edge: cython.Py_ssize_t) -> cython.double:
    """1 - cosine between the ends of an edge."""
    a: cython.p_double = v + edge // r * r
    b: cython.p_double = v + edge % r * r
    return 1.0 - dot(r, a, b) / sqrt(dot(r, a, a) * dot(r, b, b))
