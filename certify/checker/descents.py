"""Paths along which F never rises, decided piece by piece in exact rationals (docs/landscape.md, "What verify decides").

Breakpoints are w_j = u_j |a_j| with a sign for every slot and a constant; in between w and the constant are linear, and the network is the
balanced one, whose penalty is beta sum |w_j|_P (+ o/2 c^2). On a piece let f' be the predictions interpolated between its ends. Then
phi = L(f') + penalty is convex, so it rises by no more than max(0, slope at the end); and the predictions differ from f' only where a sample
changes its side of a neuron: there by at most the smaller of the two distances.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from certify.checker.certificate import Network
from certify.checker.logarithms import BITS, softplus_bounds
from certify.checker.numbers import dot, on_grid, root_below
from certify.checker.objective import Problem, network_value
from certify.checker.rejection import require, rounded

KINDS = ("balance", "shrink", "recentre", "merge", "prune", "segment", "split", "edge")
_LOSSES = ("half-squared", "squared", "logistic")  # whose slopes are known below
_STEP = 52  # slopes of the logistic loss are difference quotients over 2^-52, of values enclosed to some 2^-109
_CLOSE = Fraction(1, 10**9)  # relative; a value stated for a breakpoint is off by at most this,
_LEAST = Fraction(1, 1 << 1074)  # or by the least float


@dataclass(frozen=True, slots=True)
class Way:
    """The breakpoints: vectors (K, m, D), signs (K, m), constants (K,), values (K + 1,) as stated, the network's first; kinds (K,) of the
    pieces, the first of which leads from the network to the first breakpoint. allowed: how much F may rise in all, relative to F."""

    vectors: list[list[list[float]]]
    signs: list[list[int]]
    constants: list[float]
    values: list[float]
    kinds: list[str]
    allowed: float


@dataclass(frozen=True, slots=True)
class Kept:
    """Bounds on F at both ends, and the most that F can have risen on the way, all pieces together."""

    start: tuple[Fraction, Fraction]
    end: tuple[Fraction, Fraction]
    rise: Fraction
    pieces: int


@dataclass(frozen=True, slots=True)
class _Point:
    """A breakpoint: vectors (m, D) in units of 2^-shift, signs, the constant, and each neuron's products with the rows (m, n)."""

    vectors: list[list[int]]
    shift: int
    signs: list[int]
    constant: Fraction
    products: list[list[Fraction]]
    predictions: list[Fraction]


def decide_way(problem: Problem, network: Network, way: Way) -> Kept:
    """Raise Rejected unless the path begins at the network and F rises by no more than is allowed, all pieces together."""
    values, rises = walked(problem, network, way)
    total = sum(rises, Fraction(0))
    most = Fraction(way.allowed) * abs(values[0][0])
    require(total <= most, f"F may rise by {rounded(total)} in all, more than the {rounded(most)} allowed")
    for k, (stated, (low, high)) in enumerate(zip(way.values, values, strict=True)):
        room = _CLOSE * abs(high) + _LEAST
        require(low - room <= Fraction(stated) <= high + room, f"F[{k}]: stated as {stated!r}, it is {rounded(high)}")
    return Kept(values[0], values[-1], total, len(rises))


def walked(problem: Problem, network: Network, way: Way) -> tuple[list[tuple[Fraction, Fraction]], list[Fraction]]:
    """Bounds on F at the network and at every breakpoint, and on the rise of every piece. Raises Rejected for what is no path of it."""
    loss = problem.objective.loss
    require(loss in _LOSSES, f"objective: paths under the {loss} loss are not decided here")
    require(not problem.objective.undecayed, "objective: paths without weight decay are not decided here")
    _require_form(problem, network, way)
    points = [_balanced(problem, network), *_breakpoints(problem, way)]
    rises = [_rise(problem, first, second, k) for k, (first, second) in enumerate(pairwise(points))]
    return [network_value(problem, network), *(_value(problem, point) for point in points[1:])], rises


def _require_form(problem: Problem, network: Network, way: Way) -> None:
    count, width, size = len(way.vectors), len(network.output_weights), len(problem.rows[0])
    require(count >= 1, "the path has no breakpoint")
    require(len(way.kinds) == len(way.signs) == len(way.constants) == count, "the arrays do not belong to one path")
    require(len(way.values) == count + 1, "F has one value too many, or too few")
    require(all(kind in KINDS for kind in way.kinds), f"kind: one of {', '.join(KINDS)} expected")
    require(0 <= way.allowed <= 1e-6, "allowed: between 0 and 1e-6")
    for vectors, signs in zip(way.vectors, way.signs):
        require(len(vectors) == len(signs) == width, f"the network has {width} neurons, and so has every breakpoint")
        require(all(len(w) == size for w in vectors), f"a neuron has {size} numbers")
        require(all(s in (-1, 1) for s in signs), "sign: -1 or 1 expected")
    numbers = [x for vectors in way.vectors for w in vectors for x in w] + way.constants + way.values
    require(all(math.isfinite(x) for x in numbers), "a number is not finite")
    if problem.objective.output_bias == "none":
        require(not any(way.constants), "constant: the network has no output bias")


def _balanced(problem: Problem, network: Network) -> _Point:
    """Where balancing leads, u |a|; that F does not rise on the way there needs no proof: 2 |u||a| <= |u|^2 + a^2.

    A neuron (0, b) with a free bias and an output weight is a constant: with a free output bias, that takes it over at the same F.
    """
    bias = network.hidden_bias
    rows = network.hidden_weights if bias is None else [[*u, b] for u, b in zip(network.hidden_weights, bias)]
    flat, shift = on_grid([x for u in rows for x in u])
    outer, outer_shift = on_grid(network.output_weights)
    d = len(problem.rows[0])
    vectors = [[x * abs(a) for x in flat[j * d : (j + 1) * d]] for j, a in enumerate(outer)]
    constant = Fraction(network.output_bias or 0.0)
    for w, a in zip(vectors, outer):
        if problem.objective.output_bias == "free" and any(w) and not any(_normed(problem, w)):
            constant += Fraction((1 if a > 0 else -1) * max(w[-1], 0), 1 << (shift + outer_shift))
            w[-1] = 0
    return _point(problem, vectors, shift + outer_shift, [1 if a >= 0 else -1 for a in outer], constant)


def _breakpoints(problem: Problem, way: Way) -> list[_Point]:
    points = []
    for vectors, signs, constant in zip(way.vectors, way.signs, way.constants):
        flat, shift = on_grid([x for w in vectors for x in w])
        d = len(problem.rows[0])
        integers = [flat[j * d : (j + 1) * d] for j in range(len(vectors))]
        points.append(_point(problem, integers, shift, signs, Fraction(constant)))
    return points


def _point(problem: Problem, vectors: list[list[int]], shift: int, signs: list[int], constant: Fraction) -> _Point:
    rows = [on_grid(row) for row in problem.rows]
    products = [[Fraction(dot(w, row), 1 << (shift + s)) for row, s in rows] for w in vectors]
    for w in vectors:
        require(
            any(_normed(problem, w)) or not any(w), "a neuron of which only the free bias is left has no place here"
        )
    columns = list(zip(*products)) if products else [()] * len(rows)
    predictions = [constant + sum((s * v for s, v in zip(signs, column) if v > 0), Fraction(0)) for column in columns]
    return _Point(vectors, shift, signs, constant, products, predictions)


def _normed(problem: Problem, w: list[int]) -> list[int]:
    """What of a neuron the norm counts."""
    return w[:-1] if problem.free_hidden_bias else w


def _rise(problem: Problem, first: _Point, second: _Point, number: int) -> Fraction:
    """The most that F can rise on the piece: the slope of phi at its end, and twice what predictions can be off."""
    off = [Fraction(0)] * len(problem.rows)
    for j, (one, two) in enumerate(zip(first.vectors, second.vectors)):
        if any(one) and any(two):
            require(first.signs[j] == second.signs[j], f"piece {number}: neuron {j} changes its sign")
            _require_size(problem, one, two, f"piece {number}: neuron {j}")
        for i, (v, w) in enumerate(zip(first.products[j], second.products[j])):
            if v * w < 0:
                off[i] += min(abs(v), abs(w))
    slope = _mass_slope(problem, first, second)
    if problem.objective.output_bias == "penalized":
        step = second.constant - first.constant
        slope += Fraction(problem.objective.output_decay) * second.constant * step
    doubt = Fraction(0)
    samples = zip(problem.weights, problem.targets, first.predictions, second.predictions, off)
    for weight, target, before, after, error in samples:
        share = Fraction(weight) / problem.divisor
        low, high = _slope(problem, after, Fraction(target))
        slope += share * max(low * (after - before), high * (after - before))
        if error:
            doubt += share * _change(problem, Fraction(target), before, after, error)
    return max(Fraction(0), slope) + 2 * doubt


def _require_size(problem: Problem, one: list[int], two: list[int], where: str) -> None:
    """Between two vectors whose normed parts are opposite, a neuron with a free bias would pass through one without size."""
    if not problem.free_hidden_bias:
        return
    p, q = one[:-1], two[:-1]
    opposite = dot(p, q) < 0 and dot(p, q) ** 2 == dot(p, p) * dot(q, q)
    require(not opposite, f"{where} passes through one of which only the free bias is left")


def _mass_slope(problem: Problem, first: _Point, second: _Point) -> Fraction:
    """An upper bound on beta times the slope of sum |w_j|_P at the end of the piece."""
    total = Fraction(0)
    for one, two in zip(first.vectors, second.vectors):
        p = [Fraction(x, 1 << first.shift) for x in _normed(problem, one)]
        q = [Fraction(x, 1 << second.shift) for x in _normed(problem, two)]
        if any(q):
            inner = sum((y * (y - x) for x, y in zip(p, q)), Fraction(0))
            low, high = _root(sum((y * y for y in q), Fraction(0)))
            total += inner / (low if inner > 0 else high)
        else:
            total -= _root(sum((x * x for x in p), Fraction(0)))[0]
    low, high = _root(Fraction(problem.objective.hidden_decay) * Fraction(problem.objective.output_decay))
    return total * (high if total > 0 else low)


def _root(square: Fraction) -> tuple[Fraction, Fraction]:
    """Bounds on the square root, equal where it is a dyadic number."""
    low = root_below(square)
    if low * low == square:
        return low, low
    return low, low + Fraction(1, 1 << (128 + square.denominator.bit_length()))


def _slope(problem: Problem, f: Fraction, y: Fraction) -> tuple[Fraction, Fraction]:
    """Bounds on d/df loss(f, y); of the logistic loss, which is convex, by difference quotients."""
    if problem.objective.loss != "logistic":
        slope = problem.kappa * (f - y)
        return slope, slope
    margin, step = f * y, Fraction(1, 1 << _STEP)
    left, here, right = (_softplus(m) for m in (margin - step, margin, margin + step))
    low, high = (here[0] - left[1]) / step, (right[1] - here[0]) / step
    return (low, high) if y > 0 else (-high, -low)


def _softplus(margin: Fraction) -> tuple[Fraction, Fraction]:
    """Bounds on log(1 + exp(-m))."""
    shift = BITS
    above = (margin.numerator << shift) // margin.denominator  # rounded down, so that the value is rounded up
    low, high = softplus_bounds(above + 1, shift)[0], softplus_bounds(above, shift)[1]
    return Fraction(low, 1 << BITS), Fraction(high, 1 << BITS)


def _change(problem: Problem, y: Fraction, before: Fraction, after: Fraction, error: Fraction) -> Fraction:
    """How much the loss of one sample can change when a prediction between the two is off by at most the error."""
    if problem.objective.loss == "logistic":
        return error  # its slope is at most 1
    furthest = max(abs(before - y), abs(after - y))
    return problem.kappa * error * (furthest + error / 2)


def _value(problem: Problem, point: _Point) -> tuple[Fraction, Fraction]:
    """Bounds on F of the balanced network."""
    low = high = Fraction(0)
    for weight, target, f in zip(problem.weights, problem.targets, point.predictions):
        share, y = Fraction(weight) / problem.divisor, Fraction(target)
        bounds = _softplus(f * y) if problem.objective.loss == "logistic" else (problem.kappa * (f - y) ** 2 / 2,) * 2
        low, high = low + share * bounds[0], high + share * bounds[1]
    sizes = [_length(problem, w, point.shift) for w in point.vectors]
    beta = _root(Fraction(problem.objective.hidden_decay) * Fraction(problem.objective.output_decay))
    low += beta[0] * sum((size[0] for size in sizes), Fraction(0))
    high += beta[1] * sum((size[1] for size in sizes), Fraction(0))
    if problem.objective.output_bias == "penalized":
        constant = Fraction(problem.objective.output_decay) * point.constant**2 / 2
        low, high = low + constant, high + constant
    return low, high


def _length(problem: Problem, w: Sequence[int], shift: int) -> tuple[Fraction, Fraction]:
    normed = _normed(problem, list(w))
    return _root(Fraction(dot(normed, normed), 1 << 2 * shift))
