"""Proofs by quadratic majorants: on each leaf of a tree of sign cuts, v'Qv lies above the gain, v = (1, t).

Diag(lam_1, lam, .., lam[, lam_b]) - Q positive semidefinite, lam_b >= 0, gives v'Qv <= lam_1 + lam + lam_b R^2
(docs/certificate.md, section 5).
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations

from certify.checker.numbers import dot, positive_semidefinite, rows_on_grid
from certify.checker.proofs import Majorant, Majorants
from certify.checker.reduction import Hinges
from certify.checker.rejection import Rejected, require

Cut = tuple[int, int]  # a hinge or normal, and its sign on this side
Vectors = Sequence[Sequence[int]]
_HEIGHT_BITS = 64
_KEPT_BITS = 160


def check_majorants(hinges: Hinges, sign: int, proof: Majorants, where: str) -> int:
    """The number of leaves; Rejected unless they prove sign * sum <= limit."""
    planes = _Planes(hinges, proof.normals)
    stack: list[tuple[Cut, ...]] = [()]
    leaves = 0
    for number, node in enumerate(proof.nodes):
        require(len(stack) > 0, f"{where}: nodes follow after the tree is complete, from node {number} on")
        cuts = stack.pop()
        if isinstance(node, Majorant):
            reason = _Leaf(hinges, sign, planes, cuts, node).failure()
            if reason is not None:
                raise Rejected(f"{where}: node {number}: {reason}")
            leaves += 1
        else:
            stack += [(*cuts, (node, -1)), (*cuts, (node, 1))]
    require(not stack, f"{where}: the tree ends {len(stack)} parts too early")
    return leaves


class _Planes:
    """The hinges' points and then the normals, (0, l) in units of 2^-shift: what a tree can cut by."""

    def __init__(self, hinges: Hinges, normals: list[list[float]]) -> None:
        others, other_shift = rows_on_grid(normals)
        self.shift = max(hinges.point_shift, other_shift)
        self.vectors = [[0, *(x << (self.shift - hinges.point_shift) for x in p)] for p in hinges.points]
        self.vectors += [[0, *(x << (self.shift - other_shift) for x in n)] for n in others]


class _Form:
    """The upper triangle of a symmetric matrix (1 + r, 1 + r), integers in units of 2^-shift."""

    def __init__(self, size: int, shift: int) -> None:
        self.entries = [[0] * size for _ in range(size)]
        self.shift = shift

    def add(self, xs: Vectors, ys: Vectors, factors: Sequence[int], shift: int) -> None:
        """Add the form sum_k factors_k (xs_k . v)(ys_k . v), the products in units of 2^-shift."""
        if not factors:
            return
        left, right = list(zip(*xs, strict=True)), list(zip(*ys, strict=True))
        weighted = [
            [[f * x for f, x in zip(factors, column, strict=True)] for column in side] for side in (left, right)
        ]
        for a, line in enumerate(self.entries):
            for b in range(a, len(line)):
                both = dot(weighted[0][a], right[b]) + dot(weighted[1][a], left[b])
                line[b] += both << (self.shift - shift - 1)

    def below_diagonal(self, diagonal: Sequence[int]) -> bool:
        """Whether Diag(diagonal), in the same units, minus the matrix is positive semidefinite.

        Long entries are cut off; that moves the matrix by less than its size in units of the last bit kept.
        """
        size = range(len(diagonal))
        gap = [[-self.entries[min(a, b)][max(a, b)] + (diagonal[a] if a == b else 0) for b in size] for a in size]
        cut = max(max(abs(x).bit_length() for row in gap for x in row) - _KEPT_BITS, 0)
        if cut:
            gap = [[(x >> cut) - (len(gap) if a == b else 0) for b, x in enumerate(row)] for a, row in enumerate(gap)]
        return positive_semidefinite(gap)


class _Leaf:
    """One leaf's majorant, from the hints and the cuts above it."""

    def __init__(self, hinges: Hinges, sign: int, planes: _Planes, cuts: tuple[Cut, ...], hints: Majorant) -> None:
        self.hinges, self.hints, self.side_shift = hinges, hints, planes.shift
        self.weights, self.linear = [sign * w for w in hinges.weights], [0, *(sign * x for x in hinges.linear)]
        self.points = [[0, *p] for p in hinges.points]
        self.sides = [[side * x for x in planes.vectors[k]] for k, side in cuts]
        self.known = dict(cuts)
        free = [k for k in range(len(self.points)) if k not in self.known]
        self.raising = [k for k in free if self.weights[k] > 0]
        self.lowering = [k for k in free if self.weights[k] < 0]

    def failure(self) -> str | None:
        """Why the hints prove nothing; None where they prove the limit."""
        return self._miscounted() or self._infeasible() or self._too_high() or self._not_above()

    def _miscounted(self) -> str | None:
        hints, sides = self.hints, len(self.sides)
        found = [len(g.rows) for g in (hints.slopes, hints.sides)]
        found += [len(g.rows[0]) for g in (hints.curvatures, hints.tilts, hints.pairs)]
        expected = [len(self.lowering), sides, len(self.raising), 2 * sides * len(self.lowering)]
        expected.append(sides * (sides - 1) // 2)
        return None if found == expected else f"slopes, sides, curvatures, tilts, pairs: {found}, expected {expected}"

    def _infeasible(self) -> str | None:
        hints, within = self.hints, self.hinges.within
        if not all(tilt >= 0 for tilt in hints.tilts.rows[0]):
            return "a tilt is negative"
        if not all(self._at_most_one(j) for j in range(len(self.lowering))):
            return "a slope may exceed 1"
        if not all(within(side[0], side[1:]) for side in hints.sides.rows):
            return "a side's multiplier may be negative"
        if not (all(c > 0 for c in hints.curvatures.rows[0]) and all(c >= 0 for c in hints.pairs.rows[0])):
            return "a curvature or a pair's multiplier is negative, or a curvature zero"
        if not all(c >= 0 for c in hints.multipliers.rows[0][2:]):
            return "the multiplier of the bias is negative"
        return None

    def _at_most_one(self, j: int) -> bool:
        """Whether |y.v| <= 1 on the leaf, for slope j.

        1 -+ y.v = (1 -+ y_0) -+ (rest of y +- tilts L).v + tilts L.v, L the sides: L.v >= 0 on the leaf.
        """
        slopes, tilts, count = self.hints.slopes, self.hints.tilts, len(self.sides)
        shift = max(slopes.shift, tilts.shift + self.side_shift)
        constant, *rest = (x << (shift - slopes.shift) for x in slopes.rows[j])
        one, lift = 1 << shift, shift - tilts.shift - self.side_shift
        above = self._tilt(tilts.rows[0][2 * j * count : (2 * j + 1) * count], lift)
        below = self._tilt(tilts.rows[0][(2 * j + 1) * count : (2 * j + 2) * count], lift)
        upper = self.hinges.within(one - constant, [x + t for x, t in zip(rest, above, strict=True)])
        return upper and self.hinges.within(one + constant, [x - t for x, t in zip(rest, below, strict=True)])

    def _tilt(self, multipliers: Sequence[int], lift: int) -> list[int]:
        """The sides' combination, without its constant, which is 0."""
        columns = range(1, self.hinges.rank + 1)
        return [dot(multipliers, [side[i] for side in self.sides]) << lift for i in columns]

    def _too_high(self) -> str | None:
        constant, unit, *bias = self.hints.multipliers.rows[0]
        radius = Fraction(self.hinges.radius, 1 << self.hinges.point_shift)
        total = constant + unit + sum(bias) * radius**2
        fits = total / Fraction(1 << self.hints.multipliers.shift) <= self.hinges.limit
        return None if fits else "the multipliers sum to more than the limit"

    def _not_above(self) -> str | None:
        form = self._form()
        constant, unit, *bias = self.hints.multipliers.rows[0]
        rank = self.hinges.rank - len(bias)
        lift = form.shift - self.hints.multipliers.shift
        proved = form.below_diagonal([x << lift for x in (constant, *[unit] * rank, *bias)])
        return None if proved else "the majorant is not below its bound (not positive semidefinite)"

    def _form(self) -> _Form:
        """Q, in units fine enough for each of its parts."""
        hints, w_shift, p_shift = self.hints, self.hinges.weight_shift, self.hinges.point_shift
        height_shift = p_shift + _HEIGHT_BITS
        parts = {
            "line": w_shift + p_shift + 1,
            "height": w_shift + height_shift + 1,
            "curve": w_shift + hints.curvatures.shift + 2 * p_shift + 1,
            "slope": w_shift + hints.slopes.shift + p_shift + 1,
            "side": hints.sides.shift + self.side_shift,
            "pair": hints.pairs.shift + 2 * self.side_shift,
        }
        form = _Form(self.hinges.rank + 1, 1 + max(*parts.values(), hints.multipliers.shift))
        first = [1] + [0] * self.hinges.rank
        curves = hints.curvatures.rows[0]
        up, heights = [self.weights[k] for k in self.raising], [self._height(c, height_shift) for c in curves]
        raised, lowered = [self.points[k] for k in self.raising], [self.points[k] for k in self.lowering]
        form.add([first], [self._line()], [1], parts["line"])
        form.add([first], [first], [dot(up, heights)], parts["height"])
        form.add(raised, raised, [w * c for w, c in zip(up, curves, strict=True)], parts["curve"])
        form.add(hints.slopes.rows, lowered, [self.weights[k] for k in self.lowering], parts["slope"])
        form.add(hints.sides.rows, self.sides, [1] * len(self.sides), parts["side"])
        pairs = list(combinations(self.sides, 2))
        form.add([x for x, _ in pairs], [y for _, y in pairs], hints.pairs.rows[0], parts["pair"])
        return form

    def _line(self) -> list[int]:
        """What is linear, doubled: of a hinge w p where its sign is free, 2 w p where it is known to be positive."""
        shares = [w * (1 + self.known.get(k, 0)) for k, w in enumerate(self.weights)]
        return [dot(shares, column) + 2 * g for column, g in zip(zip(*self.points, strict=True), self.linear)]

    def _height(self, curvature: int, shift: int) -> int:
        """The least alpha, in units of 2^-shift, with 4 alpha curvature >= 1: then |x| <= alpha + curvature x^2."""
        return -(-(1 << (shift + self.hints.curvatures.shift - 2)) // curvature)
