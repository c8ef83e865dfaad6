"""R, the dimension of what networks of every width can predict, in closed form and exactly (docs/theory.md, section 12).

R = dim span{(Z u)_+ : u}. The functions (z_i . u)_+ of u are independent but for zero rows, rows on one ray, and opposite
rays, as (t)_+ - (-t)_+ = t: so R = rays - pairs + rank(pairs). Floats are rationals, so nothing here is rounded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from certify.arrays import Floats
from certify.patterns.enumerate import hyperplanes


@dataclass(frozen=True, slots=True)
class ActivationRank:
    """R = rays - pairs + rank_of_pairs of the rows Z (n, D).

    rays           distinct nonzero rows up to positive scale       pairs  rays whose opposite is a ray too, counted once
    rank_of_pairs  of the pairs' lines
    constant       whether the constant predictions are among the span of the activations
    same_ray       groups of two or more samples on one ray, by index     zero_rows  samples whose row is zero
    """

    rays: int
    pairs: int
    rank_of_pairs: int
    constant: bool
    same_ray: tuple[tuple[int, ...], ...]
    zero_rows: tuple[int, ...]

    @property
    def rank(self) -> int:
        """R."""
        return self.rays - self.pairs + self.rank_of_pairs

    @property
    def with_constant(self) -> int:
        """dim span{(Z u)_+, 1}: what an output bias adds."""
        return self.rank + (not self.constant)


def activation_rank(rows: Floats) -> ActivationRank:
    """R of the rows (n, D), with what it is made of."""
    normals, sides = hyperplanes(rows)
    rays: dict[tuple[int, int], list[int]] = {}
    for i, side in sides.items():
        rays.setdefault(side, []).append(i)
    zero = tuple(i for i in range(len(rows)) if i not in sides)
    both = [h for h in normals if (h, 1) in rays and (h, -1) in rays]
    lines = [[Fraction(t) for t in normals[h]] for h in both]
    rank = exact_rank(lines)

    def inverse_length(side: tuple[int, int]) -> Fraction:
        """1/t for the ray's first sample, z_i = +-t normal."""
        pivot = next(k for k, t in enumerate(normals[side[0]]) if t)
        return Fraction(normals[side[0]][pivot] * side[1]) / Fraction(float(rows[rays[side][0], pivot]))

    # the constant is orthogonal to every dependency: e_i of a zero row; c e_i - e_j for z_j = c z_i; and for gamma with
    # sum gamma_p line_p = 0 over pairs z_i = t line, z_j = -t' line: the sum of gamma_p (1/t - 1/t')
    alike = all((rows[i] == rows[ray[0]]).all() for ray in rays.values() for i in ray)
    tilts = [inverse_length((h, 1)) - inverse_length((h, -1)) for h in both]
    level = exact_rank([[*line, tilt] for line, tilt in zip(lines, tilts, strict=True)]) == rank
    same = tuple(tuple(ray) for ray in rays.values() if len(ray) > 1)
    return ActivationRank(len(rays), len(both), rank, bool(not zero and alike and level), same, zero)


def exact_rank(vectors: Sequence[Sequence[Fraction]]) -> int:
    """The rank of rational vectors, by elimination."""
    rest, rank = [list(v) for v in vectors], 0
    for column in range(len(rest[0]) if rest else 0):
        pivot = next((k for k in range(rank, len(rest)) if rest[k][column]), None)
        if pivot is None:
            continue
        rest[rank], rest[pivot] = rest[pivot], rest[rank]
        for k in range(rank + 1, len(rest)):
            if rest[k][column]:
                factor = rest[k][column] / rest[rank][column]
                rest[k] = [a - factor * b for a, b in zip(rest[k], rest[rank], strict=True)]
        rank += 1
    return rank
