"""What solve and descend came to, in one sentence."""

from __future__ import annotations

from certify.report.numbers import GAP_DIGITS, excess, rounded_down, with_error
from certify.report.record import TrainingRecord
from certify.verdict import Bounds, Verdict


def neurons(number: int) -> str:
    """`1 neuron`, `4 neurons`."""
    return f"{number} neuron{'s' * (number != 1)}"


def training_sentence(training: TrainingRecord, verdict: Verdict) -> str:
    """Which network this is: the optimum, or the best found, and of which width."""
    return _solved(training, verdict) if training.start is None else _descended(training, training.start, verdict)


def _solved(training: TrainingRecord, verdict: Verdict) -> str:
    asked = training.width_asked
    allowed = "" if asked is None else f"; at most {neurons(asked)} {'was' if asked == 1 else 'were'} asked for"
    if training.outcome == "optimum":
        return f"the optimum over networks of every width, with {neurons(verdict.width)}{allowed}"
    found = f"the best network found, with {neurons(verdict.width)}{allowed}"
    if training.narrowest_known and training.narrowest_known > verdict.width:
        return f"{found}; the best one known of any width has {training.narrowest_known}"
    return f"{found}; not proved to be optimal"


def _descended(training: TrainingRecord, start: Bounds, verdict: Verdict) -> str:
    fall = excess(start.lower, verdict.value.upper)
    lowered = f"lowered by {rounded_down(fall, GAP_DIGITS)} from F = {with_error(start.lower, start.upper)}"
    taken = f"in {training.steps} step{'s' * (training.steps != 1)}"
    if training.outcome == "already-optimal":
        rest = f"; {lowered} all the same" if fall > 0 else "; it is left as it was"
        return f"already optimal: the given network is a global optimum, to eps{rest}"
    if training.outcome == "optimum":
        return f"{lowered} {taken}, to the optimum over networks of every width"
    if training.outcome == "improved":
        return f"{lowered} {taken}; not proved to be optimal"
    return "left as it was: no better network of this width was found; not proved to be optimal"
