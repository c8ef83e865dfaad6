"""From findings to a verdict: three answers, each following from inequalities between enclosed values
(docs/theory.md, section 4)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

from certify.decide.witness import displacement
from certify.problem.network import Network
from certify.problem.training import TrainingProblem
from certify.rounding import UNIT
from certify.verdict import NEAR, Bounds, Decision, Reason, SameWidth, SearchReport, Stationarity, Verdict, Witness

_TINY = 1e-300
_LOCAL_SHARE = 0.01  # a local direction that lowers the objective by less than this share is beside the point
_CLOSE = 0.01  # a simpler witness is preferred when its value is that close to the best one's
_PREFERENCE = ("gradient", "dead-neuron", "rebuilt", "retrained")


@dataclass(slots=True, eq=False)
class Findings:
    """Everything known so far. lower <= P* holds from the start: every loss is nonnegative."""

    network: Network
    value: Bounds
    stationarity: Stationarity
    eps: float
    beta: float
    lower: float = 0.0
    gain: Bounds = field(default_factory=lambda: Bounds(0.0, math.inf))
    witnesses: list[Witness] = field(default_factory=list)
    broken: bool = False

    @property
    def allowed(self) -> float:
        """eps |F|, rounded down: what a certified gap may be, and what a refuting witness must exceed."""
        size = max(0.0, self.value.lower, -self.value.upper)
        return self.eps * max(size, _TINY) * (1 - 4 * UNIT)

    @property
    def certified(self) -> bool:
        """Whether no network of any width is better by more than eps |F|."""
        gap = (self.value.upper - self.lower) * (1 + 4 * UNIT)
        return gap <= self.allowed

    @property
    def needed(self) -> float:
        """The lower bound on P* that makes the network certified, rounded up."""
        return self.value.upper - self.allowed * (1 - 16 * UNIT)

    @property
    def standing(self) -> str:
        """What follows so far, in a word; wider: a better network is known, but only a wider one."""
        if self.certified:
            return "certified"
        return "refuted" if self.same_width else "wider" if self.improvable else "open"

    @property
    def best_value(self) -> float:
        """The least proved upper value of any network seen, of any width."""
        return min([self.value.upper, *(w.value.upper for w in self.witnesses)])

    @property
    def improvable(self) -> bool:
        """Whether some network is known to be better by more than eps |F|, so that no certificate is possible."""
        return any(self._refutes(w) for w in self.witnesses)

    @property
    def same_width(self) -> list[Witness]:
        """Networks of at most the given width that are better by more than eps |F|."""
        return [w for w in self.witnesses if w.width <= self.network.width and self._refutes(w)]

    @property
    def nearing(self) -> bool:
        """Whether the network may be near P*, by the best one seen, and how near is not proved to a tenth of that yet."""
        excess = self.value.upper - self.best_value
        return excess <= NEAR * self.best_value and self.best_value - self.lower > excess / 10

    def tight(self, tolerance: float) -> bool:
        """Whether P* itself is known to the relative tolerance."""
        return self.best_value - self.lower <= tolerance * max(abs(self.best_value), _TINY)

    def raise_lower(self, bound: float) -> None:
        """Take note of a proved lower bound on P*."""
        self.lower = max(self.lower, bound)  # max keeps the old one against NaN

    def add(self, witness: Witness) -> None:
        """Take note of a network, if it is better than the given one or than what was known of its kind."""
        if witness.value.upper < self.value.lower:
            self.witnesses.append(witness)

    def refuted_by(self, value: float) -> bool:
        """Whether a network of this objective, rounded up, is better by more than eps |F|."""
        decrease = (self.value.lower - value) * (1 - 4 * UNIT)
        size = max(abs(self.value.lower), abs(self.value.upper))
        return decrease > self.eps * size * (1 + 4 * UNIT)

    def _refutes(self, witness: Witness) -> bool:
        return self.refuted_by(witness.value.upper)


def conclude(
    findings: Findings,
    problem: TrainingProblem,
    rank: int,
    stopped: bool,
    interrupted: bool,
    report: SearchReport,
    same_width: SameWidth | None = None,
) -> Verdict:
    """The verdict on the findings."""
    decision, reason, witness = _decide(findings, stopped, interrupted)
    if witness is not None and witness.direction is None and witness.width <= findings.network.width:
        witness = _with_direction(findings, problem, witness)
    network, objective = findings.network, problem.objective
    inputs = network.inputs
    return Verdict(
        decision=decision,
        reason=reason,
        explanation=explain(decision, reason, findings, witness, same_width, problem.loss.smooth),
        eps=findings.eps,
        value=findings.value,
        optimum=Bounds(min(findings.lower, findings.best_value), findings.best_value),
        gain=findings.gain,
        beta=objective.weight_decay,
        width=network.width,
        width_needed=witness.width if reason is Reason.WIDTH and witness else None,
        samples=problem.samples,
        inputs=inputs,
        outputs=network.outputs,
        rank=rank,
        stationarity=findings.stationarity,
        witness=witness,
        search=report,
        same_width=same_width,
        interrupted=interrupted,
    )


def _decide(findings: Findings, stopped: bool, interrupted: bool) -> tuple[Decision, Reason | None, Witness | None]:
    if findings.broken:
        return Decision.INCONCLUSIVE, Reason.NUMERICS, None
    if findings.certified:
        return Decision.CERTIFIED, None, None
    if findings.same_width:
        return Decision.REFUTED, None, _preferred(findings.same_width, findings.value.lower)
    if interrupted:
        return Decision.INCONCLUSIVE, Reason.INTERRUPTED, _widest_gain(findings)
    if findings.improvable:
        return Decision.INCONCLUSIVE, Reason.WIDTH, _widest_gain(findings)
    return Decision.INCONCLUSIVE, Reason.LIMIT if stopped else Reason.NUMERICS, None


def _preferred(witnesses: list[Witness], value: float) -> Witness:
    """The simplest kind that comes near the best."""
    least = min(w.value.upper for w in witnesses)
    enough = [w for w in witnesses if w.value.upper <= least + _CLOSE * min(abs(least), value - least)]
    first = min(_PREFERENCE.index(w.kind) for w in enough)
    return min((w for w in enough if _PREFERENCE.index(w.kind) == first), key=lambda w: w.value.upper)


def _widest_gain(findings: Findings) -> Witness | None:
    """The narrowest of the wider networks that reach the best value known."""
    better = [w for w in findings.witnesses if findings._refutes(w)]
    if not better:
        return None
    least = min(w.value.upper for w in better)
    close = [w for w in better if w.value.upper <= least + 1e-9 * abs(least)]
    return replace(min(close, key=lambda w: w.width), kind="wider", direction=None)


def _with_direction(findings: Findings, problem: TrainingProblem, witness: Witness) -> Witness:
    """A local descent direction where one that matters was measured, else the straight way to the witness."""
    decrease = findings.value.lower - witness.value.upper
    local = [w.direction for w in findings.witnesses if w.direction is not None]
    steepest = max(local, key=lambda d: d.decrease, default=None)
    if steepest is not None and steepest.decrease >= _LOCAL_SHARE * decrease:
        return replace(witness, direction=steepest)
    return replace(witness, direction=displacement(problem, findings.network, witness.network, decrease))


def explain(
    decision: Decision,
    reason: Reason | None,
    findings: Findings,
    witness: Witness | None,
    same_width: SameWidth | None = None,
    trained: bool = True,
) -> str:
    """One sentence for the report. trained: whether networks of the width are trained, where the search goes that far."""
    if decision is Decision.CERTIFIED:
        return "no two-layer ReLU network of any width is better by more than eps"
    if decision is Decision.REFUTED:
        return "a network of at most the same width has a lower objective"
    if reason is Reason.WIDTH and witness is not None:
        found = "" if same_width is None else f" (best of {same_width.starts} starts: F = {same_width.best.upper:.9g})"
        found = found if trained else " (refitted only: networks are not trained with this loss)"
        return f"a wider network ({witness.width} neurons) is better; none of this width was found to be{found}"
    if reason is Reason.LIMIT:
        return "the search ended before the bounds met; they are true as far as they go"
    if reason is Reason.INTERRUPTED:
        return "interrupted; the bounds are true as far as they go"
    if findings.broken:
        return "the objective of the network overflows float64"
    return "float64 rounding keeps the bounds apart by more than eps"
