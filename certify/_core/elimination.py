"""The vectors x of a majorant's relaxation, eliminated from its Newton system four at a time (docs/theory.md, section 9.4).

In the basis T a vector's cones leave a form F on x and G on x - Z b; x eliminated, F (F + G)^-1 G is left on Z b. Matrices of four
vectors lie interleaved, entry (a, b) of the i-th at [(a size + b) 4 + i], so that every operation is one on four numbers; the last
vector fills what is left of the last four.
"""

import cython
from cython.cimports.certify._core.dense import gemm
from cython.cimports.certify._core.panels import add_products
from cython.cimports.certify._core.relaxation import multiply
from cython.cimports.certify._core.structures import Program, Scaling, System
from cython.cimports.libc.math import sqrt

TALL = cython.declare(
    cython.Py_ssize_t, 64
)  # rows of a portion of the tall matrices; loops have it as a number, as C needs


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def elimination_space(program: cython.pointer(Program)) -> cython.Py_ssize_t:
    """How many numbers `lay_out_elimination` lays out."""
    n: cython.Py_ssize_t = program.size
    fours: cython.Py_ssize_t = (program.lowered + 3) // 4
    return (
        (fours * 8 + program.walled + 13) * n * n + (program.lowered + program.walled) * n + 12 * n + 4 * program.walled
    )


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def lay_out_elimination(
    program: cython.pointer(Program), numbers: cython.p_double, system: cython.pointer(System)
) -> cython.void:
    """Room for what the elimination keeps, and for its work."""
    n: cython.Py_ssize_t = program.size
    fours: cython.Py_ssize_t = (program.lowered + 3) // 4
    system.factors = numbers
    system.second = system.factors + 4 * fours * n * n
    system.lowering = system.second + 4 * fours * n * n
    system.walls = system.lowering + program.lowered * n
    system.squares = system.walls + program.walled * n
    system.form = system.squares + (program.walled + 1) * n * n
    system.lanes = system.form + 12 * n * n


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def turn(program: cython.pointer(Program), system: cython.pointer(System)) -> cython.void:
    """Lowering hinges and walls in the basis T; the walls' squares r r' (size, size, walled) and, before them, diag(-1, [0,] I)."""
    n: cython.Py_ssize_t = program.size
    walled: cython.Py_ssize_t = program.walled
    heads: cython.Py_ssize_t = program.heads
    squares: cython.p_double = system.squares + n * n
    tail: cython.p_double = system.T + heads * n
    a: cython.Py_ssize_t
    b: cython.Py_ssize_t
    k: cython.Py_ssize_t
    multiply(program.lowered, n, n, program.lowering, n, 1, system.T, n, 1, system.lowering)
    multiply(walled, n, n, program.walls, n, 1, system.T, n, 1, system.walls)
    multiply(n, n, n - heads, tail, 1, n, tail, n, 1, system.squares)
    for a in range(n):
        for b in range(n):
            system.squares[a * n + b] -= system.T[a] * system.T[b]
            for k in range(walled):
                squares[(a * n + b) * walled + k] = system.walls[k * n + a] * system.walls[k * n + b]


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def four_forms(
    program: cython.pointer(Program),
    scaling: cython.pointer(Scaling),
    system: cython.pointer(System),
    first: cython.Py_ssize_t,
    last: cython.Py_ssize_t,
    out: cython.p_double,
) -> cython.void:
    """A'W^-2 A in the basis T, A the map to the cones, of the four vectors from the first, none beyond the last.

    W^-2 = (2 w w' + diag(-1, I)) / eta^2 of the round cone, w = (w0, -w1), and the rates' squares of the walls.
    """
    n: cython.Py_ssize_t = program.size
    walled: cython.Py_ssize_t = program.walled
    w: cython.p_double = system.lanes
    turned: cython.p_double = w + 4 * n
    rates: cython.p_double = turned + 4 * n
    squares: cython.p_double = system.squares + n * n
    inverse = cython.declare(cython.double[4])
    i: cython.Py_ssize_t
    a: cython.Py_ssize_t
    b: cython.Py_ssize_t
    k: cython.Py_ssize_t
    for a in range(4 * n):
        w[a] = 0.0
        turned[a] = 0.0
    for i in range(4):
        vector: cython.Py_ssize_t = min(first + i, last)
        own: cython.p_double = scaling.wz + vector * program.cone
        inverse[i] = 1.0 / (scaling.ez[vector] * scaling.ez[vector])
        w[i] = own[0]
        for a in range(1, program.cone):
            w[(program.heads + a - 1) * 4 + i] = -own[a]
        for k in range(walled):
            rate: cython.double = scaling.wl[vector * walled + k]
            rates[4 * k + i] = rate * rate
    gemm(n, 4, n, system.T, 1, n, w, 4, 1, turned, 4)
    for a in range(n):
        for b in range(a + 1):
            form: cython.double = system.squares[a * n + b]
            x: cython.p_double = turned + 4 * a
            y: cython.p_double = turned + 4 * b
            s0: cython.double = inverse[0] * (form + 2.0 * (x[0] * y[0]))
            s1: cython.double = inverse[1] * (form + 2.0 * (x[1] * y[1]))
            s2: cython.double = inverse[2] * (form + 2.0 * (x[2] * y[2]))
            s3: cython.double = inverse[3] * (form + 2.0 * (x[3] * y[3]))
            square: cython.p_double = squares + (a * n + b) * walled
            for k in range(walled):
                s0 += rates[4 * k] * square[k]
                s1 += rates[4 * k + 1] * square[k]
                s2 += rates[4 * k + 2] * square[k]
                s3 += rates[4 * k + 3] * square[k]
            put(out + 4 * (a * n + b), s0, s1, s2, s3)
            put(out + 4 * (b * n + a), s0, s1, s2, s3)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def put(
    out: cython.p_double, s0: cython.double, s1: cython.double, s2: cython.double, s3: cython.double
) -> cython.void:
    """Four numbers."""
    out[0] = s0
    out[1] = s1
    out[2] = s2
    out[3] = s3


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def subtract(count: cython.Py_ssize_t, factor: cython.p_double, x: cython.p_double, y: cython.p_double) -> cython.void:
    """y -= factor x for `count` times four numbers; the factors are four."""
    f0: cython.double = factor[0]
    f1: cython.double = factor[1]
    f2: cython.double = factor[2]
    f3: cython.double = factor[3]
    j: cython.Py_ssize_t
    for j in range(count):
        put(y, y[0] - f0 * x[0], y[1] - f1 * x[1], y[2] - f2 * x[2], y[3] - f3 * x[3])
        x += 4
        y += 4


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def times(count: cython.Py_ssize_t, factor: cython.p_double, y: cython.p_double) -> cython.void:
    """y *= factor for `count` times four numbers; the factors are four."""
    f0: cython.double = factor[0]
    f1: cython.double = factor[1]
    f2: cython.double = factor[2]
    f3: cython.double = factor[3]
    j: cython.Py_ssize_t
    for j in range(count):
        put(y, y[0] * f0, y[1] * f1, y[2] * f2, y[3] * f3)
        y += 4


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def four_factors(n: cython.Py_ssize_t, a: cython.p_double) -> cython.bint:
    """R with R'R = A over the upper triangles, the diagonals inverted; False unless all four are positive definite to rounding."""
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    k: cython.Py_ssize_t
    for k in range(n):
        top: cython.p_double = a + 4 * k * n
        pivot: cython.p_double = top + 4 * k
        for i in range(4):
            if not (pivot[i] > 0.0 and pivot[i] - pivot[i] == 0.0):
                return False
            pivot[i] = 1.0 / sqrt(pivot[i])
        times(n - k - 1, pivot, pivot + 4)
        for j in range(k + 1, n):
            subtract(n - j, top + 4 * j, top + 4 * j, a + 4 * (j * n + j))
    return True


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def four_solves(n: cython.Py_ssize_t, r: cython.p_double, m: cython.Py_ssize_t, b: cython.p_double) -> cython.void:
    """b (n, m) becomes X with R'X = b."""
    i: cython.Py_ssize_t
    k: cython.Py_ssize_t
    for k in range(n):
        times(m, r + 4 * (k * n + k), b + 4 * k * m)
        for i in range(k + 1, n):
            subtract(m, r + 4 * (k * n + i), b + 4 * k * m, b + 4 * i * m)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def add_dot(
    count: cython.Py_ssize_t,
    sign: cython.double,
    x: cython.p_double,
    x_step: cython.Py_ssize_t,
    y: cython.p_double,
    y_step: cython.Py_ssize_t,
    out: cython.p_double,
) -> cython.void:
    """out += sign x.y, four at a time."""
    s0: cython.double = 0.0
    s1: cython.double = 0.0
    s2: cython.double = 0.0
    s3: cython.double = 0.0
    k: cython.Py_ssize_t
    for k in range(count):
        s0 += x[0] * y[0]
        s1 += x[1] * y[1]
        s2 += x[2] * y[2]
        s3 += x[3] * y[3]
        x += x_step
        y += y_step
    put(out, out[0] + sign * s0, out[1] + sign * s1, out[2] + sign * s2, out[3] + sign * s3)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def add_vectors(
    program: cython.pointer(Program), scaling: cython.pointer(Scaling), system: cython.pointer(System)
) -> cython.bint:
    """M: the products F_ab v_k v_l of all vectors v = b and l in the basis T, between the entries (a, b) and (k, l), made symmetric.

    Keeps what `eliminate` and `times_second` need. False where F + G is not positive definite.
    """
    n: cython.Py_ssize_t = program.size
    q: cython.Py_ssize_t = program.lowered
    padded: cython.Py_ssize_t = system.padded
    one: cython.p_double = system.form
    other: cython.p_double = one + 4 * n * n
    left: cython.p_double = other + 4 * n * n
    start: cython.Py_ssize_t
    t: cython.Py_ssize_t
    a: cython.Py_ssize_t
    b: cython.Py_ssize_t
    k: cython.Py_ssize_t
    turn(program, system)
    for a in range(padded * padded):
        system.M[a] = 0.0
    for start in range(0, q, 64):
        k = min(TALL, q - start)
        for t in range(0, k, 4):
            factors: cython.p_double = system.factors + (start + t) * n * n
            second: cython.p_double = system.second + (start + t) * n * n
            four_forms(program, scaling, system, start + t, q - 1, one)
            four_forms(program, scaling, system, q + start + t, 2 * q - 1, second)
            for a in range(4 * n * n):
                factors[a] = one[a] + second[a]
                other[a] = second[a]
                left[a] = 0.0
            if not four_factors(n, factors):
                return False
            four_solves(n, factors, n, one)
            four_solves(n, factors, n, other)
            for a in range(n):
                for b in range(a + 1):
                    add_dot(n, 1.0, one + 4 * a, 4 * n, other + 4 * b, 4 * n, left + 4 * (a * n + b))
            for a in range(min(4, k - t)):
                to_panels(n, system, k, t + a, left + a, system.lowering + (start + t + a) * n)
        add_products(k, padded // 4, system.panels, system.panels + TALL * padded, True, system.M, padded)
    for start in range(0, program.cut, 64):
        k = min(TALL, program.cut - start)
        for t in range(0, k, 4):
            four_forms(program, scaling, system, 2 * q + start + t, program.points - 1, left)
            for a in range(min(4, k - t)):
                to_panels(n, system, k, t + a, left + a, system.walls + (start + t + a) * n)
        add_products(k, padded // 4, system.panels, system.panels + TALL * padded, True, system.M, padded)
    return True


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def to_panels(
    n: cython.Py_ssize_t,
    system: cython.pointer(System),
    k: cython.Py_ssize_t,
    t: cython.Py_ssize_t,
    form: cython.p_double,
    v: cython.p_double,
) -> cython.void:
    """Row t of k of the panels: the entries of one of four forms, its lower triangle, and v_row v_column."""
    p: cython.Py_ssize_t
    j: cython.Py_ssize_t
    one: cython.p_double = system.panels + 4 * t
    other: cython.p_double = system.panels + TALL * system.padded + 4 * t
    for p in range(system.padded // 4):
        for j in range(4):
            a: cython.Py_ssize_t = system.row[4 * p + j]
            b: cython.Py_ssize_t = system.column[4 * p + j]
            one[j] = form[4 * (a * n + b)]
            other[j] = v[a] * v[b]
        one += 4 * k
        other += 4 * k


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def interleave(
    program: cython.pointer(Program), first: cython.Py_ssize_t, rows: cython.p_double, out: cython.p_double
) -> cython.void:
    """Four of the rows (lowered, size), interleaved."""
    n: cython.Py_ssize_t = program.size
    i: cython.Py_ssize_t
    a: cython.Py_ssize_t
    for i in range(4):
        row: cython.p_double = rows + min(first + i, program.lowered - 1) * n
        for a in range(n):
            out[4 * a + i] = row[a]


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def eliminate(program: cython.pointer(Program), system: cython.pointer(System), rows: cython.p_double) -> cython.void:
    """The rows (lowered, size) y, in the basis T, become (F + G)^-1 y."""
    n: cython.Py_ssize_t = program.size
    y: cython.p_double = system.lanes
    first: cython.Py_ssize_t
    i: cython.Py_ssize_t
    a: cython.Py_ssize_t
    for first in range(0, program.lowered, 4):
        r: cython.p_double = system.factors + first * n * n
        interleave(program, first, rows, y)
        four_solves(n, r, 1, y)
        for a in range(n - 1, -1, -1):
            add_dot(n - a - 1, -1.0, r + 4 * (a * n + a + 1), 4, y + 4 * (a + 1), 4, y + 4 * a)
            times(1, r + 4 * (a * n + a), y + 4 * a)
        for i in range(min(4, program.lowered - first)):
            for a in range(n):
                rows[(first + i) * n + a] = y[4 * a + i]


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def times_second(
    program: cython.pointer(Program), system: cython.pointer(System), rows: cython.p_double, out: cython.p_double
) -> cython.void:
    """out = G y of the rows (lowered, size) y, in the basis T; out may be the rows."""
    n: cython.Py_ssize_t = program.size
    y: cython.p_double = system.lanes
    product: cython.p_double = y + 4 * n
    first: cython.Py_ssize_t
    i: cython.Py_ssize_t
    a: cython.Py_ssize_t
    for first in range(0, program.lowered, 4):
        interleave(program, first, rows, y)
        for a in range(4 * n):
            product[a] = 0.0
        for a in range(n):
            add_dot(n, 1.0, system.second + first * n * n + 4 * a * n, 4, y, 4, product + 4 * a)
        for i in range(min(4, program.lowered - first)):
            for a in range(n):
                out[(first + i) * n + a] = product[4 * a + i]
