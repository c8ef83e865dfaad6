"""The first-order report for people: a summary that names only the worst neurons, and a table of all of them."""

from __future__ import annotations

import math

from certify.report.numbers import GAP_DIGITS, rounded_up, shortest
from certify.verdict import Stationarity

WORST = 3
LISTED_SAMPLES = 6


def stationarity_lines(report: Stationarity) -> list[str]:
    """Two to five short lines; neurons are counted from 0, as in the file."""
    answers = (("active", report.active), ("Clarke", report.clarke), ("directional", report.directional))
    balanced = [] if report.balanced is None else [("balanced", report.balanced)]
    words = [f"{name} {_answer(value)}" for name, value in (*balanced, *answers)]
    lines = [", ".join(words)]
    residual, tolerance = rounded_up(report.residual, GAP_DIGITS), shortest(report.tolerance)
    lines.append(f"largest relative residual {residual} (tolerance {tolerance})")
    worst = _worst_neurons(report)
    if worst:
        lines.append("worst neurons: " + ", ".join(f"{j} ({_residual(report, j)})" for j in worst))
    if report.dead:
        lines.append(f"dead neurons: {_listed(report.dead)}")
    if report.mergeable:
        lines.append(f"neurons that can be merged: {'; '.join(map(_listed, report.mergeable[:WORST]))}")
    return lines


def neuron_table(report: Stationarity) -> list[str]:
    """One line a neuron: Clarke residual, number of boundary samples and the first of them, what else is to be said."""
    lines = ["neuron  residual  on the boundary"]
    for j, boundary in enumerate(report.boundary):
        samples = f"{len(boundary)}" + (f" (samples {_listed(boundary)})" if boundary else "")
        lines.append(f"{j:>6}  {_residual(report, j):>8}  {', '.join([samples, *_remarks(report, j)])}")
    return lines


def _worst_neurons(report: Stationarity) -> list[int]:
    residuals = report.clarke_residual
    # `not <=` keeps a NaN residual in the list, and it is worse than any number.
    above = [j for j, residual in enumerate(residuals) if not residual <= report.tolerance]
    return sorted(above, key=lambda j: -math.inf if math.isnan(residuals[j]) else -residuals[j])[:WORST]


def _remarks(report: Stationarity, neuron: int) -> list[str]:
    groups = [group for group in report.mergeable if neuron in group]
    merges = [f"merges with {_listed(tuple(j for j in group if j != neuron))}" for group in groups]
    return ["dead"] * (neuron in report.dead) + merges


def _residual(report: Stationarity, neuron: int) -> str:
    return rounded_up(report.clarke_residual[neuron], GAP_DIGITS)


def _listed(indices: tuple[int, ...]) -> str:
    shown = ", ".join(map(str, indices[:LISTED_SAMPLES]))
    return shown + (f", ... ({len(indices)} in all)" if len(indices) > LISTED_SAMPLES else "")


def _answer(value: bool | None) -> str:
    return {True: "yes", False: "no", None: "undecided"}[value if value is None else bool(value)]
