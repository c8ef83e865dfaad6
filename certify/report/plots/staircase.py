"""The staircase: how many components the optimal networks of every width have."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from certify.errors import UsageError
from certify.landscape.answers import Answers
from certify.landscape.components import WidthComponents
from certify.report.plots.canvas import BLUE, FAINT, PANEL, RED, legend_above
from certify.report.plots.frame import Frame

_FLOOR = -0.22  # log10 at which bars begin, so that one component is seen
_MOST_LABELS, _MOST_TICKS = 14, 16


@dataclass(frozen=True, slots=True)
class Staircase:
    """bars: the components of each width, from just below the least; the last one stands for all that are wider."""

    frame: Frame
    bars: tuple[WidthComponents, ...]
    least_width: int
    greatest_width: int
    rank: int
    connected_from: int

    def numbers(self) -> dict[str, Any]:
        """Counts of networks as strings of digits: m! overflows a JSON number."""
        return {
            "components": [
                {
                    "width": bar.width,
                    "isolated": str(bar.total - bar.continua),
                    "continua": bar.continua,
                    "total": str(bar.total),
                }
                for bar in self.bars
            ],
            "m_star": self.least_width,
            "M_star": self.greatest_width,
            "rank_plus_one": self.rank + 1,
            "connected_from": self.connected_from,
        }

    def draw(self, figure: Any) -> None:
        """Two bars a width, on a logarithmic axis; m*, M* and rank(A) + 1 under it."""
        axes = figure.add_subplot()
        isolated = [bar.total - bar.continua for bar in self.bars]
        continua = [bar.continua for bar in self.bars]
        for counts, side, colour, name in (
            (isolated, -1, RED, "isolated networks (each its own valley)"),
            (continua, 1, BLUE, "continua of networks"),
        ):
            places = [
                (bar.width + 0.0 if not (a and b) else bar.width + side * 0.2, count)
                for bar, count, a, b in zip(self.bars, counts, isolated, continua, strict=True)
                if count
            ]
            heights = [math.log10(count) - _FLOOR for _, count in places]
            axes.bar(
                [x for x, _ in places], heights, width=0.38, bottom=_FLOOR, color=colour, label=name,
                hatch="///" if side < 0 else None, edgecolor="#ffffff90", linewidth=0,
            )  # fmt: skip
            if len(self.bars) <= _MOST_LABELS:
                for x, count in places:
                    axes.annotate(
                        short(count), (x, math.log10(count)), (0, 3), textcoords="offset points", ha="center",
                        color=colour, fontweight="bold", bbox={"facecolor": PANEL, "linewidth": 0, "pad": 1},
                    )  # fmt: skip
        self._axes(axes)
        legend_above(axes)

    def _axes(self, axes: Any) -> None:
        top = max([math.log10(bar.total) for bar in self.bars if bar.total], default=0.0)
        high = max(1.0, top + 0.12 * (top - _FLOOR))
        axes.set_ylim(_FLOOR, high)
        step = max(1, math.ceil(high / 8))
        ticks = list(range(0, math.floor(high) + 1, step))
        axes.set_yticks(ticks, [short(10**k) for k in ticks])
        axes.grid(axis="y")
        axes.set_ylabel("components (logarithmic)")
        first, last = self.bars[0].width, self.bars[-1].width
        axes.set_xlim(first - 0.6, last + 0.6)
        marks = self._marks()
        every = max(1, math.ceil(len(self.bars) / _MOST_TICKS))
        shown = [bar.width for bar in self.bars if bar.width in marks or (bar.width - first) % every == 0]
        more = f"{last} and more"
        axes.set_xticks(shown, [f"{m if m < last else more}\n{marks.get(m, '')}" for m in shown])
        for width in marks:
            axes.axvline(width, color=FAINT, linestyle=":", linewidth=1.2, zorder=0)
        axes.set_xlabel("width m of the network (number of neurons)")

    def _marks(self) -> dict[int, str]:
        """What stands under a width: `m* = M*`, `rank(A) + 1`."""
        found: dict[int, list[str]] = {}
        for name, width in (("m*", self.least_width), ("M*", self.greatest_width), ("rank(A) + 1", self.rank + 1)):
            found.setdefault(width, []).append(name)
        return {width: " = ".join(names) for width, names in found.items()}


def staircase_picture(answers: Answers, caption: str, eps: float) -> Staircase:
    """Of a landscape whose components are counted. Raises UsageError where they are not."""
    stairs = answers.staircase
    if stairs is None:
        raise UsageError(
            "the staircase is not drawn: components are not counted, for there are more vertices than --vertices lists; "
            "raise it, or take --picture rose or predictions"
        )
    least, greatest, rank = answers.least_width[1], answers.greatest_width[1], answers.polytope.rank.rank
    first, last = max(0, stairs.steps[0].width - 1), max(stairs.steps[-1].width, rank + 1)
    bars = tuple(stairs.at(m) for m in range(0 if least == 0 else first, last + 1))
    worst = max(bars, key=lambda bar: bar.total)
    if worst.total > 1:
        title = f"The optima are {short(worst.total)} components at width {worst.width}, one from {stairs.connected_from} on"
    else:
        title = "The optimal networks of every width are connected"
    if least == 0:
        title = "The zero network is the only optimum, at every width"
    return Staircase(Frame("staircase", title, caption, eps), bars, least, greatest, rank, stairs.connected_from)


def short(number: int) -> str:
    """`5,040`, and from a million on `6.2e9`, whatever the size."""
    if number < 10**6:
        return f"{number:,}"
    digits = len(str(number)) - 1
    return f"10^{digits}" if number == 10**digits else f"{Decimal(number):.1e}".replace("e+", "e")
