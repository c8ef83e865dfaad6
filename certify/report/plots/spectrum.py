"""The spectrum: local minima of every width by their F, and the widths that are proved to be free of spurious ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from certify.errors import UsageError
from certify.report.plots.canvas import BLUE, FAINT, GREEN, INK, RED, legend_above
from certify.report.plots.frame import Frame
from certify.report.width import WidthRecord

_SAME = 1e-7  # relative; values that differ by less are one level
_MOST_LEVELS = 400
_MOST_TICKS = 20


@dataclass(frozen=True, slots=True)
class Level:
    """Spurious minima of one width with one value: how many."""

    value: float
    count: int


@dataclass(frozen=True, slots=True)
class Rung:
    """One width: the least F known, whether it is P(m), the spurious levels, and whether they are all there are."""

    width: int
    least: float
    known: bool
    levels: tuple[Level, ...]
    exact: bool


@dataclass(frozen=True, slots=True)
class Spectrum:
    """rungs: the widths looked at, 1 first; free_from: R + 1; network: width and F of the given one, or None."""

    frame: Frame
    rungs: tuple[Rung, ...]
    free_from: int
    optimum: tuple[float, float]
    network: tuple[int, float] | None

    def numbers(self) -> dict[str, Any]:
        """Levels are minima whose values are equal to seven digits."""
        return {
            "widths": [
                {
                    "width": rung.width,
                    "least": rung.least,
                    "least_exact": rung.known,
                    "levels": [{"value": level.value, "count": level.count} for level in rung.levels],
                    "exact": rung.exact,
                }
                for rung in self.rungs
            ],
            "no_spurious_valley_from": self.free_from,
            "optimum": {"lower": self.optimum[0], "upper": self.optimum[1]},
            "network": None if self.network is None else {"width": self.network[0], "value": self.network[1]},
        }

    def draw(self, figure: Any) -> None:
        """A column a width, one for those not looked at, and the free zone, shaded."""
        axes = figure.add_subplot()
        places = {rung.width: float(k) for k, rung in enumerate(self.rungs)}
        names = [str(rung.width) for rung in self.rungs]
        skipped = self.free_from - 1 - len(self.rungs)
        if skipped > 0:
            names.append(f"{_span(len(self.rungs) + 1, self.free_from - 1)}\nnot tried")
            axes.axvspan(len(names) - 1.5, len(names) - 0.5, color=FAINT, alpha=0.14, hatch="//", linewidth=0)
        names.append(f"{self.free_from} and\nmore: free")
        free = float(len(names) - 1)
        axes.axvspan(free - 0.5, free + 0.5, color=GREEN, alpha=0.16, linewidth=0, label="no spurious valley, proved")
        axes.axhline(0.0, color=GREEN, linewidth=1.0, linestyle="-.", label="P*")
        self._minima(axes, places)
        _dashes(axes, [free], [0.0], GREEN)
        heights = [self._above(rung.least) for rung in self.rungs]
        heights += [self._above(level.value) for rung in self.rungs for level in rung.levels]
        if self.network is not None:
            width, value = self.network
            x = places.get(width, free if width >= self.free_from else free - 1)
            heights.append(self._above(value))
            axes.plot(
                x + 0.27,
                heights[-1],
                marker="D",
                color=BLUE,
                markersize=8,
                markeredgecolor=INK,
                linestyle="none",
                label="given network",
            )
        _height_axis(axes, heights)
        every = max(1, -(-len(names) // _MOST_TICKS))
        shown = [k for k in range(len(names)) if k % every == 0 or k >= len(names) - 2]
        axes.set_xticks(shown, [names[k] for k in shown])
        axes.set_xlim(-0.5, free + 0.5)
        axes.grid(axis="y")
        axes.set_xlabel("width m of the network (number of neurons)")
        axes.set_ylabel("F above P*, in % (logarithmic)" if self.optimum[1] > 0 else "F above P*")
        legend_above(axes, 3)

    def _above(self, value: float) -> float:
        """The height over P* in percent; 0 where the two are equal to seven digits."""
        best = self.optimum[1]
        if not best > 0:
            return value - best
        share = value / best - 1
        return 100 * share if share > _SAME else 0.0

    def _minima(self, axes: Any, places: dict[int, float]) -> None:
        for known, name in ((True, "least F of the width"), (False, "least F found")):
            rungs = [rung for rung in self.rungs if rung.known is known]
            if rungs:
                xs, ys = [places[rung.width] for rung in rungs], [self._above(rung.least) for rung in rungs]
                _dashes(axes, xs, ys, GREEN, name, "-" if known else (0, (2, 1)))
        points = [(places[rung.width], level) for rung in self.rungs for level in rung.levels]
        if not points:
            return
        axes.plot(
            [x for x, _ in points], [self._above(level.value) for _, level in points], linestyle="none", marker="X", markersize=9,
            color=RED, markeredgecolor="#ffffff", markeredgewidth=0.7, label="spurious minimum", zorder=4,
        )  # fmt: skip
        for x, level in points:
            if level.count > 1:
                axes.annotate(
                    f"x {level.count}", (x, self._above(level.value)), (9, 0), textcoords="offset points", va="center", color=RED,
                    fontweight="bold",
                )  # fmt: skip


def _dashes(
    axes: Any, xs: Sequence[float], ys: Sequence[float], colour: str, name: str | None = None, style: Any = "-"
) -> None:
    axes.hlines(
        ys,
        [x - 0.28 for x in xs],
        [x + 0.28 for x in xs],
        color=colour,
        linewidth=4,
        linestyle=style,
        label=name,
        zorder=3,
    )


def _height_axis(axes: Any, heights: list[float]) -> None:
    """Logarithmic over 0: heights from the least on that is not 0, which itself has its place below."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    positive = [height for height in heights if height > 0]
    if not positive:
        axes.set_ylim(-0.3, 1.0)
        axes.set_yticks([0], ["0"])
        return
    least, most = math.floor(math.log10(min(positive))), math.log10(max(positive))
    unit = 10.0**least
    axes.set_yscale("symlog", linthresh=unit, linscale=0.7)
    axes.set_ylim(-0.35 * unit, 10 ** (most + 0.06 * (most - least + 1)))
    digits = (1, 2, 5) if most - least <= 2.5 else (1,)
    ticks = [digit * 10.0**k for k in range(least, math.ceil(most) + 1) for digit in digits]
    axes.yaxis.set_major_locator(FixedLocator([0.0, *ticks]))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def _span(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}..{last}"


def spectrum_picture(record: WidthRecord, caption: str, eps: float) -> Spectrum:
    """Of what `certify width` found. Raises UsageError where valleys are not covered."""
    survey = record.survey
    if survey.not_covered is not None:
        raise UsageError(f"the spectrum is not drawn: valleys are not covered, because {survey.not_covered}")
    settled = None if record.answers is None else record.answers.least_width[1]
    rungs = tuple(
        Rung(
            width.width, width.least, width.exact or (settled is not None and width.width >= settled),
            _levels([m.value.upper for m in width.minima])[:_MOST_LEVELS], width.exact,
        )
        for width in survey.widths
    )  # fmt: skip
    found = sum(level.count for rung in rungs for level in rung.levels)
    widths = [str(rung.width) for rung in rungs if rung.levels]
    at = f"at width{'s' * (len(widths) > 1)} {', '.join(widths[:8])}{', ...' * (len(widths) > 8)}"
    least = "" if all(rung.exact for rung in rungs) else "at least "
    title = (
        f"Spurious minima {at}: {least}{found}; none from {survey.sufficient} on"
        if found
        else f"No spurious minimum found; none is there from width {survey.sufficient} on"
    )
    network = None if record.model is None else (record.model[1], record.model[2].value.upper)
    return Spectrum(
        Frame("spectrum", title, caption, eps),
        rungs,
        survey.sufficient,
        (record.landscape.lower, record.landscape.upper),
        network,
    )


def _levels(values: list[float]) -> tuple[Level, ...]:
    levels: list[Level] = []
    for value in sorted(values):
        if levels and value <= levels[-1].value * (1 + _SAME):
            levels[-1] = Level(levels[-1].value, levels[-1].count + 1)
        else:
            levels.append(Level(value, 1))
    return tuple(levels)
