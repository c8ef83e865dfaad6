"""A path down: F at every time, beside the straight line in weight space between the same two networks."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from certify.arrays import Floats
from certify.landscape.path.path import network_on
from certify.landscape.path.report import Answer, PathReport
from certify.problem.network import Network
from certify.problem.training import TrainingProblem, evaluate
from certify.report.layout import count
from certify.report.numbers import midpoint, rounded_down
from certify.report.plots.canvas import AMBER, BLUE, FAINT, GREEN, INK, PURPLE, RED, legend_above, log_axis
from certify.report.plots.frame import Frame

_POINTS, _LEAST_POINTS = 480, 4  # of the whole path, and of one piece
_STRAIGHT = 120
_FLAT = 1e-12  # relative; differences below are rounding
_KINDS = {  # colour and marker of a piece
    "balance": (FAINT, "o"),
    "shrink": (AMBER, "v"),
    "recentre": (PURPLE, "D"),
    "merge": ("#008b9a", "s"),
    "prune": (RED, "X"),
    "segment": (BLUE, "o"),
    "split": (INK, "P"),
    "edge": ("#8c564b", "h"),
}


@dataclass(frozen=True, slots=True, eq=False)
class PathPicture:
    """times, values (p,): F on the path; breakpoints (K + 1,): times and F, with the kinds (K,) of the pieces between them.

    line_times, line_values (q,): F where all parameters go straight from the first network to the last one.
    optimum: the least P* that is proved, and F of the best network known.
    """

    frame: Frame
    times: Floats
    values: Floats
    break_times: Floats
    break_values: Floats
    kinds: tuple[str, ...]
    line_times: Floats
    line_values: Floats
    optimum: tuple[float, float]

    def numbers(self) -> dict[str, Any]:
        """Times from 0 to 1, every piece as long as any other, as for --at."""
        return {
            "path": {"times": self.times, "values": self.values},
            "breakpoints": {"times": self.break_times, "values": self.break_values, "kinds": self.kinds},
            "straight_line": {"times": self.line_times, "values": self.line_values},
            "optimum": {"lower": self.optimum[0], "upper": self.optimum[1]},
        }

    def draw(self, figure: Any) -> None:
        """The path in the colours of its pieces beside the straight line; below, where it falls, how far it is above P*."""
        share = self._above()
        if share is None:
            axes = last = figure.add_subplot()
        else:
            axes, last = figure.subplots(2, 1, sharex=True, height_ratios=[3, 2])
        axes.plot(
            self.line_times, self.line_values, color=FAINT, linestyle=(0, (5, 2)), linewidth=1.6,
            label="straight line in weight space",
        )  # fmt: skip
        named = self._pieces(axes, self.values)
        axes.plot(
            0.0, self.values[0], color=INK, marker="o", markersize=8, fillstyle="none", linestyle="none",
            label="given network",
        )  # fmt: skip
        lowest = self.optimum[0]
        axes.axhline(lowest, color=GREEN, linewidth=1.2, linestyle="-.", label="P*, proved", zorder=1)
        known = [*self.values, *self.line_values, *self.break_values]
        log_axis(axes, [float(v) for v in known], [lowest])
        axes.grid(axis="y")
        axes.set_ylabel("F (logarithmic)")
        if share is not None:
            self._pieces(last, share)
            last.axhline(0.0, color=GREEN, linewidth=1.2, linestyle="-.", zorder=1)
            last.set_ylim(-0.08 * float(np.max(share)), None)
            last.locator_params(axis="y", nbins=5)
            last.grid(axis="y")
            last.set_ylabel("F above P*, in %")
        last.set_xlim(-0.02, 1.02)
        last.set_xlabel(f"time on the path (as for --at); {count(len(self.kinds), 'piece')} of equal length")
        legend_above(axes, 4 if len(named) > 3 else 3)

    def _pieces(self, axes: Any, heights: Floats) -> set[str]:
        """Each piece in its colour, a marker at its end; the kinds that there are."""
        named: set[str] = set()
        for k, kind in enumerate(self.kinds):
            colour, marker = _KINDS[kind]
            inside = (self.times >= self.break_times[k]) & (self.times <= self.break_times[k + 1])
            axes.plot(
                self.times[inside], heights[inside], color=colour, linewidth=2.4, marker=marker,
                markevery=[int(np.sum(inside)) - 1], markersize=6, label=None if kind in named else kind,
            )  # fmt: skip
            named.add(kind)
        return named

    def _above(self) -> Floats | None:
        """The height of the path over the proved lower bound in percent; None where it does not fall, or the bound is 0."""
        lowest = self.optimum[0]
        if not lowest > 0 or not float(np.ptp(self.values)) > _FLAT * lowest:
            return None
        share: Floats = 100 * (self.values / lowest - 1)
        return share


def path_picture(report: PathReport, problem: TrainingProblem, start: Network, caption: str) -> PathPicture:
    """start: the network in the path's width. F is evaluated at every point that is drawn."""
    way = report.way
    pieces = len(way.kinds)
    breaks = np.arange(pieces + 1) / pieces
    each = max(_LEAST_POINTS, _POINTS // pieces)
    times = np.unique(np.concatenate([np.linspace(a, b, each + 1) for a, b in pairwise(breaks.tolist())]))
    values = np.array([_value(problem, network_on(problem, start, way, float(t))) for t in times])
    end = network_on(problem, start, way, 1.0)
    line = np.linspace(0.0, 1.0, _STRAIGHT + 1)
    straight = np.array([_value(problem, _between(start, end, float(t))) for t in line])
    return PathPicture(
        Frame("path", _title(report, straight), caption, report.eps), times, values, breaks, np.array(way.values), tuple(way.kinds),
        line, straight, (report.optimum.lower, report.optimum.upper),
    )  # fmt: skip


def _title(report: PathReport, straight: Floats) -> str:
    first, last = (f"{midpoint(f.lower, f.upper):.6g}" for f in (report.start, report.end))
    way = f"F goes down from {first} to {last}" if first != last else f"F stays at {first}"
    if report.answer is Answer.IMPOSSIBLE:
        goal = "down" if report.arrival is None else "to the optimum that was asked for"
        return f"At width {report.width} no path leads {goal} from F = {first}"
    if report.answer is Answer.UNKNOWN:
        return f"{way}; no way on was found"
    highest = float(np.max(straight))
    if highest > report.start.upper * (1 + 1e-9):
        return f"{way}; the straight line climbs to {highest:.4g}"
    return f"{way}; P* >= {rounded_down(report.optimum.lower, 6)}"


def _value(problem: TrainingProblem, network: Network) -> float:
    value = evaluate(problem, network)
    return midpoint(value.lower, value.upper)


def _between(one: Network, two: Network, t: float) -> Network:
    """All parameters, on the straight line from one network to another of the same shape."""

    def mixed(a: Floats | None, b: Floats | None) -> Floats | None:
        return None if a is None or b is None else (1 - t) * a + t * b

    return Network(
        (1 - t) * one.hidden_weights + t * two.hidden_weights,
        (1 - t) * one.output_weights + t * two.output_weights,
        mixed(one.hidden_bias, two.hidden_bias),
        mixed(one.output_bias, two.output_bias),
    )
