"""An implied decay in the terms of a loss and a reduction: in words, as options, and in JSON."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from certify.decide.doubt import Fit
from certify.problem.implied import Treatment, same_up_to_a_factor
from certify.problem.objective import Bias, Loss, Objective, Reduction
from certify.report.numbers import rounded

_SAME_DECAY = (
    0.02  # relative difference of decays that are taken for one; more where the weights are less near stationary
)
_MOST_DIFFERENT = 0.1
SHOWN = 4  # fits of `inspect`
_REDUCTION_WORDS = {Reduction.SUM: "the sum over the samples", Reduction.MEAN: "the mean over the samples"}
_BIAS_WORDS = {Bias.PENALIZED: "penalised", Bias.FREE: "free"}


@dataclass(frozen=True, slots=True)
class StatedFit:
    """A fit in the terms of a loss and a reduction: the decays of the two layers."""

    fit: Fit
    loss: Loss
    reduction: Reduction
    hidden_decay: float
    output_decay: float

    @property
    def decay_words(self) -> str:
        """The decay in as many digits as the residual leaves certain."""
        digits = max(2, min(6, 1 + math.floor(-math.log10(max(self.fit.implied.residual, 1e-9)))))
        one, other = rounded(self.hidden_decay, digits), rounded(self.output_decay, digits)
        return one if one == other else f"{one} (hidden) / {other} (output)"

    @property
    def options(self) -> str | None:
        """The options that state it; None where there are none (other activations, two decays, biases treated unlike) or it is not plausible."""
        ways = {self.fit.implied.treatment.hidden, self.fit.implied.treatment.output} - {Bias.NONE}
        if (
            not self.fit.plausible
            or self.fit.activation != "relu"
            or self.hidden_decay != self.output_decay
            or len(ways) > 1
        ):
            return None
        penalize = [" --penalize " + ("all" if way is Bias.PENALIZED else "weights") for way in ways]
        return f"--loss {self.loss} --reduction {self.reduction} --weight-decay {self.decay_words}{''.join(penalize)}"

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        treatment = self.fit.implied.treatment
        return {
            "loss": self.loss.value,
            "reduction": self.reduction.value,
            "hidden_decay": self.hidden_decay,
            "output_decay": self.output_decay,
            "hidden_bias": treatment.hidden.value,
            "output_bias": treatment.output.value,
            "activation": self.fit.activation,
            "residual": self.fit.implied.residual,
        }


def in_terms_of(fit: Fit, objective: Objective) -> StatedFit:
    """The fit in the statement's loss and reduction, or in others in which its decay is the one stated."""
    near = [loss for loss in Loss if same_up_to_a_factor(loss, fit.implied.loss)]
    losses = sorted(near, key=lambda loss: loss is not objective.loss)
    reductions = sorted(Reduction, key=lambda reduction: reduction is not objective.reduction)
    ways = [
        StatedFit(fit, loss, reduction, *fit.implied.decays(loss, reduction))
        for loss in losses
        for reduction in reductions
    ]
    for way in ways:
        if _same_decays(way, objective):
            return StatedFit(fit, way.loss, way.reduction, objective.hidden_decay, objective.output_decay)
    return ways[0]


def _same_decays(found: StatedFit, objective: Objective) -> bool:
    slack = min(_MOST_DIFFERENT, max(_SAME_DECAY, 3 * found.fit.implied.residual))
    pairs = ((found.hidden_decay, objective.hidden_decay), (found.output_decay, objective.output_decay))
    return all(abs(one - other) <= slack * abs(other) for one, other in pairs)


def difference(found: StatedFit, objective: Objective) -> str:
    """`weight decay 15 with penalised biases, not 0.15`: what fits, and what of the statement differs from it."""
    treatment = found.fit.implied.treatment
    like, unlike = [], []
    if found.loss is not objective.loss:
        like.append(f"the {found.loss} loss")
        unlike.append(f"the {objective.loss} loss")
    if found.reduction is not objective.reduction:
        like.append(_REDUCTION_WORDS[found.reduction])
        unlike.append(_REDUCTION_WORDS[objective.reduction])
    if not _same_decays(found, objective):
        stated = (f"{objective.hidden_decay:g}", f"{objective.output_decay:g}")
        unlike.append(stated[0] if stated[0] == stated[1] else f"{stated[0]} and {stated[1]}")
    if treatment.hidden is not objective.hidden_bias or treatment.output is not objective.output_bias:
        unlike.append(biases_words(Treatment(objective.hidden_bias, objective.output_bias)))
    biases = biases_words(treatment)
    like.append(f"weight decay {found.decay_words}{f' with {biases}' if biases else ''}")
    return f"{', '.join(like)}{_otherwise(found, objective)}, not {', '.join(unlike) or 'as stated'}"


def _otherwise(found: StatedFit, objective: Objective) -> str:
    """The same in the loss and the reduction that were stated, where these are not kept and could be."""
    if not same_up_to_a_factor(found.loss, objective.loss):
        return ""
    if found.loss is objective.loss and found.reduction is objective.reduction:
        return ""
    decays = found.fit.implied.decays(objective.loss, objective.reduction)
    kept = StatedFit(found.fit, objective.loss, objective.reduction, *decays)
    return f" (which is weight decay {kept.decay_words} with the loss as stated)"


def biases_words(treatment: Treatment) -> str:
    """`penalised biases`, or one by one where they are treated unlike; nothing where there is none."""
    layers = (("hidden", treatment.hidden), ("output", treatment.output))
    ways = {layer: _BIAS_WORDS[way] for layer, way in layers if way is not Bias.NONE}
    if len(set(ways.values())) == 1:
        return f"{next(iter(ways.values()))} biases"
    return " and ".join(f"a {way} {layer} bias" for layer, way in ways.items())


def implied_rows(ranked: list[Fit]) -> list[dict[str, Any]]:
    """For JSON: each fit for every loss that it stands for and either reduction, best first."""
    return [way.as_dict() | {"plausible": way.fit.plausible, "options": way.options} for way in every_way(ranked)]


def every_way(ranked: list[Fit]) -> Iterator[StatedFit]:
    """Each fit in the terms of every loss that it stands for and either reduction."""
    for fit in ranked:
        for loss in [loss for loss in Loss if same_up_to_a_factor(loss, fit.implied.loss)]:
            for reduction in Reduction:
                yield StatedFit(fit, loss, reduction, *fit.implied.decays(loss, reduction))


def implied_lines(ranked: list[Fit]) -> list[str]:
    """The best fits as a table, a loss a line, and the options that state the first; at most 80 columns."""
    rows: list[tuple[str, ...]] = [("unexplained", "loss", "B for the sum", "for the mean", "biases")]
    for fit in ranked[:SHOWN]:
        ways = list(every_way([fit]))
        for by_sum, by_mean in zip(ways[::2], ways[1::2], strict=True):
            treatment = fit.implied.treatment
            left = f"{rounded(100 * fit.implied.residual, 2)} %"
            decays = [way.decay_words.replace(" (hidden)", "").replace(" (output)", "") for way in (by_sum, by_mean)]
            rows.append((left, str(by_sum.loss), *decays, _short(treatment)))
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return [*lines, *_reading(ranked[0])]


def _short(treatment: Treatment) -> str:
    """`hidden free, output penalized`."""
    layers = (("hidden", treatment.hidden), ("output", treatment.output))
    return ", ".join(f"{layer} {way}" for layer, way in layers if way is not Bias.NONE) or "none"


def _reading(best: Fit) -> list[str]:
    if not best.plausible:
        return ["none of them is near enough to stationary to tell what was minimised"]
    ways = [way.options for way in every_way([best])]
    if ways[0] is None:
        return ["no options state the first of them: a model's file or a certify.toml can"]
    return ["options for the first of them, if it is what was trained:", *(f"  {way}" for way in ways if way)]
