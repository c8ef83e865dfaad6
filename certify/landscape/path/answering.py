"""What a path that was found, or not, answers, and in which words."""

from __future__ import annotations

from certify.checker.descents import Kept
from certify.decide.proving import Proving
from certify.landscape.path.report import Answer, Arrival
from certify.landscape.path.to.target import Meeting
from certify.verdict import Bounds


def answer_of(
    proving: Proving,
    meeting: Meeting,
    kept: Kept,
    end: Bounds,
    lower: float,
    known: float,
    stuck: bool,
    suffices: int,
    arrival: Arrival | None,
) -> tuple[Answer, str]:
    """The answer and its reason.

    kept, end: what the checker kept of the path, and F there; lower, known: bounds on P*; stuck: the network is a strict local minimum; suffices: the
    width from which on there is always a path; arrival: None where any optimum will do.
    """
    descent = meeting.descent
    wider = f"at width {suffices} there is always a path (--width {suffices})"
    if end.upper - lower <= proving.options.eps * abs(end.lower):
        if arrival is None:
            return Answer.FOUND, "no network of any width is lower than the path's end by more than eps"
        return _met(meeting, wider, suffices, proving.limits.reached())
    if stuck and not descent.track.moves and known < kept.start[0]:
        return Answer.IMPOSSIBLE, f"the network is a strict local minimum of its width, and not a global one; {wider}"
    if kept.pieces <= len(descent.track.moves):
        return Answer.UNKNOWN, f"further pieces would rise by float64's rounding; {wider}"
    if proving.limits.reached():
        return Answer.UNKNOWN, f"the time limit came first; {wider}"
    return Answer.UNKNOWN, f"every branch that was tried ended in a valley ({descent.dead_ends}); {wider}"


def _met(meeting: Meeting, wider: str, suffices: int, late: bool) -> tuple[Answer, str]:
    """The answer where an optimum was reached, and a certain one is asked for."""
    if meeting.distance is not None:
        order = (
            "" if meeting.ordered else ", up to the order of its neurons: no slot is ever free for a change of places"
        )
        where = "that was asked for" if meeting.distance == 0 else "beside the network that was asked for"
        return Answer.FOUND, f"the path ends at the optimum {where}{order}"
    if meeting.width is not None and meeting.width < suffices:
        wider = f"from width {meeting.width} on they hang together (--width {meeting.width})"
    if meeting.apart is not None:
        return Answer.IMPOSSIBLE, f"{meeting.apart}; {wider}"
    if late:
        return Answer.UNKNOWN, f"the path ends at another optimum, and the time limit came first; {wider}"
    return Answer.UNKNOWN, f"the path ends at another optimum, from which no way to the target was found; {wider}"
