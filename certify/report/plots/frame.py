"""What stands around every picture: its kind, a title that says what is seen, and the objective and eps below it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from certify.problem.objective import Objective
from certify.report.layout import count, objective_entries
from certify.report.numbers import GAP_DIGITS, excess, ratio, rounded_up
from certify.verdict import Bounds


@dataclass(frozen=True, slots=True)
class Frame:
    """kind: the picture's name; title; caption: objective and eps; eps: relative tolerance of what is shown as the optimum."""

    kind: str
    title: str
    caption: str
    eps: float


class Picture(Protocol):
    """A picture knows its numbers without being drawn, so that they can be had as text."""

    @property
    def frame(self) -> Frame:
        """Title and caption."""

    def numbers(self) -> dict[str, Any]:
        """All that is drawn, for JSON."""

    def draw(self, figure: Any) -> None:
        """Draw it on a matplotlib figure that `canvas` has made."""


def picture_keys(picture: Picture | None) -> dict[str, Any] | None:
    """The text twin of a picture; keys are added, never renamed."""
    if picture is None:
        return None
    frame = picture.frame
    head = {"kind": frame.kind, "title": frame.title, "caption": frame.caption, "eps": frame.eps}
    return {**head, **picture.numbers()}


def caption_of(objective: Objective, samples: int, weighted: bool, eps: str, more: str = "") -> str:
    """The objective on one line, the biases and eps on the next, and what more there is to say."""
    formula, penalty, _, biases = (text.strip() for _, text in objective_entries(objective, samples, weighted))
    lines = [f"{formula} {penalty}", f"{count(samples, 'sample')}; {biases}; {eps}"]
    return "\n".join([*lines, more] if more else lines)


def weight_names(inputs: int, weights: int) -> list[str]:
    """Of a neuron's weights: `input 1`, ..., and `the bias` where there is one more."""
    return [f"input {k + 1}" for k in range(inputs)] + ["the bias"] * (weights - inputs)


def known_to(optimum: Bounds) -> float:
    """The share of P* by which its two bounds differ, rounded up: to that eps the optimum is known."""
    return float(ratio(excess(optimum.upper, optimum.lower), optimum.lower))


def eps_of_optimum(optimum: Bounds) -> str:
    """`P* known to eps = 1.1e-13`."""
    return f"P* is proved to eps = {rounded_up(known_to(optimum), GAP_DIGITS)}"
