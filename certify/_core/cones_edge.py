"""Engine C: which edge of a cone is split (docs/theory.md, section 9.3). No bound depends on the choice."""

import cython
from cython.cimports.certify._core.dense import dot
from cython.cimports.certify._core.lists import Lists
from cython.cimports.libc.math import sqrt

_LEAST_SHARE = cython.declare(cython.double, 1e-9)  # of the maximiser's largest weight: an edge it does not lie at


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def choose_edge(
    r: cython.Py_ssize_t, v: cython.p_double, alpha: cython.p_double, plus: Lists, level: cython.Py_ssize_t
) -> cython.Py_ssize_t:
    """The edge whose interpolation of h+ loses most at the maximiser, as a r + b; the widest one where none loses anything."""
    a: cython.Py_ssize_t
    b: cython.Py_ssize_t
    edge: cython.Py_ssize_t = -1
    heaviest: cython.double = 0.0
    best: cython.double = 0.0
    score: cython.double
    for a in range(r):
        heaviest = max(heaviest, alpha[a])
    for a in range(r):
        if not alpha[a] > _LEAST_SHARE * heaviest:
            continue
        for b in range(a):
            if not alpha[b] > _LEAST_SHARE * heaviest:
                continue
            score = plus.edge_loss(level, a, b) * alpha[a] * alpha[b] / (alpha[a] + alpha[b])
            if score > best:
                best, edge = score, a * r + b
    return widest_edge(r, v) if edge < 0 else edge


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def widest_edge(r: cython.Py_ssize_t, v: cython.p_double) -> cython.Py_ssize_t:
    """The pair of generators at the largest angle, as a r + b; 0 where there is only one."""
    a: cython.Py_ssize_t
    b: cython.Py_ssize_t
    edge: cython.Py_ssize_t = 0
    least: cython.double = 2.0
    cosine: cython.double
    for a in range(r):
        for b in range(a):
            cosine = dot(r, v + a * r, v + b * r)
            cosine /= sqrt(dot(r, v + a * r, v + a * r) * dot(r, v + b * r, v + b * r))
            if cosine < least:
                least, edge = cosine, a * r + b
    return edge


def edge_to_split(v: cython.double[:, ::1], alpha: cython.double[::1], rows: cython.double[:, ::1]) -> tuple[int, int]:
    """The edge (a, b) on which the interpolation of h+, of the rows (., r), loses most at sum alpha_k v_k; else the widest."""
    r: cython.Py_ssize_t = v.shape[1]
    edge: cython.Py_ssize_t
    plus: Lists
    if v.shape[0] != r or alpha.shape[0] != r or rows.shape[1] != r:
        raise ValueError(
            f"a cone in R^{r} has {v.shape[0]} generators, {alpha.shape[0]} weights, rows of {rows.shape[1]}"
        )
    plus = Lists(r, 1)
    plus.fill(rows, v)
    edge = choose_edge(r, cython.address(v[0, 0]), cython.address(alpha[0]), plus, 0)
    return edge // r, edge % r


def widest(v: cython.double[:, ::1]) -> tuple[int, int]:
    """The pair of the generators (r, r) at the largest angle."""
    edge: cython.Py_ssize_t
    if v.shape[0] != v.shape[1] or v.shape[0] == 0:
        raise ValueError(f"a cone in R^{v.shape[1]} has {v.shape[0]} generators")
    edge = widest_edge(v.shape[0], cython.address(v[0, 0]))
    return edge // v.shape[0], edge % v.shape[0]
