"""Engine C's inner loop for k outputs: depth-first search below a pair of cones (docs/theory.md, section 9.7)."""

import cython
import numpy as np
from cython.cimports.certify._core.dense import dot
from cython.cimports.certify._core.pair_splits import choose, split
from cython.cimports.certify._core.pairs import PairBounds
from cython.cimports.libc.math import INFINITY, sqrt
from cython.cimports.libc.string import memcpy


@cython.final
@cython.cclass
class Pairs:
    """Pairs of one problem: rows (n, r), nu (n, k). mass: sum of |nu_i||z_i|, rounded up; mixing: as for one output.

    What a pair (.,) holds `pairs.py` says. One thread at a time.
    """

    work: PairBounds

    def __cinit__(
        self,
        rows: cython.double[:, ::1],
        nu: cython.double[:, ::1],
        dual_scale: cython.double[::1],
        radius: cython.double,
        mass: cython.double,
        mixing: cython.double,
    ) -> None:
        self.work = PairBounds(rows, nu, dual_scale, radius, mass, mixing)

    def _checked(self, pair: cython.double[::1]):
        if pair.shape[0] != self.work.size:
            raise ValueError(f"a pair of {pair.shape[0]} numbers, not of {self.work.size}")

    def start(self, v: cython.double[:, ::1], e: cython.double[:, ::1], error: float):
        """The pair (.,) of exact generators v (r, r) and e (k, k); error: relative, of what is summed at them."""
        r: cython.Py_ssize_t = self.work.r
        if v.shape[0] != r or v.shape[1] != r or e.shape[0] != self.work.k or e.shape[1] != self.work.k:
            raise ValueError(f"cones in R^{v.shape[1]} and R^{e.shape[1]}, not in R^{r} and R^{self.work.k}")
        l: cython.Py_ssize_t
        numbers = np.zeros((self.work.k, 6, r))
        numbers[:, 5] = error
        for l in range(r):
            numbers[:, 0, l] = sqrt(dot(r, cython.address(v[l, 0]), cython.address(v[l, 0])))
        unknown, nothing = np.full(self.work.k, np.inf), np.zeros(2 * self.work.k)
        pair = np.concatenate([np.ravel(v), np.ravel(e), numbers.ravel(), unknown, nothing])
        view: cython.double[::1] = pair
        for l in range(self.work.k):
            self.work.first_slope(cython.address(view[0]), l)
        return pair

    def children(self, pair: cython.double[::1], code: int):
        """Both halves of a split, the one visited first first; None where there is no middle."""
        self._checked(pair)
        if not 1 <= code <= self.work.r * self.work.r + self.work.k * self.work.k:
            raise ValueError(f"no split has the number {code}")
        second, first = np.array(pair), np.empty(self.work.size)
        one: cython.double[::1] = second
        other: cython.double[::1] = first
        found: cython.bint = split(self.work, cython.address(one[0]), code, cython.address(other[0]))
        return (first, second) if found else None

    def bounded(self, pair: cython.double[::1]):
        """The bound on the gain on a pair, and the bounds (k,) on f_e for each generator of v, all found anew."""
        self._checked(pair)
        copy: cython.double[::1] = np.array(pair)
        first: cython.Py_ssize_t = self.work.size - 3 * self.work.k
        l: cython.Py_ssize_t
        for l in range(self.work.k):
            copy[first + l] = INFINITY
        bound: cython.double = self.work.bound(cython.address(copy[0]))
        return bound, np.array(copy[first : first + self.work.k])

    def explore(self, root: cython.double[::1], root_bound: float, threshold: float, best: float, budget: int):
        """Depth-first search below a pair, at most `budget` >= 1 nodes.

        Returns the open pairs (., .) with their bounds, next to visit first; the splits in preorder, 0 for a leaf; the largest bound
        of what is closed; the largest gain met, at least `best`, and where (r,), zeros where that was known before.
        """
        self._checked(root)
        deepest: cython.Py_ssize_t = budget + 2
        size: cython.Py_ssize_t = self.work.size
        stack = np.empty((deepest, size))
        bounds_of_stack, record, where = np.empty(deepest), np.zeros(budget, dtype=np.uint16), np.zeros(self.work.r)
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
                bound = self.work.bound(top)
                bound = min(bound, bounds[height])
                if self.work.value > largest:
                    largest = self.work.value
                    memcpy(cython.address(found[0]), self.work.where, self.work.r * cython.sizeof(cython.double))
                code = 0
                if not bound <= max(goal, largest):
                    code = choose(self.work, top, bound - self.work.value)
                    if code > 0 and not split(self.work, top, code, cython.address(pairs[height + 1, 0])):
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
