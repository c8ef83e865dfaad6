"""The rows that change sign on a cone, by their values at its generators, level below level (docs/theory.md, section 9.3).

A level holds the rows of one list: a column of values for each of the r generators of its cone, one for the middle of the edge that
was split, and their lengths. A child's values are its parent's with the middle's in place of one generator's (`replaced`, or -1), so that
nothing is copied for a child that is not split itself. Columns are filled up with zeros to whole steps of the loops: a
row of zeros adds nothing to any sum, exactly.
"""

import cython
import numpy as np
from cython.cimports.libc.math import INFINITY, fabs
from cython.cimports.libc.stdlib import free, malloc, realloc

_STEP = cython.declare(cython.Py_ssize_t, 8)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def positive_sum(stride: cython.Py_ssize_t, values: cython.p_double) -> cython.double:
    """Sum of the positive values; NaN where one is."""
    i: cython.Py_ssize_t
    a: cython.double = 0.0
    b: cython.double = 0.0
    c: cython.double = 0.0
    d: cython.double = 0.0
    for i in range(0, stride, 4):
        a += max(0.0, values[i])
        b += max(0.0, values[i + 1])
        c += max(0.0, values[i + 2])
        d += max(0.0, values[i + 3])
    return (a + b) + (c + d)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def masked_sum(stride: cython.Py_ssize_t, mask: cython.p_double, values: cython.p_double) -> cython.double:
    """Sum of mask_i values_i."""
    i: cython.Py_ssize_t
    a: cython.double = 0.0
    b: cython.double = 0.0
    c: cython.double = 0.0
    d: cython.double = 0.0
    for i in range(0, stride, 4):
        a += mask[i] * values[i]
        b += mask[i + 1] * values[i + 1]
        c += mask[i + 2] * values[i + 2]
        d += mask[i + 3] * values[i + 3]
    return (a + b) + (c + d)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def add_two(
    stride: cython.Py_ssize_t,
    a: cython.double,
    x: cython.p_double,
    b: cython.double,
    y: cython.p_double,
    sums: cython.p_double,
) -> cython.void:
    """sums += a x + b y."""
    i: cython.Py_ssize_t
    for i in range(stride):
        sums[i] += a * x[i] + b * y[i]


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def set_two(
    stride: cython.Py_ssize_t,
    a: cython.double,
    x: cython.p_double,
    b: cython.double,
    y: cython.p_double,
    sums: cython.p_double,
) -> cython.void:
    """sums <- a x + b y."""
    i: cython.Py_ssize_t
    for i in range(stride):
        sums[i] = a * x[i] + b * y[i]


@cython.final
@cython.cclass
class Lists:
    """The lists of h+, or of h-, for all cones on the stack of a search.

    low, high, kept: work space as long as the longest list. Methods that need memory return 0 where there is none, else 1.
    """

    def __cinit__(self, r: cython.Py_ssize_t, most_levels: cython.Py_ssize_t) -> None:
        self.r, self.most_levels = r, most_levels
        self.sizes = cython.cast(cython.p_Py_ssize_t, malloc(most_levels * cython.sizeof(cython.Py_ssize_t)))
        self.strides = cython.cast(cython.p_Py_ssize_t, malloc(most_levels * cython.sizeof(cython.Py_ssize_t)))
        self.value_starts = cython.cast(cython.p_Py_ssize_t, malloc(most_levels * cython.sizeof(cython.Py_ssize_t)))
        self.index_starts = cython.cast(cython.p_Py_ssize_t, malloc(most_levels * cython.sizeof(cython.Py_ssize_t)))
        if not (self.sizes and self.strides and self.value_starts and self.index_starts):
            raise MemoryError

    def __dealloc__(self) -> None:
        free(self.sizes)
        free(self.strides)
        free(self.value_starts)
        free(self.index_starts)
        free(self.values)
        free(self.indices)
        free(self.low)
        free(self.high)
        free(self.kept)

    @cython.cfunc
    @cython.inline
    @cython.nogil
    @cython.exceptval(check=False)
    def column(self, level: cython.Py_ssize_t, k: cython.Py_ssize_t) -> cython.p_double:
        """The values at generator k < r, at the middle for k = r, the lengths for k = r + 1."""
        return self.values + self.value_starts[level] + k * self.strides[level]

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def start(
        self,
        rows: cython.p_double,
        lengths: cython.p_double,
        listed: cython.p_int,
        count: cython.Py_ssize_t,
        v: cython.p_double,
    ) -> cython.int:
        """Level 0: the listed ones of the rows (., r), evaluated at the generators v (r, r). What is not finite is noted: nothing can be proved then."""
        i: cython.Py_ssize_t
        j: cython.Py_ssize_t
        k: cython.Py_ssize_t
        r: cython.Py_ssize_t = self.r
        stride: cython.Py_ssize_t = (count + _STEP - 1) // _STEP * _STEP
        row: cython.p_double
        out: cython.p_double
        total: cython.double
        self.sizes[0], self.strides[0], self.finite = count, stride, True
        self.value_starts[0], self.index_starts[0] = 0, 0
        self.value_room, self.index_room = (r + 2) * stride * 3 + 1024, count * 3 + 1024
        self.values = cython.cast(cython.p_double, malloc(self.value_room * cython.sizeof(cython.double)))
        self.indices = cython.cast(cython.p_int, malloc(self.index_room * cython.sizeof(cython.int)))
        self.low = cython.cast(cython.p_double, malloc((stride + 1) * cython.sizeof(cython.double)))
        self.high = cython.cast(cython.p_double, malloc((stride + 1) * cython.sizeof(cython.double)))
        self.kept = cython.cast(cython.p_int, malloc((stride + 1) * cython.sizeof(cython.int)))
        if not (self.values and self.indices and self.low and self.high and self.kept):
            return 0
        for k in range(r):
            out = self.column(0, k)
            for i in range(count):
                row = rows + listed[i] * r
                total = 0.0
                for j in range(r):
                    total += row[j] * v[k * r + j]
                out[i] = total
                self.finite &= fabs(total) < INFINITY
        out = self.column(0, r + 1)
        for i in range(count):
            out[i] = lengths[listed[i]]
            self.indices[i] = listed[i]
        for k in range(r + 2):
            out = self.column(0, k)
            for i in range(count, stride):
                out[i] = 0.0
        return 1

    @cython.cfunc
    def begin(
        self,
        listed: cython.int[::1],
        rows: cython.double[:, ::1],
        lengths: cython.double[::1],
        v: cython.p_double,
    ):
        """`start`, once it is sure that every index is one of a row. Raises ValueError, MemoryError."""
        i: cython.Py_ssize_t
        made: cython.int
        count: cython.Py_ssize_t = listed.shape[0]
        if rows.shape[1] != self.r or lengths.shape[0] < rows.shape[0]:
            raise ValueError(f"rows of {rows.shape[1]} entries and {lengths.shape[0]} lengths, in R^{self.r}")
        for i in range(count):
            if not 0 <= listed[i] < rows.shape[0]:
                raise ValueError(f"row {listed[i]} of {rows.shape[0]}")
        if count == 0:
            made = self.start(cython.NULL, cython.NULL, cython.NULL, 0, v)
        else:
            with cython.nogil:
                made = self.start(
                    cython.address(rows[0, 0]), cython.address(lengths[0]), cython.address(listed[0]), count, v
                )
        if not made:
            raise MemoryError("lists of rows that may change sign")

    @cython.cfunc
    def fill(self, rows: cython.double[:, ::1], v: cython.double[:, ::1]):
        """Level 0: all of the rows (., r), evaluated at the generators v (r, r); their lengths are not needed."""
        self.begin(np.arange(rows.shape[0], dtype=np.int32), rows, np.zeros(rows.shape[0]), cython.address(v[0, 0]))

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def shrink(self, count: cython.Py_ssize_t) -> cython.void:
        """Level 0 becomes a list of so many rows, at most as many as it began with, whose values the caller writes; the rest is 0."""
        i: cython.Py_ssize_t
        k: cython.Py_ssize_t
        stride: cython.Py_ssize_t = (count + _STEP - 1) // _STEP * _STEP
        self.sizes[0], self.strides[0] = count, stride
        for k in range(self.r):
            for i in range(count, stride):
                self.column(0, k)[i] = 0.0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def reserve(self, level: cython.Py_ssize_t) -> cython.int:
        """Make room for a level behind this one, as long at most."""
        places: cython.Py_ssize_t = self.value_starts[level] + 2 * (self.r + 2) * self.strides[level]
        several: cython.Py_ssize_t = self.index_starts[level] + 2 * self.sizes[level]
        values: cython.p_double
        indices: cython.p_int
        if places > self.value_room:
            values = cython.cast(cython.p_double, realloc(self.values, 2 * places * cython.sizeof(cython.double)))
            if not values:
                return 0
            self.values, self.value_room = values, 2 * places
        if several > self.index_room:
            indices = cython.cast(cython.p_int, realloc(self.indices, 2 * several * cython.sizeof(cython.int)))
            if not indices:
                return 0
            self.indices, self.index_room = indices, 2 * several
        return 1

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def sift(
        self,
        level: cython.Py_ssize_t,
        replaced: cython.Py_ssize_t,
        margin: cython.double,
        base: cython.p_double,
        moved: cython.p_Py_ssize_t,
    ) -> cython.Py_ssize_t:
        """kept <- places of the rows that may change sign on a cone; base (r,) += those that are positive for sure.

        A row whose values are all at least `margin` times its length is positive, at most minus that negative. Returns how many are
        kept; moved: how many went to the base.
        """
        i: cython.Py_ssize_t
        k: cython.Py_ssize_t
        r: cython.Py_ssize_t = self.r
        count: cython.Py_ssize_t = 0
        settled: cython.Py_ssize_t = 0
        size: cython.Py_ssize_t = self.sizes[level]
        stride: cython.Py_ssize_t = self.strides[level]
        low: cython.p_double = self.low
        high: cython.p_double = self.high
        lengths: cython.p_double = self.column(level, r + 1)
        own: cython.p_double = self.column(level, r if replaced == 0 else 0)
        positive: cython.int
        negative: cython.int
        for i in range(stride):
            low[i] = own[i]
            high[i] = own[i]
        for k in range(1, r):
            own = self.column(level, r if k == replaced else k)
            for i in range(stride):
                low[i] = min(low[i], own[i])
                high[i] = max(high[i], own[i])
        for i in range(size):
            positive = low[i] >= margin * lengths[i]
            negative = high[i] <= -margin * lengths[i]
            self.kept[count] = i
            count += not (positive | negative)
            settled += positive
            low[i] = positive
        if settled:
            for i in range(size, stride):
                low[i] = 0.0
            for k in range(r):
                base[k] += masked_sum(stride, low, self.column(level, r if k == replaced else k))
        moved[0] = settled
        return count

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def descend(
        self,
        level: cython.Py_ssize_t,
        replaced: cython.Py_ssize_t,
        margin: cython.double,
        base: cython.p_double,
    ) -> cython.Py_ssize_t:
        """The next level: this one's list, sifted for one of its cones, for which there must be room. Returns how many rows were moved."""
        i: cython.Py_ssize_t
        k: cython.Py_ssize_t
        r: cython.Py_ssize_t = self.r
        moved: cython.Py_ssize_t = 0
        count: cython.Py_ssize_t = self.sift(level, replaced, margin, base, cython.address(moved))
        stride: cython.Py_ssize_t = (count + _STEP - 1) // _STEP * _STEP
        kept: cython.p_int = self.kept
        source: cython.p_double
        target: cython.p_double
        old: cython.p_int = self.indices + self.index_starts[level]
        new: cython.p_int = old + self.sizes[level]
        self.sizes[level + 1], self.strides[level + 1] = count, stride
        self.value_starts[level + 1] = self.value_starts[level] + (r + 2) * self.strides[level]
        self.index_starts[level + 1] = self.index_starts[level] + self.sizes[level]
        for k in range(r + 2):
            if k == r:
                continue
            source, target = self.column(level, r if k == replaced else k), self.column(level + 1, k)
            for i in range(count):
                target[i] = source[kept[i]]
            for i in range(count, stride):
                target[i] = 0.0
        for i in range(count):
            new[i] = old[kept[i]]
        return moved

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def combine(
        self, level: cython.Py_ssize_t, replaced: cython.Py_ssize_t, alpha: cython.p_double
    ) -> cython.Py_ssize_t:
        """low <- the rows' values at sum alpha_k v_k. Returns the stride."""
        k: cython.Py_ssize_t
        i: cython.Py_ssize_t
        stride: cython.Py_ssize_t = self.strides[level]
        first: cython.Py_ssize_t = -1
        begun: cython.int = False
        x: cython.p_double = cython.NULL
        y: cython.p_double
        for k in range(self.r):
            if alpha[k] != 0.0:
                y = self.column(level, self.r if k == replaced else k)
                if first < 0:
                    first, x = k, y
                elif begun:
                    add_two(stride, alpha[first], x, alpha[k], y, self.low)
                    first = -1
                else:
                    set_two(stride, alpha[first], x, alpha[k], y, self.low)
                    first, begun = -1, True
        if first >= 0 and begun:
            add_two(stride, alpha[first], x, 0.0, x, self.low)
        elif first >= 0:
            set_two(stride, alpha[first], x, 0.0, x, self.low)
        elif not begun:
            for i in range(stride):
                self.low[i] = 0.0
        return stride

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def gated_sums(
        self,
        level: cython.Py_ssize_t,
        replaced: cython.Py_ssize_t,
        alpha: cython.p_double,
        base: cython.p_double,
        slopes: cython.p_double,
    ) -> cython.void:
        """slopes (r,) <- base + the values of the rows that are positive at sum alpha_k v_k: the subgradient there, at each generator."""
        i: cython.Py_ssize_t
        k: cython.Py_ssize_t
        gates: cython.p_double = self.low
        stride: cython.Py_ssize_t = self.combine(level, replaced, alpha)
        for i in range(stride):
            gates[i] = 1.0 if gates[i] > 0.0 else 0.0
        for k in range(self.r):
            slopes[k] = base[k] + masked_sum(stride, gates, self.column(level, self.r if k == replaced else k))

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def raised_sum(
        self, level: cython.Py_ssize_t, replaced: cython.Py_ssize_t, alpha: cython.p_double
    ) -> cython.double:
        """Sum of the positive values at sum alpha_k v_k."""
        stride: cython.Py_ssize_t = self.combine(level, replaced, alpha)
        return positive_sum(stride, self.low)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def add_middle(
        self, level: cython.Py_ssize_t, a: cython.Py_ssize_t, b: cython.Py_ssize_t, factor: cython.double
    ) -> cython.void:
        """The values at the middle s (v_a + v_b) of an edge of the level's own cone."""
        i: cython.Py_ssize_t
        stride: cython.Py_ssize_t = self.strides[level]
        x: cython.p_double = self.column(level, a)
        y: cython.p_double = self.column(level, b)
        middle: cython.p_double = self.column(level, self.r)
        for i in range(stride):
            middle[i] = factor * (x[i] + y[i])

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def edge_loss(self, level: cython.Py_ssize_t, a: cython.Py_ssize_t, b: cython.Py_ssize_t) -> cython.double:
        """Twice what h+ lies below its interpolation at v_a + v_b: |s| + |t| - |s + t| over the values s, t there; 0 for those of one sign."""
        i: cython.Py_ssize_t
        x: cython.p_double = self.column(level, a)
        y: cython.p_double = self.column(level, b)
        p: cython.double = 0.0
        q: cython.double = 0.0
        for i in range(0, self.strides[level], 2):
            p += fabs(x[i]) + fabs(y[i]) - fabs(x[i] + y[i])
            q += fabs(x[i + 1]) + fabs(y[i + 1]) - fabs(x[i + 1] + y[i + 1])
        return p + q
