"""The fast scan and the exact one accept the same trees, and neither accepts what brute force refutes."""

from __future__ import annotations

import random
from fractions import Fraction

import pytest
from brute_force import squared_gain

from certify.checker.cones import check_cones
from certify.checker.numbers import on_grid, rows_on_grid
from certify.checker.proofs import Cones
from certify.checker.reduction import Hinges
from certify.checker.rejection import Rejected
from certify.checker.sums import ExactSums, FastSums

pytestmark = pytest.mark.slow  # together: `make test-fast` leaves them out


def some_hinges(rng: random.Random, rank: int, limit: Fraction, free: bool = False) -> Hinges:
    """A few hinges, on a coarse grid (so that ties abound) or of full floats of very different sizes."""
    coarse = rng.random() < 0.5
    draw = (lambda: float(rng.randint(-3, 3))) if coarse else (lambda: rng.gauss(0, 1) * 2.0 ** rng.randint(-30, 30))
    rows = [[draw() for _ in range(rank - free)] + [1.0] * free for _ in range(rng.randint(1, 5))]
    points, point_shift = rows_on_grid(rows)
    weights, weight_shift = on_grid([draw() for _ in rows])
    (linear,), linear_shift = rows_on_grid([[0.0 if rng.random() < 0.5 or free else draw() for _ in range(rank)]])
    lift = max(
        linear_shift - point_shift - weight_shift, 0
    )  # of the weights, so that the linear part is on the common grid
    weights, weight_shift = [w << lift for w in weights], weight_shift + lift
    linear = [x << (point_shift + weight_shift - linear_shift) for x in linear]
    return Hinges(points, point_shift, weights, weight_shift, linear, free, 3 << point_shift if free else 0, limit)


def some_start(rank: int) -> list[list[int]]:
    """The unit vectors and minus their sum."""
    return [[int(i == k) for i in range(rank)] for k in range(rank)] + [[-1] * rank]


def some_tree(rng: random.Random, rank: int) -> list:
    """Splits in preorder, None for a leaf."""
    nodes, open_parts = [], rank + 1
    while open_parts:
        if rank > 1 and rng.random() < 0.4 and len(nodes) < 20:
            a, b = rng.sample(range(rank), 2)
            nodes.append((a, b, rng.choice([1, 1, 1, 2, 3, 2**40]), rng.choice([1, 1, 1, 2, 5])))
            open_parts += 1
        else:
            nodes.append(None)
            open_parts -= 1
    return nodes


def filled(rng: random.Random, hinges: Hinges, tree: list, exponent: int, steps: int = 0) -> list:
    """Leaves with z just about where it has to be, or some steps above: one solve a leaf, in rationals, rounded, and nudged."""
    sums = hinge_sums(hinges, ExactSums)
    start = [sums.generator(v) for v in some_start(hinges.rank)]
    stack = [[*start[:k], *start[k + 1 :]] for k in reversed(range(len(start)))]
    nodes = []
    for node in tree:
        cone = stack.pop()
        if node is not None:
            a, b, i, j = node
            middle = sums.middle(cone[a], cone[b], i, j)
            first, second = cone.copy(), cone.copy()
            first[b] = second[a] = middle
            stack += [second, first]
            nodes.append(node)
            continue
        matrix = [[Fraction(x) for x in g.vector] for g in cone]
        weights = rng.choice([[1, 1], [3, 1], [2**40, 1]])
        slope = [
            Fraction(weights[0] * x + weights[1] * y, sum(weights))
            for x, y in zip(*(sums.slope(point) for point in some_points(hinges.rank)), strict=True)
        ]
        slope = [s - g for s, g in zip(slope, hinges.linear, strict=True)]
        right = [sums.exactly(g) - sum(s * x for s, x in zip(slope, g.vector, strict=True)) for g in cone]
        unit = Fraction(2) ** (-exponent - hinges.weight_shift - hinges.point_shift)
        right = [x + steps / unit * sum(map(abs, g.vector)) for x, g in zip(right, cone, strict=True)]
        z = [round(x * unit) + rng.choice([0, 0, 0, 1, -1]) for x in solved(matrix, right)]
        nodes.append((z, [0, 1], weights))
    return nodes


def some_points(rank: int) -> list[list[int]]:
    """Two points, on different sides of most hinges, and on some."""
    return [[1] * rank, [-1] + [0] * (rank - 1)]


def hinge_sums(hinges: Hinges, kind: type[ExactSums]) -> ExactSums:
    """The sums of one sign, unscaled."""
    rows = [[abs(w) * x for x in p] for w, p in zip(hinges.weights, hinges.points, strict=True)]
    plus = [row for w, row in zip(hinges.weights, rows, strict=True) if w > 0]
    minus = [row for w, row in zip(hinges.weights, rows, strict=True) if w < 0]
    return kind(plus, minus, hinges.rank)


def solved(matrix: list[list[Fraction]], right: list) -> list[Fraction]:
    """The solution of a regular system, by elimination."""
    rows = [[*row, Fraction(x)] for row, x in zip(matrix, right, strict=True)]
    for k in range(len(rows)):
        pivot = next(i for i in range(k, len(rows)) if rows[i][k])
        rows[k], rows[pivot] = rows[pivot], rows[k]
        rows[k] = [x / rows[k][k] for x in rows[k]]
        rows = [
            row if i == k else [x - row[k] * y for x, y in zip(row, rows[k], strict=True)] for i, row in enumerate(rows)
        ]
    return [row[-1] for row in rows]


def outcome(hinges: Hinges, proof: Cones, exact: bool) -> int | str:
    """The number of leaves, or why the proof is rejected."""
    try:
        return check_cones(hinges, 1, proof, "proof", exact)
    except Rejected as reason:
        return str(reason)


@pytest.mark.parametrize("seed", range(12))
def test_the_scans_never_disagree(seed: int) -> None:
    """On 250 random trees a seed whose inequalities are tight, both scans give the same answer, for the same reason."""
    rng = random.Random(seed)
    accepted = 0
    for _ in range(250):
        rank = rng.randint(1, 4)
        hinges = some_hinges(rng, rank, Fraction(2) ** 90, free=rank > 1 and rng.random() < 0.3)
        exponent = rng.choice([-140, -60, -20, -1, 0])
        nodes = filled(rng, hinges, some_tree(rng, rank), exponent)
        proof = Cones(some_start(rank), some_points(rank), exponent, nodes)
        fast, exact = outcome(hinges, proof, False), outcome(hinges, proof, True)
        assert fast == exact
        accepted += isinstance(exact, int)
    assert 10 < accepted < 240


@pytest.mark.parametrize("seed", range(4))
def test_accepted_trees_are_true(seed: int) -> None:
    """Where a random tree is accepted at the length of its longest z, brute force finds no larger gain."""
    rng = random.Random(100 + seed)
    accepted = 0
    for _ in range(120):
        hinges = some_hinges(rng, 2, Fraction(1))
        proof = Cones(
            some_start(2), some_points(2), -30, filled(rng, hinges, some_tree(rng, 2), -30, rng.choice([1, 2]))
        )
        squares = [sum(x * x for x in node[0]) for node in proof.nodes if len(node) == 3]
        limit = Fraction(float(max(squares)) ** 0.5 * 2.0**-30)
        tried = Hinges(*(getattr(hinges, name) for name in hinges.__slots__[:-1]), limit)
        if isinstance(outcome(tried, proof, False), int):
            accepted += 1
            rows = [[Fraction(x, 1 << hinges.point_shift) for x in p] for p in hinges.points]
            weights = [Fraction(w, 1 << hinges.weight_shift) for w in hinges.weights]
            line = [Fraction(x, 1 << (hinges.point_shift + hinges.weight_shift)) for x in hinges.linear]
            both = [*rows, line, [-x for x in line]], [*weights, Fraction(1), Fraction(-1)]  # x = (x)_+ - (-x)_+
            assert squared_gain(*both, sign=1) <= limit**2
    assert accepted > 5


@pytest.mark.parametrize("seed", range(40))
def test_fast_sums_are_one_sided(seed: int) -> None:
    """The fast bound on h+ is at least the exact sum and hardly above it, and the subgradients are the same."""
    rng = random.Random(seed)
    hinges = some_hinges(rng, rng.randint(1, 5), Fraction(1))
    exact, fast = (hinge_sums(hinges, kind) for kind in (ExactSums, FastSums))
    chains = [[sums.generator(v) for v in some_start(hinges.rank)] for sums in (exact, fast)]
    sizes = [1] * (hinges.rank + 1)
    for _ in range(60):
        a, b = rng.sample(range(len(chains[0])), 2)
        i, j = rng.choice([1, 1, 2, 2**50]), rng.choice([1, 1, 7])
        if max(x.bit_length() for x in chains[0][a].vector + chains[0][b].vector) > 700:
            break
        for sums, chain in zip((exact, fast), chains, strict=True):
            chain.append(sums.middle(chain[a], chain[b], i, j))
        tops = [sums.above(chain[-1]) for sums, chain in zip((exact, fast), chains, strict=True)]
        sizes.append(i * sizes[a] + j * sizes[b])
        mass = max(sum(abs(x) for row in exact.plus for x in row), 1) * sizes[-1]
        assert tops[0] == exact.exactly(chains[0][-1]) == fast.exactly(chains[1][-1])
        assert tops[0] <= tops[1] <= tops[0] + mass * Fraction(1, 2**36) + 2
        point = [rng.choice([0, 1, -1, 3, rng.getrandbits(60)]) for _ in range(hinges.rank)]
        assert exact.slope(point) == fast.slope(point)


def nearly_orthogonal(rng: random.Random, v: list[int], bits: int) -> list[int]:
    """A row whose product with v is tiny beside its terms, of either sign."""
    row = [rng.getrandbits(bits) - (1 << (bits - 1)) for _ in v[1:]]
    return [-sum(x * y for x, y in zip(row, v[1:], strict=True)) // v[0] + rng.choice([0, 1]), *row]


@pytest.mark.parametrize("seed", range(20))
def test_fast_sums_survive_cancellation(seed: int) -> None:
    """Where float64 loses every digit of a product, the bound on h+ still holds, and the gates are those of the integers."""
    rng = random.Random(seed)
    for _ in range(40):
        rank, bits = rng.randint(2, 5), rng.choice([20, 60, 200])
        a, b = ([rng.getrandbits(60) + 1 for _ in range(rank)] for _ in range(2))
        i, j = rng.choice([(1, 1), (1, 1), (3, 2**30), (2**55 + 1, 7)])
        aims = [a, b, [i * x + j * y for x, y in zip(a, b, strict=True)]]
        rows = [nearly_orthogonal(rng, rng.choice(aims), bits) for _ in range(rng.randint(1, 4))]
        exact, fast = ExactSums(rows, rows, rank), FastSums(rows, rows, rank)
        start = [[sums.generator(v) for v in (a, b)] for sums in (exact, fast)]
        for sums, pair in zip((exact, fast), start, strict=True):
            pair.append(sums.middle(*pair, i, j))
        for slow, quick, aim in zip(*start, aims, strict=True):
            assert slow.vector == quick.vector == aim
            assert exact.above(slow) == fast.exactly(quick) <= fast.above(quick)
            assert exact.slope(aim) == fast.slope(aim)


def test_fast_sums_survive_many_lost_additions() -> None:
    """Thirty thousand middles, each of which float64 rounds to what was there before, are still bounded from above."""
    exact, fast = ExactSums([[1, 1]], [], 2), FastSums([[1, 1]], [], 2)
    ends = [(sums.generator([2**60, 0]), sums.generator([0, 127])) for sums in (exact, fast)]
    far = [end for end, _ in ends]
    for _ in range(30_000):
        far = [sums.middle(g, step, 1, 1) for sums, g, (_, step) in zip((exact, fast), far, ends, strict=True)]
    assert far[1].values == ends[1][0].values
    assert exact.above(far[0]) <= fast.above(far[1])
