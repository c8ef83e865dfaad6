"""The rose: the gain over beta on a circle of directions. Where it is above 1, one more neuron lowers F; optima use only directions
where it is 1."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from certify.arrays import Floats
from certify.linear import matmul, norm
from certify.report.plots.canvas import AMBER, BLUE, FAINT, INK, RED
from certify.report.plots.frame import Frame

_POINTS = 360
_SAME = 1e-9  # radians, and distance of unit vectors from the plane
_PARALLEL = 1e-6
_ABOVE = 1e-6  # share of beta by which a gain is seen to exceed it
_MANY = 40  # sectors, from which on there are no lines between them
_ROOM = 0.17  # radians that a sector needs to say how many samples are on


Star = tuple[int, int, float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Rose:
    """plane (2, D): an orthonormal basis; the direction at an angle t is cos t plane[0] + sin t plane[1]; ends say what the two are.

    angles, gains (p,)      the signed gain s nu.(Z u)_+ over beta: of output sign + where positive, of - where negative
    borders (b,), on (b,)   angles at which a sample turns on or off, and how many are on in the sector that begins there
    stars                   the directions to be marked, in the plane: number, sign, angle, gain over beta; marked: what they are
    """

    frame: Frame
    plane: Floats
    ends: tuple[str, str]
    angles: Floats
    gains: Floats
    borders: Floats
    on: tuple[int, ...]
    stars: tuple[Star, ...]
    marked: str
    marker: str

    def numbers(self) -> dict[str, Any]:
        """Angles in radians."""
        return {
            "plane": self.plane,
            "curve": {"angles": self.angles, "gain_over_beta": self.gains},
            "sectors": [
                {"from": float(border), "active_samples": on} for border, on in zip(self.borders, self.on, strict=True)
            ],
            "directions": [
                {"number": number, "sign": sign, "angle": angle, "gain_over_beta": gain}
                for number, sign, angle, gain in self.stars
            ],
        }

    def draw(self, figure: Any) -> None:
        """A petal for each sign, the circle gain = beta, sectors in two shades, stars where an optimum may go."""
        axes = figure.add_subplot(projection="polar")
        top = 1.2 * max(1.0, float(np.max(np.abs(self.gains))))
        axes.set_ylim(0, top)
        self._sectors(axes, top)
        turn = np.linspace(0.0, 2 * math.pi, 121)
        for sign, colour, style in ((1, BLUE, "-"), (-1, RED, "--")):
            petal = np.maximum(sign * self.gains, 0.0)
            if not np.any(petal > 0):
                continue
            axes.plot(
                self.angles, petal, color=colour, linestyle=style, label=f"gain, output sign {'+' if sign > 0 else '-'}"
            )
            axes.fill(self.angles, petal, color=colour, alpha=0.10)
        axes.plot(turn, np.ones_like(turn), color=INK, linewidth=1.3, label="gain = beta")
        axes.plot(turn, np.full_like(turn, 0.5), color=FAINT, linewidth=0.8, linestyle=":", label="half of it")
        if np.max(np.abs(self.gains)) > 1 + _ABOVE:
            axes.fill_between(
                self.angles, 1.0, np.abs(self.gains), where=np.abs(self.gains) > 1, color=AMBER, alpha=0.75, linewidth=0, zorder=3,
                label="above beta: a way down",
            )  # fmt: skip
        if self.stars:
            axes.plot(
                [star[2] for star in self.stars], [star[3] for star in self.stars], linestyle="none", marker=self.marker,
                markersize=15 if self.marker == "*" else 10, color=AMBER, markeredgecolor=INK, markeredgewidth=0.8, zorder=5, clip_on=False,
                label=self.marked,
            )  # fmt: skip
        for number, _, angle, gain in self.stars:
            axes.annotate(
                str(number), (angle, gain), (-14 * math.cos(angle), -14 * math.sin(angle)), textcoords="offset points",
                ha="center", va="center", fontweight="bold", zorder=6,
            )  # fmt: skip
        axes.grid(False)
        axes.set_yticks([])
        axes.set_xticks([])
        axes.text(0.0, 1.04 * top, self.ends[0], ha="left", va="center")
        axes.text(math.pi / 2, 1.04 * top, self.ends[1], ha="center", va="bottom")
        axes.spines["polar"].set_visible(False)
        axes.legend(loc="lower left", bbox_to_anchor=(1.12, 0.0))

    def _sectors(self, axes: Any, top: float) -> None:
        """Wedges, one a pattern, in turn darker and lighter."""
        count = len(self.borders)
        ends = [*self.borders[1:], self.borders[0] + 2 * math.pi] if count else []
        line = 0.5 if count <= _MANY else 0.0
        for k, (start, end) in enumerate(zip(self.borders, ends, strict=True)):
            middle, width = (start + end) / 2, end - start
            if line or k % 2 == 0:  # of very many every other one: the paper shows between them
                shade = ("#e6e6df", "#f7f7f3")[k % 2]
                axes.bar(middle, top, width=width, color=shade, edgecolor="#c9c9c2", linewidth=line, zorder=0)
            if width > _ROOM:
                axes.annotate(
                    f"{self.on[k]} on",
                    (middle, 0.93 * top),
                    ha="center",
                    va="center",
                    fontsize=8,
                    color=FAINT,
                    zorder=1,
                )


def rose_of(
    rows: Floats,
    nu: Floats,
    beta: float,
    plane: Floats,
    ends: tuple[str, str],
    stars: tuple[Star, ...],
    frame: Frame,
    marked: str,
    marker: str,
) -> Rose:
    """Of the dual vector nu (n,) on the rows (n, D): the curve at even angles, at the borders of the sectors, and at the stars."""
    borders = _borders(matmul(rows, plane.T))
    even = np.linspace(0.0, 2 * math.pi, _POINTS + 1)
    angles = np.unique(np.concatenate([even, borders, [star[2] for star in stars]]))
    gains = gains_at(rows, nu, _directions(plane, angles)) / beta
    middles = (borders + np.append(borders[1:], borders[:1] + 2 * math.pi)) / 2
    on = np.sum(matmul(_directions(plane, middles), rows.T) > 0, axis=1)
    return Rose(frame, plane, ends, angles, gains, borders, tuple(int(k) for k in on), stars, marked, marker)


def legend_of(ends: tuple[str, str]) -> str:
    """What the circle is, for the caption."""
    return f"right: {ends[0]}, up: {ends[1]}; sectors: activation patterns, with the samples that are on"


def plane_through(chosen: Sequence[tuple[Floats, str]]) -> tuple[Floats, tuple[str, str]] | None:
    """The plane of the first of these unit vectors (D,) and of the next one that is not along it, and what they are; None where all are."""
    one, first = chosen[0]
    for other, second in chosen[1:]:
        across = other - float(np.sum(other * one)) * one
        if float(norm(across)) > _PARALLEL:
            return np.array([one, across / norm(across)]), (first, f"towards {second}")
    return None


def stars_in(plane: Floats, units: Floats, signs: Floats, gains: Floats, numbers: Sequence[int]) -> tuple[Star, ...]:
    """Those of the unit vectors (N, D) that lie in the plane; gains (N,) over beta."""
    found = []
    for unit, sign, gain, number in zip(units, signs, gains, numbers, strict=True):
        x, y = (float(np.sum(unit * axis)) for axis in plane)
        if math.hypot(x, y) >= 1 - _SAME:
            angle = math.atan2(y, x) % (2 * math.pi)
            found.append((number, int(sign), angle if angle < 2 * math.pi - _SAME else 0.0, float(gain)))
    return tuple(found)


def gains_at(rows: Floats, nu: Floats, units: Floats) -> Floats:
    """nu.(Z u)_+ of each row u of `units` (p, D)."""
    gains: Floats = matmul(np.maximum(matmul(units, rows.T), 0.0), nu[:, None])[:, 0]
    return gains


def _directions(plane: Floats, angles: Floats) -> Floats:
    directions: Floats = np.cos(angles)[:, None] * plane[0] + np.sin(angles)[:, None] * plane[1]
    return directions


def _borders(flat: Floats) -> Floats:
    """Angles in [0, 2 pi) across the rows (n, 2), each once, in order."""
    seen = flat[norm(flat, axis=1) > _SAME * float(np.max(norm(flat, axis=1), initial=0.0))]
    across = np.arctan2(seen[:, 1], seen[:, 0])
    turned = np.concatenate([across + math.pi / 2, across - math.pi / 2]) % (2 * math.pi)
    turned = np.sort(np.where(turned > 2 * math.pi - _SAME, 0.0, turned))
    once: Floats = turned[np.diff(turned, prepend=-1.0) > _SAME]
    return once
