"""All optima as one polytope: Pol = {c >= 0 : A c = yhat}, c_i the mass |u||a| of direction i (docs/theory.md, sections 5 and 12).

With a penalised output bias, which is the same for all optima, yhat is less by it. A free one moves with c: then A and yhat count
modulo constants, and the bias of each point follows from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from certify.arrays import Bools, Floats, Indices
from certify.landscape.components import Staircase, staircase
from certify.landscape.landscape import Landscape
from certify.landscape.programs import MassPrograms
from certify.landscape.vertices import edges_of, vertices_of
from certify.linear import matmul, norm, svd
from certify.problem.network import Network
from certify.problem.objective import Bias
from certify.problem.training import Neurons

MOST_VERTICES = 10_000
RANK_TOLERANCE = 1e-8  # share of the largest singular value, columns at length 1
_MOST_EDGES = 600  # vertices
_RANDOM_VERTICES = 100
_NOTHING = 1e-11  # share of the longest column; predictions this small are those of the zero network


@dataclass(frozen=True, slots=True)
class Rank:
    """The rank of A, columns at length 1: how many singular values are above RANK_TOLERANCE times the largest.

    kept, dropped: the smallest of these and the largest of the others, relative to the largest of all; 0 where there is none.
    """

    rank: int
    kept: float
    dropped: float


@dataclass(frozen=True, eq=False)
class Polytope:
    """The optima of a landscape.

    columns (n, N), target (n,)   A and yhat, modulo constants where the output bias is free
    vertices (V, N)               those found, entries that are 0 exactly so; complete: whether they are all
    programs                      for what the vertices do not say; None where the only point is 0
    """

    landscape: Landscape
    columns: Floats
    target: Floats
    rank: Rank
    vertices: Floats
    complete: bool
    programs: MassPrograms | None
    seconds: float  # that the program for m* may take

    @cached_property
    def mass(self) -> float:
        """sum(c), the same for all optima."""
        landscape = self.landscape
        return float(np.sum(landscape.nu * (landscape.predictions - landscape.constant))) / landscape.beta

    @cached_property
    def staircase(self) -> Staircase | None:
        """How the optimal networks of each width hang together; None where not all vertices are known."""
        return staircase(self.in_blocks(self.vertices) > 0, self._rigid) if self.complete else None

    @cached_property
    def membership(self) -> Floats:
        """(B, N): which directions are of each block; with a free hidden bias a block is a segment, given by its ends."""
        blocks = self.landscape.blocks
        members: Floats = (blocks[None] == np.arange(int(np.max(blocks, initial=-1)) + 1)[:, None]).astype(float)
        return members

    def in_blocks(self, points: Floats) -> Floats:
        """The amplitudes (., B) of the blocks at points (., N)."""
        return matmul(points, self.membership.T)

    @property
    def _rigid(self) -> Bools:
        """Blocks (B,) without a bias that may grow at the output bias's cost: a network with another one is never isolated."""
        unbounded = self.landscape.unbounded.astype(float)
        rigid: Bools = matmul(self.membership, unbounded) == 0
        return rigid

    @cached_property
    def edges(self) -> Indices | None:
        """Pairs (E, 2) of vertices that an edge joins; None where vertices are missing or too many."""
        return edges_of(self.vertices) if self.complete and len(self.vertices) <= _MOST_EDGES else None

    @cached_property
    def centre(self) -> Floats:
        """A point (N,) that has every atom that any optimum has: the mean of all vertices, or of those of `extremes`."""
        mean: Floats = np.mean(self.vertices if self.complete else np.vstack(self.extremes), axis=0)
        return mean

    @cached_property
    def extremes(self) -> tuple[Floats, Floats]:
        """For each block a vertex where its amplitude is least, and one where it is largest: (B, N) each."""
        return self._each(self.membership), self._each(-self.membership)

    @property
    def least(self) -> Floats:
        """The least amplitude (B,) of each block, a direction or a segment, over all optima."""
        least: Floats = np.sum(self.membership * self.extremes[0], axis=1)
        return least

    @property
    def largest(self) -> Floats:
        """The largest amplitude (B,) of each block over all optima."""
        largest: Floats = np.sum(self.membership * self.extremes[1], axis=1)
        return largest

    def lowest(self, costs: Floats) -> Floats:
        """A vertex (N,) of the least costs . c. Raises ArithmeticError where the linear program is not solved."""
        if not len(self.vertices):
            raise ArithmeticError("no optimum was found among the directions, to rounding")
        if self.complete or self.programs is None:
            known: Floats = self.vertices[int(np.argmin(np.sum(self.vertices * costs, axis=1)))]
            return known
        point = self.programs.lowest(costs)
        if point is None:
            raise ArithmeticError("HiGHS did not solve a linear program over the optima")
        return point

    def _each(self, costs: Floats) -> Floats:
        return np.array([self.lowest(row) for row in costs]).reshape(len(costs), self.columns.shape[1])

    @property
    def used(self) -> Bools:
        """The directions (N,) that some optimum uses."""
        if self.complete:
            used: Bools = np.any(self.vertices > 0, axis=0)
            return used
        return np.diag(self._each(-np.eye(self.columns.shape[1]))) > 0

    @cached_property
    def dimension(self) -> int:
        """Of the polytope: 0 where the optimum is unique up to splitting and permuting neurons."""
        used = self.used
        return int(np.sum(used)) - rank_of(self.columns[:, used]).rank

    @property
    def unique(self) -> bool:
        """Whether the optimum is unique up to splitting and permuting neurons; not where a bias is free to move."""
        return self.dimension == 0 and not self.movable

    @cached_property
    def movable(self) -> bool:
        """Whether some optimum has a neuron, or two of one segment, whose biases can move while the predictions stay."""
        used = self.used.astype(float)
        both = matmul(self.membership, used) > 1
        return bool(np.any(both) or np.any(self.used & self.landscape.unbounded))

    @cached_property
    def narrowest(self) -> tuple[int, Floats]:
        """A lower bound on m*, and a point (N,) with the fewest atoms known: as many, where m* is known."""
        counts = self._atoms(self.vertices)
        known = self.vertices[int(np.argmin(counts))]
        if self.complete or self.programs is None:
            return int(np.min(counts)), known
        if len(self.membership) < len(self.landscape.units):
            return 1, known  # the program is stated for directions, not for segments
        lower, point = self.programs.fewest(self.largest, self.seconds)
        best = known if point is None or np.sum(point > 0) >= np.sum(known > 0) else point
        return min(lower, int(np.sum(best > 0))), best

    @property
    def widest(self) -> tuple[Floats, int]:
        """A vertex (N,) with the most atoms known, and an upper bound on M*: as many, where M* is known."""
        counts = self._atoms(self.vertices)
        known = self.vertices[int(np.argmax(counts))]
        if self.complete and len(self.membership) == len(self.landscape.units):
            return known, int(np.max(counts))
        # one neuron anywhere on a segment: more of them can be independent than at a vertex
        return known, max(int(np.max(counts)), min(self.rank.rank, len(self.membership)))

    def atoms(self, point: Floats) -> int:
        """How many neurons a point (N,) needs: one for each block."""
        return int(self._atoms(point[None])[0])

    def _atoms(self, points: Floats) -> Indices:
        counts: Indices = np.sum(self.in_blocks(points) > 0, axis=1)
        return counts

    def constant(self, masses: Floats) -> float:
        """The output bias of a point (N,)."""
        landscape = self.landscape
        if landscape.problem.objective.output_bias is not Bias.FREE:
            return landscape.constant
        left = landscape.predictions - matmul(landscape.activations, masses)
        return float(np.mean(left))

    def neurons(self, masses: Floats) -> Neurons:
        """The balanced network of a point (N,): sqrt(c) (d, s) for each block with mass c, d where its ends' masses balance."""
        landscape = self.landscape
        sizes = self.in_blocks(masses[None])[0]
        present = sizes > 0
        roots = np.sqrt(sizes[present])
        sums = matmul(self.membership * masses, landscape.units)[present]
        signs = np.array([landscape.signs[landscape.blocks == k][0] for k in np.flatnonzero(present)])
        constant = np.array([self.constant(masses)])
        return Neurons(sums / roots[:, None], (signs * roots)[:, None], constant)

    def network(self, masses: Floats) -> Network:
        """Likewise, in the parametrisation of the objective; one zero neuron where the point is 0."""
        neurons = self.neurons(masses)
        if not neurons.width:
            zero = np.zeros((1, self.landscape.units.shape[1]))
            neurons = Neurons(zero, np.zeros((1, 1)), neurons.c)
        return self.landscape.problem.lower(neurons)


def polytope_of(landscape: Landscape, most_vertices: int = MOST_VERTICES, seconds: float = 10.0) -> Polytope:
    """The polytope of a landscape that is covered, with all vertices where there are at most so many, else with some."""
    columns = landscape.activations
    target = landscape.predictions - landscape.constant
    if landscape.problem.objective.output_bias is Bias.FREE:
        columns, target = columns - np.mean(columns, axis=0), target - np.mean(target)
    rank = rank_of(columns)
    nothing = _NOTHING * float(np.max(norm(columns, axis=0), initial=0.0))
    if not columns.shape[1] or float(norm(target)) <= nothing:
        return Polytope(landscape, columns, target, rank, np.zeros((1, columns.shape[1])), True, None, seconds)
    system = _compressed(columns, target, rank.rank)
    programs = MassPrograms(*system)
    vertices = vertices_of(*system, rank.rank, most_vertices)
    if vertices is not None and not len(vertices):
        raise ArithmeticError("the directions listed do not give the optimal predictions")
    known = _some_vertices(programs, columns.shape[1]) if vertices is None else vertices
    return Polytope(landscape, columns, target, rank, known, vertices is not None, programs, seconds)


def _some_vertices(programs: MassPrograms, count: int) -> Floats:
    """Vertices (V, N) of random costs, each once."""
    rng = np.random.default_rng(0)
    found = [programs.lowest(rng.standard_normal(count)) for _ in range(_RANDOM_VERTICES)]
    return np.array(list({(p > 0).tobytes(): p for p in found if p is not None}.values())).reshape(-1, count)


def rank_of(columns: Floats) -> Rank:
    """The rank of columns (n, N), each brought to length 1."""
    lengths = norm(columns, axis=0)
    if not np.any(lengths > 0):
        return Rank(0, 0.0, 0.0)
    sizes = svd(columns / np.where(lengths > 0, lengths, 1.0))[1]
    shares = sizes / sizes[0]
    rank = int(np.sum(shares > RANK_TOLERANCE))
    return Rank(rank, float(shares[rank - 1]), float(shares[rank]) if rank < shares.size else 0.0)


def _compressed(columns: Floats, target: Floats, rank: int) -> tuple[Floats, Floats]:
    """As many equations as the rank: (rank, N) and (rank,)."""
    lengths = norm(columns, axis=0)
    axes = svd(columns / np.where(lengths > 0, lengths, 1.0))[0][:, :rank].T
    return matmul(axes, columns), matmul(axes, target)
