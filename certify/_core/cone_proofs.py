"""The nodes of a proof by cones: a search's tree is followed, and its leaves get hints (docs/certificate.md, section 4).

The tree is a suggestion: a leaf that is not proved is split further. Nothing here is trusted.
"""

import cython
import numpy as np
from cython.cimports.certify._core.cone_leaves import ConeLeaves
from cython.cimports.certify._core.proof_generators import ProofGenerators
from cython.cimports.certify._core.proof_points import ProofPoints

from certify._core.cone_leaves import Z_BITS
from certify._core.cones_edge import edge_to_split

__all__ = ["Z_BITS", "ConeProofs"]

_CHARACTERS = cython.declare(cython.Py_ssize_t, 12)  # of an integer, about, with what stands between


@cython.cclass
class ConeProofs:
    """One sign's nodes so far. Raises ArithmeticError where there is no proof, with the reason.

    plus (P, r), minus (Q, r): the hinges in units in which `level` is of order 1; linear (r,): what is linear beside them; lowering
    (Q, r): minus without its weights.
    dual_scale (r,): |dual_scale z| <= level implies size(z) <= level. reach: |t_b| <= reach |tau| for a free bias, which is then
    the last coordinate, in units of 2^places; below 0 where there is none. spend: told of every node with its size in characters.
    """

    r: cython.Py_ssize_t
    rows: object
    generators: ProofGenerators
    points: ProofPoints
    leaves: ConeLeaves
    spend: object
    nodes: list

    def __init__(self, plus, minus, linear, lowering, dual_scale, level, reach, places, spend):
        self.r = plus.shape[1]
        if not (minus.shape[1] == self.r and dual_scale.shape[0] == self.r and self.r > 0):
            raise ValueError("plus (P, r), minus and lowering (Q, r) and dual_scale (r,) do not fit together")
        # a point is a vector and z a covector: where the one is written in finer units, the other is in coarser ones
        up, down = max(places, 0), max(-places, 0)
        self.rows, self.spend, self.nodes = plus, spend, []
        self.generators, self.points = ProofGenerators(plus, linear), ProofPoints(minus, lowering, up, down)
        self.leaves = ConeLeaves(self.generators, self.points, dual_scale, level, reach, down, up)

    def written(self):
        """The points that leaves use and the nodes, as the certificate has them."""
        numbers: dict = {}
        points: list = self.points.points
        for node in self.nodes:
            if len(node) == 2:
                gates: list = node[1]
                node[1] = [x if k % 2 else numbers.setdefault(x, len(numbers)) for k, x in enumerate(gates)]
        return [points[x] for x in numbers], self.nodes

    def generator(self, vector, origin, odd, power, bits) -> int:
        """A start generator's number: its vector, the same in the search's coordinates, and odd, power, bits of its integers."""
        return self.generators.add(vector, origin, odd, power, bits)

    def vector(self, number: cython.Py_ssize_t) -> list:
        """A generator in floats; they are numbered as they were made, those of the splits in the order of the nodes."""
        if not 0 <= number < self.generators.count:
            raise IndexError(f"there is no generator {number}")
        return [self.generators.vectors[number * self.r + k] for k in range(self.r)]

    def follow(self, cone, splits):
        """Write the splits of a tree below a start cone (its generators' numbers), and a proof of each leaf."""
        r: cython.Py_ssize_t = self.r
        pending: list = [tuple(cone)]
        code: cython.Py_ssize_t
        for code in splits:
            if not pending:
                raise ArithmeticError("the search's tree is malformed")
            cone = pending.pop()
            if code == 0:
                self._settle(cone)
            else:
                self._split(cone, (code - 1) // r, (code - 1) % r, pending)
        while pending:
            self._settle(pending.pop())

    @cython.cfunc
    def _settle(self, cone: tuple):
        """Prove the cone, splitting it as long as that is needed."""
        pending: list = [cone]
        while pending:
            cone = pending.pop()
            leaf = self.leaves.attempt(cone)
            if leaf is not None:
                self._write(leaf, len(leaf[0]) + len(leaf[1]))
                continue
            if self.r < 2:
                raise ArithmeticError("a ray is above the limit")
            vectors = np.array([[self.leaves.V[k * self.r + i] for i in range(self.r)] for k in range(self.r)])
            alpha = np.array([self.leaves.alpha[k] for k in range(self.r)])
            a, b = edge_to_split(vectors, alpha, self.rows)
            self._split(cone, a, b, pending)

    @cython.cfunc
    def _split(self, cone: tuple, a: cython.Py_ssize_t, b: cython.Py_ssize_t, pending: list):
        """Split the edge (v_a, v_b) at its middle; of the two halves, the one that is visited first comes last."""
        if not (0 <= a < self.r and 0 <= b < self.r and a != b):
            raise ArithmeticError("the search's tree is malformed")
        number, i, j = self.generators.middle(cone[a], cone[b])
        self._write([a, b, i, j], 4)
        first, second = list(cone), list(cone)
        first[b] = second[a] = number
        pending.append(tuple(second))
        pending.append(tuple(first))

    @cython.cfunc
    def _write(self, node: list, integers: cython.Py_ssize_t):
        self.nodes.append(node)
        self.spend(integers * _CHARACTERS)
