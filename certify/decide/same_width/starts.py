"""Where descents of one width begin: afresh, or from a good network with some neurons changed.

A new neuron is placed where the objective's own slope asks for one: among directions through the data the one of a large gain
|nu . (Z u)_+| / |u|_P, nu = -grad L of the network without it (docs/theory.md, section 3).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from certify.arrays import Floats, Ints
from certify.linear import gram, matmul, norm
from certify.problem.objective import Bias
from certify.problem.training import TrainingProblem

_DIRECTIONS = 16  # proposals for one new neuron; as many again one step of ascent further
_SPREADS = (0.1, 0.3, 1.0)  # of the predictions at a fresh start, in those of the targets; and of a perturbation
_DIFFERENCES = 0.3  # share of the directions that are a difference of two samples
_LIGHT = 0.05  # neurons this much lighter than the mean are replaced as readily as dead ones
_LEAST_SHARE, _MOST_SHARE = 0.05, 2.0  # a new neuron's mass, in those of the others
_LEAST = 1e-300

Parts = tuple[Floats, Floats, Floats]


class Starts:
    """Starts for networks of m neurons; parameters are one vector: u (m, D) row by row, a (m, k) row by row, c (k)."""

    def __init__(self, problem: TrainingProblem, width: int) -> None:
        self.problem, self.width, self.rows = problem, width, problem.rows
        self.inputs, self.outputs = problem.rows.shape[1], problem.outputs
        self.biased = problem.objective.hidden_bias is not Bias.NONE
        with np.errstate(all="ignore"):  # a spread that overflows is none
            spread, target = np.std(self.rows, axis=0), float(np.std(problem.targets))
        self._scales = np.where((spread > 0) & (spread < np.inf), spread, 1.0)
        self._target_spread = target if 0 < target < np.inf else 1.0

    def parts(self, x: Floats) -> Parts:
        """u (m, D), a (m, k), c (k), copied."""
        m, d, k = self.width, self.inputs, self.outputs
        u, a, c = np.split(x.copy(), [m * d, m * (d + k)])
        return u.reshape(m, d), a.reshape(m, k), c

    def fresh(self, rng: np.random.Generator) -> Floats:
        """Directions through the data, masses and signs at random, predictions of a random spread; balanced."""
        u = self._directions(rng, self.width)
        u /= np.maximum(self.problem.size(u), _LEAST)[:, None]
        a = rng.standard_normal((self.width, self.outputs))
        a /= np.maximum(norm(a, axis=1), _LEAST)[:, None]
        masses = rng.exponential(size=self.width)
        f = matmul(self._activations(u) * masses, a)
        spread = rng.choice(_SPREADS) * self._target_spread / max(float(np.std(f)), _LEAST)
        roots = np.sqrt(masses * min(spread, 1 / _LEAST))[:, None]
        return _joined(u * roots, a * roots, np.zeros(self.outputs))

    def uniform(self, rng: np.random.Generator) -> Floats:
        """As libraries initialise: uniform, by the numbers of neurons before and after (Glorot), on standardised columns."""
        m, d, k = self.width, self.inputs - self.biased, self.outputs
        hidden, outer = np.sqrt(6 / (d + m)), np.sqrt(6 / (m + k))
        u = rng.uniform(-hidden, hidden, (m, self.inputs)) / self._scales
        a, c = rng.uniform(-outer, outer, (m, k)), rng.uniform(-outer, outer, k)
        return _joined(u, a, c if self.problem.objective.output_bias is not Bias.NONE else np.zeros(k))

    def perturbed(self, rng: np.random.Generator, x: Floats) -> Floats:
        """Every neuron of x moved by a random share of its own size."""
        u, a, c = self.parts(x)
        share = rng.choice(_SPREADS)
        u += share * self.problem.size(u)[:, None] * self._noise(rng, len(u))
        a += share * norm(a, axis=1)[:, None] * rng.standard_normal(a.shape)
        return _joined(u, a, c)

    def replaced(self, rng: np.random.Generator, x: Floats) -> Floats:
        """One to three neurons of x, light ones rather, taken out, and new ones put where the slope asks for them."""
        u, a, c = self.parts(x)
        masses = self.problem.size(u) * norm(a, axis=1)
        odds = 1 / (masses + _LIGHT * float(np.mean(masses)) + _LEAST)
        if not 0 < np.sum(odds) < np.inf:
            odds = np.ones(self.width)
        count = min(int(rng.choice((1, 1, 2, 3))), self.width)
        self._place(rng, u, a, c, rng.choice(self.width, count, replace=False, p=odds / np.sum(odds)))
        return _joined(u, a, c)

    def crossed(self, rng: np.random.Generator, x: Floats, other: Floats) -> Floats:
        """m of the neurons of two networks, heavy ones rather."""
        (u, a, c), (v, b, _) = self.parts(x), self.parts(other)
        u, a = np.vstack([u, v]), np.vstack([a, b])
        keys = self.problem.size(u) * norm(a, axis=1) * rng.exponential(size=len(u))
        chosen = np.argsort(-keys, kind="stable")[: self.width]
        return _joined(u[chosen], a[chosen], c)

    def split(self, rng: np.random.Generator, x: Floats) -> Floats:
        """A heavy neuron as two halves that lean apart, in the place of the lightest."""
        u, a, c = self.parts(x)
        masses = self.problem.size(u) * norm(a, axis=1)
        lightest, heavy = int(np.argmin(masses)), int(np.argmax(masses * rng.exponential(size=len(u))))
        lean = rng.choice(_SPREADS) * self.problem.size(u[heavy]) * self._noise(rng, 1)[0]
        whole, outer = u[heavy].copy(), a[heavy] * np.sqrt(0.5)
        u[heavy], a[heavy] = (whole + lean) * np.sqrt(0.5), outer
        u[lightest], a[lightest] = (whole - lean) * np.sqrt(0.5), outer
        return _joined(u, a, c)

    def merged(self, rng: np.random.Generator, x: Floats) -> Floats:
        """Two neurons that do much the same as one, and a new one in the place that this frees."""
        u, a, c = self.parts(x)
        sizes, outers = self.problem.size(u), norm(a, axis=1)
        w, signs = u * outers[:, None], a / np.maximum(outers, _LEAST)[:, None]
        hidden = self._activations(w / np.maximum(sizes * outers, _LEAST)[:, None])
        alike = gram(hidden) * np.maximum(matmul(signs, signs.T), 0.0)
        alike /= np.maximum(np.sqrt(np.diag(alike)[:, None] * np.diag(alike)), _LEAST)
        odds = np.triu(alike, 1) * rng.exponential(size=alike.shape)
        first, second = np.unravel_index(int(np.argmax(odds)), odds.shape)
        if first == second:
            return self.replaced(rng, x)
        total = w[first] + w[second]
        root = np.sqrt(max(float(self.problem.size(total)), _LEAST))
        u[first], a[first] = total / root, signs[first] * root
        self._place(rng, u, a, c, np.array([second]))
        return _joined(u, a, c)

    def _place(self, rng: np.random.Generator, u: Floats, a: Floats, c: Floats, slots: Ints) -> None:
        """New neurons in these slots, one after another."""
        u[slots], a[slots] = 0.0, 0.0
        problem = self.problem
        masses = problem.size(u) * norm(a, axis=1)
        alive = masses[masses > 1e-6 * np.max(masses)]
        usual = float(np.mean(alive)) if alive.size else 1.0
        for slot in slots:
            f = matmul(self._activations(u), a) + c
            nu = -problem.slope(f)
            directions = self._directions(rng, _DIRECTIONS)
            directions = np.vstack([directions, self._ascended(rng, directions, nu)])
            directions /= np.maximum(problem.size(directions), _LEAST)[:, None]
            hidden = self._activations(directions)
            gains = matmul(hidden.T, nu)
            sizes = norm(gains, axis=1)
            chosen = int(np.argmax(sizes)) if rng.random() < 0.5 else int(rng.integers(len(sizes)))
            outward = gains[chosen] / max(float(sizes[chosen]), _LEAST)
            curved = float(np.sum(problem.curvature(f) * (hidden[:, chosen, None] * outward) ** 2))
            mass = (float(sizes[chosen]) - problem.beta) / max(curved, _LEAST)  # Newton's, from none
            root = np.sqrt(min(max(mass, _LEAST_SHARE * usual), _MOST_SHARE * usual))
            u[slot], a[slot] = directions[chosen] * root, outward * root

    def _directions(self, rng: np.random.Generator, count: int) -> Floats:
        """Directions (count, D): random, or between two samples; with a bias, the kink passes through a sample."""
        u = self._noise(rng, count)
        pairs = rng.integers(len(self.rows), size=(2, count))
        between = rng.random(count) < _DIFFERENCES
        u[between] = (self.rows[pairs[0]] - self.rows[pairs[1]])[between]
        return self._kinked(rng, u)

    def _ascended(self, rng: np.random.Generator, directions: Floats, nu: Floats) -> Floats:
        """The gradients of the directions' gains, the kink again through a sample."""
        hidden = self._activations(directions)
        pull = matmul(nu, matmul(hidden.T, nu).T)
        ahead: Floats = matmul((pull * (hidden > 0)).T, self.rows)
        return self._kinked(rng, ahead)

    def _kinked(self, rng: np.random.Generator, u: Floats) -> Floats:
        if self.biased:
            u[:, -1] = 0.0
            u[:, -1] = -np.sum(u * self.rows[rng.integers(len(self.rows), size=len(u))], axis=1)
        return u

    def _noise(self, rng: np.random.Generator, count: int) -> Floats:
        """Gaussian directions (count, D) of length about 1, as wide in every column as its scale asks."""
        noise = rng.standard_normal((count, self.inputs)) / self._scales
        length = math.sqrt(float(np.sum(1 / self._scales**2)))
        return noise / length

    def _activations(self, u: Floats) -> Floats:
        hidden: Floats = np.maximum(matmul(self.rows, u.T), 0.0)
        return hidden


def _joined(u: Floats, a: Floats, c: Floats) -> Floats:
    return np.concatenate([u.ravel(), a.ravel(), c])


Variation = Callable[[Starts, np.random.Generator, Floats, Floats], Floats]

VARIATIONS: tuple[tuple[float, Variation], ...] = (
    (0.55, lambda starts, rng, x, _: starts.replaced(rng, x)),
    (0.10, lambda starts, rng, x, _: starts.perturbed(rng, x)),
    (0.10, lambda starts, rng, x, other: starts.crossed(rng, x, other)),
    (0.075, lambda starts, rng, x, _: starts.split(rng, x)),
    (0.075, lambda starts, rng, x, _: starts.merged(rng, x)),
    (0.05, lambda starts, rng, _x, _other: starts.fresh(rng)),
    (0.05, lambda starts, rng, _x, _other: starts.uniform(rng)),
)
