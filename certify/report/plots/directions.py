"""The rose of a landscape: the gain of the optimal dual vector, with a star where an optimum may have a neuron."""

from __future__ import annotations

import numpy as np

from certify.arrays import Floats
from certify.errors import UsageError
from certify.landscape.landscape import Landscape
from certify.problem.training import TrainingProblem
from certify.report.plots.frame import Frame
from certify.report.plots.rose import Rose, legend_of, plane_through, rose_of, stars_in


def rose_picture(
    landscape: Landscape, pair: tuple[int, int] | None, caption: str, eps: float, names: list[str]
) -> Rose:
    """Of the plane of all weights, where there are two coordinates; else of the great circle through two listed directions.

    pair: their numbers, from 1; the first two that differ, if left out. Where one is listed, or none, coordinate axes stand in.
    names (D,) of the coordinates. Raises UsageError where no plane goes through the pair, or one of them is not listed.
    """
    units, beta = landscape.units, landscape.beta
    require_circle(landscape.problem, names)
    plane, ends = _plane(units, pair, names)
    found = stars_in(plane, units, landscape.signs, landscape.gains / beta, range(1, len(units) + 1))
    frame = Frame("rose", _title(landscape, len(found)), f"{caption}\n{legend_of(ends)}", eps)
    rows, nu = landscape.problem.rows, landscape.nu
    return rose_of(rows, nu, beta, plane, ends, found, frame, "what an optimum may use", "*")


def require_circle(problem: TrainingProblem, names: list[str]) -> None:
    """Raise UsageError where directions are not points of a circle: with a free hidden bias, one weight, or several outputs."""
    if problem.free_hidden_bias:
        raise UsageError("the rose is not drawn: with a free hidden bias directions are not points of a circle")
    if problem.outputs > 1:
        raise UsageError("the rose is not drawn: with several outputs a gain has no sign")
    if len(names) < 2:
        raise UsageError(
            "the rose is not drawn: a neuron has one weight, so that there are only the directions + and -"
        )


def _title(landscape: Landscape, shown: int) -> str:
    count, doubtful = len(landscape.units), int(np.sum(landscape.doubtful))
    many = f"{count} direction{'s' * (count != 1)}"
    if landscape.complete and not count:
        return "The gain is below beta in every direction: the zero network is optimal"
    if not landscape.complete:
        return f"{many} of gain beta, and maybe others"
    if doubtful:
        return f"The gain reaches beta in {many}, {doubtful} of them in doubt"
    if shown < count:
        return f"The gain reaches beta in {many}, {shown} of them on this circle"
    return f"The gain reaches beta in {many}: an optimum uses no other"


def _plane(units: Floats, pair: tuple[int, int] | None, names: list[str]) -> tuple[Floats, tuple[str, str]]:
    axes = np.eye(len(names))
    wanted = f"--picture rose:{pair[0]},{pair[1]}" if pair is not None else "--picture rose"
    if pair is not None and max(pair) > len(units):
        raise UsageError(f"{wanted}: {len(units)} directions are listed; name two of them")
    if len(names) == 2:
        return axes, (names[0], names[1])
    if pair is not None:
        chosen = [(units[k - 1], f"direction {k}") for k in pair]
    else:
        chosen = [(unit, f"direction {k + 1}") for k, unit in enumerate(units)]
        chosen += list(zip(axes, names, strict=True))
    found = plane_through(chosen)
    if found is None:
        raise UsageError(f"{wanted}: both lie on one line, through which many circles go; name two others")
    return found
