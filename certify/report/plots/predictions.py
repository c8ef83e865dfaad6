"""What all optima predict along one input: the band between the least and the largest, and each vertex as a curve."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from certify.arrays import Floats
from certify.errors import UsageError
from certify.landscape.chosen import linear_predictions, prediction_range
from certify.landscape.polytope import Polytope
from certify.linear import matmul
from certify.report.plots.canvas import AMBER, BLUE, GREEN, INK, PURPLE, RED, legend_above
from certify.report.plots.frame import Frame

_POINTS = 161
_MARGIN = 0.15  # of the samples' range, on either side
_MOST_CURVES = 12
_NAMED = 4  # vertices in colours of their own
_STYLES = ((RED, "--"), (AMBER, "-."), (GREEN, (0, (5, 1))), (PURPLE, ":"))


@dataclass(frozen=True, slots=True, eq=False)
class PredictionBand:
    """x (q,): values of the input `name`; least, largest (q,) over all optima; curves (v, q) of vertices, the first ones.

    samples (n, 2): input and target, where the network has this input alone; else (0, 2), and the others are at their means.
    """

    frame: Frame
    name: str
    x: Floats
    least: Floats
    largest: Floats
    curves: Floats
    samples: Floats

    def numbers(self) -> dict[str, Any]:
        """Curves by vertex, in the order in which JSON lists them."""
        return {
            "input": self.name,
            "x": self.x,
            "least": self.least,
            "largest": self.largest,
            "vertices": self.curves,
            "samples": self.samples,
        }

    def draw(self, figure: Any) -> None:
        """The band, the curves in it, and the samples."""
        axes = figure.add_subplot()
        axes.fill_between(self.x, self.least, self.largest, color=BLUE, alpha=0.22, linewidth=0, label="all optima")
        for side in (self.least, self.largest):
            axes.plot(self.x, side, color=BLUE, linewidth=1.2)
        for k, curve in enumerate(self.curves):
            own = len(self.curves) <= _NAMED
            colour, style = _STYLES[k if own else 0]
            name = f"vertex {k + 1}" if own else "vertices" if k == 0 else None
            axes.plot(self.x, curve, color=colour, linestyle=style, linewidth=1.7, label=name)
        if len(self.samples):
            axes.plot(*self.samples.T, "o", color=INK, markersize=5, label="training samples", zorder=5)
        axes.grid()
        axes.margins(x=0)
        axes.set_xlabel(self.name if len(self.samples) else f"{self.name} (the other inputs at their means)")
        axes.set_ylabel("prediction f(x)")
        legend_above(axes)


def prediction_band(
    polytope: Polytope,
    inputs: Floats,
    targets: Floats,
    lifted: Callable[[Floats], Floats],
    number: int,
    caption: str,
    eps: float,
) -> PredictionBand:
    """Along the input of this number, from 1. inputs (n, d), targets (n,); lifted: inputs to the rows of the problem.

    Raises UsageError where there is no such input, and ArithmeticError where a linear program is not solved.
    """
    d = inputs.shape[1]
    if number > d:
        raise UsageError(f"--picture predictions:{number}: the data has {d} input{'s' * (d != 1)}; name one of them")
    own = inputs[:, number - 1]
    low, high = float(np.min(own)), float(np.max(own))
    room = _MARGIN * (high - low) or 1.0
    others = np.mean(inputs, axis=0)

    def rows_at(x: Floats) -> Floats:
        points = np.tile(others, (len(x), 1))
        points[:, number - 1] = x
        return lifted(points)

    x = np.linspace(low - room, high + room, _POINTS)
    x = np.unique(np.concatenate([x, _kinks(polytope.landscape.units, rows_at, x[0], x[-1])]))
    rows = rows_at(x)
    least, largest = prediction_range(polytope, rows)
    responses, constant = linear_predictions(polytope, rows)
    curves = matmul(responses, polytope.vertices[:_MOST_CURVES].T).T + constant
    spread = largest - least
    widest = int(np.argmax(spread))
    samples = np.column_stack([own, targets]) if d == 1 else np.zeros((0, 2))
    title = "All optima are one function along this input"
    if spread[widest] > 1e-9 * max(1.0, float(np.max(np.abs(largest)))):
        title = f"The optima predict {least[widest]:.3g} to {largest[widest]:.3g} at {_name(number)} = {x[widest]:.3g}"
    known, listed = len(polytope.vertices), "" if polytope.complete else " at least"
    more = f"{len(curves)} of{listed} {known} {'vertex' if known == 1 else 'vertices'} drawn; every optimum is a mixture of the vertices"
    return PredictionBand(
        Frame("predictions", title, f"{caption}\n{more}", eps), _name(number), x, least, largest, curves, samples
    )


def _kinks(units: Floats, rows_at: Callable[[Floats], Floats], low: float, high: float) -> Floats:
    """Where a direction turns on or off between low and high: the curves bend there and nowhere else."""
    ends = matmul(rows_at(np.array([low, high])), units.T)
    left, right = ends
    turning = left * right < 0
    found: Floats = low + (high - low) * left[turning] / (left - right)[turning]
    return found


def _name(number: int) -> str:
    return f"input {number}"
