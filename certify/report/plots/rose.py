"""The rose: the gain over beta on a circle of directions. Optima use only directions where it is 1."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from certify.arrays import Floats
from certify.errors import UsageError
from certify.landscape.landscape import Landscape
from certify.linear import matmul, norm
from certify.report.plots.canvas import AMBER, BLUE, FAINT, INK, RED
from certify.report.plots.frame import Frame

_POINTS = 720
_SAME = 1e-9  # radians, and distance of unit vectors from the plane
_PARALLEL = 1e-6
_ROOM = 0.17  # radians that a sector needs to say how many samples are on


@dataclass(frozen=True, slots=True, eq=False)
class Rose:
    """plane (2, D): an orthonormal basis; the direction at an angle t is cos t plane[0] + sin t plane[1]; ends say what the two are.

    angles, gains (p,)      the signed gain s nu.(Z u)_+ over beta: of output sign + where positive, of - where negative
    borders (b,), on (b,)   angles at which a sample turns on or off, and how many are on in the sector that begins there
    stars                   the listed directions in the plane: number (from 1), sign, angle, gain over beta
    """

    frame: Frame
    plane: Floats
    ends: tuple[str, str]
    angles: Floats
    gains: Floats
    borders: Floats
    on: tuple[int, ...]
    stars: tuple[tuple[int, int, float, float], ...]

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
        for sign, colour, style in ((1, BLUE, "-"), (-1, RED, "--")):
            petal = np.maximum(sign * self.gains, 0.0)
            if not np.any(petal > 0):
                continue
            axes.plot(
                self.angles, petal, color=colour, linestyle=style, label=f"gain, output sign {'+' if sign > 0 else '-'}"
            )
            axes.fill(self.angles, petal, color=colour, alpha=0.10)
        axes.plot(self.angles, np.ones_like(self.angles), color=INK, linewidth=1.3, label="gain = beta")
        axes.plot(
            self.angles, np.full_like(self.angles, 0.5), color=FAINT, linewidth=0.8, linestyle=":", label="half of it"
        )
        if self.stars:
            axes.plot(
                [star[2] for star in self.stars], [star[3] for star in self.stars], linestyle="none", marker="*",
                markersize=15, color=AMBER, markeredgecolor=INK, markeredgewidth=0.8, zorder=5, clip_on=False,
                label="what an optimum may use",
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
        for k, (start, end) in enumerate(zip(self.borders, ends, strict=True)):
            middle, width = (start + end) / 2, end - start
            shade = ("#e9e9e3", "#f7f7f3")[k % 2]
            axes.bar(middle, top, width=width, color=shade, edgecolor="#c9c9c2", linewidth=0.5, zorder=0)
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


def rose_picture(
    landscape: Landscape, pair: tuple[int, int] | None, caption: str, eps: float, names: list[str]
) -> Rose:
    """Of the plane of all weights, where there are two coordinates; else of the great circle through two listed directions.

    pair: their numbers, from 1; the first two that differ, if left out. Where one is listed, or none, coordinate axes stand in.
    names (D,) of the coordinates. Raises UsageError where no plane goes through the pair, or one of them is not listed.
    """
    units = landscape.units
    if len(names) < 2:
        raise UsageError(
            "the rose is not drawn: a neuron has one weight, so that there are only the directions + and -"
        )
    plane, ends = _plane(landscape, pair, names)
    found = _stars(units, landscape, plane)
    borders = _borders(matmul(landscape.problem.rows, plane.T))
    even = np.linspace(0.0, 2 * math.pi, _POINTS + 1)
    angles = np.unique(np.concatenate([even, borders, [star[2] for star in found]]))
    gains = gains_at(landscape.problem.rows, landscape.nu, _directions(plane, angles)) / landscape.beta
    middles = (borders + np.append(borders[1:], borders[:1] + 2 * math.pi)) / 2
    on = matmul(_directions(plane, middles), landscape.problem.rows.T) > 0
    many = f"{len(units)} direction{'s' * (len(units) != 1)}"
    title = f"The gain reaches beta in {many}: an optimum uses no other"
    doubtful = int(np.sum(landscape.doubtful))
    if not landscape.complete or doubtful:
        title = (
            f"The gain reaches beta in {many}, {doubtful} of them in doubt"
            if doubtful
            else f"{many} of gain beta, and maybe others"
        )
    elif len(found) < len(units):
        title = f"The gain reaches beta in {many}, {len(found)} of them on this circle"
    more = f"right: {ends[0]}, up: {ends[1]}; sectors: activation patterns, by the number of samples that are on"
    frame = Frame("rose", title, f"{caption}\n{more}", eps)
    return Rose(frame, plane, ends, angles, gains, borders, tuple(int(k) for k in np.sum(on, axis=1)), tuple(found))


def gains_at(rows: Floats, nu: Floats, units: Floats) -> Floats:
    """nu.(Z u)_+ of each row u of `units` (p, D)."""
    gains: Floats = matmul(np.maximum(matmul(units, rows.T), 0.0), nu[:, None])[:, 0]
    return gains


def _directions(plane: Floats, angles: Floats) -> Floats:
    directions: Floats = np.cos(angles)[:, None] * plane[0] + np.sin(angles)[:, None] * plane[1]
    return directions


def _plane(landscape: Landscape, pair: tuple[int, int] | None, names: list[str]) -> tuple[Floats, tuple[str, str]]:
    units, axes = landscape.units, np.eye(len(names))
    if pair is not None:
        for number in pair:
            if number > len(units):
                raise UsageError(
                    f"--picture rose:{pair[0]},{pair[1]}: {len(units)} directions are listed; name two of them"
                )
    if len(names) == 2:
        return axes, (names[0], names[1])
    if pair is not None:
        chosen = [(units[k - 1], f"direction {k}") for k in pair]
    else:
        chosen = [(unit, f"direction {k + 1}") for k, unit in enumerate(units)]
        chosen += [(axis, name) for axis, name in zip(axes, names, strict=True)]
    one, first = chosen[0]
    for other, second in chosen[1:]:
        across = other - float(np.sum(other * one)) * one
        if float(norm(across)) > _PARALLEL:
            return np.array([one, across / norm(across)]), (first, f"towards {second}")
    raise UsageError(
        f"--picture rose:{pair[0]},{pair[1]}: both lie on one line, through which many circles go" if pair else ""
    )


def _stars(units: Floats, landscape: Landscape, plane: Floats) -> list[tuple[int, int, float, float]]:
    found = []
    for k, unit in enumerate(units):
        x, y = (float(np.sum(unit * axis)) for axis in plane)
        if math.hypot(x, y) >= 1 - _SAME:
            angle = math.atan2(y, x) % (2 * math.pi)
            found.append((k + 1, int(landscape.signs[k]), angle, float(landscape.gains[k] / landscape.beta)))
    return found


def _borders(flat: Floats) -> Floats:
    """Angles in [0, 2 pi) across the rows (n, 2), each once, in order."""
    seen = flat[norm(flat, axis=1) > _SAME * float(np.max(norm(flat, axis=1), initial=0.0))]
    across = np.arctan2(seen[:, 1], seen[:, 0])
    turned = np.concatenate([across + math.pi / 2, across - math.pi / 2]) % (2 * math.pi)
    turned = np.sort(np.where(turned > 2 * math.pi - _SAME, 0.0, turned))
    once: Floats = turned[np.diff(turned, prepend=-1.0) > _SAME]
    return once
