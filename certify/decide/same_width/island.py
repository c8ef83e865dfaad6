"""One line of descents, each from a start that the ones before suggest, until none gets any lower."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from certify.arrays import Floats
from certify.decide.same_width.starts import VARIATIONS, Starts
from certify.decide.same_width.trainer import THOROUGH, Effort, Flag, Trainer

_ROUGH = Effort(400, 1e-4)
_FINE = Effort(2_000, 1e-6)
_NEAR = 2e-3  # relative distance to the best value within which a rough descent is worth going on with
_SAME = 1e-4  # relative difference of values that count as one and the same minimum
_KEPT = 8
_FIRST = 6  # fresh starts before the variations
_FALL = 1e-6  # relative; what counts as lower
_START_COST = 50  # evaluations that drawing a start is worth


@dataclass(slots=True)
class Island:
    """A sequence of descents that depends on its seed and its first starts alone, so that islands may run side by side.

    firsts: parameters to begin with; patience: descents in vain after which it ends.
    kept: the lowest distinct minima, lowest first.
    """

    starts: Starts
    trainer: Trainer
    seed: tuple[int, ...]
    firsts: Sequence[Floats]
    patience: int
    count: int = 0
    evaluations: int = 0
    kept: list[tuple[float, Floats]] = field(default_factory=list)
    ended: bool = False

    @property
    def best(self) -> float:
        """The least F so far."""
        return self.kept[0][0] if self.kept else np.inf

    @property
    def cost(self) -> float:
        """Evaluations of F, with what the starts cost in their currency."""
        return self.evaluations + _START_COST * self.count

    def run(self, most: float, stop: Flag) -> None:
        """Descend until the patience is over, the cost has reached `most`, or stop[0] is not zero."""
        with np.errstate(all="ignore"):  # of data of any scale: what overflows is no network, and is dropped
            self._run(most, stop)

    def _run(self, most: float, stop: Flag) -> None:
        rng = np.random.default_rng(self.seed)
        vain = 0
        while vain < self.patience and self.cost < most and not stop[0]:
            before = self.best
            self._descend(self._start(rng), stop)
            vain = 0 if self.best < before - _FALL * abs(before) else vain + 1
        if self.kept and not stop[0]:
            value, used = self.trainer.descend(self.kept[0][1], THOROUGH, stop)
            self.kept[0] = (value, self.kept[0][1])
            self.evaluations += used
        self.ended = not stop[0]

    def _start(self, rng: np.random.Generator) -> Floats:
        if self.count < len(self.firsts):
            return self.firsts[self.count].copy()
        if not self.kept or self.count < _FIRST and not self.firsts:
            return self.starts.fresh(rng)
        draw, share = rng.random(), 0.0
        x = self.kept[min(int(rng.exponential(1.5)), len(self.kept) - 1)][1]
        other = self.kept[int(rng.integers(len(self.kept)))][1]
        for odds, vary in VARIATIONS:
            share += odds
            if draw < share:
                return vary(self.starts, rng, x, other)
        return self.starts.fresh(rng)

    def _descend(self, x: Floats, stop: Flag) -> None:
        value, used = self.trainer.descend(x, _ROUGH, stop, self.best)
        self.evaluations += used
        self.count += 1
        if value < self.best + _NEAR * abs(self.best):
            value, used = self.trainer.descend(x, _FINE, stop, self.best)
            self.evaluations += used
        if not np.isfinite(value):
            return
        same = [k for k, (known, _) in enumerate(self.kept) if abs(known - value) <= _SAME * abs(value)]
        if not same:
            self.kept.append((value, x))
        elif value < self.kept[same[0]][0]:
            self.kept[same[0]] = (value, x)
        self.kept.sort(key=lambda pair: pair[0])
        del self.kept[_KEPT:]
