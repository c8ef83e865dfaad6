"""The two kinds of proof that a gain is small, as trees in preorder with hints at the leaves (docs/certificate.md, 4 and 5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from certify.checker.fields import MOST_EXPONENT, Field
from certify.checker.rejection import Rejected, require, shown

_MOST_WEIGHT = 1 << 64

Split = tuple[int, int, int, int]  # a, b, i, j: the edge from v_a to v_b is cut at i v_a + j v_b
ConeLeaf = tuple[list[int], list[int], list[int]]  # z, indices of points, their weights


@dataclass(frozen=True, slots=True)
class Cones:
    """start (r + 1, r); points (., r), where subgradients are taken; z of a leaf counts in units of 2^exponent."""

    start: list[list[int]]
    points: list[list[int]]
    exponent: int
    nodes: list[Split | ConeLeaf]


@dataclass(frozen=True, slots=True)
class Grid:
    """Rows of integers, in units of 2^-shift."""

    rows: list[list[int]]
    shift: int


@dataclass(frozen=True, slots=True)
class Majorant:
    """The hints of one leaf; how many of each there must be depends on the leaf's place in the tree.

    curvatures: one for each free raising hinge. slopes: (1 + r) for each free lowering one. tilts: above and then below,
    one for each cut above the leaf, for each slope. sides: (1 + r) for each such cut. pairs: one for each two of these.
    multipliers: of the constant, the unit vector, and the free bias.
    """

    curvatures: Grid
    slopes: Grid
    tilts: Grid
    sides: Grid
    pairs: Grid
    multipliers: Grid


@dataclass(frozen=True, slots=True)
class Majorants:
    """A node is a leaf's hints, or the hinge, or else (from N on) the normal, whose sign is fixed both ways."""

    normals: list[list[float]]
    nodes: list[int | Majorant]


Proof = Cones | Majorants


def read_proof(field: Field, rank: int, hinges: int, free: bool) -> Proof | None:
    """The proof for one sign; None where it says that nothing has to be proved. Raises Rejected."""
    if field.absent:
        return None
    require(type(field.value) is dict and "kind" in field.value, f"{field.where}: expected a proof with its kind")
    if Field(field.value["kind"], f"{field.where}.kind").word("cones", "majorants") == "cones":
        return _cones(field, rank)
    return _majorants(field, rank, hinges, free)


def _cones(field: Field, rank: int) -> Cones:
    part = field.record("kind", "start", "points", "exponent", "nodes")
    start = [row.integers(rank) for row in part["start"].items(rank + 1)]
    points = [row.integers(rank) for row in part["points"].items()]
    exponent = part["exponent"].integer(-MOST_EXPONENT, MOST_EXPONENT)
    nodes = [_cone_node(node, rank, len(points)) or _misshapen(i, node) for i, node in enumerate(part["nodes"].items())]
    return Cones(start, points, exponent, nodes)


def _cone_node(field: Field, rank: int, points: int) -> Split | ConeLeaf | None:
    """A split [a, b, i, j] or a leaf [[z, ...], [point, weight, point, weight, ...]]; None for anything else."""
    node = field.value
    if type(node) is not list:
        return None
    if len(node) == 4 and all(type(x) is int for x in node):
        a, b, i, j = node
        fits = 0 <= a < rank and 0 <= b < rank and a != b and 1 <= i <= _MOST_WEIGHT and 1 <= j <= _MOST_WEIGHT
        return (a, b, i, j) if fits else None
    if len(node) != 2 or type(node[0]) is not list or type(node[1]) is not list:
        return None
    z, gates = node
    numbers = all(type(x) is int for x in z) and all(type(x) is int for x in gates)
    if not numbers or len(z) != rank or len(gates) % 2 or not gates:
        return None
    which, weights = gates[::2], gates[1::2]
    fits = 0 <= min(which) and max(which) < points and 1 <= min(weights) and max(weights) <= _MOST_WEIGHT
    return (z, which, weights) if fits else None


def _misshapen(number: int, field: Field) -> Any:
    raise Rejected(f"{field.where}: node {number} is neither a split nor a leaf: {shown(field.value)}")


def _majorants(field: Field, rank: int, hinges: int, free: bool) -> Majorants:
    part = field.record("kind", "normals", "nodes")
    normals = [row.reals(rank) for row in part["normals"].items()]
    last = hinges + len(normals) - 1
    return Majorants(normals, [_majorant_node(node, last, rank, free) for node in part["nodes"].items()])


def _majorant_node(field: Field, last: int, rank: int, free: bool) -> int | Majorant:
    if type(field.value) is int:
        return field.integer(0, last)
    part = field.record("curvatures", "slopes", "tilts", "sides", "pairs", "multipliers")
    return Majorant(
        _grid(part["curvatures"], None),
        _grid(part["slopes"], rank + 1),
        _grid(part["tilts"], None),
        _grid(part["sides"], rank + 1),
        _grid(part["pairs"], None),
        _multipliers(part["multipliers"], 3 if free else 2),
    )


def _multipliers(field: Field, count: int) -> Grid:
    grid = _grid(field, None)
    require(len(grid.rows[0]) == count, f"{field.where}: expected {count} multipliers, found {len(grid.rows[0])}")
    return grid


def _grid(field: Field, columns: int | None) -> Grid:
    """Numbers in one row, or rows of so many columns, and the shift of their grid."""
    part = field.record("shift", "integers")
    shift, integers = part["shift"].integer(0, MOST_EXPONENT), part["integers"].integers()
    width = len(integers) if columns is None else columns
    require(len(integers) % max(width, 1) == 0, f"{field.where}: {len(integers)} integers, not rows of {width}")
    rows = [integers[i : i + width] for i in range(0, len(integers), max(width, 1))]
    return Grid(rows if columns is not None else [integers], shift)
