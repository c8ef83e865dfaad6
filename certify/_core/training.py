"""Local training of a two-layer ReLU network: value and gradient in one pass over the samples, and L-BFGS on them.

The parameters are one vector: u (m, D) row by row, a (m, k) row by row, c (k), zero where there is no output bias. With z_i the rows of Z,

    F = sum_i w_i sum_o loss(f_io, y_io) + beta/2 (|u|^2 + |a|^2 [+ |c|^2]),    f_io = sum_j a_jo (z_i . u_j)_+ + c_o

where a free hidden bias, the last entry of every u, is not in |u|. The gate of a sample on a kink is closed. Neurons are taken
four at a time: a panel holds their entries side by side, so that the inner loops become two-lane arithmetic.

L-BFGS with a weak Wolfe line search follows kinks (Lewis and Overton, Nonsmooth optimization via quasi-Newton methods,
Mathematical Programming 141, 2013): bisection keeps the curvature condition and never asks for a small gradient.
"""

import cython
import numpy as np
from cython.cimports.certify._core.dense import dot, four_by_four
from cython.cimports.certify._core.elementary import exp_of, log1p_of
from cython.cimports.libc.math import fabs, sqrt

if not cython.compiled:
    raise ImportError("certify's core is not compiled here: install the package, `pip install .`")

BLOCK = cython.declare(cython.Py_ssize_t, 128)  # samples whose activations are held at a time
ARMIJO = cython.declare(cython.double, 1e-4)
CURVATURE = cython.declare(cython.double, 0.9)
MOST_TRIALS = cython.declare(cython.Py_ssize_t, 40)

Task = cython.struct(
    n=cython.Py_ssize_t,
    d=cython.Py_ssize_t,
    k=cython.Py_ssize_t,
    m=cython.Py_ssize_t,
    groups=cython.Py_ssize_t,
    rows=cython.p_double,
    targets=cython.p_double,
    weights=cython.p_double,
    factor=cython.double,
    beta=cython.double,
    free_hidden=cython.bint,
    output_bias=cython.int,
    u=cython.p_double,
    gu=cython.p_double,
    a=cython.p_double,
    ga=cython.p_double,
    hidden=cython.p_double,
    lanes=cython.p_double,
    slopes=cython.p_double,
)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def one_row(
    terms: cython.Py_ssize_t,
    z: cython.p_double,
    column: cython.Py_ssize_t,
    panel: cython.p_double,
    out: cython.p_double,
) -> cython.void:
    """out[4] = z[terms] panel[terms, 4]: four sums that take every fourth term each, and what is left over to the first."""
    s = cython.declare(cython.double[16])
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    p: cython.Py_ssize_t = 0
    for i in range(16):
        s[i] = 0.0
    while p + 4 <= terms:
        for i in range(4):
            for j in range(4):
                s[4 * i + j] += z[i * column] * panel[4 * i + j]
        z += 4 * column
        panel += 16
        p += 4
    while p < terms:
        for j in range(4):
            s[j] += z[0] * panel[j]
        z += column
        panel += 4
        p += 1
    for j in range(4):
        out[j] = (s[j] + s[4 + j]) + (s[8 + j] + s[12 + j])


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def packed(task: cython.pointer(Task), x: cython.p_double) -> cython.void:
    """The panels of u and a, neurons that fill the last group up zero; their gradients' panels cleared."""
    m: cython.Py_ssize_t = task.m
    d: cython.Py_ssize_t = task.d
    k: cython.Py_ssize_t = task.k
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    q: cython.Py_ssize_t
    for i in range(4 * task.groups * d):
        task.u[i] = 0.0
        task.gu[i] = 0.0
    for i in range(4 * task.groups * k):
        task.a[i] = 0.0
        task.ga[i] = 0.0
    outer: cython.p_double = x + m * d
    for j in range(m):
        q = j // 4
        for i in range(d):
            task.u[4 * (q * d + i) + j - 4 * q] = x[j * d + i]
        for i in range(k):
            task.a[4 * (q * k + i) + j - 4 * q] = outer[j * k + i]


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def forward(task: cython.pointer(Task), start: cython.Py_ssize_t, size: cython.Py_ssize_t) -> cython.void:
    """The block's activations, and lanes[o, i, 4]: the four shares of its predictions without the constant."""
    d: cython.Py_ssize_t = task.d
    k: cython.Py_ssize_t = task.k
    q: cython.Py_ssize_t
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    o: cython.Py_ssize_t
    for i in range(4 * k * size):
        task.lanes[i] = 0.0
    for q in range(task.groups):
        hidden: cython.p_double = task.hidden + 4 * q * BLOCK
        panel: cython.p_double = task.u + 4 * q * d
        i = 0
        while i + 4 <= size:
            four_by_four(d, task.rows + (start + i) * d, d, 1, panel, hidden + 4 * i)
            i += 4
        while i < size:
            one_row(d, task.rows + (start + i) * d, 1, panel, hidden + 4 * i)
            i += 1
        for i in range(4 * size):
            hidden[i] = max(0.0, hidden[i])
        for o in range(k):
            lanes: cython.p_double = task.lanes + 4 * o * size
            outer: cython.p_double = task.a + 4 * (q * k + o)
            for i in range(size):
                for j in range(4):
                    lanes[4 * i + j] += hidden[4 * i + j] * outer[j]


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def losses(
    task: cython.pointer(Task), start: cython.Py_ssize_t, size: cython.Py_ssize_t, c: cython.p_double
) -> cython.double:
    """The block's loss, and slopes[o, i]. factor > 0: factor/2 (f - y)^2; factor 0: log(1 + exp(-y f)), y = -1 or +1."""
    k: cython.Py_ssize_t = task.k
    total: cython.double = 0.0
    i: cython.Py_ssize_t
    o: cython.Py_ssize_t
    for o in range(k):
        lanes: cython.p_double = task.lanes + 4 * o * size
        constant: cython.double = c[o] if task.output_bias != 0 else 0.0
        for i in range(size):
            f: cython.double = ((lanes[4 * i] + lanes[4 * i + 1]) + (lanes[4 * i + 2] + lanes[4 * i + 3])) + constant
            y: cython.double = task.targets[(start + i) * k + o]
            w: cython.double = task.weights[start + i]
            if task.factor > 0.0:
                residual: cython.double = f - y
                total += (0.5 * task.factor * w) * (residual * residual)
                task.slopes[o * size + i] = (task.factor * w) * residual
            else:
                margin: cython.double = y * f
                e: cython.double = exp_of(-fabs(margin))
                total += w * ((0.0 if margin > 0.0 else -margin) + log1p_of(e))
                task.slopes[o * size + i] = -(y * w) * (e if margin > 0.0 else 1.0) / (1.0 + e)
    return total


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def backward(task: cython.pointer(Task), start: cython.Py_ssize_t, size: cython.Py_ssize_t) -> cython.void:
    """Adds the block's share of the gradient by u and a to their panels; the activations become its slopes by u_j . z_i."""
    d: cython.Py_ssize_t = task.d
    k: cython.Py_ssize_t = task.k
    tile = cython.declare(cython.double[16])
    q: cython.Py_ssize_t
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    o: cython.Py_ssize_t
    for q in range(task.groups):
        hidden: cython.p_double = task.hidden + 4 * q * BLOCK
        outer: cython.p_double = task.a + 4 * q * k
        for o in range(k):
            for j in range(4):
                tile[j] = 0.0
            slopes: cython.p_double = task.slopes + o * size
            for i in range(size):
                for j in range(4):
                    tile[j] += hidden[4 * i + j] * slopes[i]
            for j in range(4):
                task.ga[4 * (q * k + o) + j] += tile[j]
        if k == 1:
            for i in range(size):
                for j in range(4):
                    hidden[4 * i + j] = outer[j] * task.slopes[i] if hidden[4 * i + j] > 0.0 else 0.0
        else:
            for i in range(size):
                for j in range(4):
                    tile[j] = 0.0
                for o in range(k):
                    for j in range(4):
                        tile[j] += outer[4 * o + j] * task.slopes[o * size + i]
                for j in range(4):
                    hidden[4 * i + j] = tile[j] if hidden[4 * i + j] > 0.0 else 0.0
        gradient: cython.p_double = task.gu + 4 * q * d
        rows: cython.p_double = task.rows + start * d
        o = 0
        while o + 4 <= d:
            four_by_four(size, rows + o, 1, d, hidden, cython.address(tile[0]))
            for j in range(16):
                gradient[4 * o + j] += tile[j]
            o += 4
        while o < d:
            one_row(size, rows + o, d, hidden, cython.address(tile[0]))
            for j in range(4):
                gradient[4 * o + j] += tile[j]
            o += 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def objective(task: cython.pointer(Task), x: cython.p_double, g: cython.p_double) -> cython.double:
    """F at x, and its gradient in g."""
    m: cython.Py_ssize_t = task.m
    d: cython.Py_ssize_t = task.d
    k: cython.Py_ssize_t = task.k
    c: cython.p_double = x + m * (d + k)
    constants: cython.p_double = g + m * (d + k)
    total: cython.double = 0.0
    squares: cython.double = 0.0
    start: cython.Py_ssize_t = 0
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    packed(task, x)
    for i in range(k):
        constants[i] = 0.0
    while start < task.n:
        size: cython.Py_ssize_t = min(BLOCK, task.n - start)
        forward(task, start, size)
        total += losses(task, start, size, c)
        backward(task, start, size)
        for j in range(k):
            part: cython.double = 0.0
            for i in range(size):
                part += task.slopes[j * size + i]
            constants[j] += part
        start += size
    penalised: cython.Py_ssize_t = d - 1 if task.free_hidden else d
    for j in range(m):
        for i in range(d):
            g[j * d + i] = task.gu[4 * ((j // 4) * d + i) + j % 4]
        for i in range(penalised):
            g[j * d + i] += task.beta * x[j * d + i]
            squares += x[j * d + i] * x[j * d + i]
    for j in range(m):
        for i in range(k):
            at: cython.Py_ssize_t = m * d + j * k + i
            g[at] = task.ga[4 * ((j // 4) * k + i) + j % 4] + task.beta * x[at]
            squares += x[at] * x[at]
    for i in range(k):
        if task.output_bias == 0:
            constants[i] = 0.0
        elif task.output_bias == 1:
            constants[i] += task.beta * c[i]
            squares += c[i] * c[i]
    return total + 0.5 * task.beta * squares


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def quasi_newton_step(
    size: cython.Py_ssize_t,
    memory: cython.Py_ssize_t,
    held: cython.Py_ssize_t,
    newest: cython.Py_ssize_t,
    steps: cython.p_double,
    changes: cython.p_double,
    products: cython.p_double,
    shares: cython.p_double,
    g: cython.p_double,
    out: cython.p_double,
) -> cython.void:
    """out = -H g by the two loops over the newest `held` pairs, a ring of `memory` rows; H starts at s.y / y.y of the newest."""
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    at: cython.Py_ssize_t
    share: cython.double
    for i in range(size):
        out[i] = -g[i]
    for j in range(held):
        at = (newest - j + memory) % memory
        shares[at] = dot(size, steps + at * size, out) / products[at]
        share = shares[at]
        for i in range(size):
            out[i] -= share * changes[at * size + i]
    scale: cython.double = products[newest] / dot(size, changes + newest * size, changes + newest * size)
    for i in range(size):
        out[i] *= scale
    for j in range(held - 1, -1, -1):
        at = (newest - j + memory) % memory
        share = shares[at] - dot(size, changes + at * size, out) / products[at]
        for i in range(size):
            out[i] += share * steps[at * size + i]


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def minimise(
    task: cython.pointer(Task),
    x: cython.p_double,
    work: cython.p_double,
    memory: cython.Py_ssize_t,
    iterations: cython.Py_ssize_t,
    window: cython.Py_ssize_t,
    tolerance: cython.double,
    level: cython.double,
    stop: cython.pointer(cython.int),
    evaluations: cython.pointer(cython.Py_ssize_t),
) -> cython.double:
    """F where the descent from x ends, which it never leaves upwards; x becomes that point."""
    size: cython.Py_ssize_t = task.m * (task.d + task.k) + task.k
    g: cython.p_double = work
    trial: cython.p_double = work + size
    trial_g: cython.p_double = work + 2 * size
    step: cython.p_double = work + 3 * size
    steps: cython.p_double = work + 4 * size
    changes: cython.p_double = steps + memory * size
    products: cython.p_double = changes + memory * size
    shares: cython.p_double = products + memory
    held: cython.Py_ssize_t = 0
    newest: cython.Py_ssize_t = memory - 1
    i: cython.Py_ssize_t
    count: cython.Py_ssize_t
    value: cython.double = objective(task, x, g)
    before: cython.double = value
    evaluations[0] = 1
    for count in range(1, iterations + 1):
        if stop[0] or value - value != 0.0:
            break
        if held:
            quasi_newton_step(size, memory, held, newest, steps, changes, products, shares, g, step)
        else:
            length: cython.double = sqrt(dot(size, g, g))
            reach: cython.double = sqrt(dot(size, x, x))
            if not length > 0.0:
                break
            scale: cython.double = (0.1 * reach if reach > 0.0 else 1.0) / length
            for i in range(size):
                step[i] = -scale * g[i]
        slope: cython.double = dot(size, g, step)
        if not slope < 0.0:
            if held == 0:
                break
            held = 0
            continue
        low: cython.double = 0.0
        high: cython.double = -1.0
        t: cython.double = 1.0
        found: cython.bint = False
        now: cython.double = value
        trials: cython.Py_ssize_t = 0
        while trials < MOST_TRIALS and not stop[0]:
            for i in range(size):
                trial[i] = x[i] + t * step[i]
            now = objective(task, trial, trial_g)
            evaluations[0] += 1
            trials += 1
            if not now <= value + ARMIJO * t * slope:
                high = t
            elif dot(size, trial_g, step) < CURVATURE * slope:
                low = t
            else:
                found = True
                break
            t = 0.5 * (low + high) if high > 0.0 else 2.0 * t
        if not found and low > 0.0 and not now <= value:
            # the last trial was too far: go as far as was known to lower F
            for i in range(size):
                trial[i] = x[i] + low * step[i]
            now = objective(task, trial, trial_g)
            evaluations[0] += 1
        if not now < value:
            if held == 0:
                break
            held = 0
            continue
        newest = (newest + 1) % memory
        for i in range(size):
            steps[newest * size + i] = trial[i] - x[i]
            changes[newest * size + i] = trial_g[i] - g[i]
            x[i] = trial[i]
            g[i] = trial_g[i]
        value = now
        products[newest] = dot(size, steps + newest * size, changes + newest * size)
        if products[newest] > 0.0:
            held = min(held + 1, memory)
        else:
            held = 0
        if count % window == 0:
            fall: cython.double = before - value
            if fall <= tolerance * fabs(value) or value - 8.0 * fall > level:
                break
            before = value
    return value


@cython.cclass
class Training:
    """The objective of one problem, for parameters of any width; several threads may ask one object at once.

    rows (n, D), targets (n, k), weights (n,); factor > 0: factor/2 (f - y)^2, 0: the logistic loss; output_bias 0: there is
    none, 1: penalised, 2: free.
    """

    rows: cython.double[:, ::1]
    targets: cython.double[:, ::1]
    weights: cython.double[::1]
    factor: cython.double
    beta: cython.double
    free_hidden: cython.bint
    output_bias: cython.int

    def __init__(
        self,
        rows: cython.double[:, ::1],
        targets: cython.double[:, ::1],
        weights: cython.double[::1],
        factor: cython.double,
        beta: cython.double,
        free_hidden: cython.bint,
        output_bias: cython.int,
    ):
        if targets.shape[0] != rows.shape[0] or weights.shape[0] != rows.shape[0]:
            raise ValueError("rows, targets and weights must be those of the same samples")
        if min(rows.shape[0], rows.shape[1], targets.shape[1]) < 1:
            raise ValueError("there must be a sample, an input and an output")
        self.rows = rows
        self.targets = targets
        self.weights = weights
        self.factor = factor
        self.beta = beta
        self.free_hidden = free_hidden
        self.output_bias = output_bias

    @cython.cfunc
    def width(self, parameters: cython.double[::1]) -> cython.Py_ssize_t:
        d: cython.Py_ssize_t = self.rows.shape[1]
        k: cython.Py_ssize_t = self.targets.shape[1]
        m: cython.Py_ssize_t = (parameters.shape[0] - k) // (d + k)
        if m < 0 or parameters.shape[0] != m * (d + k) + k:
            raise ValueError(
                f"{parameters.shape[0]} parameters are not those of neurons with {d} inputs and {k} outputs"
            )
        return m

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def begin(self, task: cython.pointer(Task), m: cython.Py_ssize_t, room: cython.p_double) -> cython.void:
        """The task of width m, with its panels in room, of `panels(m)` floats."""
        task.n = self.rows.shape[0]
        task.d = self.rows.shape[1]
        task.k = self.targets.shape[1]
        task.m = m
        task.groups = (m + 3) // 4
        task.rows = cython.address(self.rows[0, 0])
        task.targets = cython.address(self.targets[0, 0])
        task.weights = cython.address(self.weights[0])
        task.factor = self.factor
        task.beta = self.beta
        task.free_hidden = self.free_hidden
        task.output_bias = self.output_bias
        entries: cython.Py_ssize_t = 4 * task.groups
        task.u = room
        task.gu = task.u + entries * task.d
        task.a = task.gu + entries * task.d
        task.ga = task.a + entries * task.k
        task.hidden = task.ga + entries * task.k
        task.lanes = task.hidden + entries * BLOCK
        task.slopes = task.lanes + 4 * BLOCK * task.k

    @cython.cfunc
    @cython.exceptval(check=False)
    def panels(self, m: cython.Py_ssize_t) -> cython.Py_ssize_t:
        """Floats that the panels of width m need."""
        k: cython.Py_ssize_t = self.targets.shape[1]
        return 4 * ((m + 3) // 4) * (2 * self.rows.shape[1] + 2 * k + BLOCK) + 5 * BLOCK * k

    def gradient(self, parameters: cython.double[::1], out: cython.double[::1]) -> float:
        """F at the parameters; its gradient is written to out."""
        m: cython.Py_ssize_t = self.width(parameters)
        if out.shape[0] != parameters.shape[0]:
            raise ValueError("the gradient has as many entries as there are parameters")
        room: cython.double[::1] = np.empty(self.panels(m))
        task: Task = cython.declare(Task)
        value: cython.double
        with cython.nogil:
            self.begin(cython.address(task), m, cython.address(room[0]))
            value = objective(cython.address(task), cython.address(parameters[0]), cython.address(out[0]))
        return value

    def descend(
        self,
        parameters: cython.double[::1],
        stop: cython.int[::1],
        iterations: cython.Py_ssize_t,
        tolerance: cython.double,
        level: cython.double,
        memory: cython.Py_ssize_t,
        window: cython.Py_ssize_t,
    ) -> tuple[float, int]:
        """F where L-BFGS ends, never above the start, and how often F was evaluated; parameters become that point.

        It ends after so many iterations, once stop[0] is not zero, or when the fall over `window` iterations is at most the
        share `tolerance` of |F|, or so small that eight times it would not lead below `level`.
        """
        m: cython.Py_ssize_t = self.width(parameters)
        if stop.shape[0] < 1 or memory < 1 or window < 1:
            raise ValueError("a flag, a memory and a window of at least one entry are needed")
        floats: cython.Py_ssize_t = self.panels(m)
        room: cython.double[::1] = np.empty(floats + (4 + 2 * memory) * parameters.shape[0] + 2 * memory)
        evaluations: cython.Py_ssize_t = 0
        task: Task = cython.declare(Task)
        value: cython.double
        with cython.nogil:
            self.begin(cython.address(task), m, cython.address(room[0]))
            value = minimise(
                cython.address(task), cython.address(parameters[0]), cython.address(room[0]) + floats, memory, iterations,
                window, tolerance, level, cython.address(stop[0]), cython.address(evaluations),
            )  # fmt: skip
        return value, evaluations
