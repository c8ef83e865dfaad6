"""A loss that is added up within each batch: what was minimised depends on the size of the batches (docs/formats.md, section 3)."""

from __future__ import annotations

import math
from typing import Any

from certify.decide.doubt import Suggestion
from certify.problem.implied import Treatment, same_up_to_a_factor
from certify.problem.objective import Objective
from certify.report.numbers import rounded
from certify.report.stated_fit import StatedFit

_USUAL = 32  # of Keras's fit
_SLACK = 0.02  # relative error of a number of batches; more where the weights are less near stationary
_RULE = (
    "Keras adds the loss up within each batch, so n samples in batches of b are fitted with n/b times the file's decay"
)


def batches(
    objective: Objective, treatment: Treatment, samples: int, suggestion: Suggestion | None
) -> tuple[str, dict[str, Any]]:
    """Message and figures for a Keras file with reduction "sum" whose own decay does not fit the weights.

    Every step has the whole penalty and a batch's part of the loss: in an epoch of ceil(n/b) steps the loss is met once.
    """
    fit = None if suggestion is None else suggestion.fit
    if fit is not None and fit.implied.treatment == treatment and same_up_to_a_factor(fit.implied.loss, objective.loss):
        decays = fit.implied.decays(objective.loss, objective.reduction)
        found = StatedFit(fit, objective.loss, objective.reduction, *decays)
        factor = found.hidden_decay / objective.hidden_decay
        size = batch_size(factor, samples, max(_SLACK, 3 * fit.implied.residual))
        if size is not None and fit.activation == "relu":
            message = f"these weights look like batches of {size}: {_RULE}, here {rounded(factor, 2)} times"
            told = f"; {found.options} states what was minimised" if found.options else ""
            figures = {"samples": samples, "batch_size": size, "factor": factor, **found.as_dict()}
            return message + told, {**figures, "options": found.options}
    number = -(-samples // _USUAL)
    usual = (
        f"for the usual {_USUAL} and n = {samples}, {number} times: --weight-decay {number * objective.hidden_decay:g}"
    )
    figures = {"samples": samples, "batch_size": None, "factor": None, "options": None}
    return f"{_RULE} ({usual}); the weights do not fit the decay of the file as it stands", figures


def batch_size(factor: float, samples: int, slack: float) -> int | None:
    """The b for which n samples make `factor` batches, up to a relative slack; a usual one where several do, None where none does."""
    if not 1 + slack < factor <= samples:
        return None
    fewest = factor * (1 - slack) - 1  # ceil(n/b) batches are less than n/b + 1
    first, last = math.floor(samples / factor / (1 + slack)), math.ceil(samples / fewest) + 1 if fewest > 0 else samples
    sizes = [b for b in range(max(1, first), min(last, samples)) if _fits(b, factor, samples, slack)]
    powers = [b for b in sizes if b & (b - 1) == 0]
    tens = [b for b in sizes if b % 10 == 0]
    if _USUAL in sizes:
        return _USUAL
    return next(iter(powers or tens or sorted(sizes, key=lambda b: abs(samples / b - factor))), None)


def _fits(size: int, factor: float, samples: int, slack: float) -> bool:
    return any(abs(number / factor - 1) <= slack for number in (-(-samples // size), samples / size))
