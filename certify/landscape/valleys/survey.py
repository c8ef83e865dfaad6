"""What is known of every width, from the narrowest to the one from which on no valley is spurious (docs/theory.md, section 8)."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from certify.gain.question import Limits
from certify.landscape.answers import Answers
from certify.landscape.landscape import Landscape
from certify.landscape.valleys.exhaustive import Width, every_width
from certify.landscape.valleys.minima import above
from certify.landscape.valleys.seeded import sought_width
from certify.problem.objective import Bias
from certify.problem.training import TrainingProblem

_QUIET = 3  # widths in a row at which every descent came to P*; wider ones are not tried then


@dataclass(frozen=True, slots=True, eq=False)
class Survey:
    """widths: those looked at, 1 first; sufficient: R + 1, from which on none has a spurious valley, proved.

    optimum: F of the best network known, of any width; not_covered: why no valley was looked for, or None.
    """

    widths: tuple[Width, ...]
    rank: int
    samples: int
    optimum: float
    not_covered: str | None
    seconds: float

    @property
    def sufficient(self) -> int:
        """The width from which on no valley is spurious."""
        return self.rank + 1


def sufficient_rank(landscape: Landscape) -> int:
    """R, or with a free output bias dim span{(Z u)_+, 1}."""
    free = landscape.problem.objective.output_bias is Bias.FREE
    return landscape.rank.with_constant if free else landscape.rank.rank


@np.errstate(all="ignore")
def surveyed(
    landscape: Landscape,
    answers: Answers | None,
    exhaustive: bool,
    starts: int,
    seed: int,
    limits: Limits,
    threads: int,
    tell: Callable[[int], None] = lambda width: None,
) -> Survey:
    """Look for strict spurious minima at the widths 1 to R, all of them or `starts` descents each.

    Raises UsageError for `exhaustive` where the data has too many patterns.
    """
    started = time.monotonic()
    problem, rank = landscape.problem, sufficient_rank(landscape)
    reason = _not_covered(problem)
    widths: list[Width] = []
    if reason is None and exhaustive:
        widths = every_width(problem, rank, limits, threads)
    elif reason is None:
        known, quiet = math.inf, 0
        for width in range(1, rank + 1):
            if limits.reached():
                break
            tell(width)
            widths.append(sought_width(problem, width, starts, seed, limits, known))
            known = widths[-1].least
            quiet = 0 if widths[-1].minima or above(known, landscape.upper) else quiet + 1
            if quiet == _QUIET:
                break
    widths = [_with_optimum(width, landscape, answers) for width in widths]
    return Survey(tuple(widths), rank, problem.samples, landscape.upper, reason, time.monotonic() - started)


def _with_optimum(width: Width, landscape: Landscape, answers: Answers | None) -> Width:
    """At width m* and more the least value is P*, whatever was found."""
    if answers is None or width.width < answers.least_width[1] or not landscape.upper < width.least:
        return width
    return replace(width, least=landscape.upper)


def _not_covered(problem: TrainingProblem) -> str | None:
    if problem.free_hidden_bias:
        return "with a free hidden bias minima need not be strict: a bias can slide at the same F"
    if not problem.loss.smooth:
        return f"the {problem.objective.loss.value} loss has kinks, and no gradient there"
    if problem.objective.undecayed:
        return "without weight decay every scale of a neuron is as good"
    if problem.outputs > 1:
        return "with several outputs the program of a pattern is another"
    return None
