"""Proofs by cones: the leaves cover all directions, and on each a linear function lies above the gain.

On the cone of v_1..v_r, h+ <= its linear interpolation and h- >= q . t, so h+ - h- + g . t <= z . t for every z with
z . v_k >= h+(v_k) - q . v_k + g . v_k for all k; and z . t <= limit (docs/certificate.md, section 4).
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from certify.checker.numbers import dot, independent
from certify.checker.proofs import ConeLeaf, Cones, Split
from certify.checker.reduction import Hinges
from certify.checker.rejection import Rejected, require
from certify.checker.sums import ExactSums, FastSums, Generator

_MOST_BITS = 900
_FINE = 64


def check_cones(hinges: Hinges, sign: int, proof: Cones, where: str, exact: bool) -> int:
    """The number of leaves; Rejected unless they prove sign * sum <= limit."""
    scan = _Scan(hinges, sign, proof, exact)
    start = _start_generators(proof, where)
    generators = [scan.sums.generator(v) for v in start]
    stack = [[*generators[:k], *generators[k + 1 :]] for k in reversed(range(len(generators)))]
    leaves = 0
    for number, node in enumerate(proof.nodes):
        require(len(stack) > 0, f"{where}: nodes follow after the tree is complete, from node {number} on")
        cone = stack.pop()
        if len(node) == 4:
            stack += _halves(scan.sums, cone, node, f"{where}: node {number}")
        else:
            reason = scan.failure(cone, node)
            if reason is not None:
                raise Rejected(f"{where}: node {number}: {reason}")
            leaves += 1
    require(not stack, f"{where}: the tree ends {len(stack)} cones too early")
    return leaves


def _start_generators(proof: Cones, where: str) -> list[list[int]]:
    start = proof.start
    require(all(sum(column) == 0 for column in zip(*start)), f"{where}: the start generators do not sum to zero")
    require(_short(start) and _short(proof.points), f"{where}: a vector of more than {_MOST_BITS} bits")
    require(independent(start[1:]), f"{where}: the start generators are dependent")
    return start


def _short(vectors: Sequence[Sequence[int]]) -> bool:
    return all(x.bit_length() <= _MOST_BITS for v in vectors for x in v)


def _halves(sums: ExactSums, cone: list[Generator], split: Split, where: str) -> list[list[Generator]]:
    """The two cones of a split, the one visited first (the middle in place of b) last."""
    a, b, i, j = split
    middle = sums.middle(cone[a], cone[b], i, j)
    require(_short([middle.vector]), f"{where}: a generator of more than {_MOST_BITS} bits")
    first, second = cone.copy(), cone.copy()
    first[b] = second[a] = middle
    return [second, first]


class _Scan:
    """The test of one leaf. Everything is counted in units 2^-unit, of the rows or of z, whichever is finer."""

    def __init__(self, hinges: Hinges, sign: int, proof: Cones, exact: bool) -> None:
        self.hinges = hinges
        row_shift = hinges.weight_shift + hinges.point_shift
        unit = max(row_shift, -proof.exponent)
        rows = [
            [abs(w) * x << (unit - row_shift) for x in p] for w, p in zip(hinges.weights, hinges.points, strict=True)
        ]
        plus = [row for w, row in zip(hinges.weights, rows) if sign * w > 0]
        minus = [row for w, row in zip(hinges.weights, rows) if sign * w < 0]
        self.linear = [sign * x << (unit - row_shift) for x in hinges.linear]
        self.sums = (ExactSums if exact else FastSums)(plus, minus, hinges.rank)
        self.scale = 1 << (unit + proof.exponent)
        self.limit = int(hinges.limit * Fraction(2) ** (_FINE - proof.exponent))
        self.points = proof.points
        self.slopes: dict[int, list[int]] = {}

    def failure(self, cone: list[Generator], leaf: ConeLeaf) -> str | None:
        """Why the leaf's z proves nothing; None where it proves the limit."""
        z, which, weights = leaf
        if not self.hinges.within(self.limit, [x << _FINE for x in z]):
            return "z is longer than the limit"
        slopes = [self._slope(k) for k in which]
        total = sum(weights)
        # total (z + q - g), as integers
        lifted = [
            total * (self.scale * x - g) + dot(weights, column) for x, g, column in zip(z, self.linear, zip(*slopes))
        ]
        for k, g in enumerate(cone):
            height = dot(lifted, g.vector)
            if not height >= total * self.sums.above(g) and not height >= total * self.sums.exactly(g):
                return f"z lies below the gain at generator {k}"
        return None

    def _slope(self, k: int) -> list[int]:
        if k not in self.slopes:
            self.slopes[k] = self.sums.slope(self.points[k])
        return self.slopes[k]
